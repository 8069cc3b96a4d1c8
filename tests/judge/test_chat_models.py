"""What Claude and OpenAI-compatible servers are sent, and what is made of their answers."""

from __future__ import annotations

import asyncio
import copy
import logging
import pickle
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from types import SimpleNamespace
from typing import Any

import anthropic as sdk
import pytest
from pydantic import SecretStr

from rerank_kit import BackendError, ConfigurationError, Deadline, MissingExtra, RerankError, Usage
from rerank_kit.api.exchange import Response
from rerank_kit.flow import arun, blocking, run
from rerank_kit.judge import Anthropic, LLMJudge, OpenAICompatible, Prompt
from rerank_kit.judge.openai_compatible import makes_grammars
from rerank_kit.judge.usage import stop_of, usage_of
from rerank_kit.testing import ChatServer, Fault, Reply, status
from tests.conftest import Colour
from tests.judge.conftest import KEY, MakeChat, anthropic, openai
from tests.judge.doubles import DOCUMENTS, QUERY, found

PROMPT = Prompt("system", ("first", "second"), {"type": "object"}, max_tokens=7, stable=1)


def body(chat: Any, prompt: Prompt = PROMPT) -> dict[str, Any]:
    made: dict[str, Any] = chat._body(prompt)
    return made


def test_claude_is_asked_without_thoughts_or_sampling_and_for_the_schema() -> None:
    assert body(Anthropic(api_key=KEY)) == {
        "model": "claude-haiku-5-5",
        "max_tokens": 7,
        "system": [{"type": "text", "text": "system"}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "first"}, {"type": "text", "text": "second"}]}
        ],
        "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}},
        "thinking": {"type": "disabled"},
    }


@pytest.mark.parametrize(
    ("options", "off"),
    [
        ({}, True),
        ({"effort": "high"}, True),
        ({"effort": "xhigh"}, False),
        ({"effort": "max"}, False),
        ({"thinking": True}, False),
    ],
)
def test_thinking_is_off_where_that_is_allowed_and_not_asked_for(options: dict[str, Any], off: bool) -> None:
    made = body(Anthropic(api_key=KEY, **options), Prompt("system", ("turn",)))
    assert ("thinking" in made) is off
    assert (made["max_tokens"] == 1024) is off, "thoughts need room of their own"
    assert made.get("output_config", {}).get("effort") == options.get("effort")
    assert "format" not in made.get("output_config", {})


@pytest.mark.parametrize("effort", ["xhigh", None])
def test_the_real_rules_of_the_api_are_kept(server: ChatServer, effort: Any, colour: Colour) -> None:
    with anthropic(server, effort=effort) as chat:
        assert found(colour(LLMJudge(chat), "rerank", QUERY, DOCUMENTS)) == [0, 1, 3]
    assert {received.status for received in server.received} == {200}


def test_without_instructions_no_system_prompt_is_sent(server: ChatServer) -> None:
    bare = Prompt("", ("first", "second"), stable=1)
    made = body(Anthropic(api_key=KEY), bare)
    assert "system" not in made
    assert [part["text"] for part in made["messages"][0]["content"]] == ["first", "second"]
    assert body(openai(server), bare)["messages"] == [{"role": "user", "content": "first\nsecond"}]
    assert bare.prefix == "first"


def marked(made: dict[str, Any]) -> list[bool]:
    return ["cache_control" in block for block in [*made["system"], *made["messages"][0]["content"]]]


@pytest.mark.parametrize(
    ("model", "system", "first", "marks"),
    [
        ("claude-haiku-5-5", 10, 10, [False, False, False]),
        ("claude-haiku-5-5", 10, 3000, [False, True, False]),
        ("claude-haiku-5-5", 3000, 10, [True, True, False]),
        ("claude-haiku-4-5", 3000, 10, [False, False, False]),
        ("claude-haiku-4-5", 10, 17_000, [False, True, False]),
        ("claude-unknown", 3000, 10, [False, False, False]),
    ],
)
def test_what_comes_again_is_cached_where_it_is_long_enough(
    model: str, system: int, first: int, marks: list[bool]
) -> None:
    prompt = Prompt("s" * system, ("f" * first, "second"), stable=1)
    chat = Anthropic(model, api_key=KEY)
    assert marked(body(chat, prompt)) == marks
    assert chat.caches(prompt) is any(marks)
    assert marked(body(Anthropic(model, api_key=KEY, cache=False), prompt)) == [False] * 3
    assert not chat.caches(Prompt("s" * 20_000, ("turn",)))


