"""Reduced-precision ONNX models: float16, or 8-bit weights and activations."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..config import config
from ..errors import InputError
from ..faces.alignment import SIZES
from ..faces.card import BGR, RGB, Card, read_card, write_card
from ..faces.choice import central_crop
from ..faces.detectors.recognise import SCRFD, recognise
from ..faces.detectors.scrfd import ScrfdDetector
from ..faces.detectors.single_stage import DIVISOR, SingleStage
from ..faces.load import detector_image, embedding_image, embedding_output, load_detector
from ..faces.views import detect_frames, fit, in_sizes
from ..files import make_dir, write_whole
from ..networks.engine import FP16
from ..networks.engine.images import ImageInput, image_planes
from ..networks.engine.int8 import quantised
from ..networks.engine.load_onnx import load_onnx_network
from ..networks.engine.onnx_graph import OnnxGraph
from ..video.photographs import ENDINGS, WORKING, read_image
from .comparison import Agreement, agreement, largest_difference

HELD_OUT = 4  # one picture in so many is held out from calibration for comparison, if there are
ENOUGH = 8  # of them; with fewer, all pictures are used for both
SMALLEST_HALF = 1e-7  # smallest magnitude kept in float16


@dataclass(frozen=True)
class Difference:
    """The difference between a variant and its original, on pictures not used for calibration.

    largest : of all outputs, relative to the largest value of each
    cosine : lowest cosine between the embeddings of a crop; None for a detector
    pictures : number of pictures compared
    faces : agreement of a detector with the exact one on all pictures; None for an embedding
    """

    largest: float
    cosine: float | None
    pictures: int
    faces: Agreement | None = None


def make_variant(source: str, output: str, precision: str, calibration: str, detector: str) -> Difference:
    """Write an ONNX file in another precision, with its card.

    Parameters
    ----------
    source : ONNX file of a detector or an embedding
    output : the file to write
    precision : FP16 or INT8
    calibration : folder of pictures: for an embedding, faces or crops of its input size. They determine activation
        ranges and the reported difference
    detector : finds the faces in pictures for an embedding

    Raises
    ------
    InputError
        If the source is neither, there are no pictures, a package is missing, or outputs are not finite.
    """
    import onnx

    from ..networks.engine.onnx_runtime import OnnxRuntimeNetwork

    graph, card = OnnxGraph(source), read_card(source)
    kind = _kind(graph, card)
    images = kind.images(calibration, detector)
    held = images[HELD_OUT - 1 :: HELD_OUT] if len(images) >= ENOUGH else images
    rest = np.delete(images, np.s_[HELD_OUT - 1 :: HELD_OUT], 0) if len(images) >= ENOUGH else images
    name = graph.model.inputs[0].get_any_name()
    model = onnx.load(source)
    if precision == FP16:
        model = _half(model)
    else:
        rest = rest if kind.embedding else in_sizes(rest)
        inputs = [{name: image_planes(rest[row : row + 1], kind.image)} for row in range(len(rest))]
        model = quantised(model, inputs, whole=not kind.embedding)
    seen: list[list[np.ndarray]] = []  # outputs of the exact network and of the variant

    def write(temporary: str) -> None:
        Path(temporary).write_bytes(model.SerializeToString())
        for path in (source, temporary):
            seen.append(OnnxRuntimeNetwork(OnnxGraph(path), kind.outputs, kind.image, -1)(held))
        if not np.isfinite(largest_difference(seen[1], seen[0])):
            raise InputError(f"{source}: in {precision} its outputs are not finite numbers; {output} is not written")

    try:
        make_dir(os.path.dirname(output))
        write_whole(output, write)
        write_card(replace(card, **_stated(kind.image)), output)
    except OSError as error:
        raise InputError(f"{output}: can't be written: {error.strerror or error}") from None
    exact, fast = seen
    largest = largest_difference(fast, exact)
    if kind.embedding:
        return Difference(largest, _smallest_cosine(fast[0], exact[0]), len(held))
    return Difference(largest, None, len(held), _faces(source, output, kind, images))


def _faces(source: str, output: str, kind: _Kind, images: np.ndarray) -> Agreement:
    """Agreement of a detector's variant with the exact file."""
    exact = load_detector(source)
    assert isinstance(exact, SingleStage)
    network = load_onnx_network(OnnxGraph(output, tried=True), kind.outputs, image=kind.image, tried=True)
    return agreement(exact.with_network(network).detect(images), exact.detect(images))


