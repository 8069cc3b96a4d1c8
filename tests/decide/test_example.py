"""The cascade of the example: 50 candidates, the cross-encoder's ten best, and a decision model that can say no."""

from __future__ import annotations

import re

import pytest

from tests.processes import example

pytestmark = pytest.mark.unmeasured  # of the examples it tells nothing, and takes half as long again


def test_both_frameworks_answer_one_question_and_say_of_the_other_that_nothing_does() -> None:
    done = example("decision_cascade.py")
    assert done.returncode == 0, done.stderr
    _, langchain, llama_index = re.split(r"^LangChain$|^LlamaIndex$", done.stdout, flags=re.MULTILINE)
    for text in (langchain, llama_index):
        answered, unanswered = text.split("  How do I renew my passport?\n")
        found = re.findall(r"^    (.{70})  level (\d), ([\d.]+)$", answered, re.MULTILINE)
        assert [(level, score) for _, level, score in found] == [("3", "0.95")] * 3
        assert any("statistics.median(" in passage for passage, _, _ in found)
        assert "I don't know: probably nothing here answers that." in unanswered
        assert re.findall(r"(\d+) → (\d+)", text) == [("50", "10"), ("10", "3"), ("50", "10"), ("10", "0")]
        for read, cost in re.findall(r"1 call, (\d+) tokens read: \$([\d.]+) a query", text):
            assert abs(float(cost) - int(read) * 0.10 / 1_000_000) < 1e-6
