"""Any reranker as a LlamaIndex node postprocessor."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Literal

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle
from pydantic import ConfigDict, Field, PrivateAttr
from typing_extensions import override

from llama_rerank_kit.given_nodes import check_given
from llama_rerank_kit.known_retrievers import nodes_in
from llama_rerank_kit.merging import merging
from llama_rerank_kit.nodes import kept, reranked
from llama_rerank_kit.text_read import text_read
from llama_rerank_kit.tracing import Candidate, Reranked, dispatcher, stage, traced
from rerank_kit import ConfigurationError, Ranking, Reranker
from rerank_kit.arguments import named
from rerank_kit.fields import RerankFields
from rerank_kit.fields.distinct import DistinctField
from rerank_kit.first_stage.drop_in import warn_of_drop_in
from rerank_kit.first_stage.keeping import reason_to_keep
from rerank_kit.first_stage.widening import warn_of_few
from rerank_kit.flow import Call, Flow, arun, run
from rerank_kit.observe.explaining import explain, is_explaining
from rerank_kit.observe.trace_report import report
from rerank_kit.observe.watching import watching

logger = logging.getLogger("rerank_kit")

_REMEDY = (
    "Write with_rerank(index.as_query_engine(), postprocessor) in place of node_postprocessors=[postprocessor], and "
    "the retriever will bring 50; or pass similarity_top_k=50"
)


_OF_FIELDS = {
    name: f"it is a field: pass it to the class, or assign postprocessor.{name}"
    for name in ("top_n", "threshold", "timeout", "metadata_mode", "distinct", "on_error")
}


class RerankPostprocessor(RerankFields, BaseNodePostprocessor):
    """Puts nodes in order of relevance and keeps the best.

    It works wherever LlamaIndex takes a `BaseNodePostprocessor`, sync and async. What comes out are `RerankedNode`s
    around the very nodes that came in, which are not touched: `score` is the relevance, `relevance_reason` the reason
    if there is one, and the score of the stage before is in `earlier_scores`. Nodes that are the same are merged; those
    that one stands for are its `merged_nodes`.

    A `reranker` of your own is not part of `to_dict`: pass it again, `from_dict(data, reranker=…)`.
    """

    metadata_mode: MetadataMode = Field(
        default=MetadataMode.EMBED,
        description="Which metadata the model reads above a node's text: by default what an embedding model reads.",
    )
    on_error: Literal["raise", "keep"] = Field(
        default="raise",
        description='What to do when reranking fails: `"raise"`, or `"keep"` to return the best of the first stage in '
        "its own order, without a score, with the reason in `rerank_failed`. So does a question with nothing in it; "
        "wrong settings always raise.",
    )
    distinct: DistinctField = "document"
    recall: int | None = Field(
        default=None,
        ge=1,
        description="How many candidates the first stage was asked for; when it brings too few, a `RecallWarning` says "
        "so, once. `with_rerank` sets it.",
    )
    _warned: bool = PrivateAttr(default=False)
    _first_stage: tuple[str, ...] = PrivateAttr(default=())
    _there: int | None = PrivateAttr(default=None)  # nodes in all, where that is known
    _left_out: ClassVar[frozenset[str]] = frozenset({"class_name"})  # LlamaIndex writes it into what it serialises
    fields_of_a_call: ClassVar[frozenset[str]] = RerankFields.fields_of_a_call | {
        *("metadata_mode", "on_error", "recall", "distinct", "callback_manager")
    }

    model_config = ConfigDict(defer_build=False)

    @classmethod
    @override
    def class_name(cls) -> str:
        """The name under which LlamaIndex serialises it."""
        return cls.__name__

    @override
    def __reduce__(self) -> tuple[Callable[..., RerankPostprocessor], tuple[Any, ...]]:
        """Copies of other processes are made anew. Secrets stay behind, and callback managers, which cannot travel."""
        left = self._left_behind()
        fields = {name: getattr(self, name) for name in type(self).model_fields.keys() - left - {"callback_manager"}}
        return _arrived, (type(self), fields, self.loaded if left else None)

    @override
    def _check_assigned(self) -> None:
        if self.recall is not None and (self.top_n or 0) > self.recall:
            msg = (
                f"top_n={self.top_n} is more than recall={self.recall}, the number of candidates that the first stage "
                "brings: raise recall of the retriever before, or call with_rerank with that top_n"
            )
            raise ConfigurationError(msg)

    @override
    @partial(named, elsewhere=_OF_FIELDS)
    def postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None, query_str: str | None = None
    ) -> list[NodeWithScore]:
        """Rerank nodes. Pass the query as `query_str` or `query_bundle`."""
        return super().postprocess_nodes(nodes, query_bundle, query_str)

    @override
    @partial(named, elsewhere=_OF_FIELDS)
    async def apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None, query_str: str | None = None
    ) -> list[NodeWithScore]:
        """Rerank nodes, without blocking the running loop. As with `postprocess_nodes`."""
        return await super().apostprocess_nodes(nodes, query_bundle, query_str)

    @override
    @dispatcher.span
    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return run(self.postprocessing(nodes, query_bundle))

    @override
    @dispatcher.span
    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return await arun(self.postprocessing(nodes, query_bundle))

    def postprocessing(self, nodes: list[NodeWithScore], query: QueryBundle | None) -> Flow[list[NodeWithScore]]:
        """The work of sync and async callers."""
        query = check_given(nodes, query)
        if self.recall is None:
            warn_of_drop_in(self, len(nodes), self.top_n, _REMEDY)
        if not self._warned or is_explaining():
            where, told = "print(widening_of(…))", self._warned or is_explaining()
            asked = self.recall if self.recall is None or self._there is None else min(self.recall, self._there)
            few = warn_of_few(len(nodes), asked, where, sources=self._first_stage, told=told)
            self._warned = (few and not told) or self._warned
        model = self.loaded.model or type(self.loaded).__name__
        work = self._reranking(nodes, query.query_str)
        return (yield from traced(self.callback_manager, query, nodes, top_n=self.top_n, model=model, work=work))

    def _reranking(self, nodes: list[NodeWithScore], query: str) -> Flow[Reranked]:
        """The ranking, in the caller's own nodes; or, if asked for, the first stage's order when there is none."""
        if not nodes:
            explain(lambda: Ranking(()).explain([], places=[]).with_notes("no candidate came in"))
            return Reranked([])
        texts = [text_read(each.node, self.metadata_mode) for each in nodes]
        found = yield from merging(nodes, texts, self.distinct)
        merged = {"merged": len(nodes) - len(found)}
        candidates = [
            Candidate(texts[place], each.node.metadata, _float(each.score), each.node_id, given=each)
            for place, each in found
        ]
        try:
            ranking = yield from self._ranking(candidates, query)
        except Exception as error:
            reason = reason_to_keep(error, self.on_error)
            if reason is None:
                raise
            return Reranked(
                [kept(each, place, reason) for place, each in found[: self.top_n]],
                {"outcome": "failed", "problem": reason, **merged},
            )
        explain(lambda: ranking.explain(texts, places=[place for place, _ in found]))
        best: list[NodeWithScore] = []
        for hit in ranking.hits:
            place, each = found[hit.index]
            passage = None if hit.passage is None else texts[place][slice(*hit.passage)]
            best.append(reranked(each, place, hit, ranking, passage))
        return Reranked(best, {**report(ranking, lambda hit: found[hit.index][0]), **merged})

    def _ranking(self, candidates: list[Candidate], query: str) -> Flow[Ranking]:
        limits: dict[str, Any] = {"top_n": self.top_n, "threshold": self.threshold, "timeout": self.timeout}
        reranker = self.loaded
        work = Call[Ranking](
            sync=lambda: reranker.rerank(query, candidates, **limits),
            async_=lambda: reranker.arerank(query, candidates, **limits),
        )
        with watching(stage):
            return (yield from work)


def behind(retriever: BaseRetriever, second: BaseNodePostprocessor, callbacks: Any) -> BaseNodePostprocessor:
    """A copy of what reranks, which names that retriever where it brings too few candidates.

    Args:
        retriever: What brings the candidates.
        second: What reranks.
        callbacks: The callback manager that the copy reports to.
    """
    other = second.model_copy(update={"callback_manager": callbacks})
    if isinstance(other, RerankPostprocessor):
        other._first_stage = (type(retriever).__name__,)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        other._there = nodes_in(retriever)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    return other


def _arrived(kind: type[RerankPostprocessor], fields: dict[str, Any], loaded: Reranker | None) -> RerankPostprocessor:
    """What a pickle brings, with a reranker that travelled where it cannot be made of the fields that did."""
    if loaded is None:
        return kind(**fields)
    given = fields.pop("reranker")
    made = kind(reranker=loaded, **fields)
    vars(made)["reranker"] = given
    return made


def _float(score: float | None) -> float | None:
    return None if score is None else float(score)
