"""A LlamaIndex vector store as a `rerank_kit.contextual.hybrid_index.Hybrid` needs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import BaseNode, MetadataMode, QueryBundle
from llama_index.core.storage.docstore import utils
from llama_index.core.vector_stores.types import BasePydanticVectorStore, VectorStoreQuery, VectorStoreQueryResult

from llama_rerank_kit.contextual import KEY, contextual
from rerank_kit import ConfigurationError
from rerank_kit.contextual import Context
from rerank_kit.contextual.bookkeeping import Chunk, mark_of
from rerank_kit.flow import Call, Flow, blocking
from rerank_kit.quoting import class_name

_UTILS: Any = utils  # which says of its dicts only that they are some


@dataclass(frozen=True, slots=True)
class Vectors:
    """A vector store of LlamaIndex's, and what embeds."""

    store: BasePydanticVectorStore
    model: BaseEmbedding

    def chunk(self, piece: BaseNode, name: str, context: Context) -> Chunk:
        """A node as it is indexed."""
        made = contextual(piece, context, KEY)
        text = made.get_content(MetadataMode.EMBED)
        return Chunk(name, text, context, mark_of(text, made.metadata), made)

    def write(self, chunks: Sequence[Chunk]) -> Flow[None]:
        """Embed nodes, and put them into the store."""
        texts = [each.text for each in chunks]
        vectors = yield from Call[list[list[float]]](
            sync=lambda: self.model.get_text_embedding_batch(texts),
            async_=lambda: self.model.aget_text_embedding_batch(texts),
        )
        nodes = [
            each.item.model_copy(update={"embedding": vector}) for each, vector in zip(chunks, vectors, strict=True)
        ]
        yield from self._asked("async_add", self.store.add, self.store.async_add, nodes)

    def delete(self, ids: Sequence[str], doubtful: Collection[str]) -> Flow[None]:
        """Take nodes out of the store.

        Raises:
            ConfigurationError: The store cannot delete single nodes.
        """
        try:
            yield from self._asked("adelete_nodes", self.store.delete_nodes, self.store.adelete_nodes, list(ids))
        except NotImplementedError as error:
            msg = f"{class_name(self.store)} cannot delete single nodes, so documents can neither change nor go: "
            msg += "take another vector store, or index anew"
            raise ConfigurationError(msg) from error

    def find(self, query: QueryBundle, limit: int) -> Flow[Sequence[str]]:
        """The ids of the nearest nodes, best first."""
        vector = query.embedding
        if vector is None:
            texts, model = query.embedding_strs, self.model
            vector = yield from Call[list[float]](
                sync=lambda: model.get_agg_embedding_from_queries(texts),
                async_=lambda: model.aget_agg_embedding_from_queries(texts),
            )
        asked = VectorStoreQuery(query_embedding=vector, similarity_top_k=limit, query_str=query.query_str)
        found: VectorStoreQueryResult = yield from self._asked("aquery", self.store.query, self.store.aquery, asked)
        return [each.node_id for each in found.nodes] if found.nodes else list(found.ids or ())

    def text(self, query: QueryBundle) -> str:
        """A query's words."""
        return query.query_str

    def plain(self, item: BaseNode) -> dict[str, Any]:
        """A node as what JSON can hold."""
        plain: dict[str, Any] = _UTILS.doc_to_json(item)
        return plain

    def restored(self, plain: dict[str, Any]) -> BaseNode:
        """The same node again."""
        node: BaseNode = _UTILS.json_to_doc(plain)
        return node

    def _asked(
        self, name: str, sync: Callable[[Any], Any], async_: Callable[[Any], Awaitable[Any]], argument: Any
    ) -> Call[Any]:
        """A call of the store, in a thread where its async method is the one that blocks the loop."""
        if getattr(type(self.store), name) is getattr(BasePydanticVectorStore, name):
            return blocking(sync, argument)
        return Call(sync=lambda: sync(argument), async_=lambda: async_(argument))
