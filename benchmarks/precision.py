"""Accuracy and speed by --precision: verification, faces found and MAP@100.

    python benchmarks/precision.py
    python benchmarks/precision.py --dataset ./data/mine --only stages

Networks are calibrated on photographs of other people than those used for evaluation. float16 is computed by PyTorch on
the CPU, slowly: its accuracy is about that of a GPU, its speed is not and is omitted. All lines of a table are measured
in one run, one after the other.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.models import PUBLISHED_DETECTOR, PUBLISHED_EMBEDDING
from rcnn.commands.arguments import Parser, number, paths, positive
from rcnn.config import config
from rcnn.errors import InputError, run_script
from rcnn.faces.choice import central_crop, central_face
from rcnn.faces.detectors.essh import EsshDetector
from rcnn.faces.embedding import OUTPUT
from rcnn.faces.load import load_detector
from rcnn.faces.types import Faces
from rcnn.faces.vectors import normalise, norms
from rcnn.networks.checkpoint import load_checkpoint
from rcnn.networks.engine import FP16, FP32, INT8, Network, load_network
from rcnn.networks.engine.int8 import Int8Network, quantise
from rcnn.scores.verification import different_pairs, same_pairs, similarities, verify
from rcnn.training.people import held_out, list_photographs
from rcnn.video.photographs import read_image

WIDTH, HEIGHT = config.FRAME.CANVASES[0]  # pixels of a detector's input
ROOT = Path(__file__).resolve().parents[1]
PARTS = ("embedding", "detector", "stages")
CALIBRATION_CROPS, CALIBRATION_FRAMES = 300, 96
FOLDS = 10
SPEED_SECONDS = 3.0
NUMBERS = {  # in the scripts' output
    "faces": re.compile(r"(\d+) faces kept"),
    "seconds": re.compile(r"([\d.]+) s ->"),
    "map": re.compile(r"MAP@100 ([\d.]+) over"),
}


def quantised(network: Network, images: np.ndarray) -> Int8Network:
    """The 8-bit variant of a network."""
    with tempfile.TemporaryDirectory() as folder:
        quantise(network, images, f"{folder}/network")
        return Int8Network(network, f"{folder}/network")


def speed(network: Callable[[np.ndarray], object], images: np.ndarray, seconds: float = SPEED_SECONDS) -> float:
    """Images per second, measured for `seconds`."""
    network(images)
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        network(images)
        count += len(images)
    return count / (time.perf_counter() - started)


def frame(photograph: np.ndarray) -> np.ndarray:
    """The photograph centred in a frame of detect.py's size, on grey."""
    result = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    height, width = (min(a, b) for a, b in zip(photograph.shape[:2], result.shape[:2], strict=True))
    top, left = (result.shape[0] - height) // 2, (result.shape[1] - width) // 2
    result[top : top + height, left : left + width] = photograph[:height, :width]
    return result


def embeddings(model: str, crops: tuple[np.ndarray, np.ndarray], labels: np.ndarray, half: int) -> None:
    """Print the table of an embedding; `crops` for evaluation and for calibration, of different people."""
    mine, others = crops
    graph = load_checkpoint(model)
    exact = load_network(graph, [OUTPUT], images=True)
    kinds = {FP32: exact, INT8: quantised(exact, others[:CALIBRATION_CROPS])}
    reference = exact(mine)[0]
    same = same_pairs(labels)
    different = different_pairs(labels, len(same), np.random.default_rng(0))
    print(f"\n{model}: {len(mine)} crops, {len(same)} + {len(different)} pairs")
    print(
        f"{'precision':<10}{'faces/s':>9}{'gain':>7}{'accuracy %':>16}{'ROC AUC':>10}{'cosine to fp32':>16}{'norm':>8}"
    )
    rates = {name: speed(network, mine[:64]) for name, network in kinds.items()}
    kinds[FP16] = load_network(graph, [OUTPUT], images=True, engine="torch", precision=FP16)
    for name, network in kinds.items():
        chosen = slice(half) if name == FP16 else slice(None)
        found = np.concatenate([network(mine[chosen][i : i + 64])[0] for i in range(0, len(mine[chosen]), 64)])
        cosine = (normalise(found) * normalise(reference[chosen])).sum(1).mean()
        norm = (norms(found) / norms(reference[chosen])).mean()
        cells = f"{rates[name]:>9.0f}{rates[name] / rates[FP32]:>7.2f}" if name in rates else f"{'-':>9}{'-':>7}"
        if len(found) == len(mine):
            unit = normalise(found)
            result = verify(similarities(unit, same), similarities(unit, different), FOLDS, np.random.default_rng(1))
            accuracy = f"{100 * result.accuracy.mean():.2f} ± {100 * result.accuracy.std():.2f}"
            cells += f"{accuracy:>16}{result.auc:>10.5f}"
        else:
            cells += f"{'-':>16}{'-':>10}"
        print(f"{name:<10}{cells}{cosine:>16.5f}{norm:>8.4f}")


