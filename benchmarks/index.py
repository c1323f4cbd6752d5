"""Time, memory, disk use and recall of an index of synthetic tracks. Features are generated when they are read.

python benchmarks/index.py --tracks 1000000 --output FOLDER
"""

from __future__ import annotations

import os
import resource
import shutil
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from made_faces import TRACKS_A_CLIP, MadeFaces

from rcnn.commands.arguments import Parser, numbers, positive
from rcnn.errors import InputError, run_script
from rcnn.search import candidates
from rcnn.search.building import build_index
from rcnn.search.index import SearchIndex, index_path, open_index
from rcnn.workers.pipeline import cores, ordered_map

COUNT = 100  # clips to find
DEPTH = COUNT * TRACKS_A_CLIP  # tracks searched for them
COLD = 3  # searches after clearing the disk cache
MB = 1e6


def build(path: Path, tracks: int, width: int, seed: int) -> None:
    """Build the index, in a separate process, and print the cost."""
    started, worked = time.monotonic(), time.process_time()
    reader = MadeFaces(path, tracks, width, seed)
    built = build_index(reader)  # type: ignore[arg-type]
    seconds, processor = time.monotonic() - started, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    sizes = [file.stat().st_size for file in Path(built.path).rglob("*")]
    print(
        f"build: {built.new_rows} new tracks, {seconds:.1f} s ({processor:.1f} s of processor, of which making the "
        f"vectors {reader.seconds:.1f}), peak {peak / MB:.0f} MB; {sum(sizes) / MB:.0f} MB in {len(sizes)} files",
        flush=True,
    )


def truth(reader: MadeFaces, photographs: np.ndarray) -> list[set[str]]:
    """The clips most similar to each photograph, by exhaustive comparison."""

    def compare(name: str) -> tuple[np.ndarray, np.ndarray]:
        cosines = photographs @ reader.vectors(int(name)).T
        best = np.argpartition(-cosines, min(DEPTH, cosines.shape[1]) - 1)[:, :DEPTH]
        return np.take_along_axis(cosines, best, 1), best + int(name)

    found = list(ordered_map(compare, reader.parts, cores(), cores() + 1))
    cosines, rows = (np.concatenate(each, 1) for each in zip(*found, strict=True))
    order = np.argsort(-cosines, 1, kind="stable")
    clips = [dict.fromkeys((mine[best] // TRACKS_A_CLIP).tolist()) for mine, best in zip(rows, order, strict=True)]
    return [{f"IQIYI_VID_TEST_{clip:08d}.mp4" for clip in list(each)[:COUNT]} for each in clips]


def opened(reader: MadeFaces) -> SearchIndex:
    found = open_index(reader)  # type: ignore[arg-type]
    if not isinstance(found, SearchIndex):
        raise InputError(f"{reader.path}: {found}")
    return found


def forget(folder: str) -> None:
    """Remove the files of a folder from the disk cache."""
    for file in Path(folder).rglob("*"):
        if file.is_file():
            with file.open("rb") as open_file:
                os.posix_fadvise(open_file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def measure(reader: MadeFaces, photographs: np.ndarray, right: list[set[str]], name: str) -> None:
    """Print time and recall of searches."""
    began = time.monotonic()
    index = opened(reader)
    opening = time.monotonic() - began
    seconds, processor, recalls = [], [], []
    for photograph, best in zip(photographs, right, strict=True):
        began, worked = time.monotonic(), time.process_time()
        places = index.search(photograph, COUNT).places
        seconds.append(time.monotonic() - began)
        processor.append(time.process_time() - worked)
        recalls.append(len(best & {place.clip for place in places[:COUNT]}) / len(best))
    count = max(candidates.CANDIDATES, candidates.A_CLIP * COUNT)
    there, others = np.mean(recalls[::2]), np.mean(recalls[1::2])
    print(
        f"{name}: {count} candidates, recall@{COUNT} {np.mean(recalls):.4f} (people who are there {there:.4f}, others "
        f"{others:.4f}, worst {min(recalls):.2f}); opening {opening:.3f} s, search median {np.median(seconds):.3f} s "
        f"({np.median(processor):.3f} s of processor), slowest {max(seconds):.3f} s",
        flush=True,
    )


def main() -> None:
    parser = Parser(__doc__.splitlines()[0], "python benchmarks/index.py --tracks 1000000 --output FOLDER")
    parser.add_argument("--tracks", type=positive, default=1_000_000, metavar="N", help="tracks to search among")
    parser.add_argument("--width", type=positive, default=512, metavar="D", help="length of a vector")
    parser.add_argument("--photographs", type=positive, default=100, metavar="N", help="searches per setting")
    parser.add_argument("--candidates", type=numbers, default=(), metavar="N[,N...]", help="candidates to compare with")
    parser.add_argument("--seed", type=positive, default=1, metavar="N", help="seed of the people")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the index, which is not deleted")
    parser.add_argument("--remove", action="store_true", help="remove the index at the end")
    args = parser.parse_args()
    path = Path(args.output) / f"made{args.tracks}x{args.width}"
    maker = get_context("spawn").Process(target=build, args=(path, args.tracks, args.width, args.seed))
    maker.start()  # in a separate process, to separate the memory peaks
    maker.join()
    if maker.exitcode:
        raise InputError(f"{path}: the index could not be made")
    reader = MadeFaces(path, args.tracks, args.width, args.seed)
    choose, check = (reader.photographs(args.photographs, seed) for seed in (1, 2))
    began = time.monotonic()
    right = truth(reader, np.concatenate([choose, check]))
    print(f"truth: {2 * args.photographs} photographs, {time.monotonic() - began:.1f} s", flush=True)
    usual = candidates.CANDIDATES, candidates.A_CLIP
    for count, a_clip in [*((int(count), 0) for count in args.candidates), usual]:
        candidates.CANDIDATES, candidates.A_CLIP = count, a_clip
        measure(reader, choose, right[: len(choose)], "choosing")
    measure(reader, check, right[len(choose) :], "checking")
    for number in range(COLD):
        forget(index_path(reader.path))
        began = time.monotonic()
        opened(reader).search(check[number], COUNT)
        print(f"cold: {time.monotonic() - began:.3f} s", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"peak memory of this process, with the vectors of {cores()} parts for the truth: {peak / MB:.0f} MB")
    if args.remove:
        shutil.rmtree(path)
        shutil.rmtree(index_path(str(path)))


if __name__ == "__main__":
    run_script(main)
