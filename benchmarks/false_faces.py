"""Detections in real videos, and how many of them are false, according to two published detectors.

The people reserved for tuning are split in two: frames of one half are training data of our own detector (`--teaching`
prints their folders for `python -m rcnn train-detector --videos`), frames of the other half are evaluated. One frame
per second is sampled, at the frame size of the pipeline. A detection is confirmed if one of the referees also finds it
at a low threshold. Faces that all referees find and a detector does not are missed. A referee under test is judged by
the other referees alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rcnn.cython.boxes import overlaps

from benchmarks.models import OWN_DETECTOR, PUBLISHED_DETECTOR
from benchmarks.ranking.people import CHOOSING, by_chance, read_videos, sides_of_videos
from rcnn.commands.arguments import Parser, add_gpu
from rcnn.config import config
from rcnn.errors import InputError, UnreadableError, run_script
from rcnn.faces.detectors.single_stage import Detector
from rcnn.faces.load import load_detector
from rcnn.faces.types import Faces
from rcnn.networks.engine import choose_device
from rcnn.video.frames import read_frames

WIDTH, HEIGHT = config.FRAME.CANVASES[0]
FRAMES_A_SECOND = 1
SECONDS = 30.0  # sampled from the start of a video
LOW = 0.2  # threshold of a confirming referee
SURE = 0.5  # threshold of the referees for a missed face
SAME = 0.3  # intersection over union from which two detections are the same face
LEAST_MISSED = 24.0  # pixels, minimum size of a missed face
BATCH = 8
TILE = 112  # pixels, tile size on a sheet


@dataclass
class Row:
    """Results of a detector: faces, confirmed ones, missed ones, and pictures of the unconfirmed ones."""

    faces: int = 0
    confirmed: int = 0
    missed: int = 0
    referred: int = 0  # faces found by all referees at the higher threshold
    others: list[tuple[float, np.ndarray]] | None = None

    def line(self, name: str) -> str:
        wrong = self.faces - self.confirmed
        return f"{name:<24}{self.faces:>8}{self.confirmed:>11}{wrong:>15}{self.missed:>8} of {self.referred}"


def halves(folder: Path) -> tuple[list[str], list[str]]:
    """The people reserved for tuning, split into those for training and those for evaluation."""
    sides = sides_of_videos(read_videos(folder))
    order = by_chance((person for person, side in sides.items() if side == CHOOSING), "detector")
    return sorted(order[::2]), sorted(order[1::2])


def frames_of(folder: Path, people: Sequence[str]) -> Iterator[np.ndarray]:
    """Frames (H, W, 3) uint8, BGR, scaled to the pipeline's canvas."""
    for person in people:
        for video in sorted((folder / person).iterdir()):
            try:
                for frame in read_frames(str(video), rate=FRAMES_A_SECOND, end=SECONDS):
                    height, width = frame.image.shape[:2]
                    scale = min(WIDTH / width, HEIGHT / height)
                    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
                    yield cv2.resize(frame.image, None, fx=scale, fy=scale, interpolation=method)
            except UnreadableError as error:
                print(f"{video}: {error}; left out")