def detections(model: str, frames: tuple[np.ndarray, np.ndarray]) -> list[Faces]:
    """Print the table of a detector; returns the faces of the exact one."""
    mine, others = frames
    detector = load_detector(model)
    fast = EsshDetector(quantised(detector.network, others[:CALIBRATION_FRAMES]), detector.nms_threshold)
    exact = detector.detect(mine)
    print(f"\n{model}: {len(mine)} frames of {WIDTH}x{HEIGHT}, threshold {config.ESSH.THRESHOLD}")
    print(f"{'precision':<10}{'frames/s':>9}{'gain':>7}{'faces':>8}{'frames with one':>17}{'landmarks off by':>18}")
    base = 0.0
    for name, kind in ((FP32, detector), (INT8, fast)):
        rate = speed(kind.network, mine[:16])
        base = base or rate
        found = exact if kind is detector else kind.detect(mine)
        with_face = sum(len(faces) > 0 for faces in found)
        off = landmark_distance(found, exact)
        print(
            f"{name:<10}{rate:>9.1f}{rate / base:>7.2f}{sum(map(len, found)):>8}{with_face:>17}"
            f"{100 * off:>14.2f} % of the eyes' distance"
        )
    return exact


def landmark_distance(found: Sequence[Faces], exact: Sequence[Faces]) -> float:
    """Mean distance of the central faces' landmarks, relative to the distance between the eyes."""
    distances = []
    for ours, theirs in zip(found, exact, strict=True):
        if len(ours) and len(theirs):
            a, b = (faces.landmarks[central_face(faces, WIDTH, HEIGHT)] for faces in (ours, theirs))
            distances.append(np.linalg.norm(a - b, axis=1).mean() / np.linalg.norm(b[1] - b[0]))
    return float(np.mean(distances))


