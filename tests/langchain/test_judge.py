"""A judge as a LangChain compressor, with any chat model; verdict and reason reach the metadata."""

from __future__ import annotations

import asyncio
import inspect
import json
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from langchain_classic.retrievers.document_compressors import LLMChainFilter, LLMListwiseRerank
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable, RunnableLambda
from pydantic import Field, SecretStr, ValidationError
from typing_extensions import override

from langchain_rerank_kit import (
    CascadeRerank,
    LangChainChat,
    LLMJudgeRerank,
    RerankCompressor,
)
from rerank_kit import (
    AuthenticationError,
    BackendError,
    ConfigurationError,
    Deadline,
    DeadlineExceeded,
    InvalidResponse,
    StatusError,
)
from rerank_kit.flow import arun, run
from rerank_kit.judge import Anthropic, LLMJudge, Prompt
from rerank_kit.testing import ChatServer, Question
from tests import doubles
from tests.conftest import Colour
from tests.judge.doubles import DOCUMENTS, QUERY, Scripted, honest, verdict
from tests.langchain.recording import Recorder

KEY = "planted-key-5f2c"


class Model(BaseChatModel):
    """A chat model of LangChain's that answers by a function of the question, after a thought."""

    says: Callable[[Question], str] = honest
    model_name: str = "claude-haiku-4-5"
    told: dict[str, Any] = Field(default={"stop_reason": "end_turn"})
    api_key: str = KEY

    @property
    @override
    def _llm_type(self) -> str:
        return "scripted"

    @override
    def _generate(self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any) -> Any:
        system, turn = (str(message.text) for message in messages)
        content: list[Any] = [
            {"type": "thinking", "thinking": "hm"},
            {"type": "text", "text": self.says(Question.of(system, turn))},
        ]
        message = AIMessage(
            content,
            response_metadata=self.told,
            usage_metadata={
                "input_tokens": 10,
                "output_tokens": 2,
                "total_tokens": 12,
                "input_token_details": {"cache_read": 4},
            },
        )
        return ChatResult(generations=[ChatGeneration(message=message)])


class Structured(Model):
    """One that can be held to a schema."""

    parses: bool = True
    schemas: list[Any] = Field(default_factory=list)

    @override
    def with_structured_output(self, schema: Any, *, include_raw: bool = False, **kwargs: Any) -> Runnable[Any, Any]:
        assert include_raw
        self.schemas.append(schema)

        def parsed(message: BaseMessage) -> dict[str, Any]:
            found = json.loads(str(message.text)) if self.parses else None
            shown = AIMessage("", response_metadata=message.response_metadata) if self.parses else message
            return {"raw": shown, "parsed": found, "parsing_error": None}

        return self | RunnableLambda(parsed)


def pages() -> list[Document]:
    return [
        Document(page_content=text, id=str(place), metadata={"page": place}) for place, text in enumerate(DOCUMENTS)
    ]


def ids(documents: list[Document]) -> list[str]:
    return [str(document.id) for document in documents]


@pytest.mark.parametrize(
    "llm",
    [Scripted(), Model(), Structured(), Structured(parses=False)],
    ids=["ours", "plain", "structured", "unparsed"],
)
def test_any_chat_model_can_judge_and_says_why(llm: Any, colour: Colour) -> None:
    best = colour(LLMJudgeRerank(llm=llm), "compress_documents", pages(), QUERY)
    assert ids(best) == ["0", "1", "3"]
    assert best[0].metadata == {
        "page": 0,
        "first_stage_rank": 1,
        "relevance_score": 1.0,
        "relevance_reason": "so",
        "relevance_verdict": "yes",
        "rerank_answerable": 1.0,
    }


def test_without_instructions_the_model_gets_the_users_turn_alone() -> None:
    got: list[Any] = []

    class Listening(Model):
        @override
        def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Any:
            got.extend((message.type, message.text) for message in messages)
            return ChatResult(generations=[ChatGeneration(message=AIMessage("yes"))])

    assert run(LangChainChat(Listening()).complete(Prompt("", ("first", "second")))).text == "yes"
    assert got == [("human", "first\nsecond")]