@dataclass(frozen=True)
class _Kind:
    """How to feed a graph: its output indices, its input format, and the images of a folder."""

    embedding: bool
    outputs: tuple[int, ...]
    image: ImageInput
    images: Callable[[str, str], np.ndarray]


def _kind(graph: OnnxGraph, card: Card) -> _Kind:
    try:
        layout = recognise(graph, card)
    except InputError as no_detector:
        try:
            number, _ = embedding_output(graph, card)
        except InputError:
            raise no_detector from None
        height, width = graph.input_shape[2:]
        size = SIZES[0] if height is None or width is None else (height, width)
        return _Kind(
            True, (number,), embedding_image(graph, card), lambda folder, detector: crops(folder, detector, size)
        )
    image = detector_image(graph, layout, card)
    side = card.side or (ScrfdDetector.side if layout.kind == SCRFD else None)
    square = None if side is None else (side, side)
    return _Kind(False, layout.outputs, image, lambda folder, _: frames(folder, layout.size or square))


def _stated(image: ImageInput) -> dict[str, Any]:
    return {"colour": RGB if image.rgb else BGR, "mean": image.mean, "std": image.std}


def pictures(folder: str) -> Iterator[np.ndarray]:
    """The pictures under a folder, sorted by name.

    Raises
    ------
    InputError
        If there are none, or one can't be read.
    """
    paths = sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in ENDINGS)
    if not paths:
        raise InputError(f"--calibration {folder}: contains no picture ({WORKING})")
    for path in paths:
        yield read_image(path)


def frames(folder: str, size: tuple[int, int] | None = None) -> np.ndarray:
    """At most 96 pictures as a detector's input: (n, H, W, 3) uint8, padded with black.

    Parameters
    ----------
    size : height, width that they are scaled to; None for detect.py's largest
    """
    columns, rows = config.FRAME.CANVASES[0]
    height, width = size or (rows, -(-columns // DIVISOR) * DIVISOR)
    found = []
    for image in pictures(folder):
        frame = np.zeros((height, width, 3), np.uint8)
        if size is None:
            fit(image, frame[:rows, :columns])
        else:
            fit(image, frame, min(height / image.shape[0], width / image.shape[1]))
        found.append(frame)
        if len(found) == config.CALIBRATION.FRAMES:
            break
    return np.stack(found)


def crops(folder: str, detector: str, size: tuple[int, int]) -> np.ndarray:
    """At most 300 aligned faces (n, height, width, 3) uint8: pictures of that size unchanged, of others the central
    face.

    Raises
    ------
    InputError
        If there are none.
    """
    finder = None
    found = []
    for image in pictures(folder):
        if image.shape[:2] == size:
            found.append(image)
        else:
            finder = finder or load_detector(detector)
            (faces,) = detect_frames(finder, [image])
            if len(faces):
                found.append(central_crop(image, faces, size))
        if len(found) == config.CALIBRATION.CROPS:
            break
    if not found:
        raise InputError(f"--calibration {folder}: {detector} finds no face in any picture; give other pictures")
    return np.stack(found)


def _half(model: Any) -> Any:
    """The model with weights and activations in float16; its input and outputs stay float32."""
    from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about each weight below the range of float16
        # BatchNorm stays float32, as in PyTorch: variances are below the range of float16
        blocked = [*DEFAULT_OP_BLOCK_LIST, "BatchNormalization"]
        return convert_float_to_float16(
            model, min_positive_val=SMALLEST_HALF, keep_io_types=True, op_block_list=blocked
        )


def _smallest_cosine(first: np.ndarray, second: np.ndarray) -> float:
    a, b = first.astype(np.float64), second.astype(np.float64)
    return float(((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).min())
