"""Decoded pictures to upright 8-bit BGR of square pixels, by FFmpeg's filters."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from av.filter import Graph
from av.filter.context import FilterContext
from av.sidedata.sidedata import Type as SideData
from av.video.frame import VideoFrame

from . import hdr
from .graphs import buffer, matrix, transfer

ODDEST = 8  # times as wide as high, or as high as wide; a pixel of another shape is an error, and taken for square
TRANSPOSED = "cclock_flip"  # FFmpeg's name of the transposition at the main diagonal


@dataclass(frozen=True, slots=True)
class _Pipe:
    """A graph of filters, and where pictures go in and come out."""

    graph: Graph
    source: FilterContext
    sink: FilterContext


class Converter:
    """Makes upright BGR of square pixels of pictures, whose kind may change from one to the next."""

    def __init__(self) -> None:
        self._kind: tuple[object, ...] = ()
        self._pipe: _Pipe | None = None

    def __call__(self, picture: VideoFrame, aspect: Fraction) -> np.ndarray:
        """(h, w, 3) uint8, BGR, of a picture and the shape of its pixels, width by height."""
        kind = (
            picture.width, picture.height, picture.format.name, picture.colorspace, picture.color_range,
            transfer(picture), turn(picture), aspect,
        )  # fmt: skip
        if self._pipe is None or kind != self._kind:
            self._pipe = None  # its memory first
            self._pipe = _build(picture, aspect)
            self._kind = kind
        self._pipe.source.push(picture)
        return pixels(self._pipe.sink.pull())


def _build(picture: VideoFrame, aspect: Fraction) -> _Pipe:
    graph = Graph()
    graph.threads = 1
    # neither primaries nor transfer, by which the scale filter would convert at 30 times the cost of a table
    said = {"colorspace": matrix(picture), "color_primaries": "unknown", "color_trc": "unknown"}
    chain = [buffer(graph, picture), graph.add("setparams", **said)]
    width, height = squared(picture.width, picture.height, aspect)
    with tempfile.TemporaryDirectory() as folder:
        if dynamic := transfer(picture):
            path = os.path.join(folder, "table.cube")
            with open(path, "w") as file:
                file.write(hdr.cube(dynamic))
            chain += [graph.add("scale"), graph.add("format", pix_fmts="gbrp16le"), graph.add("lut3d", file=path)]
        chain += [graph.add("scale", w=str(width), h=str(height)), graph.add("format", pix_fmts="bgr24")]
        for name in turn(picture):
            chain.append(graph.add("transpose", dir=name) if name == TRANSPOSED else graph.add(name))
        chain.append(graph.add("buffersink"))
        graph.link_nodes(*chain).configure()
    return _Pipe(graph, chain[0], chain[-1])


def squared(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """Width and height in square pixels of a picture whose pixels have another shape; its short side is enlarged."""
    if not Fraction(1, ODDEST) <= aspect <= ODDEST:
        return width, height
    return round(width * max(aspect, 1)), round(height / min(aspect, 1))


def turn(picture: VideoFrame) -> tuple[str, ...]:
    """FFmpeg's filters that turn a picture upright, by the nearest of the eight ways that its display matrix may mean.

    The matrix takes a point (x, y) to (a x + c y, b x + d y) (ISO/IEC 14496-12, 6.2.2).
    """
    if not len(picture.side_data) or SideData.DISPLAYMATRIX not in picture.side_data:
        return ()
    a, b, _, c, d, *_ = np.frombuffer(picture.side_data[SideData.DISPLAYMATRIX], np.int32).tolist()
    if abs(a) + abs(d) >= abs(b) + abs(c):
        names, along, down = [], a, d
    else:
        names, along, down = [TRANSPOSED], c, b
    return (*names, *(["hflip"] if along < 0 else []), *(["vflip"] if down < 0 else []))


def pixels(picture: VideoFrame) -> np.ndarray:
    """(h, w, 3) uint8, a view of the memory of a picture in BGR."""
    plane = picture.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(picture.height, plane.line_size)
    return rows[:, : 3 * picture.width].reshape(picture.height, picture.width, 3)
