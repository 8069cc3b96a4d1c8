"""What a ranking shows of itself: a short line, rows, what did not pass and why."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from rerank_kit import Cascade, Document, Fallback, Hit, MissingExtra, Ranking, Rules, Stage, Usage
from rerank_kit.errors import ConnectionFailed
from rerank_kit.observe import explaining
from rerank_kit.rules import equals
from rerank_kit.user_warnings import hearing, warn_user
from rerank_kit.values import Dropped
from tests.doubles import Answering, Failing, Scripted

TEXTS = ["one 1", "two 2", "three 3", "four 4", ""]


def test_a_line_says_what_came_out_and_what_it_took_without_zeros() -> None:
    ranking = Scripted().rerank("query", TEXTS)
    shown = repr(ranking)
    assert shown.startswith("<Ranking: 5 hits: [3] 4, [2] 3, [1] 2, …, Scripted in 0.0")
    assert shown.endswith("s, Usage(pairs=4, empty=1)>")
    assert str(ranking) == shown


def test_a_line_says_what_is_not_as_it_was_asked_for() -> None:
    ranking = Fallback(Failing(ConnectionFailed("down")), Scripted()).rerank("query", ["one 1"])
    assert "1 hit: [0] 1, Fallback in" in repr(ranking)
    assert "degraded: " in repr(ranking)
    assert "down" in repr(ranking)
    assert repr(Ranking(())) == "<Ranking: 0 hits, Usage()>"


def test_hits_are_reached_by_their_place() -> None:
    ranking = Scripted().rerank("query", TEXTS)
    assert ranking[0] == ranking.hits[0]
    assert ranking[-1] == ranking.hits[-1]
    assert ranking[:2] == ranking.hits[:2]


def test_rows_have_what_the_hits_have() -> None:
    documents = [Document("one 1", id="a"), Document("two 2", id="b")]
    assert Scripted().rerank("query", documents).records(documents) == [
        {"rank": 1, "index": 1, "id": "b", "score": 2.0, "text": "two 2"},
        {"rank": 2, "index": 0, "id": "a", "score": 1.0, "text": "one 1"},
    ]
    given = Ranking((Hit(1, 0.5, "because", verdict="yes"), Hit(0, 0.25)))
    assert given.records() == [
        {"rank": 1, "index": 1, "score": 0.5, "why": "because", "verdict": "yes"},
        {"rank": 2, "index": 0, "score": 0.25, "why": None, "verdict": None},
    ]
    assert given.records(["x", "y"])[0]["text"] == "y"


def test_rows_go_to_pandas_where_that_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    ranking = Scripted().rerank("query", TEXTS)
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=lambda rows: ("frame", rows)))
    assert ranking.to_pandas(TEXTS) == ("frame", ranking.records(TEXTS))
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtra, match="pip install pandas"):
        ranking.to_pandas()


def test_what_does_not_pass_is_told_with_the_reason() -> None:
    ranking = Scripted().rerank("query", TEXTS, top_n=1, threshold=2)
    assert [hit.index for hit in ranking] == [3]
    assert sorted(ranking.dropped, key=lambda each: each.index) == [
        Dropped(0, "its score is below threshold=2", 1.0),
        Dropped(1, "not among the best, top_n=1", 2.0),
        Dropped(2, "not among the best, top_n=1", 3.0),
        Dropped(4, "it has no text"),
    ]
    told = ranking.explain(TEXTS)
    assert (told.dropped[0][1], told.dropped[0][3]) == ("1", "its score is below threshold=2")
    assert "\n\nnot returned:\n" in str(told)
    assert "<p>not returned:</p><table>" in told.to_html()


def test_rules_and_stages_say_what_they_left_out_and_why() -> None:
    documents: list[Document | str] = ["", Document("one 1", {"old": 1}), Document("two 2"), Document("three 3")]
    cascade = Cascade(
        Stage(Rules(exclude=[equals("old", 1)]), name="rules"),
        Stage(Cascade(Stage(Scripted(), top_n=2, name="inner"))),
        Stage(Answering(Ranking((Hit(1, 1.0),))), name="filter"),
    )
    ranking = cascade.rerank("query", documents)
    assert [hit.index for hit in ranking] == [2]
    assert {each.index: each.why for each in ranking.dropped} == {
        0: "Cascade: inner: not among the best, top_n=2",
        1: "rules: it is excluded: old is 1",
        3: "filter: left out",
    }


def test_what_nobody_accounts_for_is_told_to_be_left_out() -> None:
    ranking = Answering(Ranking((Hit(1, 1.0),))).rerank("query", ["a", "b", "c"])
    assert ranking.explain().dropped == (("", "1", "", "Answering left it out"), ("", "3", "", "Answering left it out"))
    assert Ranking((Hit(1, 1.0),)).explain().dropped == (("", "1", "", "the reranker left it out"),)
    assert Ranking(()).explain().rows == ()


def test_scores_are_not_shown_where_nothing_was_ranked() -> None:
    ranking = Ranking((Hit(0, 0.0),), failure="not ranked")
    assert ranking.explain().rows == (("1", "1", ""),)


def test_notes_say_what_a_reader_of_scores_should_know() -> None:
    ranking = Answering(Ranking((Hit(0, 1.0),), Usage(truncated=3, unread=2))).rerank("query", ["text"])
    assert "3 longer than the model reads, 2 in a script that the model does not read" in ranking.explain().notes[0]


def test_blocks_that_collect_explanations_hide_them_from_those_around() -> None:
    with explaining() as outer, explaining() as inner:
        pass
    assert (outer, inner) == ([], [])


def test_warnings_are_heard_in_a_block_only() -> None:
    with hearing() as heard, pytest.warns(UserWarning, match="loud"):
        warn_user("loud", UserWarning)
    with pytest.warns(UserWarning, match="later"):
        warn_user("later", UserWarning)
    assert heard == ["loud"]
