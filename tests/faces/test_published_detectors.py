"""Published detectors against referees of their makers' way: a plain letterbox and decoder, and OpenCV's own YuNet."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest
from rcnn.cython.boxes import overlaps

from rcnn.faces.detectors import Detector
from rcnn.faces.finding import find_faces
from rcnn.faces.load import load_detector
from rcnn.faces.types import Faces
from rcnn.faces.views import detect_frames

SIDE = 640
SIZES = ((270, 480), (640, 360), (1920, 1080), (3840, 2160))  # width, height
PORTRAIT, WIDE = np.s_[:886, 250:748], np.s_[30:750, :]  # of the group photograph: two people, and all six
SURE = 0.65  # score from which on both must agree that there is a face; around 0.5 a rounding decides
SCRFD = ("scrfd_500m.onnx", "scrfd_500m_bnkps.onnx", "scrfd_2.5g_bnkps.onnx")
YUNET = ("yunet_n_dynamic.onnx", "yunet_s_dynamic.onnx", "yunet_n_320_320.onnx", "face_detection_yunet_2026may.onnx")
RETINAFACE = "retinaface_mnet_640.onnx"


def letterboxed(image: np.ndarray) -> tuple[np.ndarray, float]:
    """On 640 x 640 pixels, as InsightFace does, and the scale."""
    scale = SIDE / max(image.shape[:2])
    height, width = (int(side * scale) for side in image.shape[:2])
    canvas = np.zeros((SIDE, SIDE, 3), np.uint8)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas[:height, :width] = cv2.resize(image, (width, height), interpolation=way)
    return canvas, scale


def best(boxes: list, scores: list, points: list, scale: float) -> Faces:
    """What is left when each face drops those that overlap it by 0.4; in pixels of the image."""
    found = Faces(np.array(boxes, np.float32), np.array(scores, np.float32), np.array(points, np.float32))
    left, kept = list(np.argsort(-found.scores)), []
    while left:
        kept.append(left[0])
        overlap = overlaps(found.boxes[kept[-1:]], found.boxes[left])[0]
        left = [number for number, value in zip(left, overlap, strict=True) if value <= 0.4]
    found = found.take(np.array(kept, int))
    return Faces(found.boxes / np.float32(scale), found.scores, found.landmarks / np.float32(scale))


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
    canvas, scale = letterboxed(image)
    _, found = cv2.FaceDetectorYN.create(path, "", (SIDE, SIDE), 0.5, 0.3).detect(canvas)
    corners = np.concatenate([found[:, :2], found[:, :2] + found[:, 2:4]], 1)
    return Faces(corners / scale, found[:, 14], found[:, 4:14].reshape(-1, 5, 2) / scale)


REFEREES: dict[str, Callable[[str, np.ndarray], Faces]] = {
    **dict.fromkeys(SCRFD, scrfd),
    **dict.fromkeys(YUNET, yunet),
    RETINAFACE: retinaface,
}
ALIKE = {scrfd: (0.9, 4.0), retinaface: (0.95, 3.0), yunet: (0.7, 9.0)}  # overlap, and % of the eyes' distance


@cache
def detector_of(path: str) -> Detector:
    return load_detector(path)


@cache
def pictures(group: Path) -> dict[tuple[int, int], np.ndarray]:
    """One picture of each size, of people of a group photograph."""
    image = cv2.imread(str(group))
    way = cv2.INTER_CUBIC
    return {(w, h): cv2.resize(image[PORTRAIT if w < h else WIDE], (w, h), interpolation=way) for w, h in SIZES}


@pytest.mark.parametrize("name", REFEREES)
def test_a_published_detector_finds_what_its_referee_finds(name, shared):
    """At every size. YuNet's referee looks at another size than we do, so that it agrees less."""
    path = f"{shared}/models/{name}"
    referee = REFEREES[name]
    for size, image in pictures(shared / "images/t1.jpg").items():
        wanted = referee(path, image)
        found = find_faces(image, detector_of(path))
        (same,) = detect_frames(detector_of(path), [image])
        assert sorted(found.scores) == sorted(same.scores), size  # one helper for photographs and frames
        overlap = overlaps(found.boxes, wanted.boxes.astype(np.float32))
        people = 2 if size[0] < size[1] else 6
        assert (wanted.scores >= SURE).sum() >= people - 1, size
        for ours, theirs, table in ((found, wanted, overlap), (wanted, found, overlap.T)):
            sure = np.flatnonzero(ours.scores >= SURE)
            assert len(sure), size
            partners = table[sure].argmax(1)
            least, most = ALIKE[referee]
            assert table[sure, partners].min() >= least, (size, table[sure, partners])
            eyes = np.linalg.norm(ours.landmarks[sure, 0] - ours.landmarks[sure, 1], axis=1)
            apart = np.linalg.norm(ours.landmarks[sure] - theirs.landmarks[partners], axis=2).mean(1)
            assert (100 * apart / eyes).max() <= most, (size, 100 * apart / eyes)


def photographs(shared: Path, count: int) -> list[np.ndarray]:
    """Photographs of one person each, 250 x 250 pixels, with a face of about 120 pixels in the middle."""
    paths = sorted((shared / "faces").glob("*/*.jpg"))
    return [cv2.imread(str(path)) for path in paths[:: len(paths) // count][:count]]


def beside(close: np.ndarray, small: np.ndarray, size: tuple[int, int], near: int, far: int) -> np.ndarray:
    """A frame of width, height with a photograph `near` pixels large on the left, one of `far` in the right corner."""
    frame = np.full((size[1], size[0], 3), 90, np.uint8)
    frame[:near, :near] = cv2.resize(close, (near, near), interpolation=cv2.INTER_CUBIC)[: size[1]]
    frame[-far:, -far:] = cv2.resize(small, (far, far), interpolation=cv2.INTER_AREA)
    return frame


def heights(faces: Faces) -> np.ndarray:
    return faces.boxes[:, 3] - faces.boxes[:, 1]


@pytest.mark.parametrize("name", [SCRFD[0], SCRFD[2], YUNET[0], RETINAFACE])
def test_large_faces_and_small_ones_beside_them_are_found_in_full_hd(name, shared):
    """Six close-ups with faces of some 500 pixels, each beside a face of 80."""
    detector = detector_of(f"{shared}/models/{name}")
    images = photographs(shared, 7)
    frames = [beside(close, images[6], (1920, 1080), 1080, 170) for close in images[:6]]
    for faces in detect_frames(detector, frames):
        assert (heights(faces) > 320).sum() == 1
        assert ((heights(faces) > 50) & (heights(faces) < 130)).sum() == 1


@pytest.mark.parametrize("name", [SCRFD[0], SCRFD[1], "model/essh-m25,0"])
def test_a_close_up_that_fills_a_square_picture_is_found_beside_a_small_face(name, shared):
    root = Path(__file__).resolve().parents[2]
    detector = detector_of(f"{root if ',' in name else shared / 'models'}/{name}")
    images = photographs(shared, 7)
    image = beside(images[1][60:200, 55:195], images[6], (1080, 1080), 1080, 200)
    faces = find_faces(image, detector)
    assert (heights(faces) > 750).sum() == 1
    assert ((heights(faces) > 60) & (heights(faces) < 150)).sum() == 1
