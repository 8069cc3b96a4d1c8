"""What rerankers were made with and read once cannot be assigned later; what is read at every call takes effect."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from rerank_kit import Cached, ConfigurationError, Fallback, Hedged, Reranker, Rules
from rerank_kit.judge import LLMJudge, OpenAICompatible
from rerank_kit.managed import Cohere
from tests.doubles import Scripted


def cached() -> Cached:
    return Cached(Scripted(), fingerprint="one")


def fallback() -> Fallback:
    return Fallback(Scripted(), Scripted())


def hedged() -> Hedged:
    return Hedged(Scripted(), after=1.0)


def judge() -> LLMJudge:
    return LLMJudge(OpenAICompatible("http://127.0.0.1:9/v1", model="m", api_key="k"))


@pytest.mark.parametrize(
    ("made", "names"),
    [
        (cached, ["reranker", "model", "store", "fingerprint"]),
        (fallback, ["model", "pointwise", "pause"]),
        (hedged, ["reranker", "other", "model"]),
        (judge, ["model", "chat", "mode", "criterion", "instructions", "samples", "max_cost"]),
        (Rules, ["tiers", "prefer", "blend", "per_tier", "now"]),
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


def test_a_reranker_of_somebodys_own_has_attributes_of_its_own() -> None:
    reranker: Any = Reranker.of(lambda query, texts: [1.0] * len(texts))
    reranker.colour = "red"
    assert reranker.colour == "red"


def test_documents_are_cut_where_cohere_is_told_later() -> None:
    reranker = Cohere("m", api_key="k", max_tokens_per_doc=10)
    reranker.max_tokens_per_doc = 20
    body: Any = reranker.encode("query", ["text"]).body
    assert body["max_tokens_per_doc"] == 20
    reranker.max_tokens_per_doc = None
    body = reranker.encode("query", ["text"]).body
    assert "max_tokens_per_doc" not in body
