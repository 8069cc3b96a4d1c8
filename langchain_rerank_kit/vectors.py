"""A LangChain vector store as a `rerank_kit.contextual.hybrid_index.Hybrid` needs it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.documents import Document
from langchain_core.vectorstores import VectorStore

from langchain_rerank_kit.contextual import CHUNK_ID, contextual
from rerank_kit.contextual import Context
from rerank_kit.contextual.bookkeeping import Chunk, mark_of
from rerank_kit.flow import Call, Flow


@dataclass(frozen=True, slots=True)
class Vectors:
    """A vector store of LangChain's."""

    store: VectorStore

    def chunk(self, piece: Document, name: str, context: Context) -> Chunk:
        """A chunk as it is indexed."""
        made = contextual(piece, name, context)
        return Chunk(name, made.page_content, context, mark_of(made.page_content, made.metadata), made)

    def write(self, chunks: Sequence[Chunk]) -> Flow[None]:
        """Embed chunks, and put them into the store."""
        ids = [each.id for each in chunks]
        documents = [_copied(each.item) for each in chunks]
        yield from Call(
            sync=lambda: self.store.add_documents(documents, ids=ids),
            async_=lambda: self.store.aadd_documents(documents, ids=ids),
        )

    def delete(self, ids: Sequence[str], doubtful: Collection[str]) -> Flow[None]:
        """Take chunks out of the store."""
        if doubtful:  # some stores refuse to delete what is not there
            there = yield from self._there(list(doubtful))
            ids = [each for each in ids if each in there or each not in doubtful]
        if ids:
            yield from Call(sync=lambda: self.store.delete(list(ids)), async_=lambda: self.store.adelete(list(ids)))

    def _there(self, ids: list[str]) -> Flow[set[str | None]]:
        """Those that the store has, as far as it can tell."""
        try:
            found = yield from Call[list[Document]](
                sync=lambda: self.store.get_by_ids(ids), async_=lambda: self.store.aget_by_ids(ids)
            )
        except NotImplementedError:
            return {*ids}
        return {each.id for each in found}

    def find(self, query: str, limit: int) -> Flow[Sequence[str]]:
        """The ids of the nearest chunks, best first."""
        found = yield from Call[list[Document]](
            sync=lambda: self.store.similarity_search(query, k=limit),
            async_=lambda: self.store.asimilarity_search(query, k=limit),
        )
        return [str(each.metadata.get(CHUNK_ID, each.id)) for each in found]

    def text(self, query: str) -> str:
        """A query's words."""
        return query

    def plain(self, item: Document) -> dict[str, Any]:
        """A chunk as what JSON can hold."""
        return {"page_content": item.page_content, "id": item.id, "metadata": item.metadata}

    def restored(self, plain: dict[str, Any]) -> Document:
        """The same chunk again."""
        return Document(**plain)


def _copied(document: Document) -> Document:
    """A copy for a store, which may keep and change it."""
    return document.model_copy(update={"metadata": dict(document.metadata)})
