"""A key that is passed where something else is wanted: no error shows it, and no hub is asked for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from langchain_core.documents import Document

import langchain_rerank_kit as lc
from rerank_kit import ConfigurationError, Reranker
from rerank_kit.judge import LLMJudge
from rerank_kit.local import OnnxCrossEncoder, SentenceTransformersCrossEncoder, cross_encoder
from rerank_kit.quoting import looks_like_a_key, quoted

KEYS = [
    *("sk-planted-0123456789", "Bearer planted", "jina_0123456789abcdefABCDEF", "pa-0123456789abcdef-XYZ"),
    *("hf_abcdefABCDEF0123456789", "AIzaSyA0123456789-abcdefABCDEF", "abcdefghijABCDEFGHIJ0123456789abcdefghij"),
]
each_key = pytest.mark.parametrize("key", KEYS)


def of_one(function: Any, text: str) -> None:
    """Takes no texts."""


def llm(key: Any) -> object:
    return LLMJudge(key)


def reranker(key: str) -> object:
    return lc.with_rerank(lc.BM25Retriever(docs=[Document("a")]), key)


def function(key: str) -> object:
    made: Any = partial(of_one, key)
    return Reranker.of(made)


def setting(key: str) -> object:
    return cross_encoder("folder", api_key=key)


def transformers(key: str) -> object:
    pytest.importorskip("sentence_transformers")
    return SentenceTransformersCrossEncoder(key)


@each_key
@pytest.mark.parametrize("call", [llm, reranker, function, setting, OnnxCrossEncoder, transformers])
def test_a_key_in_the_place_of_something_else_is_refused_unshown(call: Callable[[str], object], key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        call(key)
    assert key not in str(caught.value)
    assert "Hugging Face" not in str(caught.value)


@each_key
def test_a_key_is_quoted_nowhere(key: str) -> None:
    assert looks_like_a_key(key)
    assert quoted({"a": [key]}) == "{'a': ['…']}"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "cross-encoder/ms-marco-MiniLM-L6-v2",
            "jina-reranker-v2-base-multilingual",
            "rerank-v4.0-fast",
            "skating 12",
        ),
        *("hf-internal-testing/tiny-random-bert-123456", "9b2f7c1e-0c56-4bfa-8d0a-3b5d1c2e4f60", "sk-learn 0.24"),
        *("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "", "Bearer", 12, None),
    ],
)
def test_names_and_ids_are_shown(name: object) -> None:
    assert not looks_like_a_key(name)
    assert quoted(name) == repr(name)
