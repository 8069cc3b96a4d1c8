"""The server's side of both chat APIs: what they take, as strictly as the real ones, what they answer, the cache."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from rerank_kit.api.json_values import is_list, is_mapping
from rerank_kit.managed.served_formats import Refused

_SHORTEST_CACHED = 512  # tokens
_REJECTED = ("temperature", "top_p", "top_k")  # by current Claude models
_LIFETIMES = ("5m", "1h")

Prefix: TypeAlias = tuple[str, ...]
"""The name of a model, and the pieces of text with which a prompt begins."""


def tokens(text: str) -> int:
    """Words, standing in for tokens."""
    return len(text.split())


@dataclass(frozen=True, slots=True)
class Asked:
    """What one request asks.

    Attributes:
        model: The model's name.
        instructions: The system prompt, piece by piece.
        parts: The user's turn, piece by piece.
        marked: After how many pieces, the system prompt's included, the cache is to keep what comes before.
        lifetime: For how long: `"5m"` or `"1h"`.
    """

    model: str
    instructions: tuple[str, ...]
    parts: tuple[str, ...]
    marked: tuple[int, ...] = ()
    lifetime: str = "5m"

    @property
    def system(self) -> str:
        """The system prompt; empty where there is none."""
        return "\n".join(self.instructions)

    @property
    def turn(self) -> str:
        """The user's turn."""
        return "\n".join(self.parts)

    @property
    def pieces(self) -> tuple[str, ...]:
        """All pieces of text."""
        return (*self.instructions, *self.parts)


@dataclass(frozen=True, slots=True)
class Reply:
    """How a model answers, if not as it should.

    Attributes:
        change: Makes another text of the right one.
        stop: Why it stops: `"end"`, `"length"` or `"refusal"`.
        counts: Whether it says how many tokens it took.
        thinks: What it thinks before.
        result: What becomes of the question in a batch: `"succeeded"`, `"errored"`, `"canceled"` or `"expired"`;
            `"missing"` where nothing is told of it, `"twice"` where two results are, of which one is wrong.
    """

    change: Callable[[str], str] = str
    stop: str = "end"
    counts: bool = True
    thinks: str | None = None
    result: Literal["succeeded", "errored", "canceled", "expired", "missing", "twice"] = "succeeded"


_STOPS = {
    "anthropic": {"end": "end_turn", "length": "max_tokens", "refusal": "refusal"},
    "openai": {"end": "stop", "length": "length", "refusal": "content_filter"},
}


@dataclass
class PromptCache:
    """The prompt cache of Claude's API. What a prompt begins with is there once that prompt was answered.

    Attributes:
        known: What has been put there.
    """

    known: set[Prefix] = field(default_factory=set[Prefix])

    def count(self, asked: Asked, known: frozenset[Prefix]) -> dict[str, Any]:
        """The usage of a prompt.

        Args:
            asked: What is asked.
            known: What the cache held when the request came.
        """
        kept = _prefixes(asked)
        read = max((_length(each) for each in kept if each in known), default=0)
        written = max(map(_length, kept), default=0) - read
        whole = sum(map(tokens, asked.pieces))
        return {
            "input_tokens": whole - read - written,
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": written,
            "cache_creation": {
                f"ephemeral_{each}_input_tokens": written if each == asked.lifetime else 0 for each in _LIFETIMES
            },
        }

    def fill(self, asked: Asked) -> None:
        """A prompt was answered."""
        self.known.update(_prefixes(asked))


def _prefixes(asked: Asked) -> list[Prefix]:
    """What is to be kept of a prompt, and long enough for that."""
    marked = [(asked.model, *asked.pieces[:place]) for place in asked.marked]
    return [each for each in marked if _length(each) >= _SHORTEST_CACHED]


def _length(prefix: Prefix) -> int:
    return sum(map(tokens, prefix[1:]))


