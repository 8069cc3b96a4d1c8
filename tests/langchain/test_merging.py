"""The same document twice takes one place, and what was merged stays readable."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_classic.retrievers import MergerRetriever
from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from pydantic import ValidationError

from langchain_rerank_kit import (
    BM25Retriever,
    CascadeRerank,
    CrossEncoderRerank,
    RecallWarning,
    RerankCompressor,
    RerankRetriever,
    RuleRerank,
    with_rerank,
)
from rerank_kit import Cascade, ConfigurationError, Fallback, Hedged, Reranker, Rules
from rerank_kit.rules import equals
from tests.conftest import Colour
from tests.doubles import Failing, Scripted
from tests.langchain.recording import Recorder
from tests.local.tiny_models import bert_like
from tests.rules.hostile import MAKERS


def page(content: str, key: str | None = None, **metadata: Any) -> Document:
    return Document(page_content=content, id=key, metadata=metadata)


def twice() -> list[Document]:
    return [
        page("low 1", "a", source="x"),
        page("high 3", "b", source="y"),
        page("low 1", "a", source="z", tags=["again"]),
        page("High  3", "c"),
        page("low 1", "a"),
    ]


def told(documents: Sequence[Document]) -> list[tuple[str | None, list[Any]]]:
    return [(each.id, [other["id"] for other in each.metadata.get("merged_documents", [])]) for each in documents]


def every(compressor: BaseDocumentCompressor | Reranker, documents: list[Document], **settings: Any) -> RerankRetriever:
    """A retriever that brings those documents."""
    given: dict[str, Any] = {"top_n": None, **settings}
    return with_rerank(lambda _: documents, compressor, widen=lambda each, _: each, **given)


# ── What is merged ──


def test_the_same_id_and_text_are_merged_into_the_best_placed_and_the_others_are_listed(colour: Colour) -> None:
    reranker = Scripted()
    best = colour(RerankCompressor(reranker=reranker, top_n=None), "compress_documents", twice(), "query")
    assert told(best) == [("b", []), ("c", []), ("a", ["a", "a"])]
    assert best[2].metadata == {
        "source": "x",
        "relevance_score": 1.0,
        "first_stage_rank": 1,
        "merged_documents": [
            {"id": "a", "metadata": {"source": "z", "tags": ["again"]}},
            {"id": "a", "metadata": {}},
        ],
    }
    assert [document.text for document in reranker.sent[0][1]] == ["low 1", "high 3", "High  3"]
    json.dumps([each.model_dump() for each in best])


def test_by_text_ids_case_and_white_space_do_not_count(colour: Colour) -> None:
    compressor = RerankCompressor(reranker=Scripted(), top_n=None, distinct="text")
    best = colour(compressor, "compress_documents", twice(), "query")
    assert told(best) == [("b", ["c"]), ("a", ["a", "a"])]


def test_what_another_text_says_is_listed_with_it(colour: Colour) -> None:
    compressor = RerankCompressor(reranker=Scripted(), top_n=None, distinct="text")
    best = colour(compressor, "compress_documents", twice(), "query")
    assert best[0].metadata["merged_documents"] == [{"id": "c", "metadata": {}, "page_content": "High  3"}]
    assert {"page_content"} & best[1].metadata["merged_documents"][0].keys() == set()
    near = [page("one two three four five six 1", "a"), page("one two three four five six 1 more 2", "b")]
    (kept,) = colour(RerankCompressor(reranker=Scripted(), distinct=0.5), "compress_documents", near, "query")
    assert kept.metadata["merged_documents"][0]["page_content"] == near[1].page_content


def test_by_share_nearly_the_same_texts_are_merged(colour: Colour) -> None:
    text = " ".join(f"word{number}" for number in range(100))
    documents = [page(f"{text} 1", "a"), page(f"other {text} 2", "b"), page("quite another 3", "c")]
    cases: list[Any] = [(0.9, [("c", []), ("a", ["b"])]), (0.99, [("c", []), ("b", []), ("a", [])])]
    for share, expected in cases:
        compressor = RerankCompressor(reranker=Scripted(), distinct=share)
        assert told(colour(compressor, "compress_documents", documents, "query")) == expected


def test_none_merges_nothing(colour: Colour) -> None:
    compressor = RerankCompressor(reranker=Scripted(), top_n=None, distinct=None)
    best = colour(compressor, "compress_documents", twice(), "query")
    assert told(best) == [("b", []), ("c", []), ("a", []), ("a", []), ("a", [])]


def test_a_union_of_retrievers_fills_no_two_places_with_one_text(colour: Colour) -> None:
    texts = [f"note {number}" for number in range(30)]
    with_ids = BM25Retriever.from_texts(texts, ids=list(map(str, range(30))))
    union = MergerRetriever(retrievers=[with_ids, BM25Retriever.from_texts(texts)])
    best = colour(with_rerank(union, Scripted()), "invoke", "note")
    assert [each.page_content for each in best] == [f"note {number}" for number in (29, 28, 27, 26, 25)]
    assert told(best) == [(str(number), [None]) for number in (29, 28, 27, 26, 25)]
    kept = colour(with_rerank(union, Scripted(), distinct=None), "invoke", "note")
    assert [each.page_content for each in kept] == [f"note {number}" for number in (29, 29, 28, 28, 27)]


def test_what_comes_in_is_not_touched(colour: Colour) -> None:
    given = twice()
    before = copy.deepcopy(given)
    best = colour(RerankCompressor(reranker=Scripted()), "compress_documents", given, "query")
    best[-1].metadata["merged_documents"][0]["metadata"]["mine"] = True
    assert given == before


def test_documents_of_which_another_text_is_read_are_others(colour: Colour) -> None:
    documents = [page("the same 1", title="x"), page("the same 1", title="y"), page("the same 1", title="x", n=1)]
    for distinct in ("document", "text"):
        compressor = RerankCompressor(reranker=Scripted(), text="{title}\n{page_content}", distinct=distinct)
        best = colour(compressor, "compress_documents", documents, "query")
        assert [(each.metadata["title"], len(told([each])[0][1])) for each in best] == [("x", 1), ("y", 0)]


def test_documents_of_which_the_same_is_read_but_which_say_another_thing_are_others(colour: Colour) -> None:
    documents = [page("one", title="1"), page("other", title="1")]
    best = colour(RerankCompressor(reranker=Scripted(), text="{title}"), "compress_documents", documents, "query")
    assert [each.page_content for each in best] == ["one", "other"]


def test_what_was_merged_before_stays_listed(colour: Colour) -> None:
    once = colour(RerankCompressor(reranker=Scripted(), top_n=None), "compress_documents", twice(), "query")
    second = RerankCompressor(reranker=Scripted(), top_n=None, distinct="text")
    best = colour(second, "compress_documents", [*once, page("LOW 1", "d")], "query")
    assert told(best) == [("b", ["c"]), ("a", ["a", "a", "d"])]


def test_another_value_under_that_key_stays_unless_there_is_something_to_list(colour: Colour) -> None:
    documents = [page("x 1", merged_documents="mine"), page("y 2", merged_documents="mine"), page("y 2")]
    best = colour(RerankCompressor(reranker=Scripted()), "compress_documents", documents, "query")
    assert [each.metadata["merged_documents"] for each in best] == [[{"id": None, "metadata": {}}], "mine"]


def test_nothing_in_metadata_fails_the_merging(colour: Colour) -> None:
    for make in MAKERS.values():
        for distinct in ("document", "text", 0.5):
            value = make()
            documents = [page("x 1", "a"), page("x 1", "a", field=value)]
            compressor = RerankCompressor(reranker=Scripted(), distinct=distinct)
            (best,) = colour(compressor, "compress_documents", documents, "query")
            assert best.metadata["merged_documents"][0]["metadata"]["field"] is value


# ── Where metadata decide ──


def chairs(*keys: str | None) -> list[Document]:
    return [page("chair 1", keys[0], stock=0), page("chair 1", keys[1], stock=5)]


IN_STOCK = Rules(exclude=[equals("stock", 0)])


@pytest.mark.parametrize(
    "reranker",
    [
        IN_STOCK,
        Cascade(Scripted(), IN_STOCK),
        Fallback(IN_STOCK, Scripted()),
        Hedged(IN_STOCK, after=60),
        Hedged(Scripted(), other=IN_STOCK, after=60),
    ],
)
def test_where_rules_are_at_work_documents_without_ids_are_not_merged(reranker: Reranker, colour: Colour) -> None:
    assert reranker.reads_metadata
    best = colour(RerankCompressor(reranker=reranker, top_n=None), "compress_documents", chairs(None, None), "query")
    assert 5 in [each.metadata["stock"] for each in best]


def test_elsewhere_they_are(colour: Colour) -> None:
    for reranker in (Scripted(), Cascade(Scripted()), Fallback(Scripted(), Scripted()), Hedged(Scripted(), after=60)):
        assert not reranker.reads_metadata
        (best,) = colour(RerankCompressor(reranker=reranker), "compress_documents", chairs(None, None), "query")
        assert best.metadata["merged_documents"] == [{"id": None, "metadata": {"stock": 5}}]


def test_what_rules_may_merge_can_be_said(colour: Colour) -> None:
    cases: list[Any] = [({"distinct": "text"}, (None, None)), ({}, ("a", "a"))]
    for settings, keys in cases:
        compressor = RuleRerank(rules=Rules(prefer=[equals("stock", 0)]), **settings)
        (best,) = colour(compressor, "compress_documents", chairs(*keys), "query")
        assert best.metadata["merged_documents"][0]["metadata"] == {"stock": 5}


# ── In a retriever ──


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [("b", []), ("c", []), ("a", ["a", "a"])]),
        ({"distinct": "text"}, [("b", ["c"]), ("a", ["a", "a"])]),
        ({"distinct": 0.9}, [("b", ["c"]), ("a", ["a", "a"])]),
        ({"distinct": None}, [("b", []), ("c", []), ("a", []), ("a", []), ("a", [])]),
    ],
)
@pytest.mark.filterwarnings("ignore::langchain_rerank_kit.RecallWarning")
def test_with_rerank_merges_for_rerankers_and_compressors_of_any_make(
    settings: dict[str, Any], expected: list[Any], colour: Colour
) -> None:
    assert told(colour(every(Scripted(), twice(), **settings), "invoke", "query")) == expected
    mine = RerankCompressor(reranker=Scripted(), top_n=None)
    assert told(colour(every(mine, twice(), **settings), "invoke", "query")) == expected
    assert sorted(told(colour(every(Passing(), twice(), **settings), "invoke", "query"))) == sorted(expected)
    failing = every(Failing(RuntimeError("x")), twice(), on_error="keep", **settings)
    kept = colour(failing, "invoke", "query")
    assert sorted(told(kept)) == sorted(expected)
    assert {each.metadata["rerank_failed"] for each in kept} == {"RuntimeError: x"}


class Passing(BaseDocumentCompressor):
    """Somebody else's compressor, which lets everything through."""

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        return list(documents)


