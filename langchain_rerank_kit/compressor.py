"""Any reranker as a LangChain document compressor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from pydantic import ConfigDict, PrivateAttr
from typing_extensions import override

from langchain_rerank_kit.documents import check_documents
from langchain_rerank_kit.merging import merging
from langchain_rerank_kit.misspelt import told_of_fields
from langchain_rerank_kit.places_and_scores import as_dicts, candidates_of, refuse_settings
from langchain_rerank_kit.result_metadata import score_of, with_rank, with_score
from langchain_rerank_kit.text_read import TextField, reader
from langchain_rerank_kit.tracing import Candidate, ranked, traced
from rerank_kit import Ranking
from rerank_kit.arguments import named
from rerank_kit.checks import Threshold
from rerank_kit.fields import RerankFields
from rerank_kit.fields.distinct import DistinctField
from rerank_kit.first_stage.distinct import Distinct
from rerank_kit.first_stage.drop_in import warn_of_drop_in
from rerank_kit.flow import Call, Flow, arun, run
from rerank_kit.observe.explaining import explain
from rerank_kit.observe.trace_report import report

_REMEDY = (
    "Write with_rerank(base_retriever, base_compressor) in place of ContextualCompressionRetriever, and the retriever "
    "will bring 50; or raise its own limit, such as k=50"
)


_OF_FIELDS = {
    name: f"it is a field: pass it to the class, or assign compressor.{name}"
    for name in ("top_n", "threshold", "timeout", "text", "distinct")
}


class RerankCompressor(RerankFields, BaseDocumentCompressor):
    """Puts documents in order of relevance and keeps the best.

    It works wherever LangChain takes a `BaseDocumentCompressor`. The documents that come out are copies: ids,
    subclasses and metadata survive. In `metadata` are `relevance_score`, the score, which
    one that could not be judged has not; `first_stage_rank`, the place from
    1 in the first stage's order; `relevance_reason`, `relevance_verdict` and `relevant_passage`, the reason, a judge's
    verdict and the decisive part of a long text, if there is one; `rerank_degraded`, what of the ranking is not as it
    was asked for, if anything. A score that was there before moves to the end of the list `earlier_relevance_scores`.
    Documents that are the same are merged; `merged_documents` lists those that a document stands for.
    """

    text: TextField = None
    distinct: DistinctField = "document"
    fields_of_a_call: ClassVar[frozenset[str]] = RerankFields.fields_of_a_call | {"text", "distinct"}
    _settled: frozenset[str] = PrivateAttr(default=frozenset())

    model_config = ConfigDict(defer_build=False)

    @override
    def __getstate__(self) -> dict[Any, Any]:
        """Pickles leave secrets behind."""
        state, left = super().__getstate__(), self._left_behind()
        kept = {name: None if name in left else value for name, value in vars(self).items()}
        return {**state, "__dict__": kept}

    @override
    @partial(named, elsewhere=_OF_FIELDS)
    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        check_documents(documents, query)
        warn_of_drop_in(self, len(documents), self.top_n, _REMEDY)
        return run(self.compressing(documents, query, callbacks, distinct=self.distinct))

    @override
    @partial(named, elsewhere=_OF_FIELDS)
    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        check_documents(documents, query)
        warn_of_drop_in(self, len(documents), self.top_n, _REMEDY)
        return await arun(self.compressing(documents, query, callbacks, distinct=self.distinct))

    def rerank(
        self, documents: Sequence[str | Document], query: str, *, top_n: int | None = -1, **others: Any
    ) -> list[dict[str, Any]]:
        """Places and scores alone, best first, as LangChain's classes for Cohere, Jina and others give them.

        Args:
            documents: Texts or documents. All are ranked, also those that are the same.
            query: What they are compared with.
            top_n: How many to return at most; `None` returns all, and -1 as many as the field says.
            **others: What those classes take besides is refused, with what to write instead.

        Returns:
            For each of the best its `index` in `documents` and its `relevance_score`.

        Raises:
            ConfigurationError: An argument is wrong.
        """
        return run(self._order(documents, query, top_n, others))

    async def arerank(
        self, documents: Sequence[str | Document], query: str, *, top_n: int | None = -1, **others: Any
    ) -> list[dict[str, Any]]:
        """`rerank` for async callers."""
        return await arun(self._order(documents, query, top_n, others))

    def _order(
        self, documents: Sequence[str | Document], query: str, top_n: int | None, others: Mapping[str, Any]
    ) -> Flow[list[dict[str, Any]]]:
        refuse_settings(others)
        candidates, reranker = candidates_of(documents, query, self.text), self.loaded
        limits: dict[str, Any] = {
            "top_n": self.top_n if top_n == -1 else top_n,
            "threshold": self.threshold,
            "timeout": self.timeout,
        }
        ranking = yield from Call[Ranking](
            sync=lambda: reranker.rerank(query, candidates, **limits),
            async_=lambda: reranker.arerank(query, candidates, **limits),
        )
        return as_dicts(ranking)

    def compressing(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks = None,
        *,
        distinct: Distinct | None,
        top_n: int | None = None,
        threshold: Threshold | None = None,
    ) -> Flow[list[Document]]:
        """The work of sync and async callers; what is passed here wins over the fields of that name."""
        if not documents:
            explain(lambda: Ranking(()).explain([], places=[]).with_notes("no candidate came in"))
            return []
        limits: dict[str, Any] = {
            "top_n": self.top_n if top_n is None else top_n,
            "threshold": self.threshold if threshold is None else threshold,
            "timeout": self.timeout,
        }
        self._settled = told_of_fields(documents, self.text, self._settled, type(self).__name__)
        texts = list(map(reader(self.text), documents))
        found = yield from merging(documents, texts, distinct, by_id=self.loaded.reads_metadata)
        candidates = [
            Candidate(each.text, each.document.metadata, score_of(each.document), each.document.id, place=each.place)
            for each in found
        ]
        reranker = self.loaded
        work = Call[Ranking](
            sync=lambda: reranker.rerank(query, candidates, **limits),
            async_=lambda: reranker.arerank(query, candidates, **limits),
        )
        inputs = {"query": query, "documents": len(documents), **limits}
        name = type(reranker).__name__

        def told(ranking: Ranking) -> dict[str, Any]:
            return {**report(ranking, lambda hit: found[hit.index].place), "merged": len(documents) - len(found)}

        ranking = yield from traced(callbacks, name, inputs, lambda below: ranked(below, work), told)
        explain(lambda: ranking.explain(texts, places=[each.place for each in found]))
        best = [(found[hit.index], hit) for hit in ranking.hits]
        return [with_rank(with_score(each.document, hit, each.text), each.place, ranking) for each, hit in best]
