"""Faces that detectors find in real videos, and how many of them are none, as far as two published detectors can tell.

The people of the videos who are for choosing are dealt out in two: the frames of one half teach our own detector
(`--teaching` prints their folders, as `python -m rcnn train-detector --videos` takes them), those of the other half are
what the table is about. A frame a second is looked at, at the size of the pipeline's frames. A face is confirmed if one
of the referees sees it at a low threshold, too. What all referees see and a detector does not is missed. A referee that
is asked itself is judged by the others alone.
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
SECONDS = 30.0  # of a video that are looked at
LOW = 0.2  # threshold of a referee that confirms
SURE = 0.5  # threshold of the referees for a face that a detector misses
SAME = 0.3  # intersection over union from which two detectors mean one face
LEAST_MISSED = 24.0  # pixels, of a face that is missed
BATCH = 8
TILE = 112  # pixels, of a face on a sheet


@dataclass
class Row:
    """What a detector found: faces, those confirmed, those that it missed, and pictures of the others."""

    faces: int = 0
    confirmed: int = 0
    missed: int = 0
    referred: int = 0  # faces that both referees are sure of
    others: list[tuple[float, np.ndarray]] | None = None

    def line(self, name: str) -> str:
        wrong = self.faces - self.confirmed
        return f"{name:<24}{self.faces:>8}{self.confirmed:>11}{wrong:>15}{self.missed:>8} of {self.referred}"


def halves(folder: Path) -> tuple[list[str], list[str]]:
    """Of the people for choosing, those whose videos teach, and those who are looked at."""
    sides = sides_of_videos(read_videos(folder))
    order = by_chance((person for person, side in sides.items() if side == CHOOSING), "detector")
    return sorted(order[::2]), sorted(order[1::2])


def frames_of(folder: Path, people: Sequence[str]) -> Iterator[np.ndarray]:
    """Frames (H, W, 3) uint8, BGR, that fit the pipeline's canvas."""
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
    """(n,) bool: the boxes (n, 4) that one of the others overlaps by `SAME`."""
    if not len(boxes) or not len(others):
        return np.zeros(len(boxes), bool)
    return overlaps(np.ascontiguousarray(boxes), np.ascontiguousarray(others)).max(1) >= SAME


def count(row: Row, image: np.ndarray, found: Faces, referees: Sequence[Faces]) -> None:
    """Add what a detector found in a frame to its row."""
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
    """(TILE, TILE, 3), a face and as much round it."""
    centre, half = (box[:2] + box[2:]) / 2, max(box[2] - box[0], box[3] - box[1]) + 1
    matrix = np.array([[1, 0, half - centre[0]], [0, 1, half - centre[1]]]) * (TILE / (2 * half))
    return cv2.warpAffine(image, matrix, (TILE, TILE), flags=cv2.INTER_AREA)


def draw(path: Path, others: list[tuple[float, np.ndarray]], columns: int = 12) -> None:
    """A sheet of what nobody confirms, most certain first."""
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
    add("--referees", nargs="+", default=referees, metavar="MODEL", help="detectors that confirm")
    add("--videos", type=Path, default=Path("../shared/realvideo"), metavar="DIR", help="folder with manifest.csv")
    add("--teaching", action="store_true", help="print the folders of the videos that teach, and do nothing else")
    add("--threshold", type=float, default=config.ESSH.THRESHOLD, metavar="P", help="of the detectors")
    add("--draw", type=Path, metavar="DIR", help="existing folder for sheets of what nobody confirms")
    add_gpu(parser)
    args = parser.parse_args()
    teaching, looked_at = halves(args.videos)
    if args.teaching:
        print(",".join(str(args.videos / person) for person in teaching))
        return
    device = choose_device(args.gpu)
    frames = list(frames_of(args.videos, looked_at))
    if not frames:
        raise InputError(f"--videos {args.videos}: holds no video of people for choosing that can be read")

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
            raise InputError(f"--referees: {model} can't judge itself; give another one, too")
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