@pytest.mark.parametrize(
    ("cache", "mark"),
    [
        (True, {"type": "ephemeral"}),
        ("5m", {"type": "ephemeral"}),
        ("1h", {"type": "ephemeral", "ttl": "1h"}),
        (False, None),
    ],
)
def test_what_comes_again_is_cached_for_as_long_as_was_asked_for(cache: Any, mark: Any) -> None:
    made = body(Anthropic(api_key=KEY, cache=cache), Prompt("s" * 3000, ("f" * 3000, "second"), stable=1))
    blocks = [*made["system"], *made["messages"][0]["content"]]
    assert [block.get("cache_control") for block in blocks] == [mark, mark, None]


def test_a_model_says_how_short_is_too_short_for_its_cache() -> None:
    models = ("claude-haiku-5-5", "claude-haiku-4-5", "claude-unknown")
    assert [Anthropic(model, api_key=KEY).shortest_cached for model in models] == [512, 4096, 4096]


def test_what_is_kept_for_an_hour_is_counted_and_paid_apart(server: ChatServer, colour: Colour) -> None:
    with anthropic(server, cache="1h") as chat:
        judge = LLMJudge(chat, criterion="answers the query " + "and is right " * 300)
        ranking = colour(judge, "rerank", QUERY, ["a cat"])
    usage = ranking.usage
    assert usage.cache_write_1h_tokens == usage.cache_write_tokens > 512
    paid = usage.input_tokens * 0.1 + usage.output_tokens * 0.5 + usage.cache_write_tokens * 0.2
    assert ranking.cost == pytest.approx(paid / 1e6)


def test_the_first_call_fills_the_cache_and_the_others_read_from_it(server: ChatServer, colour: Colour) -> None:
    with anthropic(server) as chat:
        judge = LLMJudge(chat, criterion="answers the query " + "and is right " * 300, seed=1)
        usage = colour(judge, "rerank", QUERY, [f"cat {number}" for number in range(6)]).usage
    assert usage.cache_write_tokens > 512
    assert usage.cache_read_tokens == 5 * usage.cache_write_tokens
    assert usage.tokens == usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens


def test_the_cache_makes_it_cheaper(server: ChatServer) -> None:
    costs: list[float] = []
    for cache in (True, False):
        with anthropic(server, cache=cache) as chat:
            judge = LLMJudge(chat, criterion="answers the query " + "and is right " * 300)
            cost = judge.rerank(QUERY, [f"cat {number}" for number in range(6)]).cost
        assert cost is not None
        costs.append(cost)
    assert costs[0] < costs[1] / 2


def test_an_openai_compatible_server_is_asked_for_the_schema(server: ChatServer) -> None:
    assert body(openai(server)) == {
        "model": "local",
        "messages": [{"role": "system", "content": "system"}, {"role": "user", "content": "first\nsecond"}],
        "max_tokens": 7,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True},
        },
    }


@pytest.mark.parametrize(("structured", "form"), [("json_object", {"type": "json_object"}), ("none", None)])
def test_an_older_server_is_asked_in_another_way(server: ChatServer, structured: Any, form: Any) -> None:
    extra = {"temperature": 0, "max_tokens": None, "max_completion_tokens": 9}
    made = body(openai(server, structured=structured, extra=extra))
    assert made.get("response_format") == form
    assert (made["temperature"], made["max_completion_tokens"]) == (0, 9)
    assert "max_tokens" not in made
    assert "response_format" not in body(openai(server), Prompt("system", ("turn",)))


def test_thoughts_are_no_part_of_the_answer(server: ChatServer, make: MakeChat, colour: Colour) -> None:
    server.reply(Reply(thinks='{"label": "AAAA", "verdict": "no"}'), times=4)
    assert found(colour(LLMJudge(make(server)), "rerank", QUERY, DOCUMENTS)) == [0, 1, 3]


def test_a_refusal_in_openais_own_field_is_one(server: ChatServer) -> None:
    text = '{"choices": [{"message": {"content": null, "refusal": "I cannot."}, "finish_reason": "stop"}]}'
    server.fail(Fault("refusal", text=text))
    with openai(server) as chat:
        completion = run(chat.complete(PROMPT))
    assert (completion.stop, completion.text) == ("refusal", "")


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"input_tokens": 5, "output_tokens": 2}, (5, 2, 0, 0)),
        (
            {"input_tokens": 5, "output_tokens": 2, "cache_read_input_tokens": 7, "cache_creation_input_tokens": None},
            (5, 2, 7, 0),
        ),
        ({"prompt_tokens": 9, "completion_tokens": 2}, (9, 2, 0, 0)),
        ({"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}, (5, 2, 4, 0)),
        (
            {"input_tokens": 9, "output_tokens": 2, "input_token_details": {"cache_read": 4, "cache_creation": 3}},
            (2, 2, 4, 3),
        ),
        (
            {
                "input_tokens": 9,
                "output_tokens": 2,
                "input_token_details": {"cache_read": 4, "cache_creation": 0, "ephemeral_5m_input_tokens": 3},
            },
            (2, 2, 4, 3),
        ),
        ({"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": 4}}, (0, 0, 4, 0)),
        ({}, (0, 0, 0, 0)),
    ],
)
def test_tokens_are_counted_in_every_form(usage: dict[str, Any], expected: tuple[int, int, int, int]) -> None:
    fresh, output, read, written = expected
    assert usage_of(usage) == Usage(
        calls=1,
        tokens=fresh + read + written,
        input_tokens=fresh,
        output_tokens=output,
        cache_read_tokens=read,
        cache_write_tokens=written,
    )