@pytest.mark.filterwarnings("ignore::langchain_rerank_kit.RecallWarning")
def test_a_compressor_that_says_something_else_has_its_way_where_nothing_else_is_said(colour: Colour) -> None:
    for own in ("text", None, 0.9):
        mine = RerankCompressor(reranker=Scripted(), top_n=None, distinct=own)
        assert every(mine, twice()).distinct == own
        assert every(mine, twice(), distinct=0.5).distinct == 0.5
    mine = RerankCompressor(reranker=Scripted(), top_n=None)
    assert len(colour(every(mine, twice(), distinct=None), "invoke", "query")) == 5


@pytest.mark.filterwarnings("ignore::langchain_rerank_kit.RecallWarning")
def test_the_order_that_is_kept_is_merged_by_what_is_read_where_that_can_be_read(colour: Colour) -> None:
    documents = [page("the same", title="x"), page("the same", title="y"), page("the same", title="x")]

    def failing(document: Document) -> str:
        raise KeyError(document.metadata["title"])

    for text, lengths in (("{title}\n{page_content}", [1, 0]), (failing, [2])):
        retriever = every(Failing(RuntimeError("x")), documents, on_error="keep", text=text)
        kept = colour(retriever, "invoke", "query")
        assert [len(others) for _, others in told(kept)] == lengths