def seen_by(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(n,) bool: the boxes (n, 4) overlapped by one of the others by `SAME`."""
    if not len(boxes) or not len(others):
        return np.zeros(len(boxes), bool)
    return overlaps(np.ascontiguousarray(boxes), np.ascontiguousarray(others)).max(1) >= SAME


def count(row: Row, image: np.ndarray, found: Faces, referees: Sequence[Faces]) -> None:
    """Add a detector's results for a frame to its row."""
    low = np.concatenate([faces.boxes for faces in referees])
    confirmed = seen_by(found.boxes, low)
    row.faces += len(found)
    row.confirmed += int(confirmed.sum())
    first, *rest = (faces.boxes[faces.scores >= SURE] for faces in referees)
    first = first[np.sqrt((first[:, 2:] - first[:, :2] + 1).prod(1)) >= LEAST_MISSED]
    for boxes in rest:
        first = first[seen_by(first, boxes)]
    row.referred += len(first)
    row.missed += int((~seen_by(first, found.boxes)).sum())
    assert row.others is not None
    row.others += [(float(found.scores[n]), tile(image, found.boxes[n])) for n in np.flatnonzero(~confirmed)]


def tile(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    """A face with a margin of its own size, (TILE, TILE, 3)."""
    centre, half = (box[:2] + box[2:]) / 2, max(box[2] - box[0], box[3] - box[1]) + 1
    matrix = np.array([[1, 0, half - centre[0]], [0, 1, half - centre[1]]]) * (TILE / (2 * half))
    return cv2.warpAffine(image, matrix, (TILE, TILE), flags=cv2.INTER_AREA)


def draw(path: Path, others: list[tuple[float, np.ndarray]], columns: int = 12) -> None:
    """Draw a sheet of unconfirmed detections, highest score first."""
    tiles = []
    for score, picture in sorted(others, key=lambda item: -item[0]):
        tiles.append(picture.copy())
        cv2.putText(tiles[-1], f"{score:.2f}", (2, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 255, 255), 1)
    tiles += [np.zeros((TILE, TILE, 3), np.uint8)] * (-len(tiles) % columns)
    if tiles:
        cv2.imwrite(str(path), np.vstack([np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]))


def main() -> None:
    referees = ["../shared/models/scrfd_2.5g_bnkps.onnx", PUBLISHED_DETECTOR]
    parser = Parser(__doc__, "python benchmarks/false_faces.py --gpu -1")
    add = parser.add_argument
    add("--models", nargs="+", default=[OWN_DETECTOR, PUBLISHED_DETECTOR], metavar="MODEL", help="detectors")
    add("--referees", nargs="+", default=referees, metavar="MODEL", help="detectors that confirm detections")
    add("--videos", type=Path, default=Path("../shared/realvideo"), metavar="DIR", help="folder with manifest.csv")
    add("--teaching", action="store_true", help="only print the folders of the training videos")
    add("--threshold", type=float, default=config.ESSH.THRESHOLD, metavar="P", help="score threshold of the detectors")
    add("--draw", type=Path, metavar="DIR", help="existing folder for sheets of unconfirmed detections")
    add_gpu(parser)
    args = parser.parse_args()
    teaching, looked_at = halves(args.videos)
    if args.teaching:
        print(",".join(str(args.videos / person) for person in teaching))
        return
    device = choose_device(args.gpu)
    frames = list(frames_of(args.videos, looked_at))
    if not frames:
        raise InputError(f"--videos {args.videos}: contains no readable video of people reserved for tuning")

    def run(detector: Detector, threshold: float, what: str) -> list[Faces]:
        chunks = tqdm(range(0, len(frames), BATCH), desc=what, disable=None)
        return [faces for i in chunks for faces in detector.detect(frames[i : i + BATCH], threshold)]

    low = {model: run(load_detector(model, device), LOW, "referee") for model in args.referees}
    print(f"{len(frames)} frames of {len(looked_at)} people, threshold {args.threshold}")
    print(f"{'model':<24}{'faces':>8}{'confirmed':>11}{'not confirmed':>15}{'missed':>8}")
    for model in args.models:
        row = Row(others=[])
        judges = [said for referee, said in low.items() if referee != model]
        if not judges:
            raise InputError(f"--referees: {model} can't judge itself; give another one as well")
        found = run(load_detector(model, device), args.threshold, "model")
        for image, faces, *said in zip(frames, found, *judges, strict=True):
            count(row, image, faces, said)
        name = Path(model.rpartition(",")[0] or model).name
        print(row.line(name))
        if args.draw is not None:
            assert row.others is not None
            draw(args.draw / f"{name}-not-confirmed.png", row.others)


if __name__ == "__main__":
    run_script(main)
