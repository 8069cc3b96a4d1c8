"""How users' code looks to a type checker. Checked by mypy and pyright, never run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_type

from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.documents import BaseDocumentCompressor
from langchain_core.documents import Document as Page
from langchain_core.retrievers import RetrieverLike
from langchain_core.vectorstores import VectorStore
from pydantic import SecretStr

from langchain_rerank_kit import (
    BM25Retriever,
    CascadeRerank,
    CohereRerank,
    ContextualRetriever,
    CrossEncoderRerank,
    DecisionRerank,
    EndpointRerank,
    HybridRetriever,
    JinaRerank,
    LLMJudgeRerank,
    RerankRetriever,
    RuleRerank,
    VoyageRerank,
    Widening,
    contextual_retriever,
    load_contextual_retriever,
    with_rerank,
)
from rerank_kit import Budget, Cascade, Deadline, Document, Hit, Ranking, Reranker, Rules, Stage, Usage
from rerank_kit.flow import Flow, blocking
from rerank_kit.local import CrossEncoder, OnnxCrossEncoder, Scored
from rerank_kit.rules import all_of, at_most, contains, equals, newer, tier, weighted


def with_the_core(reranker: Reranker) -> None:
    ranking = reranker.rerank("query", ["text", Document("text", {"key": 1})], top_n=3, threshold=0.0, timeout=1)
    assert_type(ranking, Ranking)
    assert_type(ranking.hits, tuple[Hit, ...])
    assert_type(ranking.usage, Usage)
    assert_type(ranking.pick([1, 2]), list[int])
    assert_type(reranker.rerank_many(["a"], [["text"]]), list[Ranking])
    reranker.hooks = [print]


async def with_the_core_on_a_loop() -> None:
    assert_type(await OnnxCrossEncoder().arerank("query", ["text"]), Ranking)


def with_langchain(store: VectorStore) -> None:
    retriever = with_rerank(store, OnnxCrossEncoder(max_length=256), recall=100, on_error="keep")
    assert_type(retriever, RerankRetriever)
    assert_type(retriever.widening, Widening[RetrieverLike])
    assert_type(retriever.invoke("query", top_n=2), list[Page])
    with_rerank(lambda query: [Page(page_content=query)])
    with_rerank(BM25Retriever.from_texts(["text"]), CrossEncoderRerank(model="folder", top_n=3))
    with_rerank(store, text="{title}\n{page_content}")
    with_rerank(store, text=lambda page: page.page_content)
    with_rerank(store, distinct="text", reranker=OnnxCrossEncoder())
    assert_type(contextual_retriever([Page("text")], store), HybridRetriever)
    assert_type(contextual_retriever([Page("text")], store, OnnxCrossEncoder(), top_n=5), ContextualRetriever)
    assert_type(load_contextual_retriever("folder", store, CrossEncoderRerank()), ContextualRetriever)
    with_rerank(store, distinct="texts")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with_rerank(store, text=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    as_compressor: BaseDocumentCompressor = CrossEncoderRerank(text=("title", "page_content"))
    ContextualCompressionRetriever(base_compressor=as_compressor, base_retriever=retriever)


def with_rerank_apis(key: SecretStr) -> list[BaseDocumentCompressor]:
    made = CohereRerank(model="rerank-v4.0-fast", api_key=key, priority=0, relevant_spans={"max_spans": 2}, top_n=3)
    assert_type(made.priority, int | None)
    assert_type(made.loaded, Reranker)
    CohereRerank(model="rerank-v4.0-fast", priotity=0)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    CohereRerank()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    EndpointRerank(base_url="http://host", format="smoke")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    LLMJudgeRerank(mode="grade", api_key=key, max_cost=0.01)
    DecisionRerank(api="system_one", model="jev-latest", ask="yes-no", min_answerable=0.5, unanswerable="flag")
    DecisionRerank(ask="grade")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    return [made, VoyageRerank(model="rerank-3", truncation=False), JinaRerank(model="jina-reranker-v3.5")]


def is_near(query: str, document: Document) -> bool:
    return bool(document.metadata["distance"] < 5)


def with_rules_and_cascades(reranker: Reranker) -> None:
    rules = Rules(
        tiers=[tier("best", when=all_of(equals("level", 1), is_near))],
        prefer=[newer("posted", half_life="7d"), contains("title", {"Engineer"}), is_near],
        weights=[3, 2, 1],
        at_most=at_most(2, by="company"),
        blend=weighted(weight=0.5),
    )
    assert_type(Rules.from_file("rules.toml"), Rules)
    assert_type(rules.left_out("query", ["text"]), dict[int, str])
    cascade = Cascade(
        Stage(reranker, top_n=20, timeout=1.0, when=lambda query, ranking: len(ranking) > 1),
        rules,
        budget=Budget(seconds=2, money=0.01),
    )
    ranking = cascade.rerank("query", ["text"])
    assert_type(ranking.cost, float | None)
    assert_type(str(ranking.explain(["text"])), str)
    RuleRerank(rules=rules)
    RuleRerank(rules={"per_tier": 1})
    CascadeRerank(stages=[CrossEncoderRerank(top_n=20), RuleRerank(rules="rules.toml")], budget=2.0, keep_rest=True)


class Mine(Reranker):
    """A reranker of a user's own."""

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        lengths = yield from blocking(lambda: [len(document.text) for document in documents])
        return Ranking.by_score(lengths)


class MyEngine(CrossEncoder):
    """A local engine of a user's own."""

    def score(self, pairs: Sequence[tuple[str, str]], deadline: Deadline) -> Scored:
        return Scored([0.5] * len(pairs), [1] * len(pairs), [False] * len(pairs))
