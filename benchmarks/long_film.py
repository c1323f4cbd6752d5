"""A long film joined from real videos: time to plan its pieces, faces found, memory, and cuts found.

python benchmarks/long_film.py --output output/long-film --minutes 180

The film and its cut times are created once and kept in --output. Requires ffmpeg.
"""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
import time
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.appearances.videos import MODELS
from rcnn.clips.dataset import TEST, Clip
from rcnn.commands.arguments import Parser, positive
from rcnn.errors import InputError, run_script
from rcnn.faces.load import load_detector, load_embedder
from rcnn.networks.engine import CPU
from rcnn.stages.face_finder import ClipFaceFinder
from rcnn.video.decoder import FrameDecoder
from rcnn.video.pieces import plan_pieces
from rcnn.video.shots import Shots
from rcnn.video.types import FrameItems, Frames
from rcnn.workers.progress import progress

RATE = Fraction(8)  # sampled frames per second, as in --recipe best
FPS, SIZE = 25, (320, 180)
SHOT_SECONDS = (2.0, 15.0)
LEAST_SHOT = 0.5  # minimum seconds of a shot
SEED = 0
MIB = 1 << 10  # KiB, the unit of Linux


class Watcher:
    """A decoder that records detected cuts and its memory use."""

    def __init__(self) -> None:
        self.decoder = FrameDecoder()
        self.cuts: list[float] = []
        self.looks = 0
        self.peak = 0

    def read_frames(self, *request) -> Frames:
        return Frames(self._items(*request))

    def _items(self, *request) -> FrameItems:
        shots, times = Shots(), []
        frames = self.decoder.read_frames(*request)
        yield frames.info
        for frame in frames:
            shots.add(frame.image)
            times.append(frame.time)
            yield frame
        self.looks += len(times)
        numbers = shots.numbers()
        found = [times[place] for place in range(1, len(times)) if numbers[place] > numbers[place - 1]]
        self.cuts += [cut for cut in found if cut not in self.cuts]  # a second pass finds them again
        self.peak = max(self.peak, peak(self.decoder._process.pid))
        return frames.info


def peak(process: int | str = "self") -> int:
    """Peak memory of a process so far, KiB."""
    with open(f"/proc/{process}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def make_film(source: Path, folder: Path, minutes: int) -> tuple[Path, list[float]]:
    """Create the film; returns it and the times of its cuts in seconds."""
    film, cuts = folder / f"{minutes}.mp4", folder / f"{minutes}.json"
    if film.exists() and cuts.exists():
        return film, json.loads(cuts.read_text())
    folder.mkdir(parents=True, exist_ok=True)
    with open(source / "manifest.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["person"] and float(row["seconds"]) > SHOT_SECONDS[0]]
    plain = [_plain(source / row["file"], folder / f"plain-{number}.mp4") for number, row in enumerate(rows)]
    rng = random.Random(SEED)
    at, lines, found, last = 0.0, [], [], -1
    while at < minutes * 60:
        number = rng.choice([number for number in range(len(rows)) if rows[number]["person"] != _person(rows, last)])
        room = float(rows[number]["seconds"])
        seconds = round(min(rng.uniform(*SHOT_SECONDS), room) * FPS) / FPS
        start = round(rng.uniform(0, room - seconds) * FPS) / FPS
        lines.append(f"file {plain[number].name}\ninpoint {start:.3f}\noutpoint {start + seconds:.3f}\n")
        found.append(at)
        at, last = at + seconds, number
    (folder / "list.txt").write_text("ffconcat version 1.0\n" + "".join(lines))
    # the parts consist of key frames, so that joining is exact; the film is encoded normally
    _run("-f", "concat", "-i", folder / "list.txt", "-r", FPS, *_coded("-g 250"), folder / "making.mp4")
    (folder / "making.mp4").replace(film)
    cuts.write_text(json.dumps(found[1:]))
    return film, found[1:]


def _person(rows: list[dict[str, str]], number: int) -> str:
    return rows[number]["person"] if number >= 0 else ""


def _plain(video: Path, target: Path) -> Path:
    """Convert a video to the size and rate of the film, with key frames only."""
    if not target.exists():
        width, height = SIZE
        shape = (
            f"fps={FPS},scale={width}:{height}:force_original_aspect_ratio=decrease,pad={width}:{height}:-1:-1,setsar=1"
        )
        _run("-i", video, "-vf", shape, *_coded("-g 1"), target.with_suffix(".part.mp4"))
        target.with_suffix(".part.mp4").replace(target)
    return target


def _coded(options: str) -> list[str]:
    return f"-an -c:v libx264 -preset veryfast -crf 23 -pix_fmt yuv420p -threads 1 {options}".split()


def _run(*arguments: object) -> None:
    done = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)], capture_output=True)
    if done.returncode:
        raise InputError(f"ffmpeg failed: {done.stderr.decode(errors='replace').strip()[-300:]}")


