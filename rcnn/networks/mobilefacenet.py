"""MobileFaceNet (Chen et al., arXiv:1804.07573): an embedding of aligned 112x112 crops."""

from __future__ import annotations

from dataclasses import dataclass

from ..checkpoint import Graph
from .builder import GraphBuilder

CENTRE, SCALE = 127.5, 1 / 128  # pixels 0..255 become about -1..1
FINAL = 7  # pixels a side of the last feature map of a 112x112 crop


@dataclass(frozen=True)
class Stage:
    """Bottlenecks of one size: the first halves the image, the others add to it.

    width : channels it gives
    first, inner : channels inside the first bottleneck and inside the others
    blocks : number of the others
    """

    width: int
    first: int
    inner: int
    blocks: int


@dataclass(frozen=True)
class Widths:
    """Sizes of a MobileFaceNet.

    stem : channels of the first two convolutions
    stages : at 28, 14 and 7 pixels
    head : channels before the last, global convolution
    embedding : values of an embedding
    """

    stem: int = 64
    stages: tuple[Stage, ...] = (Stage(64, 128, 128, 4), Stage(128, 256, 256, 6), Stage(128, 512, 256, 2))
    head: int = 512
    embedding: int = 128


# A third of the multiplications of the published one, and nearly as many weights
FACE_M = Widths(stem=24, stages=(Stage(40, 72, 80, 2), Stage(96, 160, 192, 6), Stage(128, 384, 384, 4)))


def build_mobilefacenet(widths: Widths = FACE_M, seed: int = 0) -> Graph:
    """A MobileFaceNet with random weights.

    The input is `data`, (n, 3, 112, 112), RGB, 0..255; the output is `fc1_output`, (n, embedding). The stages end
    in `stage1_output`, `stage2_output` and `stage3_output`.
    """
    builder = GraphBuilder(seed)

    def unit(name: str, data: int, filters: int, kernel: int = 1, stride: int = 1, groups: int = 1, **more: int) -> int:
        data = builder.convolution(f"{name}_conv", data, filters, kernel, stride, groups, **more)
        return builder.batch_norm(f"{name}_bn", data)

    def bottleneck(name: str, data: int, inner: int, width: int, stride: int) -> int:
        body = builder.prelu(f"{name}_sep_relu", unit(f"{name}_sep", data, inner))
        body = builder.prelu(f"{name}_dw_relu", unit(f"{name}_dw", body, inner, 3, stride, inner))
        return unit(f"{name}_proj", body, width)

    body = builder.input(3)
    body = builder.scalar("centred", "_minus_scalar", body, CENTRE)
    body = builder.scalar("scaled", "_mul_scalar", body, SCALE)
    body = builder.prelu("stem1_relu", unit("stem1", body, widths.stem, 3, 2))
    body = builder.prelu("stem2_relu", unit("stem2", body, widths.stem, 3, 1, widths.stem))
    for number, stage in enumerate(widths.stages, start=1):
        # the last layer of a stage bears its name, so that a teacher's maps can be compared with it
        names = [f"stage{number}_block{block}" for block in range(stage.blocks)]
        body = bottleneck(f"stage{number}_down", body, stage.first, stage.width, 2)
        for name in names:
            branch = bottleneck(name, body, stage.inner, stage.width, 1)
            body = builder.sum(f"stage{number}" if name == names[-1] else f"{name}_sum", body, branch)
    body = builder.prelu("head_relu", unit("head", body, widths.head))
    body = unit("pool", body, widths.head, FINAL, groups=widths.head, pad=0)
    body = builder.fully_connected("pre_fc1", body, widths.head, widths.embedding)
    return builder.graph([builder.batch_norm("fc1", body)], "mobilefacenet")
