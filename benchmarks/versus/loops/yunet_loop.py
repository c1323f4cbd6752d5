"""OpenCV alone, as its samples do it: FaceDetectorYN frame by frame, the embedding by cv2.dnn face by face."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from common import NMS, THRESHOLD, align, fitted, largest_first, run


class Pipeline:
    """Create the function from an image to its faces and vectors."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.size = job["detector_size"]
        self.detector = cv2.FaceDetectorYN.create(job["detector"], "", self.size, THRESHOLD, NMS)
        self.embedder = cv2.dnn.readNetFromONNX(job["embedding"])

    def __call__(self, image: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        canvas, scale = fitted(image, *self.size)
        self.detector.setInputSize(canvas.shape[1::-1])
        rows = self.detector.detect(canvas)[1]
        rows = np.zeros((0, 15), np.float32) if rows is None else rows / scale
        boxes = np.hstack([rows[:, :2], rows[:, :2] + rows[:, 2:4]])
        order = largest_first(boxes)
        vectors = [self.embed(align(image, rows[index, 4:14].reshape(5, 2))) for index in order]
        return boxes[order], vectors

    def embed(self, crop: np.ndarray) -> np.ndarray:
        self.embedder.setInput(cv2.dnn.blobFromImage(crop, 1 / 127.5, (112, 112), (127.5,) * 3, swapRB=True))
        return self.embedder.forward()[0].copy()


if __name__ == "__main__":
    run(Pipeline)
