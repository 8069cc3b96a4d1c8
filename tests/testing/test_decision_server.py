"""The decision server for tests is as strict about requests as the APIs are documented to be."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from rerank_kit import ConfigurationError
from rerank_kit.api.json_values import is_list, is_mapping
from rerank_kit.testing import DecisionServer, constant_scores, index_out_of_range, invalid_json
from tests.decide.conftest import KEY, server

__all__ = ["server"]

NOUL = {"type": "noul", "instructions": "Is there a cat?"}
SCORE = {"type": "score", "instructions": "How much cat?", "criteria": ["none", "some", "all"]}
CHOICE = {"type": "choice", "instructions": "Which?", "criteria": {"cat": "a cat", "dog": None}}
SYSTEM_ONE: dict[str, Any] = {
    "model": "jev-latest",
    "state": "a cat",
    "questions": {"a": NOUL, "b": SCORE, "c": CHOICE},
}
PREDICATE = {"type": "predicate", "instructions": "Is there a cat?"}
RATED = {"type": "score", "instructions": "How?", "levels": [{"label": "none"}, {"label": "all", "description": "a"}]}
CHOSEN = {"type": "choice", "instructions": "Which?", "choices": [{"value": "cat"}, {"value": True}]}
OPENAI: dict[str, Any] = {"model": "gpt-6-luna", "input": "a cat", "questions": [PREDICATE, RATED, CHOSEN]}


def ask(server: DecisionServer, body: Any, **headers: str) -> tuple[int, Any]:
    openai = isinstance(body, dict) and "input" in body
    path = "/openai/v1/decisions" if openai else "/system_one/v1/systemone"
    given = {"authorization": f"Bearer {KEY}", **headers}
    answer = httpx.post(server.url + path, json=body, headers=given)
    return answer.status_code, answer.json()


def test_system_one_is_answered_by_name(server: DecisionServer) -> None:
    status, body = ask(server, SYSTEM_ONE)
    assert status == 200
    assert set(body) == {"model", "answers", "usage"}
    assert {name: set(row) for name, row in body["answers"].items()} == {
        "a": {"type", "noul"},
        "b": {"type", "score", "legend", "probabilities", "confidence"},
        "c": {"type", "choice", "probabilities", "confidence"},
    }
    assert body["answers"]["b"]["legend"] == {"0": "none", "1": "some", "2": "all"}


def test_openai_is_answered_in_order(server: DecisionServer) -> None:
    status, body = ask(server, OPENAI)
    assert status == 200
    assert [row["type"] for row in body["answers"]] == ["predicate", "score", "choice"]
    assert [row["name"] for row in body["answers"]] == [None, None, None]
    assert [each["value"] for each in body["answers"][1]["probabilities"]] == [0, 1]
    assert [each["value"] for each in body["answers"][2]["probabilities"]] == ["cat", True]


def test_probabilities_sum_to_one_and_the_level_is_the_one_to_be_expected() -> None:
    with DecisionServer(lambda _query, _text: 0.8) as server:
        _, body = ask(server, SYSTEM_ONE)
    row = body["answers"]["b"]
    assert row["score"] == pytest.approx(1.6)
    assert row["probabilities"] == {"0": 0.0, "1": 0.4, "2": 0.6}
    assert sum(body["answers"]["c"]["probabilities"].values()) == pytest.approx(1)


def fenced(*texts: str) -> str:
    shown = [f"<document K7 L{place}>\n{text}\n</document K7 L{place}>" for place, text in enumerate(texts)]
    return "\n".join(["Code: K7", "", "<query K7>", "cat dog", "</query K7>", *shown])


def about(label: str) -> dict[str, Any]:
    return {"type": "noul", "instructions": f"Does <document K7 {label}> answer?"}


def test_documents_are_read_by_their_code_and_questions_by_their_labels(server: DecisionServer) -> None:
    questions = {"x": about("L0"), "y": about("L1"), "z": {"type": "noul", "instructions": "Does any?"}}
    for state in (fenced("a cat", "cat dog"), {"rules": "none", "request": [fenced("a cat", "cat dog")]}):
        _, body = ask(server, SYSTEM_ONE | {"state": state, "questions": questions})
        assert [row["noul"] for row in body["answers"].values()] == [0.5, 1.0, 1.0]
        assert server.asked[-1].query == "cat dog"
        assert dict(server.asked[-1].documents) == {"L0": "a cat", "L1": "cat dog"}


def test_one_of_the_documents_is_chosen_or_none(server: DecisionServer) -> None:
    choice = {"type": "choice", "instructions": "Which?", "criteria": {"L0": "", "L1": "", "none": "None."}}
    for texts, expected in (
        (("a cat", "a dog"), [0.25, 0.25, 0.5]),
        (("cat dog", "x"), [1, 0, 0]),
        (("x", "y"), [0, 0, 1]),
    ):
        _, body = ask(server, SYSTEM_ONE | {"state": fenced(*texts), "questions": {"q": choice}})
        assert list(body["answers"]["q"]["probabilities"].values()) == expected
    del choice["criteria"]["none"]  # type: ignore[attr-defined]
    _, body = ask(server, SYSTEM_ONE | {"state": fenced("x", "y"), "questions": {"q": choice}})
    assert list(body["answers"]["q"]["probabilities"].values()) == [0.5, 0.5]


def test_a_state_whose_tags_do_not_pair_up_is_refused(server: DecisionServer) -> None:
    status, body = ask(server, SYSTEM_ONE | {"state": f"{fenced('a cat')}\n<document K7 L9>\n"})
    assert (status, body["detail"]["message"]) == (400, "the tags do not pair up")


def test_messages_are_read_in_every_form(server: DecisionServer) -> None:
    parts = [{"type": "input_text", "text": fenced("a cat")}]
    messages = [{"role": "developer", "content": "Read."}, {"role": "user", "type": "message", "content": parts}]
    assert ask(server, OPENAI | {"input": messages})[0] == 200
    assert dict(server.asked[-1].documents) == {"L0": "a cat"}


def test_what_is_refused_is_a_refusal_or_left_out(server: DecisionServer) -> None:
    server.refuse("secret")
    asked = {"x": about("L0"), "y": about("L1")}
    _, body = ask(server, SYSTEM_ONE | {"state": fenced("a secret", "a cat"), "questions": asked})
    assert list(body["answers"]) == ["y"]
    rows = [{"type": "predicate", "instructions": each["instructions"]} for each in asked.values()]
    _, body = ask(server, OPENAI | {"input": fenced("a secret", "a cat"), "questions": rows})
    assert [row["type"] for row in body["answers"]] == ["refusal", "predicate"]
    server.refuse("")
    _, body = ask(server, OPENAI | {"input": fenced("a cat")})
    assert {row["type"] for row in body["answers"]} == {"refusal"}


REFUSED: dict[str, tuple[Any, str]] = {
    "no object": (["model"], "must have model, questions, state"),
    "a field too many": (SYSTEM_ONE | {"top_n": 3}, "must have model, questions, state"),
    "no state": (SYSTEM_ONE | {"state": ""}, "state must be"),
    "a number as state": (SYSTEM_ONE | {"state": 5}, "state must be"),
    "no questions": (SYSTEM_ONE | {"questions": {}}, "questions must be"),
    "an unknown type": (SYSTEM_ONE | {"questions": {"a": NOUL | {"type": "predicate"}}}, "unknown type"),
    "no instructions": (SYSTEM_ONE | {"questions": {"a": NOUL | {"instructions": ""}}}, "no instructions"),
    "criteria of yes and no": (SYSTEM_ONE | {"questions": {"a": NOUL | {"criteria": {"yes": ""}}}}, "other criteria"),
    "no options": (SYSTEM_ONE | {"questions": {"a": CHOICE | {"criteria": {}}}}, "no criteria"),
    "one level": (SYSTEM_ONE | {"questions": {"a": SCORE | {"criteria": ["one"]}}}, "two levels"),
    "another model": (OPENAI | {"model": "gpt-5"}, "does not exist"),
    "a field too many for openai": (OPENAI | {"temperature": 0}, "must have input, model, questions"),
    "no input": (OPENAI | {"input": []}, "input must be"),
    "an unknown role": (OPENAI | {"input": [{"role": "tool", "content": "x"}]}, "unknown role"),
    "no content": (OPENAI | {"input": [{"role": "user", "content": []}]}, "no content"),
    "another part": (OPENAI | {"input": [{"role": "user", "content": [{"type": "text"}]}]}, "no input_text"),
    "401 questions": (OPENAI | {"questions": [PREDICATE] * 401}, "1 to 400"),
    "a noul": (OPENAI | {"questions": [NOUL]}, "unknown type"),
    "a question with criteria": (OPENAI | {"questions": [PREDICATE | {"criteria": {}}]}, "a yes-no question must have"),
    "no words": (OPENAI | {"questions": [PREDICATE | {"instructions": ""}]}, "no instructions"),
    "the same name twice": (OPENAI | {"questions": [PREDICATE | {"name": "a"}] * 2}, "the same name"),
    "one choice": (OPENAI | {"questions": [CHOSEN | {"choices": [{"value": "a"}]}]}, "2 to 255"),
    "the same choice twice": (OPENAI | {"questions": [CHOSEN | {"choices": [{"value": "a"}] * 2}]}, "2 to 255"),
    "256 choices": (
        OPENAI | {"questions": [CHOSEN | {"choices": [{"value": str(each)} for each in range(256)]}]},
        "2 to 255",
    ),
    "a level without a label": (OPENAI | {"questions": [RATED | {"levels": [{"label": ""}] * 2}]}, "is empty"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_the_apis_would_refuse_is_refused(server: DecisionServer, case: tuple[Any, str]) -> None:
    body, why = case
    status, told = ask(server, body)
    assert status in {400, 404}
    assert why in str(told)


def test_wrong_keys_paths_and_formats_are_refused(server: DecisionServer) -> None:
    assert ask(server, SYSTEM_ONE, authorization="Bearer another")[0] == 401
    assert httpx.post(f"{server.url}/system_one/v1/decisions", json=SYSTEM_ONE).status_code == 404
    assert httpx.get(f"{server.url}/system_one/v1/systemone").status_code == 404
    with pytest.raises(ConfigurationError, match="format must be one of system_one, openai, not 'tei'"):
        server.base_url("tei")


ODD: list[Any] = [None, True, 5, 1.5, "", "odd", [], {}, [[]], [None], [5], {"a": 5}, {"type": []}, {"": None}]


def places(body: Any, *path: str | int) -> Iterator[tuple[str | int, ...]]:
    """Every place in a body, and the body itself."""
    yield path
    below: Any = body.items() if is_mapping(body) else enumerate(body) if is_list(body) else ()
    for key, value in below:
        yield from places(value, *path, key)


def with_odd(body: Any, path: tuple[str | int, ...], odd: Any) -> Any:
    """The body with something else at a place."""
    if not path:
        return odd
    changed = copy.copy(body)
    changed[path[0]] = with_odd(body[path[0]], path[1:], odd)
    return changed


MESSAGES = [{"role": "user", "type": "message", "content": [{"type": "input_text", "text": "a cat"}]}]
BODIES = [SYSTEM_ONE, OPENAI | {"input": MESSAGES, "questions": [PREDICATE | {"name": "a"}, RATED, CHOSEN]}]


@pytest.mark.parametrize(
    ("body", "path"), [(body, path) for body in BODIES for path in places(body)], ids=lambda each: str(each)[-40:]
)
def test_whatever_is_odd_in_a_request_is_answered(
    server: DecisionServer, body: Any, path: tuple[str | int, ...]
) -> None:
    with httpx.Client(headers={"authorization": f"Bearer {KEY}"}) as client:
        where = "/openai/v1/decisions" if "input" in body else "/system_one/v1/systemone"
        sent = [json.dumps(with_odd(body, path, odd)) for odd in ODD]
        answers = [client.post(server.url + where, content=each) for each in sent]
    assert {each.status_code for each in answers} <= {200, 400, 404}
    assert all(each.status_code == 200 or set(each.json()) & {"error", "detail"} for each in answers)


ODD_REQUESTS: dict[str, tuple[Any, str]] = {
    "a model that is no name": (SYSTEM_ONE | {"model": ["jev-latest"]}, "model must be a string"),
    "criteria that are a list": (SYSTEM_ONE | {"questions": {"a": NOUL | {"criteria": [1]}}}, "other criteria"),
    "a type that is a list": (SYSTEM_ONE | {"questions": {"a": NOUL | {"type": ["noul"]}}}, "unknown type"),
    "a name that is a number": (OPENAI | {"questions": [PREDICATE | {"name": 5}]}, "the name of a question"),
    "a name that is a list": (OPENAI | {"questions": [PREDICATE | {"name": []}]}, "the name of a question"),
    "choices that are a number": (OPENAI | {"questions": [CHOSEN | {"choices": 5}]}, "choices must be an array"),
    "a role that is a list": (OPENAI | {"input": [{"role": [], "content": "x"}]}, "unknown role"),
    "a message of another type": (OPENAI | {"input": [{"role": "user", "type": "x", "content": "x"}]}, "another type"),
    "a part without text": (
        OPENAI | {"input": [{"role": "user", "content": [{"type": "input_text", "text": 5}]}]},
        "a part has no text",
    ),
    "no text as input": (OPENAI | {"input": ""}, "input must be"),
}


@pytest.mark.parametrize("case", ODD_REQUESTS.values(), ids=ODD_REQUESTS)
def test_an_odd_request_is_a_bad_one(server: DecisionServer, case: tuple[Any, str]) -> None:
    body, why = case
    status, told = ask(server, body)
    assert status == 400
    assert why in str(told)


@pytest.mark.parametrize("content", ["null", "", "{", "no JSON"])
def test_nothing_at_all_is_a_bad_request(server: DecisionServer, content: str) -> None:
    given = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    for path in ("/openai/v1/decisions", "/system_one/v1/systemone"):
        assert httpx.post(server.url + path, content=content, headers=given).status_code == 400


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"decide": 5}, "decide must be a function of a query and a text, not 5"),
        ({"models": "jev-latest"}, "models must be a list of names, not 'jev-latest'"),
        ({"models": []}, "models must be a list of names"),
        ({"models": [5]}, r"models\[0\] must be a str"),
        ({"most_tokens": "5"}, "most_tokens must be a whole number"),
        ({"decimals": "x"}, "decimals must be a whole number of at least 0"),
        ({"decimals": -1}, "decimals must be a whole number of at least 0"),
        ({"decimal": 3}, "did you mean decimals"),
    ],
)
def test_a_wrong_argument_is_said_at_once(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        DecisionServer(**wrong)


def test_what_is_no_text_is_said_at_once(server: DecisionServer) -> None:
    odd: Any = 5
    with pytest.raises(ConfigurationError, match="text must be a str, not 5"):
        server.refuse(odd)
    with pytest.raises(ConfigurationError, match="text must be a str with something in it, not 5"):
        server.on(odd, invalid_json())


def test_faults_change_answers_and_come_whenever_a_text_is_asked_about(server: DecisionServer) -> None:
    server.on("cat", constant_scores(0.25))
    server.on("dog", index_out_of_range())
    _, body = ask(server, SYSTEM_ONE)
    assert body["answers"]["a"]["noul"] == 0.25
    _, body = ask(server, OPENAI | {"input": "a dog", "questions": [PREDICATE, PREDICATE]})
    assert [row["name"] for row in body["answers"]] == [None, "NOBODY"]
    server.on("bird", invalid_json())
    answer = httpx.post(
        f"{server.url}/openai/v1/decisions",
        json=OPENAI | {"input": "a bird"},
        headers={"authorization": f"Bearer {KEY}"},
    )
    assert answer.text == "<html>upstream failed</html>"


def test_a_request_that_is_too_long_is_refused_in_the_words_of_the_api() -> None:
    with DecisionServer(most_tokens=3) as short:
        assert ask(short, SYSTEM_ONE)[1]["detail"]["error_type"] == "max_tokens_exceeded"
        assert ask(short, OPENAI)[1]["error"]["message"] == "max_tokens_exceeded"
