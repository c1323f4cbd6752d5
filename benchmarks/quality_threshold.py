"""Chooses the quality threshold of a quality model: shares of faces and of false positives kept by thresholds.

Uses frames of ../shared/realvideo, only of people reserved for tuning, unchanged and darkened (as level "dark" of
benchmarks.ranking). A detection is a face if the first referee finds one at the same place of the unchanged frame, and
a false positive if no referee finds even a low-scored face nearby; others are ignored. The referees differ from the
measured detector, and make errors themselves. A video is lost if none of its faces is kept.

The threshold printed for the card is the largest multiple of 0.5 that keeps the share `--keep` of the faces at every
level: a dropped face is lost, while a kept bad face counts little, because `--recipe best` weights by quality.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path

import numpy as np
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rcnn.cython.boxes import overlaps

from benchmarks.models import OWN_DETECTOR, OWN_EMBEDDING, PUBLISHED_DETECTOR, PUBLISHED_EMBEDDING
from benchmarks.ranking.people import CHOOSING, read_videos, sides_of_videos
from benchmarks.ranking.render import GAIN, NOISE
from rcnn.commands.arguments import Parser, add_gpu, number, positive
from rcnn.errors import InputError, run_script
from rcnn.faces.alignment import align_faces
from rcnn.faces.detectors import Detector
from rcnn.faces.embedding import Embedder
from rcnn.faces.load import load_detector, load_embedder
from rcnn.faces.types import Faces
from rcnn.faces.vectors import norms
from rcnn.faces.views import detect_frames
from rcnn.networks.engine import choose_device
from rcnn.video.decoder import FrameDecoder

AS_IS, DARK = LEVELS = ("as is", "dark")
PAIRS = (
    f"{PUBLISHED_DETECTOR}={PUBLISHED_EMBEDDING}",
    f"{OWN_DETECTOR}={OWN_EMBEDDING}",
)
REFEREES = ("../shared/models/scrfd_2.5g_bnkps.onnx", "../shared/models/yunet_n_dynamic.onnx")
SURE, FAINT = 0.5, 0.1  # referee scores of a face, and of a possible face
SAME, NEAR = 0.5, 0.1  # intersection over union with a face, and with a possible face
STEP = 0.5  # between thresholds
QUANTILES = (1, 2, 5, 10, 50)  # per cent
BATCH = 8  # frames


@dataclass(frozen=True)
class Looks:
    """Sampled frames of a video, with the referees' detections.

    frames : (H, W, 3) uint8, BGR
    sure : per frame, boxes (n, 4) of the first referee's faces
    faint : per frame, boxes (m, 4) of all referees' detections
    """

    frames: Sequence[np.ndarray]
    sure: Sequence[np.ndarray]
    faint: Sequence[np.ndarray]


@dataclass(frozen=True)
class Found:
    """Detections at a level, (n,) each: norm, number of the video, whether it is a face, whether it is a false
    positive."""

    norms: np.ndarray
    videos: np.ndarray
    face: np.ndarray
    nothing: np.ndarray

    @staticmethod
    def joined(parts: Sequence[Found]) -> Found:
        return Found(*(np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(Found)))


def boxes_of(faces: Faces, score: float) -> np.ndarray:
    return np.ascontiguousarray(faces.boxes[faces.scores >= score], np.float32)


def look(path: Path, rate: Fraction, most: int, referees: Sequence[Detector]) -> Looks:
    frames = []
    for frame in FrameDecoder().read_frames(str(path), 1, rate):
        frames.append(frame.image.copy())  # the decoder reuses its memory
        if len(frames) == most:
            break
    seen = [detect_frames(referee, frames, BATCH, FAINT) for referee in referees]
    faint = [np.concatenate([boxes_of(faces, FAINT) for faces in each]) for each in zip(*seen, strict=True)]
    return Looks(frames, [boxes_of(faces, SURE) for faces in seen[0]], faint)


def darkened(frame: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    grain = NOISE * rng.standard_normal(frame.shape, np.float32)
    return np.clip(frame * np.float32(GAIN) + grain, 0, 255).astype(np.uint8)


def judge(looks: Looks, video: int, level: str, detector: Detector, embedder: Embedder) -> Found:
    rng = np.random.default_rng(video)
    frames = looks.frames if level == AS_IS else [darkened(frame, rng) for frame in looks.frames]
    parts = [Found(np.zeros(0), np.zeros(0, int), np.zeros(0, bool), np.zeros(0, bool))]
    for turn, faces in enumerate(detect_frames(detector, frames, BATCH)):
        if not len(faces):
            continue
        mine = np.ascontiguousarray(faces.boxes, np.float32)
        sure, faint = (
            overlaps(mine, boxes).max(1) if len(boxes) else np.zeros(len(mine))
            for boxes in (looks.sure[turn], looks.faint[turn])
        )
        quality = norms(embedder.embed(align_faces(frames[turn], faces.landmarks)))
        parts.append(Found(quality, np.full(len(mine), video), sure >= SAME, faint < NEAR))
    return Found.joined(parts)


def kept(found: Found, threshold: float) -> tuple[float, float, int]:
    """Percentages of faces and of false positives kept by a threshold, and the number of lost videos."""
    good = found.norms >= threshold
    lost = set(found.videos[found.face]) - set(found.videos[found.face & good])
    faces, nothing = (100 * good[which].mean() if which.any() else np.nan for which in (found.face, found.nothing))
    return float(faces), float(nothing), len(lost)


def chosen(levels: Mapping[str, Found], least: float) -> float:
    """The largest threshold, in steps of `STEP`, that keeps the share `least` of the faces at every level."""
    limit = min(float(np.quantile(found.norms[found.face], 1 - least)) for found in levels.values())
    return float(np.floor(limit / STEP) * STEP)


def report(pair: str, levels: Mapping[str, Found], shares: Sequence[float]) -> None:
    print(f"\n{pair}")
    for level, found in levels.items():
        faces, nothing = found.norms[found.face], found.norms[found.nothing]
        print(f"{level}: {len(found.norms)} detections, {len(faces)} faces, {len(nothing)} nothing; norm of faces: "
              + ", ".join(f"{q}% {np.percentile(faces, q):.2f}" for q in QUANTILES))  # fmt: skip
    print("| quality | " + " | ".join(f"{level}: faces kept | nothing kept | videos lost" for level in levels) + " |")
    print("| ---: |" + " ---: |" * 3 * len(levels))
    top = max(float(np.median(found.norms[found.face])) for found in levels.values())
    for threshold in np.arange(0, top + STEP, STEP):
        cells = [
            f"{faces:.1f}% | {nothing:.1f}% | {lost}"
            for faces, nothing, lost in (kept(found, threshold) for found in levels.values())
        ]
        print(f"| {threshold:g} | " + " | ".join(cells) + " |")
    for share in shares:
        print(f"keeps {100 * share:g}% of the faces at every level: quality = {chosen(levels, share):g}")


def main() -> None:
    parser = Parser(__doc__, "python benchmarks/quality_threshold.py --gpu -1")
    add = parser.add_argument
    add("--pairs", nargs="+", default=PAIRS, metavar="DETECTOR=MODEL", help="detector and quality model")
    add("--videos", type=Path, default=Path("../shared/realvideo"), metavar="DIR", help="folder with manifest.csv")
    add("--referees", nargs="+", default=REFEREES, metavar="MODEL", help="detectors, the first decides what is a face")
    add("--rate", type=Fraction, default=Fraction(1), metavar="R", help="sampled frames per second")
    add("--most", type=positive, default=8, metavar="N", help="maximum sampled frames per video")
    add("--keep", type=number, nargs="+", default=[0.99], metavar="S", help="share of the faces to keep")
    add_gpu(parser)
    args = parser.parse_args()
    device = choose_device(args.gpu)
    if not (args.videos / "manifest.csv").exists():
        raise InputError(f"--videos {args.videos}: there is no {args.videos / 'manifest.csv'}")
    videos = read_videos(args.videos)
    sides = sides_of_videos(videos)
    referees = [load_detector(referee, device) for referee in args.referees]
    pairs = {pair: pair.partition("=")[::2] for pair in args.pairs}
    networks = {pair: (load_detector(first, device), load_embedder(model, device))
                for pair, (first, model) in pairs.items()}  # fmt: skip
    mine = [video for video in videos if sides[video.person] == CHOOSING]
    found: dict[tuple[str, str], list[Found]] = {(pair, level): [] for pair in pairs for level in LEVELS}
    frames = 0
    for turn, video in enumerate(tqdm(mine, unit="video", disable=None)):
        looks = look(args.videos / video.path, args.rate, args.most, referees)
        frames += len(looks.frames)
        for pair, level in found:
            found[pair, level].append(judge(looks, turn, level, *networks[pair]))
    print(f"{len(mine)} videos of {len({video.person for video in mine})} people, {frames} frames")
    for pair in pairs:
        report(pair, {level: Found.joined(found[pair, level]) for level in LEVELS}, args.keep)


if __name__ == "__main__":
    run_script(main)
