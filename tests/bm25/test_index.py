"""`BM25`: an index of texts, without a framework."""

from __future__ import annotations

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.bm25 import BM25

TEXTS = ["The house is old.", "Old houses and new houses.", "A map of Babylon."]


def test_the_places_of_texts_that_share_a_word_come_best_first() -> None:
    index = BM25(TEXTS, language="english")
    found = index.best("houses")
    assert [place for place, _ in found] == [1, 0]
    assert found[0][1] > found[1][1] > 0
    assert index.best("houses", 1) == found[:1]
    assert index.best("zebra") == []
    assert BM25([]).best("houses") == []


def test_words_as_they_stand_and_a_tokenizer_of_ones_own() -> None:
    assert [place for place, _ in BM25(TEXTS, language=None).best("house")] == [0]
    letters = BM25(TEXTS, tokenizer=list)
    assert letters.language is None
    assert [place for place, _ in letters.best("B")] == [2]


def test_an_unknown_language_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match=r"language must be .auto., .arabic."):
        BM25(TEXTS, language="klingon")
