"""A query takes no more than its share of what a model reads, and the end of it that matters is kept."""

from __future__ import annotations

import copy
import logging
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank_kit import ConfigurationError
from rerank_kit.local import CrossEncoder, FlashRank
from rerank_kit.local.queries import FittedQuery, QueryShare
from tests.conftest import Colour
from tests.local.engines import ALL, WINDOWED, Engines
from tests.local.tiny_models import WORDS

TEXTS = ["apple banana cherry", "fig grape", "date elder word text", "query apple", "banana fig date"]
HISTORY = " ".join(random.Random(2).choices(WORDS[3:7], k=1000))
LONG = " ".join(random.Random(11).choices(WORDS, k=300))


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Engines:
    return Engines(tmp_path_factory.mktemp("engines"))


def scores(engine: CrossEncoder, query: str, texts: list[str] = TEXTS) -> list[float]:
    return [hit.score for hit in sorted(engine.rerank(query, texts), key=lambda hit: hit.index)]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("keep", ["keep-end", "keep-start"])
def test_two_questions_behind_or_before_a_long_history_give_two_rankings(
    engines: Engines, name: str, keep: Any
) -> None:
    engine = engines(name, long_queries=keep)
    ends = [
        f"{HISTORY} {each}" if keep == "keep-end" else f"{each} {HISTORY}" for each in ("apple apple", "fig banana")
    ]
    kept, other = (scores(engine, each) for each in ends)
    assert kept != other
    dropped = [
        f"{each} {HISTORY}" if keep == "keep-end" else f"{HISTORY} {each}" for each in ("apple apple", "fig fig")
    ]
    assert scores(engine, dropped[0]) == scores(engine, dropped[1])


@pytest.mark.parametrize("name", ALL)
def test_a_query_that_was_cut_is_counted_apart_from_documents(colour: Colour, engines: Engines, name: str) -> None:
    engine = engines(name)
    usage = colour(engine, "rerank", HISTORY, TEXTS).usage
    assert (usage.query_truncated, usage.truncated, usage.pairs) == (1, 0, len(TEXTS))
    usage = colour(engine, "rerank", "apple", [*TEXTS, "word " * 2000]).usage
    assert (usage.query_truncated, usage.truncated) == (0, 1)
    many = colour(engine, "rerank_many", ["apple", HISTORY, f"fig {HISTORY}"], [TEXTS, TEXTS, TEXTS])
    assert [each.usage.query_truncated for each in many] == [0, 1, 1]
    assert many[1].hits == many[2].hits  # what is left of them is the same
    assert (many[2].usage.pairs, many[2].usage.duplicates) == (0, len(TEXTS))


@pytest.mark.parametrize("name", ALL)
def test_a_query_within_its_share_is_read_as_it_is(engines: Engines, name: str) -> None:
    assert scores(engines(name, max_query_length=20), " apple fig ") == scores(engines(name), " apple fig ")
    assert engines(name, max_query_length=20).rerank("apple fig", TEXTS).usage.query_truncated == 0


@pytest.mark.parametrize("name", ALL)
def test_a_query_may_be_given_more_than_half(engines: Engines, name: str) -> None:
    engine: Any = engines(name)
    more: Any = engines(name, max_query_length=engine._share.room - 16)
    words = "banana " * (engine._share.length + 2) if name != "flashrank" else "tax " * (engine._share.length + 2)
    usage = engine.rerank(words, ["word " * 500]).usage
    assert (usage.query_truncated, usage.truncated) == (1, 1)
    usage = more.rerank(words, ["word " * 500]).usage
    assert (usage.query_truncated, usage.truncated, usage.tokens) == (0, 1, more.max_length)