def matched(found: list[float], known: list[float], borders: list[float]) -> tuple[int, int, int]:
    """Numbers of known cuts found or at piece borders, of false cuts, and of known cuts at piece borders.

    A cut is detected at the first sampled frame after it.
    """
    late = float(1 / RATE) + 1 / FPS
    ends = [(cut, cut + late) for cut in known]
    hit = sum(any(low - 1 / FPS <= cut <= high for cut in found + borders) for low, high in ends)
    wrong = sum(not any(low - 1 / FPS <= cut <= high for low, high in ends) for cut in found)
    return hit, wrong, sum(any(low - 1 / FPS <= cut <= high for cut in borders) for low, high in ends)


def main() -> None:
    parser = Parser(__doc__, "python benchmarks/long_film.py --output output/long-film --minutes 180")
    add = parser.add_argument
    add("--videos", type=Path, default=Path("../shared/realvideo"), metavar="DIR", help="PERSON/*.mp4, manifest.csv")
    add("--output", type=Path, required=True, metavar="DIR", help="folder for the film")
    add("--minutes", type=positive, default=180, metavar="N", help="length of the film")
    add("--pair", default="ours", metavar="NAME", help=f"model pair: {', '.join(MODELS)}")
    args = parser.parse_args()
    film, known = make_film(args.videos, args.output, args.minutes)
    plan_pieces(str(film))  # starts the planning process
    began = time.monotonic()
    pieces = plan_pieces(str(film))
    print(f"planned {len(pieces)} pieces in {time.monotonic() - began:.2f} s")
    models, watcher = MODELS[args.pair], Watcher()
    finder = ClipFaceFinder(
        load_detector(models.detector, CPU),
        load_embedder(models.embedding, CPU),
        1,
        models.quality,
        every=True,
        rate=RATE,
        source=lambda: watcher,
    )
    began, faces, tracks, unreadable = time.monotonic(), 0, 0, []
    peaks, spent, looks = [], [time.process_time()], [0]
    for number, (start, end) in enumerate(progress(pieces, what="pieces", unit="piece")):
        (found,) = finder([Clip(f"piece_{number:05d}", str(film), TEST, start=start, end=end)])
        faces += len(found.faces)
        tracks += len(set(found.faces.tracks.tolist()))
        unreadable += [found.unreadable] * bool(found.unreadable)
        peaks.append(peak())
        spent.append(time.process_time())
        looks.append(watcher.looks)
    seconds = time.monotonic() - began
    thirds = [peaks[min(len(peaks) - 1, len(peaks) * third // 3)] // MIB for third in range(4)]
    parts = [len(pieces) * third // 3 for third in range(4)]
    each = [1000 * (spent[b] - spent[a]) / max(looks[b] - looks[a], 1) for a, b in pairwise(parts)]
    hit, wrong, borders = matched(watcher.cuts, known, [start for start, _ in pieces[1:]])
    print(
        f"{args.minutes} minutes: {watcher.looks} sampled frames, {faces} faces, {tracks} tracks of pieces in "
        f"{seconds:.0f} s"
    )
    print(f"processor time of a frame, without decoding, in each third: {', '.join(f'{part:.1f}' for part in each)} ms")
    print(f"unreadable pieces: {len(unreadable)} {' '.join(sorted(set(unreadable)))}")
    print(f"peak memory after a piece, a third, two thirds and all: {thirds} MiB; decoder {watcher.peak // MIB} MiB")
    print(f"cuts: {hit} of {len(known)} known are found ({borders} of them lie at borders of pieces), {wrong} are none")


if __name__ == "__main__":
    run_script(main)
