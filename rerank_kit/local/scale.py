"""What makes scores from 0 to 1 of a model's logits."""

from __future__ import annotations

import math
from dataclasses import dataclass


def sigmoid(logit: float) -> float:
    """The logistic function, which takes a model's logit to a score between 0 and 1."""
    if not logit < 0:  # NaN comes out as NaN, to be refused where scores are checked
        return 1.0 / (1.0 + math.exp(-logit))
    odds = math.exp(logit)
    return odds / (1.0 + odds)


@dataclass(frozen=True, slots=True)
class Scale:
    """The scores of one model: `sigmoid((logit - offset) / temperature)`."""

    temperature: float = 1.0
    offset: float = 0.0

    def __call__(self, logit: float) -> float:
        """The score."""
        return sigmoid((logit - self.offset) / self.temperature)

    def __str__(self) -> str:
        """Say how."""
        shifted = "logit" if not self.offset else f"logit - {self.offset:g}"
        if self.temperature == 1:
            return f"sigmoid({shifted})"
        return f"sigmoid({shifted if not self.offset else f'({shifted})'} / {self.temperature:g})"
