"""Cost of verifying the sha256 of every part before it is read: seconds, and share of a stage.

    python benchmarks/sums.py --output ./output/sums

Writes a detect directory of random bytes as crops and a feature directory, reads each with and without verification,
and compares the difference with the time in which `feature.py` embeds as many crops.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from unittest.mock import patch

import numpy as np
import pyarrow as pa

from rcnn.commands.arguments import FILES, METHOD, Parser, add_gpu, positive
from rcnn.errors import run_script
from rcnn.faces.load import load_embedder
from rcnn.networks.engine import choose_device
from rcnn.networks.zoo.roles import EMBEDDING, find_model
from rcnn.tables import FACES_SCHEMA, StageReader, StageWriter, features_schema, vector_array
from rcnn.tables.parts import Parts

FACES = 20  # per clip
CROP_BYTES = 3500  # mean size of detect.py's JPEGs
WIDTH = 512  # length of a vector
TRIES = 5  # the fastest counts
BATCH = 256  # crops embedded to measure the rate


def write_faces(path: str, clips: int) -> None:
    """Write a detect directory."""
    rng = np.random.default_rng(0)
    with StageWriter(path, "detect", FACES_SCHEMA, overwrite=True) as writer:
        for number in range(clips):
            who = {"name": f"{number:08d}.mp4", "split": "train"}
            face = {"time": 0.0, "score": 1.0, "quality": 20.0, "box": [0.0] * 4, "landmarks": [0.0] * 10}
            rows = [{**who, **face, "frame": f + 1, "crop": rng.bytes(CROP_BYTES)} for f in range(FACES)]
            writer.add_rows(pa.RecordBatch.from_pylist(rows, FACES_SCHEMA))
            writer.add_clips([{**who, "state": "ok", "reason": "", "frames": FACES, "faces": FACES}])


def write_features(path: str, clips: int) -> None:
    """Write a feature directory."""
    rng = np.random.default_rng(0)
    with StageWriter(path, "feature", features_schema(WIDTH), overwrite=True) as writer:
        for first in range(0, clips, 1000):
            names = [f"{number:08d}.mp4" for number in range(first, min(first + 1000, clips))]
            columns = [pa.array(names), pa.array(["train"] * len(names))]
            values = rng.normal(size=(len(names), WIDTH)).astype(np.float32)
            writer.add_rows(pa.RecordBatch.from_arrays([*columns, vector_array(values)], schema=writer.schema))
            who = {"split": "train", "state": "ok", "reason": "", "frames": 1, "faces": 1}
            writer.add_clips([{"name": name, **who} for name in names])


def fastest(action: Callable[[], None]) -> float:
    """Seconds of the fastest try."""
    times = []
    for _ in range(TRIES):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return min(times)


def read(path: str, stage: str) -> None:
    reader = StageReader(path, (stage,))
    for _ in reader.batches(rows=1024):
        pass


def compare(path: str, stage: str) -> tuple[float, float]:
    """Seconds to read a directory with and without verification."""
    checked = fastest(lambda: read(path, stage))
    with patch.object(Parts, "check", lambda self, part: None):
        return checked, fastest(lambda: read(path, stage))


def main() -> None:
    parser = Parser(__doc__.splitlines()[0], "python benchmarks/sums.py --clips 1000")
    parser.group(FILES)("--output", default="./output/sums", metavar="DIR", help="folder for the two directories")
    parser.group(METHOD)("--clips", default=2000, type=positive, metavar="N", help=f"clips of {FACES} faces each")
    add_gpu(parser)
    args = parser.parse_args()
    write_faces(f"{args.output}/det", args.clips)
    write_features(f"{args.output}/feat", FACES * args.clips)
    embedder = load_embedder(find_model(None, EMBEDDING), choose_device(args.gpu))
    crops = np.random.default_rng(0).integers(0, 256, (BATCH, 112, 112, 3), np.uint8)
    embedding = fastest(lambda: embedder.embed(list(crops))) / BATCH * FACES * args.clips
    for stage, folder in (("detect", "det"), ("feature", "feat")):
        checked, plain = compare(f"{args.output}/{folder}", stage)
        line = f"{stage}: read in {checked:.3f} s, without the sums in {plain:.3f} s, {checked / plain:.2f} times"
        if stage == "detect":
            line += (
                f"; {100 * (checked - plain) / embedding:.2f}% of the {embedding:.1f} s that the faces take to embed"
            )
        print(line)


if __name__ == "__main__":
    run_script(main)
