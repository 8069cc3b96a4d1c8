"""The local engines by name, as document compressors."""

from __future__ import annotations

import asyncio
import inspect
import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.load import dumps
from pydantic import SecretStr

from langchain_rerank_kit import (
    BM25Retriever,
    CrossEncoderRerank,
    FlashRankRerank,
    LateInteractionRerank,
    RerankCompressor,
    with_rerank,
)
from rerank_kit import ConfigurationError, Reranker
from rerank_kit.late import LateInteraction
from rerank_kit.local import FlashRank, LongDocumentsWarning, OnnxCrossEncoder, SentenceTransformersCrossEncoder
from rerank_kit.local.model_files import EMBEDDED, embedded_folder
from tests.conftest import Colour
from tests.doubles import Scripted
from tests.late.tiny_late import stanford_like

QUESTION = "What is the GST registration threshold?"
TEXTS = ["Cats sleep all day.", "The GST registration threshold is 75,000 dollars.", "GST history"]


def documents() -> list[Document]:
    return [Document(page_content=text, id=str(place)) for place, text in enumerate(TEXTS)]


def check(best: list[Document], expected: list[float]) -> None:
    """The scores are those of the engine, as floats that JSON takes; ids survive."""
    scores = [each.metadata["relevance_score"] for each in best]
    assert scores == pytest.approx(sorted(expected, reverse=True)[: len(best)], abs=1e-6)
    assert [expected[int(str(each.id))] for each in best] == pytest.approx(scores, abs=1e-6)
    assert all(type(score) is float for score in scores)
    json.dumps([each.metadata for each in best])


def test_sentence_transformers_by_name(tmp_path: Path, colour: Colour) -> None:
    torch_models: Any = pytest.importorskip("tests.local.tiny_torch_models")
    library: Any = pytest.importorskip("sentence_transformers")
    folder = str(torch_models.bert_like(tmp_path))
    compressor = CrossEncoderRerank(
        model=folder, engine="sentence-transformers", device="cpu", dtype="float32", threads=1, max_length=48
    )
    assert type(compressor.loaded).__name__ == "SentenceTransformersCrossEncoder"
    model = library.CrossEncoder(folder, device="cpu", max_length=48)
    expected = model.predict([(QUESTION, text) for text in TEXTS], show_progress_bar=False).tolist()
    check(colour(compressor, "compress_documents", documents(), QUESTION), expected)


def test_late_interaction_by_its_folder_keeps_vectors_in_a_file(tmp_path: Path, colour: Colour) -> None:
    folder, store = str(stanford_like(tmp_path / "model").folder), str(tmp_path / "vectors")
    texts = ["apple banana fig", "grape , date", "cherry"]
    ranking = LateInteraction(folder, threads=1, max_length=10).rerank("fig", texts)
    expected = [hit.score for hit in sorted(ranking, key=lambda hit: hit.index)]
    compressor = LateInteractionRerank(model=folder, store=store, threads=1, max_length=10, top_n=2)
    found = [Document(page_content=text, id=str(place)) for place, text in enumerate(texts)]
    check(colour(compressor, "compress_documents", found, "fig"), expected)
    again = LateInteractionRerank(model=folder, store=store, threads=1, max_length=10)
    assert again.loaded.rerank("fig", texts).usage.cached == 3
    hidden = LateInteractionRerank(model=folder, token=SecretStr("hf_secret"))
    assert "hf_secret" not in pickle.dumps(hidden).decode("latin-1") + repr(hidden)
    with pytest.raises(ConfigurationError, match="LateInteractionRerank needs model=: a folder, or a hub name"):
        LateInteractionRerank()  # type: ignore[call-arg]


def test_flashrank_by_name(tmp_path: Path, colour: Colour) -> None:
    flashrank: Any = pytest.importorskip("flashrank")
    shutil.copytree(embedded_folder(), tmp_path / EMBEDDED)
    (tmp_path / EMBEDDED / "model.onnx").rename(tmp_path / EMBEDDED / "flashrank-MiniLM-L-12-v2_Q.onnx")
    (tmp_path / EMBEDDED / "config.json").write_text('{"pad_token_id": 0}', "utf-8")
    theirs = flashrank.Ranker(EMBEDDED, cache_dir=str(tmp_path))
    expected = [theirs.rerank(flashrank.RerankRequest(QUESTION, [{"text": text}]))[0]["score"] for text in TEXTS]
    compressor = FlashRankRerank(cache_dir=str(tmp_path), threads=1, top_n=2)
    check(colour(compressor, "compress_documents", documents(), QUESTION), [float(score) for score in expected])
    assert len(compressor.compress_documents(documents(), QUESTION)) == 2


@pytest.mark.parametrize(
    ("engine", "adapter"),
    [
        (OnnxCrossEncoder, CrossEncoderRerank),
        (SentenceTransformersCrossEncoder, CrossEncoderRerank),
        (FlashRank, FlashRankRerank),
    ],
)
def test_every_setting_of_an_engine_is_a_field_with_the_same_default(
    engine: type[Reranker], adapter: type[RerankCompressor]
) -> None:
    fields = {name: field.default for name, field in adapter.model_fields.items()}
    settings = {name: each.default for name, each in inspect.signature(engine).parameters.items() if name != "model"}
    assert settings.items() <= fields.items()


def test_a_reranker_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="Reranker"):
        RerankCompressor(reranker="bge")  # type: ignore[arg-type]


def test_a_setting_that_the_engine_does_not_have_is_an_error_at_once() -> None:
    with pytest.raises(ConfigurationError, match="dtype='float16' is no setting of engine='onnx'"):
        CrossEncoderRerank(dtype="float16")


def test_a_given_reranker_wins_over_the_fields() -> None:
    mine = Scripted()
    assert FlashRankRerank(reranker=mine).loaded is mine


def test_a_batch_of_questions_gives_each_its_own_answer(colour: Colour) -> None:
    corpus = [*TEXTS, *(f"The threshold for a permit of kind {number} is {number} dollars." for number in range(30))]
    retriever = with_rerank(BM25Retriever.from_texts(corpus), CrossEncoderRerank(), recall=25, top_n=1)
    questions = [
        QUESTION,
        "What is the threshold for a permit of kind 7?",
        "The threshold for permits of kind 12?",
    ]
    answers = colour(retriever, "batch", questions)
    assert [[each.page_content for each in best] for best in answers] == [
        [each.page_content for each in retriever.invoke(question)] for question in questions
    ]
    assert answers[0][0].page_content == TEXTS[1]


def test_dumps_works_for_each(tmp_path: Path) -> None:
    for compressor in (CrossEncoderRerank(), FlashRankRerank(reranker=Scripted())):
        assert type(compressor).__name__ in dumps(compressor)


def test_that_most_documents_are_cut_is_said_at_the_users_line() -> None:
    long = [Document(page_content=f"GST {place} {'word ' * 60}") for place in range(20)]
    retriever = with_rerank(BM25Retriever.from_documents(long), OnnxCrossEncoder(max_length=32), recall=20)
    with pytest.warns(LongDocumentsWarning, match="^20 of 20 documents are longer") as told:
        retriever.invoke("GST")
    asyncio.run(retriever.ainvoke("GST"))
    assert [each.filename for each in told] == [__file__]
    again = with_rerank(BM25Retriever.from_documents(long), OnnxCrossEncoder(max_length=32), recall=20)
    with pytest.warns(LongDocumentsWarning, match="^20 of 20 documents are longer") as told:
        asyncio.run(again.ainvoke("GST"))
    assert [each.filename for each in told] == [__file__]
