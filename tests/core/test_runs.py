"""`Ranking.to_run`: tools that sort by score, in single precision, and break ties by id, keep our order."""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Sequence
from typing import Any

import ir_measures
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rerank_kit import Cascade, ConfigurationError, Document, Hit, InvalidResponse, Ranking
from rerank_kit.runs import falling
from tests.conftest import Colour
from tests.doubles import Answering, Scripted

GREATEST: float = struct.unpack(">f", b"\x7f\x7f\xff\xff")[0]
TINY = struct.unpack(">f", b"\x00\x00\x00\x01")[0]


def ranking(*scores: float) -> Ranking:
    """Hits in the order of their scores as they come."""
    return Ranking(tuple(Hit(index, score) for index, score in enumerate(scores)))


def names(count: int) -> list[str]:
    return [f"d{number:03}" for number in range(count)]


def single(score: float) -> float:
    """What a tool in C makes of a score."""
    try:
        value: float = struct.unpack("f", struct.pack("f", score))[0]
    except OverflowError:
        return math.copysign(math.inf, score)
    return value


def order_in_trec_eval(run: dict[str, float]) -> list[str]:
    """The ids as trec_eval has them: its reciprocal rank of each one says where it stands."""
    judgements = {name: {name: 1} for name in run}
    measure = ir_measures.RR
    places = {
        each.query_id: each.value for each in ir_measures.iter_calc([measure], judgements, dict.fromkeys(run, run))
    }
    return sorted(run, key=lambda name: -places[name])


# ── Order ──


TIED: dict[str, Sequence[float]] = {
    "all the same": [0.5] * 5,
    "all one": [1.0] * 3,
    "zeros, of either sign": [0.0, -0.0, 0.0],
    "apart by less than single precision tells": [1.0, math.nextafter(1.0, 0), math.nextafter(1.0, 0) - 1e-12],
    "ties among others": [0.9, 0.5, 0.5, 0.5, math.nextafter(0.5, 0), 0.1],
    "ties that reach down to the next": [1.0, 1.0, 1.0, single(math.nextafter(single(0.99999999), 0))],
    "around nothing": [TINY, TINY, 0.0, 0.0, -TINY],
    "an order that is not by score": [0.1, 0.9, 0.5],
    "negative": [-1.0, -1.0, -3.5],
    "of raw scores": [11.25, 11.25, -11.0],
    "infinite": [math.inf, math.inf, 1.0, -math.inf, -math.inf],
    "of doubles that single precision cannot hold": [1e308, 1e307, 0.5, -1e307, -1e308],
    "at the bottom": [-GREATEST] * 4,
    "at the bottom, with others above": [1.0, -GREATEST, -GREATEST],
    "at the top": [GREATEST] * 4,
}


@pytest.mark.parametrize("scores", TIED.values(), ids=TIED)
def test_trec_eval_keeps_the_order(scores: Sequence[float]) -> None:
    for ids in (names(len(scores)), names(len(scores))[::-1]):
        run = ranking(*scores).to_run(ids)
        assert list(run) == ids
        assert order_in_trec_eval(run) == ids


@pytest.mark.parametrize("scores", TIED.values(), ids=TIED)
def test_scores_fall_strictly_and_are_numbers_that_json_knows(scores: Sequence[float]) -> None:
    run = list(ranking(*scores).to_run(names(len(scores))).values())
    assert all(above > below for above, below in itertools.pairwise(run))
    assert all(single(above) > single(below) for above, below in itertools.pairwise(run))
    assert all(type(score) is float and math.isfinite(score) for score in run)


def test_ties_move_by_the_smallest_step_that_is_seen() -> None:
    assert falling([1.0, 1.0, 1.0, 0.5]) == [1.0, 1 - 2**-24, 1 - 2**-23, 0.5]
    assert falling([0.0, 0.0]) == [0.0, -TINY]
    assert falling([-GREATEST, -GREATEST])[1] == -GREATEST


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False), max_size=8))
def test_whatever_the_scores_they_fall_in_either_precision(scores: list[float]) -> None:
    moved = falling(scores)
    assert len(moved) == len(scores)
    assert all(math.isfinite(each) for each in moved)
    assert all(single(above) > single(below) and above > below for above, below in itertools.pairwise(moved))


@settings(deadline=None)
@given(st.lists(st.floats(-1e9, 1e9, width=32), max_size=8, unique=True))
def test_scores_that_fall_stay_as_they_are(scores: list[float]) -> None:
    ordered = sorted(scores, reverse=True)
    assert falling(ordered) == ordered


def test_a_score_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidResponse, match="a score is nan"):
        ranking(0.5, math.nan).to_run(["a", "b"])


# ── Ids ──


def test_documents_bring_their_ids(colour: Colour) -> None:
    documents = [
        Document("x 1", id="one"),
        Document("", id="none"),
        Document("y 2", id="two"),
        Document("z 2", id="too"),
    ]
    for reranker in (Scripted(), Cascade(Scripted(), Scripted())):
        found = colour(reranker, "rerank", "q", documents)
        assert list(found.to_run()) == ["two", "too", "one", "none"]
        assert list(colour(reranker, "rerank", "q", documents, top_n=1).to_run()) == ["two"]
    (first, second) = colour(Scripted(), "rerank_many", ["q", "p"], [documents, ["x 1"]])
    assert (next(iter(first.to_run())), second.ids) == ("two", ())


def test_ids_that_are_passed_win() -> None:
    found = Scripted().rerank("q", [Document("x 1", id="one"), "y 2"])
    assert found.ids == ("one", None)
    assert list(found.to_run(["a", "b"])) == ["b", "a"]
    assert list(found.to_run(("a", "b", "more"))) == ["b", "a"]


def test_a_document_that_is_no_hit_needs_no_id_of_its_own() -> None:
    found = Scripted().rerank("q", [Document("x 1"), Document("y 2", id="same"), Document("z 0", id="same")], top_n=1)
    assert found.to_run() == {"same": 2.0}


def test_nothing_ranked_is_an_empty_run() -> None:
    assert Ranking(()).to_run() == {}
    assert Answering(Ranking(())).rerank("q", ["x"]).to_run() == {}


HITS = Ranking((Hit(2, 0.9), Hit(0, 0.5)))
WRONG: dict[str, tuple[Any, str]] = {
    "none at all": (None, "the documents have no ids: pass ids="),
    "too few": (
        ["a", "b"],
        r"ids must be a list with one for each document, but \['a', 'b'\] has none for \[2\]",
    ),
    "a text": ("abc", r"but 'abc' has none for \[2\]"),
    "one missing": (["a", "b", None], r"the id of document \[2\] must be a str, as such tools want it, not None"),
    "a number": ([1, 2, 3], r"the id of document \[2\] must be a str, as such tools want it, not 3"),
    "one of two": (["a", "b", "a"], r"documents \[2\] and \[0\] have the same id 'a'"),
}


@pytest.mark.parametrize(("ids", "told"), WRONG.values(), ids=WRONG)
def test_wrong_ids_are_named(ids: Any, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        HITS.to_run(ids)


def test_a_hit_without_an_id_of_its_document_is_named() -> None:
    found = Scripted().rerank("q", [Document("x 1", id="one"), "y 2"])
    with pytest.raises(ConfigurationError, match=r"the id of document \[1\] must be a str, .* not None"):
        found.to_run()
