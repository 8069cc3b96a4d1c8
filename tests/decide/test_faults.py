"""Every client against a server that fails in every way, in every way to ask: no document is ever lost or doubled."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from rerank_kit import AuthenticationError, ConfigurationError, InvalidResponse
from rerank_kit.api.json_values import is_list, is_mapping
from rerank_kit.decide import DecisionReranker
from rerank_kit.decide.ways import Ask
from rerank_kit.testing import (
    DecisionServer,
    Fault,
    byte_order_mark,
    constant_scores,
    cut_connection,
    deeply_nested,
    dripping,
    duplicate_index,
    index_out_of_range,
    invalid_json,
    not_a_number,
    odd_charset,
    odd_score,
    odd_usage,
    slow,
    status,
    too_many_requests,
    unsorted,
    wrong_count,
    wrong_shape,
)
from tests.conftest import Colour, tasks_left_by_cancelling
from tests.decide.conftest import MakeClient
from tests.decide.doubles import DOCUMENTS, ORDER, QUERY, found

WAYS: list[Ask] = ["score", "yes-no", "choice"]


def whole(ranking: Any) -> bool:
    """Whether every document is there once."""
    return sorted(found(ranking)) == list(range(len(DOCUMENTS)))


def answers(change: Callable[[Any], Any]) -> Fault:
    """Other answers, made of each right one, in either shape."""

    def edited(text: str) -> str:
        body = json.loads(text)
        rows = body["answers"]
        body["answers"] = (
            {name: change(row) for name, row in rows.items()} if is_mapping(rows) else list(map(change, rows))
        )
        return json.dumps(body)

    return Fault("other answers", edit=edited)


def names(change: Callable[[str], str]) -> Fault:
    """The right answers under other names."""

    def edited(text: str) -> str:
        body = json.loads(text)
        rows = body["answers"]
        body["answers"] = (
            {change(name): row for name, row in rows.items()}
            if is_mapping(rows)
            else [{**row, "name": change(row["name"])} for row in rows]
        )
        return json.dumps(body)

    return Fault("other names", edit=edited)


def halved(row: Any) -> Any:
    """Probabilities that sum to a half, and for yes or no, none at all."""
    given = row.get("probabilities")
    if is_mapping(given):
        return {**row, "probabilities": {name: value / 2 for name, value in given.items()}}
    if is_list(given):
        return {**row, "probabilities": [{**each, "probability": each["probability"] / 2} for each in given]}
    return {"type": row["type"]}


def beyond(row: Any) -> Any:
    """Numbers that are beyond what there is."""
    numbers = {name: 7 for name in ("noul", "probability", "score") if name in row}
    return {**halved(row), **numbers}


AGAIN: dict[str, Fault] = {
    "no answer": cut_connection(),
    "a cut body": cut_connection(sent=40),
    "408": status(408),
    "409": status(409),
    "429": too_many_requests(retry_after="0"),
    "429 in milliseconds": status(429, headers={"retry-after-ms": "1"}),
    "429 with no time at all": too_many_requests(retry_after="1.2.3s"),
    "500": status(500),
    "503": status(503),
    "529": status(529),
}


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize("fault", AGAIN.values(), ids=list(AGAIN))
def test_what_passes_by_itself_is_tried_again_and_costs_no_verdict(
    server: DecisionServer, make: MakeClient, ask: Ask, fault: Fault, colour: Colour
) -> None:
    server.fail(fault, times=2)
    ranking = colour(DecisionReranker(make(server), ask=ask), "rerank", QUERY, DOCUMENTS)
    assert found(ranking) == ORDER
    assert (ranking.degraded, ranking.usage.requests, ranking.usage.retries) == (False, 3, 2)


LOST: dict[str, tuple[Fault, str]] = {
    "no answer ever": (cut_connection(), "ConnectionFailed"),
    "a cut body every time": (cut_connection(sent=40), "ConnectionFailed"),
    "429 every time": (too_many_requests(retry_after="0"), "RateLimited"),
    "429 for an hour": (too_many_requests(retry_after="3600"), "RateLimited"),
    "429 for years": (too_many_requests(retry_after="157680000"), "RateLimited"),
    "529 every time": (status(529), "StatusError: .* 529"),
    "400": (status(400), "StatusError: .* 400"),
    "413": (status(413), "StatusError: .* 413"),
    "422": (status(422), "StatusError: .* 422"),
    "malformed JSON": (invalid_json(), "InvalidResponse"),
    "another JSON": (wrong_shape(), "InvalidResponse"),
    "deeply nested": (deeply_nested(), "InvalidResponse"),
    "a list": (Fault("a list", text="[]"), "InvalidResponse"),
    "answers in a text": (Fault("a text", text='{"answers": "all fine"}'), "InvalidResponse"),
    "no answers": (Fault("none", text='{"answers": null}'), "InvalidResponse"),
    "answers for others": (names(lambda name: f"{name}X"), "the model left it out of its answer"),
    "answers that are none": (answers(lambda _: 5), "the model"),
    "answers of another type": (answers(lambda row: {**row, "type": "poem"}), "the model's answer could not be read"),
    "numbers beyond": (answers(beyond), "the model's answer could not be read"),
    "sums of a half": (answers(halved), "the model's answer could not be read"),
}


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize("case", LOST.values(), ids=list(LOST))
def test_what_stays_broken_keeps_the_documents_unjudged_in_their_order(
    server: DecisionServer, make: MakeClient, ask: Ask, case: tuple[Fault, str], colour: Colour
) -> None:
    fault, why = case
    server.fail(fault, times=None)
    reranker = DecisionReranker(make(server, max_retries=1), ask=ask, min_answerable=0.5)
    ranking = colour(reranker, "rerank", QUERY, DOCUMENTS)
    assert found(ranking) == [0, 1, 2, 3]
    assert all(hit.verdict == "unjudged" and re.search(f"not judged: {why}", str(hit.why)) for hit in ranking)
    assert (ranking.degraded, ranking.usage.unjudged, ranking.answerable) == (True, len(DOCUMENTS), None)
    assert ranking.failure is not None


def test_sums_of_a_half_cost_levels_their_verdicts(server: DecisionServer, make: MakeClient, colour: Colour) -> None:
    server.fail(answers(halved), times=None)
    ranking = colour(DecisionReranker(make(server)), "rerank", QUERY, DOCUMENTS)
    assert ranking.usage.unparsable == len(DOCUMENTS) + 1


PARTLY: dict[str, tuple[Fault, set[int]]] = {
    "one left out": (wrong_count(), {3}),
    "one for nobody": (index_out_of_range(), {3}),
    "one twice": (duplicate_index(), {3}),
}


@pytest.mark.parametrize("ask", ["score", "yes-no"])
@pytest.mark.parametrize("case", PARTLY.values(), ids=list(PARTLY))
def test_one_answer_that_is_missing_costs_one_document_its_verdict(
    server: DecisionServer, make: MakeClient, ask: Ask, case: tuple[Fault, set[int]], colour: Colour
) -> None:
    fault, lost = case
    server.fail(fault, times=None)
    ranking = colour(DecisionReranker(make(server), ask=ask), "rerank", QUERY, DOCUMENTS)
    assert found(ranking) == [1, 0, 2, 3]
    assert {hit.index for hit in ranking if hit.verdict == "unjudged"} == lost
    assert (ranking.usage.unjudged, ranking.usage.missing, ranking.degraded) == (1, 1, True)
    assert ranking.usage.unknown_labels == (fault.name == "index out of range")


NUMBERS = {
    "not a number": not_a_number(),
    "400 digits": odd_score("9" * 400),
    "5,000 digits": odd_score("9" * 5000),
    "in quotes": odd_score('"0.5"'),
    "true": odd_score("true"),
}


@pytest.mark.parametrize("fault", NUMBERS.values(), ids=NUMBERS)
def test_what_is_no_level_is_no_verdict(server: DecisionServer, make: MakeClient, fault: Fault, colour: Colour) -> None:
    server.fail(fault, times=None)
    ranking = colour(DecisionReranker(make(server)), "rerank", QUERY, DOCUMENTS)
    assert (found(ranking), ranking.usage.unjudged) == ([0, 1, 2, 3], 4)


HARMLESS = {
    "answers in another order": unsorted(),
    "a little slow": slow(0.02),
    "usage beyond all numbers": odd_usage(),
    "usage below nothing": odd_usage("-5"),
    "a charset that there is not": odd_charset(),
    "a charset that is none for text": odd_charset("hex"),
    "a byte order mark": byte_order_mark(),
    "more than was asked for": answers(lambda row: {**row, "more": [1, {"deep": None}]}),
}


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize("fault", HARMLESS.values(), ids=HARMLESS)
def test_what_is_odd_around_the_answers_costs_no_verdict(
    server: DecisionServer, make: MakeClient, ask: Ask, fault: Fault, colour: Colour
) -> None:
    server.fail(fault, times=None)
    ranking = colour(DecisionReranker(make(server), ask=ask), "rerank", QUERY, DOCUMENTS)
    assert (found(ranking), ranking.degraded) == (ORDER, False)
    assert (ranking.cost is None) == (fault.name == "odd usage")


def test_scores_that_are_all_the_same_keep_the_order(server: DecisionServer, make: MakeClient, colour: Colour) -> None:
    server.fail(constant_scores(0.25), times=None)
    ranking = colour(DecisionReranker(make(server)), "rerank", QUERY, DOCUMENTS)
    assert (found(ranking), {hit.score for hit in ranking}) == ([0, 1, 2, 3], {0.25})


@pytest.mark.parametrize("ask", ["score", "yes-no"])
def test_a_refusal_costs_one_document_its_verdict(
    server: DecisionServer, make: MakeClient, ask: Ask, colour: Colour
) -> None:
    server.refuse("run")
    ranking = colour(DecisionReranker(make(server), ask=ask), "rerank", QUERY, DOCUMENTS)
    assert (found(ranking), ranking.usage.unjudged) == ([0, 3, 2, 1], 1)


def test_one_call_of_four_that_fails_costs_only_its_own_document(
    server: DecisionServer, make: MakeClient, colour: Colour
) -> None:
    server.on("the cat and the dog", status(500))
    reranker = DecisionReranker(make(server, max_retries=0), pairwise=True)
    ranking = colour(reranker, "rerank", QUERY, DOCUMENTS)
    assert (found(ranking), ranking.usage.unjudged) == ([0, 3, 2, 1], 1)
    assert ranking.failure is None


@pytest.mark.parametrize("ask", WAYS)
def test_a_wrong_key_raises_whatever_was_asked_for_and_is_not_shown(
    server: DecisionServer, make: MakeClient, ask: Ask, colour: Colour
) -> None:
    with pytest.raises(AuthenticationError, match="check api_key") as caught:
        colour(DecisionReranker(make(server, api_key="another-key-77"), ask=ask), "rerank", QUERY, DOCUMENTS)
    assert "another-key-77" not in str(caught.value)


@pytest.mark.parametrize("fault", [status(404), status(405)], ids=["404", "405"])
def test_an_address_or_a_model_that_the_server_does_not_know_raises(
    server: DecisionServer, make: MakeClient, fault: Fault, colour: Colour
) -> None:
    server.fail(fault, times=None)
    with pytest.raises(ConfigurationError, match=r"40[45].* at http://127\.0\.0\.1:\d+/.*: check base_url and model"):
        colour(DecisionReranker(make(server)), "rerank", QUERY, DOCUMENTS)


WRONG_MODEL = {
    "its param": '{"error": {"message": "no", "param": "model"}}',
    "its code": '{"error": {"message": "no", "code": "model_not_found"}}',
    "its words": '{"error": {"message": "The model gpt-x does not support decisions."}}',
    "other words": '{"detail": {"message": "Unknown model: x"}}',
    "words alone": '{"detail": "This is a chat model and not supported in the v1/decisions endpoint"}',
}


@pytest.mark.parametrize("code", [400, 422])
@pytest.mark.parametrize("told", WRONG_MODEL.values(), ids=WRONG_MODEL)
def test_a_model_that_makes_no_decisions_raises(
    server: DecisionServer, make: MakeClient, told: str, code: int, colour: Colour
) -> None:
    server.fail(Fault("wrong model", status=code, text=told), times=None)
    with pytest.raises(ConfigurationError, match=f"answered {code}.*: check model, which must be a decision") as caught:
        colour(DecisionReranker(make(server)), "rerank", QUERY, DOCUMENTS)
    assert (caught.value.status, len(server.received)) == (code, 1)


@pytest.mark.parametrize(
    "told",
    [
        "This model's maximum context length is 8192 tokens",
        "the model does not support more than 4 questions",
        "questions must be 1 to 400",
        "",
    ],
)
def test_what_a_model_does_not_take_is_not_taken_for_another_model(
    server: DecisionServer, make: MakeClient, told: str, colour: Colour
) -> None:
    body = json.dumps({"error": {"message": told, "param": "questions", "code": None}})
    server.fail(Fault("too much", status=400, text=body), times=None)
    ranking = colour(DecisionReranker(make(server)), "rerank", QUERY, DOCUMENTS)
    assert "StatusError" in str(ranking.failure)


@pytest.mark.parametrize("body", ['{"object": "chat.completion", "choices": []}', '{"results": []}', '{"data": []}'])
def test_an_answer_of_another_api_is_told(server: DecisionServer, make: MakeClient, body: str, colour: Colour) -> None:
    server.fail(Fault("another API", text=body), times=None)
    ranking = colour(DecisionReranker(make(server)), "rerank", QUERY, DOCUMENTS)
    assert "as of another API: does base_url= lead to a decision model" in str(ranking.failure)
    server.fail(Fault("nothing known", text='{"answered": 1}'), times=None)
    assert "another API" not in str(colour(DecisionReranker(make(server)), "rerank", QUERY, DOCUMENTS).failure)


@pytest.mark.parametrize("fault", [slow(60), dripping(0.05)], ids=["slow", "dripping"])
def test_what_does_not_come_in_time_is_kept_unjudged(
    server: DecisionServer, make: MakeClient, fault: Fault, colour: Colour
) -> None:
    server.fail(fault, times=None)
    ranking = colour(DecisionReranker(make(server)), "rerank", QUERY, DOCUMENTS, timeout=0.2)
    server.closing.set()
    assert found(ranking) == [0, 1, 2, 3]
    assert all("DeadlineExceeded" in str(hit.why) for hit in ranking)


def test_cancelling_ends_all_calls_and_leaves_no_task(server: DecisionServer, make: MakeClient) -> None:
    server.fail(slow(60), times=None)
    reranker = DecisionReranker(make(server), pairwise=True)
    left = tasks_left_by_cancelling(
        lambda: reranker.arerank(QUERY, DOCUMENTS), lambda: server.most_at_once >= len(DOCUMENTS)
    )
    assert left == 1
    server.closing.set()


def test_the_bounded_number_of_calls_is_what_the_server_sees(
    server: DecisionServer, make: MakeClient, colour: Colour
) -> None:
    server.fail(slow(0.02), times=None)
    reranker = DecisionReranker(make(server), pairwise=True, concurrency=3)
    colour(reranker, "rerank", QUERY, [f"cat {number}" for number in range(12)])
    assert 1 < server.most_at_once <= 3


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize("case", LOST.values(), ids=list(LOST))
def test_who_asks_for_errors_gets_one(
    server: DecisionServer, make: MakeClient, ask: Ask, case: tuple[Fault, str], colour: Colour
) -> None:
    fault, why = case
    server.fail(fault, times=None)
    reranker = DecisionReranker(make(server, max_retries=0), ask=ask, on_error="raise")
    with pytest.raises(Exception, match=why.partition(":")[2].strip() or r"\w") as caught:
        colour(reranker, "rerank", QUERY, DOCUMENTS)
    named = re.match(r"[A-Z]\w+", why)
    assert type(caught.value).__name__ == (named[0] if named else InvalidResponse.__name__)


def test_requests_without_an_answer_are_counted(server: DecisionServer, make: MakeClient, colour: Colour) -> None:
    server.fail(status(500), times=None)
    usage = colour(DecisionReranker(make(server, max_retries=2)), "rerank", QUERY, DOCUMENTS).usage
    assert (usage.calls, usage.requests, usage.retries, len(server.received)) == (0, 3, 2, 3)


def test_whatever_happens_no_document_is_lost(server: DecisionServer, make: MakeClient, colour: Colour) -> None:
    faults = [fault for fault, _ in [*LOST.values(), *PARTLY.values()]] + [*AGAIN.values(), *NUMBERS.values()]
    server.fail_at_random(faults, chance=0.5, seed=3)
    reranker = DecisionReranker(make(server, max_retries=0), pairwise=True)
    for _ in range(5):
        assert whole(colour(reranker, "rerank", QUERY, DOCUMENTS))
