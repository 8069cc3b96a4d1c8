"""The page on troubleshooting has every error and warning by name."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import rerank_kit.errors
from rerank_kit.first_stage import RecallWarning
from tests.core.test_architecture import FILES

PAGE = (Path(__file__).parent.parent / "docs" / "troubleshooting.md").read_text("utf-8")


def names(heading: str) -> list[str]:
    """What the table below a heading has in its first column."""
    (table,) = re.findall(rf"^## {heading}\n.*?\n\|---\|---\|---\|\n(.*?)\n\n", PAGE, re.DOTALL | re.MULTILINE)
    return [row.split("`")[1] for row in table.splitlines()]


def test_every_error_is_there() -> None:
    errors = {
        name
        for name, each in inspect.getmembers(rerank_kit.errors, inspect.isclass)
        if each.__module__ == "rerank_kit.errors"
    }
    assert set(names("Errors by name")) == errors - {"RerankError"}


def test_every_warning_is_there() -> None:
    defined = re.compile(r"^class (\w+Warning)\(", re.MULTILINE)
    ours = {name for path in FILES.values() for name in defined.findall(path.read_text("utf-8"))}
    assert RecallWarning.__name__ in ours
    assert set(names("Warnings by name")) == ours
