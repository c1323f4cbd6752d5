"""MXNet 1.9.1: RetinaFace and MobileFaceNet as in benchmarks/timing/plain.py, every face of a frame."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from common import align, fitted, largest_first, run

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "timing"))
from plain import HEIGHT, WIDTH, Detector, Embedder


class Pipeline:
    """Create the function from an image to its faces and vectors."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.detector = Detector("mxnet", job["detector"], job["nms"])
        self.embedder = Embedder("mxnet", job["embedding"])

    def __call__(self, image: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        canvas, scale = fitted(image, WIDTH, HEIGHT, enlarge=True, whole=True)
        boxes, _, points = self.detector.detect(canvas)
        order = largest_first(boxes)
        vectors = [self.embedder.embed(align(image, points[index] / scale)) for index in order]
        return boxes[order] / scale, vectors


if __name__ == "__main__":
    run(Pipeline)
