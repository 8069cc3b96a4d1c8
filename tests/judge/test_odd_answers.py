"""Whatever a chat server sends around its model's words comes out as an error of ours, or is ignored."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

import anthropic
import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rerank_kit import InvalidResponse, RerankError
from rerank_kit.api.exchange import Response
from rerank_kit.api.json_values import read_json
from rerank_kit.flow import run
from rerank_kit.judge import Anthropic, ChatModel, Completion, OpenAICompatible, Prompt
from rerank_kit.pricing import known_prices
from rerank_kit.testing import ChatServer, Fault
from tests.apis import answered
from tests.conftest import Colour
from tests.judge.conftest import KEY, MakeChat
from tests.judge.doubles import DOCUMENTS, QUERY, found
from tests.judge.test_faults import RIGHT, judge
from tests.odd import VALUES, changed, replaced

RIGHT_ANSWERS: dict[str, Any] = {
    "OpenAI": {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 70, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 50}},
    },
    "Anthropic": {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-5-5",
        "content": [{"type": "text", "text": "yes"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 20, "output_tokens": 7, "cache_read_input_tokens": 50},
    },
}
PROMPT = Prompt("system", ("question",))


def chat_with(kind: str, content: bytes) -> ChatModel:
    """A chat model of each class, answered with these bytes."""
    body = read_json(content)
    if kind == "OpenAI":
        return answered(OpenAICompatible, lambda _: Response(200, body), base_url="http://h", model="claude-haiku-5-5")
    if kind == "Anthropic":
        return answered(Anthropic, lambda _: Response(200, body), api_key=KEY)
    respond = httpx2.MockTransport(lambda _: httpx2.Response(200, content=content, headers=JSON))
    return Anthropic(client=anthropic.Anthropic(api_key=KEY, http_client=httpx2.Client(transport=respond)))


JSON = {"content-type": "application/json"}
KINDS = {"OpenAI": "OpenAI", "Anthropic": "Anthropic", "the anthropic SDK": "Anthropic"}


def sound(completion: Completion) -> bool:
    """Whether it can be read, counted and priced."""
    cost = known_prices().cost("claude-haiku-5-5", completion.usage)
    return (
        isinstance(completion.text, str)
        and all(type(each) is int and 0 <= each <= 2**54 for each in asdict(completion.usage).values())
        and (cost is None or 0 <= cost < math.inf)
    )


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_an_odd_answer_is_a_sound_completion_or_no_valid_one(kind: str, data: st.DataObject) -> None:
    content = data.draw(changed(RIGHT_ANSWERS[KINDS[kind]])).encode()
    try:
        completion = run(chat_with(kind, content).complete(PROMPT))
    except RerankError as error:
        assert isinstance(error, InvalidResponse) or kind == "the anthropic SDK"  # noqa: PT017 - or there is no error
        assert len(str(error)) < 1000  # noqa: PT017
    else:
        assert sound(completion)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_counted_in_no_known_way_is_unknown_as_a_whole(kind: str) -> None:
    right = RIGHT_ANSWERS[KINDS[kind]]
    sdk = kind == "the anthropic SDK"  # it reads no number of 5,000 digits, and nothing 200,000 deep
    for name in right["usage"]:
        for odd in VALUES:
            if len(odd) > 300_000 or (sdk and len(odd) == 5000):
                continue
            completion = run(chat_with(kind, replaced(right, ("usage", name), odd).encode()).complete(PROMPT))
            assert completion.text == "yes"
            assert sound(completion)
    unread = replaced(right, ("usage", next(iter(right["usage"]))), "1e999").encode()
    usage = run(chat_with(kind, unread).complete(PROMPT)).usage
    assert (usage.calls, usage.tokens, usage.output_tokens) == (1, 0, 0)
    assert known_prices().cost("claude-haiku-5-5", usage) is None


def odd_usage(text: str) -> Fault:
    """A server's answer with what it counted replaced, whatever it was."""
    return Fault("odd usage", text=text)


@pytest.mark.parametrize("odd", ["1e999", "-1", '"7"', "9" * 400, "[" * 700 + "]" * 700])
def test_a_ranking_stands_whatever_was_counted(server: ChatServer, make: MakeChat, odd: str, colour: Colour) -> None:
    kind = "Anthropic" if isinstance(make(server), Anthropic) else "OpenAI"
    right = json.loads(json.dumps(RIGHT_ANSWERS[kind]))
    words = json.dumps({"label": "L", "reason": "so", "verdict": "yes"})
    if kind == "Anthropic":
        right["content"][0]["text"] = words
    else:
        right["choices"][0]["message"]["content"] = words
    server.fail(odd_usage(replaced(right, ("usage",), odd)), times=None)
    ranking = colour(judge(make(server), "filter"), "rerank", QUERY, DOCUMENTS)
    assert sorted(found(ranking)) == sorted(RIGHT["grade"])
    assert ranking.cost is None
