"""A decision model as a LangChain compressor: behind an API, or any of LangChain's own; its runs are below ours."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from langchain_core import decisions
from langchain_core.documents import Document
from langchain_core.runnables import RunnableSerializable
from pydantic import BaseModel, Field, SecretStr
from typing_extensions import override

from langchain_rerank_kit import CascadeRerank, DecisionRerank, LangChainDecisions, RerankCompressor
from rerank_kit import BackendError, ConfigurationError, InvalidResponse
from rerank_kit.decide import Choice, DecisionLimits, DecisionReranker, Question, Score, YesNo
from rerank_kit.decide.ways import Ask
from rerank_kit.testing import DecisionRequest, DecisionServer, words_in_common
from tests import doubles
from tests.conftest import Colour
from tests.decide.doubles import DOCUMENTS, ORDER, QUERY, Scripted, failing, without
from tests.langchain.recording import Recorder

KEY = "planted-key-5f2c"
WAYS: list[Ask] = ["score", "yes-no", "choice"]


def answered(state: str, question: Any) -> dict[str, Any]:
    """The right answer to a question of anybody's types, in the form of langchain-core."""
    request = DecisionRequest.of(state, ())
    labels = [each for each in request.documents if each in question.instructions]
    texts = [request.documents[each] for each in labels] or list(request.documents.values())
    best = max(words_in_common(request.query, text) for text in texts)
    if question.type == "score":
        told: dict[int, Any] = dict(enumerate(question.criteria))
        probabilities = {0: 1 - best, len(told) - 1: best}
        return {
            "type": "score",
            "score": best * (len(told) - 1),
            "legend": told,
            "probabilities": probabilities,
            "confidence": 1,
        }
    if question.type == "choice":
        worth = {each: words_in_common(request.query, text) for each, text in request.documents.items()}
        whole = sum(worth.values())
        shares = {each: best * value / whole for each, value in worth.items()} | {"none": 1 - best}
        return {"type": "choice", "choice": "none", "probabilities": shares, "confidence": 1}
    return {"type": "noul", "noul": best}


class Provider(decisions.BaseDecisionModel):
    """A decision model as a package for LangChain writes it."""

    model: str = "gpt-6-luna"
    error: Any = None
    states: list[str] = Field(default_factory=list[str])
    api_key: str = KEY

    @property
    @override
    def _provider(self) -> str:
        return "provider"

    @override
    def _classify(self, state: Any, questions: dict[str, Any]) -> Any:
        if self.error is not None:
            raise self.error
        self.states.append(state)
        rows = {name: answered(state, each) for name, each in questions.items()}
        usage = {"input_tokens": 100, "output_tokens": 0}
        return decisions.ClassifierResponse.model_validate({"model": self.model, "answers": rows, "usage": usage})


def pages() -> list[Document]:
    return [
        Document(page_content=text, id=str(place), metadata={"page": place}) for place, text in enumerate(DOCUMENTS)
    ]


def ids(documents: list[Document]) -> list[str]:
    return [str(document.id) for document in documents]


def closed(compressor: DecisionRerank) -> None:
    """Close the connections of the model behind an API."""
    reranker: Any = compressor.loaded
    reranker.decider.close()


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize("model", [Scripted, Provider], ids=["ours", "langchain-core's"])
def test_any_decision_model_can_rerank(model: Callable[[], Any], ask: Ask, colour: Colour) -> None:
    best = colour(DecisionRerank(decision_model=model(), ask=ask), "compress_documents", pages(), QUERY)
    assert ids(best) == [str(place) for place in ORDER]


def test_score_verdict_and_probabilities_reach_the_metadata(colour: Colour) -> None:
    best = colour(DecisionRerank(decision_model=Provider(), top_n=2), "compress_documents", pages(), QUERY)
    assert best[1].metadata == {
        "page": 0,
        "first_stage_rank": 1,
        "relevance_score": 0.5,
        "relevance_reason": "level 1.50 of 3",
        "relevance_verdict": "3",
        "relevance_probabilities": {"0": 0.5, "1": 0.0, "2": 0.0, "3": 0.5},
        "rerank_answerable": 1.0,
    }
    again = colour(RerankCompressor(reranker=doubles.Scripted(len)), "compress_documents", best, QUERY)
    assert again[0].metadata.keys().isdisjoint({"relevance_probabilities", "rerank_answerable", "relevance_verdict"})


