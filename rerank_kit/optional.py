"""Packages that only one back end needs are imported where it is made, with an error that says what to install."""

from __future__ import annotations

import importlib
from typing import Any

from rerank_kit.errors import MissingExtra


def optional(module: str, *, extra: str, why: str) -> Any:
    """Import a module of an optional package.

    Args:
        module: Its name.
        extra: The extra of `rerank-kit` that brings it.
        why: What needs it, as the start of the error's sentence.

    Raises:
        MissingExtra: It is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        msg = f"{why} needs the package {module}"
        raise MissingExtra(msg, extra) from error
