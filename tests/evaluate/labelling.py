"""What is labelled in tests: a judge that counts words, and what it is asked about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rerank_kit.evaluate import Dataset
from rerank_kit.judge import LLMJudge
from rerank_kit.testing import Question
from tests.judge.doubles import Answer, Scripted, honest

ANIMALS = ("cat", "dog", "cow", "hen", "pig", "fox", "owl", "bat")
KINDS = ("sleeps", "eats", "runs")
DOCUMENTS = {f"{each} {kind}": f"{each} {kind}" for each in ANIMALS for kind in KINDS}
DATA = Dataset("animals", {each: f"when {each} eats" for each in ANIMALS}, {}, DOCUMENTS)
"""BM25 finds ten documents for each query: three of its animal, and the others that eat."""


def judge(says: Callable[[Question], Answer] = honest, **options: Any) -> tuple[LLMJudge, Scripted]:
    """A judge, and its model; a document answers if it has two words of the three."""
    model = Scripted(says)
    return LLMJudge(model, **options), model


def right(question: str, text: str) -> bool:
    """Whether a person would say so."""
    return text == question.removeprefix("when ")