def test_claude_judges_when_no_other_was_given(colour: Colour) -> None:
    pytest.importorskip("anthropic")
    with ChatServer(api_key=KEY) as server:
        url = server.base_url("anthropic")
        compressor = LLMJudgeRerank(api_key=SecretStr(KEY), base_url=url, mode="grade", top_n=2)
        best = colour(compressor, "compress_documents", pages(), QUERY)
        judge: Any = compressor.loaded
        judge.chat.close()
    assert [(document.id, document.metadata["relevance_verdict"]) for document in best] == [("1", "3"), ("0", "2")]


def test_what_could_not_be_judged_is_kept_and_says_so(colour: Colour) -> None:
    best = colour(LLMJudgeRerank(llm=Model(says=lambda _: "?")), "compress_documents", pages(), QUERY)
    assert ids(best) == ["0", "1", "2", "3"]
    assert {document.metadata["relevance_verdict"] for document in best} == {"unjudged"}
    assert best[0].metadata["relevance_reason"] == "not judged: the model's answer could not be read"


def test_a_verdict_from_before_does_not_stay_to_explain_another_order(colour: Colour) -> None:
    once = colour(LLMJudgeRerank(llm=Scripted()), "compress_documents", pages(), QUERY)
    twice = colour(RerankCompressor(reranker=doubles.Scripted(len)), "compress_documents", once, QUERY)
    assert "relevance_verdict" not in twice[0].metadata


def test_a_models_own_usage_and_name_give_the_cost() -> None:
    ranking = LLMJudge(LangChainChat(Model())).rerank(QUERY, DOCUMENTS)
    assert (ranking.usage.input_tokens, ranking.usage.cache_read_tokens, ranking.usage.output_tokens) == (24, 16, 8)
    assert ranking.cost == pytest.approx((24 * 1.0 + 16 * 0.10 + 8 * 5.0) / 1e6)


@pytest.mark.parametrize("told", [{"stop_reason": "refusal"}, {"finish_reason": "content_filter"}])
def test_a_refusal_is_one_in_every_vendors_words(told: dict[str, Any]) -> None:
    ranking = LLMJudge(LangChainChat(Model(told=told))).rerank(QUERY, DOCUMENTS)
    assert ranking.usage.refused == 4


def test_structured_output_is_used_where_there_is_one_unless_told_otherwise() -> None:
    model = Structured(schemas=[])
    LLMJudge(LangChainChat(model)).rerank(QUERY, ["a"])
    assert model.schemas[0]["title"] == "answer"
    LLMJudge(LangChainChat(model, structured=False)).rerank(QUERY, ["a"])
    assert len(model.schemas) == 1


def test_a_chat_model_that_answers_no_message_is_an_invalid_response() -> None:
    class Odd(Structured):
        @override
        def with_structured_output(self, schema: Any, **kwargs: Any) -> Runnable[Any, Any]:
            return RunnableLambda(lambda _: {"raw": None})

    with pytest.raises(InvalidResponse, match="Odd answered with no message but with NoneType"):
        LLMJudge(LangChainChat(Odd()), on_error="raise").rerank(QUERY, ["a"])


class Refused(Exception):
    """What most SDKs raise: it carries a status."""

    def __init__(self, status_code: Any) -> None:
        super().__init__("told so")
        self.status_code = status_code


def raising(error: Exception) -> Model:
    def says(_: Question) -> str:
        raise error

    return Model(says=says)


def test_the_errors_of_frameworks_are_ours(colour: Colour) -> None:
    with pytest.raises(AuthenticationError, match="Model answered 401: told so"):
        colour(LLMJudgeRerank(llm=raising(Refused(401))), "compress_documents", pages(), QUERY)
    for error, told in (
        (Refused(429), "RateLimited"),
        (Refused(529), "StatusError"),
        (Refused(None), "BackendError: Model failed: Refused: told so"),
        (TimeoutError(), "DeadlineExceeded"),
    ):
        best = colour(LLMJudgeRerank(llm=raising(error)), "compress_documents", pages(), QUERY)
        assert told in best[0].metadata["relevance_reason"]


