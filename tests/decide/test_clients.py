"""What the two APIs of decision models are sent, and what is made of their answers."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest

from rerank_kit import AuthenticationError, ConfigurationError, InvalidResponse, StatusError, Usage
from rerank_kit.decide import (
    Answer,
    Answers,
    Choice,
    DecisionLimits,
    OpenAIDecisions,
    Questionnaire,
    Score,
    SystemOne,
    YesNo,
)
from rerank_kit.decide.answers import REFUSAL, Said
from rerank_kit.flow import arun, run
from rerank_kit.judge.usage import usage_of
from rerank_kit.managed import RateLimit
from rerank_kit.testing import DecisionServer, Fault, status
from tests.conftest import Colour
from tests.decide.conftest import KEY, Client, MakeClient, system_one

ASKED = Questionnaire(
    "Read it.",
    "cat dog",
    {
        "A": YesNo("cat bird"),
        "B": Score("cat dog", ["not", "half", "full"]),
        "C": Choice("Which?", {"cat": "a cat", "bird": "a bird"}),
    },
)


class Asking:
    """A client whose answers a test can have in either colour."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def answers(self, asked: Questionnaire = ASKED) -> Answers:
        return run(self.client.decide(asked))

    async def aanswers(self, asked: Questionnaire = ASKED) -> Answers:
        return await arun(self.client.decide(asked))


def test_system_one_is_sent_one_state_and_questions_by_name() -> None:
    request = SystemOne("jev-latest", api_key=KEY).encode(ASKED)
    assert request.path == "/v1/systemone"
    assert request.body == {
        "model": "jev-latest",
        "state": "Read it.\nThe request:\ncat dog",
        "questions": {
            "A": {"type": "noul", "instructions": "cat bird"},
            "B": {"type": "score", "instructions": "cat dog", "criteria": ["not", "half", "full"]},
            "C": {"type": "choice", "instructions": "Which?", "criteria": {"cat": "a cat", "bird": "a bird"}},
        },
    }


def test_openai_is_sent_instructions_in_the_developers_role_and_questions_in_order() -> None:
    request = OpenAIDecisions(api_key=KEY).encode(ASKED)
    assert request.path == "/v1/decisions"
    levels = [{"label": "0", "description": "not"}, {"label": "1", "description": "half"}]
    assert request.body == {
        "model": "gpt-6-luna",
        "input": [{"role": "developer", "content": "Read it."}, {"role": "user", "content": "cat dog"}],
        "questions": [
            {"name": "A", "type": "predicate", "instructions": "cat bird"},
            {
                "name": "B",
                "type": "score",
                "instructions": "cat dog",
                "levels": [*levels, {"label": "2", "description": "full"}],
            },
            {
                "name": "C",
                "type": "choice",
                "instructions": "Which?",
                "choices": [
                    {"value": "cat", "description": "a cat"},
                    {"value": "bird", "description": "a bird"},
                ],
            },
        ],
    }


def test_both_apis_are_asked_and_understood(server: DecisionServer, make: MakeClient, colour: Colour) -> None:
    answers: Answers = colour(Asking(make(server)), "answers")
    assert answers.problems == {}
    assert answers.found["A"].value == 1.0
    assert set(answers.found["B"].probabilities) == {"0", "1", "2"}
    assert set(answers.found["C"].probabilities) == {"cat", "bird"}
    assert (answers.usage.calls, answers.usage.requests, answers.usage.retries) == (1, 1, 0)
    assert answers.usage.input_tokens > 0
    (received,) = server.received
    assert (received.status, received.headers["authorization"]) == (200, f"Bearer {KEY}")


def said(client: Client, body: Any) -> list[Said]:
    return list(client.decode(body, ASKED))


SYSTEM_ONE: dict[str, tuple[Any, Said]] = {
    "yes": ({"type": "noul", "noul": 0.4}, Said("A", YesNo, 0.4)),
    "a level": (
        {"type": "score", "score": 1.5, "legend": {}, "probabilities": {"1": 0.5}, "confidence": 0.5},
        Said("A", Score, 1.5, {"1": 0.5}),
    ),
    "a choice": ({"type": "choice", "choice": "x", "probabilities": {"x": 1.0}}, Said("A", Choice, None, {"x": 1.0})),
    "a box": ({"type": "box", "box": {}}, Said("A", None)),
    "a type that is no word": ({"type": ["noul"], "noul": 0.4}, Said("A", None)),
    "probabilities in a list": ({"type": "score", "score": 1, "probabilities": [1.0]}, Said("A", None)),
    "a number": (0.4, Said("A", None)),
}


