"""A plain reference implementation, frame by frame and face by face, without optimisation.

    python benchmarks/plain.py --engine onnx --detector DETECTOR.onnx --model MODEL.onnx --dataset DIR --output DIR

benchmarks/speed.py compares detect.py and feature.py with it. It shares no code with them and needs only numpy, OpenCV
and one runtime, so that it also runs in MXNet's environment. Only for networks that subtract no mean. Prints a line of
JSON: frames and faces, and the seconds of each of the two steps without imports and loading.
"""

from __future__ import annotations

import argparse
import json
import os
import time

import cv2
import numpy as np
from peer_networks import load_network

WIDTH, HEIGHT = 888, 480
STRIDES = ((32, (32, 16)), (16, (8, 4)), (8, (2, 1)))
BASE = 16
THRESHOLD = 0.5
BEST = 1000
PARTS = {"train": "IQIYI_VID_DATA_Part1/IQIYI_VID_TRAIN", "val": "IQIYI_VID_DATA_Part1/IQIYI_VID_VAL"}
TARGET = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], np.float32
)
FACES, FEATURES = "faces.jsonl", "features.npz"


class Detector:
    """ESSH or RetinaFace: decodes every anchor of an image, then filters by score."""

    def __init__(self, engine: str, model: str, nms: float) -> None:
        self.network = load_network(engine, model)
        self.nms = nms
        self.anchors: dict[tuple[int, int, int], np.ndarray] = {}

    def detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Boxes (n, 4), scores (n,) and landmarks (n, 5, 2) of an image, uint8, BGR."""
        planes = image[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32)
        outputs = self.network(planes)
        boxes, scores, landmarks = [], [], []
        for level, (stride, scales) in enumerate(STRIDES):
            count = len(scales)
            probability, box_deltas, point_deltas = (o[0] for o in outputs[3 * level : 3 * level + 3])
            rows, columns = probability.shape[1:]
            anchors = self.plane(stride, scales, rows, columns)
            score = probability[count:].transpose(1, 2, 0).reshape(-1)
            best = np.argsort(-score)[:BEST]
            box = decode_boxes(anchors, box_deltas.transpose(1, 2, 0).reshape(-1, 4))
            points = decode_points(anchors, point_deltas.transpose(1, 2, 0).reshape(-1, 5, 2))
            boxes.append(box[best])
            scores.append(score[best])
            landmarks.append(points[best])
        box, score, points = np.concatenate(boxes), np.concatenate(scores), np.concatenate(landmarks)
        box = np.clip(box, 0, [WIDTH - 1, HEIGHT - 1, WIDTH - 1, HEIGHT - 1])
        kept = suppress(box, score, self.nms)
        kept = kept[score[kept] >= THRESHOLD]
        return box[kept], score[kept], points[kept]

    def plane(self, stride: int, scales: tuple[int, ...], rows: int, columns: int) -> np.ndarray:
        """Anchors (rows * columns * scales, 4) of a feature map."""
        key = (stride, rows, columns)
        if key not in self.anchors:
            centre = (BASE - 1) / 2
            half = (BASE * np.array(scales) - 1) / 2
            base = np.stack([centre - half, centre - half, centre + half, centre + half], 1)
            x, y = np.meshgrid(np.arange(columns) * stride, np.arange(rows) * stride)
            shifts = np.stack([x, y, x, y], -1).reshape(-1, 1, 4)
            self.anchors[key] = (shifts + base).reshape(-1, 4).astype(np.float32)
        return self.anchors[key]


def decode_boxes(anchors: np.ndarray, deltas: np.ndarray) -> np.ndarray:
    sizes = anchors[:, 2:] - anchors[:, :2] + 1
    centres = anchors[:, :2] + (sizes - 1) / 2 + deltas[:, :2] * sizes
    half = (np.exp(deltas[:, 2:]) * sizes - 1) / 2
    return np.concatenate([centres - half, centres + half], 1)


def decode_points(anchors: np.ndarray, deltas: np.ndarray) -> np.ndarray:
    sizes = anchors[:, 2:] - anchors[:, :2] + 1
    centres = anchors[:, :2] + (sizes - 1) / 2
    return deltas * sizes[:, None] + centres[:, None]


def suppress(boxes: np.ndarray, scores: np.ndarray, overlap: float) -> np.ndarray:
    """Indices of the remaining boxes, best first."""
    area = (boxes[:, 2] - boxes[:, 0] + 1) * (boxes[:, 3] - boxes[:, 1] + 1)
    order = np.argsort(-scores)
    kept = []
    while len(order):
        first, rest = order[0], order[1:]
        kept.append(first)
        low = np.maximum(boxes[first, :2], boxes[rest, :2])
        high = np.minimum(boxes[first, 2:], boxes[rest, 2:])
        inner = np.maximum(high - low + 1, 0).prod(1)
        order = rest[inner / (area[first] + area[rest] - inner) <= overlap]
    return np.array(kept, np.int64)


def central(boxes: np.ndarray) -> int:
    sizes = boxes[:, 2:] - boxes[:, :2]
    offsets = (boxes[:, :2] + boxes[:, 2:]) / 2 - np.array([WIDTH / 2, HEIGHT / 2])
    return int(np.argmax(sizes.prod(1) - 2 * (offsets**2).sum(1)))


def align(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The 112x112 crop, by the least-squares similarity transform (Umeyama)."""
    source, target = points - points.mean(0), TARGET - TARGET.mean(0)
    u, d, vt = np.linalg.svd(target.T @ source / 5)
    signs = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    scale = (d * signs).sum() / (source**2).sum(1).mean()
    turn = scale * (u * signs) @ vt
    matrix = np.hstack([turn, (TARGET.mean(0) - turn @ points.mean(0))[:, None]])
    return cv2.warpAffine(image, matrix, (112, 112), borderValue=0)