class Unsayable(Exception):
    def __str__(self) -> str:
        raise self


class Headed(Refused):
    def __init__(self, headers: object) -> None:
        super().__init__(529)
        self.response = SimpleNamespace(headers=headers)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Unsayable(), "Model failed: Unsayable"),
        (Refused(True), "Model failed: Refused: told so"),
        (Refused(10**400), "Model failed: Refused: told so"),
        (Headed(5), "Model answered 529: told so"),
        (Headed([("a", "b")]), "Model answered 529: told so"),
        (Headed({1: Unsayable()}), "Model failed: Headed"),
    ],
    ids=["nothing to say", "true", "too many digits", "a number", "pairs", "headers that cannot be said"],
)
def test_errors_of_any_shape_are_ours_and_show_no_other(error: Exception, told: str, colour: Colour) -> None:
    with pytest.raises(BackendError) as caught:
        colour(LLMJudgeRerank(llm=raising(error), on_failed_call="raise"), "compress_documents", pages(), QUERY)
    assert told in str(caught.value)
    assert caught.value.__context__ is None


def test_an_error_of_ours_passes_as_it_is(colour: Colour) -> None:
    with pytest.raises(ConfigurationError, match="mine"):
        colour(LLMJudgeRerank(llm=raising(ConfigurationError("mine"))), "compress_documents", pages(), QUERY)


def test_a_deadline_that_has_passed_asks_nothing() -> None:
    chat = LangChainChat(Model())
    with pytest.raises(DeadlineExceeded):
        run(chat.complete(Prompt("system", ("turn",)), Deadline(0.0)))


def test_a_failed_call_raises_if_asked_to(colour: Colour) -> None:
    compressor = LLMJudgeRerank(llm=raising(Refused(529)), on_failed_call="raise")
    with pytest.raises(StatusError):
        colour(compressor, "compress_documents", pages(), QUERY)


def test_calls_are_runs_below_the_reranking(colour: Colour) -> None:
    recorder = Recorder()
    colour(LLMJudgeRerank(llm=Model()), "compress_documents", pages(), QUERY, callbacks=[recorder])
    models = [run for run in recorder.runs.values() if run.name == "chat model"]
    assert len(models) == 4
    assert {run.parent for run in models} == {recorder.id_of("LLMJudge")}


def test_calls_of_a_stage_are_runs_below_the_stage(colour: Colour) -> None:
    recorder = Recorder()
    first = RerankCompressor(reranker=doubles.Scripted(len), top_n=2)
    cascade = CascadeRerank(stages=[first, LLMJudgeRerank(llm=Model())])
    colour(cascade, "compress_documents", pages(), QUERY, callbacks=[recorder])
    models = [run for run in recorder.runs.values() if run.name == "chat model"]
    assert len(models) == 2
    assert {run.parent for run in models} == {recorder.id_of("LLMJudge")}


def test_every_setting_reaches_the_judge(colour: Colour) -> None:
    llm = Model(says=lambda question: verdict(question, "no"))
    compressor = LLMJudgeRerank(
        llm=llm,
        criterion="is new",
        instructions='Say "verdict" of what {criterion}.',
        concurrency=2,
        min_keep=0,
        keep_order=False,
        samples=3,
        max_calls=7,
        max_cost=1.0,
        max_tokens_per_doc=5,
    )
    assert colour(compressor, "compress_documents", pages()[:2], QUERY) == []
    judge: Any = compressor.loaded
    assert judge.instructions == 'Say "verdict" of what is new.'
    assert (judge._max_calls, judge._max_cost, judge._samples, judge._max_tokens_per_doc) == (7, 1.0, 3, 5)


def test_wrong_settings_raise_as_ours_or_as_pydantics() -> None:
    with pytest.raises(ConfigurationError, match="samples must be 1"):
        LLMJudgeRerank(llm=Scripted(), mode="listwise", samples=2)
    with pytest.raises(ValidationError):
        LLMJudgeRerank(llm=Scripted(), mode="pairwise")  # type: ignore[arg-type]


