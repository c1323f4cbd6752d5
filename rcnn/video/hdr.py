"""Converts high dynamic range to standard, with tables for FFmpeg's lut3d filter.

FFmpeg's own `scale` takes 80 to 150 ms for a frame of 640x360; a table takes 2.5 ms.
"""

from __future__ import annotations

import os
import tempfile
from functools import cache

import numpy as np
from av.filter import Graph
from av.video.frame import VideoFrame

from .graphs import buffer

PQ, HLG = "pq", "hlg"
TRANSFERS = {16: PQ, 18: HLG}  # by their number in ITU-T H.273, table 3
DEEP = "gbrp16le"  # FFmpeg's name of the pixels that are looked up
WHITE = 203.0  # cd/m2 of diffuse white, which becomes white (ITU-R BT.2408-7, table 1)
PEAK = 1000.0  # cd/m2 of the brightest white, on the screen that HLG is meant for and of most PQ material
GAMMA = 2.4  # of the screen (ITU-R BT.1886)
TABLE = 33  # colours a side: what cameras and graders exchange
TINY = 1e-6  # cd/m2, in place of black where it would be divided by
# SMPTE ST 2084, 5.1
M1, M2 = 2610 / 16384, 2523 / 4096 * 128
C1, C2, C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
# ITU-R BT.2100-2, table 5
HLG_A, HLG_B, HLG_C = 0.17883277, 0.28466892, 0.55991073
HLG_SYSTEM_GAMMA = 1.2  # at 1,000 cd/m2
LUMA_2020 = np.array([0.2627, 0.6780, 0.0593])  # R, G, B (ITU-R BT.2020)
# linear BT.2020 to linear BT.709 (ITU-R BT.2087-0, annex 2, inverted)
TO_709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])


def pq_light(signal: np.ndarray) -> np.ndarray:
    """Light in cd/m2 that a PQ signal (0 to 1) stands for (SMPTE ST 2084, EOTF)."""
    power = np.clip(signal, 0, 1) ** (1 / M2)
    return 10_000 * (np.maximum(power - C1, 0) / (C2 - C3 * power)) ** (1 / M1)


def pq_signal(light: np.ndarray) -> np.ndarray:
    """The inverse of `pq_light`."""
    power = np.clip(light / 10_000, 0, 1) ** M1
    return ((C1 + C2 * power) / (1 + C3 * power)) ** M2


def hlg_light(signal: np.ndarray) -> np.ndarray:
    """Light (..., 3) in cd/m2 that an HLG signal (..., 3), R, G, B, 0 to 1, gives on a screen of PEAK (BT.2100-2)."""
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - HLG_C) / HLG_A) + HLG_B) / 12)
    luma = np.maximum(scene @ LUMA_2020, TINY)[..., None]
    return PEAK * scene * luma ** (HLG_SYSTEM_GAMMA - 1)


def darkened(light: np.ndarray) -> np.ndarray:
    """Light up to PEAK compressed to WHITE; values under a tenth of PEAK are unchanged (ITU-R BT.2390-11, 5.4.1,
    EETF)."""
    brightest = pq_signal(np.array(PEAK))
    goal = pq_signal(np.array(WHITE)) / brightest
    knee = 1.5 * goal - 0.5
    signal = np.clip(pq_signal(light) / brightest, 0, 1)
    t = np.clip((signal - knee) / (1 - knee), 0, 1)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * goal
    )  # a Hermite spline from the knee to the goal
    return pq_light(np.where(signal < knee, signal, spline) * brightest)


def table(transfer: str) -> np.ndarray:
    """The result for each colour of a grid.

    Parameters
    ----------
    transfer : PQ or HLG

    Returns
    -------
    (TABLE, TABLE, TABLE, 3) float64, R, G, B from 0 to 1 of BT.709, by blue, green and red of BT.2020
    """
    steps = np.linspace(0, 1, TABLE)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    signal = np.stack([red, green, blue], -1)
    light = pq_light(signal) if transfer == PQ else hlg_light(signal)
    light = np.maximum(light @ TO_709.T, 0)
    # one factor for all three preserves the hue of skin
    strongest = np.maximum(light.max(-1, keepdims=True), TINY)
    light = light * darkened(strongest) / strongest
    return np.clip(light / WHITE, 0, 1) ** (1 / GAMMA)


@cache
def cube(transfer: str) -> str:
    """The table as the text of a .cube file (Adobe's Cube LUT specification 1.0: red changes fastest)."""
    rows = table(transfer).reshape(-1, 3)
    return f"LUT_3D_SIZE {TABLE}\n" + "".join(f"{r:.6f} {g:.6f} {b:.6f}\n" for r, g, b in rows.tolist())


class ToneMapper:
    """Converts pictures in PQ or HLG and BT.2020 to standard dynamic range in BGR and BT.709."""

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._kind: tuple[object, ...] = ()

    @staticmethod
    def wants(picture: VideoFrame) -> bool:
        """Whether a picture has high dynamic range."""
        return picture.color_trc in TRANSFERS

    def __call__(self, picture: VideoFrame) -> VideoFrame:
        """The picture in BGR, not rotated."""
        kind = (
            picture.width, picture.height, picture.format.name, picture.colorspace, picture.color_range,
            picture.color_trc,
        )  # fmt: skip
        if self._graph is None or kind != self._kind:
            self._graph = None  # its memory first
            self._graph, self._kind = _graph(picture), kind
        self._graph.push(picture)
        return self._graph.vpull()


def _graph(picture: VideoFrame) -> Graph:
    graph = Graph()
    graph.threads = 1
    # neither primaries nor transfer, by which the scale filter would convert by itself
    said = {"colorspace": "bt2020nc", "color_primaries": "unknown", "color_trc": "unknown"}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "table.cube")
        with open(path, "w") as file:
            file.write(cube(TRANSFERS[picture.color_trc]))
        graph.link_nodes(
            buffer(graph, picture),
            graph.add("setparams", **({} if picture.format.is_rgb else said)),
            graph.add("scale"),
            graph.add("format", pix_fmts=DEEP),
            graph.add("lut3d", file=path),
            graph.add("scale"),
            graph.add("format", pix_fmts="bgr24"),
            graph.add("buffersink"),
        ).configure()
    return graph
