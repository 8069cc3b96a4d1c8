"""Any reranker as a LangChain document compressor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from pydantic import ConfigDict
from typing_extensions import override

from langchain_rerank_kit.result_metadata import score_of, with_score
from langchain_rerank_kit.tracing import Candidate, ranked, traced
from rerank_kit import Ranking
from rerank_kit.fields import RerankFields
from rerank_kit.flow import Call, Flow, arun, run
from rerank_kit.observe.trace_report import report


class RerankCompressor(RerankFields, BaseDocumentCompressor):
    """Puts documents in order of relevance and keeps the best.

    It works wherever LangChain takes a `BaseDocumentCompressor`. The documents that come out are copies: ids,
    subclasses and metadata survive. `metadata["relevance_score"]` holds the score; `metadata["relevance_reason"]`,
    `metadata["relevance_verdict"]` and `metadata["relevant_passage"]` the reason, a judge's verdict and the decisive
    part of a long document, if there is one. A score that was there before moves to the end of the list
    `metadata["earlier_relevance_scores"]`.
    """

    model_config = ConfigDict(defer_build=False)

    @override
    def __getstate__(self) -> dict[Any, Any]:
        """Pickles leave secrets behind."""
        state, left = super().__getstate__(), self._left_behind()
        kept = {name: None if name in left else value for name, value in vars(self).items()}
        return {**state, "__dict__": kept}

    @override
    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        return run(self.compressing(documents, query, callbacks))

    @override
    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        return await arun(self.compressing(documents, query, callbacks))

    def compressing(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks = None,
        *,
        top_n: int | None = None,
        threshold: float | None = None,
    ) -> Flow[list[Document]]:
        """The work of both doors; `top_n` and `threshold` win over the fields of that name."""
        if not documents:
            return []
        limits: dict[str, Any] = {
            "top_n": self.top_n if top_n is None else top_n,
            "threshold": self.threshold if threshold is None else threshold,
            "timeout": self.timeout,
        }
        candidates = [
            Candidate(each.page_content, each.metadata, score_of(each), each.id, place=place)
            for place, each in enumerate(documents)
        ]
        reranker = self.loaded
        work = Call[Ranking](
            sync=lambda: reranker.rerank(query, candidates, **limits),
            async_=lambda: reranker.arerank(query, candidates, **limits),
        )
        inputs = {"query": query, "documents": len(documents), **limits}
        name = type(reranker).__name__
        ranking = yield from traced(callbacks, name, inputs, lambda below: ranked(below, work), report)
        return [with_score(documents[hit.index], hit) for hit in ranking.hits]
