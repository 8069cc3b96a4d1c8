"""Shadow and Blended where LlamaIndex's nodes are reranked."""

from __future__ import annotations

import asyncio
import copy
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.schema import NodeWithScore, TextNode

from llama_rerank_kit import RerankPostprocessor
from rerank_kit import Blended, Reranker, Shadow
from tests.doubles import Failing, Scripted

SCORES: dict[str, float | None] = {"low 0.1": 3.0, "high 0.3": 2.0, "middle 0.2": 1.0}


def nodes(scores: dict[str, float | None]) -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(text=text, id_=text), score=score) for text, score in scores.items()]


def found(reranker: Reranker, *, looping: bool, scores: dict[str, float | None] = SCORES) -> list[Any]:
    postprocessor = RerankPostprocessor(reranker=reranker, top_n=2)
    if looping:
        return list(asyncio.run(postprocessor.apostprocess_nodes(nodes(scores), query_str="query")))
    return list(postprocessor.postprocess_nodes(nodes(scores), query_str="query"))


def plain(best: list[Any]) -> list[Any]:
    return [(each.node.node_id, each.score, each.earlier_scores, each.node.metadata) for each in best]


@pytest.mark.parametrize("looping", [False, True])
def test_a_shadow_changes_no_node(tmp_path: Path, *, looping: bool) -> None:
    for candidate in (Scripted(len), Failing(SystemExit(1))):
        shadow = Shadow(Scripted(), candidate, tmp_path / "shadow.sqlite")
        assert plain(found(shadow, looping=looping)) == plain(found(Scripted(), looping=looping))
        assert shadow.wait(60)
    report = shadow_report_of(tmp_path)
    assert (report.runs, report.compared, report.failures) == (2, 1, {"SystemExit": 1})


def shadow_report_of(folder: Path) -> Any:
    return Shadow(Scripted(), Scripted(), folder / "shadow.sqlite").report()


def test_a_postprocessor_with_a_shadow_can_be_copied(tmp_path: Path) -> None:
    again = copy.deepcopy(RerankPostprocessor(reranker=Shadow(Scripted(), Scripted(), tmp_path / "shadow.sqlite")))
    shadow: Any = again.reranker
    assert len(again.postprocess_nodes(nodes(SCORES), query_str="query")) == 3
    assert shadow.wait(60)
    assert shadow.report().runs == 1


@pytest.mark.parametrize("looping", [False, True])
def test_blended_mixes_with_the_scores_that_the_retriever_gave(*, looping: bool) -> None:
    best = found(Blended(Scripted(), weight=0.1), looping=looping)
    assert [each.node.node_id for each in best] == ["low 0.1", "high 0.3"]
    assert "by the first stage (score 3, place 1)" in best[0].relevance_reason
    assert best[0].earlier_scores == [3.0]
    unscored = found(Blended(Scripted(), weight=0.1), looping=looping, scores=dict.fromkeys(SCORES))
    assert [each.node.node_id for each in unscored] == ["low 0.1", "high 0.3"]
    assert "by the first stage (no score, place 1)" in unscored[0].relevance_reason
