"""The same node twice: merged into the best placed one, which keeps the others beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle
from pydantic import ConfigDict, SerializeAsAny
from typing_extensions import override

from llama_rerank_kit.nodes import merged_nodes, standing_for
from llama_rerank_kit.text_read import text_read
from rerank_kit.fields.distinct import DistinctField
from rerank_kit.first_stage.distinct import Distinct, grouping
from rerank_kit.flow import Call, Flow, arun, run


def merging(
    nodes: Sequence[NodeWithScore], texts: Sequence[str], distinct: Distinct | None
) -> Flow[list[tuple[int, NodeWithScore]]]:
    """Merge what is the same, in the order in which it came: each node that stays, and its place, from 0.

    Args:
        nodes: The candidates. They are not changed.
        texts: What is read of each, by which they are compared.
        distinct: What makes nodes one.
    """
    found = yield from grouping([each.node_id for each in nodes], texts, distinct)
    return [(first, standing_for(nodes[first], [nodes[other] for other in others])) for first, *others in found]


class DistinctPostprocessor(BaseNodePostprocessor):
    """Merges nodes that are the same before a postprocessor of another make, which knows nothing of it."""

    postprocessor: SerializeAsAny[BaseNodePostprocessor]
    distinct: DistinctField = "document"

    model_config = ConfigDict(validate_assignment=True)

    @classmethod
    @override
    def class_name(cls) -> str:
        """The name under which LlamaIndex serialises it."""
        return cls.__name__

    @override
    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return run(self._postprocessing(nodes, query_bundle))

    @override
    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return await arun(self._postprocessing(nodes, query_bundle))

    def _postprocessing(self, nodes: list[NodeWithScore], query: QueryBundle | None) -> Flow[list[NodeWithScore]]:
        texts = [text_read(each.node, MetadataMode.EMBED) for each in nodes]
        found = yield from merging(nodes, texts, self.distinct)
        candidates = [each for _, each in found]
        inner = self.postprocessor.model_copy(update={"callback_manager": self.callback_manager})
        best: list[NodeWithScore] = yield from Call[Any](
            sync=lambda: inner.postprocess_nodes(candidates, query_bundle=query),
            async_=lambda: inner.apostprocess_nodes(candidates, query_bundle=query),
        )
        merged = {_key(each): merged_nodes(each) for each in candidates}
        return [each if merged_nodes(each) else standing_for(each, merged.get(_key(each), [])) for each in best]


def _key(node: NodeWithScore) -> tuple[str, str]:
    """By what nodes are told apart: several that are not the same may have one id."""
    return node.node_id, text_read(node.node, MetadataMode.EMBED)
