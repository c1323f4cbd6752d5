"""The optimizer of the classifier."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

BIAS_SHARE = 2.0  # times the learning rate
VELOCITY = "velocity"


class Momentum(torch.optim.Optimizer):
    """MXNet's SGD: velocity = momentum * velocity - lr * (gradient + decay * weight); weight += velocity.

    Biases use twice the learning rate; weight decay applies neither to them nor to BatchNorm's betas.

    Parameters
    ----------
    parameters : with their MXNet names; those without gradient are skipped
    """

    def __init__(self, parameters: Iterable[tuple[str, nn.Parameter]], momentum: float, decay: float) -> None:
        groups = [
            {
                "params": [parameter],
                "share": BIAS_SHARE if name.endswith("_bias") else 1.0,
                "decay": decay if name.endswith(("_weight", "_gamma")) else 0.0,
            }
            for name, parameter in parameters
            if parameter.requires_grad
        ]
        super().__init__(groups, {"lr": 0.0, "momentum": momentum})
        for parameter in self.parameters():
            self.state[parameter][VELOCITY] = torch.zeros_like(parameter)

    def parameters(self) -> list[nn.Parameter]:
        """All trained parameters, in the order of the optimizer's state."""
        return [parameter for group in self.param_groups for parameter in group["params"]]

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Load a state as returned by `state_dict`.

        Raises
        ------
        ValueError
            If it belongs to other parameters.
        """
        super().load_state_dict(dict(state_dict))
        for index, parameter in enumerate(self.parameters()):
            velocity = self.state[parameter].get(VELOCITY)
            if not isinstance(velocity, Tensor) or velocity.shape != parameter.shape:
                raise ValueError(f"velocity {index} is missing or has another shape")

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]  # returns no loss
        """Apply the gradients at each group's `lr`."""
        for group in self.param_groups:
            for parameter in group["params"]:
                gradient = parameter.grad
                if group["decay"]:
                    gradient = gradient.add(parameter, alpha=group["decay"])
                velocity = self.state[parameter][VELOCITY]
                velocity.mul_(group["momentum"]).sub_(gradient, alpha=group["lr"])
                parameter.add_(velocity)
