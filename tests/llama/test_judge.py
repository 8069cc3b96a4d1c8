"""A judge as a LlamaIndex postprocessor, with any LLM; verdict and reason are on the node that comes out."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, LLMMetadata
from llama_index.core.llms import CustomLLM
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from pydantic import Field, SecretStr
from typing_extensions import override

from llama_rerank_kit import LlamaIndexChat, LLMJudgeRerank
from rerank_kit import ConfigurationError, StatusError
from rerank_kit.flow import run
from rerank_kit.judge import LLMJudge, Prompt
from rerank_kit.testing import ChatServer, Question
from tests.conftest import Colour
from tests.judge.doubles import DOCUMENTS, QUERY, Scripted, honest

KEY = "planted-key-5f2c"
BUNDLE = QueryBundle(QUERY)

OPENAI = {"usage": {"prompt_tokens": 10, "completion_tokens": 2}, "choices": [{"finish_reason": "stop"}]}
CLAUDE = {"usage": {"input_tokens": 10, "output_tokens": 2}, "stop_reason": "end_turn"}


class Dumped:
    """What an SDK answers: an object that becomes a dict."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content

    def model_dump(self) -> dict[str, Any]:
        return self.content


class Model(CustomLLM):
    """An LLM of LlamaIndex's that answers by a function of the question."""

    says: Callable[[Question], str] = honest
    raw: Any = OPENAI
    counts: dict[str, Any] = Field(default_factory=dict)

    @property
    @override
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="claude-haiku-4-5", is_chat_model=True)

    @override
    def chat(self, messages: Any, **kwargs: Any) -> ChatResponse:
        system, turn = (str(message.content) for message in messages)
        text = self.says(Question.of(system, turn))
        message = ChatMessage(role="assistant", content=text)
        return ChatResponse(message=message, raw=self.raw, additional_kwargs=self.counts)

    @override
    async def achat(self, messages: Any, **kwargs: Any) -> ChatResponse:
        return self.chat(messages)

    @override
    def complete(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    @override
    def stream_complete(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError


def nodes() -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(text=text, id_=str(place)), score=0.5) for place, text in enumerate(DOCUMENTS)]


@pytest.mark.parametrize("llm", [Scripted(), Model()], ids=["ours", "theirs"])
def test_any_llm_can_judge_and_says_why(llm: Any, colour: Colour) -> None:
    best = colour(LLMJudgeRerank(llm=llm), "postprocess_nodes", nodes(), BUNDLE)
    assert [each.node_id for each in best] == ["0", "1", "3"]
    assert (best[0].score, best[0].relevance_verdict, best[0].relevance_reason) == (1.0, "yes", "so")
    assert (best[0].node.metadata, best[0].earlier_scores) == ({}, [0.5])


def test_without_instructions_the_model_gets_the_users_turn_alone() -> None:
    got: list[Any] = []

    class Listening(Model):
        @override
        def chat(self, messages: Any, **kwargs: Any) -> ChatResponse:
            got.extend((message.role.value, message.content) for message in messages)
            return ChatResponse(message=ChatMessage(role="assistant", content="yes"), raw=None)

    assert run(LlamaIndexChat(Listening()).complete(Prompt("", ("first", "second")))).text == "yes"
    assert got == [("user", "first\nsecond")]


def test_claude_judges_when_no_other_was_given(colour: Colour) -> None:
    pytest.importorskip("anthropic")
    with ChatServer(api_key=KEY) as server:
        judge = LLMJudgeRerank(api_key=SecretStr(KEY), base_url=server.base_url("anthropic"), mode="grade", top_n=2)
        best = colour(judge, "postprocess_nodes", nodes(), BUNDLE)
        loaded: Any = judge.loaded
        loaded.chat.close()
    assert [(each.node_id, each.relevance_verdict) for each in best] == [("1", "3"), ("0", "2")]


