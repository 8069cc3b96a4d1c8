"""What makes scores from 0 to 1 of a model's logits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Self

Function = Literal["sigmoid", "hardsigmoid"]
"""Those of PyTorch's activations for single numbers that give numbers from 0 to 1."""

_OF_ACTIVATIONS: dict[str, Function] = {"Sigmoid": "sigmoid", "Hardsigmoid": "hardsigmoid"}
_FLAT = 3.0  # from where on the latter is 0 or 1


def sigmoid(logit: float) -> float:
    """The logistic function, which takes a model's logit to a score between 0 and 1."""
    if not logit < 0:  # NaN comes out as NaN, to be refused where scores are checked
        return 1.0 / (1.0 + math.exp(-logit))
    odds = math.exp(logit)
    return odds / (1.0 + odds)


@dataclass(frozen=True, slots=True)
class Scale:
    """The scores of one model: `sigmoid((logit - offset) / temperature)`, or the same with another function."""

    temperature: float = 1.0
    offset: float = 0.0
    function: Function = "sigmoid"

    @classmethod
    def of_activation(cls, path: str) -> Self | None:
        """That of an activation by its path, such as `torch.nn.modules.activation.Sigmoid`; `None` where it is none."""
        package, _, name = path.rpartition(".")
        function = _OF_ACTIVATIONS.get(name) if package.startswith("torch.") else None
        return None if function is None else cls(function=function)

    def __call__(self, logit: float) -> float:
        """The score."""
        value = (logit - self.offset) / self.temperature
        if self.function == "sigmoid":
            return sigmoid(value)
        return 0.0 if value <= -_FLAT else 1.0 if value >= _FLAT else value / 6 + 0.5

    def __str__(self) -> str:
        """Say how."""
        shifted = "logit" if not self.offset else f"logit - {self.offset:g}"
        if self.temperature == 1:
            return f"{self.function}({shifted})"
        return f"{self.function}({shifted if not self.offset else f'({shifted})'} / {self.temperature:g})"
