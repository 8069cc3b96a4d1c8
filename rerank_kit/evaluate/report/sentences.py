"""What reports say below the table, the short answer first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rerank_kit.evaluate.report.answer import answer
from rerank_kit.evaluate.report.characters import in_a_line


def sentences(evaluation: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """What is said below the table: groups of sentences, each under a title, without those that are empty."""
    short = answer(evaluation)
    groups = {
        "In short": [] if short is None else [short],
        "Verdicts": [each["text"] for each in evaluation["comparisons"]],
        "What stands out": [each["text"] for each in evaluation["findings"]],
        "Notes on the data": evaluation["dataset"]["notes"],
    }
    return [(title, [in_a_line(each) for each in texts]) for title, texts in groups.items() if texts]