def test_what_could_not_be_judged_is_kept_and_says_so(colour: Colour) -> None:
    best = colour(LLMJudgeRerank(llm=Model(says=lambda _: "?")), "postprocess_nodes", nodes(), BUNDLE)
    assert [each.node_id for each in best] == ["0", "1", "2", "3"]
    assert {each.relevance_verdict for each in best} == {"unjudged"}


COUNTED: dict[str, tuple[Any, dict[str, Any]]] = {
    "openai": (OPENAI, {}),
    "claude": (CLAUDE, {}),
    "an object": (Dumped({**OPENAI, "choices": [Dumped({"finish_reason": "stop"})]}), {}),
    "beside it": (None, {"prompt_tokens": 10, "completion_tokens": 2}),
    "an object without a count": (SimpleNamespace(), {"prompt_tokens": 10, "completion_tokens": 2}),
}


@pytest.mark.parametrize(("raw", "counts"), COUNTED.values(), ids=list(COUNTED))
def test_what_an_llm_counted_gives_the_cost(raw: Any, counts: dict[str, Any], colour: Colour) -> None:
    ranking = colour(LLMJudge(LlamaIndexChat(Model(raw=raw, counts=counts))), "rerank", QUERY, DOCUMENTS)
    assert (ranking.usage.input_tokens, ranking.usage.output_tokens, ranking.usage.calls) == (40, 8, 4)
    assert ranking.cost == pytest.approx((40 * 1.0 + 8 * 5.0) / 1e6)


@pytest.mark.parametrize("raw", [{"stop_reason": "refusal"}, {"choices": [{"finish_reason": "content_filter"}]}])
def test_a_refusal_is_one_in_every_vendors_words(raw: dict[str, Any]) -> None:
    assert LLMJudge(LlamaIndexChat(Model(raw=raw))).rerank(QUERY, DOCUMENTS).usage.refused == 4


class Refused(Exception):
    """What most SDKs raise: it carries a status, and the answer."""

    status_code = 529
    response = SimpleNamespace(headers={"Retry-After": "3"})


def test_a_failed_call_raises_if_asked_to_or_is_kept_like_any_failure(colour: Colour) -> None:
    def says(_: Question) -> str:
        raise Refused

    strict = LLMJudgeRerank(llm=Model(says=says), on_failed_call="raise")
    with pytest.raises(StatusError) as caught:
        colour(strict, "postprocess_nodes", nodes(), BUNDLE)
    assert (caught.value.status, caught.value.retry_after) == (529, 3.0)
    kept = LLMJudgeRerank(llm=Model(says=says), on_failed_call="raise", on_error="keep")
    best = colour(kept, "postprocess_nodes", nodes(), BUNDLE)
    assert [each.node_id for each in best] == ["0", "1", "2", "3"]
    assert best[0].rerank_failed.startswith("StatusError")


def test_wrong_settings_raise() -> None:
    with pytest.raises(ConfigurationError, match="samples must be 1"):
        LLMJudgeRerank(llm=Scripted(), mode="listwise", samples=2)


def test_no_key_is_shown_dumped_or_pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("anthropic")
    judge = LLMJudgeRerank(api_key=KEY)  # type: ignore[arg-type]
    shown = [repr(judge), repr(judge.loaded), repr(judge.to_dict()), repr(LlamaIndexChat(Model()))]
    assert all(KEY not in each for each in shown)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "another")
    pickled = pickle.dumps(judge)
    assert KEY.encode() not in pickled
    arrived: LLMJudgeRerank = pickle.loads(pickled)
    assert (arrived.mode, arrived.class_name()) == ("filter", "LLMJudgeRerank")


def test_to_dict_brings_the_same_judge_back(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("anthropic")
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    judge = LLMJudgeRerank(mode="grade", samples=3, criterion="is new")
    again = LLMJudgeRerank.from_dict(judge.to_dict())
    assert again.to_dict() == judge.to_dict()
