"""Shadow and Blended where LangChain's retrievers are reranked."""

from __future__ import annotations

import asyncio
import copy
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document as Page
from langchain_core.runnables import RunnableLambda

from langchain_rerank_kit import RerankCompressor, with_rerank
from rerank_kit import Blended, Reranker, Shadow
from tests.doubles import Failing, Scripted

pytestmark = pytest.mark.filterwarnings("ignore:the first stage brought 3 candidates")
PAGES = [
    Page(page_content="low 0.1", metadata={"relevance_score": 3.0}, id="a"),
    Page(page_content="high 0.3", metadata={"relevance_score": 2.0}, id="b"),
    Page(page_content="middle 0.2", metadata={"relevance_score": 1.0}, id="c"),
]


def pages(query: str) -> list[Page]:
    return copy.deepcopy(PAGES)


def found(reranker: Reranker, *, looping: bool) -> list[Page]:
    retriever: Any = with_rerank(
        RunnableLambda(pages), reranker, recall=50, top_n=2, widen=lambda retriever, recall: retriever
    )
    brought: list[Page] = asyncio.run(retriever.ainvoke("query")) if looping else retriever.invoke("query")
    return brought


def plain(brought: list[Page]) -> list[Any]:
    return [(each.id, each.page_content, each.metadata) for each in brought]


@pytest.mark.parametrize("looping", [False, True])
def test_a_shadow_changes_no_document(tmp_path: Path, *, looping: bool) -> None:
    shadow = Shadow(Scripted(), Scripted(len), tmp_path / "shadow.sqlite")
    assert plain(found(shadow, looping=looping)) == plain(found(Scripted(), looping=looping))
    assert shadow.wait(60)
    report = shadow.report()
    assert (report.runs, report.compared) == (1, 1)
    failing = Shadow(Scripted(), Failing(SystemExit(1)), tmp_path / "other.sqlite")
    assert plain(found(failing, looping=looping)) == plain(found(Scripted(), looping=looping))
    assert failing.wait(60)
    assert failing.report().failures == {"SystemExit": 1}


def test_a_compressor_with_a_shadow_can_be_copied(tmp_path: Path) -> None:
    shadow = Shadow(Scripted(), Scripted(len), tmp_path / "shadow.sqlite")
    compressor = RerankCompressor(reranker=shadow, top_n=1)
    again: Any = copy.deepcopy(compressor)
    assert [each.id for each in again.compress_documents(PAGES, "query")] == ["b"]
    assert again.reranker.wait(60)
    assert shadow.report().runs == 1


@pytest.mark.parametrize("looping", [False, True])
def test_blended_mixes_with_the_scores_that_the_retriever_gave(*, looping: bool) -> None:
    best = found(Blended(Scripted(), weight=0.1), looping=looping)
    assert [each.id for each in best] == ["a", "b"]
    assert "by the first stage (score 3, place 1)" in str(best[0].metadata)
    assert best[0].metadata["earlier_relevance_scores"] == [3.0]
    gated = found(Blended(Scripted(), weight=0.1, only_below=0.3), looping=looping)
    assert [each.id for each in gated] == ["b", "c"]