@pytest.mark.parametrize("api", ["openai", "system_one"])
def test_an_api_is_asked_when_no_model_was_given(api: Any, colour: Colour) -> None:
    with DecisionServer(api_key=KEY) as server:
        named: Any = {} if api == "openai" else {"model": "jev-latest"}
        compressor = DecisionRerank(api=api, api_key=SecretStr(KEY), base_url=server.base_url(api), **named)
        best = colour(compressor, "compress_documents", pages(), QUERY)
        closed(compressor)
        assert {request.format for request in server.received} == {api}
    assert ids(best) == [str(place) for place in ORDER]


def test_a_model_of_typesafes_shape_has_to_be_named() -> None:
    with pytest.raises(ConfigurationError, match="model must be named with api='system_one'"):
        DecisionRerank(api="system_one", api_key=SecretStr(KEY))


def test_where_probably_nothing_answers_nothing_comes_out_or_says_so(colour: Colour) -> None:
    model = Provider()
    nothing = DecisionRerank(decision_model=model, min_answerable=0.5)
    assert colour(nothing, "compress_documents", pages(), "quantum chromodynamics") == []
    flagging = DecisionRerank(decision_model=model, min_answerable=0.5, unanswerable="flag")
    told = colour(flagging, "compress_documents", pages(), "quantum chromodynamics")
    assert {each.metadata["rerank_degraded"] for each in told} == {
        "probably no document answers: 0 is below min_answerable=0.5"
    }
    assert {each.metadata["rerank_answerable"] for each in told} == {0.0}


def test_nothing_is_kept_where_a_stage_says_that_nothing_answers(colour: Colour) -> None:
    careful = DecisionRerank(decision_model=Provider(), min_answerable=0.5)
    cascade = CascadeRerank(stages=[RerankCompressor(reranker=doubles.Scripted(len)), careful], keep_rest=True)
    assert colour(cascade, "compress_documents", pages(), "quantum chromodynamics") == []
    assert len(colour(cascade, "compress_documents", pages(), QUERY)) == 4


@pytest.mark.parametrize("cascade", [False, True])
@pytest.mark.parametrize("some", [False, True])
def test_what_could_not_be_judged_has_no_score(some: bool, cascade: bool, colour: Colour) -> None:
    change = without("kind") if some else failing("", BackendError("down"))
    asked: RerankCompressor = DecisionRerank(decision_model=Scripted(change=change))
    first = RerankCompressor(reranker=doubles.Scripted(len), top_n=None)
    compressor = CascadeRerank(stages=[first, asked]) if cascade else asked
    before = pages()
    before[2].metadata["relevance_score"] = 0.25
    best = colour(compressor, "compress_documents", before, QUERY)
    unjudged = {each.id: each.metadata for each in best if each.metadata["relevance_verdict"] == "unjudged"}
    assert set(unjudged) == ({"2"} if some else {"0", "1", "2", "3"})
    assert all("relevance_score" not in each for each in unjudged.values())
    assert unjudged["2"]["earlier_relevance_scores"] == [0.25]
    assert all(("relevance_score" in each.metadata) == (each.id not in unjudged) for each in best)
    assert all("could not be judged" in each.metadata["rerank_degraded"] for each in best)
    assert all(("rerank_failed" in each.metadata) == (not some and not cascade) for each in best)


def test_the_models_run_is_below_ours_and_knows_its_provider(colour: Colour) -> None:
    recorder = Recorder()
    compressor = DecisionRerank(decision_model=Provider())
    colour(compressor, "compress_documents", pages(), QUERY, callbacks=[recorder])
    below = recorder.named("Provider")
    assert below.parent == recorder.id_of("DecisionReranker")
    assert (below.metadata["ls_provider"], below.metadata["ls_model_name"]) == ("provider", "gpt-6-luna")
    assert recorder.named("DecisionReranker").outputs["answerable"] == 1.0


