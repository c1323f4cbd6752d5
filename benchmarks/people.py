"""The demo's people, judged by real networks: are they detected, distinguished, and similar to real people?"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.models import PUBLISHED_DETECTOR, PUBLISHED_EMBEDDING
from rcnn.clips.layout import FOLDERS
from rcnn.commands.arguments import Parser, add_gpu, positive, whole
from rcnn.demo.demo_set import DemoClip, DemoOptions, plan_demo, write_demo
from rcnn.demo.files import PREFIX
from rcnn.errors import run_script
from rcnn.faces.choice import central_crop
from rcnn.faces.detectors.essh import EsshDetector
from rcnn.faces.embedding import Embedder
from rcnn.faces.load import load_detector, load_embedder
from rcnn.faces.vectors import normalise
from rcnn.faces.views import detect_frames
from rcnn.networks.engine import choose_device
from rcnn.scores.verification import area_under_roc, same_pairs
from rcnn.training.people import list_photographs
from rcnn.video.frames import read_frames
from rcnn.video.photographs import read_image
from rcnn.workers.progress import progress

SAMPLING = 3  # every third frame is sampled, as in detect.py
CHUNK = 32  # photographs in memory at a time
SHEET_PEOPLE, SHEET_CLIPS = 12, 6  # on the contact sheet: rows and columns
SHEET_FRAME = 12  # number of the frame shown


@dataclass(frozen=True)
class Found:
    """Result of the networks for a clip.

    frames, with_face : numbers of sampled frames, and of those with a face
    embedding : (D,) float32, unit, normalised mean of the faces' unit embeddings; None without a face
    """

    frames: int
    with_face: int
    embedding: np.ndarray | None


def embed_central(images: list[np.ndarray], detector: EsshDetector, embedder: Embedder, threshold: float) -> np.ndarray:
    """Unit embeddings (n, D) of the central faces of the images with a face."""
    crops = []
    for image, faces in zip(images, detect_frames(detector, images, 1, threshold), strict=True):
        if len(faces):
            crops.append(central_crop(image, faces))
    return normalise(embedder.embed(crops))


def look(path: Path, detector: EsshDetector, embedder: Embedder, threshold: float) -> Found:
    """Detect and embed the faces of a clip."""
    images = [frame.image for frame in read_frames(str(path), SAMPLING)]
    vectors = embed_central(images, detector, embedder, threshold)
    return Found(len(images), len(vectors), normalise(vectors.mean(0)) if len(vectors) else None)


def embed_photographs(folder: str, detector: EsshDetector, embedder: Embedder, threshold: float) -> np.ndarray:
    """Unit embeddings (n, D) of all photographs."""
    paths = [path for mine in list_photographs(folder).values() for path in mine]
    parts = []
    for start in progress(range(0, len(paths), CHUNK), what="photographs", unit="chunk"):
        images = [read_image(path) for path in paths[start : start + CHUNK]]
        parts.append(embed_central(images, detector, embedder, threshold))
    return np.concatenate([part for part in parts if len(part)])


def separation(clips: list[DemoClip], found: list[Found]) -> tuple[float, float, float]:
    """ROC AUC over all pairs of clips, lowest cosine within a person, and highest cosine between two people."""
    rows = [(clip.person, f.embedding) for clip, f in zip(clips, found, strict=True) if f.embedding is not None]
    labels = np.array([person for person, _ in rows])
    vectors = np.stack([vector for _, vector in rows]).astype(np.float64)
    cosines = vectors @ vectors.T
    same = np.zeros(cosines.shape, bool)
    same[tuple(same_pairs(labels).T)] = True
    different = np.triu(labels[:, None] != labels[None], 1)
    return area_under_roc(cosines[same], cosines[different]), cosines[same].min(), cosines[different].max()


def contact_sheet(root: Path, clips: list[DemoClip]) -> np.ndarray:
    """One frame of several clips per person, one row per person: uint8, BGR."""
    rows = []
    for person in range(SHEET_PEOPLE):
        mine = [clip for clip in clips if clip.person == person][:SHEET_CLIPS]
        if len(mine) == SHEET_CLIPS:
            rows.append(np.hstack([_shown(root / FOLDERS[clip.split] / clip.name) for clip in mine]))
    return np.vstack(rows)


def _shown(path: Path) -> np.ndarray:
    video = cv2.VideoCapture(str(path))
    video.set(cv2.CAP_PROP_POS_FRAMES, SHEET_FRAME)
    return video.read()[1]


def main() -> None:
    parser = Parser(__doc__, "python benchmarks/people.py --gpu -1 --sheet people.png")
    add = parser.add_argument
    add("--model", default=PREFIX, metavar="PREFIX", help="model that draws the people")
    add("--detector", default=PUBLISHED_DETECTOR, metavar="PREFIX,EPOCH", help="face detector")
    add("--embedding", default=PUBLISHED_EMBEDDING, metavar="PREFIX,EPOCH", help="embedding network")
    add("--faces", default="../shared/faces", metavar="DIR", help="folder of PERSON/*.jpg")
    add("--threshold", default=0.5, type=float, metavar="P", help="lowest score of a face")
    add("--seed", default=0, type=whole, metavar="N", help="seed of the people")
    add("--people", default=30, type=positive, metavar="N", help="known people")
    add("--strangers", default=20, type=whole, metavar="N", help="unknown people")
    add("--workers", default=os.cpu_count() or 1, type=positive, metavar="N", help="processes for drawing")
    add("--sheet", type=Path, metavar="FILE", help="write a contact sheet, a PNG")
    add_gpu(parser)
    args = parser.parse_args()

    device = choose_device(args.gpu)
    detector, embedder = load_detector(args.detector, device), load_embedder(args.embedding, device)
    with tempfile.TemporaryDirectory() as folder:
        options = DemoOptions(
            Path(folder), args.model, args.seed, args.people, strangers=args.strangers, workers=args.workers
        )
        made = write_demo(options)
        clips = plan_demo(options)
        found = [
            look(Path(folder) / FOLDERS[clip.split] / clip.name, detector, embedder, args.threshold)
            for clip in progress(clips, what="clips", unit="clip")
        ]
        if args.sheet:
            cv2.imwrite(str(args.sheet), contact_sheet(Path(folder), clips))
    shown = [f for clip, f in zip(clips, found, strict=True) if clip.person is not None]
    empty = [f for clip, f in zip(clips, found, strict=True) if clip.person is None]
    people = [clip for clip in clips if clip.person is not None]
    frames, hits = sum(f.frames for f in shown), sum(f.with_face for f in shown)
    auc, lowest, highest = separation(people, shown)
    photographs = embed_photographs(args.faces, detector, embedder, args.threshold)
    vectors = np.stack([f.embedding for f in shown if f.embedding is not None])
    owners = np.array([clip.person for clip, f in zip(people, shown, strict=True) if f.embedding is not None])
    means = np.stack([normalise(vectors[owners == owner].mean(0)) for owner in np.unique(owners)])
    nearest = (means @ photographs.T).max(1)
    print(made)
    print(f"frames with a person in which a face is found  {hits} of {frames} ({hits / frames:.2%})")
    print(f"frames of nobody in which a face is found      {sum(f.with_face for f in empty)} of "
          f"{sum(f.frames for f in empty)}")  # fmt: skip
    print(f"clips of people without any face found         {sum(f.embedding is None for f in shown)} of {len(shown)}")
    print(f"ROC AUC, clips of one person against two       {auc:.5f}")
    print(f"lowest cosine of one person, highest of two    {lowest:.3f}, {highest:.3f}")
    print(f"largest cosine of a person to a photograph     {nearest.max():.3f} (median {np.median(nearest):.3f})")
    print(f"largest cosine of a clip to a photograph       {(vectors @ photographs.T).max():.3f}")
    close = np.unique(owners)[nearest >= 0.45]
    print(f"people at 0.45 or more                         {close.tolist()}")
    print(f"seconds to draw                                {made.seconds:.1f}")


if __name__ == "__main__":
    run_script(main)
