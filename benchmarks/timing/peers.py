"""Part `peers`: detect.py and feature.py compared with the plain reference on the same clips, in speed and results."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from rcnn.config import config

from .measure import run
from .setup import Row, Setup, last_json, read_rows

SCRIPT = "benchmarks/timing/plain.py"
RETINAFACE = "face_rpn_"  # in the names of its outputs
# tolerances for equal faces: IoU, pixels, share; the quality of ours is that of the stored JPEG
OVERLAP, DISTANCE, QUALITY = 0.99, 0.1, 0.05

Faces = dict[tuple[str, int], Row]  # the central face of a frame, by clip and frame


def measure(setup: Setup, count: int) -> Iterator[Row]:
    """One row per method. Seconds are of whole processes, from files to files."""
    dataset = setup.subset(count)
    folder = setup.fresh("peers")
    folder.mkdir()
    faces, vectors = folder / "faces", folder / "vectors"
    usage = setup.detect(dataset, faces)
    feature = setup.feature(faces, vectors)
    ours = {(row["name"], row["frame"]): row for row in read_rows(faces, "faces")}
    frames = sum(clip["frames"] for clip in read_rows(faces, "clips"))
    cores = len(setup.cores)
    base = usage.seconds, feature.seconds
    yield {
        **_row("detect.py, feature.py", frames, len(ours), *base, base),
        "cores busy": f"{usage.busy(cores):.0%}",
        "MB": round(max(usage.peak_mb, feature.peak_mb)),
    }
    for name, interpreter, arguments in _methods(setup):
        output = setup.fresh("plain")
        overlap = nms_threshold(setup.detector)
        usage = run([interpreter, SCRIPT, *arguments, "--dataset", dataset, "--output", output, "--nms", overlap])
        found = last_json(usage.output)
        start = usage.seconds - found["detect_seconds"] - found["feature_seconds"]
        times = start + found["detect_seconds"], start + found["feature_seconds"]
        yield {
            **_row(name, found["frames"], found["faces"], *times, base),
            "cores busy": f"{usage.busy(cores):.0%}",
            "MB": round(usage.peak_mb),
            "the same faces": "another detector" if "--yunet" in arguments else compare(ours, read_plain(output)),
        }
    for name, missing in _missing(setup):
        yield {"method": name, "the same faces": missing}


def _row(name: str, frames: int, faces: int, detect: float, feature: float, base: tuple[float, float]) -> Row:
    return {
        "method": name,
        "frames": frames,
        "faces": faces,
        "detect s": round(detect, 1),
        "frames/s": round(frames / detect, 1),
        "x detect.py": f"{detect / base[0]:.2f}",
        "feature s": round(feature, 1),
        "faces/s": round(faces / feature, 1),
        "x feature.py": f"{feature / base[1]:.2f}",
    }


def _methods(setup: Setup) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Name, Python and arguments of plain.py."""
    onnx = ("--engine", "onnx", "--detector", setup.onnx(setup.detector), "--model", setup.onnx(setup.model))
    if setup.mxnet:
        mxnet = ("--engine", "mxnet", "--detector", setup.detector, "--model", setup.model)
        yield "plain, MXNet 1.9.1", setup.mxnet, mxnet
    yield "plain, ONNX Runtime", sys.executable, onnx
    if setup.insightface:
        yield "plain, insightface's alignment and embedding", setup.insightface, (*onnx, "--insightface")
    if setup.yunet:
        yield "plain, OpenCV's YuNet, ONNX Runtime", sys.executable, (*onnx, "--yunet", setup.yunet)


def _missing(setup: Setup) -> Iterator[tuple[str, str]]:
    if not setup.mxnet:
        yield "plain, MXNet 1.9.1", "not run: no environment, see make speed"
    if not setup.insightface:
        yield "plain, insightface's alignment and embedding", "not run: no environment, see make speed"
    if not setup.yunet:
        yield (
            "plain, OpenCV's YuNet, ONNX Runtime",
            "not run: no model file, see --yunet",
        )


def nms_threshold(detector: str) -> float:
    """detect.py's NMS overlap for this detector."""
    from rcnn.networks.checkpoint import load_checkpoint

    retinaface = load_checkpoint(detector).output_names[0].startswith(RETINAFACE)
    return config.ESSH.NMS_RETINAFACE if retinaface else config.ESSH.NMS


def read_plain(output: Path) -> Faces:
    """Read the output of plain.py."""
    lines = (output / "faces.jsonl").read_text(encoding="utf-8").splitlines()
    clips = (json.loads(line) for line in lines)
    return {(clip["name"], face["frame"]): face for clip in clips for face in clip["faces"]}


def compare(ours: Faces, theirs: Faces) -> str:
    """Whether two methods found the same faces up to rounding, and their differences."""
    both = sorted(ours.keys() & theirs.keys())
    alone = len(ours.keys() ^ theirs.keys())
    if not both:
        return f"NO: none of {len(ours)} and {len(theirs)} is in the same frame"
    pairs = [(ours[key], theirs[key]) for key in both]
    overlap = min(_overlap(np.array(a["box"]), np.array(b["box"])) for a, b in pairs)
    distance = max(float(np.abs(np.subtract(a["landmarks"], b["landmarks"])).max()) for a, b in pairs)
    quality = max(abs(a["quality"] / b["quality"] - 1) for a, b in pairs)
    same = not alone and overlap > OVERLAP and distance < DISTANCE and quality < QUALITY
    frames = f", {alone} frames with a face in one only" if alone else ""
    return (
        f"{'yes' if same else 'NO'}: {len(both)} faces{frames}, IoU {overlap:.4f} or more, "
        f"landmarks within {distance:.4f} px, quality within {quality:.2%}"
    )


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes, both ends included."""
    inner = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]) + 1, 0).prod()
    return float(inner / ((a[2:] - a[:2] + 1).prod() + (b[2:] - b[:2] + 1).prod() - inner))
