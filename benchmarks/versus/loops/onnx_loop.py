"""Plain ONNX Runtime at its best: SCRFD and an embedding, decoded by PyAV, one frame per core.

Sessions have one thread each and every core processes its own frames, which is faster on a CPU than one frame on all
cores. The graphs accept one image per run, so there are no batches. Frames are enlarged only if the job requests it.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import av
import cv2
import numpy as np
import onnxruntime
from common import NMS, THRESHOLD, Clip, Found, align, finish, fitted, largest_first, read_job

STRIDES, ANCHORS = (8, 16, 32), 2
AHEAD = 4  # queued frames per core


def session(path: str) -> Any:
    """A network that runs on the calling thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def frames(clip: Clip) -> Iterator[tuple[int, np.ndarray]]:
    """Number and image, BGR; decoded by FFmpeg's threads."""
    path, looks = clip
    wanted = frozenset(looks)
    with av.open(path) as container:
        container.streams.video[0].thread_type = "AUTO"
        for number, frame in enumerate(container.decode(video=0), 1):
            if number in wanted:
                yield number, frame.to_ndarray(format="bgr24")
            if number >= looks[-1]:
                return


class Pipeline:
    """Create the function from an image to its faces and vectors."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.detector, self.embedder = session(job["detector"]), session(job["embedding"])
        self.inputs = self.detector.get_inputs()[0].name, self.embedder.get_inputs()[0].name
        self.width, self.height = job["detector_size"]
        self.enlarge = job["enlarge"]
        self.centres: dict[tuple[int, int, int], np.ndarray] = {}

    def __call__(self, image: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        boxes, points = self.detect(image)
        crops = [align(image, each) for each in points]
        return boxes, [self.embed(crop) for crop in crops]

    def embed(self, crop: np.ndarray) -> np.ndarray:
        blob = cv2.dnn.blobFromImage(crop, 1 / 127.5, (112, 112), (127.5,) * 3, swapRB=True)
        return self.embedder.run(None, {self.inputs[1]: blob})[0][0]

    def detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Boxes (n, 4) and landmarks (n, 5, 2), the largest face first."""
        canvas, scale = fitted(image, self.width, self.height, self.enlarge)
        blob = cv2.dnn.blobFromImage(canvas, 1 / 128, None, (127.5,) * 3, swapRB=True)
        outputs = self.detector.run(None, {self.inputs[0]: blob})
        rows = []
        for level, stride in enumerate(STRIDES):
            scores = outputs[level].reshape(-1)
            chosen = np.flatnonzero(scores >= THRESHOLD)
            origins = self.origins(canvas.shape[0] // stride, canvas.shape[1] // stride, stride)[chosen]
            edges = outputs[level + 3].reshape(-1, 4)[chosen] * stride
            shifts = outputs[level + 6].reshape(-1, 10)[chosen] * stride
            box = np.hstack([origins - edges[:, :2], origins + edges[:, 2:]])
            rows.append(np.hstack([box, np.tile(origins, 5) + shifts, scores[chosen, None]]))
        found = np.concatenate(rows)
        sizes = np.hstack([found[:, :2], found[:, 2:4] - found[:, :2]])
        kept = np.array(cv2.dnn.NMSBoxes(sizes.tolist(), found[:, -1].tolist(), THRESHOLD, NMS), np.int64).reshape(-1)
        found = found[kept] / scale
        found = found[largest_first(found[:, :4])]
        return found[:, :4], found[:, 4:14].reshape(-1, 5, 2)

    def origins(self, rows: int, columns: int, stride: int) -> np.ndarray:
        """(rows * columns * ANCHORS, 2) x, y of the cells' corners."""
        key = rows, columns, stride
        if key not in self.centres:
            grid = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1).reshape(-1, 2) * stride
            self.centres[key] = np.repeat(grid, ANCHORS, 0).astype(np.float32)
        return self.centres[key]


def main() -> None:
    job = read_job()
    cv2.setNumThreads(1)
    pipeline = Pipeline(job)
    cores = len(os.sched_getaffinity(0))
    found = Found()
    waiting: deque[tuple[int, int, Future]] = deque()
    with ThreadPoolExecutor(cores) as pool:
        for index, clip in enumerate(job["clips"]):
            for number, image in frames(clip):
                waiting.append((index, number, pool.submit(pipeline, image)))
                if len(waiting) > AHEAD * cores:
                    clip_index, frame, future = waiting.popleft()
                    found.add(clip_index, frame, *future.result())
        for clip_index, frame, future in waiting:
            found.add(clip_index, frame, *future.result())
    finish(job, found, lambda image: pipeline(image)[1])


if __name__ == "__main__":
    main()
