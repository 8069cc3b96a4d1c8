"""Rules and cascades as LangChain compressors, and every stage as a run below the retriever's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda

from langchain_rerank_kit import CascadeRerank, CrossEncoderRerank, RerankCompressor, RuleRerank, with_rerank
from langchain_rerank_kit.result_metadata import EARLIER_SCORES, REASON, SCORE
from rerank_kit import Cascade, ConfigurationError, DeadlineExceeded, Rules, Stage
from rerank_kit.rules import at_most, boost, contains, equals
from tests.conftest import Colour
from tests.doubles import Failing, Scripted
from tests.langchain.recording import Recorder
from tests.rules.hostile import MAKERS, nested

DESCRIPTION: dict[str, Any] = {"prefer": [{"rule": "equals", "field": "open", "value": True}]}


def pages() -> list[Document]:
    return [
        Document(page_content=f"page {number}", id=str(number), metadata={"open": number % 2 == 0})
        for number in range(6)
    ]


def ids(documents: list[Document]) -> list[str]:
    return [str(document.id) for document in documents]


# ── Rules ──


def test_rules_are_taken_as_they_are_described_or_from_a_file(colour: Colour, tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    path.write_text(json.dumps(DESCRIPTION))
    for rules in (Rules.from_dict(DESCRIPTION), DESCRIPTION, path, str(path)):
        best = colour(RuleRerank(rules=rules), "compress_documents", pages(), "query")
        assert ids(best) == ["0", "2", "4", "1", "3", "5"]


def test_each_document_says_why_it_is_where_it_is(colour: Colour) -> None:
    best = colour(RuleRerank(rules=DESCRIPTION, top_n=1), "compress_documents", pages(), "query")
    said = {"relevance_score": 0.5, "relevance_reason": "Open is true (+0.5).", "first_stage_rank": 1}
    assert best[0].metadata == {"open": True, **said}


def test_a_reason_from_before_does_not_stay_to_explain_another_order(colour: Colour) -> None:
    once = colour(RuleRerank(rules=DESCRIPTION), "compress_documents", pages(), "query")
    twice = colour(RerankCompressor(reranker=Scripted()), "compress_documents", once, "query")
    assert "relevance_reason" not in twice[0].metadata
    assert twice[0].metadata["earlier_relevance_scores"] == [0.0]


@pytest.mark.parametrize("key", ["field", SCORE, EARLIER_SCORES, REASON])
def test_nothing_in_metadata_fails_a_ranking_or_is_lost(colour: Colour, key: str) -> None:
    compressor = RuleRerank(
        rules=Rules(prefer=[boost("field"), contains("field", "a")], at_most=at_most(1, by="field"))
    )
    for make in MAKERS.values():
        odd = Document(page_content="odd", id="odd", metadata={SCORE: 0.5, key: make()})
        best = colour(compressor, "compress_documents", [odd, Document(page_content="b", id="b")], "query")
        assert sorted(ids(best)) == ["b", "odd"]
        (again,) = (each for each in best if each.id == "odd")
        assert again.metadata.get("field") is odd.metadata.get("field")
        given, earlier = odd.metadata[SCORE], again.metadata[EARLIER_SCORES][-1]
        # A number is kept as a Python float, for JSON's sake; what is none stays what it is.
        assert earlier is given or (type(earlier) is float and repr(earlier) == repr(float(given)))


def test_rules_without_text_to_read_rank_all_the_same() -> None:
    empty = [Document(page_content="", metadata={"open": False}), Document(page_content="", metadata={"open": True})]
    best = RuleRerank(rules=DESCRIPTION).compress_documents(empty, "query")
    assert [document.metadata["open"] for document in best] == [True, False]


def test_a_wrong_description_is_named_by_rule_and_key() -> None:
    with pytest.raises(ConfigurationError, match=r"prefer\[0\]: rule must be one of"):
        RuleRerank(rules={"prefer": [{"rule": "x"}]})
    with pytest.raises(ConfigurationError, match="RuleRerank needs rules="):
        RuleRerank()  # type: ignore[call-arg]


def test_fields_dump_to_what_makes_the_same_compressor_again() -> None:
    made = RuleRerank(rules=Rules(prefer=[equals("open", True)]), top_n=2)
    dumped = json.loads(made.model_dump_json())
    assert dumped["rules"] == DESCRIPTION
    assert ids(RuleRerank(**dumped).compress_documents(pages(), "query")) == ["0", "2"]
    assert RuleRerank(rules=DESCRIPTION).model_dump()["rules"] == DESCRIPTION


def test_a_description_that_is_too_deep_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="deeper than"):
        RuleRerank(rules={"require": [nested(10_000, inside=DESCRIPTION["prefer"][0])]})


# ── Cascades ──


def test_the_fields_of_its_compressors_are_those_of_the_stages(colour: Colour) -> None:
    compressor = CascadeRerank(
        stages=[
            RerankCompressor(reranker=Scripted(), top_n=3, timeout=60),
            RuleRerank(rules=DESCRIPTION),
            RerankCompressor(reranker=Scripted(), top_n=None, threshold=4),
        ],
        keep_rest=True,
        budget=60,
    )
    assert ids(colour(compressor, "compress_documents", pages(), "query")) == ["5", "4", "3", "2", "1", "0"]
    engine = compressor.loaded
    assert isinstance(engine, Cascade)
    assert [(stage.top_n, stage.threshold, stage.timeout) for stage in engine.stages] == [
        (3, None, 60), (None, None, None), (None, 4, None),
    ]  # fmt: skip
    assert (engine.budget.seconds, engine.keep_rest) == (60, True)


def test_a_used_up_budget_raises_where_that_is_asked_for(colour: Colour) -> None:
    late = RerankCompressor(reranker=Failing(DeadlineExceeded("too late")))
    degraded = CascadeRerank(stages=[RerankCompressor(reranker=Scripted(), top_n=2), late])
    assert ids(colour(degraded, "compress_documents", pages(), "query")) == ["5", "4"]
    with pytest.raises(DeadlineExceeded):
        colour(CascadeRerank(stages=[late], on_budget="raise"), "compress_documents", pages(), "query")


def test_a_given_reranker_wins_over_the_fields() -> None:
    mine = Scripted()
    assert CascadeRerank(stages=[], reranker=mine).loaded is mine
    assert RuleRerank(rules=DESCRIPTION, reranker=mine).loaded is mine


def test_dumped_fields_name_every_setting_of_every_stage() -> None:
    made = CascadeRerank(stages=[CrossEncoderRerank(top_n=7), RuleRerank(rules=DESCRIPTION)], budget=2.0)
    dumped = json.loads(made.model_dump_json())
    assert [stage["top_n"] for stage in dumped["stages"]] == [7, None]
    assert dumped["stages"][1]["rules"] == DESCRIPTION
    assert dumped["budget"] == 2.0


# ── What a trace says ──


def three_stages() -> Cascade:
    return Cascade(
        Stage(Scripted(), top_n=4, name="broad"),
        Stage(Rules.from_dict(DESCRIPTION), top_n=2, name="rules"),
        Stage(Scripted(lambda text: -float(text[-1])), name="judge"),
    )


def test_each_stage_of_a_cascade_is_a_run_below_that_of_the_retriever(colour: Colour) -> None:
    recorder = Recorder()
    first: RunnableLambda[str, list[Document]] = RunnableLambda(lambda query: pages() * 4)
    settings: dict[str, Any] = {"recall": 24, "top_n": None, "distinct": None}
    retriever = with_rerank(first, three_stages(), widen=lambda retriever, recall: retriever, **settings)
    best = colour(retriever, "invoke", "query", {"callbacks": [recorder]})
    assert ids(best) == ["5", "5"]
    whole = recorder.named("Cascade")
    assert whole.parent == recorder.id_of("RerankRetriever")
    stages = [recorder.named(name) for name in ("broad", "rules", "judge")]
    assert [stage.parent for stage in stages] == [recorder.id_of("Cascade")] * 3
    assert [(stage.inputs["documents"], stage.outputs["documents_out"]) for stage in stages] == [
        (24, 4),
        (4, 2),
        (2, 2),
    ]
    assert [stage.inputs["query"] for stage in stages] == ["query"] * 3
    assert {stage.outputs["outcome"] for stage in stages} == {"ok"}
    assert stages[0].outputs["usage"]["pairs"] == 24
    assert [stage["stage"] for stage in whole.outputs["stages"]] == ["broad", "rules", "judge"]


def test_a_run_says_where_each_hit_stood_in_the_first_stage_and_why_it_is_there(colour: Colour) -> None:
    recorder = Recorder()
    compressor = RerankCompressor(reranker=three_stages(), top_n=None)
    colour(compressor, "compress_documents", pages(), "query", callbacks=[recorder])
    assert recorder.named("rules").outputs["hits"] == [
        {"first_stage_rank": 5, "score": 0.5, "why": "Open is true (+0.5)."},
        {"first_stage_rank": 3, "score": 0.5, "why": "Open is true (+0.5)."},
    ]
    assert [hit["first_stage_rank"] for hit in recorder.named("judge").outputs["hits"]] == [3, 5]
    json.dumps([run.outputs for run in recorder.runs.values()])


def test_stages_inside_a_stage_are_runs_below_its_run(colour: Colour) -> None:
    recorder = Recorder()
    nested = Cascade(Stage(three_stages(), name="inner"), Stage(Scripted(), name="last"))
    colour(RerankCompressor(reranker=nested), "compress_documents", pages(), "query", callbacks=[recorder])
    assert recorder.named("judge").parent == recorder.id_of("inner")
    assert recorder.named("inner").parent == recorder.named("last").parent == recorder.id_of("Cascade")


def test_a_stage_that_fails_or_gives_up_closes_its_run_with_the_reason(colour: Colour) -> None:
    recorder = Recorder()
    late = Cascade(Stage(Scripted(), name="fine"), Stage(Failing(DeadlineExceeded("too late")), name="late"))
    colour(RerankCompressor(reranker=late), "compress_documents", pages(), "query", callbacks=[recorder])
    assert str(recorder.named("late").error) == "too late"
    stages = recorder.named("Cascade").outputs["stages"]
    assert [stage["outcome"] for stage in stages] == ["ok", "degraded"]


def test_a_document_that_a_reranker_made_itself_is_traced_by_its_place_in_the_stage(colour: Colour) -> None:
    recorder = Recorder()
    RerankCompressor(reranker=Retold(), top_n=1).compress_documents(pages(), "query", callbacks=[recorder])
    assert recorder.named("inside").outputs["hits"][0] == {"first_stage_rank": 6, "score": 5.0}


class Retold(Scripted):
    """Gives a cascade inside documents of its own making."""

    def flow(self, query: str, documents: Any, deadline: Any) -> Any:
        texts = [document.text for document in documents]
        inner = Cascade(Stage(Scripted(), name="inside"))
        return (yield from inner.reranking([(query, texts)], deadline=deadline))[0]
