"""The source of FFmpeg filter graphs."""

from __future__ import annotations

from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import VideoFrame

# FFmpeg's names of matrices that its filters know, by their number in ITU-T H.273, table 4
MATRICES = {0: "gbr", 1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020nc", 10: "bt2020nc"}
RANGES = {1: "tv", 2: "pc"}  # by their number in AVColorRange
TIME_UNIT = "1/1000000"  # the times are not used


def buffer(graph: Graph, picture: VideoFrame) -> FilterContext:
    """The source filter for pictures like this one."""
    return graph.add(
        "buffer",
        video_size=f"{picture.width}x{picture.height}",
        pix_fmt=picture.format.name,
        time_base=TIME_UNIT,
        colorspace=MATRICES.get(picture.colorspace, "unknown"),
        range=RANGES.get(picture.color_range, "unknown"),
    )
