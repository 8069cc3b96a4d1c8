"""Around what reranks already: told, where a default would replace its order in silence."""

from __future__ import annotations

import warnings

import pytest
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.retrievers import BaseRetriever

from langchain_rerank_kit import RerankCompressor, with_rerank
from rerank_kit import ConfigurationError
from rerank_kit.errors import more_about
from tests.conftest import Colour
from tests.doubles import Scripted
from tests.langchain.test_explain import Numbers


def reranked() -> BaseRetriever:
    return ContextualCompressionRetriever(
        base_retriever=Numbers(), base_compressor=RerankCompressor(reranker=Scripted())
    )


def test_a_default_behind_a_reranker_warns() -> None:
    for inner in (reranked(), with_rerank(Numbers(), Scripted())):
        with pytest.warns(UserWarning, match=r"base_compressor \(RerankCompressor\) reranks already, and no reranker"):
            made = with_rerank(inner)
        assert "(RerankCompressor) reranks already, before the reranker" in str(made.widening)


def test_a_reranker_that_is_given_is_meant() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = with_rerank(reranked(), Scripted())
        assert made.widening.rerankers
        assert with_rerank(Numbers()).widening.rerankers == ()


@pytest.mark.parametrize("question", [{"query": "x"}, ["x"], 7])
def test_a_question_that_is_no_text_is_told_as_such(colour: Colour, question: object) -> None:
    with pytest.raises(ConfigurationError, match="query must be a str, not") as caught:
        colour(with_rerank(Numbers(), Scripted()), "invoke", question)
    assert caught.value.__notes__ == [more_about(ConfigurationError)]
