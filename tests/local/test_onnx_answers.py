"""Of a graph that gives a logit for every word, the score is that of "yes", less that of "no", at the last token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rerank_kit import ConfigurationError, InvalidResponse
from rerank_kit.local import OnnxCrossEncoder
from tests.conftest import Colour
from tests.local.tiny_models import WORDS, TinyModel, language_model

pytest.importorskip("onnxruntime")
TEMPLATE = "query {query} text {document} word"
TEXTS = ["apple", "banana cherry date elder", "fig grape"]


def said(model: TinyModel, document: str, words: dict[str, float]) -> float:
    """What the graph must answer behind the prompt, computed here."""
    places = {word: place for place, word in enumerate(["<pad>", "<unk>", "yes", "no", *WORDS])}
    read = model.embeddings[[places[word] for word in f"query apple text {document} word".split()]].sum(axis=0)
    return float(sum(sign * (read @ model.head)[places[word]] for word, sign in words.items()))


@pytest.mark.parametrize(
    ("options", "batch_size"),
    [({}, 1), ({}, 3), ({"last_alone": True}, 1), ({"cache": True}, 1), ({"cache": True}, 3)],
)
def test_the_score_is_how_far_yes_lies_above_no(
    tmp_path: Path, options: dict[str, Any], batch_size: int, colour: Colour
) -> None:
    model = language_model(tmp_path, **options)
    engine = OnnxCrossEncoder(
        model.folder, template=TEMPLATE, answers=("yes", "no"), raw_scores=True, batch_size=batch_size
    )
    ranking = colour(engine, "rerank", "apple", TEXTS)
    for hit in ranking:
        assert hit.score == pytest.approx(said(model, TEXTS[hit.index], {"yes": 1, "no": -1}), abs=1e-4)
    assert len({hit.score for hit in ranking}) == len(TEXTS)


def test_padding_is_not_taken_for_the_last_token(tmp_path: Path) -> None:
    model = language_model(tmp_path, last_alone=True)
    engine = OnnxCrossEncoder(model.folder, template=TEMPLATE, answers=("yes", "no"), batch_size=3)
    assert len(engine.rerank("apple", ["banana", "cherry"])) == 2
    with pytest.raises(InvalidResponse, match="pass batch_size=1"):
        engine.rerank("apple", TEXTS)


def test_of_one_answer_the_score_is_its_logit(tmp_path: Path) -> None:
    model = language_model(tmp_path)
    engine = OnnxCrossEncoder(model.folder, template=TEMPLATE, answers=("yes",), raw_scores=True)
    for hit in engine.rerank("apple", TEXTS):
        assert hit.score == pytest.approx(said(model, TEXTS[hit.index], {"yes": 1}), abs=1e-4)


def test_a_family_has_its_own_answers(tmp_path: Path) -> None:
    model = language_model(tmp_path / "Qwen3-Reranker-0.6B")
    given = OnnxCrossEncoder(model.folder, template=TEMPLATE, answers=("yes", "no")).rerank("apple", TEXTS)
    assert OnnxCrossEncoder(model.folder, template=TEMPLATE).rerank("apple", TEXTS).hits == given.hits


def test_without_answers_a_language_model_is_refused_while_it_loads(tmp_path: Path) -> None:
    model = language_model(tmp_path)
    with pytest.raises(ConfigurationError, match=r"as a language model does.*answers="):
        OnnxCrossEncoder(model.folder, template=TEMPLATE)


def test_an_answer_that_is_no_token_is_named(tmp_path: Path) -> None:
    model = language_model(tmp_path)
    with pytest.raises(ConfigurationError, match="no token 'maybe not'"):
        OnnxCrossEncoder(model.folder, template=TEMPLATE, answers=("maybe not",))


def test_a_vector_for_every_token_is_no_answer(tmp_path: Path) -> None:
    model = language_model(tmp_path, vocabulary=1000)
    with pytest.raises(ConfigurationError, match="a vector for every token"):
        OnnxCrossEncoder(model.folder, template=TEMPLATE, answers=("yes", "no"))
