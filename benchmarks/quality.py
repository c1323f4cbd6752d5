"""Does the norm of an embedding measure the quality of a crop? Photographs of held-out people are degraded in known
ways, and those with the smallest norms are dropped."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rcnn.commands.arguments import Parser, add_gpu
from rcnn.errors import run_script
from rcnn.faces.embedding import Embedder
from rcnn.faces.load import load_detector, load_embedder
from rcnn.faces.vectors import normalise, norms
from rcnn.networks.engine import choose_device
from rcnn.networks.zoo.roles import DETECTOR, EMBEDDING, find_model
from rcnn.scores.verification import different_pairs, same_pairs, similarities, verify
from rcnn.training.crops import plain_crops, read_crops
from rcnn.training.people import held_out, list_photographs

DROPPED = (0, 5, 10, 25, 50)  # percent of the photographs
FOLDS = 10

Spoil = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def blur(sigma: float) -> Spoil:
    return lambda crop, rng: cv2.GaussianBlur(crop, (0, 0), sigma)


def shrink(side: int) -> Spoil:
    def apply(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
        return cv2.resize(small, (crop.shape[1], crop.shape[0]), interpolation=cv2.INTER_LINEAR)

    return apply


def noise(sigma: float) -> Spoil:
    return lambda crop, rng: np.clip(crop + rng.normal(0, sigma, crop.shape), 0, 255).astype(np.uint8)


def jpeg(quality: int) -> Spoil:
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    return lambda crop, rng: cv2.imdecode(cv2.imencode(".jpg", crop, options)[1], cv2.IMREAD_COLOR)


def dark(share: float) -> Spoil:
    return lambda crop, rng: (crop * share).astype(np.uint8)


def turn(degrees: float) -> Spoil:
    """A badly aligned face."""

    def apply(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        height, width = crop.shape[:2]
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
        return cv2.warpAffine(crop, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)

    return apply


def cover(share: float) -> Spoil:
    """A grey bar over the lower part."""

    def apply(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        crop = crop.copy()
        crop[round(len(crop) * (1 - share)) :] = 128
        return crop

    return apply


def scramble(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """No face: the crop cut into 16 shuffled tiles."""
    rows = np.split(crop, 4)
    parts = [part for row in rows for part in np.split(row, 4, 1)]
    order = rng.permutation(len(parts))
    return np.concatenate([np.concatenate([parts[i] for i in order[k : k + 4]], 1) for k in range(0, 16, 4)])


SPOILT: dict[str, Spoil] = {
    "as it is": lambda crop, rng: crop,
    "blurred, sigma 1 px": blur(1),
    "blurred, sigma 2 px": blur(2),
    "blurred, sigma 4 px": blur(4),
    "shrunk to 56 px": shrink(56),
    "shrunk to 28 px": shrink(28),
    "shrunk to 14 px": shrink(14),
    "noise, sigma 25": noise(25),
    "JPEG quality 8": jpeg(8),
    "a quarter of the light": dark(0.25),
    "turned by 30 degrees": turn(30),
    "lower 40% covered": cover(0.4),
    "no face (scrambled)": scramble,
}


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation."""
    ranks = [np.argsort(np.argsort(values)) for values in (first, second)]
    return float(np.corrcoef(ranks)[0, 1])


def report(name: str, embedder: Embedder, crops: np.ndarray, labels: np.ndarray, seed: int, threshold: float) -> None:
    rng = np.random.default_rng(seed)
    embeddings = {
        kind: embedder.embed(np.stack([spoil(crop, rng) for crop in crops])) for kind, spoil in SPOILT.items()
    }
    plain = normalise(embeddings["as it is"])
    print(f"\n{name}: {len(crops)} photographs of {len(np.unique(labels))} people")
    print(f"{'crop':<26}{'norm 5%':>9}{'median':>9}{'95%':>9}{f'under {threshold:g}, %':>14}{'cosine to plain':>17}")
    for kind, vectors in embeddings.items():
        lengths = norms(vectors)
        low, median, high = np.percentile(lengths, (5, 50, 95))
        cosine = (normalise(vectors) * plain).sum(1).mean()
        under = 100 * (lengths < threshold).mean()
        print(f"{kind:<26}{low:>9.2f}{median:>9.2f}{high:>9.2f}{under:>14.1f}{cosine:>17.3f}")

    # each photograph degraded in one random way; not scrambled, because scrambled crops cannot be recognised at all
    stack = np.stack([vectors for kind, vectors in embeddings.items() if "no face" not in kind])
    mixed = stack[rng.integers(len(stack), size=len(crops)), np.arange(len(crops))]
    lengths = norms(mixed)
    cosine = (normalise(mixed) * plain).sum(1)
    print(f"each degraded in one random way: rank correlation of norm and cosine to plain "
          f"{rank_correlation(lengths, cosine):.3f}")  # fmt: skip
    print(f"{'photographs dropped, %':<26}{'norm from':>10}{'pairs':>8}{'accuracy %':>12}{'ROC AUC':>10}")
    for percent in DROPPED:
        limit = np.percentile(lengths, percent)
        kept = lengths >= limit
        unit, of = normalise(mixed[kept]), labels[kept]
        same = same_pairs(of)
        different = different_pairs(of, len(same), np.random.default_rng(seed))
        result = verify(similarities(unit, same), similarities(unit, different), FOLDS, np.random.default_rng(seed))
        print(f"{percent:<26}{limit:>10.2f}{len(same):>8}{100 * result.accuracy.mean():>12.2f}{result.auc:>10.4f}")


def main() -> None:
    parser = Parser(__doc__, "python benchmarks/quality.py --models ./model/face-m,0 --gpu -1")
    add = parser.add_argument
    add("--models", nargs="+", metavar="PREFIX,EPOCH", help="embeddings; default: that of feature.py")
    add("--detector", metavar="PREFIX,EPOCH", help="face detector; default: that of detect.py")
    add("--faces", default="../shared/faces", metavar="DIR", help="folder of PERSON/*.jpg")
    add("--threshold", default=10.0, type=float, metavar="Q", help="norm below which detect.py drops a face")
    add("--seed", default=0, type=int, metavar="N", help="seed of noise and pairs")
    add_gpu(parser)
    args = parser.parse_args()
    device = choose_device(args.gpu)
    people = {name: paths for name, paths in list_photographs(args.faces).items() if held_out(name)}
    wide, labels = read_crops(people, load_detector(find_model(args.detector, DETECTOR), device))
    crops = plain_crops(wide)
    for model in args.models or [find_model(None, EMBEDDING)]:
        report(model, load_embedder(model, device), crops, labels, args.seed, args.threshold)


if __name__ == "__main__":
    run_script(main)