@pytest.mark.parametrize("case", SYSTEM_ONE.values(), ids=SYSTEM_ONE)
def test_what_system_one_says_is_taken_apart(case: tuple[Any, Said]) -> None:
    row, expected = case
    assert said(SystemOne("jev-latest", api_key=KEY), {"answers": {"A": row}}) == [expected]


RATED = {"type": "score", "score": 1.5, "probabilities": [{"label": "1", "value": 1, "probability": 0.5}]}
OPENAI: dict[str, tuple[Any, Said]] = {
    "yes": ({"type": "predicate", "name": "A", "probability": 0.4}, Said("A", YesNo, 0.4)),
    "a level": ({**RATED, "name": "B"}, Said("B", Score, 1.5, {1: 0.5})),
    "a choice": (
        {"type": "choice", "name": "C", "choice": "x", "probabilities": [{"value": "x", "probability": 1}]},
        Said("C", Choice, None, {"x": 1}),
    ),
    "a refusal": ({"type": "refusal", "name": "A"}, Said("A", REFUSAL)),
    "another type": ({"type": "poem", "name": "A"}, Said("A", None)),
    "no type": ({"name": "A", "probability": 0.4}, Said("A", None)),
    "probabilities in an object": (
        {**RATED, "name": "B", "probabilities": {"1": 1.0}},
        Said("B", Score, 1.5, {"1": 1.0}),
    ),
    "a level twice": ({**RATED, "name": "B", "probabilities": RATED["probabilities"] * 2}, Said("B", None)),  # type: ignore[operator]
    "a level without a number": ({**RATED, "name": "B", "probabilities": [{"label": "1"}]}, Said("B", None)),
    "a number": (0.4, Said(None, None)),
}


@pytest.mark.parametrize("case", OPENAI.values(), ids=OPENAI)
def test_what_openai_says_is_taken_apart(case: tuple[Any, Said]) -> None:
    row, expected = case
    assert said(OpenAIDecisions(api_key=KEY), {"answers": [row]}) == [expected]


def test_answers_without_names_go_by_their_order_if_all_are_there() -> None:
    client = OpenAIDecisions(api_key=KEY)
    rows = [{"type": "predicate", "probability": 0.1}, {**RATED, "name": None}, {"type": "refusal"}]
    assert [each.name for each in said(client, {"answers": rows})] == ["A", "B", "C"]
    assert [each.name for each in said(client, {"answers": rows[:2]})] == [None, None]


def test_a_name_wins_over_the_place() -> None:
    rows = [{"type": "refusal", "name": "C"}, {"type": "refusal", "name": "A"}, {"type": "refusal", "name": "B"}]
    assert [each.name for each in said(OpenAIDecisions(api_key=KEY), {"answers": rows})] == ["C", "A", "B"]


ROW, OTHER = '{"type": "noul", "noul": 0.1}', '{"type": "noul", "noul": 0.9}'
TWICE: dict[str, tuple[str, Any]] = {
    "the same": (f'{{"A": {ROW}, "A": {ROW}}}', Answer(0.1)),
    "another": (f'{{"A": {ROW}, "A": {OTHER}}}', "duplicate"),
    "another, the other way round": (f'{{"A": {OTHER}, "A": {ROW}}}', "duplicate"),
    "a number within": ('{"A": {"type": "noul", "noul": 0.1, "noul": 0.9}}', "unparsable"),
    "the same number within": ('{"A": {"type": "noul", "noul": 0.1, "noul": 0.1}}', Answer(0.1)),
    "a probability": ('{"C": {"type": "choice", "probabilities": {"cat": 1, "cat": 0, "bird": 0}}}', "unparsable"),
}


