"""A reranker of one's own: a function, a method that returns, or an async one; and errors that show the right shape."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from rerank_kit import (
    Cached,
    ConfigurationError,
    Deadline,
    DeadlineExceeded,
    Document,
    Fallback,
    Hit,
    InvalidResponse,
    Ranking,
    Reranker,
)
from rerank_kit.flow import Flow, blocking, run
from rerank_kit.local import CrossEncoder
from rerank_kit.local.cross_encoder import Pair
from tests.conftest import Colour
from tests.doubles import Scripted, alast_numbers, last_numbers

TEXTS = ["low 1", "", "high 3", "middle 2"]


def yielded(query: str, texts: list[str]) -> Iterator[float]:
    yield from last_numbers(query, texts)


class Object:
    def __call__(self, query: str, texts: list[str]) -> list[float]:
        return last_numbers(query, texts)

    def method(self, query: str, texts: list[str]) -> list[float]:
        return last_numbers(query, texts)

    async def amethod(self, query: str, texts: list[str]) -> list[float]:
        return last_numbers(query, texts)


class AsyncObject:
    async def __call__(self, query: str, texts: list[str]) -> list[float]:
        return await alast_numbers(query, texts)


FUNCTIONS: list[Callable[[str, list[str]], Any]] = [
    last_numbers,
    alast_numbers,
    yielded,
    Object(),
    AsyncObject(),
    Object().method,
    Object().amethod,
    functools.partial(last_numbers),
    functools.partial(alast_numbers),
    lambda query, texts: (each for each in last_numbers(query, texts)),
    lambda query, texts, extra=1: alast_numbers(query, texts),  # type: ignore[misc]
    lambda query, texts: tuple(last_numbers(query, texts)),
    lambda query, texts: np.array(last_numbers(query, texts), dtype=np.float32),
    lambda query, texts: [np.array(each) for each in last_numbers(query, texts)],
    lambda query, texts: dict(enumerate(last_numbers(query, texts))).values(),
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_from_a_query_and_texts_to_numbers_is_a_reranker(
    function: Callable[[str, list[str]], Any], colour: Colour
) -> None:
    ranking = colour(Reranker.of(function), "rerank", "query", TEXTS, top_n=3)
    assert [(hit.index, hit.score, type(hit.score)) for hit in ranking] == [
        (2, 3.0, float),
        (3, 2.0, float),
        (0, 1.0, float),
    ]
    assert ranking.usage.pairs == 3


def test_an_async_function_serves_sync_callers_where_a_loop_is_running() -> None:
    async def cell() -> Ranking:
        return Reranker.of(alast_numbers).rerank("query", TEXTS)

    assert [hit.index for hit in asyncio.run(cell())][:2] == [2, 3]


def test_it_is_called_what_the_function_is_or_what_the_user_says() -> None:
    assert repr(Reranker.of(last_numbers)) == "Reranker.of(last_numbers)"
    assert Reranker.of(functools.partial(functools.partial(last_numbers))).model == "last_numbers"
    assert Reranker.of(Object()).model == "Object"
    assert Reranker.of(last_numbers, model="mine").model == "mine"
    with pytest.raises(ConfigurationError, match="model must be a str with something in it"):
        Reranker.of(last_numbers, model="")


def test_its_scores_can_be_kept_by_who_vouches_for_them() -> None:
    cached = Cached(Reranker.of(last_numbers), fingerprint="mine, 1")
    assert [cached.rerank("query", TEXTS).usage.cached for _ in range(2)] == [0, 3]


@pytest.mark.parametrize("function", [None, "model", 3, lambda: [1], lambda query: [], lambda a, b, c: []])
def test_what_cannot_be_asked_is_refused_with_what_is_wanted(function: Any) -> None:
    with pytest.raises(ConfigurationError, match="function must take a query and texts and give a number for each"):
        Reranker.of(function)


def test_what_is_written_in_c_and_does_not_say_what_it_takes_is_tried() -> None:
    with pytest.raises(TypeError):
        Reranker.of(max).rerank("query", ["a"])


WRONG: list[Any] = [
    None,
    0.5,
    "0.9",
    b"0.9",
    {"scores": [0.9, 0.1, 0.5]},
    {0.9, 0.1, 0.5},
    Ranking.by_score([0.9, 0.1, 0.5]),
    ["0.9", "0.1", "0.5"],
    [("a", 0.9), ("b", 0.1), ("c", 0.5)],
    [{"index": 0, "score": 0.9}],
    [[0.9], [0.1], [0.5]],
    np.array([[0.9], [0.1], [0.5]]),
    np.array(0.9),
]


@pytest.mark.parametrize("given", WRONG, ids=repr)
def test_a_function_that_gives_something_else_is_told_what_to_give(given: Any, colour: Colour) -> None:
    def mine(query: str, texts: list[str]) -> Any:
        return given

    told = r"(?m)^mine gave a value of type \w+ \(.*\): .* such as \[0\.9, 0\.1\]$"
    with pytest.raises(ConfigurationError, match=told):
        colour(Fallback(Reranker.of(mine), Scripted()), "rerank", "query", TEXTS)  # which is no outage


@pytest.mark.parametrize("given", [[0.9], [0.9] * 4, []])
def test_a_number_too_many_or_too_few_is_no_ranking(given: Any, colour: Colour) -> None:
    with pytest.raises(InvalidResponse, match=f"gave {len(given)} scores for 3 texts: it must give one for each"):
        colour(Reranker.of(lambda query, texts: given), "rerank", "query", TEXTS)


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), True, None, 10**400])
def test_a_score_that_is_no_finite_number_is_no_ranking(odd: Any, colour: Colour) -> None:
    with pytest.raises(InvalidResponse, match="must be a finite number"):
        colour(Reranker.of(lambda query, texts: [0.5, odd, 0.5]), "rerank", "query", TEXTS)


def test_what_the_function_raises_is_raised(colour: Colour) -> None:
    def typo(query: str, texts: list[str]) -> list[float]:
        return [text.scroe for text in texts]  # type: ignore[attr-defined]

    with pytest.raises(AttributeError, match="scroe"):
        colour(Reranker.of(typo), "rerank", "query", TEXTS)


def test_an_async_function_ends_at_the_deadline(colour: Colour) -> None:
    async def hangs(query: str, texts: list[str]) -> list[float]:
        await asyncio.sleep(60)
        return []

    with pytest.raises(DeadlineExceeded):
        colour(Reranker.of(hangs), "rerank", "query", TEXTS, timeout=0.05)


def test_a_timeout_of_its_own_is_not_taken_for_the_deadline(colour: Colour) -> None:
    async def late(query: str, texts: list[str]) -> list[float]:
        raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        colour(Reranker.of(late), "rerank", "query", TEXTS, timeout=60)


class Returning(Reranker):
    """What most people write first."""

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Ranking:
        return Ranking.by_score(float(each.text.split()[-1]) for each in documents)


class Async(Reranker):
    async def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Ranking:
        return Ranking.by_score(await alast_numbers(query, [each.text for each in documents]))


class Delegating(Reranker):
    """Returns another one's flow."""

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        return Scripted().flow(query, documents, deadline)


