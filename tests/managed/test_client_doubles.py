"""Doubles of an SDK's client, as users' tests pass them: read as the SDK's own are, or refused with what is wanted."""

from __future__ import annotations

import asyncio
import copy
from collections import namedtuple
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, MagicMock, Mock, create_autospec

import cohere
import pytest

from rerank_kit import ConfigurationError, InvalidResponse
from rerank_kit.managed import Cohere
from tests.conftest import Colour

TEXTS = ["a cat", "a dog"]
SCORES = [0.25, 0.75]


def row(index: int, **more: Any) -> SimpleNamespace:
    return SimpleNamespace(index=index, relevance_score=SCORES[index], **more)


def as_dict(index: int) -> dict[str, Any]:
    return vars(row(index))


UNTYPED: Any = namedtuple("UNTYPED", ["index", "relevance_score"])  # noqa: PYI024  # pyright: ignore[reportUntypedNamedTuple]


class Fixed:
    """A result whose values are those of its class."""

    index = 0
    relevance_score = SCORES[0]


class Slotted:
    """A result without a dict."""

    __slots__ = ("index", "relevance_score")

    def __init__(self, index: int) -> None:
        self.index = index
        self.relevance_score = SCORES[index]


class Dumping:
    """An answer that says what it holds, as older SDKs' did."""

    def dict(self) -> Any:
        return {"results": [as_dict(0), as_dict(1)]}


def mocked(**attributes: Any) -> Any:
    """A mock with some attributes set, and every other one by itself."""
    return MagicMock(**attributes)


ANSWERS: dict[str, Any] = {
    "namespaces": SimpleNamespace(results=[row(0), row(1)]),
    "dicts": {"results": [as_dict(0), as_dict(1)], "meta": {"api_version": {"version": "2"}}},
    "namespaces in a dict": {"results": [row(1), row(0)]},
    "dicts in a namespace": SimpleNamespace(results=[as_dict(1), as_dict(0)]),
    "a tuple": SimpleNamespace(results=(row(0), row(1))),
    "named tuples": SimpleNamespace(results=[UNTYPED(1, SCORES[1]), UNTYPED(0, SCORES[0])]),
    "attributes of a class": SimpleNamespace(results=[Fixed(), row(1)]),
    "slots": SimpleNamespace(results=[Slotted(0), Slotted(1)]),
    "numbers of another type": SimpleNamespace(
        results=[row(0), SimpleNamespace(index=1, relevance_score=Decimal("0.75"))]
    ),
    "a mock of namespaces": mocked(results=[row(0), row(1)]),
    "mocks in a mock": mocked(results=[mocked(**as_dict(0)), mocked(**as_dict(1))]),
    "a mock that is no magic one": Mock(results=[Mock(**as_dict(0)), Mock(**as_dict(1))]),
    "an async mock": AsyncMock(results=[row(0), row(1)]),
    "what can be dumped": Dumping(),
}


def client_of(answer: Any) -> Any:
    return SimpleNamespace(rerank=lambda **_: answer)


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_of_whatever_objects_is_read_as_the_sdks_own(answer: Any, colour: Colour) -> None:
    ranking = colour(Cohere("m", client=client_of(answer)), "rerank", "question", TEXTS)
    assert [(hit.index, hit.score) for hit in ranking] == [(1, 0.75), (0, 0.25)]
    assert ranking.usage.units == 0


def test_what_else_an_answer_holds_is_read_too(colour: Colour) -> None:
    spans = [SimpleNamespace(start=2, end=5)]
    meta = SimpleNamespace(billed_units=SimpleNamespace(search_units=3), tokens=mocked())
    answer = SimpleNamespace(results=[row(0, relevant_spans=spans), row(1, relevant_spans=mocked())], meta=meta)
    ranking = colour(Cohere("m", client=client_of(answer)), "rerank", "question", TEXTS)
    assert [hit.passage for hit in ranking] == [None, (2, 5)]
    assert (ranking.usage.units, ranking.usage.tokens) == (3, 0)


def blocking_client(answer: Any) -> Any:
    client = MagicMock()
    client.rerank.return_value = answer
    return client


def specified(answer: Any) -> Any:
    client = MagicMock(spec=cohere.ClientV2)
    client.rerank.return_value = answer
    return client


def with_its_signatures(answer: Any) -> Any:
    client = create_autospec(cohere.ClientV2, instance=True)
    client.rerank.return_value = answer
    return client