class Embedder:
    """Embeds one crop at a time."""

    def __init__(self, engine: str, model: str) -> None:
        self.network = load_network(engine, model)
        self.align = align

    def embed(self, crop: np.ndarray) -> np.ndarray:
        return self.network(crop[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32))[0][0]


class InsightFace:
    """The same by the `insightface` package: its alignment, its ONNX Runtime session."""

    def __init__(self, model: str) -> None:
        from insightface import model_zoo
        from insightface.utils import face_align

        self.network = model_zoo.get_model(model, providers=["CPUExecutionProvider"])
        self.align = face_align.norm_crop

    def embed(self, crop: np.ndarray) -> np.ndarray:
        return self.network.get_feat(crop)[0]


class YuNet:
    """OpenCV's detector."""

    def __init__(self, model: str) -> None:
        self.network = cv2.FaceDetectorYN.create(model, "", (WIDTH, HEIGHT), THRESHOLD)

    def detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        found = self.network.detect(image)[1]
        found = np.zeros((0, 15), np.float32) if found is None else found
        boxes = np.hstack([found[:, :2], found[:, :2] + found[:, 2:4] - 1])
        return boxes, found[:, 14], found[:, 4:14].reshape(-1, 5, 2)


def find_faces(path: str, sampling: int, detector: Detector, embedder: Embedder, folder: str) -> tuple[int, list[dict]]:
    """Number of sampled frames, and the central face of each with one; writes the crops as JPEG."""
    capture = cv2.VideoCapture(path)
    number = looked = 0
    rows = []
    while True:
        good, frame = capture.read()
        if not good:
            break
        number += 1
        if number % sampling:
            continue
        looked += 1
        frame = cv2.resize(frame, (WIDTH, HEIGHT))
        boxes, scores, landmarks = detector.detect(frame)
        if not len(boxes):
            continue
        best = central(boxes)
        crop = embedder.align(frame, landmarks[best])
        quality = float(np.linalg.norm(embedder.embed(crop)))
        file = os.path.join(folder, f"{os.path.basename(path)}-{number:05d}.jpg")
        cv2.imwrite(file, crop, [cv2.IMWRITE_JPEG_QUALITY, 95])
        face = {"frame": number, "box": boxes[best].tolist(), "landmarks": landmarks[best].reshape(-1).tolist()}
        rows.append({**face, "score": float(scores[best]), "quality": quality, "crop": file})
    capture.release()
    return looked, rows


def list_clips(dataset: str) -> list[tuple[str, str]]:
    """Path and split of the training and validation clips."""
    with open(os.path.join(dataset, "gt_v2", "IQIYI_VID.txt"), encoding="utf-8") as file:
        wanted = set(file.read().split())
    clips = []
    for split, part in PARTS.items():
        folder = os.path.join(dataset, part)
        clips += [(os.path.join(folder, name), split) for name in sorted(os.listdir(folder)) if name in wanted]
    return clips


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--engine", choices=("mxnet", "onnx"), required=True, help="runtime of the networks")
    add("--detector", required=True, help="PREFIX,EPOCH for mxnet, a file for onnx")
    add("--model", required=True, help="likewise; for quality and features")
    add("--dataset", required=True)
    add("--output", required=True)
    add("--nms", type=float, default=0.4, help="largest overlap of two faces")
    add("--sampling", type=int, default=3)
    add("--insightface", action="store_true", help="align and embed with that package")
    add("--yunet", metavar="FILE", help="detect with OpenCV's YuNet")
    args = parser.parse_args()
    detector = YuNet(args.yunet) if args.yunet else Detector(args.engine, args.detector, args.nms)
    embedder = InsightFace(args.model) if args.insightface else Embedder(args.engine, args.model)
    crops = os.path.join(args.output, "crops")
    os.makedirs(crops)
    frames = 0
    found: dict[str, list[dict]] = {}

    started = time.perf_counter()
    with open(os.path.join(args.output, FACES), "w", encoding="utf-8") as file:
        for path, split in list_clips(args.dataset):
            looked, rows = find_faces(path, args.sampling, detector, embedder, crops)
            frames += looked
            if not rows and split != "train" and args.sampling > 1:
                looked, rows = find_faces(path, 1, detector, embedder, crops)
                frames += looked
            found[os.path.basename(path)] = rows
            file.write(json.dumps({"name": os.path.basename(path), "faces": rows}) + "\n")
    detected = time.perf_counter()

    features = {}
    for name, rows in found.items():
        total = 0
        for row in rows:
            vector = embedder.embed(cv2.imread(row["crop"]))
            total = total + vector / np.linalg.norm(vector)
        if rows:
            features[name] = total / np.linalg.norm(total)
    np.savez(os.path.join(args.output, FEATURES), **features)
    done = time.perf_counter()
    faces = sum(len(rows) for rows in found.values())
    times = {"detect_seconds": detected - started, "feature_seconds": done - detected}
    print(json.dumps({"frames": frames, "faces": faces, **times}))


if __name__ == "__main__":
    main()