CLAUDES = {"input_tokens": 5, "cache_creation_input_tokens": 9}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({**CLAUDES, "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 7}}, (9, 7)),
        ({**CLAUDES, "cache_creation": {"ephemeral_1h_input_tokens": 70}}, (9, 9)),
        ({**CLAUDES, "cache_creation": None}, (9, 0)),
        ({**CLAUDES, "cache_creation": {"ephemeral_1h_input_tokens": -1}}, (0, 0)),
        (
            {
                "input_tokens": 14,
                "input_token_details": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 7},
            },
            (9, 7),
        ),
    ],
)
def test_what_is_kept_for_an_hour_is_a_part_of_what_is_kept(usage: dict[str, Any], expected: tuple[int, int]) -> None:
    counted = usage_of(usage)
    assert (counted.cache_write_tokens, counted.cache_write_1h_tokens) == expected
    assert counted.tokens == counted.input_tokens + counted.cache_write_tokens


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("end_turn", "end"),
        (None, "end"),
        ("MAX_TOKENS", "length"),
        ("length", "length"),
        ("refusal", "refusal"),
        ("SAFETY", "refusal"),
    ],
)
def test_why_a_model_stopped_is_understood_in_every_word(reason: object, stop: str) -> None:
    assert stop_of(reason) == stop


@contextmanager
def client(server: ChatServer) -> Generator[sdk.Anthropic, None, None]:
    with sdk.Anthropic(api_key=KEY, base_url=server.base_url("anthropic")) as made:
        yield made


@asynccontextmanager
async def aclient(server: ChatServer) -> AsyncGenerator[sdk.AsyncAnthropic]:
    async with sdk.AsyncAnthropic(api_key=KEY, base_url=server.base_url("anthropic")) as made:
        yield made


def test_a_client_of_the_users_own_is_used_without_its_retries_and_left_open(server: ChatServer) -> None:
    with client(server) as mine:
        with Anthropic(client=mine, max_retries=0) as chat:
            assert found(LLMJudge(chat).rerank(QUERY, DOCUMENTS)) == [0, 1, 3]
            server.fail(status(500))
            before = len(server.received)
            LLMJudge(chat).rerank(QUERY, ["cat"])
            assert len(server.received) == before + 1
        assert found(LLMJudge(Anthropic(client=mine)).rerank(QUERY, DOCUMENTS)) == [0, 1, 3]


def test_async_callers_use_a_blocking_client_in_a_thread(server: ChatServer) -> None:
    with client(server) as mine:
        ranking = asyncio.run(LLMJudge(Anthropic(client=mine)).arerank(QUERY, DOCUMENTS))
    assert found(ranking) == [0, 1, 3]


@pytest.mark.parametrize("argument", ["client", "async_client"])
def test_an_async_client_may_be_passed_under_either_name(server: ChatServer, argument: str) -> None:
    async def asked() -> Any:
        async with aclient(server) as mine:
            given: dict[str, Any] = {argument: mine}
            return await LLMJudge(Anthropic(**given)).arerank(QUERY, DOCUMENTS)

    assert found(asyncio.run(asked())) == [0, 1, 3]


def test_a_blocking_call_cannot_use_an_async_client(server: ChatServer) -> None:
    async def asked() -> None:
        async with aclient(server) as mine:
            LLMJudge(Anthropic(client=mine)).rerank(QUERY, DOCUMENTS)

    with pytest.raises(ConfigurationError, match="pass a blocking one, or call arerank"):
        asyncio.run(asked())


def test_what_a_users_client_raises_is_chained(colour: Colour) -> None:
    def create(**_: Any) -> Any:
        raise ValueError("odd")

    odd: Any = SimpleNamespace(messages=SimpleNamespace(create=create), with_options=lambda **_: odd)
    with pytest.raises(BackendError, match="client= failed: ValueError: odd"):
        colour(LLMJudge(Anthropic(client=odd), on_error="raise"), "rerank", QUERY, DOCUMENTS)