@pytest.mark.filterwarnings("ignore::langchain_rerank_kit.RecallWarning")
def test_the_order_that_is_kept_tells_chairs_apart_too(colour: Colour) -> None:
    class Broken(Scripted):
        @property
        def reads_metadata(self) -> bool:
            return True

    broken = Broken(lambda _: "no number")
    kept = colour(every(broken, chairs(None, None), on_error="keep"), "invoke", "query")
    assert [each.metadata["stock"] for each in kept] == [0, 5]


def test_too_few_candidates_are_those_that_the_first_stage_brought(colour: Colour) -> None:
    documents = [page("note 1", "a")] * 50
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (best,) = colour(every(Scripted(), documents), "invoke", "query")
    assert len(best.metadata["merged_documents"]) == 49
    with pytest.warns(RecallWarning, match="brought 9 candidates"):
        colour(every(Scripted(), documents[:9]), "invoke", "query")


@pytest.mark.filterwarnings("ignore::langchain_rerank_kit.RecallWarning")
def test_the_trace_counts_what_was_merged_and_says_where_hits_stood_before(colour: Colour) -> None:
    for compressor, name in ((Scripted(), "Scripted"), (Passing(), "Passing")):
        recorder = Recorder()
        colour(every(compressor, twice(), distinct="text"), "invoke", "query", {"callbacks": [recorder]})
        run = recorder.named(name)
        assert (run.inputs["documents"], run.outputs["merged"]) == (5, 3)
    recorder = Recorder()
    documents = [page("x 1", "a"), page("x 1", "a"), page("y 2", "b")]
    colour(RerankCompressor(reranker=Scripted()), "compress_documents", documents, "query", callbacks=[recorder])
    outputs = recorder.named("Scripted").outputs
    assert [hit["first_stage_rank"] for hit in outputs["hits"]] == [3, 1]
    assert outputs["merged"] == 1


# ── Settings ──


@pytest.mark.parametrize("wrong", [0, 1.5, True, "id", "texts"])
def test_a_wrong_setting_is_an_error_that_says_what_there_is(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match='distinct must be "document", "text"'):
        every(Scripted(), [], distinct=wrong)
    with pytest.raises(ValidationError, match='distinct must be "document", "text"'):
        RerankCompressor(reranker=Scripted(), distinct=wrong)


def test_a_stage_cannot_merge_for_itself() -> None:
    with pytest.raises(ValidationError, match=r"stages\[0\] has a distinct= of its own"):
        CascadeRerank(stages=[RerankCompressor(reranker=Scripted(), distinct="text")])


def test_fields_dump_to_what_makes_the_same_compressor_again(tmp_path: Path) -> None:
    model = str(bert_like(tmp_path).folder)
    for distinct in ("document", "text", 0.9, None):
        dumped = json.loads(CrossEncoderRerank(model=model, distinct=distinct).model_dump_json())
        assert CrossEncoderRerank(**dumped).distinct == distinct
