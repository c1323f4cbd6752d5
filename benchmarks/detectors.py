"""Detectors by engine: speed, and agreement with the first detector on its first engine."""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.models import OWN_DETECTOR, PUBLISHED_DETECTOR
from rcnn.commands.arguments import Parser, add_gpu, positive
from rcnn.config import config
from rcnn.errors import InputError, run_script
from rcnn.exports.comparison import agreement
from rcnn.exports.convert import convert
from rcnn.exports.variants import make_variant
from rcnn.faces.detectors.single_stage import Detector
from rcnn.faces.load import load_detector
from rcnn.faces.types import Faces
from rcnn.networks.checkpoint.cascade import is_cascade
from rcnn.networks.engine import CPU, FP16, INT8, choose_device
from rcnn.networks.engine.onnx_graph import is_onnx

ACROSS = 3  # photographs per frame, side by side
BATCH = 8  # frames


@dataclass(frozen=True)
class Row:
    """A detector on an engine.

    model : argument of `load_detector`
    name, engine : for the table
    """

    name: str
    engine: str
    model: str


def frames_of(folder: str, crowd: str, count: int) -> np.ndarray:
    """Frames (n, 480, 888, 3) uint8 with photographs in a row, and one of a crowd if that picture exists."""
    width, height = config.FRAME.CANVASES[0]
    side = width // ACROSS
    paths = sorted(Path(folder).glob("*/*.jpg"))
    if len(paths) < count * ACROSS:
        raise InputError(f"--faces {folder}: contains {len(paths)} photographs PERSON/*.jpg, needs {count * ACROSS}")
    chosen = paths[:: len(paths) // (count * ACROSS)][: count * ACROSS]
    frames = np.full((count, height, width, 3), 90, np.uint8)
    for number, path in enumerate(chosen):
        left, top = number % ACROSS * side, (height - side) // 2
        frames[number // ACROSS, top : top + side, left : left + side] = cv2.resize(cv2.imread(str(path)), (side, side))
    picture = cv2.imread(crowd) if crowd else None
    return frames if picture is None else np.concatenate([frames, cv2.resize(picture, (width, height))[None]])


def rows_of(model: str, folder: Path, device: int, variants: str | None) -> Iterator[Row]:
    """All engines for a detector, including its conversions to ONNX."""
    name = Path(model.rpartition(",")[0] or model).name
    onnx_engine = "openvino" if device == CPU else "onnxruntime"
    onnx = model
    if not is_onnx(model):
        for engine in ("openvino", "torch") if device == CPU else ("torch",):
            yield Row(name, engine, model)
        if is_cascade(model):
            return
        onnx = str(folder / f"{name}.onnx")
        quietly(convert, model, onnx)
    for engine in ("openvino", "onnxruntime") if device == CPU else ("onnxruntime",):
        yield Row(f"{name} ONNX", engine, onnx)
    for precision in (FP16, INT8) if variants else ():
        made = str(folder / f"{Path(name).stem}-{precision}.onnx")
        quietly(make_variant, onnx, made, precision, variants, PUBLISHED_DETECTOR)
        yield Row(f"{name} {precision}", onnx_engine, made)


def quietly(function, *arguments):
    """Call a function with its output suppressed."""
    with contextlib.redirect_stdout(io.StringIO()):
        return function(*arguments)


def timed(detector: Detector, frames: np.ndarray, repeats: int) -> tuple[list[Faces], float]:
    """The faces of each frame, and the frames per second of the fastest round."""
    found = detector.detect(frames, batch_size=BATCH)  # compiles; not counted
    fastest = np.inf
    for _ in range(repeats):
        started = time.perf_counter()
        found = detector.detect(frames, batch_size=BATCH)
        fastest = min(fastest, time.perf_counter() - started)
    return found, len(frames) / fastest


def main() -> None:
    parser = Parser(__doc__, "python benchmarks/detectors.py --gpu -1 --models ./model/essh-m25,0 ./model/det_10g.onnx")
    add = parser.add_argument
    add("--models", nargs="+", default=[PUBLISHED_DETECTOR, OWN_DETECTOR], metavar="MODEL", help="detectors")
    add("--faces", default="../shared/faces", metavar="DIR", help="folder of PERSON/*.jpg")
    add("--crowd", default="../shared/images/t1.jpg", metavar="FILE", help="one more picture")
    add("--frames", default=24, type=positive, metavar="N", help=f"frames of {ACROSS} photographs each")
    add("--repeats", default=3, type=positive, metavar="N", help="rounds; the fastest counts")
    add("--variants", metavar="DIR", help="folder of pictures; also test float16 and 8 bits, calibrated on them")
    add("--published", type=Path, metavar="DIR", help="folder of published detectors; print only their table")
    add("--videos", type=Path, default=Path("../shared/realvideo"), metavar="DIR", help="for --published")
    add_gpu(parser)
    args = parser.parse_args()
    device = choose_device(args.gpu)
    if args.published is not None:
        from published import models_in, table

        models = [*models_in(args.published), PUBLISHED_DETECTOR]
        table(models, Path(args.crowd), args.videos, args.frames, OWN_DETECTOR)
        return
    frames = frames_of(args.faces, args.crowd, args.frames)
    wanted: list[Faces] | None = None
    with tempfile.TemporaryDirectory() as folder:
        print(f"{len(frames)} frames of {frames.shape[2]}x{frames.shape[1]}, batches of {BATCH}")
        print(
            f"{'detector':<22}{'engine':<14}{'frames/s':>9}{'faces':>7}{'found %':>9}{'others':>8}{'landmarks %':>13}"
        )
        for model in args.models:
            for row in rows_of(model, Path(folder), device, args.variants):
                detector = quietly(lambda row=row: load_detector(row.model, device, engine=row.engine))
                found, speed = timed(detector, frames, args.repeats)
                wanted = wanted or found
                same = agreement(found, wanted)
                print(
                    f"{row.name:<22}{row.engine:<14}{speed:>9.1f}{sum(map(len, found)):>7}{100 * same.share:>9.1f}"
                    f"{same.others:>8}{same.landmarks:>13.3f}",
                    flush=True,
                )


if __name__ == "__main__":
    run_script(main)
