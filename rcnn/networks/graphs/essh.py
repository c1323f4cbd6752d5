"""The project's own ESSH: MobileNet-0.25 (arXiv:1704.04861), feature pyramid (arXiv:1612.03144) and SSH heads
(arXiv:1708.03979) with landmarks, as in RetinaFace (arXiv:1905.00641)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ...config import config
from ..checkpoint import Graph
from .builder import GraphBuilder

CENTRE, SCALE = 127.5, 1 / 128  # pixels 0..255 become about -1..1
STEM = 8  # channels at stride 2
# (channels, stride) of the depthwise separable blocks, with a quarter of MobileNet's channels
BLOCKS = (
    (16, 1),
    (32, 2),
    (32, 1),
    (64, 2),
    (64, 1),
    (128, 2),
    (128, 1),
    (128, 1),
    (128, 1),
    (128, 1),
    (128, 1),
    (256, 2),
    (256, 1),
)
FEATURES = 64  # channels of the pyramid and of a head
WHERE_KERNEL = 3  # cells used to predict boxes and landmarks: the neighbours help to locate them within the cell
PREDICTION_GAIN = 0.1  # small, so that no initial prediction is far from its anchor
CLASSES = 2  # background and face
# Twenty-eight normalised layers with random weights and no shortcuts pass on little but noise, forwards and backwards.
# So each backbone layer starts near the identity (Zagoruyko and Komodakis, arXiv:1706.00388), normalised to a mean of
# 1 so that the ReLU cuts off little.
DEPTH_NOISE = 0.2  # standard deviation of a depthwise weight about the identity
POINT_NOISE = 0.5  # gain of the random part of a pointwise layer with equal input and output width
OFFSET = 1.0
MOMENTUM = 0.98  # of BatchNorm's statistics; detector batches are small


def build_essh_m25(seed: int = 0) -> Graph:
    """ESSH with 0.45 million random weights, 1.8 MB.

    The input is `data`, (n, 3, H, W), RGB, 0..255. The nine outputs are `face_prob_strideS` (n, 2A, h, w),
    (n, 4A, h, w) and `face_landmark_strideS` (n, 10A, h, w) for the strides 32, 16 and 8, the input of `EsshDetector`.
    The logits before the softmax are `face_score_strideS`; the last layer of a head is `head_strideS`.
    """
    builder = GraphBuilder(seed)
    body = builder.input(3)
    body = builder.scalar("centred", "_minus_scalar", body, CENTRE)
    body = builder.scalar("scaled", "_mul_scalar", body, SCALE)
    body = _unit(builder, "stem", body, STEM, 3, stride=2)
    maps, reached = {}, 2
    for number, (width, stride) in enumerate(BLOCKS, start=1):
        reached *= stride
        body = _unit(builder, f"block{number}_depth", body, builder.channels(body), 3, stride, builder.channels(body))
        body = _unit(builder, f"block{number}_point", body, width, 1)
        maps[reached] = body  # keeps the last map of each stride

    outputs, above = [], None
    for stride, scales in config.ESSH.STRIDES:
        level = _unit(builder, f"lateral_stride{stride}", maps[stride], FEATURES, 1)
        if above is not None:
            up = builder.add(
                f"up_stride{stride}", "UpSampling", (above,), FEATURES, num_args=1, sample_type="nearest", scale=2
            )
            # the upsampled map is one cell larger if a side of the image is not a multiple of the coarser stride
            up = builder.add(f"crop_stride{stride}", "Crop", (up, level), FEATURES, num_args=2)
            level = builder.sum(f"sum_stride{stride}", level, up)
            level = _unit(builder, f"merged_stride{stride}", level, FEATURES, 3)
        above = level
        outputs += _predictions(builder, _head(builder, level, stride), stride, len(scales))
    graph = builder.graph(outputs, "essh-m25")
    return replace(graph, params=_near_identity(graph.params, seed))


def _near_identity(params: Mapping[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    """The parameters, with the backbone's redrawn near the identity."""
    rng = np.random.default_rng((seed, 1))
    changed = dict(params)
    for number in range(1, len(BLOCKS) + 1):
        depth, point = f"block{number}_depth", f"block{number}_point"
        kernel = rng.normal(0, DEPTH_NOISE, params[f"{depth}_conv_weight"].shape)
        kernel[:, :, 1, 1] += 1
        changed[f"{depth}_conv_weight"] = kernel.astype(np.float32)
        width, inputs = params[f"{point}_conv_weight"].shape[:2]
        if width == inputs:
            matrix = np.eye(width) + rng.normal(0, POINT_NOISE / np.sqrt(width), (width, width))
            changed[f"{point}_conv_weight"] = matrix.astype(np.float32)[:, :, None, None]
        for name in (depth, point):
            changed[f"{name}_bn_beta"] = np.full_like(params[f"{name}_bn_beta"], OFFSET)
    return changed


def _unit(
    builder: GraphBuilder, name: str, data: int, filters: int, kernel: int, stride: int = 1, groups: int = 1,
    relu: bool = True,
) -> int:  # fmt: skip
    data = builder.convolution(f"{name}_conv", data, filters, kernel, stride, groups)
    data = builder.batch_norm(f"{name}_bn", data, momentum=MOMENTUM)
    return builder.relu(f"{name}_relu", data) if relu else data


def _head(builder: GraphBuilder, data: int, stride: int) -> int:
    """A 3x3 branch next to context branches with receptive fields of 5x5 and 7x7 cells."""
    half, quarter = FEATURES // 2, FEATURES // 4
    near = _unit(builder, f"near_stride{stride}", data, half, 3, relu=False)
    context = _unit(builder, f"context_stride{stride}", data, quarter, 3)
    wide = _unit(builder, f"wide_stride{stride}", context, quarter, 3, relu=False)
    wider = _unit(builder, f"wider_a_stride{stride}", context, quarter, 3)
    wider = _unit(builder, f"wider_b_stride{stride}", wider, quarter, 3, relu=False)
    head = builder.add(f"concat_stride{stride}", "Concat", (near, wide, wider), FEATURES, num_args=3, dim=1)
    return builder.relu(f"head_stride{stride}", head)


def _predictions(builder: GraphBuilder, head: int, stride: int, anchors: int) -> list[int]:
    """Class probability, box deltas and landmark deltas of a stride."""

    def predict(name: str, channels: int, kernel: int = 1) -> int:
        return builder.convolution(
            f"face_{name}_stride{stride}", head, channels, kernel, bias=True, gain=PREDICTION_GAIN
        )  # fmt: skip

    channels = CLASSES * anchors
    score = predict("score", channels)
    # (n, 2A, h, w) -> (n, 2, A * h, w): the softmax is over background and face per anchor
    pairs = builder.add(f"pairs_stride{stride}", "Reshape", (score,), CLASSES, shape=(0, CLASSES, -1, 0))
    pairs = builder.add(f"softmax_stride{stride}", "softmax", (pairs,), CLASSES, axis=1)
    shape = (0, channels, -1, 0)
    probability = builder.add(f"face_prob_stride{stride}", "Reshape", (pairs,), channels, shape=shape)
    return [
        probability,
        predict("box", 4 * anchors, WHERE_KERNEL),
        predict("landmark", 2 * len(config.ALIGN.TARGET) * anchors, WHERE_KERNEL),
    ]