@pytest.mark.parametrize("reranker", [Returning(), Async(), Delegating()])
def test_a_method_may_return_yield_or_await(reranker: Reranker, colour: Colour) -> None:
    for ranking in colour(reranker, "rerank_many", ["query", "other"], [TEXTS, TEXTS], top_n=2):
        assert [hit.index for hit in ranking] == [2, 3]


def test_a_plain_method_does_not_block_the_loop() -> None:
    class Waits(Reranker):
        def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Ranking:
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loops[0]).result(10)
            return Ranking.by_score([1.0] * len(documents))

    async def asked() -> Ranking:
        loops.append(asyncio.get_running_loop())
        return await Waits().arerank("query", ["a"])

    loops: list[asyncio.AbstractEventLoop] = []
    assert len(asyncio.run(asked())) == 1


class Giving(Reranker):
    def __init__(self, given: Any) -> None:
        self.given = given

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Any:
        return self.given


@pytest.mark.parametrize("given", [None, [0.9, 0.1], {"hits": []}, "ranking", (Hit(0, 0.5),)])
def test_a_method_that_gives_something_else_is_told_what_to_give(given: Any, colour: Colour) -> None:
    with pytest.raises(ConfigurationError, match=r"^Giving\.flow gave a .*such as Ranking\.by_score\(\[0\.9, 0\.1\]\)"):
        colour(Fallback(Giving(given), Scripted()), "rerank", "query", TEXTS)


@pytest.mark.parametrize("hit", [0, None, (0, 0.5), Hit("0", 0.5), Hit(0.0, 0.5)])  # type: ignore[arg-type]
def test_a_hit_that_is_none_is_told_what_it_is_to_be(hit: Any, colour: Colour) -> None:
    with pytest.raises(ConfigurationError, match=r"each must be a Hit\(index, score\), the index a whole number"):
        colour(Giving(Ranking((hit,))), "rerank", "query", TEXTS)


def test_an_index_may_be_any_whole_number() -> None:
    odd: Any = np.int64(1)
    hits = Giving(Ranking((Hit(odd, 0.5),))).rerank("query", TEXTS).hits
    assert [(hit.index, type(hit.index)) for hit in hits[:1]] == [(2, int)]


def test_a_flow_that_yields_what_is_no_call_is_told_what_to_write(colour: Colour) -> None:
    class Yields(Reranker):
        def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Any:
            yield 0.5

    with pytest.raises(ConfigurationError, match=r"a flow yields calls, not 0\.5: write `value = yield from blocking"):
        colour(Yields(), "rerank", "query", TEXTS)


def test_a_flow_that_goes_on_after_an_error_is_looked_at_too() -> None:
    def flow() -> Any:
        try:
            yield from blocking(lambda: 1 / 0)
        except ZeroDivisionError:
            yield "again"

    with pytest.raises(ConfigurationError, match="a flow yields calls, not 'again'"):
        run(flow())


class PlainNumbers(CrossEncoder):
    given: Any = None

    def score(self, pairs: Sequence[Pair], deadline: Deadline) -> Any:
        return [float(text.split()[-1]) for _, text in pairs] if self.given is None else self.given


def test_a_cross_encoder_may_give_plain_numbers(colour: Colour) -> None:
    ranking = colour(PlainNumbers(), "rerank", "query", TEXTS)
    assert [(hit.index, hit.score) for hit in ranking] == [(2, 3.0), (3, 2.0), (0, 1.0), (1, 0.0)]
    assert (ranking.usage.pairs, ranking.usage.tokens) == (3, 0)


@pytest.mark.parametrize("given", [0.5, {"scores": []}, ["0.9"]])
def test_a_cross_encoder_that_gives_something_else_is_told_what_to_give(given: Any) -> None:
    reranker = PlainNumbers()
    reranker.given = given
    with pytest.raises(ConfigurationError, match=r"^PlainNumbers\.score gave a .* one number for each text"):
        reranker.rerank("query", TEXTS)