def test_the_run_of_a_stage_is_below_the_stage(colour: Colour) -> None:
    recorder = Recorder()
    first = RerankCompressor(reranker=doubles.Scripted(len), top_n=2)
    cascade = CascadeRerank(stages=[first, DecisionRerank(decision_model=Provider())])
    best = colour(cascade, "compress_documents", pages(), QUERY, callbacks=[recorder])
    assert best[0].metadata["rerank_answerable"] == 1.0
    assert recorder.named("Provider").parent == recorder.id_of("DecisionReranker")


def test_a_models_own_usage_and_name_give_the_cost(colour: Colour) -> None:
    reranker = DecisionReranker(LangChainDecisions(Provider()))
    ranking = colour(reranker, "rerank", QUERY, DOCUMENTS)
    assert (ranking.usage.calls, ranking.usage.requests, ranking.usage.input_tokens) == (1, 1, 100)
    assert ranking.cost == pytest.approx(100 * 0.10 / 1e6)


def test_limits_are_the_narrowest_that_are_known_unless_said_otherwise() -> None:
    assert LangChainDecisions(Provider()).limits.state_tokens == 32_000
    wrong: Any = {"questions": 5}
    with pytest.raises(ConfigurationError, match=r"limits must be rerank_kit.decide.DecisionLimits"):
        LangChainDecisions(Provider(), limits=wrong)
    mine = DecisionLimits(questions=3)
    model = Provider()
    ranking = DecisionReranker(LangChainDecisions(model, limits=mine)).rerank(QUERY, DOCUMENTS)
    assert (ranking.usage.splits, len(model.states)) == (1, 2)


class Refused(Exception):
    """What most SDKs raise: it carries a status."""

    status_code = 529


def test_errors_are_ours_and_cost_only_verdicts(colour: Colour) -> None:
    best = colour(DecisionRerank(decision_model=Provider(error=Refused("busy"))), "compress_documents", pages(), QUERY)
    assert ids(best) == ["0", "1", "2", "3"]
    assert best[0].metadata["relevance_reason"] == "not judged: StatusError: Provider answered 529: busy"
    assert "relevance_score" not in best[0].metadata


def test_a_model_that_answers_with_something_else_is_an_invalid_response(colour: Colour) -> None:
    class Odd(Provider):
        @override
        def _classify(self, state: Any, questions: dict[str, Any]) -> Any:
            return SimpleNamespace(answers=None, usage=None)

    reranker = DecisionReranker(LangChainDecisions(Odd()), on_error="raise")
    with pytest.raises(InvalidResponse, match="Odd answered with no answers but with SimpleNamespace"):
        colour(reranker, "rerank", QUERY, DOCUMENTS)


def test_answers_in_plain_values_are_read_too(colour: Colour) -> None:
    class Plain(Provider):
        @override
        def _classify(self, state: Any, questions: dict[str, Any]) -> Any:
            rows: dict[str, Any] = {name: answered(state, each) for name, each in questions.items()}
            rows[next(reversed(rows))] = "no answer"
            return SimpleNamespace(answers=rows, usage=None)

    ranking = colour(DecisionReranker(LangChainDecisions(Plain())), "rerank", QUERY, DOCUMENTS)
    assert [hit.verdict for hit in ranking] == ["3", "3", "0", "unjudged"]
    assert (ranking.usage.unparsable, ranking.usage.tokens, ranking.cost) == (1, 0, None)


@dataclass
class OfOpenAI:
    """What stands where langchain-openai has its decisions, of which the types differ in their names."""

    asked: list[Any] = field(default_factory=list[Any])

    def module(self) -> Any:
        made: Any = ModuleType("langchain_openai.decisions")

        class Kind(BaseModel):
            instructions: str

        class Predicate(Kind):
            type: str = "predicate"

        class Rating(Kind):
            type: str = "score"
            levels: list[str]

        class Pick(Kind):
            type: str = "choice"
            choices: dict[str, str]

        made.Predicate, made.Score, made.Choice = Predicate, Rating, Pick
        return made

    def model(self) -> Any:
        asked = self.asked

        class OpenAIDecisions(RunnableSerializable[Any, Any]):
            model: str = "gpt-6-luna"

            @override
            def invoke(self, input: Any, config: Any = None, **kwargs: Any) -> Any:
                asked.append(input)
                rows = {name: self._answer(input["input"], each) for name, each in input["questions"].items()}
                usage = SimpleNamespace(model_dump=lambda: {"input_tokens": 7, "output_tokens": None})
                return SimpleNamespace(answers=rows, usage=usage)

            def _answer(self, state: str, question: Any) -> Any:
                if "nothing of the kind" in str(_about(state, question)):
                    return {"type": "refusal"}
                like = SimpleNamespace(
                    type="noul" if question.type == "predicate" else question.type,
                    instructions=question.instructions,
                    criteria=getattr(question, "levels", None) or getattr(question, "choices", None),
                )
                row = answered(state, like)
                return {"type": "predicate", "probability": row["noul"]} if row["type"] == "noul" else row

        OpenAIDecisions.__module__ = "langchain_openai.decisions.base"
        return OpenAIDecisions()


