"""Rules and cascades as LlamaIndex postprocessors, and every stage as a span with a pair of rerank events."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle, TextNode

from llama_rerank_kit import CascadeRerank, CrossEncoderRerank, RerankPostprocessor, RuleRerank
from rerank_kit import Budget, Cascade, ConfigurationError, DeadlineExceeded, Rules, Stage
from rerank_kit.rules import at_most, boost, contains, equals, rule
from tests.conftest import Colour
from tests.doubles import Failing, Scripted
from tests.llama.recording import recorded
from tests.rules.hostile import MAKERS, nested

QUERY = QueryBundle("query")
DESCRIPTION: dict[str, Any] = {"prefer": [{"rule": "equals", "field": "open", "value": True}]}


def pages(count: int = 6) -> list[NodeWithScore]:
    return [
        NodeWithScore(
            node=TextNode(text=f"page {number}", id_=str(number), metadata={"open": number % 2 == 0},
                          excluded_embed_metadata_keys=["open"]),
            score=0.1,
        )
        for number in range(count)
    ]  # fmt: skip


def ids(nodes: list[NodeWithScore]) -> list[str]:
    return [each.node_id for each in nodes]


# ── Rules ──


def test_rules_are_taken_as_they_are_described_or_from_a_file(colour: Colour, tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    path.write_text(json.dumps(DESCRIPTION))
    for rules in (Rules.from_dict(DESCRIPTION), DESCRIPTION, path, str(path)):
        best = colour(RuleRerank(rules=rules), "postprocess_nodes", pages(), QUERY)
        assert ids(best) == ["0", "2", "4", "1", "3", "5"]


def test_each_node_says_why_it_is_where_it_is_and_its_text_does_not(colour: Colour) -> None:
    given = pages()
    best = colour(RuleRerank(rules=DESCRIPTION, top_n=1), "postprocess_nodes", given, QUERY)
    assert best[0].relevance_reason == "Open is true (+0.5)."
    assert best[0].node is given[0].node
    assert best[0].metadata == {"open": True}
    assert best[0].to_dict()["relevance_reason"] == "Open is true (+0.5)."


def test_nothing_in_metadata_fails_a_ranking_or_is_lost(colour: Colour) -> None:
    postprocessor = RuleRerank(
        rules=Rules(prefer=[contains("text", "London"), boost("field")], at_most=at_most(1, by="field"))
    )
    for make in MAKERS.values():
        value = make()
        odd = NodeWithScore(node=TextNode(text="London", id_="odd", metadata={"field": value}), score=0.5)
        best = colour(postprocessor, "postprocess_nodes", [NodeWithScore(node=TextNode(id_="b")), odd], QUERY)
        assert ids(best) == ["odd", "b"]
        assert best[0].metadata["field"] is value


@pytest.mark.parametrize("rules", [Rules(prefer=[equals("open", True)]), DESCRIPTION])
def test_dicts_json_and_pickles_bring_the_same_rules_back(rules: Any) -> None:
    made = RuleRerank(rules=rules, top_n=2)
    data = made.to_dict()
    assert (data["class_name"], data["rules"]) == ("RuleRerank", DESCRIPTION)
    assert json.loads(made.to_json()) == data
    again: RuleRerank
    for again in (RuleRerank.from_dict(data), RuleRerank.from_json(made.to_json()), pickle.loads(pickle.dumps(made))):
        assert again.to_dict() == data
        assert ids(again.postprocess_nodes(pages(), QUERY)) == ["0", "2"]


def test_rules_in_a_file_are_described_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    path.write_text(json.dumps(DESCRIPTION))
    assert RuleRerank.from_dict(RuleRerank(rules=path).to_dict()).rules == str(path)


def test_code_among_the_rules_is_no_part_of_a_dict() -> None:
    made = RuleRerank(rules=Rules(prefer=[rule(lambda query, document: True)]))
    with pytest.raises(Exception, match="is code, which no description can hold"):
        made.to_dict()


def test_a_description_that_is_too_deep_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="deeper than"):
        RuleRerank(rules={"require": [nested(10_000, inside=DESCRIPTION["prefer"][0])]})


# ── Cascades ──


def made() -> CascadeRerank:
    return CascadeRerank(
        stages=[CrossEncoderRerank(top_n=4, timeout=60), RuleRerank(rules=DESCRIPTION)],
        budget=Budget(seconds=60, money=1),
        keep_rest=True,
        top_n=5,
    )


def test_the_fields_of_its_postprocessors_are_those_of_the_stages(colour: Colour) -> None:
    engine = made().loaded
    assert isinstance(engine, Cascade)
    assert [(stage.top_n, stage.threshold, stage.timeout) for stage in engine.stages] == [
        (4, None, 60), (None, None, None),
    ]  # fmt: skip
    assert (engine.budget, engine.keep_rest, engine.on_budget) == (Budget(60, 1), True, "return")
    best = colour(made(), "postprocess_nodes", pages(), QUERY)
    assert len(best) == 5


def test_dicts_json_and_pickles_bring_the_same_cascade_back() -> None:
    data = made().to_dict()
    assert [stage["class_name"] for stage in data["stages"]] == ["CrossEncoderRerank", "RuleRerank"]
    assert json.loads(made().to_json()) == data == json.loads(json.dumps(data))
    again: CascadeRerank
    for again in (
        CascadeRerank.from_dict(json.loads(json.dumps(data))),
        CascadeRerank.from_json(made().to_json()),
        pickle.loads(pickle.dumps(made())),
    ):
        assert again.to_dict() == data
        assert again.budget == Budget(60, 1)
        assert ids(again.postprocess_nodes(pages(), QUERY)) == ids(made().postprocess_nodes(pages(), QUERY))


def test_a_stage_with_a_reranker_of_its_own_is_no_part_of_a_dict_and_that_is_said() -> None:
    mine = CascadeRerank(stages=[RerankPostprocessor(reranker=Scripted())])
    with pytest.raises(Exception, match=r"stages\[0\] has a reranker of its own"):
        mine.to_dict()


@pytest.mark.parametrize(
    "setting", [{"on_error": "keep"}, {"metadata_mode": MetadataMode.NONE}, {"recall": 50}, {"distinct": None}]
)
def test_what_is_decided_for_all_stages_is_refused_in_one(setting: dict[str, Any]) -> None:
    (name,) = setting
    with pytest.raises(ValueError, match=rf"stages\[1\] has a {name}= of its own: pass {name}= to the cascade"):
        CascadeRerank(stages=[RerankPostprocessor(reranker=Scripted(), **each) for each in ({}, setting)])


def test_a_dict_with_an_unknown_stage_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no postprocessor 'Mine'; there are RerankPostprocessor"):
        CascadeRerank(stages=[{"class_name": "Mine"}])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="stages"):
        CascadeRerank(stages=7)  # type: ignore[arg-type]


def test_a_given_reranker_wins_over_the_fields() -> None:
    mine = Scripted()
    assert CascadeRerank(stages=[], reranker=mine).loaded is mine
    assert RuleRerank(rules=DESCRIPTION, reranker=mine).loaded is mine


# ── What a trace says ──


def three_stages() -> Cascade:
    return Cascade(
        Stage(Scripted(), top_n=4, name="broad"),
        Stage(Rules.from_dict(DESCRIPTION), top_n=2, name="rules"),
        Stage(Scripted(lambda text: -float(text[-1])), name="judge"),
    )


def test_each_stage_of_a_cascade_has_a_pair_of_events_inside_those_of_the_whole(colour: Colour) -> None:
    with recorded() as events:
        best = colour(RerankPostprocessor(reranker=three_stages()), "postprocess_nodes", pages(), QUERY)
    assert ids(best) == ["2", "4"]
    assert [start.tags.get("stage") for start in events.starts] == [None, "broad", "rules", "judge"]
    assert [end.tags.get("stage") for end in events.ends] == ["broad", "rules", "judge", None]
    assert [ids(start.nodes) for start in events.starts[1:]] == [
        ["0", "1", "2", "3", "4", "5"], ["5", "4", "3", "2"], ["4", "2"],
    ]  # fmt: skip
    assert [ids(end.nodes) for end in events.ends[:3]] == [["5", "4", "3", "2"], ["4", "2"], ["2", "4"]]
    assert [start.top_n for start in events.starts] == [3, 4, 2, 2]
    assert events.starts[2].model_name == "Rules"
    assert [each.score for each in events.starts[2].nodes] == [5.0, 4.0, 3.0, 2.0]
    report = events.ends[1].tags["rerank"]
    assert (report["outcome"], report["documents_out"], report["hits"][0]["why"]) == ("ok", 2, "Open is true (+0.5).")
    whole = events.ends[3].tags["rerank"]
    assert [stage["stage"] for stage in whole["stages"]] == ["broad", "rules", "judge"]
    for event in (*events.starts, *events.ends):
        event.model_dump_json()


def test_each_stage_is_a_span_below_that_of_the_postprocessor(colour: Colour) -> None:
    nested = Cascade(Stage(three_stages(), name="inner"), Stage(Scripted(), name="last"))
    with recorded() as events:
        colour(RerankPostprocessor(reranker=nested), "postprocess_nodes", pages(), QUERY)
    spans = {span.id_.partition("-")[0]: span for span in events.spans.completed_spans}
    (outer,) = [span for name, span in spans.items() if name.endswith("postprocess_nodes")]
    assert [spans[name].parent_id for name in ("inner", "last")] == [outer.id_] * 2
    assert {spans[name].parent_id for name in ("broad", "rules", "judge")} == {spans["inner"].id_}
    assert spans["judge"].tags == {"stage": "judge"}
    assert {start.span_id for start in events.starts if start.tags} == {
        span.id_ for span in spans.values() if span is not outer
    }


def test_a_stage_that_gives_up_drops_its_span_and_ends_its_pair(colour: Colour) -> None:
    late = Cascade(Stage(Scripted(), name="fine"), Stage(Failing(DeadlineExceeded("too late")), name="late"))
    with recorded() as events:
        best = colour(RerankPostprocessor(reranker=late), "postprocess_nodes", pages(), QUERY)
    assert ids(best) == ["5", "4", "3"]
    assert [end.tags.get("stage") for end in events.ends] == ["fine", "late", None]
    assert events.ends[1].tags["rerank"] == {"outcome": "failed", "problem": "DeadlineExceeded: too late"}
    assert [span.id_.partition("-")[0] for span in events.spans.dropped_spans] == ["late"]
    assert [stage["outcome"] for stage in events.ends[2].tags["rerank"]["stages"]] == ["ok", "degraded"]


def test_a_document_that_a_reranker_made_itself_appears_in_events_as_a_node_of_its_text(colour: Colour) -> None:
    class Retold(Scripted):
        """Gives a cascade inside documents of its own making."""

        def flow(self, query: str, documents: Any, deadline: Any) -> Any:
            texts = [document.text.replace("page", "leaf") for document in documents]
            inner = Cascade(Stage(Scripted(), name="inside"))
            return (yield from inner.reranking([(query, texts)], deadline=deadline))[0]

    with recorded() as events:
        best = colour(RerankPostprocessor(reranker=Retold()), "postprocess_nodes", pages(2), QUERY)
    assert ids(best) == ["1", "0"]
    assert [each.text for each in events.ends[0].nodes] == ["leaf 1", "leaf 0"]
