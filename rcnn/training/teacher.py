"""Teacher networks for distillation; hints pair our feature maps with the teacher's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import Tensor, nn

from ..errors import InputError
from ..networks.checkpoint import load_checkpoint
from ..networks.engine import Network, load_network
from ..networks.precision import FP32

Hints = tuple[tuple[str, str], ...]  # names of layers: ours, the teacher's


def load_teacher(
    model: str | None, outputs: Sequence[str], hints: Hints, device: int, precision: str = FP32
) -> Network | None:
    """The teacher with the requested outputs and hinted maps; None without a teacher or without any output.

    Parameters
    ----------
    model : `PREFIX,EPOCH`
    outputs : names, such as `fc1_output`
    precision : see `load_network`

    Raises
    ------
    InputError
        If it cannot be read, or there are hints but no teacher.
    """
    if model is None and hints:
        raise InputError("--hints compares with a teacher's maps: give --teacher PREFIX,EPOCH")
    layers = [*outputs, *(f"{theirs}_output" for _, theirs in hints)]
    if model is None or not layers:
        return None
    return load_network(load_checkpoint(model), layers, device=device, images=True, precision=precision)


def adapters(maps: Iterable[Tensor], widths: Iterable[int]) -> list[nn.Conv2d]:
    """1x1 convolutions from our maps (n, C, h, w) to the teacher's channel counts `widths`."""
    return [nn.Conv2d(ours.shape[1], theirs, 1) for ours, theirs in zip(maps, widths, strict=True)]
