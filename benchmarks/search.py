"""Time and memory of an exhaustive search over clips with synthetic vectors; `index.py` measures the index.

python benchmarks/search.py --clips 600000 --width 512
"""

from __future__ import annotations

import resource
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa
from made_up import write_labels

from rcnn.clips.labels import read_labels_of
from rcnn.commands.arguments import Parser, positive
from rcnn.errors import run_script
from rcnn.faces.vectors import normalise
from rcnn.people.templates import Gallery
from rcnn.search import nearest, open_features
from rcnn.stages.search import TRIALS
from rcnn.tables import CLIPS_SCHEMA, StageWriter, features_schema, vector_array
from rcnn.tables.schema import unknown_source, unknown_video

BLOCK = 10_000  # clips written together
LABELS = 4934


def write(path: Path, clips: int, width: int) -> None:
    """A feature directory of random unit vectors, and the labels of its clips at `path`-labels."""
    generator = np.random.default_rng(0)
    schema = features_schema(width)
    known: dict[str, int] = {}
    with StageWriter(str(path), "feature", schema) as writer:
        for start in range(0, clips, BLOCK):
            count = min(BLOCK, clips - start)
            names = [f"IQIYI_VID_TRAIN_{number:07d}.mp4" for number in range(start, start + count)]
            labels = generator.integers(1, LABELS + 1, count).astype(np.int32)
            vectors = normalise(generator.normal(size=(count, width)).astype(np.float32))
            who = [pa.array(names), pa.array(["train"] * count)]
            writer.add_rows(pa.RecordBatch.from_arrays([*who, vector_array(vectors)], schema=schema))
            state = [pa.array(["ok"] * count), pa.array([""] * count)]
            counts = [pa.array(np.ones(count, np.int32))] * 2
            columns = [*who, *unknown_source(count), *state, *counts, *unknown_video(count)]
            writer.add_clips(pa.RecordBatch.from_arrays(columns, schema=CLIPS_SCHEMA))
            known.update(zip(names, labels.tolist(), strict=True))
    write_labels(f"{path}-labels", known)


def main() -> None:
    parser = Parser(__doc__.splitlines()[0], "python benchmarks/search.py --clips 600000")
    parser.add_argument("--clips", type=positive, default=600_000, metavar="N", help="clips to search among")
    parser.add_argument("--width", type=positive, default=512, metavar="D", help="length of a vector")
    parser.add_argument("--searches", type=positive, default=3, metavar="N", help="times")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        # in a separate process, so that the peak is that of the searches
        maker = get_context("spawn").Process(target=write, args=(Path(folder) / "feat", args.clips, args.width))
        maker.start()
        maker.join()
        wanted = np.random.default_rng(1).normal(size=args.width).astype(np.float32)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in range(args.searches):
            started, worked = time.monotonic(), time.process_time()
            labels = read_labels_of(f"{folder}/feat-labels")
            found = nearest(open_features([f"{folder}/feat"]), wanted, 100, labels=labels)
            print(
                f"search {number + 1}: {found.clips} x {args.width}, {time.monotonic() - started:.2f} s "
                f"({time.process_time() - worked:.2f} s of processor), best {found.matches[0].similarity:.4f}"
            )
        started, worked = time.monotonic(), time.process_time()
        gallery = Gallery.read([f"{folder}/feat"], read_labels_of(f"{folder}/feat-labels"))
        read, read_worked = time.monotonic(), time.process_time()
        gallery.trials(TRIALS)
        print(f"known people: {read - started:.2f} s ({read_worked - worked:.2f} s of processor)")
        print(
            f"trials of about {TRIALS} clips: {time.monotonic() - read:.2f} s "
            f"({time.process_time() - read_worked:.2f} s of processor)"
        )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(f"peak memory of the process: {peak / 1024:.0f} MB ({before / 1024:.0f} MB before the searches)")


if __name__ == "__main__":
    run_script(main)
