"""A decision model as a LlamaIndex node postprocessor: verdict, probabilities and answerability are beside the node."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core.schema import NodeWithScore, TextNode
from pydantic import SecretStr

from llama_rerank_kit import CascadeRerank, DecisionRerank, RerankPostprocessor
from rerank_kit import BackendError, ConfigurationError
from rerank_kit.decide.ways import Ask
from rerank_kit.testing import DecisionServer
from tests import doubles
from tests.conftest import Colour
from tests.decide.doubles import DOCUMENTS, ORDER, QUERY, Scripted, failing, without

KEY = "planted-key-5f2c"
WAYS: list[Ask] = ["score", "yes-no", "choice"]


def nodes() -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(text=text, id_=str(place)), score=0.5) for place, text in enumerate(DOCUMENTS)]


def reranked(colour: Colour, postprocessor: Any, query: str = QUERY) -> list[Any]:
    found: list[Any] = colour(postprocessor, "postprocess_nodes", nodes(), query_str=query)
    return found


@pytest.mark.parametrize("ask", WAYS)
def test_nodes_are_put_in_order(ask: Ask, colour: Colour) -> None:
    best = reranked(colour, DecisionRerank(decision_model=Scripted(), ask=ask))
    assert [each.node_id for each in best] == [str(place) for place in ORDER]


def test_score_verdict_and_probabilities_are_beside_the_node(colour: Colour) -> None:
    _, second, *_ = reranked(colour, DecisionRerank(decision_model=Scripted()))
    assert (second.score, second.earlier_scores) == (0.5, [0.5])
    assert (second.relevance_verdict, second.relevance_reason) == ("2", "level 1.50 of 3")
    assert second.relevance_probabilities == {"0": 0.0, "1": 0.5, "2": 0.5, "3": 0.0}
    assert second.rerank_answerable == 1.0
    assert second.node.metadata == {}


def test_an_earlier_answer_does_not_stay_to_explain_another_order(colour: Colour) -> None:
    first = reranked(colour, DecisionRerank(decision_model=Scripted()))
    later = RerankPostprocessor(reranker=doubles.Scripted(len))
    best: list[Any] = colour(later, "postprocess_nodes", first, query_str=QUERY)
    assert {(each.relevance_probabilities, each.rerank_answerable) for each in best} == {(None, None)}


@pytest.mark.parametrize("api", ["openai", "system_one"])
def test_an_api_is_asked_when_no_model_was_given(api: Any, colour: Colour) -> None:
    with DecisionServer(api_key=KEY) as server:
        named: Any = {} if api == "openai" else {"model": "jev-latest"}
        made = DecisionRerank(api=api, api_key=SecretStr(KEY), base_url=server.base_url(api), **named)
        best = reranked(colour, CascadeRerank(stages=[made]))
        loaded: Any = made.loaded
        loaded.decider.close()
    assert [each.node_id for each in best] == [str(place) for place in ORDER]


def test_where_probably_nothing_answers_nothing_comes_out_or_says_so(colour: Colour) -> None:
    none = DecisionRerank(decision_model=Scripted(), min_answerable=0.5)
    assert reranked(colour, none, "quantum chromodynamics") == []
    flag = DecisionRerank(decision_model=Scripted(), min_answerable=0.5, unanswerable="flag")
    told = reranked(colour, flag, "quantum chromodynamics")
    assert {each.rerank_degraded for each in told} == {"probably no document answers: 0 is below min_answerable=0.5"}


def test_nothing_is_kept_where_a_stage_says_that_nothing_answers(colour: Colour) -> None:
    careful = DecisionRerank(decision_model=Scripted(), min_answerable=0.5)
    cascade = CascadeRerank(stages=[RerankPostprocessor(reranker=doubles.Scripted(len)), careful], keep_rest=True)
    assert reranked(colour, cascade, "quantum chromodynamics") == []
    assert len(reranked(colour, cascade)) == 4


@pytest.mark.parametrize("cascade", [False, True])
@pytest.mark.parametrize("some", [False, True])
def test_what_could_not_be_judged_has_no_score(some: bool, cascade: bool, colour: Colour) -> None:
    change = without("kind") if some else failing("", BackendError("down"))
    asked: RerankPostprocessor = DecisionRerank(decision_model=Scripted(change=change))
    first = RerankPostprocessor(reranker=doubles.Scripted(len), top_n=None)
    best = reranked(colour, CascadeRerank(stages=[first, asked]) if cascade else asked)
    unjudged = {each.node_id for each in best if each.relevance_verdict == "unjudged"}
    assert unjudged == ({"2"} if some else {"0", "1", "2", "3"})
    assert all((each.score is None) == (each.node_id in unjudged) for each in best)
    assert all(each.earlier_scores == [0.5] for each in best)
    assert all("could not be judged" in each.rerank_degraded for each in best)
    assert all((each.rerank_failed is not None) == (not some and not cascade) for each in best)


def test_what_is_not_answered_is_kept_or_raises(colour: Colour) -> None:
    down = Scripted(change=lambda *_: BackendError("down"))
    best = reranked(colour, DecisionRerank(decision_model=down))
    assert {(each.score, each.relevance_verdict) for each in best} == {(None, "unjudged")}
    with pytest.raises(BackendError, match="down"):
        reranked(colour, DecisionRerank(decision_model=down, on_failed_call="raise"))


@pytest.mark.parametrize("given", ["gpt-6-luna", Scripted, object()])
def test_what_is_no_decision_model_is_said(given: Any) -> None:
    told = "decision_model must be a decision model of rerank_kit.decide, such as SystemOne"
    with pytest.raises(ConfigurationError, match=told):
        DecisionRerank(decision_model=given)


def test_a_model_of_typesafes_shape_has_to_be_named() -> None:
    with pytest.raises(ConfigurationError, match="model must be named with api='system_one'"):
        DecisionRerank(api="system_one", api_key=SecretStr(KEY))