def test_what_is_no_client_is_said_at_once() -> None:
    with pytest.raises(ConfigurationError, match="client must be a client of the anthropic SDK"):
        Anthropic(client=object())


def test_a_client_does_not_travel(server: ChatServer) -> None:
    with client(server) as mine:
        chat = Anthropic(client=mine)
        assert copy.deepcopy(chat)._own is chat._own
        with pytest.raises(ConfigurationError, match="cannot be pickled"):
            pickle.dumps(chat)


def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="ANTHROPIC_API_KEY"):
        Anthropic()
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://gateway")
    assert repr(Anthropic()) == "Anthropic('claude-haiku-5-5', base_url='http://gateway')"
    monkeypatch.delenv("ANTHROPIC_BASE_URL")
    assert Anthropic().base_url == "https://api.anthropic.com"


@pytest.mark.parametrize("key", [KEY, SecretStr(KEY)])
def test_a_key_is_sent_and_seen_nowhere_else(
    server: ChatServer, make: MakeChat, key: Any, colour: Colour, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    chat = make(server, api_key=key)
    judge = LLMJudge(chat, on_error="raise")
    colour(judge, "rerank", QUERY, DOCUMENTS)
    server.fail(status(418), times=None)
    with pytest.raises(RerankError) as caught:
        colour(judge, "rerank", QUERY, DOCUMENTS)
    shown = [repr(judge), repr(vars(judge)), repr(vars(chat)), str(caught.value), caplog.text]
    assert all(KEY not in each for each in shown)
    assert KEY.encode() not in pickle.dumps(judge)
    assert any(KEY in value for value in server.received[0].headers.values())


def test_a_judge_of_claude_travels_and_reads_its_key_where_it_arrives(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived: LLMJudge = pickle.loads(pickle.dumps(LLMJudge(anthropic(server))))
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    assert found(arrived.rerank(QUERY, DOCUMENTS)) == [0, 1, 3]


def test_a_deadline_holds_for_a_completion_by_itself(server: ChatServer, make: MakeChat) -> None:
    with pytest.raises(RerankError):
        run(make(server).complete(PROMPT, Deadline(0.0)))
    with pytest.raises(RerankError):
        asyncio.run(arun(make(server).complete(PROMPT, Deadline(0.0))))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"effort": "extreme"}, "effort must be"),
        ({"timeout": 0}, "timeout must be"),
        ({"cache": "2h"}, "cache must be True, False, '5m' or '1h', not '2h'"),
        ({"cache": None}, "cache must be True, False"),
    ],
)
def test_a_wrong_setting_of_claude_is_said_at_once(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        Anthropic(api_key=KEY, **wrong)


def test_a_wrong_setting_of_a_server_is_said_at_once() -> None:
    wrong: Any = "yaml"
    with pytest.raises(ConfigurationError, match="structured must be"):
        OpenAICompatible("http://localhost", model="m", structured=wrong)
    assert repr(OpenAICompatible("http://localhost/v1/", model="m")) == (
        "OpenAICompatible('http://localhost/v1', model='m')"
    )


def test_without_the_sdk_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anthropic", None)
    with pytest.raises(MissingExtra, match=r"rerank-kit\[anthropic\]"):
        Anthropic(api_key=KEY)


@pytest.mark.parametrize(
    ("url", "known"),
    [
        ("http://localhost:11434/v1", True),
        ("http://[::1]:1234/v1", True),
        ("http://gpu.example:8000/v1", False),
        ("https://api.openai.com/v1", False),
    ],
)
def test_local_servers_are_known_to_make_a_grammar_for_every_request(url: str, known: bool) -> None:
    assert OpenAICompatible(url, model="m").grammar_per_request is known
    assert makes_grammars(url) is known


@pytest.mark.parametrize("url", [None, "", "http://host:port/", "http://host:99999999"])
def test_what_is_no_address_makes_no_grammars(url: Any) -> None:
    assert not makes_grammars(url)


def test_llama_cpp_is_known_by_its_name_in_an_answer(colour: Colour) -> None:
    class LlamaCpp(OpenAICompatible):
        def transport(self) -> Any:
            choice = {"message": {"content": "{}"}}
            return SimpleNamespace(
                send=lambda *_: blocking(Response, 200, {"choices": [choice]}, {"server": "llama.cpp"})
            )

    chat = LlamaCpp("http://localhost:8080/v1", model="m")
    assert not chat.grammar_per_request
    colour(LLMJudge(chat), "rerank", QUERY, DOCUMENTS)
    assert chat.grammar_per_request
