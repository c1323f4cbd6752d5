"""Cost of extending a stage directory: seconds, megabytes per second and memory, without processing any clip.

    python -m benchmarks.growth --clips 100000 --output ./output/growth

Writes a detect directory of random crops, then adds one clip without faces per hundred clips.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from rcnn.clips.dataset import Clip
from rcnn.commands.arguments import FILES, METHOD, Parser, positive
from rcnn.errors import run_script
from rcnn.tables import FACES_SCHEMA, NO_FACE, OK, Listing, StageWriter, vector_array
from rcnn.tables.schema import POINT_NUMBERS

GROUP = 100  # clips written together
MARKS = ("name", "split", "size")
KIB = 1 << 10


def clips_of(count: int, grown: bool) -> list[Clip]:
    """Clips sorted by name; if `grown`, with a new one after every hundredth."""
    old = (Clip(f"{number:07d}.mp4", "", "test", 1) for number in range(count))
    new = (Clip(f"{number:07d}a.mp4", "", "test", 1) for number in range(0, count, GROUP) if grown)
    return sorted([*old, *new], key=lambda clip: clip.name)


def row_of(clip: Clip, faces: int) -> dict[str, object]:
    state = OK if faces else NO_FACE
    return {
        "name": clip.name,
        "split": clip.split,
        "size": 1,
        "state": state,
        "reason": "",
        "frames": 9,
        "faces": faces,
    }


def faces_of(clips: list[Clip], faces: int, size: int, noise: bytes) -> Iterator[pa.RecordBatch]:
    names = [clip.name for clip in clips for _ in range(faces)]
    count = len(names)
    starts = np.random.default_rng(0).integers(0, len(noise) - size, count).tolist()
    numbers = np.zeros(count, np.float32)
    columns = [
        *(pa.array(names), pa.array(["test"] * count), pa.array(numbers.astype(np.int32)), pa.array(np.zeros(count))),
        *(pa.array(numbers), pa.array(numbers), vector_array(np.zeros((count, 4)))),
        *(vector_array(np.zeros((count, POINT_NUMBERS))), pa.array([noise[start : start + size] for start in starts])),
    ]
    yield pa.RecordBatch.from_arrays(columns, schema=FACES_SCHEMA)


def write(path: str, count: int, faces: int, size: int) -> None:
    noise = np.random.default_rng(0).bytes(1 << 24)
    clips = clips_of(count, False)
    with StageWriter(path, "detect", FACES_SCHEMA, listing=Listing.of(clips), overwrite=True) as writer:
        for start in range(0, count, GROUP):
            group = clips[start : start + GROUP]
            writer.add_clips([row_of(clip, faces) for clip in group])
            for batch in faces_of(group, faces, size, noise):
                writer.add_rows(batch)
            writer.save()


def grow(path: str, count: int) -> None:
    started = time.perf_counter()
    clips = clips_of(count, True)
    with StageWriter(path, "detect", FACES_SCHEMA, listing=Listing.of(clips)) as writer:
        kept = writer.kept(((clip.name, clip.split, clip.size) for clip in clips), MARKS)
        compared = time.perf_counter() - started
        new = [clip for clip, known in zip(clips, kept.known, strict=True) if not known]
        for clip in [*new, None]:
            for some, rows in kept.until(None if clip is None else clip.name):
                writer.add_clips(some)
                for batch in rows:
                    writer.add_rows(batch)
                writer.save()
            if clip is not None:
                writer.add_clips([row_of(clip, 0)])
                writer.save()
    seconds = time.perf_counter() - started
    size = sum(file.stat().st_size for file in Path(path).rglob("*.parquet"))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB
    print(f"{count} clips: {kept}; compared in {compared:.1f} s, all in {seconds:.1f} s, ", end="")
    print(f"{size / 1e6:.0f} MB, {size / 1e6 / seconds:.0f} MB/s, {memory / 1e6:.0f} MB of memory at most")


def main() -> None:
    parser = Parser(__doc__.splitlines()[0], "python -m benchmarks.growth --clips 1000")
    parser.group(FILES)("--output", default="./output/growth", metavar="DIR", help="folder for the directory")
    group = parser.group(METHOD)
    group("--clips", default=100_000, type=positive, metavar="N", help="initial number of clips")
    group("--faces", default=10, type=positive, metavar="N", help="faces per clip")
    group("--crop", default=1000, type=positive, metavar="BYTES", help="size of a crop; real ones have 3,000 to 5,000")
    group("--part", choices=("write", "grow"), help="run only this part, in this process")
    args = parser.parse_args()
    if args.part == "write":
        write(args.output, args.clips, args.faces, args.crop)
    elif args.part == "grow":
        grow(args.output, args.clips)
    else:
        for part in ("write", "grow"):  # separate processes, to measure memory
            command = [sys.executable, "-m", "benchmarks.growth", *sys.argv[1:], "--part", part]
            subprocess.run(command, check=True)
        shutil.rmtree(args.output)


if __name__ == "__main__":
    run_script(main)