@pytest.mark.parametrize("case", TWICE.values(), ids=TWICE)
def test_what_system_one_says_twice_counts_if_it_is_the_same(
    server: DecisionServer, case: tuple[str, Any], colour: Colour
) -> None:
    text, expected = case
    server.fail(Fault("twice", text=f'{{"answers": {text}}}'), times=None)
    with system_one(server) as client:
        made: Answers = colour(Asking(client), "answers")
    name = text[2]
    assert (made.found.get(name) or made.problems[name]) == expected
    assert made.usage.repeated == (text.count("type") > 1)


def test_two_sets_of_answers_are_none(server: DecisionServer, make: MakeClient, colour: Colour) -> None:
    server.fail(Fault("twice", edit=lambda text: f'{text[:-1]}, "answers": []}}'), times=None)
    with pytest.raises(InvalidResponse, match="the answer has no"):
        colour(Asking(make(server)), "answers")
    server.fail(Fault("twice", edit=lambda text: f'{{"answers": [], {text[1:]}'), times=None)
    with pytest.raises(InvalidResponse, match="the answer has no"):
        colour(Asking(make(server)), "answers")


@pytest.mark.parametrize("body", [{}, [], "no", {"answers": 3}, {"answers": None}])
def test_an_answer_of_another_shape_is_invalid(body: Any) -> None:
    with pytest.raises(InvalidResponse, match="the answer has no object of answers but is"):
        said(SystemOne("jev-latest", api_key=KEY), body)
    with pytest.raises(InvalidResponse, match="the answer has no array of answers but is"):
        said(OpenAIDecisions(api_key=KEY), body)


def test_tokens_are_counted_as_openai_tells_them() -> None:
    told = {
        "input_tokens": 90,
        "input_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 20},
        "output_tokens": 3,
        "total_tokens": 93,
    }
    expected = Usage(calls=1, tokens=90, input_tokens=30, output_tokens=3, cache_read_tokens=40, cache_write_tokens=20)
    assert usage_of(told) == expected
    assert usage_of({**told, "input_tokens_details": {"cached_tokens": -1}}) == Usage(calls=1)


def test_keys_come_from_the_environment_and_go_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TYPESAFE_API_KEY", "t")
    monkeypatch.setenv("OPENAI_API_KEY", "o")
    assert SystemOne("jev-latest").auth() == {"authorization": "Bearer t"}
    assert OpenAIDecisions().auth() == {"authorization": "Bearer o"}
    assert SystemOne("local", base_url="http://localhost:8000").auth() == {}, "it is not TypeSafe's server"
    monkeypatch.delenv("TYPESAFE_API_KEY")
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ConfigurationError, match="set the environment variable TYPESAFE_API_KEY"):
        SystemOne("jev-latest")
    with pytest.raises(ConfigurationError, match="set the environment variable OPENAI_API_KEY"):
        OpenAIDecisions()


def test_addresses_come_from_the_environment_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert SystemOne("m", api_key=KEY).base_url == "https://api.typesafe.ai"
    assert OpenAIDecisions(api_key=KEY).base_url == "https://api.openai.com/v1"
    monkeypatch.setenv("TYPESAFE_BASE_URL", "https://typesafe.example")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://openai.example/v1")
    assert SystemOne("m", api_key=KEY).base_url == "https://typesafe.example"
    assert OpenAIDecisions(api_key=KEY).base_url == "https://openai.example/v1"
    assert OpenAIDecisions(api_key=KEY, base_url="https://mine.example").base_url == "https://mine.example"


@pytest.mark.parametrize(
    ("name", "spellings"),
    [("system_one", ["", "/v1", "/v1/systemone"]), ("openai", ["", "/v1/", "/v1/decisions", "/decisions"])],
)
def test_a_server_is_asked_however_its_address_is_spelt(
    server: DecisionServer, name: str, spellings: list[str]
) -> None:
    for spelling in spellings:
        url = f"{server.url}/{name}{spelling}"
        made = SystemOne("jev-latest", base_url=url, api_key=KEY) if name == "system_one" else None
        with made or OpenAIDecisions(base_url=url, api_key=KEY) as client:
            assert len(Asking(client).answers().found) == 3


