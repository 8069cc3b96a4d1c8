"""Lists are shared out over requests within every limit, and nothing is lost or reordered on the way."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank_kit import ConfigurationError, Ranking
from rerank_kit.managed import Jina, Limits
from rerank_kit.managed.split import parts
from rerank_kit.testing import RerankServer, slow, status
from rerank_kit.texts import cut, estimated_tokens
from tests.apis import Make, jina, voyage
from tests.conftest import Colour


def words(text: str) -> int:
    return len(text.split())


def test_documents_are_counted() -> None:
    assert parts("q", list("abcde"), Limits(documents=2), words) == [[0, 1], [2, 3], [4]]


def test_the_querys_tokens_count_once_for_each_document() -> None:
    texts = ["one", "one two", "one", "one two three"]
    assert parts("a b", texts, Limits(tokens=7), words) == [[0, 1], [2], [3]]


def test_bytes_are_those_of_utf8() -> None:
    assert parts("q", ["ää", "ab", "c"], Limits(bytes=6), words) == [[0, 1], [2]]


def test_a_text_that_alone_is_too_much_goes_alone() -> None:
    assert parts("q", ["x", "y" * 99, "z"], Limits(bytes=10), words) == [[0], [1], [2]]


def test_no_limits_are_one_request() -> None:
    assert parts("q", ["x"] * 5000, Limits(), words) == [list(range(5000))]


@given(
    texts=st.lists(st.text(st.characters(categories=["L", "Zs"]), min_size=1, max_size=20), min_size=1, max_size=30),
    documents=st.one_of(st.none(), st.integers(1, 8)),
    tokens=st.one_of(st.none(), st.integers(1, 60)),
    size=st.one_of(st.none(), st.integers(1, 60)),
)
def test_every_text_is_sent_once_and_no_limit_is_exceeded(
    texts: list[str], documents: int | None, tokens: int | None, size: int | None
) -> None:
    shared = parts("two words", texts, Limits(documents, tokens, size), estimated_tokens)
    assert [place for part in shared for place in part] == list(range(len(texts)))
    for part in shared:
        assert part
        assert documents is None or len(part) <= documents
        if len(part) > 1:
            cost = sum(estimated_tokens(texts[place]) + estimated_tokens("two words") for place in part)
            assert tokens is None or cost <= tokens
            assert size is None or sum(len(texts[place].encode()) for place in part) <= size


@pytest.mark.parametrize("limits", [{"documents": 0}, {"tokens": -1}, {"bytes": 1.5}])
def test_limits_that_let_nothing_through_are_an_error(limits: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"limits.{next(iter(limits))}"):
        Limits(**limits)


@given(text=st.text(max_size=60), most=st.integers(1, 20))
def test_a_cut_text_is_the_longest_beginning_that_fits(text: str, most: int) -> None:
    text = text.encode("utf-8", "replace").decode()
    kept = cut(text, most, estimated_tokens)
    assert text.startswith(kept)
    assert estimated_tokens(kept) <= most
    assert kept == text or estimated_tokens(text[: len(kept) + 1]) > most


def test_the_guess_at_tokens_is_careful_for_all_scripts() -> None:
    assert estimated_tokens("a careful guess") == 5
    assert estimated_tokens("日本語") == 3
    assert estimated_tokens("") == 0


@pytest.mark.parametrize("count", [64, 65, 200])
def test_a_split_list_is_ranked_as_a_whole(server: RerankServer, make: Make, count: int, colour: Colour) -> None:
    texts = [" ".join(f"w{word}" for word in range(place % 7)) or "none" for place in range(count)]
    query = "w0 w1 w2 w3 w4 w5 w6"
    whole: Ranking = colour(make(server, limits=Limits()), "rerank", query, texts[:32])
    split: Ranking = colour(make(server, limits=Limits(documents=32)), "rerank", query, texts)
    assert sorted(hit.index for hit in split) == list(range(count))
    assert [(hit.index, hit.score) for hit in split if hit.index < 32] == [(hit.index, hit.score) for hit in whole]
    requests = -(-count // 32)
    assert (split.usage.requests, split.usage.splits, split.usage.pairs) == (requests, requests - 1, count)
    assert max(len(sent(each.body)) for each in server.received) <= 32


def sent(body: Any) -> list[str]:
    texts: list[str] = body["texts"] if "texts" in body else body["documents"]
    return texts


def test_one_part_that_fails_is_repeated_alone(server: RerankServer, make: Make, colour: Colour) -> None:
    server.fail(status(503))
    ranking = colour(make(server, limits=Limits(documents=2)), "rerank", "a", ["a", "b", "c", "d", "e"])
    assert len(ranking) == 5
    assert (ranking.usage.requests, ranking.usage.retries, ranking.usage.splits) == (4, 1, 2)


def test_parts_are_sent_side_by_side_up_to_a_bound(server: RerankServer, make: Make, colour: Colour) -> None:
    server.fail(slow(0.05), times=None)
    colour(make(server, limits=Limits(documents=1), concurrency=3), "rerank", "a", list("abcdefghi"))
    assert server.most_at_once == 3


def test_a_listwise_model_is_never_split(server: RerankServer, colour: Colour) -> None:
    together = Jina("jina-reranker-v3", api_key="key", base_url=server.base_url("jina"))
    assert not together.pointwise
    assert len(colour(together, "rerank", "a", ["a"] * 64)) == 64
    with pytest.raises(ConfigurationError, match=r"65 cannot be split.*rerank fewer, or pass limits="):
        colour(together, "rerank", "a", ["a"] * 65)
    assert len(server.received) == 1
    assert jina(server).pointwise


def test_documents_are_cut_to_the_tokens_asked_for_and_counted(server: RerankServer, colour: Colour) -> None:
    reranker = voyage(server, max_tokens_per_doc=3, count_tokens=words)
    ranking = colour(reranker, "rerank", "b", ["a b c d", "b", "x y z"])
    assert server.received[-1].body["documents"] == ["a b c ", "b", "x y z"]
    assert ranking.usage.truncated == 1


def test_what_utf8_cannot_express_does_not_fail_the_call(server: RerankServer, make: Make, colour: Colour) -> None:
    ranking = colour(make(server), "rerank", "caf\u00e9 \ud800", ["caf\u00e9 \udfff", "tea"])
    assert [hit.index for hit in ranking] == [0, 1]
    assert sent(server.received[0].body) == ["caf\u00e9 \ufffd", "tea"]
