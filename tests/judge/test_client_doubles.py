"""Doubles of chat models and of their SDKs' clients, as users' tests pass them: read like the real ones, or refused."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, MagicMock, Mock

import anthropic
import pytest
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from llama_index.core.llms import LLM
from llama_index.core.schema import NodeWithScore, TextNode

import langchain_rerank_kit as lc
import llama_rerank_kit as li
from rerank_kit import ConfigurationError, InvalidResponse
from rerank_kit.judge import Anthropic, Completion, LLMJudge
from rerank_kit.testing import Question
from tests.conftest import Colour
from tests.judge.doubles import DOCUMENTS, QUERY, found, honest, question_of

RELEVANT = [0, 1, 3]


def text_of(arguments: dict[str, Any]) -> str:
    """What an honest model writes."""
    (system,), (turn,) = arguments["system"], arguments["messages"]
    return honest(Question.of(system["text"], "\n".join(part["text"] for part in turn["content"])))


def namespaces(**arguments: Any) -> Any:
    usage = SimpleNamespace(input_tokens=7, output_tokens=5)
    content = [SimpleNamespace(type="text", text=text_of(arguments))]
    return SimpleNamespace(content=content, stop_reason="end_turn", usage=usage)


def untyped(**arguments: Any) -> Any:
    return SimpleNamespace(content=[SimpleNamespace(text=text_of(arguments))])


def mocks(**arguments: Any) -> Any:
    return MagicMock(content=[MagicMock(type="thinking"), MagicMock(type="text", text=text_of(arguments))])


def mock_client(create: Any) -> Any:
    client = MagicMock()
    client.messages.create.side_effect = create
    return client


def specified_client(create: Any) -> Any:
    client = MagicMock(spec=anthropic.Anthropic, messages=MagicMock())
    client.messages.create.side_effect = create
    return client


def plain_client(create: Any) -> Any:
    return SimpleNamespace(messages=SimpleNamespace(create=create))


@pytest.mark.parametrize("make", [mock_client, specified_client, plain_client])
@pytest.mark.parametrize("answer", [namespaces, untyped, mocks])
def test_an_answer_of_whatever_objects_is_read_as_the_sdks_own(make: Any, answer: Any, colour: Colour) -> None:
    judge = LLMJudge(Anthropic(client=make(answer)), on_error="raise")
    ranking = colour(judge, "rerank", QUERY, DOCUMENTS)
    assert found(ranking) == RELEVANT
    counted = (28, 20) if answer is namespaces else (0, 0)
    assert (ranking.usage.input_tokens, ranking.usage.output_tokens) == counted


def test_an_async_mock_is_called_like_an_async_client() -> None:
    client = AsyncMock()
    client.messages.create.side_effect = namespaces
    judge = LLMJudge(Anthropic(client=client), on_error="raise")
    assert found(asyncio.run(judge.arerank(QUERY, DOCUMENTS))) == RELEVANT


@pytest.mark.parametrize("answer", [MagicMock(), Mock(), SimpleNamespace(content="yes"), SimpleNamespace()])
def test_what_is_no_answer_is_refused_with_what_is_wanted(answer: Any, colour: Colour) -> None:
    judge = LLMJudge(Anthropic(client=mock_client(lambda **_: answer)), on_error="raise")
    with pytest.raises(InvalidResponse, match="a dict with content, a list whose items have type and text"):
        colour(judge, "rerank", QUERY, DOCUMENTS)


# ── In the place of a chat model ──


def completing(prompt: Any, deadline: Any) -> Completion:
    return Completion(honest(question_of(prompt)))


def test_a_model_may_complete_at_once(colour: Colour) -> None:
    model: Any = SimpleNamespace(complete=completing)
    judge = LLMJudge(model, on_error="raise")
    assert judge.model is None
    assert found(colour(judge, "rerank", QUERY, DOCUMENTS)) == RELEVANT


@pytest.mark.parametrize("model", [MagicMock(), Mock(), SimpleNamespace(complete=lambda *_: "yes")])
def test_what_completes_nothing_is_a_wrong_model_and_judges_nothing(model: Any, colour: Colour) -> None:
    with pytest.raises(ConfigurationError, match=r"\.complete\(…\) gave .*: a model must be a ChatModel"):
        colour(LLMJudge(model), "rerank", QUERY, DOCUMENTS)


def test_a_mock_in_the_place_of_a_frameworks_model_is_refused_with_what_is_wanted(colour: Colour) -> None:
    compressor = lc.LLMJudgeRerank(llm=MagicMock(spec=BaseChatModel), on_failed_call="raise")
    with pytest.raises(InvalidResponse, match=r"MagicMock answered with no message but with (Magic|Async)Mock"):
        colour(compressor, "compress_documents", [Document(page_content="a cat")], QUERY)
    postprocessor = li.LLMJudgeRerank(llm=MagicMock(spec=LLM), on_failed_call="raise")
    with pytest.raises(InvalidResponse, match="MagicMock answered with no ChatResponse whose message has a text"):
        colour(postprocessor, "postprocess_nodes", [NodeWithScore(node=TextNode(text="a cat"))], query_str=QUERY)
