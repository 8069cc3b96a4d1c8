"""Which chunks of which documents are indexed, and which of them a vector store has."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from rerank_kit.contextual.contexts import Context
from rerank_kit.contextual.documents import ChunkedDocument
from rerank_kit.evaluate.store import key_of


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk as it is indexed.

    Attributes:
        id: Its id, in the vector store too.
        text: The chunk with its context in front: what is embedded and what BM25 indexes.
        context: The context, or why there is none.
        mark: What differs where the vector store has to have the chunk anew.
        item: The chunk as its framework has it.
    """

    id: str
    text: str
    context: Context
    mark: str
    item: Any


@dataclass(frozen=True, slots=True)
class Given:
    """A document that is to be indexed.

    Attributes:
        document: The document and the texts of its chunks.
        pieces: The chunks as their framework has them, one for each text.
        mark: What differs where anything of the document does, its metadata too.
    """

    document: ChunkedDocument
    pieces: Sequence[Any]
    mark: str


@dataclass(frozen=True, slots=True)
class Indexed:
    """A document that is indexed.

    Attributes:
        mark: That of the document when it was given.
        source: The fingerprint of what wrote the contexts.
        chunks: Its chunks.
    """

    mark: str
    source: str
    chunks: tuple[Chunk, ...]

    @property
    def complete(self) -> bool:
        """Whether no context failed."""
        return all(each.context.why is None for each in self.chunks)


def ids_of(document: ChunkedDocument) -> list[str]:
    """The ids of a document's chunks as any vector store takes them: some want UUIDs, and some ASCII alone."""
    names = [each.encode("utf-8", "backslashreplace").decode() for each in document.chunk_ids]
    return [str(uuid5(NAMESPACE_URL, each)) for each in names]


def mark_of(*parts: object) -> str:
    """A short text that differs where any of these does: texts, metadata, whatever they hold."""
    return key_of(*(json.dumps(each, sort_keys=True, default=repr) for each in parts))


@dataclass(slots=True)
class Books:
    """What is indexed, and what is still to be done where a change was broken off.

    Attributes:
        documents: What is found: documents by their ids.
        unfinished: What documents are to become; `None` is to be removed.
        stored: The marks of the chunks that the vector store has, by their ids.
        doubtful: Ids that the vector store may have or not: writing or deleting them was broken off.
    """

    documents: dict[str, Indexed] = field(default_factory=dict[str, Indexed])
    unfinished: dict[str, Indexed | None] = field(default_factory=dict[str, Indexed | None])
    stored: dict[str, str] = field(default_factory=dict[str, str])
    doubtful: set[str] = field(default_factory=set[str])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wanted(self) -> dict[str, Indexed]:
        """The documents as they are to become."""
        both = {**self.documents, **self.unfinished}
        return {name: each for name, each in both.items() if each is not None}

    def to_write(self) -> list[Chunk]:
        """The chunks that the vector store does not surely have as they are to be."""
        return [
            each
            for document in self.wanted().values()
            for each in document.chunks
            if each.id in self.doubtful or self.stored.get(each.id) != each.mark
        ]

    def to_delete(self) -> list[str]:
        """The ids that the vector store has, or may have, and nobody wants."""
        wanted = {each.id for document in self.wanted().values() for each in document.chunks}
        return sorted((self.stored.keys() | self.doubtful) - wanted)

    def known(self, ids: Iterable[str]) -> list[str]:
        """Those of the ids that the vector store has, or may have."""
        return [each for each in ids if each in self.stored or each in self.doubtful]

    def begin(self, ids: Iterable[str]) -> None:
        """Say that the vector store is about to be told of these."""
        with self._lock:
            self.doubtful.update(ids)

    def written(self, chunks: Iterable[Chunk]) -> None:
        """Say that the vector store has them."""
        with self._lock:
            for each in chunks:
                self.stored[each.id] = each.mark
                self.doubtful.discard(each.id)

    def deleted(self, ids: Iterable[str]) -> None:
        """Say that the vector store has them no more."""
        with self._lock:
            for each in ids:
                self.stored.pop(each, None)
                self.doubtful.discard(each)

    def intend(self, changes: Mapping[str, Indexed | None]) -> None:
        """Say what documents are to become."""
        with self._lock:
            self.unfinished.update(changes)

    def finish(self) -> None:
        """Say that all is as it was to become."""
        with self._lock:
            self.documents, self.unfinished = self.wanted(), {}

    def copied(self) -> Books:
        """All of it as it is at this moment."""
        with self._lock:
            return Books(dict(self.documents), dict(self.unfinished), dict(self.stored), set(self.doubtful))
