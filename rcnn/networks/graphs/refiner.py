"""A small U-shaped residual network (after Ronneberger et al., arXiv:1505.04597) that sharpens blurred faces."""

from __future__ import annotations

from ..checkpoint import Graph
from .builder import GraphBuilder

WIDTHS = (32, 64, 96)  # channels at 64, 32 and 16 pixels
MIDDLE_BLOCKS = 3  # residual blocks at 16 pixels
FACTOR = 2  # upscaling per side
BRANCH_GAIN = 0.3  # of the last layer of a branch, so that the network starts near the identity
OUTPUT = "detail_output"


def build_refiner(planes: int, seed: int = 0) -> Graph:
    """A refiner with 0.75 million random weights.

    The input is `data`, (n, planes, 64, 64), a blurred face; the output is `detail_output`, (n, 4 * planes, 64, 64),
    the residual to add to it at twice the size: channel 4 * plane + 2 * row + column contains the pixels of odd and
    even rows and columns.
    """
    builder = GraphBuilder(seed)

    def unit(name: str, data: int, filters: int, stride: int = 1) -> int:
        data = builder.convolution(f"{name}_conv", data, filters, 3, stride, bias=True)
        return builder.relu(f"{name}_relu", data)

    def block(name: str, data: int) -> int:
        width = builder.channels(data)
        branch = unit(f"{name}_a", data, width)
        branch = builder.convolution(f"{name}_b_conv", branch, width, 3, bias=True, gain=BRANCH_GAIN)
        return builder.relu(f"{name}_relu", builder.sum(f"{name}_sum", data, branch))

    def up(name: str, data: int, beside: int) -> int:
        width = builder.channels(beside)
        data = builder.convolution(f"{name}_conv", data, width, 3, bias=True)
        data = builder.add(name, "UpSampling", (data,), width, num_args=1, scale=2, sample_type="nearest")
        return builder.relu(f"{name}_relu", builder.sum(f"{name}_sum", data, beside))

    fine = unit("fine", builder.input(planes), WIDTHS[0])
    half = unit("half", fine, WIDTHS[1], stride=2)
    body = unit("quarter", half, WIDTHS[2], stride=2)
    for number in range(MIDDLE_BLOCKS):
        body = block(f"quarter_block{number}", body)
    body = block("half_block", up("half_up", body, half))
    body = block("fine_block", up("fine_up", body, fine))
    detail = builder.convolution("detail", body, planes * FACTOR**2, 3, bias=True, gain=BRANCH_GAIN)
    return builder.graph([detail], "refiner")
