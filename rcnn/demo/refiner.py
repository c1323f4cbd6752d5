"""Trains the refiner: blurred faces in, faces that a discriminator takes for photographs out.

Half of a batch are photographs as the face space renders them, which are to come out as they were; the other
half are random draws, of which only naturalness and likeness to the draw are asked.

There are two discriminators: one sees the whole canvas, where hair and clothes are the easiest to judge by, and
one sees the face alone, without which eyes and mouths stay blurred.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from ..networks.graphs.refiner import FACTOR, build_refiner
from ..training.graph_module import GraphModule
from ..training.loop import learn, total
from .canvas import PLANES, SIZE
from .face_space import FaceSpace
from .portraits import QUANTUM

PIXEL_WEIGHT = 4.0  # of the mean absolute difference from the photograph
FEATURE_WEIGHT = 2.0  # of the same in the discriminator's maps (Wang et al., arXiv:1711.11585)
LIKENESS_WEIGHT = 3.0  # of the difference from the blurred face, LIKENESS_CELLS a side
LIKENESS_CELLS = 16
WIDTHS = (32, 64, 128, 128)  # channels of the discriminator at 64, 32, 16 and 8 pixels
VERDICT_GAIN = 5.0  # spectral normalisation keeps verdicts flat; with this they reach the hinge
CLOSE_UP = slice(36, 100), slice(32, 96)  # rows and columns of the canvas that the second discriminator sees
SLOPE = 0.2  # of its activations under 0
BETAS = (0.5, 0.99)  # Adam's, as GANs want them
AVERAGING = 0.995  # share of the old weights in the moving average that is kept


class Discriminator(nn.Module):
    """Tells photographs from drawn faces, patch by patch and as a whole.

    Parameters
    ----------
    size : pixels a side of what it sees
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        inputs = (PLANES, *WIDTHS)
        self.layers = nn.ModuleList(
            spectral_norm(nn.Conv2d(a, b, 4, 2, 1)) for a, b in zip(inputs, WIDTHS, strict=False)
        )
        self.patches = spectral_norm(nn.Conv2d(WIDTHS[2], 1, 3, 1, 1))
        self.whole = spectral_norm(nn.Linear(WIDTHS[3] * (size // 16) ** 2, 1))

    def forward(self, planes: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Verdicts (higher: a photograph) and maps of faces (n, 4, size, size)."""
        maps = []
        for layer in self.layers:
            planes = functional.leaky_relu(layer(planes), SLOPE)
            maps.append(planes)
        verdicts = [self.patches(maps[2]), self.whole(maps[3].flatten(1))]
        return [VERDICT_GAIN * verdict.float() for verdict in verdicts], maps


class RefinerTraining(nn.Module):
    """The refiner, its moving average and the discriminators.

    Parameters
    ----------
    space : draws the random faces
    seed : of the weights
    """

    def __init__(self, space: FaceSpace, seed: int) -> None:
        super().__init__()
        self.space = space
        torch.manual_seed(seed)
        self.refiner = GraphModule(build_refiner(PLANES, seed))
        self.average = GraphModule(build_refiner(PLANES, seed)).requires_grad_(False)
        self.whole = Discriminator(SIZE)
        self.close = Discriminator(CLOSE_UP[0].stop - CLOSE_UP[0].start)

    def optimizer(self, lr: float) -> torch.optim.Optimizer:
        """One for all players; one whose gradients are None stands still."""
        parameters = [*self.refiner.parameters(), *self.whole.parameters(), *self.close.parameters()]
        return torch.optim.Adam(parameters, lr, BETAS)

    def step(
        self,
        optimizer: torch.optim.Optimizer,
        rate: float,
        photographs: np.ndarray,
        known: np.ndarray,
        drawn: np.ndarray,
        bf16: bool,
    ) -> dict[str, float]:
        """One step of all players.

        Parameters
        ----------
        rate : learning rate
        photographs : (n, 4, SIZE, SIZE) int8, see `Portraits`
        known : (n, 4, COARSE, COARSE) float32, the same as the face space renders them
        drawn : (m, 4, COARSE, COARSE) float32, random draws

        Returns
        -------
        The terms of the loss.
        """
        device = next(self.refiner.parameters()).device
        real = _on(device, photographs.astype(np.float32) / QUANTUM)
        blurred = _on(device, np.concatenate([known, drawn]))
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            made = refined(self.refiner, blurred)
            judged = total(
                functional.relu(1 - yes).mean() + functional.relu(1 + no).mean()
                for yes, no in zip(self._judge(real)[0], self._judge(made.detach())[0], strict=True)
            )  # hinge, Lim and Ye, arXiv:1705.02894
        judgement = learn({"judged": judged}, optimizer, self.parameters(), rate)
        self._let_learn(False)
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            verdicts, maps = self._judge(made)
            with torch.no_grad():
                _, wanted = self._judge(real)
            count = len(real)
            losses = {
                "pixels": PIXEL_WEIGHT * (made[:count] - real).abs().mean(),
                "features": FEATURE_WEIGHT
                * total((a[:count].float() - b.float()).abs().mean() for a, b in zip(maps, wanted, strict=True)),
                "likeness": LIKENESS_WEIGHT * (_cells(made[count:]) - _cells(blurred[count:])).abs().mean(),
                "natural": -total(verdict.mean() for verdict in verdicts),
            }
        terms = learn(losses, optimizer, self.parameters(), rate)
        self._let_learn(True)
        with torch.no_grad():
            for kept, now in zip(self.average.parameters(), self.refiner.parameters(), strict=True):
                kept.lerp_(now, 1 - AVERAGING)
        return terms | judgement

    def _judge(self, planes: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Verdicts and maps of both discriminators on faces (n, 4, SIZE, SIZE)."""
        verdicts, maps = self.whole(planes)
        close_verdicts, close_maps = self.close(planes[:, :, *CLOSE_UP].contiguous(memory_format=torch.channels_last))
        return verdicts + close_verdicts, maps + close_maps

    def _let_learn(self, on: bool) -> None:
        for discriminator in (self.whole, self.close):
            discriminator.requires_grad_(on)


def refined(network: nn.Module, blurred: Tensor) -> Tensor:
    """Faces (n, 4, SIZE, SIZE) float32 of blurred ones (n, 4, COARSE, COARSE)."""
    larger = functional.interpolate(blurred, scale_factor=FACTOR, mode="bilinear", align_corners=False)
    return larger + functional.pixel_shuffle(network(blurred)[0].float(), FACTOR)


def _cells(planes: Tensor) -> Tensor:
    return functional.adaptive_avg_pool2d(planes, LIKENESS_CELLS)


def _on(device: torch.device, array: np.ndarray) -> Tensor:
    return torch.from_numpy(array).to(device, memory_format=torch.channels_last)
