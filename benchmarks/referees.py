"""Reference implementations of published detectors, as their authors run them: plain letterbox and decoder, and
OpenCV's YuNet."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from rcnn.cython.boxes import overlaps

from rcnn.faces.types import Faces

SIDE = 640
SIZES = ((270, 480), (640, 360), (1920, 1080), (3840, 2160))  # width, height
PORTRAIT, WIDE = np.s_[:886, 250:748], np.s_[30:750, :]  # crops of the group photograph: two people, and all six
SURE = 0.65  # score from which both must agree on a face; around 0.5, rounding decides
SCRFD = ("scrfd_500m.onnx", "scrfd_500m_bnkps.onnx", "scrfd_2.5g_bnkps.onnx")
YUNET = ("yunet_n_dynamic.onnx", "yunet_s_dynamic.onnx", "yunet_n_320_320.onnx", "face_detection_yunet_2026may.onnx")
RETINAFACE = "retinaface_mnet_640.onnx"


@cache
def pictures(group: Path) -> dict[tuple[int, int], np.ndarray]:
    """One picture per size, showing people of a group photograph."""
    image = cv2.imread(str(group))
    way = cv2.INTER_CUBIC
    return {(w, h): cv2.resize(image[PORTRAIT if w < h else WIDE], (w, h), interpolation=way) for w, h in SIZES}


def alike(ours: Faces, theirs: Faces) -> tuple[float, float]:
    """Over the faces that either is sure of: the lowest overlap with the other's faces, and the largest landmark
    distance in % of the distance between the eyes."""
    least, most = 1.0, 0.0
    for one, other in ((ours, theirs), (theirs, ours)):
        sure = np.flatnonzero(one.scores >= SURE)
        if not len(sure):
            continue
        if not len(other):
            return 0.0, np.inf
        table = overlaps(*(np.ascontiguousarray(faces.boxes, np.float32) for faces in (one, other)))[sure]
        partners = table.argmax(1)
        eyes = np.linalg.norm(one.landmarks[sure, 0] - one.landmarks[sure, 1], axis=1)
        apart = np.linalg.norm(one.landmarks[sure] - other.landmarks[partners], axis=2).mean(1)
        least, most = min(least, float(table.max(1).min())), max(most, float((100 * apart / eyes).max()))
    return least, most


def letterboxed(image: np.ndarray) -> tuple[np.ndarray, float]:
    """The letterbox of 640 x 640 pixels, as in InsightFace, and the scale."""
    scale = SIDE / max(image.shape[:2])
    height, width = (int(side * scale) for side in image.shape[:2])
    canvas = np.zeros((SIDE, SIDE, 3), np.uint8)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas[:height, :width] = cv2.resize(image, (width, height), interpolation=way)
    return canvas, scale


def best(boxes: list, scores: list, points: list, scale: float) -> Faces:
    """Non-maximum suppression at an overlap of 0.4; in pixels of the image."""
    found = Faces(np.array(boxes, np.float32), np.array(scores, np.float32), np.array(points, np.float32))
    left, kept = list(np.argsort(-found.scores)), []
    while left:
        kept.append(left[0])
        overlap = overlaps(found.boxes[kept[-1:]], found.boxes[left])[0]
        left = [number for number, value in zip(left, overlap, strict=True) if value <= 0.4]
    return in_image(found.take(np.array(kept, int)), scale)


def in_image(found: Faces, scale: float) -> Faces:
    """Convert to pixels of the image: its x is (x + 1/2) scale - 1/2 in the letterbox, as in cv2.resize."""
    return Faces((found.boxes + 0.5) / scale - 0.5, found.scores, (found.landmarks + 0.5) / scale - 0.5)


@cache
def session(path: str) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def planes(image: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32)


def scrfd(path: str, image: np.ndarray) -> Faces:
    canvas, scale = letterboxed(image)
    name = session(path).get_inputs()[0].name
    outputs = session(path).run(None, {name: (planes(canvas[..., ::-1]) - 127.5) / 128})
    boxes, scores, points = [], [], []
    for stride in (8, 16, 32):
        rows = (SIDE // stride) ** 2 * 2
        score, box, kps = (
            next(o.reshape(rows, width) for o in outputs if o.size == rows * width and o.shape[-1] == width)
            for width in (1, 4, 10)
        )
        for row in np.flatnonzero(score[:, 0] >= 0.5):
            y, x = divmod(row // 2, SIDE // stride)
            left, top, right, bottom = box[row] * stride
            boxes.append([x * stride - left, y * stride - top, x * stride + right, y * stride + bottom])
            scores.append(score[row, 0])
            points.append(kps[row].reshape(5, 2) * stride + [x * stride, y * stride])
    return best(boxes, scores, points, scale)


def retinaface(path: str, image: np.ndarray) -> Faces:
    canvas, scale = letterboxed(image)
    name = session(path).get_inputs()[0].name
    outputs = session(path).run(None, {name: planes(canvas - np.array([104, 117, 123], np.float32))})
    box, score, kps = (next(o[0] for o in outputs if o.shape[-1] == width) for width in (4, 2, 10))
    priors = [
        (x + 0.5) * stride if axis == 0 else (y + 0.5) * stride if axis == 1 else side
        for stride, sides in ((8, (16, 32)), (16, (64, 128)), (32, (256, 512)))
        for y in range(SIDE // stride)
        for x in range(SIDE // stride)
        for side in sides
        for axis in range(3)
    ]
    boxes, scores, points = [], [], []
    for row in np.flatnonzero(score[:, 1] >= 0.5):
        x, y, side = priors[3 * row : 3 * row + 3]
        middle = np.array([x, y]) + box[row, :2] * 0.1 * side
        half = np.exp(box[row, 2:] * 0.2) * side / 2
        boxes.append([*(middle - half), *(middle + half)])
        scores.append(score[row, 1])
        points.append(kps[row].reshape(5, 2) * 0.1 * side + [x, y])
    return best(boxes, scores, points, scale)


def yunet(path: str, image: np.ndarray) -> Faces:
    """OpenCV's YuNet on the original image; larger images are scaled to fit 888 x 480 pixels."""
    scale = min(1.0, 888 / image.shape[1], 480 / image.shape[0])
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    seen = image if scale == 1 else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    _, found = cv2.FaceDetectorYN.create(path, "", size, 0.5, 0.3).detect(seen)
    corners = np.concatenate([found[:, :2], found[:, :2] + found[:, 2:4]], 1)
    return in_image(Faces(corners, found[:, 14], found[:, 4:14].reshape(-1, 5, 2)), scale)


REFEREES: dict[str, Callable[[str, np.ndarray], Faces]] = {
    **dict.fromkeys(SCRFD, scrfd),
    **dict.fromkeys(YUNET, yunet),
    RETINAFACE: retinaface,
}
