"""ONNX graphs of every kind of detector, whose right answer is known: the maps are the picture's own pixels.

Each stride looks at one colour of its own. Where the mean of a cell is that colour at its fullest, the probability of
a face is PROBABILITY; where it is there in a quarter of the cell or less, it is next to nothing. Box and landmarks
are the same in every cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
STRIDES = (8, 16, 32)
COLOURS = {8: "r", 16: "g", 32: "b"}  # that a stride looks at
LOGIT = 5.0  # of a cell of its fullest
PROBABILITY = float(1 / (1 + np.exp(-LOGIT)))
SPAN = 20.0  # of the logit, from nothing of the colour to its fullest
POINTS = np.array([[1, 2], [3, 2.5], [2, 3], [1.25, 4], [3, 4.5]], np.float32) / 4  # of the landmarks, x, y


class Graph:
    """Nodes and constants in the making."""

    def __init__(
        self, height: int | str = "height", width: int | str = "width", dtype: int = TensorProto.FLOAT
    ) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.arrays: list[onnx.TensorProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []
        self.input = helper.make_tensor_value_info("input", dtype, [1, 3, height, width])

    def add(self, op: str, inputs: Sequence[str], **attributes) -> str:
        name = f"{op}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], name=name, **attributes))
        return name

    def constant(self, values, dtype=np.float32) -> str:
        name = f"constant{len(self.arrays)}"
        self.arrays.append(numpy_helper.from_array(np.array(values, dtype), name))
        return name

    def output(self, value: str, name: str, rank: int = 3) -> None:
        self.nodes.append(helper.make_node("Identity", [value], [name], name=f"to_{name}"))
        self.outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * rank))

    def save(self, path: Path) -> str:
        body = helper.make_graph(self.nodes, "test", [self.input], self.outputs, self.arrays)
        model = helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
        onnx.checker.check_model(model)
        path.write_bytes(model.SerializeToString())
        return str(path)

    def cell_means(self, data: str, stride: int) -> str:
        return self.add("AveragePool", [data], kernel_shape=[stride, stride], strides=[stride, stride])

    def channels(self, data: str, weights: np.ndarray, bias: Sequence[float]) -> str:
        """A 1x1 convolution of the three planes: weights (n, 3)."""
        kernel = self.constant(np.asarray(weights, np.float32)[:, :, None, None])
        return self.add("Conv", [data, kernel, self.constant(bias)])

    def rows(self, maps: str, width: int, count: int = -1, batch: bool = False) -> str:
        """(1, A * width, h, w) -> (h * w * A, width), with a batch of 1 before it if wanted."""
        turned = self.add("Transpose", [maps], perm=[0, 2, 3, 1])
        shape = self.constant([1, count, width] if batch else [count, width], np.int64)
        return self.add("Reshape", [turned, shape])

    def logit(self, means: str, plane: int, low: float, high: float, anchors: int = 1) -> str:
        """The logit of the first anchor, from a plane whose values go from low to high; the others see nothing."""
        weights = np.zeros((anchors, 3))
        weights[0, plane] = SPAN / (high - low)
        bias = np.full(anchors, LOGIT - SPAN)
        bias[0] -= weights[0, plane] * low
        return self.channels(means, weights, bias)

    def same(self, means: str, values: Sequence[float]) -> str:
        """Maps that are the same everywhere."""
        return self.channels(means, np.zeros((len(values), 3)), values)


def plane(stride: int, order: str) -> int:
    return order.index(COLOURS[stride])


def limits(mean: Sequence[float], std: Sequence[float], number: int) -> tuple[float, float]:
    return (0 - mean[number]) / std[number], (255 - mean[number]) / std[number]


def scrfd(
    path: Path,
    anchors: int = 2,
    landmarks: bool = True,
    batch: bool = False,
    side: int | None = None,
    baked: bool = False,
    normalises: bool = False,
) -> str:
    """Distances 1, 2, 3, 4 strides; landmarks POINTS. Outputs in InsightFace's order: all scores, boxes, landmarks.

    batch : whether the outputs have a dimension for it
    side : the one that the file says it takes; None for open sizes
    baked : whether it also can't take another
    normalises : whether it does so itself
    """
    graph = Graph(side or "height", side or "width")
    low, high = limits((127.5,) * 3, (128,) * 3, 0)
    data = "input"
    if normalises:
        data = graph.add("Mul", [graph.add("Sub", [data, graph.constant(127.5)]), graph.constant(1 / 128)])
    found: dict[str, list[str]] = {"score": [], "bbox": [], "kps": []}
    for stride in STRIDES:
        means = graph.cell_means(data, stride)
        count = (side // stride) ** 2 * anchors if baked else -1
        logit = graph.logit(means, plane(stride, "rgb"), low, high, anchors)
        score = graph.rows(graph.add("Sigmoid", [logit]), 1, count, batch)
        box = graph.rows(graph.same(means, [1, 2, 3, 4] * anchors), 4, count, batch)
        points = graph.rows(graph.same(means, [*POINTS.ravel()] * anchors), 10, count, batch)
        for name, value in zip(found, (score, box, points), strict=True):
            found[name].append(value)
    for name, values in found.items():
        if name != "kps" or landmarks:
            for stride, value in zip(STRIDES, values, strict=True):
                graph.output(value, f"{name}_{stride}", 3 if batch else 2)
    return graph.save(path)


RETINAFACE_MEAN = (104, 117, 123)
RETINAFACE_BOX = (0.5, -0.5, 1.0, 0.0)


def retinaface(
    path: Path,
    sizes=((16, 32), (64, 128), (256, 512)),
    landmarks: bool = True,
    softmax: bool = True,
) -> str:
    """The first prior of a cell; centre moved by 0.05 and -0.05 of its side, width times exp(0.2); landmarks POINTS."""
    graph = Graph()
    parts: list[list[str]] = [[], [], []]
    for stride, sides in zip(STRIDES, sizes, strict=True):
        means = graph.cell_means("input", stride)
        number = plane(stride, "bgr")
        low, high = limits(RETINAFACE_MEAN, (1, 1, 1), number)
        face = graph.logit(means, number, low, high, len(sides))
        face = graph.rows(face, 1, batch=True)
        nothing = graph.add("Mul", [face, graph.constant(0)])
        parts[0].append(graph.rows(graph.same(means, RETINAFACE_BOX * len(sides)), 4, batch=True))
        parts[1].append(graph.add("Concat", [nothing, face], axis=2))
        parts[2].append(graph.rows(graph.same(means, [*POINTS.ravel()] * len(sides)), 10, batch=True))
    boxes, classes, points = (graph.add("Concat", part, axis=1) for part in parts)
    graph.output(boxes, "output0")
    graph.output(graph.add("Softmax", [classes], axis=2) if softmax else classes, "586")
    if landmarks:
        graph.output(points, "585")
    return graph.save(path)


YUNET_BOX = (0.5, 1.0, np.log(2), np.log(3))


def yunet(path: Path, side: int | None = 64) -> str:
    """Centre half a stride right and one stride down of the corner, sides of 2 and 3 strides; landmarks POINTS."""
    graph = Graph(side or "height", side or "width")
    found: dict[str, list[str]] = {"cls": [], "obj": [], "bbox": [], "kps": []}
    for stride in STRIDES:
        means = graph.cell_means("input", stride)
        score = graph.add("Sigmoid", [graph.logit(means, plane(stride, "bgr"), 0, 255)])
        for name in ("cls", "obj"):
            found[name].append(graph.rows(score, 1, batch=True))
        found["bbox"].append(graph.rows(graph.same(means, YUNET_BOX), 4, batch=True))
        found["kps"].append(graph.rows(graph.same(means, [*POINTS.ravel()]), 10, batch=True))
    for name, values in found.items():
        for stride, value in zip(STRIDES, values, strict=True):
            graph.output(value, f"{name}_{stride}")
    return graph.save(path)


def embedding(path: Path, width: int = 128, size=(112, 112), mean=None, std=None, normalised: bool = False) -> str:
    """Means of the three planes, repeated; with `mean` the graph itself takes (value - mean) / std."""
    graph = Graph(*size)
    data = "input"
    if mean is not None:
        data = graph.add("Div", [graph.add("Sub", [data, graph.constant(mean)]), graph.constant(std)])
    weights = np.zeros((width, 3))
    weights[np.arange(width), np.arange(width) % 3] = 1
    maps = graph.channels(data, weights, np.zeros(width))
    vector = graph.add("Flatten", [graph.add("GlobalAveragePool", [maps])])
    if normalised:
        vector = graph.add("LpNormalization", [vector], axis=1, p=2)
    graph.output(vector, "683", 2)
    return graph.save(path)


PAINT = {"r": (0, 0, 255), "g": (0, 255, 0), "b": (255, 0, 0)}  # B, G, R


def painted(height: int, width: int, cells: Sequence[tuple[int, int, int]]) -> np.ndarray:
    """A black image in which cells (stride, y, x) have the colour that their stride looks at."""
    image = np.zeros((height, width, 3), np.uint8)
    for stride, y, x in cells:
        image[y * stride : (y + 1) * stride, x * stride : (x + 1) * stride] = PAINT[COLOURS[stride]]
    return image
