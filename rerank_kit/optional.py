"""Packages that only one back end needs are imported where it is made, with an error that says what to install."""

from __future__ import annotations

import importlib
import os
from importlib.util import find_spec
from typing import Any

from rerank_kit.errors import MissingExtra

_REPORTING = frozenset({"onnxruntime", "flashrank"})
"""What is, or imports, ONNX Runtime, which reports its use to its maker unless this variable is set before."""
_SHARED = frozenset({"llama_index", "opentelemetry"})
_SILENT = "ORT_DISABLE_TELEMETRY"


def optional(module: str, *, extra: str, why: str) -> Any:
    """Import a module of an optional package; ONNX Runtime without its telemetry, unless the environment asks for it.

    Args:
        module: Its name.
        extra: The extra of `rerank-kit` that brings it.
        why: What needs it, as the start of the error's sentence.

    Raises:
        MissingExtra: It is not installed, or what is installed cannot be imported.
    """
    if module.partition(".")[0] in _REPORTING:
        os.environ.setdefault(_SILENT, "1")
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise _unusable(module, extra, why, error) from error


def needed(*modules: str, extra: str, why: str) -> None:
    """See to it that packages are installed, without importing them. The arguments are those of `optional`.

    Raises:
        MissingExtra: One is not.
    """
    for module in modules:
        try:
            there = find_spec(module) is not None
        except ModuleNotFoundError:  # what it is a part of is not installed
            there = False
        if not there:
            raise _missing(module, extra, why)


def _missing(module: str, extra: str, why: str) -> MissingExtra:
    return MissingExtra(f"{why} needs the package {_package(module)}", extra)


def _package(module: str) -> str:
    """The package that is to be installed for a module: its first name, or two where several packages share that."""
    parts = module.split(".")
    return ".".join(parts[: 1 + (parts[0] in _SHARED)])


def _unusable(module: str, extra: str, why: str, error: ImportError) -> MissingExtra:
    """The error for a package that is not there, or that is and fails: installing it again may not help then."""
    package = module.partition(".")[0]
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] == package:
        return _missing(str(error.name), extra, why)
    return MissingExtra(f"{why} needs the package {module}, which is there but cannot be imported ({error})", extra)
