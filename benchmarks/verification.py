"""Evaluates detection, alignment and embedding of photographs, PERSON/*.jpg, by verification: do two photographs show
the same person? Also computes the thresholds for a model card."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.models import PUBLISHED_DETECTOR, PUBLISHED_EMBEDDING
from rcnn.commands.arguments import Parser, add_gpu, positive
from rcnn.errors import InputError, run_script
from rcnn.faces.choice import central_crop
from rcnn.faces.detectors.essh import EsshDetector
from rcnn.faces.embedding import Embedder
from rcnn.faces.load import load_detector, load_embedder
from rcnn.faces.vectors import normalise
from rcnn.networks.engine import choose_device
from rcnn.scores.verification import different_pairs, same_pairs, similarities, thresholds_at, verify
from rcnn.training.people import held_out
from rcnn.video.photographs import read_image

RATES = {"1e-2": 1e-2, "1e-3": 1e-3, "1e-4": 1e-4}  # false match rates, as named in a card
CHUNK = 64  # photographs in memory at a time


@dataclass(frozen=True)
class Photographs:
    """Photographs with and without a detected face.

    labels : (n,) int64, number of the person
    plain, mirrored : (n, D) float32, embeddings of the central face and of its mirror image
    neighbours : photographs with more than one face
    """

    labels: np.ndarray
    plain: np.ndarray
    mirrored: np.ndarray
    missed: list[Path]
    neighbours: int


def embed_photographs(
    folder: Path,
    detector: EsshDetector,
    embedder: Embedder,
    threshold: float,
    scale: float,
    mirror: bool,
    only_held_out: bool,
) -> Photographs:
    """Detect, align and embed the central face of every photograph."""
    paths = sorted(path for path in folder.glob("*/*.jpg") if held_out(path.parent.name) or not only_held_out)
    if not paths:
        raise InputError(f"--faces {folder}: holds no PERSON/*.jpg; name the folder above the people")
    people = {name: number for number, name in enumerate(sorted({path.parent.name for path in paths}))}
    labels, plain, mirrored, missed = [], [], [], []
    neighbours = 0
    with tqdm(total=len(paths), unit="photograph", disable=None) as progress:
        for start in range(0, len(paths), CHUNK):
            chunk = paths[start : start + CHUNK]
            images = [read_image(path) for path in chunk]
            crops = []
            found = detector.detect(images, threshold, scales=(scale,), batch_size=8)
            for path, image, faces in zip(chunk, images, found, strict=True):
                if not len(faces):
                    missed.append(path)
                    continue
                neighbours += len(faces) > 1
                crops.append(central_crop(image, faces))
                labels.append(people[path.parent.name])
            if crops:
                plain.append(embedder.embed(crops))
                if mirror:
                    mirrored.append(embedder.embed([cv2.flip(crop, 1) for crop in crops]))
            progress.update(len(chunk))
    if not plain:
        raise InputError(f"--faces {folder}: no face was found in any photograph; lower --threshold")
    return Photographs(
        np.array(labels),
        np.concatenate(plain),
        np.concatenate(mirrored) if mirror else np.zeros((len(labels), 0), np.float32),
        missed,
        neighbours,
    )


def main() -> None:
    parser = Parser(__doc__, "python benchmarks/verification.py --gpu -1 --mirror")
    add = parser.add_argument
    add("--detector", default=PUBLISHED_DETECTOR, metavar="PREFIX,EPOCH", help="face detector")
    add("--model", default=PUBLISHED_EMBEDDING, metavar="PREFIX,EPOCH", help="embedding network")
    add("--faces", default="../shared/faces", type=Path, metavar="DIR", help="folder of PERSON/*.jpg")
    add("--threshold", default=0.3, type=float, metavar="P", help="lowest score of a face")
    add("--scale", default=1.0, type=float, metavar="S", help="scale of the photographs for detection")
    add("--pairs", type=positive, metavar="N", help="random pairs of one person; default: all pairs")
    add("--folds", default=10, type=positive, metavar="N", help="folds for choosing the threshold")
    add("--seed", default=0, type=int, metavar="N", help="seed of the pairs and of the folds")
    add("--held-out", action="store_true", help="only held-out people, one in five")
    add("--mirror", action="store_true", help="also evaluate with the mirrored crop's embedding added")
    add_gpu(parser)
    args = parser.parse_args()
    if args.folds < 2:
        parser.error("--folds: a threshold is chosen on some folds and tested on another, so give 2 or more")

    device = choose_device(args.gpu)
    detector, embedder = load_detector(args.detector, device), load_embedder(args.model, device)
    started = time.perf_counter()
    photographs = embed_photographs(
        args.faces, detector, embedder, args.threshold, args.scale, args.mirror, args.held_out
    )
    seconds = time.perf_counter() - started

    labels = photographs.labels
    rng = np.random.default_rng(args.seed)
    same = same_pairs(labels)
    if args.pairs and args.pairs < len(same):
        same = same[rng.choice(len(same), args.pairs, replace=False)]
    different = different_pairs(labels, len(same), rng)
    if len(same) < args.folds:
        raise InputError(f"--faces {args.faces}: {len(same)} pairs of one person are too few for the folds")

    total = len(labels) + len(photographs.missed)
    print(f"photographs {total}, people {len(np.unique(labels))}, {total / seconds:.1f} photographs/s")
    print(
        f"face found in {len(labels)} of {total} ({len(labels) / total:.2%}) at {args.threshold}, "
        f"more than one in {photographs.neighbours}"
    )
    for path in photographs.missed:
        print(f"  no face: {path.relative_to(args.faces)}")
    print(f"pairs of one person {len(same)}, of two people {len(different)}")
    print(f"{'embedding':<16}{'accuracy %':>18}{'threshold':>12}{'ROC AUC':>10}")
    kinds = {"crop": photographs.plain}
    if args.mirror:
        kinds["crop + mirrored"] = photographs.plain + photographs.mirrored
    fold_seed = int(rng.integers(2**63))  # the folds of all lines are the same
    for name, embeddings in kinds.items():
        unit = normalise(embeddings)
        result = verify(
            similarities(unit, same),
            similarities(unit, different),
            args.folds,
            np.random.default_rng(fold_seed),
        )
        accuracy = f"{result.accuracy.mean():.3%} ± {result.accuracy.std():.3%}".replace("%", "")
        print(f"{name:<16}{accuracy:>18}{result.thresholds.mean():>12.3f}{result.auc:>10.5f}")
    try:
        cosines = thresholds_at(normalise(photographs.plain), labels, list(RATES.values()))
    except InputError as error:
        print(f"thresholds: not known, {error}")
    else:
        entries = ", ".join(f'"{name}" = {cosine:.3f}' for name, cosine in zip(RATES, cosines, strict=True))
        print(f"thresholds = {{ {entries} }}")
        accepted = similarities(normalise(photographs.plain), same)
        shares = ", ".join(f"{np.mean(accepted >= at):.1%} at {name}" for name, at in zip(RATES, cosines, strict=True))
        print(f"pairs of one person that are accepted, by false match rate: {shares}")


if __name__ == "__main__":
    run_script(main)