def read_claude(headers: Mapping[str, str], body: Mapping[str, Any]) -> Asked:
    """What a request to Claude's API asks; as strict as current models are.

    Raises:
        Refused: It would be refused there.
    """
    for name in _REJECTED:
        if name in body:
            raise Refused(400, f"{name}: not supported by this model")
    if "anthropic-version" not in headers or not isinstance(body.get("max_tokens"), int):
        raise Refused(400, "anthropic-version and max_tokens are required")
    output, messages = body.get("output_config", {}), body["messages"]
    if output.get("effort") in {"xhigh", "max"} and body.get("thinking", {}).get("type") == "disabled":
        raise Refused(400, "thinking cannot be disabled at this effort")
    if len(messages) != 1 or messages[0]["role"] != "user":
        raise Refused(400, "the model does not continue an answer that was begun for it")
    if not _closed(output.get("format", {}).get("schema", {})):
        raise Refused(400, "every object of the schema needs additionalProperties: false")
    system, parts = _texts(body.get("system", [])), _texts(messages[0]["content"])
    marks = [block.get("cache_control") for block in (*body.get("system", []), *messages[0]["content"])]
    lifetimes = {mark.get("ttl", "5m") for mark in marks if mark}
    if len(lifetimes) > 1 or not lifetimes <= set(_LIFETIMES):
        raise Refused(400, f"cache_control.ttl must be one of {', '.join(_LIFETIMES)}, and the same everywhere")
    marked = tuple(place for place, mark in enumerate(marks, start=1) if mark)
    return Asked(str(body["model"]), system, parts, marked, *lifetimes)


def _texts(blocks: list[Mapping[str, Any]]) -> tuple[str, ...]:
    texts = tuple(str(block["text"]) for block in blocks)
    if not all(texts):
        raise Refused(400, "text content blocks must be non-empty")
    return texts


def read_openai(body: Mapping[str, Any]) -> Asked:
    """What a request to an OpenAI-compatible server asks; nothing is marked for the cache.

    Raises:
        Refused: The roles are not those of a question.
    """
    roles = [message["role"] for message in body["messages"]]
    if roles not in (["system", "user"], ["user"]):
        raise Refused(400, f"the roles are {roles}")
    *system, turn = (str(message["content"]) for message in body["messages"])
    return Asked(str(body["model"]), tuple(system), (turn,))


def _closed(schema: Any) -> bool:
    """Whether no object in a schema may have more properties than are named, as structured output asks for."""
    if is_list(schema):
        return all(map(_closed, schema))
    if not is_mapping(schema):
        return True
    return (schema.get("type") != "object" or schema.get("additionalProperties") is False) and all(
        _closed(each) for each in schema.values()
    )


def claude_message(text: str, reply: Reply, counted: Mapping[str, Any], model: str) -> dict[str, Any]:
    """An answer of Claude's API."""
    thoughts = [] if reply.thinks is None else [{"type": "thinking", "thinking": reply.thinks, "signature": "c2ln"}]
    content = [*thoughts, *([] if reply.stop == "refusal" else [{"type": "text", "text": text}])]
    usage = {**counted, "output_tokens": tokens(text)} if reply.counts else {"input_tokens": 0, "output_tokens": 0}
    return {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": _STOPS["anthropic"][reply.stop],
        "stop_sequence": None,
        "usage": usage,
    }


def openai_message(text: str, reply: Reply, counted: Mapping[str, Any], model: str) -> dict[str, Any]:
    """An answer of an OpenAI-compatible server."""
    message = {"role": "assistant", "content": text, "reasoning_content": reply.thinks}
    choice = {"index": 0, "message": message, "finish_reason": _STOPS["openai"][reply.stop]}
    usage = {"prompt_tokens": counted["input_tokens"], "completion_tokens": tokens(text)}
    counts = {"usage": usage} if reply.counts else {}
    return {"id": "chatcmpl-1", "object": "chat.completion", "model": model, "choices": [choice], **counts}
