"""The chat server for tests is as strict as the real APIs, so that what passes here passes there."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from rerank_kit import ConfigurationError
from rerank_kit.evaluate import synthesise
from rerank_kit.judge import OpenAICompatible
from rerank_kit.managed.served_formats import Refused
from rerank_kit.testing import ChatServer, Question
from tests.judge.conftest import KEY, server

__all__ = ["server"]

SYSTEM = '{"label": …, "verdict": "yes" or "no"}'
TURN = "Code: K7\n\n<query K7>\ncat\n</query K7>\n<document K7 AB>\na cat\n</document K7 AB>\n"
CLAUDE: dict[str, Any] = {
    "model": "claude-haiku-5-5",
    "max_tokens": 100,
    "system": [{"type": "text", "text": SYSTEM}],
    "messages": [{"role": "user", "content": [{"type": "text", "text": TURN}]}],
}
OPENAI: dict[str, Any] = {
    "model": "some-model",
    "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": TURN}],
}
OPEN: dict[str, Any] = {"type": "object", "properties": {"all": {"anyOf": [{"type": "object", "properties": {}}]}}}


def ask(server: ChatServer, path: str, body: Any, **headers: str) -> tuple[int, str]:
    answer = httpx.post(server.url + path, json=body, headers={"anthropic-version": "2023-06-01", **headers})
    return answer.status_code, answer.text


def test_both_formats_are_answered(server: ChatServer) -> None:
    for path, body in (("/anthropic/v1/messages", CLAUDE), ("/openai/v1/chat/completions", OPENAI)):
        status, text = ask(server, path, body, **{"x-api-key": KEY})
        assert (status, "yes" in text) == (200, True)
    assert [dict(question.documents) for question in server.questions] == [{"AB": "a cat"}] * 2


def said(turn: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": turn}]}]}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "sampling": ({"temperature": 0}, "temperature: not supported"),
    "no most tokens": ({"max_tokens": None}, "max_tokens are required"),
    "no thoughts at full effort": (
        {"output_config": {"effort": "max"}, "thinking": {"type": "disabled"}},
        "thinking cannot be disabled",
    ),
    "a begun answer": (
        {"messages": [*CLAUDE["messages"], {"role": "assistant", "content": "{"}]},
        "does not continue an answer",
    ),
    "an open schema": (
        {"output_config": {"format": {"type": "json_schema", "schema": OPEN}}},
        "additionalProperties: false",
    ),
    "no code": (said("What is a cat?"), "the first line has no code"),
    "no query": (said("Code: K7\n\n"), "no query follows"),
    "tags that do not pair up": (said(f"{TURN}<document K7 CD>\n"), "the tags do not pair up"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=list(REFUSED))
def test_what_claude_would_refuse_is_refused(server: ChatServer, case: tuple[dict[str, Any], str]) -> None:
    change, why = case
    status, text = ask(server, "/anthropic/v1/messages", CLAUDE | change, **{"x-api-key": KEY})
    assert (status, why in text) == (400, True)


def test_roles_other_than_system_and_user_are_refused(server: ChatServer) -> None:
    body = OPENAI | {"messages": OPENAI["messages"][::-1]}
    status, text = ask(server, "/openai/v1/chat/completions", body, authorization=f"Bearer {KEY}")
    assert (status, "the roles are" in text) == (400, True)


@pytest.mark.parametrize(("path", "body"), [("/anthropic/v1/rerank", CLAUDE), ("/openai/v1/chat/completions", ["?"])])
def test_another_path_and_what_is_no_object_are_not_found(server: ChatServer, path: str, body: Any) -> None:
    assert ask(server, path, body, **{"x-api-key": KEY})[0] == 404


def test_a_format_that_it_does_not_speak_is_an_error(server: ChatServer) -> None:
    with pytest.raises(ConfigurationError, match="format must be one of anthropic, openai, not 'tei'"):
        server.base_url("tei")


WISH = 'Answer with {"question": the question, "quote": the sentence}'


def test_a_question_that_is_wished_for_is_made_of_the_longest_sentence(server: ChatServer) -> None:
    text = "It is short. The pump is cleaned by Anna every spring, with soap! It is.\nEnd"
    asked = Question.of(WISH, f"Code: ABC\n\n<document ABC>\n{text}\n</document ABC>\n")
    assert (asked.query, asked.documents, asked.mode) == ("", {"": text}, "question")
    model = OpenAICompatible(server.base_url("openai"), model="m", api_key=KEY)
    data = synthesise({"d": text}, model, 1)
    assert list(data.queries.values()) == ["The pump is cleaned by Anna every spring?"]
    assert data.judgements["s1"] == {"d": 1}
    model.close()


@pytest.mark.parametrize("turn", ["Code: ABC\n\n", "Code: ABC\n<document ABC>\na\n</document ABC>\n" * 2])
def test_a_wish_without_one_document_is_refused(turn: str) -> None:
    with pytest.raises(Refused, match="there is not one document"):
        Question.of(WISH, turn)
