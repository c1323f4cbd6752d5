"""Muon: momentum with orthogonalised steps for matrices, AdamW for all other parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

MOMENTUM = 0.95
ITERATIONS = 5  # Newton-Schulz
COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the Newton-Schulz polynomial, by Jordan
ADAM_RMS = 0.2  # root mean square of a step of AdamW at a learning rate of 1
ADAM_BETAS = (0.9, 0.95)
EPSILON = 1e-8


class Muon(torch.optim.Optimizer):
    """Muon (Jordan et al., kellerjordan.github.io/posts/muon), scaled to AdamW's steps (Liu et al., arXiv:2502.16982).

    A convolution counts as a matrix with one row per filter. PyTorch's own Muon accepts matrices only.

    Parameters
    ----------
    parameters : those of two or more dimensions get orthogonal steps, the others AdamW steps
    lr : learning rate of both
    weight_decay : multiplied by the learning rate; applies to matrices only
    """

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float, weight_decay: float = 0.0) -> None:
        super().__init__(list(parameters), {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        assert closure is None
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                if parameter.ndim > 1:
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.add_(self._orthogonal(parameter), alpha=-group["lr"])
                else:
                    parameter.add_(self._adam(parameter), alpha=-group["lr"])

    def _orthogonal(self, parameter: Tensor) -> Tensor:
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        gradient = parameter.grad
        assert gradient is not None
        state["momentum"].lerp_(gradient, 1 - MOMENTUM)
        ahead = gradient.lerp(state["momentum"], MOMENTUM)  # Nesterov momentum
        matrix = orthogonal(ahead.reshape(len(ahead), -1))
        return matrix.reshape(parameter.shape) * (ADAM_RMS * max(matrix.shape) ** 0.5)

    def _adam(self, parameter: Tensor) -> Tensor:
        state = self.state[parameter]
        if not state:
            state.update(step=torch.zeros(()), mean=torch.zeros_like(parameter), square=torch.zeros_like(parameter))
        gradient = parameter.grad
        assert gradient is not None
        state["step"] += 1
        state["mean"].lerp_(gradient, 1 - ADAM_BETAS[0])
        state["square"].lerp_(gradient.square(), 1 - ADAM_BETAS[1])
        count = float(state["step"])
        mean, square = (
            state[name] / (1 - beta**count) for name, beta in zip(("mean", "square"), ADAM_BETAS, strict=True)
        )
        return mean / (square.sqrt() + EPSILON)


def orthogonal(matrix: Tensor) -> Tensor:
    """Approximately U V' for a matrix U S V', by the Newton-Schulz iteration in bfloat16.

    Parameters
    ----------
    matrix : (m, n)

    Returns
    -------
    (m, n) float32, with singular values from about 0.7 to 1.2.
    """
    first, second, third = COEFFICIENTS
    wide = matrix.bfloat16() if len(matrix) <= matrix.shape[1] else matrix.bfloat16().T
    wide = wide / (wide.norm() + EPSILON)
    for _ in range(ITERATIONS):
        square = wide @ wide.T
        polynomial = torch.addmm(square, square, square, beta=second, alpha=third)
        wide = torch.addmm(wide, polynomial, wide, beta=first)
    return (wide if len(matrix) <= matrix.shape[1] else wide.T).float()
