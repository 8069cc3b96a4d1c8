"""What servers and frameworks say of a call beside its text, in the forms of Anthropic, OpenAI and LangChain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rerank_kit.api.json_values import amount, is_mapping, readable
from rerank_kit.judge.chat import Stop
from rerank_kit.values import Usage

_TOO_LONG = frozenset({"max_tokens", "length", "model_context_window_exceeded"})
_COUNTED = (
    ("prompt_tokens",),
    ("prompt_tokens_details", "cached_tokens"),
    ("input_tokens",),
    ("input_token_details", "cache_read"),
    ("input_token_details", "cache_creation"),
    ("input_token_details", "ephemeral_5m_input_tokens"),
    ("input_token_details", "ephemeral_1h_input_tokens"),
    ("input_tokens_details", "cached_tokens"),
    ("input_tokens_details", "cache_write_tokens"),
    ("cache_read_input_tokens",),
    ("cache_creation_input_tokens",),
    ("cache_creation", "ephemeral_1h_input_tokens"),
    ("completion_tokens",),
    ("output_tokens",),
)
_REFUSED = frozenset({"refusal", "content_filter", "safety", "blocklist", "prohibited_content"})


def stop_of(reason: object) -> Stop:
    """Why a model stopped, by whatever word its server has for that."""
    word = reason.lower() if isinstance(reason, str) else ""
    return "length" if word in _TOO_LONG else "refusal" if word in _REFUSED else "end"


def _readable(usage: Mapping[str, Any]) -> bool:
    """Whether what was read was counted, and everything can be meant: a part of it would make a wrong price."""
    read = usage.get("prompt_tokens"), usage.get("input_tokens")
    return read != (None, None) and all(readable(usage, *path) for path in _COUNTED)


def usage_of(told: object, requests: int = 0) -> Usage:
    """The tokens of one call, and the requests that it took; all 0 where nothing was said of them that can be meant.

    Anthropic counts what came from the cache beside its `input_tokens`; OpenAI and LangChain count it into theirs. What
    is put there is told as a whole by Anthropic, with parts by their lifetimes; by LangChain as a whole or as parts.
    """
    usage: Mapping[str, Any] = told if is_mapping(told) and _readable(told) else {}
    hour = 0.0
    if "prompt_tokens" in usage:
        read, written = amount(usage, "prompt_tokens_details", "cached_tokens"), 0.0
        fresh = amount(usage, "prompt_tokens") - read
    elif "input_tokens_details" in usage:
        read = amount(usage, "input_tokens_details", "cached_tokens")
        written = amount(usage, "input_tokens_details", "cache_write_tokens")
        fresh = amount(usage, "input_tokens") - read - written
    elif "input_token_details" in usage:
        read = amount(usage, "input_token_details", "cache_read")
        hour = amount(usage, "input_token_details", "ephemeral_1h_input_tokens")
        parts = hour + amount(usage, "input_token_details", "ephemeral_5m_input_tokens")
        written = max(parts, amount(usage, "input_token_details", "cache_creation"))
        fresh = amount(usage, "input_tokens") - read - written
    else:
        read, written = amount(usage, "cache_read_input_tokens"), amount(usage, "cache_creation_input_tokens")
        hour = min(written, amount(usage, "cache_creation", "ephemeral_1h_input_tokens"))
        fresh = amount(usage, "input_tokens")
    fresh = max(0.0, fresh)
    return Usage(
        calls=1,
        requests=requests,
        retries=max(0, requests - 1),
        tokens=int(fresh + read + written),
        input_tokens=int(fresh),
        output_tokens=int(amount(usage, "completion_tokens") or amount(usage, "output_tokens")),
        cache_read_tokens=int(read),
        cache_write_tokens=int(written),
        cache_write_1h_tokens=int(hour),
    )
