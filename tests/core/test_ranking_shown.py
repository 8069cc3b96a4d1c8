"""What a ranking shows of itself: a short line, rows, what did not pass and why."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rerank_kit import (
    Cascade,
    ConfigurationError,
    Deadline,
    Document,
    Fallback,
    Hit,
    InvalidResponse,
    MissingExtra,
    Ranking,
    Reranker,
    Rules,
    Stage,
    Usage,
)
from rerank_kit.errors import ConnectionFailed
from rerank_kit.observe import explaining
from rerank_kit.observe.explaining import the_last
from rerank_kit.rules import equals
from rerank_kit.user_warnings import hearing, warn_user
from rerank_kit.values import Dropped
from tests.conftest import Colour
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


def test_texts_without_spaces_and_wide_ones_are_shown_by_their_beginning() -> None:
    texts = ["これは長い日本語の文章です。" * 10, "https://example.com/" + "x" * 99, "a few words " * 20, "short"]
    ranking = Ranking.by_score([4, 3, 2, 1])
    shown = [row[-1] for row in ranking.explain(texts).rows]
    assert [text[:5] for text in shown] == ["これは長い", "https", "a few", "short"]
    assert [len(text) for text in shown] == [60, 60, 55, 5]
    wide = str(Ranking((Hit(0, 1.0, "日本"), Hit(1, 1.0, "ab"))).explain(["x", "y"])).splitlines()
    assert [line.rstrip()[-1] for line in wide[1:3]] == ["x", "y"]
    assert wide[1].index("x") + 2 == wide[2].index("y")


def test_what_steers_a_terminal_is_not_shown() -> None:
    hostile = "\x1b[2Jone\n\u202etwo \x1b]0;title\x07"
    ranking = Ranking((Hit(0, 1.0, hostile),), failure=None)
    told = ranking.explain([hostile]).with_notes(hostile)
    for shown in (str(told), told.to_html()):
        assert not any(sign in shown for sign in "\x1b\x07\u202e")
    assert str(told).splitlines()[-1] == "[2Jone two ]0;title"


def test_more_than_twenty_that_were_dropped_are_counted() -> None:
    told = Scripted().rerank("query", [f"text {number}" for number in range(150)], top_n=1).explain()
    assert str(told).splitlines()[-1] == "… and 129 more, in .dropped"
    assert told.to_html().endswith("<p>… and 129 more, in .dropped</p>")
    assert len(told.dropped) == 149


def test_what_was_not_ranked_has_no_score_that_a_threshold_could_be_for() -> None:
    kept = Answering(Ranking((Hit(0, 0.0), Hit(1, 0.0)), failure="not ranked"))
    ranking = kept.rerank("query", ["a", "b"], threshold=0.5, top_n=1)
    assert [hit.index for hit in ranking] == [0]
    assert ranking.dropped == (Dropped(1, "not among the best, top_n=1"),)
    assert ranking.spans[-1].problem == "not ranked"


def test_a_reason_why_nothing_was_ranked_goes_once_something_is() -> None:
    kept = Answering(Ranking((Hit(0, 0.0, "not ranked"), Hit(1, 0.0, "not ranked")), failure="no script of mine"))
    ranking = Cascade(Stage(kept), Stage(Scripted())).rerank("query", ["one 1", "two 2"])
    assert [(hit.index, hit.why) for hit in ranking] == [(1, None), (0, None)]
    assert ranking.degraded
    assert ranking.problem == "no script of mine"


def test_a_function_that_changes_its_list_changes_nothing_else() -> None:
    def shortening(query: str, texts: list[str]) -> list[float]:
        texts.pop()
        return [1.0] * len(texts)

    with pytest.raises(InvalidResponse, match="shortening gave 1 scores for 2 texts"):
        Reranker.of(shortening).rerank("query", ["a", "b"])
    assert Reranker.of(lambda query, texts: [1.0]).rerank("q", ["a"]).spans[0].backend == "FunctionReranker"


def of_one_text(query: str, text: Any) -> list[float]:
    return [float(len(text.split()))]


def test_a_function_that_takes_a_text_alone_is_told_what_it_gets() -> None:
    with pytest.raises(AttributeError) as caught:
        Reranker.of(of_one_text).rerank("query", ["a"])
    assert "was called with the query and a list of 1 texts, in this order" in caught.value.__notes__[0]


class ManyAtOnce(Scripted):
    def flow_many(self, requests: Any, deadline: Deadline) -> Any:
        return [Ranking.by_score(range(len(documents))) for _, documents in requests]


class ManyAsync(Scripted):
    async def flow_many(self, requests: Any, deadline: Deadline) -> Any:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        return [Ranking.by_score(range(len(documents))) for _, documents in requests]


@pytest.mark.parametrize("kind", [ManyAtOnce, ManyAsync])
def test_several_queries_may_be_ranked_by_a_plain_or_an_async_method(kind: type[Reranker], colour: Colour) -> None:
    ranking = colour(kind(), "rerank", "query", ["a", "b"])
    assert [hit.index for hit in ranking] == [1, 0]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Ranking((Hit(0, 1.0, why=cast("Any", 5)),)), "why of a Hit must be a str or None, not 5"),
        (Ranking((Hit(0, 1.0, passage=cast("Any", (1, 2, 3))),)), r"passage of a Hit must be \(start, end\)"),
        (Ranking((Hit(0, 1.0, passage=cast("Any", 7)),)), r"passage of a Hit must be \(start, end\)"),
        (Ranking((Hit(0, 1.0),), usage=cast("Any", None)), "with usage=None"),
        (Ranking((Hit(0, 1.0),), spans=cast("Any", None)), "and spans=None"),
        (Ranking((), dropped=(Dropped(7, "because"),)), "it must be a Dropped"),
        (Ranking((), dropped=(Dropped(-1, "because"),)), "it must be a Dropped"),
        (Ranking((), dropped=cast("Any", (3,))), "it must be a Dropped"),
    ],
)
def test_odd_parts_of_an_answer_are_refused(answer: Ranking, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        Answering(answer).rerank("query", ["a"])


def test_what_is_a_hit_has_not_been_dropped() -> None:
    ranking = Answering(Ranking((Hit(0, 1.0),), dropped=(Dropped(0, "because"),))).rerank("query", ["a"])
    assert ranking.dropped == ()


@pytest.mark.parametrize(
    ("documents", "told"),
    [(["a"], "with 2 or more"), ("ab", "with 2 or more"), ([1, 2], "texts or rerank_kit.Documents")],
)
def test_documents_that_were_not_ranked_are_refused(documents: Any, told: str) -> None:
    for method in (Ranking.by_score([1, 2]).records, Ranking.by_score([1, 2]).explain):
        with pytest.raises(ConfigurationError, match=told):
            method(documents)


def test_those_who_collect_around_hear_of_all() -> None:
    with pytest.raises(ConfigurationError, match="no reranker of ours ran in this int"):
        the_last([], 7)
    told = Ranking(()).explain()
    with explaining() as around:
        assert the_last([told], 7) is told
    assert around == [told]


def test_what_was_not_judged_passes_a_threshold() -> None:
    ranking = Ranking((Hit(1, 0.9, verdict="yes"), Hit(2, 0.1, verdict="no"), Hit(0, 0.0, verdict="unjudged")))
    assert [hit.index for hit in ranking.cut(None, 0.5)] == [1, 0]
    assert [hit.index for hit in ranking.cut(1, 0.5)] == [1]
    assert [hit.index for hit in ranking.cut(None, 0.5, blank=[0])] == [1]
