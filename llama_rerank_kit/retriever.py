"""A retriever that brings many candidates and returns the best few."""

from __future__ import annotations

from typing import Any

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.prompts.mixin import PromptMixinType
from llama_index.core.schema import NodeWithScore, QueryBundle
from typing_extensions import override

from rerank_kit.first_stage import Widening
from rerank_kit.flow import Call, Flow, arun, run


class RerankRetriever(BaseRetriever):
    """A retriever whose first stage is widened and whose results are reranked. `with_rerank` makes one.

    Attributes:
        widening: The first stage and what was changed in it, readable with `print`.
        recall: How many candidates the first stage is to bring.
    """

    def __init__(self, widening: Widening[Any], postprocessor: BaseNodePostprocessor) -> None:
        """Put the second stage behind the first.

        Args:
            widening: The widened retriever, as `widen` gives it.
            postprocessor: What reranks. It is copied, and reports to the callback manager of the retriever.
        """
        self._retriever: BaseRetriever = widening.widened
        super().__init__(  # pyright: ignore[reportUnknownMemberType] - the library leaves out type arguments
            callback_manager=getattr(self._retriever, "callback_manager", None)
        )
        self.widening = widening
        self.recall = widening.recall
        self._postprocessor = postprocessor.model_copy(update={"callback_manager": self.callback_manager})

    @property
    def retriever(self) -> BaseRetriever:
        """The first stage: the widened copy of what was given."""
        return self._retriever

    @property
    def postprocessor(self) -> BaseNodePostprocessor:
        """The second stage."""
        return self._postprocessor

    @override
    def _get_prompt_modules(self) -> PromptMixinType:
        return {"retriever": self._retriever}

    @override
    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return run(self._retrieving(query_bundle))

    @override
    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await arun(self._retrieving(query_bundle))

    def _retrieving(self, query: QueryBundle) -> Flow[list[NodeWithScore]]:
        """Both stages, for sync and async callers."""
        first, second = self._retriever, self._postprocessor
        nodes = yield from Call[list[NodeWithScore]](
            sync=lambda: first.retrieve(query), async_=lambda: first.aretrieve(query)
        )
        return (
            yield from Call[list[NodeWithScore]](
                sync=lambda: second.postprocess_nodes(nodes, query_bundle=query),
                async_=lambda: second.apostprocess_nodes(nodes, query_bundle=query),
            )
        )