@pytest.mark.parametrize("name", WINDOWED)
@pytest.mark.parametrize("policy", ["max", "mean-top-k", "best-window"])
def test_windows_stay_of_useful_size_and_few_beside_a_long_query(engines: Engines, name: str, policy: Any) -> None:
    engine: Any = engines(name, long_documents=policy)
    few, many = engine.rerank("apple", [LONG]).usage, engine.rerank(HISTORY, [LONG]).usage
    assert many.pairs <= 3 * few.pairs
    assert (many.query_truncated, few.query_truncated) == (1, 0)
    windows = engine.windows(HISTORY, LONG)
    assert all(len(LONG[a:b].split()) >= 5 for a, b in windows)


@pytest.mark.parametrize("name", ALL)
def test_it_is_warned_of_once_for_each_engine(engines: Engines, name: str, caplog: pytest.LogCaptureFixture) -> None:
    engine = copy.copy(engines(name))
    with caplog.at_level(logging.WARNING, logger="rerank_kit"):
        engine.rerank("apple", TEXTS)
        assert caplog.messages == []
        for _ in range(3):
            engine.rerank(HISTORY, TEXTS)
    (message,) = caplog.messages
    assert "long_queries=" in message
    assert "max_query_length=" in message
    assert HISTORY[:20] not in message


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"long_queries": "both"}, "long_queries must be 'keep-end' or 'keep-start', not 'both'"),
        ({"max_query_length": 0}, "max_query_length must be from 1 to .*, not 0"),
        ({"max_query_length": 1000}, "max_query_length must be from 1 to .*, not 1000"),
        ({"max_query_length": True}, "max_query_length must be from 1 to .*, not True"),
        ({"max_query_length": "64"}, "max_query_length must be from 1 to .*, not '64'"),
    ],
)
def test_a_wrong_setting_is_an_error(engines: Engines, name: str, options: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        engines(name, **options)


@pytest.mark.parametrize("name", ["onnx-bert", "flashrank"])
def test_how_a_query_is_cut_is_part_of_the_fingerprint(engines: Engines, name: str) -> None:
    made = [engines(name), engines(name, long_queries="keep-start"), engines(name, max_query_length=9)]
    assert len({each.fingerprint for each in made}) == 3


def test_an_engine_of_ones_own_reads_all_of_a_query() -> None:
    class Mine(CrossEncoder):
        def score(self, pairs: Any, deadline: Any) -> Any:
            raise NotImplementedError

    assert Mine().fitted_query(HISTORY, Any) == FittedQuery(HISTORY)  # type: ignore[arg-type]


# ── The share, alone ──

NASTY = st.text(st.sampled_from(["a", " ", "\n", "\u0301", "\u200b", "✓", "漢"]), min_size=1, max_size=400)


def words(text: str) -> int:
    return len(text.split())


@given(NASTY, st.integers(1, 30), st.sampled_from(["keep-end", "keep-start"]))
def test_what_is_kept_is_one_end_and_never_too_long(text: str, length: int, keep: Any) -> None:
    kept = QueryShare(length, keep, room=100).fitted(text, words)
    assert words(kept.text) <= length
    assert kept.text in text
    assert kept.cut == (kept.text != text)
    assert kept.cut or words(text) <= length


@pytest.mark.parametrize("keep", ["keep-end", "keep-start"])
@pytest.mark.parametrize("nothing", ["\n", " ", "\u200b", "\u0301"])
def test_what_shows_nothing_never_drives_out_the_question(keep: Any, nothing: str) -> None:
    question = "What is GST?"
    for query in (question + nothing * 1_000_000, nothing * 1_000_000 + question):
        kept = QueryShare(8, keep, room=100).fitted(query, words)
        assert question in kept.text
        assert len(kept.text) < 200_000


def test_flashranks_list_wise_models_take_no_share(tmp_path: Path) -> None:
    pytest.importorskip("flashrank")
    with pytest.raises(ConfigurationError, match="max_query_length=9 is no setting of a list-wise model"):
        FlashRank("rank_zephyr_7b_v1_full", cache_dir=tmp_path, max_query_length=9)
