"""UniFace: FaceAnalyzer frame by frame with its SCRFD and MobileFace, its FAISS store for the search.

UniFace opens only weights of its own registry, so ours are added to it. It has no batch calls.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tempfile
from enum import StrEnum
from typing import Any

import numpy as np
from common import NMS, THRESHOLD, Found, finish, frames, largest_first, rank_by, read_job
from uniface import FaceAnalyzer, constants
from uniface.detection import SCRFD
from uniface.recognition import MobileFace
from uniface.stores import FAISS

CPU = ["CPUExecutionProvider"]


class Weights(StrEnum):
    """Registry entries for the files in the cache."""

    DETECTOR = "peers_detector"
    EMBEDDING = "peers_embedding"


def register(name: Weights, path: str, cache: str) -> Weights:
    """Put a file into UniFace's cache and registry."""
    shutil.copyfile(path, os.path.join(cache, f"{name.value}.onnx"))
    with open(path, "rb") as file:
        sha256 = hashlib.sha256(file.read()).hexdigest()
    constants.MODEL_REGISTRY[name] = constants.ModelInfo(url=f"{name.value}.onnx", sha256=sha256)
    return name


class Pipeline:
    """Create the function from an image to its faces and vectors."""

    def __init__(self, job: dict[str, Any], cache: str) -> None:
        os.environ["UNIFACE_CACHE_DIR"] = cache
        detector = SCRFD(
            model_name=register(Weights.DETECTOR, job["detector"], cache),
            confidence_threshold=THRESHOLD, nms_threshold=NMS, providers=CPU,
        )  # fmt: skip
        recognizer = MobileFace(model_name=register(Weights.EMBEDDING, job["embedding"], cache), providers=CPU)
        self.analyzer = FaceAnalyzer(detector=detector, recognizer=recognizer)

    def __call__(self, image: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        faces = self.analyzer.analyze(image)
        boxes = np.array([face.bbox for face in faces]).reshape(-1, 4)
        order = largest_first(boxes)
        return boxes[order], [faces[index].embedding for index in order]


def main() -> None:
    logging.disable(logging.INFO)
    job = read_job()
    with tempfile.TemporaryDirectory() as cache:
        pipeline = Pipeline(job, cache)

        def ranking(found: Found, people: list[str], vectors: np.ndarray) -> dict[str, list[int]]:
            store = FAISS(embedding_size=vectors.shape[1], db_path=os.path.join(cache, "store"))
            for name, vector in zip(people, vectors, strict=True):
                store.add(vector, {"name": name})

            def search(vector: np.ndarray) -> tuple[str | None, float]:
                person, cosine = store.search(vector)
                return (person["name"] if person else None), cosine

            return rank_by(found, people, search)

        found = Found()
        for index, clip in enumerate(job["clips"]):
            for number, image in frames(clip):
                found.add(index, number, *pipeline(image))
        finish(job, found, lambda image: pipeline(image)[1], ranking=ranking)


if __name__ == "__main__":
    main()
