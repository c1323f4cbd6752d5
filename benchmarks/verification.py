"""Detection, alignment and embedding of a folder of photographs, PERSON/*.jpg, judged by verification:
do two photographs show the same person?"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rcnn.arguments import Parser, add_gpu, positive
from rcnn.detector import Embedder, EsshDetector, align_faces, load_detector, load_embedder
from rcnn.detector.embedding import normalise
from rcnn.detector.essh import central_face
from rcnn.engine import choose_device
from rcnn.errors import InputError, run_script

CHUNK = 64  # photographs in memory at a time
CHECKPOINTS = "../shared/checkpoints"


@dataclass(frozen=True)
class Photographs:
    """The photographs in which a face was found, and those in which none was.

    labels : (n,) int64, number of the person
    plain, mirrored : (n, D) float32, embeddings of the central face and of its mirror image
    neighbours : photographs with more than one face
    """

    labels: np.ndarray
    plain: np.ndarray
    mirrored: np.ndarray
    missed: list[Path]
    neighbours: int


@dataclass(frozen=True)
class Verification:
    """How well similarities tell pairs of one person from pairs of two.

    accuracy : (folds,) share of the pairs of a fold judged rightly
    thresholds : (folds,) the similarity from which a pair was taken for one person
    auc : area under the ROC
    """

    accuracy: np.ndarray
    thresholds: np.ndarray
    auc: float


def embed_photographs(
    folder: Path, detector: EsshDetector, embedder: Embedder, threshold: float, scale: float, mirror: bool
) -> Photographs:
    """Detect, align and embed the central face of every photograph."""
    paths = sorted(folder.glob("*/*.jpg"))
    if not paths:
        raise InputError(f"--faces {folder}: holds no PERSON/*.jpg; name the folder above the people")
    people = {name: number for number, name in enumerate(sorted({path.parent.name for path in paths}))}
    labels, plain, mirrored, missed = [], [], [], []
    neighbours = 0
    with tqdm(total=len(paths), unit="photograph", disable=None) as progress:
        for start in range(0, len(paths), CHUNK):
            chunk = paths[start : start + CHUNK]
            images = [_read(path) for path in chunk]
            crops = []
            found = detector.detect(images, threshold, scales=(scale,), batch_size=8)
            for path, image, faces in zip(chunk, images, found, strict=True):
                if not len(faces):
                    missed.append(path)
                    continue
                neighbours += len(faces) > 1
                best = central_face(faces, image.shape[1], image.shape[0])
                crops.append(align_faces(image, faces.landmarks[best : best + 1])[0])
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


def _read(path: Path) -> np.ndarray:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise InputError(f"{path}: is no picture; get the file again")
    return image


def same_pairs(labels: np.ndarray) -> np.ndarray:
    """All pairs of photographs of one person: (p, 2) int64, the lower index first."""
    pairs = []
    order = np.argsort(labels, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1):
        first, second = np.triu_indices(len(group), 1)
        pairs.append(np.stack([group[first], group[second]], 1))
    return np.concatenate(pairs)


def different_pairs(labels: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` distinct pairs of photographs of two people: (count, 2) int64, the lower index first."""
    photographs = len(labels)
    sizes = np.unique(labels, return_counts=True)[1]
    if count > (photographs**2 - (sizes**2).sum()) // 2:
        raise InputError(f"there are not {count} pairs of different people; use a smaller --pairs")
    keys = np.zeros(0, np.int64)
    while len(keys) < count:
        drawn = np.sort(rng.integers(photographs, size=(2 * count, 2)), 1)
        drawn = drawn[labels[drawn[:, 0]] != labels[drawn[:, 1]]]
        keys = np.concatenate([keys, drawn[:, 0] * photographs + drawn[:, 1]])
        keys = keys[np.sort(np.unique(keys, return_index=True)[1])]  # in the order of drawing
    return np.stack(np.divmod(keys[:count], photographs), 1)


