"""Odd values for every argument, and whether a call refuses them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from rerank_kit import ConfigurationError


class Hostile:
    """Something that cannot even be shown or compared."""

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        raise RuntimeError

    def __eq__(self, other: object) -> bool:
        raise RuntimeError


def deep(levels: int) -> list[Any]:
    made: list[Any] = []
    for _ in range(levels):
        made = [made]
    return made


ODD: dict[str, Any] = {
    "400 digits": 10**400,
    "5,000 digits": 10**5000,
    "minus 400 digits": -(10**400),
    "NaN": float("nan"),
    "infinity": float("inf"),
    "minus infinity": float("-inf"),
    "NumPy's NaN": np.float64("nan"),
    "NumPy's whole number": np.int64(5),
    "NumPy's number": np.float32(-0.5),
    "NumPy's truth": np.bool_(True),
    "an array": np.array([1, 2]),
    "truth": True,
    "text": "5",
    "no text": "",
    "bytes": b"5",
    "a complex number": 3 + 4j,
    "zero": 0,
    "the greatest": sys.maxsize,
    "more than the greatest": sys.maxsize + 1,
    "a great float": 1e308,
    "a list": [],
    "a deep list": deep(5000),
    "a dict": {"a": 10**5000},
    "half a character": "\ud83d",
    "something hostile": Hostile(),
    "nothing": None,
}


def refused(call: Callable[[], object]) -> bool:
    """Whether a call is refused with an error that can be shown in a few lines; all other errors pass through."""
    told = ""
    try:
        call()
    except ConfigurationError as error:
        told = str(error)
    assert len(told) < 2000
    return told != ""
