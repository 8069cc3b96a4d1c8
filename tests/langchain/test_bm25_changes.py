"""Fields of a `BM25Retriever` that change: they take effect, by assignment and in copies, or are refused."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.documents import Document
from pydantic import ValidationError

from langchain_rerank_kit import BM25Retriever, with_rerank
from rerank_kit import ConfigurationError
from rerank_kit.bm25.words import words
from tests.conftest import Colour
from tests.doubles import Scripted

Change = Callable[[BM25Retriever, str, Any], BM25Retriever]


def assigned(retriever: BM25Retriever, name: str, value: Any) -> BM25Retriever:
    setattr(retriever, name, value)
    return retriever


def assigned_to_a_copy(retriever: BM25Retriever, name: str, value: Any) -> BM25Retriever:
    return assigned(copy.copy(retriever), name, value)


def copied(retriever: BM25Retriever, name: str, value: Any) -> BM25Retriever:
    return retriever.model_copy(update={name: value})


each_way = pytest.mark.parametrize("change", [assigned, assigned_to_a_copy, copied])


def houses(**fields: Any) -> BM25Retriever:
    given: dict[str, Any] = {"language": None, **fields}
    return BM25Retriever.from_texts(["house 1", "houses 2"], [{"title": "cabin"}, {"title": "cabins"}], **given)


def found(colour: Colour, retriever: BM25Retriever, query: str) -> list[str]:
    return [each.page_content for each in colour(retriever, "invoke", query)]


@each_way
@pytest.mark.parametrize(
    ("before", "update", "asked"),
    [
        ({}, {"language": "english"}, ("house", ["house 1", "houses 2"])),
        ({"language": "english"}, {"language": None}, ("house", ["house 1"])),
        ({}, {"text": "{title}"}, ("cabin", ["house 1"])),
        ({"text": ["title"]}, {"text": None}, ("house", ["house 1"])),
        ({}, {"tokenizer": lambda text: [text[:3]]}, ("hours", ["house 1", "houses 2"])),
        ({"tokenizer": lambda _: ["same"]}, {"tokenizer": None}, ("house", ["house 1"])),
        ({}, {"docs": [Document(page_content="a house")]}, ("house", ["a house"])),
        ({}, {"docs": []}, ("house", [])),
        ({"language": "english"}, {"k": 1}, ("houses", ["house 1"])),
    ],
)
def test_a_field_takes_effect(
    colour: Colour, change: Change, before: dict[str, Any], update: dict[str, Any], asked: tuple[str, list[str]]
) -> None:
    query, expected = asked
    retriever = houses(**before)
    first = found(colour, retriever, query)
    ((name, value),) = update.items()
    changed = change(retriever, name, value)
    assert found(colour, changed, query) == expected != first
    assert getattr(changed, name) == value
    if changed is not retriever:
        assert found(colour, retriever, query) == first


@each_way
@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("language", "klingon", ConfigurationError),
        ("text", "{nope", ValidationError),
        ("k", 0, ValidationError),
        ("tokenizer", "words", ValidationError),
        ("docs", ["a text"], ValidationError),
        ("docs", None, ValidationError),
    ],
)
def test_a_wrong_value_is_refused_and_changes_nothing(
    colour: Colour, change: Change, name: str, value: Any, error: type[Exception]
) -> None:
    retriever = houses()
    before = dict(vars(retriever))
    with pytest.raises(error, match=name):
        change(retriever, name, value)
    assert vars(retriever) == before
    assert found(colour, retriever, "house") == ["house 1"]


@each_way
def test_a_tokenizer_that_fails_changes_nothing(colour: Colour, change: Change) -> None:
    def broken(text: str) -> list[str]:
        raise OSError(text)

    retriever = houses()
    with pytest.raises(OSError, match="house 1"):
        change(retriever, "tokenizer", broken)
    assert retriever.tokenizer is None
    assert found(colour, retriever, "house") == ["house 1"]


def test_the_repr_says_the_language_there_is_now() -> None:
    retriever = houses(tokenizer=words)
    retriever.tokenizer = None
    retriever.language = "german"
    assert repr(retriever) == "BM25Retriever(language='german')"


def test_what_is_no_field_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"BM25Retriever has no field 'top_n': did you mean k\?"):
        houses().model_copy(update={"top_n": 1})


def test_widening_does_not_index_anew() -> None:
    calls: list[str] = []

    def counted(text: str) -> list[str]:
        calls.append(text)
        return [text]

    with_rerank(houses(tokenizer=counted), Scripted())
    assert calls == ["house 1", "houses 2"]