def best_threshold(same: np.ndarray, different: np.ndarray) -> float:
    """The similarity that parts the pairs with the fewest mistakes: a pair at or above it is one person."""
    scores = np.concatenate([same, different])
    order = np.argsort(-scores, kind="stable")
    scores = scores[order]
    # cut k calls the first k pairs one person
    gain = np.where(order < len(same), 1, -1)
    right = np.concatenate([[0], np.cumsum(gain)])  # less the different pairs, which cut 0 has all right
    possible = np.concatenate([[True], scores[1:] < scores[:-1], [True]])  # equal scores aren't parted
    cut = int(np.where(possible, right, -len(scores)).argmax())
    above = scores[cut - 1] if cut else scores[0] + 1
    below = scores[cut] if cut < len(scores) else scores[-1] - 1
    middle = (above + below) / 2
    return float(middle if middle > below else above)


def verify(same: np.ndarray, different: np.ndarray, folds: int, rng: np.random.Generator) -> Verification:
    """Accuracy of each fold at the threshold that is best on the others, and the area under the ROC.

    Parameters
    ----------
    same, different : (p,), (q,) float64, similarities of pairs
    """
    fold_same = rng.permutation(len(same)) % folds
    fold_different = rng.permutation(len(different)) % folds
    accuracy, thresholds = np.empty(folds), np.empty(folds)
    for fold in range(folds):
        threshold = best_threshold(same[fold_same != fold], different[fold_different != fold])
        inside, outside = same[fold_same == fold], different[fold_different == fold]
        right = (inside >= threshold).sum() + (outside < threshold).sum()
        accuracy[fold] = right / (len(inside) + len(outside))
        thresholds[fold] = threshold
    return Verification(accuracy, thresholds, area_under_roc(same, different))


def area_under_roc(same: np.ndarray, different: np.ndarray) -> float:
    """Probability that a pair of one person is more alike than a pair of two; equal ones count half."""
    different = np.sort(different)
    below = np.searchsorted(different, same, "left").sum(dtype=np.int64)
    up_to = np.searchsorted(different, same, "right").sum(dtype=np.int64)
    return float((below + up_to) / 2 / (len(same) * len(different)))


def similarities(embeddings: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Cosines of pairs of embeddings (n, D) of length 1: (p,) float64."""
    wide = embeddings.astype(np.float64)
    return np.einsum("pd,pd->p", wide[pairs[:, 0]], wide[pairs[:, 1]])


def main() -> None:
    parser = Parser(__doc__, "python benchmarks/verification.py --gpu -1 --mirror")
    add = parser.add_argument
    retinaface = f"{CHECKPOINTS}/retinaface-mnet25/mnet.25,0"
    mobilefacenet = f"{CHECKPOINTS}/mobilefacenet-y1/model,0"
    add("--detector", default=retinaface, metavar="PREFIX,EPOCH", help="face detector")
    add("--model", default=mobilefacenet, metavar="PREFIX,EPOCH", help="embedding network")
    add("--faces", default="../shared/faces", type=Path, metavar="DIR", help="folder of PERSON/*.jpg")
    add("--threshold", default=0.3, type=float, metavar="P", help="smallest probability of a face")
    add("--scale", default=1.0, type=float, metavar="S", help="size at which the photographs are looked at")
    add("--pairs", type=positive, metavar="N", help="pairs of one person, drawn; left out: all there are")
    add("--folds", default=10, type=positive, metavar="N", help="parts for the choice of the threshold")
    add("--seed", default=0, type=int, metavar="N", help="of the pairs and of the folds")
    add("--mirror", action="store_true", help="also with the embedding of the mirrored crop added")
    add_gpu(parser)
    args = parser.parse_args()
    if args.folds < 2:
        parser.error("--folds: a threshold is chosen on one part and tried on another, so 2 or more")

    device = choose_device(args.gpu)
    detector, embedder = load_detector(args.detector, device), load_embedder(args.model, device)
    started = time.perf_counter()
    photographs = embed_photographs(args.faces, detector, embedder, args.threshold, args.scale, args.mirror)
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


if __name__ == "__main__":
    run_script(main)
