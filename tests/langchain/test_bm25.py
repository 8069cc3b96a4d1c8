"""BM25 as a first stage: ids and metadata survive, and languages without spaces work."""

from __future__ import annotations

import copy
import logging
import pickle
import sys
from typing import Any

import pytest
from langchain_core.documents import Document

from langchain_rerank_kit import BM25Retriever
from rerank_kit import ConfigurationError, MissingExtra
from rerank_kit.bm25.words import words
from tests.conftest import Colour

TEXTS = ["the cat sat", "the dog ran", "a cat and a dog", "nothing in common"]
GERMAN = [
    "Die Katzen schlafen auf den Dächern, und nicht nur in der Nacht.",
    "Der Hund war unter den Bäumen; wo ist er?",
]


def ids(documents: list[Document]) -> list[str | None]:
    return [document.id for document in documents]


def test_documents_with_the_querys_words_come_best_first(colour: Colour) -> None:
    retriever = BM25Retriever.from_texts(TEXTS, ids=["0", "1", "2", "3"])
    found = colour(retriever, "invoke", "Cat, sat!")
    assert ids(found) == ["0", "2"]
    scores = [document.metadata["relevance_score"] for document in found]
    assert scores == sorted(scores, reverse=True)
    assert {type(score) for score in scores} == {float}


def test_documents_keep_their_ids_and_metadata_and_are_not_touched(colour: Colour) -> None:
    given_documents = [Document(page_content="cat", id="x", metadata={"page": 3, "relevance_score": 1.0})]
    before = copy.deepcopy(given_documents)
    (found,) = colour(BM25Retriever.from_documents(given_documents), "invoke", "cat")
    assert (found.id, found.metadata["page"]) == ("x", 3)
    assert found.metadata["earlier_relevance_scores"] == [1.0]
    assert given_documents == before


def test_k_limits_and_may_exceed_the_collection(colour: Colour) -> None:
    retriever = BM25Retriever.from_texts(["cat"] * 10)
    assert len(colour(retriever, "invoke", "cat")) == 4
    assert len(colour(retriever, "invoke", "cat", k=7)) == 7
    assert len(colour(retriever.model_copy(update={"k": 50}), "invoke", "cat")) == 10


def test_equal_scores_keep_the_order_of_the_collection() -> None:
    found = BM25Retriever.from_texts(["same cat"] * 40, ids=[str(n) for n in range(40)], k=30).invoke("cat")
    assert ids(found) == [str(n) for n in range(30)]


@pytest.mark.parametrize("k", [0, -3])
def test_k_must_be_at_least_one(k: int) -> None:
    with pytest.raises(ValueError, match="k"):
        BM25Retriever.from_texts(TEXTS, k=k)
    with pytest.raises(ConfigurationError, match="k must be"):
        BM25Retriever.from_texts(TEXTS).invoke("cat", k=k)


@pytest.mark.parametrize("texts", [[], [""], ["", "  "]])
def test_a_collection_without_words_finds_nothing(texts: list[str]) -> None:
    assert BM25Retriever.from_texts(texts).invoke("cat") == []


@pytest.mark.parametrize("query", ["", "?!", "zebra"])
def test_a_query_without_known_words_finds_nothing(colour: Colour, query: str) -> None:
    assert colour(BM25Retriever.from_texts(TEXTS), "invoke", query) == []


@pytest.mark.parametrize("field", ["metadatas", "ids"])
def test_metadata_and_ids_must_pair_up_with_the_texts(field: str) -> None:
    lists: dict[str, Any] = {"metadatas": [{}], "ids": ["a"]}
    with pytest.raises(ConfigurationError, match=f"{field} has 1 entries for 4 texts"):
        BM25Retriever.from_texts(TEXTS, **{field: lists[field]})


def test_metadata_is_kept_per_text() -> None:
    (found,) = BM25Retriever.from_texts(["cat", "dog"], metadatas=[{"n": 0}, {"n": 1}]).invoke("dog")
    assert found.metadata["n"] == 1


@pytest.mark.parametrize(
    ("query", "expected"),
    [("注册门槛", "澳大利亚的商品及服务税注册门槛是七万五千澳元。"), ("東京の天気", "明日の東京の天気は晴れです。")],
)
def test_chinese_and_japanese_are_found_without_spaces(colour: Colour, query: str, expected: str) -> None:
    texts = [
        "澳大利亚的历史很长。",
        "澳大利亚的商品及服务税注册门槛是七万五千澳元。",
        "明日の東京の天気は晴れです。",
        "猫が寝ている。",
    ]
    assert colour(BM25Retriever.from_texts(texts), "invoke", query)[0].page_content == expected


def test_every_form_of_a_word_is_found_in_the_collections_language(colour: Colour) -> None:
    texts = [*GERMAN, "Ein anderer Satz, der von etwas anderem handelt und nicht mehr sagt."]
    retriever = BM25Retriever.from_texts(texts, ids=["0", "1", "2"])
    assert repr(retriever) == "BM25Retriever(language='auto: german')"
    assert ids(colour(retriever, "invoke", "Katze Dach")) == ["0"]
    assert ids(colour(retriever, "invoke", "Wo ist der Baum?"))[0] == "1"


