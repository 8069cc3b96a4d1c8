"""The real SDK and our own client against a server that fails in every way: no document is ever lost or doubled."""

from __future__ import annotations

import json
import re
from typing import Any

import anthropic
import pytest

from rerank_kit import AuthenticationError, ConfigurationError, InvalidResponse
from rerank_kit.judge import Anthropic, LLMJudge, Mode, OpenAICompatible
from rerank_kit.testing import (
    ChatServer,
    Fault,
    Reply,
    byte_order_mark,
    cut_connection,
    deeply_nested,
    dripping,
    invalid_json,
    odd_charset,
    odd_usage,
    slow,
    status,
    too_many_requests,
    wrong_shape,
)
from tests.conftest import Colour, tasks_left_by_cancelling
from tests.judge.conftest import KEY, MakeChat
from tests.judge.doubles import DOCUMENTS, QUERY, found

MODES: list[Mode] = ["filter", "grade", "listwise"]
RIGHT: dict[Mode, list[int]] = {"filter": [0, 1, 3], "grade": [1, 0, 3, 2], "listwise": [1, 0, 3, 2]}


def judge(chat: Any, mode: Mode, **options: Any) -> LLMJudge:
    return LLMJudge(chat, mode=mode, concurrency=1, min_keep=len(DOCUMENTS), **options)


def whole(ranking: Any) -> bool:
    """Whether every document is there once."""
    return sorted(found(ranking)) == list(range(len(DOCUMENTS)))


