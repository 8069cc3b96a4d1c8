"""Around what reranks already: told, where a default would replace its order in silence."""

from __future__ import annotations

import warnings

import pytest
from llama_index.core.llms import MockLLM

from llama_rerank_kit import RerankPostprocessor, widening_of, with_rerank
from tests.doubles import Scripted
from tests.llama.test_explain import Numbers, index


def test_a_default_behind_a_reranker_warns() -> None:
    ours = RerankPostprocessor(reranker=Scripted())
    engine = index().as_query_engine(llm=MockLLM(), node_postprocessors=[ours])
    for inner in (engine, with_rerank(Numbers(), Scripted())):
        with pytest.warns(UserWarning, match=r"\(RerankPostprocessor\) reranks already, and no reranker was given"):
            made = with_rerank(inner)
        assert "(RerankPostprocessor) reranks already, before the reranker" in str(widening_of(made))


def test_a_reranker_that_is_given_is_meant() -> None:
    engine = index().as_query_engine(llm=MockLLM(), node_postprocessors=[RerankPostprocessor(reranker=Scripted())])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert widening_of(with_rerank(engine, Scripted())).rerankers
        assert widening_of(with_rerank(Numbers())).rerankers == ()
