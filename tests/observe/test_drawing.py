"""What runs, drawn for notebooks: each box once, in order, with nothing in it that could be markup."""

from __future__ import annotations

import re
from typing import Any

from llama_index.core.schema import TextNode
from llama_index.retrievers.bm25 import BM25Retriever as LlamaBM25

import langchain_rerank_kit
import llama_rerank_kit
from rerank_kit import Cascade, Stage
from tests.doubles import Scripted


def boxes(shown: Any) -> list[tuple[str, str]]:
    return re.findall(r"<b>(.*?)</b><br><small>(.*?)</small>", shown._repr_html_())


def test_a_cascade_shows_its_stages() -> None:
    last = Stage(Scripted(), when=lambda query, ranking: True, name="<b>last</b>")
    assert boxes(Cascade(Scripted(), Stage(Scripted(), 5, 0.25, name="second"), last)) == [
        ("Scripted", "keeps all"),
        ("second", "top_n=5, threshold=0.25"),
        ("&lt;b&gt;last&lt;/b&gt;", "when …"),
    ]


def test_a_retriever_shows_both_of_its_stages() -> None:
    first = langchain_rerank_kit.BM25Retriever.from_texts(["a", "b"])
    made = langchain_rerank_kit.with_rerank(first, Scripted(), recall=30, top_n=3)
    assert boxes(made) == [("BM25Retriever", "brings 30"), ("RerankCompressor", "the best 3")]
    whole = langchain_rerank_kit.with_rerank(
        first, langchain_rerank_kit.RerankCompressor(reranker=Scripted(), top_n=None), top_n=None
    )
    assert boxes(whole)[1] == ("RerankCompressor", "all that it leaves")


def test_a_retriever_of_llamaindex_shows_both_of_its_stages() -> None:
    first = LlamaBM25(nodes=[TextNode(text="cats eat mice"), TextNode(text="a map of Babylon")], similarity_top_k=2)
    made: Any = llama_rerank_kit.with_rerank(first, Scripted(), recall=30, top_n=3)
    assert boxes(made) == [("BM25Retriever", "brings 30"), ("RerankPostprocessor", "the best 3")]
    made.postprocessor.top_n = None
    assert boxes(made)[1] == ("RerankPostprocessor", "all that it leaves")
