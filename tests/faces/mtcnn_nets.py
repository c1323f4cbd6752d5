"""Three MXNet checkpoints of MTCNN: with the published topology and random weights, or so that the answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rcnn.networks.checkpoint import save_checkpoint
from rcnn.networks.graphs.builder import GraphBuilder

EPOCH = 1  # of the published files
RING = 1  # pixel, width of the black edge that the known P wants about something white
R_MOVES = (0.1, 0.0, 0.0, -0.1)
O_MOVES = (0.0, 0.25, 0.0, 0.25)
LANDMARKS = (0.25, 0.75, 0.5, 0.3, 0.7, 0.2, 0.2, 0.5, 0.8, 0.8)  # five x, then five y
LOGIT = 4.0  # of R and O where there is something white


def random_nets(folder: Path) -> str:
    """Checkpoints as they are published: ceil pooling, PReLU, fully connected layers; the directory."""
    for stage, widths in enumerate(((10, 16, 32), (28, 48, 64), (32, 64, 64, 128)), 1):
        net = GraphBuilder(seed=stage)
        body = net.input(3)
        for number, width in enumerate(widths, 1):
            last = number == len(widths)
            kernel = 2 if last and stage > 1 else 3
            body = net.prelu(f"prelu{number}", net.convolution(f"conv{number}", body, width, kernel, pad=0, bias=True))
            if not last and (stage > 1 or number == 1):
                pool = 2 if stage == 1 or number == 3 else 3
                body = net.add(
                    f"pool{number}", "Pooling", (body,), width,
                    kernel=(pool, pool), stride=(2, 2), pool_type="max", pooling_convention="full",
                )  # fmt: skip
        if stage == 1:
            logits = net.convolution("conv4-1", body, 2, bias=True)
            probability = net.add("prob1", "SoftmaxActivation", (logits,), 2, mode="channel")
            outputs = [net.convolution("conv4-2", body, 4, bias=True), probability]
        else:
            flat, width = net.add("flatten", "Flatten", (body,), 0), 128 if stage == 2 else 256
            body = net.prelu("prelu5", net.fully_connected("fc", flat, widths[-1] * 9, width))
            logits = net.fully_connected("fc-1", body, width, 2)
            outputs = [net.fully_connected("fc-2", body, width, 4)]
            if stage == 3:
                outputs.insert(0, net.fully_connected("fc-3", body, width, 10))
            outputs.append(net.add("prob1", "SoftmaxActivation", (logits,), 2))
        graph = net.graph(outputs, f"det{stage}")
        save_checkpoint(f"{folder / f'det{stage}'},{EPOCH}", graph)
    return str(folder)


def known_nets(folder: Path) -> str:
    """P wants something white in its 12x12 pixels with a black edge of a pixel, R and O anything white; the prefix."""
    for stage, side in enumerate((12, 24, 48), 1):
        net = GraphBuilder()
        data = net.input(3)
        kernel = {"pad": 0, "bias": True, "stride": 2 if stage == 1 else 1}
        logits = net.convolution("logits", data, 2, side, **kernel)
        moves = net.convolution("moves", data, 4, side, **kernel)
        outputs = [net.add("probability", "SoftmaxActivation", (logits,), 2, mode="channel"), moves]
        if stage == 3:
            outputs.append(net.convolution("landmarks", data, 10, side, **kernel))
        if stage > 1:
            outputs = [net.add(f"flat{n}", "Flatten", (output,), 0) for n, output in enumerate(outputs)]
        graph = net.graph(outputs, f"det{stage}")
        params = {name: np.zeros_like(array) for name, array in graph.params.items()}
        inner = np.zeros((side, side), bool)
        inner[RING:-RING, RING:-RING] = True
        weights = params["logits_weight"]
        if stage == 1:
            # mean of the inside less mean of the edge, in units of white - black: 1 only where all is right
            weights[1] = np.where(inner, 1 / inner.sum(), -1 / (~inner).sum()) / 3 / (255 / 128) * 100
            params["logits_bias"][1] = -95
        else:
            weights[1] = 1 / (3 * side * side) / (255 / 128) * 2 * LOGIT
            params["logits_bias"][1] = LOGIT
            params["moves_bias"][:] = R_MOVES if stage == 2 else O_MOVES
        if stage == 3:
            params["landmarks_bias"][:] = LANDMARKS
        params = {name: array.astype(np.float32) for name, array in params.items()}
        save_checkpoint(
            f"{folder / f'net{stage}'},{EPOCH}", type(graph)(graph.nodes, graph.outputs, params, graph.source)
        )
    return str(folder / "net")