def test_no_key_is_shown_dumped_or_pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("anthropic")
    for compressor in (LLMJudgeRerank(api_key=KEY), LLMJudgeRerank(llm=Model())):  # type: ignore[arg-type]
        shown = [repr(compressor), repr(compressor.loaded), repr(compressor.model_dump()), compressor.model_dump_json()]
        assert all(KEY not in each for each in shown)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "another")
    pickled = pickle.dumps(LLMJudgeRerank(api_key=KEY))  # type: ignore[arg-type]
    assert KEY.encode() not in pickled
    arrived: Any = pickle.loads(pickled)
    assert isinstance(arrived.loaded.chat, Anthropic)


def test_a_model_without_a_name_has_no_price() -> None:
    class Nameless(Model):
        model_name: Any = None

    assert LangChainChat(Nameless()).model is None
    assert LLMJudge(LangChainChat(Nameless())).rerank(QUERY, DOCUMENTS).cost is None


def test_a_model_can_be_asked_without_a_schema() -> None:
    def says(_: Question) -> str:
        return "plain"

    prompt = Prompt('"verdict"', ("Code: AAAA\n\n<query AAAA>\nq\n</query AAAA>",))
    assert run(LangChainChat(Structured(says=says)).complete(prompt)).text == "plain"

    async def asked() -> str:
        return (await arun(LangChainChat(Structured(says=says)).complete(prompt))).text

    assert asyncio.run(asked()) == "plain"


@pytest.mark.parametrize("kind", [LLMChainFilter, LLMListwiseRerank])
def test_the_table_for_those_who_come_from_it_has_every_parameter(kind: Any) -> None:
    page = (Path(__file__).parents[2] / "docs" / "migrate-langchain.md").read_text("utf-8")
    (table,) = re.findall(rf"^\| `{kind.__name__}` \| here \|\n(.*?)\n\n", page, re.DOTALL | re.MULTILINE)
    theirs = "\n".join(row.split("|")[1] for row in table.splitlines())
    parameters = {*kind.model_fields, *inspect.signature(kind.from_llm).parameters} - {"kwargs"}
    assert {name for name in parameters if not re.search(rf"`{name}\b", theirs)} == set()


class ChatOllama(Structured):
    """Goes by the name of the class for Ollama."""


class Behind(Structured):
    """One with an address, as the classes for OpenAI-compatible servers have."""

    openai_api_base: str | None = None


@pytest.mark.parametrize(
    ("llm", "known"),
    [
        (ChatOllama(), True),
        (type("Mine", (ChatOllama,), {"__module__": __name__})(), True),
        (Behind(openai_api_base="http://localhost:11434/v1"), True),
        (Behind(), False),
        (Structured(), False),
    ],
    ids=["Ollama", "a subclass", "an address", "no address", "another"],
)
def test_the_labels_are_in_the_schema_where_the_server_makes_a_grammar_for_each_request(
    llm: Structured, known: bool, colour: Colour
) -> None:
    colour(LLMJudgeRerank(llm=llm), "compress_documents", pages(), QUERY)
    assert {"enum" in schema["properties"]["label"] for schema in llm.schemas} == {known}
    assert colour(LLMJudge(LangChainChat(llm)), "rerank", QUERY, DOCUMENTS).usage.requests == len(DOCUMENTS)


def deep(levels: int) -> list[Any]:
    nested: list[Any] = []
    for _ in range(levels):
        nested = [nested]
    return nested


@pytest.mark.parametrize("parsed", [object(), {"label": {1, 2}}, deep(100_000)], ids=["object", "set", "deep"])
def test_what_was_parsed_into_no_json_is_an_invalid_response(parsed: Any, colour: Colour) -> None:
    class Parsing(Model):
        @override
        def with_structured_output(self, schema: Any, **kwargs: Any) -> Runnable[Any, Any]:
            return self | RunnableLambda(lambda message: {"raw": message, "parsed": parsed, "parsing_error": None})

    with pytest.raises(InvalidResponse, match="Parsing answered with what is no JSON"):
        colour(LLMJudge(LangChainChat(Parsing()), on_error="raise"), "rerank", QUERY, ["a"])
