"""deepface frame by frame: represent() with its YuNet and SFace, as called by its stream.

Its stream itself draws into a window. It downloads its networks on first use without checking sums, so other networks
are stored under their names; its SFace gets RGB, 0 to 255.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from common import THRESHOLD, largest_first, run

WEIGHTS = ".deepface/weights"
DETECTOR, EMBEDDING = "face_detection_yunet_2023mar.onnx", "face_recognition_sface_2021dec.onnx"


class Pipeline:
    """Create the function from an image to its faces and vectors."""

    def __init__(self, job: dict[str, Any]) -> None:
        folder = Path(job["root"]) / WEIGHTS
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(job["detector"], folder / DETECTOR)
        shutil.copyfile(job["raw_embedding"], folder / EMBEDDING)
        os.environ |= {
            "DEEPFACE_HOME": job["root"],
            "yunet_score_threshold": str(THRESHOLD),
            "DEEPFACE_ONNX_PROVIDERS": "cpu",
        }
        from deepface import DeepFace  # reads the environment when imported

        self.represent = DeepFace.represent

    def __call__(self, image: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        faces = self.represent(image, model_name="SFace", detector_backend="yunet", enforce_detection=False)
        faces = [face for face in faces if face["face_confidence"]]  # without a face it gives the whole image
        areas = [face["facial_area"] for face in faces]
        boxes = np.array([[each["x"], each["y"], each["x"] + each["w"], each["y"] + each["h"]] for each in areas])
        boxes = boxes.reshape(-1, 4)
        order = largest_first(boxes)
        return boxes[order], [faces[index]["embedding"] for index in order]


if __name__ == "__main__":
    run(Pipeline)