@pytest.mark.parametrize("make", [blocking_client, specified, with_its_signatures])
def test_a_mock_in_the_place_of_a_client_is_called_like_one(make: Any, colour: Colour) -> None:
    client = make(ANSWERS["namespaces"])
    assert len(colour(Cohere("m", client=client), "rerank", "question", TEXTS)) == 2
    assert client.rerank.call_args.kwargs["documents"] == TEXTS
    assert len(colour(copy.deepcopy(Cohere("m", client=client)), "rerank", "question", TEXTS)) == 2


def async_client(answer: Any) -> Any:
    client = AsyncMock()
    client.rerank.return_value = answer
    return client


def with_its_async_signatures(answer: Any) -> Any:
    client = create_autospec(cohere.AsyncClientV2, instance=True)
    client.rerank.return_value = answer
    return client


def with_an_async_method(answer: Any) -> Any:
    return MagicMock(rerank=AsyncMock(return_value=answer))


@pytest.mark.parametrize("make", [async_client, with_its_async_signatures, with_an_async_method])
@pytest.mark.parametrize("argument", ["client", "async_client"])
def test_an_async_mock_is_called_like_an_async_client(make: Any, argument: str) -> None:
    reranker = Cohere("m", **{argument: make(ANSWERS["namespaces"])})
    assert len(asyncio.run(reranker.arerank("question", TEXTS))) == 2
    with pytest.raises(ConfigurationError, match="client= is an async client"):
        reranker.rerank("question", TEXTS)


def test_a_blocking_mock_beside_it_is_as_good_as_an_async_one() -> None:
    mock = blocking_client(ANSWERS["namespaces"])
    assert len(asyncio.run(Cohere("m", client=mock, async_client=mock).arerank("question", TEXTS))) == 2


WANTED = "it must be an object or a dict with results, a list whose items have index and relevance_score"
REFUSED: dict[str, tuple[Any, str]] = {
    "a mock": (mocked(), f"client= gave no answer but MagicMock: {WANTED}"),
    "a mock that is no magic one": (Mock(), f"client= gave no answer but Mock: {WANTED}"),
    "an async mock": (AsyncMock(), f"client= gave no answer but AsyncMock: {WANTED}"),
    "another attribute": (SimpleNamespace(data=[]), f"client= gave no answer but SimpleNamespace: {WANTED}"),
    "no list": (SimpleNamespace(results=5), f"client= gave no answer but SimpleNamespace: {WANTED}"),
    "nothing": (None, "the answer has not an array 'results' of results but is None"),
    "a word": ("results", "the answer has not an array 'results' of results but is results"),
    "words": (SimpleNamespace(results=["a"]), "the answer has not an array 'results' of results"),
    "mocks in a mock": (mocked(results=[mocked(), mocked()]), "each result must have an index and a relevance_score"),
    "mocks as indexes": (
        SimpleNamespace(results=[mocked(relevance_score=0.5)] * 2),
        "each result must have an index and a relevance_score, but one is {'relevance_score': 0.5}",
    ),
    "mocks as scores": (
        SimpleNamespace(results=[SimpleNamespace(index=0, relevance_score=mocked())]),
        "each result must have an index and a relevance_score, but one is {'index': 0}",
    ),
    "mocks as scores in dicts": (
        {"results": [{"index": 0, "relevance_score": mocked()}]},
        "a relevance score must be a finite number, but the model gave None",
    ),
}


@pytest.mark.parametrize(("answer", "told"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_answer_is_refused_with_what_is_wanted(answer: Any, told: str, colour: Colour) -> None:
    with pytest.raises(InvalidResponse) as caught:
        colour(Cohere("m", client=client_of(answer)), "rerank", "question", TEXTS)
    assert told in str(caught.value)


def test_a_mock_of_everything_is_refused_and_scores_nothing(colour: Colour) -> None:
    with pytest.raises(InvalidResponse, match="results, a list whose items have index and relevance_score"):
        colour(Cohere("m", client=MagicMock()), "rerank", "question", TEXTS)


def test_a_list_of_answers_is_read_one_by_one(colour: Colour) -> None:
    with pytest.raises(InvalidResponse, match=r"but is \[\{'results': \[\]\}\]"):
        colour(Cohere("m", client=client_of([SimpleNamespace(results=[])])), "rerank", "question", TEXTS)
