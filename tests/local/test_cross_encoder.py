"""What every local engine gets from the base class."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank_kit import Cached, Deadline, Document, Hit, InvalidResponse, Ranking, SQLiteStore, Usage
from rerank_kit.flow import run
from rerank_kit.local import CrossEncoder, Scored
from rerank_kit.local.cross_encoder import Pair
from rerank_kit.local.scale import sigmoid
from rerank_kit.local.windows import LongDocuments
from tests.conftest import Colour


class Counting(CrossEncoder):
    """Scores a pair by the length of its text; `forget` leaves out that many scores."""

    def __init__(self, forget: int = 0) -> None:
        self.forget = forget
        self.calls: list[list[Pair]] = []

    def score(self, pairs: Sequence[Pair], deadline: Deadline) -> Scored:
        self.calls.append(list(pairs))
        scores = [float(len(text)) for _, text in pairs]
        return Scored(scores[self.forget :], [1] * len(scores), [False] * len(scores))


def test_pairs_of_all_queries_go_to_the_engine_in_one_call(colour: Colour) -> None:
    engine = Counting()
    rankings = colour(engine, "rerank_many", ["a", "b"], [["xx", "x", "xx"], ["x"]])
    assert engine.calls == [[("a", "xx"), ("a", "x"), ("b", "x")]]
    assert [[hit.index for hit in ranking] for ranking in rankings] == [[0, 2, 1], [0]]
    assert [ranking.usage for ranking in rankings] == [Usage(pairs=2, tokens=2, duplicates=1), Usage(pairs=1, tokens=1)]


def test_the_flow_of_one_query_is_that_of_many() -> None:
    documents = [Document("x"), Document("xx")]
    assert run(Counting().flow("query", documents, Deadline())) == Ranking((Hit(1, 2.0), Hit(0, 1.0)), Usage(2, 2))


def test_a_wrong_number_of_scores_is_an_invalid_response(colour: Colour) -> None:
    with pytest.raises(InvalidResponse, match="1 scores for 2 pairs"):
        colour(Counting(forget=1), "rerank", "query", ["x", "xx"])


@pytest.mark.parametrize(("logit", "score"), [(0, 0.5), (1000, 1.0), (-1000, 0.0), (2, 1 / (1 + math.exp(-2)))])
def test_sigmoid_is_stable_far_out(logit: float, score: float) -> None:
    assert sigmoid(logit) == pytest.approx(score)


def test_sigmoid_keeps_apart_what_is_barely_relevant() -> None:
    assert 0 < sigmoid(-40.0) < sigmoid(-39.0)


def test_an_engine_that_cannot_cut_documents_scores_them_whole() -> None:
    engine = Counting()
    engine.long_documents = "max"
    assert engine.rerank("query", ["x", "xx"]).hits == (Hit(1, 2.0), Hit(0, 1.0))


def test_an_engine_that_does_not_say_otherwise_has_no_fingerprint() -> None:
    assert Counting().fingerprint is None


class Giving(CrossEncoder):
    """Gives each text the logit that is written in it."""

    @property
    def fingerprint(self) -> str:
        return "giving"

    def score(self, pairs: Sequence[Pair], deadline: Deadline) -> Scored:
        return Scored([float(text) for _, text in pairs], [1] * len(pairs), [False] * len(pairs), logits=True)

    def windows(self, query: str, text: str) -> list[tuple[int, int]]:
        """One for each number."""
        ends = [place for place, sign in enumerate(text) if sign == " "] + [len(text)]
        return [(0 if begin < 0 else begin + 1, end) for begin, end in zip([-1, *ends], ends, strict=False)]


LOGITS = st.lists(st.floats(-1e6, 1e6) | st.integers(30, 40).map(float), min_size=1, max_size=12)
NUMBERS = count()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SQLiteStore]:
    with SQLiteStore(tmp_path_factory.mktemp("scores") / "scores") as store:
        yield store


@given(LOGITS)
def test_a_ranking_is_in_the_order_of_logits_where_the_sigmoid_makes_them_the_same(
    file: SQLiteStore, logits: list[float]
) -> None:
    texts = [f"{logit!r}" for logit in logits]
    query = f"query {next(NUMBERS)}"  # of which the file has nothing yet
    expected = sorted(range(len(logits)), key=lambda place: -logits[place])
    for engine in (Giving(), Cached(Giving()), Cached(Giving(), file)):
        for ask in (texts, texts[::2], texts):  # a cache has some of them the second time, and all the third
            ranking = engine.rerank(query, ask)
            given = [float(ask[hit.index]) for hit in ranking]
            assert given == sorted(given, reverse=True)
            assert [(hit.score, hit.logit) for hit in ranking] == [(sigmoid(logit), logit) for logit in given]
        assert [hit.index for hit in ranking] == expected


@pytest.mark.parametrize(("policy", "order"), [("max", [1, 0, 2]), ("mean-top-k", [2, 1, 0])])
def test_documents_by_windows_are_in_the_order_of_logits_too(policy: LongDocuments, order: list[int]) -> None:
    engine = Giving()
    engine.long_documents = policy
    ranking = engine.rerank("query", ["70 40 40", "40 40 90", "60.5 60.5 60.5 60"])
    assert {hit.score for hit in ranking} == {1.0}
    assert [hit.index for hit in ranking] == order
    assert [hit.passage for hit in sorted(ranking, key=lambda hit: hit.index)] == [(0, 2), (6, 8), (0, 4)]