def _about(state: str, question: Any) -> list[str]:
    documents = DecisionRequest.of(state, ()).documents
    return [text for label, text in documents.items() if label in question.instructions]


@pytest.mark.parametrize("ask", WAYS)
def test_what_is_no_decision_model_of_the_core_but_openais_is_asked_in_its_own_types(
    ask: Ask, colour: Colour, monkeypatch: pytest.MonkeyPatch
) -> None:
    double = OfOpenAI()
    monkeypatch.setitem(sys.modules, "langchain_openai", ModuleType("langchain_openai"))
    monkeypatch.setitem(sys.modules, "langchain_openai.decisions", double.module())
    best = colour(DecisionRerank(decision_model=double.model(), ask=ask), "compress_documents", pages(), QUERY)
    assert ids(best) == [str(place) for place in ORDER]
    if ask != "choice":
        assert best[-1].metadata["relevance_reason"] == "not judged: the model refused to answer"
    assert set(double.asked[0]) == {"input", "questions"}


def test_what_is_no_decision_model_is_said() -> None:
    with pytest.raises(ConfigurationError, match="model must be a decision model of LangChain's"):
        LangChainDecisions("gpt-6-luna")
    told = r"(?m)^decision_model must be .* not 'gpt-6-luna': .* goes to model=$"
    with pytest.raises(ConfigurationError, match=told):
        DecisionRerank(decision_model="gpt-6-luna")
    told = r"(?m)^decision_model must be .* not wrapped by .*, not RunnableRetry$"
    with pytest.raises(ConfigurationError, match=told):
        DecisionRerank(decision_model=Provider().with_retry())
    with pytest.raises(ConfigurationError, match="has no field 'llm': write decision_model= for a decision model"):
        DecisionRerank(llm=Provider())  # type: ignore[call-arg]


def test_what_becomes_of_an_error_is_told_apart_from_what_a_failed_call_does() -> None:
    told = r"(?m)with_rerank\(retriever, …, on_error=…\), .* its on_failed_call=$"
    with pytest.raises(ConfigurationError, match=told):
        DecisionRerank(on_error="raise")  # type: ignore[call-arg]


def test_a_model_without_a_name_has_no_price(colour: Colour) -> None:
    class Nameless(Provider):
        model: Any = None

    assert LangChainDecisions(Nameless()).model is None


def test_no_key_is_shown_dumped_or_pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    for compressor in (DecisionRerank(api_key=SecretStr(KEY)), DecisionRerank(decision_model=Provider())):
        shown = [repr(compressor), repr(compressor.loaded), repr(compressor.model_dump()), compressor.model_dump_json()]
        assert all(KEY not in each for each in shown)
    monkeypatch.setenv("OPENAI_API_KEY", "another")
    pickled = pickle.dumps(DecisionRerank(api_key=SecretStr(KEY), ask="yes-no"))
    assert KEY.encode() not in pickled
    arrived: Any = pickle.loads(pickled)
    assert (arrived.loaded.ask, arrived.loaded.decider.auth()) == ("yes-no", {"authorization": "Bearer another"})


def test_ones_own_questions_are_those_of_the_core() -> None:
    model = LangChainDecisions(Provider())
    made: list[Any] = [model._question(each) for each in (YesNo("a"), Score("b", ["0", "1"]), Choice("c", {"x": "y"}))]
    assert [type(each) for each in made] == [decisions.Noul, decisions.Score, decisions.Choice]
    typed: list[Question] = [YesNo("a")]
    assert typed
