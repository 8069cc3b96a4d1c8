"""Whatever an argument is, it is taken or refused with an error of ours that names it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from rerank_kit import Blended, Budget, Cached, Cascade, Fallback, Reranker, Shadow, Stage
from rerank_kit.api.circuit import Circuit
from rerank_kit.combine import Hedged, normalise, reciprocal_rank_fusion
from rerank_kit.decide import DecisionLimits, DecisionReranker, OpenAIDecisions, SystemOne
from rerank_kit.judge import Anthropic, LLMJudge, OpenAICompatible
from rerank_kit.local import OnnxCrossEncoder
from rerank_kit.managed import Backoff, Cohere, Endpoint, Jina, Limits, RateLimit, Voyage
from rerank_kit.pricing import Price
from rerank_kit.quoting import quoted
from rerank_kit.serve import hashed, rerank_app
from tests.conftest import Colour
from tests.decide.doubles import Scripted as Decider
from tests.doubles import Scripted
from tests.judge.doubles import Scripted as Chat
from tests.odd_arguments import ODD, Hostile, deep, refused


class Keeping:
    """Keeps the runs of a Shadow nowhere."""

    def record(self, run: object) -> None:
        pass


CLIENT = ("base_url", "api_key", "timeout", "max_retries", "rate_limit", "headers", "backoff")
MANAGED = (*CLIENT, "model", "limits", "concurrency", "count_tokens", "prices", "max_tokens_per_doc")
SETTINGS: dict[str, tuple[Callable[..., Any], Mapping[str, Any], tuple[str, ...]]] = {
    "Voyage": (Voyage, {"model": "rerank-2.5", "api_key": "k"}, (*MANAGED, "instruction")),
    "Jina": (Jina, {"model": "m", "api_key": "k"}, MANAGED),
    "Cohere": (Cohere, {"model": "m", "api_key": "k"}, (*MANAGED, "priority", "relevant_spans")),
    "Endpoint": (Endpoint, {"base_url": "http://h", "format": "tei"}, (*MANAGED, "format", "set_aside")),
    "Anthropic": (Anthropic, {"api_key": "k"}, (*CLIENT, "model", "effort", "cache")),
    "OpenAICompatible": (
        OpenAICompatible,
        {"base_url": "http://h", "model": "m"},
        (*CLIENT, "model", "structured", "extra"),
    ),
    "LLMJudge": (
        LLMJudge,
        {"model": Chat()},
        (
            *("model", "mode", "criterion", "instructions", "concurrency", "documents_per_call", "window", "step"),
            *("min_keep", "samples", "max_calls", "max_cost", "max_tokens_per_doc", "on_error"),
            *("min_answerable", "unanswerable"),
        ),
    ),
    "SystemOne": (SystemOne, {"model": "m", "api_key": "k"}, (*CLIENT, "model", "limits")),
    "OpenAIDecisions": (OpenAIDecisions, {"api_key": "k"}, (*CLIENT, "model", "limits")),
    "DecisionLimits": (DecisionLimits, {}, ("questions", "options", "tokens", "state_tokens")),
    "DecisionReranker": (
        DecisionReranker,
        {"model": Decider()},
        (
            *("model", "ask", "criterion", "levels", "pairwise", "concurrency", "max_tokens_per_doc", "too_long"),
            *("max_calls", "max_cost", "min_answerable", "unanswerable", "on_error", "prices"),
        ),
    ),
    "RateLimit": (RateLimit, {}, ("requests_per_minute", "tokens_per_minute", "longest")),
    "Backoff": (Backoff, {}, ("first", "longest")),
    "Limits": (Limits, {}, ("documents", "tokens", "bytes")),
    "Circuit": (Circuit, {}, ("failures", "seconds")),
    "Price": (
        Price,
        {"model": "m", "unit": "tokens", "price": 1.0, "per": 1},
        (
            *("unit", "price", "per", "documents", "chunk_tokens", "above", "monthly_minimum", "date", "source"),
            "verified",
        ),
    ),
    "Price of an LLM": (
        Price,
        {"model": "m", "unit": "chat", "price": 1.0, "per": 1, "output": 1.0},
        ("output", "cache_read", "cache_write", "cache_write_1h", "batch"),
    ),
    "Fallback": (lambda **more: Fallback(Scripted(), Scripted(), **more), {}, ("timeout", "failures", "pause")),
    "Fallback of": (lambda one: Fallback(one, Scripted()), {}, ("one",)),
    "Hedged": (Hedged, {"reranker": Scripted(), "after": 1.0}, ("reranker", "other", "after")),
    "Blended": (Blended, {"reranker": Scripted()}, ("reranker", "weight", "by", "only_below", "rrf_k")),
    "Shadow": (
        lambda **more: Shadow(**dict[str, Any]({"record": Keeping(), **more})),
        {"live": Scripted(), "candidate": Scripted()},
        ("live", "candidate", "sample", "seed", "max_running", "timeout", "max_cost", "keep_texts", "max_entries"),
    ),
    "Cascade": (lambda **more: Cascade(Scripted(), **more), {}, ("budget",)),
    "Stage": (Stage, {"reranker": Scripted()}, ("reranker", "top_n", "threshold", "timeout", "money", "when")),
    "Budget": (Budget, {}, ("seconds", "money")),
    "Cached": (Cached, {"reranker": Scripted(), "fingerprint": "f"}, ("reranker", "store", "fingerprint")),
    "rerank_app": (
        lambda **more: rerank_app(**dict[str, Any]({"rerankers": Scripted(), **more})),
        {},
        ("rerankers", "keys", "limits", "in_flight", "queue", "part", "timeout", "body_timeout", "warm_up"),
    ),
    "hashed": (hashed, {}, ("key",)),
    "fusion": (lambda **more: reciprocal_rank_fusion([["a"]], **more), {}, ("k",)),
    "a weight": (lambda weight: reciprocal_rank_fusion([["a"]], weights=[weight]), {}, ("weight",)),
    "normalise": (lambda how: normalise([1.0], how), {}, ("how",)),
}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, (_, _, names) in SETTINGS.items() for name in names])
def test_a_setting_is_taken_or_refused(kind: str, name: str) -> None:
    make, usual, _ = SETTINGS[kind]
    for odd in ODD.values():
        known = refused(lambda odd=odd: make(**{**usual, name: odd}))  # type: ignore[misc]
        assert known or not isinstance(odd, complex | Hostile)


@pytest.mark.parametrize("name", ["model", "precision", "max_length", "long_documents", "providers"])
def test_a_setting_that_no_model_on_this_machine_can_follow_is_refused(name: str) -> None:
    wrong: dict[str, Any] = {name: Hostile()}
    assert refused(lambda: OnnxCrossEncoder(**wrong))


@pytest.mark.parametrize("name", ["query", "documents", "top_n", "threshold", "timeout"])
@pytest.mark.parametrize("reranker", [Scripted(), Fallback(Scripted(), Scripted()), Cascade(Scripted(), Scripted())])
def test_an_argument_of_a_ranking_is_taken_or_refused(reranker: Reranker, name: str, colour: Colour) -> None:
    for odd in ODD.values():
        call = {"query": "q", "documents": ["a 1"], name: odd}
        known = refused(lambda call=call: colour(reranker, "rerank", **call))  # type: ignore[misc]
        assert known or not isinstance(odd, complex | Hostile)


@pytest.mark.parametrize("name", ["queries", "documents", "timeout"])
def test_an_argument_of_several_rankings_is_taken_or_refused(name: str, colour: Colour) -> None:
    for odd in ODD.values():
        call = {"queries": ["q"], "documents": [["a 1"]], name: odd}
        known = refused(lambda call=call: colour(Scripted(), "rerank_many", **call))  # type: ignore[misc]
        assert known or not isinstance(odd, complex | Hostile)


@pytest.mark.parametrize("seconds", [1e6, 1e10, 1e300, sys.maxsize])
def test_a_timeout_longer_than_any_system_can_wait_is_one_that_it_can(seconds: float, colour: Colour) -> None:
    reranker = Fallback(Scripted(), Scripted(), timeout=seconds, pause=seconds)
    assert len(colour(reranker, "rerank", "q", ["a 1"], timeout=seconds)) == 1
    assert Voyage("rerank-2.5", api_key="k", timeout=seconds).timeout == 1e6


def test_a_value_in_an_error_is_shown_in_a_line() -> None:
    assert quoted({"b": [1, "x"], "a": None}) == "{'b': [1, 'x'], 'a': None}"
    assert quoted(10**5000) == "<int of 16610 bits>"
    assert quoted(Hostile()).startswith("<Hostile instance")
    for odd in (deep(5000), "x" * 10**6, list(range(10**5)), dict.fromkeys(range(10**5)), [["x" * 200] * 50] * 50):
        assert len(quoted(odd)) <= 301


def test_what_is_named_like_a_number_and_is_none_can_be_shown() -> None:
    odd = type("int", (Hostile,), {})()
    assert quoted(odd) == "<int>"