AGAIN: dict[str, Fault] = {
    "429 with no time at all": too_many_requests(retry_after="1.2.3s"),
    "no answer": cut_connection(),
    "a cut body": cut_connection(sent=40),
    "429": too_many_requests(retry_after="0"),
    "500": status(500),
    "529": status(529),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("fault", AGAIN.values(), ids=list(AGAIN))
def test_what_passes_by_itself_is_tried_again_and_costs_no_verdict(
    server: ChatServer, make: MakeChat, mode: Mode, fault: Fault, colour: Colour
) -> None:
    server.fail(fault, times=2)
    ranking = colour(judge(make(server), mode), "rerank", QUERY, DOCUMENTS)
    assert whole(ranking)
    assert found(ranking)[: len(RIGHT[mode])] == RIGHT[mode]
    assert (ranking.degraded, ranking.usage.retries) == (False, 2)


LOST: dict[str, tuple[Fault, str]] = {
    "no answer ever": (cut_connection(), "ConnectionFailed"),
    "a cut body every time": (cut_connection(sent=40), "ConnectionFailed"),
    "429 for an hour": (too_many_requests(retry_after="3600"), "RateLimited"),
    "529 every time": (status(529), "StatusError: .* 529"),
    "400": (status(400), "StatusError: .* 400"),
    "413": (status(413), "StatusError: .* 413"),
    "malformed JSON": (invalid_json(), "InvalidResponse"),
    "another JSON": (wrong_shape(), "InvalidResponse"),
    "deeply nested": (deeply_nested(), "InvalidResponse"),
    "429 for years": (too_many_requests(retry_after="157680000"), "RateLimited"),
    "a list": (Fault("a list", text="[]"), "InvalidResponse"),
    "no choices": (Fault("no choices", text='{"choices": [], "content": "?"}'), "InvalidResponse"),
    "no message": (Fault("no message", text='{"choices": [{"message": 1}], "content": 1}'), "InvalidResponse"),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", LOST.values(), ids=list(LOST))
def test_what_stays_broken_keeps_the_documents_unjudged_in_their_order(
    server: ChatServer, make: MakeChat, mode: Mode, case: tuple[Fault, str], colour: Colour
) -> None:
    fault, why = case
    server.fail(fault, times=None)
    ranking = colour(judge(make(server, max_retries=1), mode), "rerank", QUERY, DOCUMENTS)
    assert found(ranking) == [0, 1, 2, 3]
    assert all(hit.verdict == "unjudged" and re.search(f"not judged: {why}", str(hit.why)) for hit in ranking)
    assert ranking.degraded
    assert ranking.usage.unjudged == len(DOCUMENTS)


def wrong_labels(text: str) -> str:
    """The right answer, for labels that were not asked for."""
    answer = json.loads(text)
    if "ranking" in answer:
        return json.dumps({"ranking": [f"{label}X" for label in answer["ranking"]]})
    for row in answer.get("grades", [answer]):
        row["label"] += "X"
    return json.dumps(answer)


def repeated_labels(text: str) -> str:
    """The right answer, in which all is said twice."""
    answer = json.loads(text)
    for key in ("ranking", "grades"):
        if key in answer:
            return json.dumps({key: answer[key] * 2})
    return f"{text} {text}"


REPLIES: dict[str, tuple[Reply, bool]] = {
    "thoughts first": (Reply(thinks="{} Let me see."), True),
    "a repeated label": (Reply(repeated_labels), True),
    "a fence around it": (Reply(lambda text: f"```json\n{text}\n```"), True),
    "no count of tokens": (Reply(counts=False), True),
    "a refusal": (Reply(stop="refusal"), False),
    "cut off": (Reply(lambda text: text[:12], stop="length"), False),
    "wrong labels": (Reply(wrong_labels), False),
    "malformed": (Reply(lambda text: text[::-1]), False),
    "nothing": (Reply(lambda text: ""), False),
}


@pytest.mark.parametrize("fault", [odd_usage(), odd_charset(), byte_order_mark()], ids=lambda fault: fault.name)
def test_what_is_odd_around_the_models_words_costs_no_verdict(
    server: ChatServer, make: MakeChat, fault: Fault, colour: Colour
) -> None:
    server.fail(fault, times=None)
    ranking = colour(judge(make(server), "filter"), "rerank", QUERY, DOCUMENTS)
    assert found(ranking)[:3] == RIGHT["filter"]
    assert not ranking.degraded
    assert (ranking.cost is None) == (fault.name == "odd usage" or ranking.spans[-1].model == "local")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", REPLIES.values(), ids=list(REPLIES))
def test_however_the_model_answers_no_document_is_lost_or_doubled(
    server: ChatServer, make: MakeChat, mode: Mode, case: tuple[Reply, bool], colour: Colour
) -> None:
    reply, judged = case
    server.reply(reply, times=100)
    ranking = colour(judge(make(server), mode), "rerank", QUERY, DOCUMENTS)
    assert whole(ranking)
    assert ranking.degraded is not judged
    if judged:
        assert found(ranking)[: len(RIGHT[mode])] == RIGHT[mode]
    else:
        assert found(ranking) == [0, 1, 2, 3]


def test_one_document_of_ten_that_fails_costs_only_itself_its_verdict(
    server: ChatServer, make: MakeChat, colour: Colour
) -> None:
    server.on("number 4", status(500))
    server.on("number 7", Reply(stop="refusal"))
    texts = [f"a cat and a dog number {number}" for number in range(10)]
    ranking = colour(LLMJudge(make(server, max_retries=0)), "rerank", QUERY, texts)
    assert found(ranking) == [0, 1, 2, 3, 5, 6, 8, 9, 4, 7]
    assert (ranking.usage.unjudged, ranking.usage.refused) == (2, 1)


@pytest.mark.parametrize("mode", MODES)
def test_a_wrong_key_raises_whatever_was_asked_for_and_is_not_shown(
    server: ChatServer, make: MakeChat, mode: Mode, colour: Colour
) -> None:
    with pytest.raises(AuthenticationError, match="check api_key") as caught:
        colour(judge(make(server, api_key="another-key-77"), mode), "rerank", QUERY, DOCUMENTS)
    assert "another-key-77" not in str(caught.value)


def test_a_wrong_address_raises(server: ChatServer, colour: Colour) -> None:
    chat = Anthropic(api_key=KEY, base_url=server.url)
    with pytest.raises(ConfigurationError, match="check base_url and model"):
        colour(judge(chat, "filter"), "rerank", QUERY, DOCUMENTS)
    chat.close()


def test_a_chat_server_is_asked_however_its_address_is_spelt(server: ChatServer, colour: Colour) -> None:
    for spelling in ("", "//v1/", "/v1/messages", "/messages"):
        with Anthropic(api_key=KEY, base_url=f"{server.url}/anthropic{spelling}") as claude:
            assert found(colour(judge(claude, "filter"), "rerank", QUERY, DOCUMENTS))[:3] == RIGHT["filter"]
    for spelling in ("", "//v1/", "/v1/chat/completions", "/chat/completions"):
        with OpenAICompatible(f"{server.url}/openai{spelling}", model="m", api_key=KEY) as chat:
            assert found(colour(judge(chat, "filter"), "rerank", QUERY, DOCUMENTS))[:3] == RIGHT["filter"]


def test_an_address_that_the_server_does_not_know_is_named(server: ChatServer, make: MakeChat, colour: Colour) -> None:
    server.fail(status(404), times=None)
    chat = make(server)
    with pytest.raises(ConfigurationError, match=r"404.* at http://127\.0\.0\.1:\d+/\w+/v1/[a-z/]+: check base_url"):
        colour(judge(chat, "filter"), "rerank", QUERY, DOCUMENTS)


def test_a_client_of_the_users_own_asks_at_an_address_that_only_it_knows(server: ChatServer, colour: Colour) -> None:
    server.fail(status(404), times=None)
    client = anthropic.Anthropic(api_key=KEY, base_url=server.base_url("anthropic"))
    with client, pytest.raises(ConfigurationError, match="answered 404") as caught:
        colour(judge(Anthropic(client=client), "filter"), "rerank", QUERY, DOCUMENTS)
    assert "http" not in str(caught.value)


@pytest.mark.parametrize("fault", [slow(60), dripping(0.05)], ids=["slow", "dripping"])
def test_what_does_not_come_in_time_is_kept_unjudged(
    server: ChatServer, make: MakeChat, fault: Fault, colour: Colour
) -> None:
    server.fail(fault, times=None)
    ranking = colour(judge(make(server), "filter"), "rerank", QUERY, DOCUMENTS, timeout=0.2)
    server.closing.set()
    assert found(ranking) == [0, 1, 2, 3]
    assert all("DeadlineExceeded" in str(hit.why) for hit in ranking)


def test_cancelling_ends_all_calls_and_leaves_no_task(server: ChatServer, make: MakeChat) -> None:
    server.fail(slow(60), times=None)

    asked = LLMJudge(make(server))
    left = tasks_left_by_cancelling(
        lambda: asked.arerank(QUERY, DOCUMENTS), lambda: server.most_at_once >= len(DOCUMENTS)
    )
    assert left == 1
    server.closing.set()


def test_the_bounded_number_of_calls_is_what_the_server_sees(
    server: ChatServer, make: MakeChat, colour: Colour
) -> None:
    server.fail(slow(0.02), times=None)
    colour(LLMJudge(make(server), concurrency=3), "rerank", QUERY, [f"cat {number}" for number in range(12)])
    assert 1 < server.most_at_once <= 3


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("reply", [reply for reply, judged in REPLIES.values() if not judged])
def test_who_asks_for_errors_gets_one_where_a_document_has_no_verdict(
    server: ChatServer, make: MakeChat, mode: Mode, reply: Reply, colour: Colour
) -> None:
    server.reply(reply, times=100)
    with pytest.raises(InvalidResponse, match="could not be judged: the model") as caught:
        colour(judge(make(server), mode, on_error="raise"), "rerank", QUERY, DOCUMENTS)
    assert caught.value.backend in {"Anthropic", "OpenAICompatible"}


def test_one_verdict_that_is_missing_is_an_error_too(server: ChatServer, make: MakeChat, colour: Colour) -> None:
    server.on("nothing of the kind", Reply(stop="refusal"))
    with pytest.raises(InvalidResponse, match="1 of 1 documents could not be judged: the model refused"):
        colour(judge(make(server), "filter", on_error="raise"), "rerank", QUERY, DOCUMENTS)
    with pytest.raises(InvalidResponse, match="1 of 4 documents could not be judged: the model refused"):
        colour(judge(make(server), "filter", samples=3, on_error="raise"), "rerank", QUERY, DOCUMENTS)


def test_requests_without_an_answer_are_counted(server: ChatServer, make: MakeChat, colour: Colour) -> None:
    server.fail(status(500), times=None)
    usage = colour(judge(make(server, max_retries=2), "filter"), "rerank", QUERY, DOCUMENTS).usage
    assert (usage.calls, usage.requests, usage.retries) == (0, 12, 8)
    assert len(server.received) == 12
    server.recover()
    server.fail(cut_connection(), times=1)
    usage = colour(judge(make(server, max_retries=0), "filter"), "rerank", QUERY, DOCUMENTS).usage
    assert (usage.calls, usage.requests, usage.retries) == (3, 4, 0)
