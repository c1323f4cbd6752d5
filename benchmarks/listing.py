"""Seconds that detect.py spends to record its clips with sizes and times.

    python -m benchmarks.listing --output ./output/listing

Lists a data set of empty files with and without sizes and times, in turns, and computes the digest.
"""

from __future__ import annotations

import time
from pathlib import Path

from rcnn.clips.dataset import FOLDERS, NAMES_FILE, TEST, list_clips
from rcnn.commands.arguments import FILES, METHOD, Parser, positive
from rcnn.errors import run_script
from rcnn.tables.listing import Listing

TRIES = 3  # the fastest counts


def write_data(root: Path, clips: int) -> None:
    folder = root / FOLDERS[TEST].replace("*", "1")
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"IQIYI_VID_TEST_{number:07d}.mp4" for number in range(clips)]
    for name in names:
        (folder / name).touch()
    (root / NAMES_FILE).parent.mkdir(exist_ok=True)
    (root / NAMES_FILE).write_text("".join(f"{name}\n" for name in names))


def main() -> None:
    parser = Parser(__doc__.splitlines()[0], "python -m benchmarks.listing --clips 1000")
    parser.group(FILES)("--output", default="./output/listing", metavar="DIR", help="folder for the data set")
    parser.group(METHOD)("--clips", default=100_000, type=positive, metavar="N", help="clips in the data set")
    args = parser.parse_args()
    root = Path(args.output)
    write_data(root, args.clips)
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(TRIES):
        for marked in seconds:
            started = time.perf_counter()
            clips = list_clips(str(root), TEST, marked=marked)
            seconds[marked].append(time.perf_counter() - started)
    plain, marked_ = min(seconds[False]), min(seconds[True])
    clips = list_clips(str(root), TEST, marked=True)
    started = time.perf_counter()
    Listing.of(clips)
    made = time.perf_counter() - started
    print(f"{len(clips)} clips: listed in {plain:.2f} s, with sizes and times in {marked_:.2f} s")
    print(f"digest made in {made:.2f} s")


if __name__ == "__main__":
    run_script(main)
