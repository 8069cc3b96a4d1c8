"""The cascade of the example: 50 candidates, the cross-encoder's ten best, the judge's three, from both frameworks."""

from __future__ import annotations

import re

import pytest

from tests.processes import example

pytestmark = pytest.mark.unmeasured  # of the examples it tells nothing, and takes half as long again


def test_both_frameworks_go_from_50_to_10_to_3_and_print_what_a_query_costs() -> None:
    done = example("judge_cascade.py")
    assert done.returncode == 0, done.stderr
    _, langchain, llama_index = re.split(r"^LangChain$|^LlamaIndex$", done.stdout, flags=re.MULTILINE)
    for text in (langchain, llama_index):
        found = re.findall(r"^  (.{70})  (\w+): (.+)$", text, re.MULTILINE)
        assert len(found) == 3
        assert any("statistics.median(" in passage for passage, _, _ in found)
        assert {verdict for _, verdict, _ in found} == {"yes"}
        assert re.findall(r"(\d+) → (\d+)", text) == [("50", "10"), ("10", "3")]
        (calls, read, written, cost) = re.findall(
            r"(\d+) calls, (\d+) tokens read, (\d+) written: \$([\d.]+) a query", text
        )[0]
        assert int(calls) == 10
        paid = (int(read) * 0.10 + int(written) * 0.50) / 1_000_000
        assert abs(float(cost) - paid) < 1e-6
