"""Which detector an ONNX graph is, by the shapes of its outputs; names differ from exporter to exporter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...config import config
from ...errors import InputError
from ...networks.engine.onnx_graph import OnnxGraph
from ..card import Card, card_path
from .retinaface import MIN_SIZES, prior_count
from .retinaface import STRIDES as PRIOR_STRIDES

ESSH, RETINAFACE, SCRFD, YUNET = "ESSH", "RetinaFace with priors", "SCRFD", "YuNet"
NO_LANDMARKS = "without landmarks"  # a detector that can't be used here
TRIAL = (256, 384)  # pixels; divisible by every stride, and not square
STRIDES = (8, 16, 32, 64, 128)  # of SCRFD, by the number of its strides
ESSH_CHANNELS = (4, 8, 20)  # probability, box and landmarks of two anchors
WIDTHS = {1: "scores", 2: "scores", 4: "boxes", 10: "landmarks"}  # of a row

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """A detector's kind, and the roles of its outputs.

    kind : one of the above
    outputs : indices of the outputs in the order of the detector's class
    strides : in that order
    anchors : per cell
    size : height, width of the only image size that it takes; None if it takes any
    """

    kind: str
    outputs: tuple[int, ...]
    strides: tuple[int, ...] = ()
    anchors: int = 1
    size: tuple[int, int] | None = None


def recognise(graph: OnnxGraph, card: Card) -> Layout:
    """The layout of a detector.

    Raises
    ------
    InputError
        If it is unknown, or has no landmarks.
    """
    given = graph.input_shape
    if len(given) != 4 or given[1] not in (3, None):
        raise InputError(f"{graph.path}: takes {_text(given)}; a detector takes images, batch x 3 x height x width")
    if len(card.strides or PRIOR_STRIDES) != len(card.min_sizes or MIN_SIZES):
        raise InputError(
            f"{card_path(graph.path)}: strides and min_sizes differ in length; write both, stride by stride"
        )
    shapes = graph.shapes_at(1, 3, *TRIAL)
    layout = layout_of(shapes, TRIAL, card) if shapes is not None else None
    if layout is not None:
        return layout
    own = TRIAL if given[2] is None or given[3] is None else (given[2], given[3])
    shapes = graph.shapes_at(1, 3, *own) or shapes
    if shapes is None:
        raise InputError(
            f"{graph.path}: can't take an image of {TRIAL[0]} x {TRIAL[1]} pixels; export it with dynamic sizes"
        )
    layout = layout_of(shapes, own, card)
    if layout is None:
        raise InputError(_unknown(graph, shapes))
    return replace(layout, size=own)


def detector_kind(graph: OnnxGraph, card: Card) -> str | None:
    """Which detector a graph is, in words; None if it is not a detector."""
    given = graph.input_shape
    if len(given) != 4 or given[1] not in (3, None):
        return None
    for size in (TRIAL, (given[2] or TRIAL[0], given[3] or TRIAL[1])):
        shapes = graph.shapes_at(1, 3, *size)
        if shapes is None:
            continue
        layout = layout_of(shapes, size, card)
        if layout is not None:
            return layout.kind
        if _lacks_landmarks(shapes):
            return NO_LANDMARKS
    return None


def layout_of(shapes: Sequence[Shape], size: tuple[int, int], card: Card) -> Layout | None:
    """The layout with outputs of these shapes for an image of height, width; None if unknown."""
    maps = _maps(shapes, size)
    if maps is not None:
        return maps
    rows = [row for row in map(_rows, shapes) if row is not None]
    if len(rows) < len(shapes):
        return None
    by_width = {width: [n for n, row in enumerate(rows) if row[1] == width] for width in WIDTHS}
    if sum(map(len, by_width.values())) != len(shapes):
        return None
    scores, boxes, landmarks = by_width[1], by_width[4], by_width[10]
    if len(shapes) == 3 and len(by_width[2]) == len(boxes) == len(landmarks) == 1:
        count = prior_count(size, card.strides or PRIOR_STRIDES, card.min_sizes or MIN_SIZES)
        fits = all(row[0] == count for row in rows)
        return Layout(RETINAFACE, (*boxes, *by_width[2], *landmarks)) if fits else None
    if len(boxes) != len(landmarks) or len(scores) not in (len(boxes), 2 * len(boxes)) or not boxes:
        return None
    strides = STRIDES[: len(boxes)]
    yunet = len(scores) == 2 * len(boxes)
    for anchors in (1,) if yunet else (1, 2):
        counts = [-(-size[0] // stride) * -(-size[1] // stride) * anchors for stride in strides]
        # in the file's order: it does not matter which of YuNet's two scores per cell is which
        columns = [
            [n for n in numbers if rows[n][0] == count] for count in counts for numbers in (scores, boxes, landmarks)
        ]
        if [len(column) for column in columns] == [2 if yunet else 1, 1, 1] * len(strides):
            return Layout(YUNET if yunet else SCRFD, tuple(n for column in columns for n in column), strides, anchors)
    return None


def _maps(shapes: Sequence[Shape], size: tuple[int, int]) -> Layout | None:
    """ESSH's layout: maps of three kinds for each of three strides."""
    strides = [stride for stride, _ in config.ESSH.STRIDES]
    wanted = [(1, channels, -(-size[0] // s), -(-size[1] // s)) for s in strides for channels in ESSH_CHANNELS]
    if sorted(shapes) != sorted(wanted):
        return None
    return Layout(ESSH, tuple(list(shapes).index(shape) for shape in wanted), tuple(strides), 2)


def _rows(shape: Shape) -> tuple[int, int] | None:
    """Rows and columns of a shape, without batch dimensions of 1."""
    if len(shape) == 3 and shape[0] == 1:
        return shape[1], shape[2]
    return (shape[0], shape[1]) if len(shape) == 2 else None


def _lacks_landmarks(shapes: Sequence[Shape]) -> bool:
    """Whether outputs are only scores and boxes."""
    rows = [_rows(shape) for shape in shapes]
    return None not in rows and sorted({row[1] for row in rows if row is not None}) in ([1, 4], [2, 4])


def _unknown(graph: OnnxGraph, shapes: Sequence[Shape]) -> str:
    """Why a graph is not a usable detector, in a line."""
    rows = [_rows(shape) for shape in shapes]
    widths = sorted({row[1] for row in rows if row is not None})
    if _lacks_landmarks(shapes):
        return (
            f"{graph.path}: has {len(shapes)} outputs, scores and boxes but no landmarks, and faces are aligned "
            f"by five landmarks; use the variant that has them (SCRFD's are called kps or bnkps)"
        )
    if len(shapes) == 1 and len(shapes[0]) == 2 and shapes[0][0] == 1:
        return f"{graph.path}: has one output vector, {_text(shapes[0])}, like an embedding; give it as --model"
    hint = ""
    if None not in rows and widths == [2, 4, 10]:
        card = card_path(graph.path)
        hint = f"; the RetinaFace priors differ from {MIN_SIZES}: write min_sizes and strides into {card}"
    names = ", ".join(f"{n} {_text(s)}" for n, s in zip(graph.output_names[:12], shapes, strict=False))
    kinds = ", ".join((ESSH, RETINAFACE, SCRFD, YUNET))
    return f"{graph.path}: is not a known detector ({kinds}; see docs/models.md): its outputs are {names}{hint}"


def _text(shape: Sequence[int | None]) -> str:
    return " x ".join("?" if size is None else str(size) for size in shape) or "a single value"
