"""A ranking explains itself in a table, as text and as HTML."""

from __future__ import annotations

import re

from rerank_kit import Cascade, Document, Hit, Ranking, Rules, Stage
from rerank_kit.rules import equals
from tests.doubles import Answering, Scripted

DOCUMENTS = [Document("one 1", {"a": 1}), Document("two 2"), Document("three 3", {"a": 1})]
CASCADE = Cascade(
    Stage(Scripted(), top_n=2, name="model"),
    Stage(Rules(prefer=[equals("a", 1)]), name="rules"),
    Stage(Scripted(), when=lambda query, ranking: False, name="judge"),
)


def test_the_table_says_where_each_document_came_from_and_what_each_stage_made_of_it() -> None:
    lines = str(CASCADE.rerank("query", DOCUMENTS).explain(DOCUMENTS)).splitlines()
    assert [re.split(r"  +", line) for line in lines[:3]] == [
        ["rank", "was", "model", "rules", "score", "why", "text"],
        ["1", "3", "3", "0.5", "0.5", "A is 1 (+0.5).", "three 3"],
        ["2", "2", "2", "0", "0", "A is not known (+0).", "two 2"],
    ]
    assert [re.sub(r"\d\.\d+ s", "… s", line) for line in lines[3:]] == [
        "",
        "model (Scripted) with scripted: 3 → 2, ok, … s",
        "rules (Rules): 2 → 2, ok, … s",
        "judge (Scripted) with scripted: 2 → 2, skipped, … s (its condition, when=, does not hold)",
        "Cascade: 3 → 2, ok, … s",
        "",
        "not returned:",
        "      1                  1      model: not among the best, top_n=2  one 1",
    ]


def test_one_reranker_is_explained_without_stages() -> None:
    explanation = Scripted().rerank("query", DOCUMENTS).explain()
    assert explanation.header == ("rank", "was", "score")
    assert explanation.rows == (("1", "3", "3"), ("2", "2", "2"), ("3", "1", "1"))
    assert repr(explanation) == str(explanation)


def test_documents_below_the_survivors_have_no_score_from_stages_that_left_them_out() -> None:
    cascade = Cascade(Stage(Scripted(), top_n=1), Stage(Scripted(), name="second"), keep_rest=True)
    rows = cascade.rerank("query", DOCUMENTS).explain().rows
    assert rows[1] == ("2", "2", "", "", "2")


def test_long_reasons_are_wrapped_and_long_texts_cut() -> None:
    ranking = Answering(Ranking((Hit(0, 1.0, "because " * 20), Hit(1, 0.5)))).rerank("query", ["word " * 99, "b"])
    text = str(ranking.explain(["word " * 99, "b"]))
    assert max(map(len, text.splitlines())) < 150
    assert text.count("because") == 20
    assert " …" in text


def test_money_is_said_where_there_was_any() -> None:
    class Priced(Scripted):
        def cost(self, usage: object) -> float:
            return 0.25

    assert "cost $0.25" in str(Priced().rerank("query", DOCUMENTS).explain())


def test_what_all_texts_begin_with_is_left_out_and_what_is_short_or_all_of_it_stays() -> None:
    ranking = Answering(Ranking((Hit(0, 1.0), Hit(1, 0.5), Hit(2, 0.1))))
    alike = "Handbook of the office, chapter 12\n\n"

    def shown(*texts: str) -> list[str]:
        return [row[-1] for row in ranking.rerank("query", list(texts)).explain(texts).rows]

    assert shown(f"{alike}dogs", f"{alike}cats", f"{alike}{'hens ' * 30}") == [
        "… dogs",
        "… cats",
        f"… {'hens ' * 11}…",
    ]
    assert shown(alike, f"{alike}dogs", f"{alike} ") == [alike.strip(), "… dogs", alike.strip()]
    assert shown(f"{' ' * 700}the dogs", "the cats", "x") == ["the dogs", "the cats", "x"]
    assert shown(*["The return policy of shops: no"] * 3) == ["The return policy of shops: no"] * 3
    assert shown("the dogs", "the cats", "the hens") == ["the dogs", "the cats", "the hens"]


def test_a_notebook_shows_the_table_with_nothing_in_it_that_is_markup() -> None:
    hostile = "<script>alert('x')</script> & more"
    ranking = Answering(Ranking((Hit(0, 1.0, hostile),))).rerank("query", [hostile])
    html = ranking.explain([hostile])._repr_html_()
    assert "<script" not in html
    assert html.count("&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; &amp; more") == 2
    assert ranking._repr_html_().startswith("<table>")
    assert "<td" in ranking._repr_html_()
