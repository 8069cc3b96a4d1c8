"""What rerankers were made with and read once cannot be assigned later; what is read at every call takes effect."""

from __future__ import annotations

import copy
from traceback import walk_tb
from typing import Any

import pytest

from rerank_kit import Blended, Cached, Cascade, ConfigurationError, Fallback, Hedged, Reranker, Rules, WrongArguments
from rerank_kit.judge import Anthropic, LLMJudge, OpenAICompatible
from rerank_kit.managed import Cohere, Endpoint, Jina, Voyage
from tests.doubles import Scripted

KEY = "sk-planted-0123456789"
SENT = ("rate_limit", "headers", "backoff")


def cached() -> Cached:
    return Cached(Scripted(), fingerprint="one")


def fallback() -> Fallback:
    return Fallback(Scripted(), Scripted())


def hedged() -> Hedged:
    return Hedged(Scripted(), after=1.0)


def cascade() -> Cascade:
    return Cascade(Scripted())


def judge() -> LLMJudge:
    return LLMJudge(OpenAICompatible("http://127.0.0.1:9/v1", model="m", api_key="k"))


@pytest.mark.parametrize(
    ("made", "names"),
    [
        (cached, ["reranker", "model", "store", "fingerprint"]),
        (fallback, ["model", "pointwise", "pause"]),
        (hedged, ["reranker", "other", "model"]),
        (lambda: Blended(Scripted()), ["reranker", "model", "weight", "by", "only_below", "rrf_k"]),
        (judge, ["model", "chat", "mode", "criterion", "instructions", "samples", "max_cost"]),
        (Rules, ["tiers", "prefer", "blend", "per_tier", "now"]),
        (cascade, ["stages", "budget", "on_budget", "keep_rest"]),
        (lambda: Jina("m", api_key=KEY), ["api_key", *SENT, "concurrency", "prices"]),
        (lambda: Voyage("m", api_key=KEY), ["api_key", *SENT, "concurrency", "prices"]),
        (lambda: Cohere("m", api_key=KEY), ["api_key", "base_url", "client", "async_client", "priority", *SENT]),
        (lambda: Endpoint("http://127.0.0.1:9"), ["api_key", "base_url", "base_urls", "check", "set_aside", *SENT]),
        (lambda: Anthropic("m", api_key=KEY), ["api_key", "base_url", "client", "async_client", *SENT]),
        (lambda: OpenAICompatible("http://127.0.0.1:9", model="m"), ["api_key", "extra", *SENT]),
    ],
)
def test_what_is_read_once_cannot_be_assigned(made: Any, names: list[str]) -> None:
    for reranker in (made(), copy.copy(made())):
        for name in names:
            with pytest.raises(ConfigurationError, match=f"^{name} is fixed when it is made: make a new "):
                setattr(reranker, name, None)
        with pytest.raises(ConfigurationError, match="did you mean hooks"):
            reranker.hoks = ()


def test_what_is_read_at_every_call_can_be() -> None:
    rerankers: list[Any] = [cached(), fallback(), hedged(), judge(), Rules()]
    seen: list[Any] = []
    for each in rerankers:
        each.hooks = [seen.append]
        assert each.hooks == [seen.append]
    rerankers[1].timeout, rerankers[2].after = 3.0, 2.0
    assert (rerankers[1].timeout, rerankers[2].after) == (3.0, 2.0)


class Own(Jina):
    """Somebody's own."""


@pytest.mark.parametrize("made", [Scripted, lambda: Own("m", api_key=KEY)])
def test_a_reranker_of_somebodys_own_has_attributes_of_its_own(made: Any) -> None:
    reranker = made()
    reranker.colour = "red"
    assert reranker.colour == "red"


def test_what_every_request_reads_can_be_assigned() -> None:
    reranker, chat = Endpoint("http://127.0.0.1:9", format="tei"), Anthropic("m", api_key=KEY)
    reranker.timeout, reranker.max_retries, reranker.model, chat.effort = 3.0, 0, "other", "low"
    assert (reranker.timeout, reranker.max_retries, reranker.model, chat.effort) == (3.0, 0, "other", "low")


@pytest.mark.parametrize(("name", "meant"), [("top_n", "top_n"), ("top_k", "top_n"), ("threshold", "threshold")])
def test_what_belongs_to_a_call_is_sent_there(name: str, meant: str) -> None:
    function: Any = Reranker.of(lambda query, texts: [1.0] * len(texts))
    for reranker in (function, fallback(), cascade()):
        told = rf"(?m)it belongs to the call, .*rerank\(query, documents, {meant}=…\)$"
        with pytest.raises(WrongArguments, match=told):
            setattr(reranker, name, 3)
    function.function = lambda query, texts: [2.0] * len(texts)
    assert function.rerank("q", ["a"])[0].score == 2.0


def test_no_frame_of_a_refusal_shows_a_key() -> None:
    reranker: Any = Jina("m", api_key="k")
    for name in ("api_key", "token"):
        with pytest.raises(ConfigurationError) as caught:
            setattr(reranker, name, KEY)
        frames = [frame for frame, _ in walk_tb(caught.value.__traceback__) if frame.f_code.co_filename != __file__]
        assert len(frames) > 1
        assert KEY not in repr([frame.f_locals for frame in frames])


def test_documents_are_cut_where_cohere_is_told_later() -> None:
    reranker = Cohere("m", api_key="k", max_tokens_per_doc=10)
    reranker.max_tokens_per_doc = 20
    body: Any = reranker.encode("query", ["text"]).body
    assert body["max_tokens_per_doc"] == 20
    reranker.max_tokens_per_doc = None
    body = reranker.encode("query", ["text"]).body
    assert "max_tokens_per_doc" not in body