def test_a_language_can_be_named_or_left_out() -> None:
    texts = ["Katzen", "Katze"]
    assert len(BM25Retriever.from_texts(texts, language="german").invoke("Katze")) == 2
    assert len(BM25Retriever.from_texts(texts, language=None).invoke("Katze")) == 1
    assert repr(BM25Retriever.from_texts(texts, language="german", k=9)) == "BM25Retriever(k=9, language='german')"
    assert repr(BM25Retriever.from_texts(texts, language=None)) == "BM25Retriever(language=None)"
    assert repr(BM25Retriever.from_texts(texts)) == "BM25Retriever(language='auto: None')"


@pytest.mark.parametrize("wrong", ["klingon", "English", "en", "porter", ""])
def test_a_wrong_language_is_refused_with_those_there_are(wrong: str) -> None:
    with pytest.raises(
        ConfigurationError, match=f"language must be 'auto', 'arabic', .*'yiddish' or None, not '{wrong}'"
    ):
        BM25Retriever.from_texts(TEXTS, language=wrong)


def test_a_name_in_code_is_found_by_its_parts(colour: Colour) -> None:
    texts = ["fn new() -> DiffExecutor", "def get_user_name(): pass", "nothing"]
    retriever = BM25Retriever.from_texts(texts, ids=["0", "1", "2"])
    assert ids(colour(retriever, "invoke", "which executor")) == ["0"]
    assert ids(colour(retriever, "invoke", "getUserName")) == ["1"]


def test_a_query_of_the_commonest_words_alone_still_finds_them(colour: Colour) -> None:
    texts = ["To be, or not to be: that is the question.", "There was a man who lived in the house by the sea."]
    retriever = BM25Retriever.from_texts(texts, ids=["0", "1"], language="english")
    assert ids(colour(retriever, "invoke", "to be or not to be")) == ["0"]


def test_the_commonest_words_of_a_query_decide_only_where_the_others_do_not(colour: Colour) -> None:
    texts = ["what is what and what is it", "a house", "the house", "nothing"]
    retriever = BM25Retriever.from_texts(texts, ids=["0", "1", "2", "3"], language="english")
    assert ids(colour(retriever, "invoke", "What is the house?")) == ["2", "1", "0"]
    assert ids(colour(retriever, "invoke", "house")) == ["1", "2"]


def test_a_word_that_is_asked_for_twice_counts_twice() -> None:
    retriever = BM25Retriever.from_texts(TEXTS, language="english")
    (once, *_), (twice, *_) = (retriever.invoke(query) for query in ("sat", "sat sat"))
    assert twice.metadata["relevance_score"] == pytest.approx(2 * once.metadata["relevance_score"])


def test_numbers_are_found() -> None:
    assert ids(BM25Retriever.from_texts(["in 1984", "in 1985"], ids=["0", "1"]).invoke("1985?")) == ["1"]


def test_a_tokenizer_of_ones_own_is_used_for_documents_and_queries() -> None:
    retriever = BM25Retriever.from_texts(["running", "sleeping"], tokenizer=lambda text: [text[:3]], language="none")
    assert [document.page_content for document in retriever.invoke("runs")] == ["running"]
    assert repr(retriever) == "BM25Retriever()"
    assert BM25Retriever.from_texts(["houses"], tokenizer=words).invoke("house") == []


@pytest.mark.parametrize(
    ("fields", "found"),
    [({}, 1), ({"language": "german"}, 1), ({"language": None}, 0), ({"tokenizer": words}, 0)],
)
def test_a_retriever_can_be_pickled_and_copied(fields: dict[str, Any], found: int) -> None:
    retriever = BM25Retriever.from_texts(GERMAN, **fields)
    for other in (pickle.loads(pickle.dumps(retriever)), retriever.model_copy(), copy.deepcopy(retriever)):
        assert repr(other) == repr(retriever)
        assert other.invoke("Hund") == retriever.invoke("Hund")
        assert len(other.invoke("Hund")) == 1
        assert len(other.invoke("Baum")) == found


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("Stemmer", "bm25s"):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(MissingExtra, match=rf'{package}: pip install "rerank-kit\[bm25\]"'):
            BM25Retriever.from_texts(TEXTS)


def test_a_tokenizer_of_ones_own_needs_no_stems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "Stemmer", None)
    assert len(BM25Retriever.from_texts(TEXTS, tokenizer=words).invoke("cat")) == 2
    assert len(BM25Retriever.from_texts(TEXTS, language=None).invoke("cat")) == 2


def test_the_users_log_is_not_filled_by_the_library_below(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    BM25Retriever.from_texts(TEXTS).invoke("cat")
    assert caplog.records == []
