"""The examples for LlamaIndex do what they say."""

from __future__ import annotations

import re

import pytest

from tests.processes import example

pytestmark = pytest.mark.unmeasured  # of the examples it tells nothing, and takes half as long again


def printed(name: str) -> str:
    done = example(name)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_query_engine_finds_what_words_alone_do_not() -> None:
    text = printed("llama_query_engine.py")
    assert "RetrieverQueryEngine.retriever.similarity_top_k: 5 → 50" in text
    shown = re.findall(r"^(?:BM25 alone|with_rerank)\n((?:  .*\n)+)", text, re.MULTILINE)
    binary, binary_reranked, _, median_reranked = [re.findall(r"  (\S+?)\(", each) for each in shown]
    assert binary_reranked.index("builtins.bin") < binary.index(
        "builtins.bin"
    )  # int8 scores depend on the CPU a little
    assert median_reranked[0] == "statistics.median"


def test_the_workflow_finds_the_one_that_answers() -> None:
    best = printed("llama_workflow.py").splitlines()[1]
    assert "filecmp.cmp(" in best
