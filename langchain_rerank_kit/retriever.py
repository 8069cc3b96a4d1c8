"""`RerankRetriever`: a retriever that brings many candidates and returns the best few."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun, Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.retrievers import RetrieverLike
from langchain_core.runnables import RunnableConfig, ensure_config
from pydantic import ConfigDict, Field, PrivateAttr, SkipValidation, ValidationInfo, field_validator
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import override

from langchain_rerank_kit.bm25 import BM25Retriever
from langchain_rerank_kit.changing import Changing
from langchain_rerank_kit.compressor import RerankCompressor
from langchain_rerank_kit.documents import check_each
from langchain_rerank_kit.merging import Candidate, merging
from langchain_rerank_kit.resembling import refuse_resembling
from langchain_rerank_kit.result_metadata import kept, moves, score_of, scores, with_new_scores
from langchain_rerank_kit.search_kwargs import has_filter
from langchain_rerank_kit.text_read import reader
from langchain_rerank_kit.tracing import child_config, traced
from langchain_rerank_kit.widening import Walk, Widen, name_of, widen
from rerank_kit import ConfigurationError
from rerank_kit.checks import Threshold, check_count, check_question, check_threshold
from rerank_kit.explanation import Explanation
from rerank_kit.fields.base import ThresholdField
from rerank_kit.fields.distinct import DistinctField
from rerank_kit.fields.uncoerced import uncoerced
from rerank_kit.first_stage.drop_in import behind_a_widened_stage
from rerank_kit.first_stage.keeping import reason_to_keep
from rerank_kit.first_stage.widening import (
    Widening,
    check_recall,
    default_recall,
    is_widening,
    note_changes,
    warn_of_few,
    warn_of_limits,
)
from rerank_kit.flow import Call, Flow, arun, run
from rerank_kit.observe.drawing import drawn
from rerank_kit.observe.explaining import Seen, explained, explaining, is_explaining, the_last

logger = logging.getLogger("rerank_kit")

_CUT = frozenset({"threshold", "base_compressor"})
_FIRST_STAGE = frozenset({"base_retriever", "recall", "widen"})
_NUMBERS = frozenset({"recall", "top_n", "base_compressor"})


def check_calibrated(compressor: BaseDocumentCompressor, threshold: Threshold | None) -> None:
    """Refuse the threshold of a calibration where there is none.

    Raises:
        ConfigurationError: There is none.
    """
    if isinstance(compressor, RerankCompressor):
        compressor.loaded.threshold_of(threshold)
    elif threshold == "calibrated":
        raise _not_calibrated(compressor)


def _not_calibrated(compressor: BaseDocumentCompressor) -> ConfigurationError:
    name = type(compressor).__name__
    msg = f'threshold="calibrated": {name} is no reranker of ours, and has no calibration: pass a number'
    return ConfigurationError(msg)


class RerankRetriever(Changing, ContextualCompressionRetriever):
    """A retriever whose first stage is widened and whose results are reranked. `with_rerank` makes one.

    A field that is assigned, or given to `model_copy`, is checked and takes effect: a new `base_retriever`, `recall` or
    `widen` has the first stage widened anew.

    Attributes:
        base_retriever: The widened copy of the retriever that was given.
        base_compressor: What reranks.
        recall: How many candidates the first stage is to bring. Where nobody has said it, it is 50, or as many as
            `top_n` where that is more.
        top_n: How many documents to return. It wins over the compressor's own; `None` leaves it to that.
        threshold: Leave out documents with a lower score; `None` leaves it to the compressor. `"calibrated"` is that of
            a `Calibrated` reranker.
        on_error: What to do when reranking fails: `"raise"`, or `"keep"` to return the best of the first stage in
            its own order, without a score, with the reason in `metadata["rerank_failed"]`. So does a question with
            nothing in it; wrong settings always raise.
        distinct: Which documents are merged into the best placed of them before the reranking: `"document"`, `"text"`,
            a share such as 0.9, or `None`. `metadata["merged_documents"]` lists those that a document stands for.
        widen: A function that widens retrievers which the table of known settings does not cover.
        widening: What was changed to bring that many, readable with `print`.
    """

    base_retriever: SkipJsonSchema[RetrieverLike]
    recall: int = Field(default=50, ge=1)
    top_n: int | None = Field(default=None, ge=1)
    threshold: ThresholdField = None
    on_error: Literal["raise", "keep"] = "raise"
    distinct: DistinctField = "document"
    widen: SkipJsonSchema[SkipValidation[Widen | None]] = Field(default=None, exclude=True, repr=False)
    widening: SkipJsonSchema[SkipValidation[Widening[RetrieverLike]]] = Field(default=None, exclude=True, repr=False)  # type: ignore[arg-type]
    _warned: bool = PrivateAttr(default=False)
    _told_of_k: bool = PrivateAttr(default=False)

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    @field_validator("recall", "top_n", "threshold", mode="before")
    @classmethod
    def _as_it_is(cls, value: Any, info: ValidationInfo) -> Any:
        return uncoerced(cls, info.field_name, value)

    @override
    def model_post_init(self, context: Any, /) -> None:
        """Widen what was given."""
        check_calibrated(self.base_compressor, self.threshold)
        self._settle_recall(raising=is_widening(self.widening))  # a copy that LangChain makes has all fields given
        self._widen_first_stage()

    def _settle_recall(self, *, raising: bool = False) -> bool:
        """Check `recall`, or make it enough where nobody has said it; whether it is another one now.

        Args:
            raising: Whether it may be raised also where it was said.

        Raises:
            ConfigurationError: It is less than `top_n`.
        """
        before, limit = self.recall, self._limit()
        if "recall" not in self.model_fields_set:
            vars(self)["recall"] = default_recall(limit)
        elif raising:
            vars(self)["recall"] = max(self.recall, limit or 0)
        else:
            check_recall(self.recall, self.top_n)
        return self.recall != before

    def _limit(self) -> int | None:
        """How many documents are returned: by `top_n`, or else by the compressor's."""
        own: object = getattr(self.base_compressor, "top_n", None)
        return self.top_n if self.top_n is not None else own if isinstance(own, int) else None

    def _widen_first_stage(self) -> None:
        """Widen the first stage; where it is widened already, as in a copy that LangChain makes, start anew."""
        given, known = self.base_retriever, self.widening
        original = known.original if known and known.widened is given else given
        widening = widen(original, self.recall, self.widen)
        vars(self).update(widening=widening, base_retriever=widening.widened)
        self._warned = False
        warn_of_limits(widening)

    @override
    def _follow(self, names: frozenset[str]) -> None:
        """Widen the first stage anew where that depends on what changed."""
        if names & _CUT:
            check_calibrated(self.base_compressor, self.threshold)
        recalled = bool(names & _NUMBERS) and self._settle_recall()
        if "widening" in names:
            if not is_widening(self.widening) or self.widening.widened is not self.base_retriever:
                msg = "widening tells what was changed in base_retriever: assign that, recall or widen instead"
                raise ConfigurationError(msg)
        elif recalled or names & _FIRST_STAGE:
            self._widen_first_stage()

    @override
    def invoke(self, input: str, config: RunnableConfig | None = None, **kwargs: Any) -> list[Document]:
        """Retrieve and rerank. `recall`, `top_n` and `threshold` can be given for this call alone; `k` is `top_n`.

        A `top_n` above the `recall` of the retriever raises that for this call.
        """
        return super().invoke(input, config, **kwargs, whole_config=ensure_config(config))

    @override
    async def ainvoke(self, input: str, config: RunnableConfig | None = None, **kwargs: Any) -> list[Document]:
        """Retrieve and rerank. `recall`, `top_n` and `threshold` can be given for this call alone; `k` is `top_n`.

        A `top_n` above the `recall` of the retriever raises that for this call.
        """
        return await super().ainvoke(input, config, **kwargs, whole_config=ensure_config(config))

    def explain(self, query: str, config: RunnableConfig | None = None, **kwargs: Any) -> Explanation:
        """Retrieve and rerank, and tell all of it: `print(retriever.explain("…"))`; a notebook shows it as HTML.

        The table has the first stage's order beside the new one; below a line what was not returned, and why; then what
        was widened, what each stage took, and warnings. The arguments are those of `invoke`; what is bound by `bind` is
        not among them. It costs as much.
        """
        with explaining() as explanations:
            self.invoke(query, config, **kwargs)
        return the_last(explanations, self)

    async def aexplain(self, query: str, config: RunnableConfig | None = None, **kwargs: Any) -> Explanation:
        """Retrieve and rerank, and tell all of it: `explain`, without blocking the running loop."""
        with explaining() as explanations:
            await self.ainvoke(query, config, **kwargs)
        return the_last(explanations, self)

    @override
    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """What runs, in a line: not the documents that the first stage may hold."""
        yield "first_stage", name_of(self.widening.original)
        yield "recall", self.recall
        yield from ((name, getattr(self, name)) for name in ("top_n", "threshold") if getattr(self, name) is not None)
        yield "base_compressor", self.base_compressor

    @override
    def __str__(self) -> str:
        return repr(self)

    def _repr_html_(self) -> str:
        """Both stages in a row, for notebooks."""
        limit = self._limit()
        second = name_of(self.base_compressor), "all that it leaves" if limit is None else f"the best {limit}"
        return drawn([(name_of(self.widening.original), f"brings {self.recall}"), second])

    @override
    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        with behind_a_widened_stage():
            return run(self._retrieving(query, run_manager, **kwargs))

    @override
    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        with behind_a_widened_stage():
            return await arun(self._retrieving(query, run_manager, **kwargs))

    def _retrieving(
        self,
        query: str,
        run_manager: CallbackManagerForRetrieverRun | AsyncCallbackManagerForRetrieverRun,
        *,
        whole_config: RunnableConfig | None = None,
        recall: int | None = None,
        top_n: int | None = None,
        k: int | None = None,
        threshold: Threshold | None = None,
        **kwargs: Any,
    ) -> Flow[list[Document]]:
        """Both stages, for sync and async callers."""
        refuse_resembling(kwargs)
        check_question(query)
        recall, top_n = self._counts(recall, self._asked_for(_count("top_n", top_n), _count("k", k)))
        threshold = self.threshold if threshold is None else check_threshold(threshold)
        widening, config = self._widened(recall), child_config(whole_config, run_manager)
        seen = Seen(name_of(widening.original), recall, str(widening))
        found: list[Document] = []

        def stages() -> Flow[list[Document]]:
            found.extend((yield from self._first_stage(query, widening, config, kwargs)))
            check_each("first_stage", found)
            seen.found([each.page_content for each in found])
            limits: dict[str, Any] = {"top_n": top_n, "threshold": threshold}
            return (yield from self._second_stage(found, query, run_manager.get_child(), **limits, seen=seen))

        return (yield from explained(stages(), seen, lambda best: moves(found, best)))

    def _first_stage(
        self, query: str, widening: Widening[RetrieverLike], config: RunnableConfig, kwargs: dict[str, Any]
    ) -> Flow[list[Document]]:
        """What the widened retriever brings, and a warning if that is too little."""
        first = widening.widened
        try:
            documents = yield from Call[list[Document]](
                sync=lambda: first.invoke(query, config, **kwargs),
                async_=lambda: first.ainvoke(query, config, **kwargs),
            )
        except Exception as error:
            note_changes(error, widening)
            raise
        all_of_them = isinstance(first, BM25Retriever)  # which brings all that there is to find
        if not all_of_them and (not self._warned or is_explaining()):
            report, filtered = "print(retriever.widening)", has_filter(kwargs)
            told = self._warned or is_explaining()
            few = warn_of_few(len(documents), widening.recall, report, widening, filtered=filtered, told=told)
            self._warned = (few and not told) or self._warned
        return documents

    def _second_stage(
        self,
        documents: list[Document],
        query: str,
        callbacks: Callbacks,
        *,
        top_n: int | None,
        threshold: Threshold | None,
        seen: Seen,
    ) -> Flow[list[Document]]:
        """The best of them; where reranking fails and `on_error` says so, those of the first stage."""
        if not documents:
            return []
        compressor = self.base_compressor
        seen.second_stage = name_of(compressor)
        try:
            best = yield from self._reranking(documents, query, callbacks, top_n, threshold)
        except Exception as error:
            reason = reason_to_keep(error, self.on_error)
            if reason is None:
                raise
            seen.problem = reason
            limit = top_n if top_n is not None else getattr(compressor, "top_n", None)
            found = yield from self._distinct(documents)
            return [kept(each.document, each.place, reason) for each in found[:limit]]
        seen.told = isinstance(compressor, RerankCompressor)
        return best

    def _counts(self, recall: int | None, top_n: int | None) -> tuple[int, int | None]:
        """How many candidates and documents a call is for: a `top_n` above the retriever's `recall` raises that too."""
        top_n = self.top_n if top_n is None else top_n
        if recall is None:
            return max(self.recall, top_n or 1), top_n
        check_recall(_count("recall", recall), top_n)
        return recall, top_n

    def _asked_for(self, top_n: int | None, k: int | None) -> int | None:
        """How many documents this call is to return, which other retrievers call `k`."""
        if k is None:
            return top_n
        if top_n not in (None, k):
            msg = f"k={k} and top_n={top_n} say two things: k is top_n here, and recall what the first stage brings"
            raise ConfigurationError(msg)
        if not self._told_of_k:
            self._told_of_k = True
            logger.warning("k=%d is taken for top_n: recall says how many candidates the first stage brings", k)
        return k

    def _widened(self, recall: int) -> Widening[RetrieverLike]:
        """The widened retriever, for the recall of this call."""
        known = self.widening
        return known if recall == known.recall else widen(known.original, recall, self.widen)

    def _reranking(
        self,
        documents: list[Document],
        query: str,
        callbacks: Callbacks,
        top_n: int | None,
        threshold: Threshold | None,
    ) -> Flow[list[Document]]:
        """The second stage: ours, or any other compressor, which we make visible and hold to the same limits."""
        compressor = self.base_compressor
        if isinstance(compressor, RerankCompressor):
            limits: dict[str, Any] = {"top_n": top_n, "threshold": threshold, "distinct": self.distinct}
            return (yield from compressor.compressing(documents, query, callbacks, **limits))
        other = compressor if top_n is None else Walk(top_n, None).compressor(compressor, "")
        distinct = [each.document for each in (yield from self._distinct(documents))]
        work = Call[Sequence[Document]](
            sync=lambda: other.compress_documents(distinct, query, callbacks=callbacks),
            async_=lambda: other.acompress_documents(distinct, query, callbacks=callbacks),
        )
        name, older = type(other).__name__, scores(distinct)
        inputs = {"query": query, "documents": len(documents), "top_n": top_n, "threshold": threshold}
        merged = len(documents) - len(distinct)
        given = yield from traced(
            callbacks, name, inputs, lambda _: work, lambda best: {"documents": list(best), "merged": merged}
        )
        ranked = with_new_scores(given, older)
        if threshold is None:
            return ranked[:top_n]
        if threshold == "calibrated":
            raise _not_calibrated(other)
        if ranked and not scores(ranked):
            msg = f"{name} writes no relevance_score, so threshold={threshold} cannot be followed: pass threshold=None"
            raise ConfigurationError(msg)
        return [each for each in ranked if (score_of(each) or 0.0) >= threshold][:top_n]

    def _distinct(self, documents: list[Document]) -> Flow[list[Candidate]]:
        """The documents without copies of others, for where ours does not rerank them."""
        ours = self.base_compressor if isinstance(self.base_compressor, RerankCompressor) else None
        try:
            texts = list(map(reader(None if ours is None else ours.text), documents))
        except Exception:  # noqa: BLE001 - a user's own function, and perhaps why the reranking failed
            texts = [document.page_content for document in documents]
        by_id = ours is not None and ours.loaded.reads_metadata
        return (yield from merging(documents, texts, self.distinct, by_id=by_id))


def _count(name: str, value: object) -> int | None:
    """A number that is given for a call."""
    return check_count(name, value, none="for that of the retriever")
