"""Any reranker as a LangChain document compressor."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from pydantic import ConfigDict, Field, PrivateAttr
from typing_extensions import override

from langchain_rerank_kit.scores import score_of, with_score
from langchain_rerank_kit.tracing import Candidate, ranked, report, traced
from rerank_kit import Ranking, Reranker
from rerank_kit.flow import Call, Flow, arun, run
from rerank_kit.local import OnnxCrossEncoder

logger = logging.getLogger("rerank_kit")


class RerankCompressor(BaseDocumentCompressor):
    """Puts documents in order of relevance and keeps the best.

    It works wherever LangChain takes a `BaseDocumentCompressor`. The documents that come out are copies: ids,
    subclasses and metadata survive, `metadata["relevance_score"]` holds the score, `metadata["relevance_reason"]` and
    `metadata["relevance_verdict"]` the reason and a judge's verdict, if there is one, and a score that was there before
    moves to the end of the list `metadata["earlier_relevance_scores"]`.

    Attributes:
        reranker: Any `rerank_kit.Reranker`; `None` takes the best local one that is installed.
        top_n: How many documents to return at most; `None` returns all.
        threshold: Leave out documents with a lower score.
        timeout: Seconds allowed.
    """

    reranker: Reranker | None = Field(default=None, exclude=True)
    top_n: int | None = Field(default=3, ge=1)
    threshold: float | None = Field(default=None, allow_inf_nan=False)
    timeout: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    _loaded: Reranker = PrivateAttr()

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid", hide_input_in_errors=True)

    if not TYPE_CHECKING:  # type checkers read the arguments off the fields

        def __init__(self, **fields: Any) -> None:
            """Make the reranker here, where pydantic does not turn its errors into others."""
            super().__init__(**fields)
            self._loaded = self._build() if self.reranker is None else self.reranker

    def _build(self) -> Reranker:
        """Make the reranker when none was given. Subclasses with fields of their own override this."""
        return local_reranker()

    @property
    def loaded(self) -> Reranker:
        """The reranker at work."""
        return self._loaded

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
            Candidate(each.page_content, each.metadata, score_of(each), place) for place, each in enumerate(documents)
        ]
        work = Call[Ranking](
            sync=lambda: self._loaded.rerank(query, candidates, **limits),
            async_=lambda: self._loaded.arerank(query, candidates, **limits),
        )
        inputs = {"query": query, "documents": len(documents), **limits}
        name = type(self._loaded).__name__
        ranking = yield from traced(callbacks, name, inputs, lambda below: ranked(below, work), report)
        return [with_score(documents[hit.index], hit) for hit in ranking.hits]


def local_reranker() -> Reranker:
    """The best local reranker that is installed; the log says which.

    Raises:
        MissingExtra: There is none.
    """
    engine = OnnxCrossEncoder()
    logger.info("no reranker was given: taking the local %r", engine)
    return engine