def test_a_wrong_key_and_an_unknown_model_are_said(server: DecisionServer, make: MakeClient, colour: Colour) -> None:
    with pytest.raises(AuthenticationError, match="check api_key") as caught:
        colour(Asking(make(server, api_key="another-key-77")), "answers")
    assert "another-key-77" not in str(caught.value)
    with pytest.raises(ConfigurationError, match=r"the model 'jev-0' does not exist.*check base_url and model"):
        colour(Asking(make(server, model="jev-0")), "answers")


def test_the_vendors_name_for_a_request_is_in_the_error(make: MakeClient, colour: Colour) -> None:
    with DecisionServer(most_tokens=1) as short, pytest.raises(StatusError, match="max_tokens_exceeded") as caught:
        colour(Asking(make(short)), "answers")
    assert (caught.value.status, caught.value.request_id) == (422, "request-1")


def test_typesafes_own_name_for_a_request_is_known(server: DecisionServer, make: MakeClient) -> None:
    server.fail(status(400, headers={"x-typesafe-request-id": "ts-7"}))
    with pytest.raises(StatusError) as caught:
        Asking(make(server)).answers()
    assert caught.value.request_id in {"ts-7", "request-1"}


def test_a_rate_limit_counts_the_tokens_of_a_request(server: DecisionServer, make: MakeClient, colour: Colour) -> None:
    limited = make(server, rate_limit=RateLimit(tokens_per_minute=ASKED.tokens))
    assert len(colour(Asking(limited), "answers").found) == 3


def test_what_a_client_is_shows_no_key_and_travels_without_it(
    server: DecisionServer, make: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make(server)
    assert KEY not in repr(client) + repr(pickle.dumps(client)) + str(vars(client))
    assert str(client.model) in repr(client)
    assert len(Asking(copy.deepcopy(client)).answers().found) == 3
    arrived = pickle.loads(pickle.dumps(client))
    assert (arrived.model, arrived.limits, arrived.base_url) == (client.model, client.limits, client.base_url)


@pytest.mark.parametrize(
    ("made", "name", "kind"), [(OpenAIDecisions, "OPENAI", "openai"), (SystemOne, "TYPESAFE", "system_one")]
)
def test_a_key_of_the_environment_goes_to_the_host_of_the_environment_alone(
    server: DecisionServer, monkeypatch: pytest.MonkeyPatch, made: Any, name: str, kind: Any
) -> None:
    monkeypatch.setenv(f"{name}_API_KEY", KEY)
    monkeypatch.setenv(f"{name}_BASE_URL", server.base_url(kind))
    with pickle.loads(pickle.dumps(made("gpt-6-luna"))) as arrived:
        assert len(Asking(arrived).answers().found) == 3
    with (
        made("m", base_url=server.base_url(kind)) as elsewhere,
        pytest.raises(AuthenticationError, match="no key was sent"),
    ):
        Asking(elsewhere).answers()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"model": ""}, "model must be a str with something in it"),
        ({"limits": 5}, "limits must be rerank_kit.decide.DecisionLimits"),
        ({"base_url": "typesafe"}, "base_url"),
        ({"timeout": None}, "timeout must be"),
    ],
)
def test_a_wrong_argument_is_said_at_once(wrong: dict[str, Any], told: str) -> None:
    makers: list[Any] = [SystemOne, OpenAIDecisions]
    for make in makers:
        with pytest.raises(ConfigurationError, match=told):
            make(**{"model": "m", "api_key": KEY, **wrong})


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"questions": 0}, r"limits\.questions"),
        ({"options": 1}, r"limits\.options"),
        ({"tokens": -1}, r"limits\.tokens"),
        ({"state_tokens": 0.5}, r"limits\.state_tokens"),
    ],
)
def test_limits_that_would_let_nothing_through_are_refused(limits: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        DecisionLimits(**limits)


def test_an_answer_is_read_once_and_the_rest_of_it_does_no_harm(server: DecisionServer, make: MakeClient) -> None:
    def odd(text: str) -> str:
        return json.dumps({**json.loads(text), "usage": "much", "more": [1]})

    server.fail(Fault("more", edit=odd))
    answers = Asking(make(server)).answers()
    assert answers.found["B"] != Answer(0.0)
    assert (answers.usage.tokens, answers.usage.calls) == (0, 1)
