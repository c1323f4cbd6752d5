"""Effect of keeping a video's aspect ratio: frames stretched to 888x480, padded to it, or on canvases of equal area.

    .venv/bin/python benchmarks/shapes.py --videos FOLDER

Every video of the folder (PERSON/FILE) is sampled `--rate` times per second with each method, by turns in one run. The
table has, by shape of the video, the sampled frames with a face, the faces, the detection time relative to stretching,
and the mean cosine of a video's crops to those of the canvases.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rcnn.commands.arguments import Parser
from rcnn.config import config
from rcnn.errors import UnreadableError, run_script
from rcnn.faces.alignment import align_faces
from rcnn.faces.choice import central_face
from rcnn.faces.detectors import Detector
from rcnn.faces.embedding import Embedder
from rcnn.faces.load import load_detector, load_embedder
from rcnn.faces.types import Faces
from rcnn.faces.vectors import normalise
from rcnn.faces.views import detect_frames, fit, on_canvas
from rcnn.networks.zoo.roles import DETECTOR, EMBEDDING, find_model
from rcnn.video.frames import read_frames

WIDE = config.FRAME.CANVASES[0]
SHAPES = (("portrait", 0.9), ("square", 1.15), ("4:3", 1.5), ("wide", np.inf))  # below this width by height


@dataclass
class Sums:
    """For one method and one shape: sampled frames, those with a face, faces, seconds, and cosines of each video."""

    looks: int = 0
    with_face: int = 0
    faces: int = 0
    seconds: float = 0.0
    cosines: list[float] = field(default_factory=list)


def stretched(detector: Detector, image: np.ndarray) -> tuple[Faces, np.ndarray]:
    """As in the challenge's entry: faces and crops from the stretched frame."""
    seen = cv2.resize(image, WIDE)
    return detector.detect([seen])[0], seen


def padded(detector: Detector, image: np.ndarray) -> tuple[Faces, np.ndarray]:
    """One canvas for all shapes; crops are cut from the frame."""
    canvas = np.zeros((WIDE[1], WIDE[0], 3), np.uint8)
    scale = fit(image, canvas)
    return detector.detect([canvas])[0].scaled_back(scale, image.shape[1], image.shape[0]), image


def on_canvases(detector: Detector, image: np.ndarray) -> tuple[Faces, np.ndarray]:
    """The canvas for its shape; crops are cut from the frame."""
    return detect_frames(detector, [image])[0], image


def from_canvas(detector: Detector, image: np.ndarray) -> tuple[Faces, np.ndarray]:
    """The canvas for its shape; crops are cut from the canvas, not from the frame."""
    canvas = on_canvas(detector, image)
    return detector.detect([canvas])[0], canvas


WAYS = {"canvases": on_canvases, "stretched": stretched, "padded": padded, "canvases, crops of the canvas": from_canvas}


def look(detector: Detector, embedder: Embedder, path: Path, rate: float, table: dict[tuple[str, str], Sums]) -> None:
    """Add a video to the table."""
    images = [frame.image.copy() for frame in read_frames(str(path), rate=rate)]
    if not images:
        return
    ratio = images[0].shape[1] / images[0].shape[0]
    shape = next(name for name, limit in SHAPES if ratio < limit)
    vectors: dict[str, np.ndarray] = {}
    for way, find in WAYS.items():
        sums = table[way, shape]
        crops = []
        for image in images:
            begun = time.perf_counter()
            faces, seen = find(detector, image)
            sums.seconds += time.perf_counter() - begun
            sums.looks += 1
            sums.with_face += bool(len(faces))
            sums.faces += len(faces)
            if len(faces):
                best = central_face(faces, seen.shape[1], seen.shape[0])
                crops.append(align_faces(seen, faces.landmarks[best : best + 1])[0])
        if crops:
            vectors[way] = normalise(normalise(embedder.embed(crops)).sum(0))
        if way in vectors and "canvases" in vectors:
            sums.cosines.append(float(vectors[way] @ vectors["canvases"]))


def main() -> None:
    parser = Parser(__doc__.partition("\n")[0], "python benchmarks/shapes.py --videos ../shared/realvideo")
    parser.add_argument("--videos", required=True, type=Path, metavar="FOLDER", help="PERSON/FILE")
    parser.add_argument("--rate", default=2.0, type=float, metavar="R", help="sampled frames per second")
    parser.add_argument("--detector", metavar="MODEL", help="default: that of detect.py")
    parser.add_argument("--model", metavar="MODEL", help="embedding; default: that of feature.py")
    args = parser.parse_args()
    detector = load_detector(find_model(args.detector, DETECTOR))
    embedder = load_embedder(find_model(args.model, EMBEDDING))
    table: dict[tuple[str, str], Sums] = defaultdict(Sums)
    for path in sorted(path for path in args.videos.glob("*/*") if path.is_file()):
        try:
            look(detector, embedder, path, args.rate, table)
        except UnreadableError as error:
            print(f"{path}: {error}")
    print("| shape | way | looks | with a face | faces | time | cosine to canvases |\n|---|---|---|---|---|---|---|")
    for shape, _ in SHAPES:
        for way in WAYS:
            sums = table[way, shape]
            if sums.looks:
                share = sums.seconds / table["stretched", shape].seconds
                cosine = f"{np.mean(sums.cosines):.3f}" if sums.cosines else ""
                counts = f"{sums.looks} | {sums.with_face} | {sums.faces}"
                print(f"| {shape} | {way} | {counts} | {share:.2f} | {cosine} |")


if __name__ == "__main__":
    run_script(main)
