"""Decoded pictures to upright 8-bit BGR of square pixels."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
from av.sidedata.sidedata import Type as SideData
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter

from .hdr import ToneMapper

ODDEST = 8  # largest aspect ratio of a pixel; a larger one is an error, and the pixel counts as square
# Matrices supported by FFmpeg's scaler, by their number in ITU-T H.273, table 4
MATRICES = {
    1: Colorspace.ITU709, 4: Colorspace.FCC, 5: Colorspace.ITU601, 6: Colorspace.ITU601, 7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020, 10: Colorspace.BT2020,
}  # fmt: skip
# Video without a matrix is assumed to have that of high definition if it is that large, as in mpv
HD_WIDTH, HD_HEIGHT = 1280, 577


class Converter:
    """Converts pictures to upright BGR with square pixels; their format may change from one to the next."""

    def __init__(self) -> None:
        # not with a filter graph, which takes twice as long for a picture of 640x360
        self._scaler = VideoReformatter()
        self._tones = ToneMapper()

    def __call__(self, picture: VideoFrame, aspect: Fraction) -> np.ndarray:
        """(h, w, 3) uint8, BGR, of a picture and the shape of its pixels, width by height."""
        turns = turn(picture)
        if self._tones.wants(picture):
            picture = self._tones(picture)
        width, height = squared(picture.width, picture.height, aspect)
        square = self._scaler.reformat(
            picture, width, height, "bgr24", matrix(picture), interpolation=Interpolation.BICUBIC, threads=1
        )
        return upright(pixels(square), *turns)


def matrix(picture: VideoFrame) -> Colorspace | None:
    """The matrix from Y, Cb, Cr to R, G, B, guessed if the video does not give it; None for RGB."""
    if picture.format.is_rgb:
        return None
    guess = Colorspace.ITU709 if picture.width >= HD_WIDTH or picture.height >= HD_HEIGHT else Colorspace.ITU601
    return MATRICES.get(picture.colorspace, guess)


def squared(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """Width and height in square pixels of a picture whose pixels have another shape; its short side is enlarged."""
    if aspect == 1 or not Fraction(1, ODDEST) <= aspect <= ODDEST:
        return width, height
    return round(width * max(aspect, Fraction(1))), round(height / min(aspect, Fraction(1)))


def turn(picture: VideoFrame) -> tuple[bool, bool, bool]:
    """Whether a picture must be transposed, and then mirrored from left to right and from top to bottom, to be upright.

    The nearest of the eight orientations to its display matrix, which maps a point (x, y) to
    (a x + c y, b x + d y) (ISO/IEC 14496-12, 6.2.2).
    """
    if not len(picture.side_data) or SideData.DISPLAYMATRIX not in picture.side_data:
        return False, False, False
    matrix = picture.side_data[SideData.DISPLAYMATRIX]  # type: ignore[typeddict-item]  # the stub lacks the key
    a, b, _, c, d, *_ = np.frombuffer(matrix, np.int32).tolist()
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return False, a < 0, d < 0
    return True, c < 0, b < 0


def upright(image: np.ndarray, transposed: bool, mirrored: bool, flipped: bool) -> np.ndarray:
    """An image (h, w, 3) that was turned as `turn` says."""
    if transposed:
        image = cv2.transpose(image)
    if mirrored or flipped:
        image = cv2.flip(image, -1 if mirrored and flipped else int(mirrored))
    return image


def pixels(picture: VideoFrame) -> np.ndarray:
    """(h, w, 3) uint8, a view of the memory of a picture in BGR."""
    plane = picture.planes[0]
    memory = np.frombuffer(plane, np.uint8)  # type: ignore[call-overload]  # a plane is a buffer, unknown to the stub
    rows = memory.reshape(picture.height, plane.line_size)
    return rows[:, : 3 * picture.width].reshape(picture.height, picture.width, 3)