def stages(dataset: str, detector: str, model: str, threshold: float, classes: int) -> None:
    """Print the table of the stages, from clips to MAP@100."""
    truth = Path(dataset, "gt_v2/test_v2.txt")
    if not truth.is_file():
        raise InputError(f"{truth}: does not exist; give a --dataset that gendata.py or rcnn demo made")
    print(f"\nstages on {dataset}, {detector}, {model}, --quality-threshold {threshold:g}")
    print(f"{'precision':<10}{'faces':>8}{'detect s':>10}{'feature s':>11}{'MAP@100':>9}")
    for precision in (FP32, INT8):
        with tempfile.TemporaryDirectory() as folder:
            faces, seconds = 0, {"detect": 0.0, "feature": 0.0}
            for part in ("trainval", "test"):
                said = script(
                    "detect.py", "--detector", detector, "--model", model, "--dataset", dataset, "--stage", part,
                    "--output", f"{folder}/det_{part}", "--quality-threshold", threshold, "--precision", precision,
                    "--gpu", -1,
                )  # fmt: skip
                faces += int(NUMBERS["faces"].search(said)[1])
                seconds["detect"] += float(NUMBERS["seconds"].search(said)[1])
                said = script(
                    "feature.py", "--model", model, "--input", f"{folder}/det_{part}", "--output",
                    f"{folder}/feat_{part}", "--precision", precision, "--gpu", -1,
                )  # fmt: skip
                seconds["feature"] += float(NUMBERS["seconds"].search(said)[1])
            script("genfeat.py", "--inputs", f"{folder}/feat_trainval", "--output", f"{folder}/set")
            script(
                "train_mlp.py", "--data", f"{folder}/set", "--prefix", f"{folder}/iqiyi", "--num-classes", classes,
                "--gpu", -1,
            )  # fmt: skip
            script(
                "predict.py", "--model", f"{folder}/iqiyi,40", "--inputs", f"{folder}/feat_test", "--output",
                f"{folder}/pred", "--gpu", -1,
            )  # fmt: skip
            said = script(
                "submit.py", "--inputs", f"{folder}/pred", "--output", f"{folder}/submission.txt", "--gt", truth
            )
        score = NUMBERS["map"].search(said)[1]
        print(f"{precision:<10}{faces:>8}{seconds['detect']:>10.1f}{seconds['feature']:>11.1f}{score:>9}", flush=True)


def script(name: str, *arguments: object) -> str:
    """Run a stage and return its output.

    Raises
    ------
    InputError
        If it fails.
    """
    command = [sys.executable, str(ROOT / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(f"{name}: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout


def main() -> None:
    parser = Parser(__doc__.splitlines()[0], "python benchmarks/precision.py --only embedding,detector")
    add = parser.add_argument
    add("--only", type=paths, default=PARTS, metavar="PART,...", help=f"parts: {','.join(PARTS)}")
    add("--detector", default=PUBLISHED_DETECTOR, metavar="PREFIX,EPOCH", help="detector")
    add("--model", default=PUBLISHED_EMBEDDING, metavar="PREFIX,EPOCH", help="embedding")
    add("--faces", default="../shared/faces", metavar="DIR", help="folder of PERSON/*.jpg; a fifth for evaluation")
    add("--photographs", default=1200, type=positive, metavar="N", help="maximum for evaluation")
    add("--half", default=200, type=positive, metavar="N", help="crops for float16")
    add("--dataset", default="./data/demo", metavar="DIR", help="clips for the stages")
    add("--quality-threshold", default=6.0, type=number, metavar="Q", help="as for detect.py")
    add("--num-classes", default=31, type=positive, metavar="N", help="as for train_mlp.py")
    args = parser.parse_args()
    if unknown := set(args.only) - set(PARTS):
        parser.error(f"--only {','.join(sorted(unknown))}: parts are {', '.join(PARTS)}")
    if {"embedding", "detector"} & set(args.only):
        people = list_photographs(args.faces)
        judged, other = [], []
        for label, (person, files) in enumerate(people.items()):
            (judged if held_out(person) else other).extend((path, label) for path in files)
        judged, other = judged[: args.photographs], other[:CALIBRATION_CROPS]
        frames = tuple(np.stack([frame(read_image(path)) for path, _ in part]) for part in (judged, other))
        exact = detections(args.detector, frames)
        if "embedding" in args.only:
            mine, kept = aligned(frames[0], exact)
            others, _ = aligned(frames[1], load_detector(args.detector).detect(frames[1]))
            embeddings(args.model, (mine, others), np.array([label for _, label in judged])[kept], args.half)
    if "stages" in args.only:
        stages(args.dataset, args.detector, args.model, args.quality_threshold, args.num_classes)


def aligned(frames: np.ndarray, found: Sequence[Faces]) -> tuple[np.ndarray, np.ndarray]:
    """Crops of the central faces, and whether each frame has one, (n,) bool."""
    kept = np.array([len(faces) > 0 for faces in found])
    crops = [central_crop(image, faces) for image, faces in zip(frames, found, strict=True) if len(faces)]
    return np.stack(crops), kept


if __name__ == "__main__":
    run_script(main)
