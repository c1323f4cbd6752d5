"""What all graphs of FFmpeg's filters begin with, and how they see colours."""

from __future__ import annotations

from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import VideoFrame

from . import hdr

# FFmpeg's names of matrices that its scaler knows, by their number in ITU-T H.273, table 4
MATRICES = {0: "gbr", 1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020nc", 10: "bt2020nc"}
RANGES = {1: "tv", 2: "pc"}  # by their number in AVColorRange
TRANSFERS = {16: hdr.PQ, 18: hdr.HLG}  # by their number in ITU-T H.273, table 3
# Video without a matrix has that of high definition if it is that large, as players take it (mpv)
HD_WIDTH, HD_HEIGHT = 1280, 577
TIME_UNIT = "1/1000000"  # nobody reads the times


def buffer(graph: Graph, picture: VideoFrame) -> FilterContext:
    """The filter that takes pictures like this one."""
    return graph.add(
        "buffer",
        video_size=f"{picture.width}x{picture.height}",
        pix_fmt=picture.format.name,
        time_base=TIME_UNIT,
        colorspace=MATRICES.get(picture.colorspace, "unknown"),
        range=RANGES.get(picture.color_range, "unknown"),
    )


def transfer(picture: VideoFrame) -> str | None:
    """HDR.PQ, HLG, or None for one that a common screen shows as it is."""
    return TRANSFERS.get(picture.color_trc)


def matrix(picture: VideoFrame) -> str:
    """FFmpeg's name of the matrix by which Y, Cb and Cr become R, G and B; guessed where the video does not say it."""
    if picture.format.is_rgb:
        return "gbr"
    name = MATRICES.get(picture.colorspace, "gbr")
    if name != "gbr":
        return name
    if transfer(picture):
        return "bt2020nc"
    return "bt709" if picture.width >= HD_WIDTH or picture.height >= HD_HEIGHT else "smpte170m"
