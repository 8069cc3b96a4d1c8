"""`Hybrid`: a vector store and BM25 over the same chunks with their contexts, kept alike, searched and fused."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from rerank_kit.bm25 import BM25
from rerank_kit.checks import is_number
from rerank_kit.contextual.bookkeeping import Books, Chunk, Given, Indexed, ids_of
from rerank_kit.contextual.contexts import Context, ContextSource
from rerank_kit.contextual.documents import ChunkedDocument
from rerank_kit.contextual.headings import HeadingContext
from rerank_kit.contextual.saving import read_books, write_books
from rerank_kit.contextual.search import fused
from rerank_kit.contextual.sources import check_contexts, fingerprint_of, written_by
from rerank_kit.errors import ConfigurationError
from rerank_kit.flow import Flow, blocking, sleep
from rerank_kit.quoting import quoted
from rerank_kit.values import Deadline

_AT_ONCE = 100  # chunks that are embedded between two looks: no more are embedded again where it is broken off
_PAUSE = 0.02  # seconds until it is looked again whether another change has ended


class Vectors(Protocol):
    """A framework's vector store, and its chunks."""

    def chunk(self, piece: Any, name: str, context: Context) -> Chunk:
        """A chunk as it is indexed, made of one as it was cut, its id and its context."""
        ...

    def write(self, chunks: Sequence[Chunk]) -> Flow[None]:
        """Embed chunks, and put them into the store, which has none of their ids."""
        ...

    def delete(self, ids: Sequence[str], doubtful: Collection[str]) -> Flow[None]:
        """Take chunks out of the store, of which the doubtful ones may not be there."""
        ...

    def find(self, query: Any, limit: int) -> Flow[Sequence[str]]:
        """The ids of the nearest chunks, best first."""
        ...

    def text(self, query: Any) -> str:
        """A query's words."""
        ...

    def plain(self, item: Any) -> Any:
        """A framework's chunk as what JSON can hold."""
        ...

    def restored(self, plain: Any) -> Any:
        """The same chunk again."""
        ...


class _Searched:
    """What is searched: it never changes, so that a search sees all of a change or nothing."""

    def __init__(self, books: Books) -> None:
        self.chunks = {each.id: each for document in books.documents.values() for each in document.chunks}
        self._ids = list(self.chunks)
        self._bm25 = BM25([each.text for each in self.chunks.values()])

    def best(self, query: str, limit: int) -> list[str]:
        return [self._ids[place] for place, _ in self._bm25.best(query, limit)]


class Hybrid:
    """Chunks with contexts in a vector store and in BM25, and which they are."""

    def __init__(self, vectors: Vectors, contexts: ContextSource, books: Books | None = None) -> None:
        """Begin with what is in the books.

        Raises:
            ConfigurationError: `contexts` is no source of contexts.
            MissingExtra: bm25s or PyStemmer is not installed.
        """
        check_contexts(contexts)
        self._vectors, self._contexts = vectors, contexts
        self._source = fingerprint_of(contexts)
        self._books = Books() if books is None else books
        self._changing = threading.Lock()
        self._searched = _Searched(self._books)

    @property
    def ids(self) -> list[str]:
        """The ids of the documents that are found."""
        return list(self._books.documents)

    @property
    def size(self) -> int:
        """How many chunks there are to be found."""
        return len(self._searched.chunks)

    def __deepcopy__(self, memo: object) -> Hybrid:
        """The same one: a copy of a retriever searches what it searches."""
        return self

    def adding(self, given: Sequence[Given], deadline: Deadline) -> Flow[None]:
        """Index documents; one whose id is known takes the place of the older one.

        What has not changed is neither put into context nor embedded again. Where a change before was broken off, it
        is brought to its end as well.
        """
        yield from self._alone()
        try:
            known = self._books.wanted()
            new = [each for each in given if self._differs(known.get(each.document.id), each)]
            self._books.intend((yield from self._indexed(new, known, deadline)))
            yield from self._finished()
        finally:
            self._changing.release()

    def removing(self, ids: Sequence[str]) -> Flow[None]:
        """Take documents out of both indexes.

        Raises:
            ConfigurationError: There is none of such an id; nothing is removed.
        """
        yield from self._alone()
        try:
            known = self._books.documents.keys() | self._books.unfinished.keys()
            for each in ids:
                if each not in known:
                    msg = f"ids: there is no document {quoted(each)} in the index: pass ids of documents, not of chunks"
                    raise ConfigurationError(msg)
            self._books.intend(dict.fromkeys(ids))
            yield from self._finished()
        finally:
            self._changing.release()

    def searching(self, query: Any, limit: int, weights: tuple[float, float]) -> Flow[list[tuple[Chunk, float]]]:
        """The best chunks by weighted reciprocal ranks, each with its fused score.

        Args:
            query: The framework's query.
            limit: How many each of both indexes brings, and how many come out.
            weights: What the ranks of the vector store count, and those of BM25.
        """
        searched = self._searched
        near = (yield from self._vectors.find(query, limit)) if weights[0] and searched.chunks else ()
        words = (yield from blocking(searched.best, self._vectors.text(query), limit)) if weights[1] else ()
        known = [each for each in near if each in searched.chunks]  # a change that was broken off leaves others
        found = fused(known, words, weights)
        return [(searched.chunks[each], score) for each, score in list(found.items())[:limit]]

    def save(self, folder: str | Path) -> None:
        """Keep all but the vectors in a folder, all of it or nothing.

        Raises:
            ConfigurationError: The folder cannot be written, or a document has metadata that JSON cannot hold.
        """
        write_books(folder, self._books.copied(), self._vectors.plain)

    def _alone(self) -> Flow[None]:
        """Wait until no other change is under way."""
        while not self._changing.acquire(blocking=False):
            yield from sleep(_PAUSE)

    def _differs(self, known: Indexed | None, given: Given) -> bool:
        return known is None or (known.mark, known.source) != (given.mark, self._source) or not known.complete

    def _indexed(
        self, new: Sequence[Given], known: dict[str, Indexed], deadline: Deadline
    ) -> Flow[dict[str, Indexed | None]]:
        """Documents as they are to be indexed, with contexts for those chunks that have none yet."""
        contexts = {name: kept for each in new for name, kept in self._kept(known.get(each.document.id)).items()}
        lacking = [_without(each.document, contexts) for each in new]
        asked = [each for each in lacking if each.chunks]
        contexts |= yield from written_by(self._contexts, asked, deadline)
        found: dict[str, Indexed | None] = {}
        for each in new:
            rows = zip(each.pieces, ids_of(each.document), strict=True)
            chunks = tuple(self._vectors.chunk(piece, name, contexts[name]) for piece, name in rows)
            found[each.document.id] = Indexed(each.mark, self._source, chunks)
        return found

    def _kept(self, known: Indexed | None) -> dict[str, Context]:
        """The contexts that chunks keep when their document has changed: those that had to be paid for."""
        if known is None or known.source != self._source or isinstance(self._contexts, HeadingContext):
            return {}
        return {each.id: each.context for each in known.chunks if each.context.why is None}

    def _finished(self) -> Flow[None]:
        """Make both indexes what they are to become, if that is another thing."""
        books, vectors = self._books, self._vectors
        if not books.unfinished:
            return
        chunks = books.to_write()
        for begin in range(0, len(chunks), _AT_ONCE):
            some = chunks[begin : begin + _AT_ONCE]
            yield from self._deleted(books.known(each.id for each in some))
            books.begin(each.id for each in some)
            yield from vectors.write(some)
            books.written(some)
        yield from self._deleted(books.to_delete())
        books.finish()
        self._searched = yield from blocking(_Searched, books)

    def _deleted(self, ids: Sequence[str]) -> Flow[None]:
        """Take chunks out of the vector store, if there are any."""
        if not ids:
            return
        doubtful = self._books.doubtful.intersection(ids)
        self._books.begin(ids)
        yield from self._vectors.delete(ids, doubtful)
        self._books.deleted(ids)


def _without(document: ChunkedDocument, have: Mapping[str, Context]) -> ChunkedDocument:
    """A document with only those chunks that have no context yet."""
    rows = zip(document.chunks, ids_of(document), strict=True)
    lacking = {text for text, name in rows if name not in have}
    chunks = [each for each in document.chunks if each in lacking]  # all that say the same, which their ids count
    return ChunkedDocument(document.text, chunks, document.id, document.title)


def check_weights(weights: object) -> tuple[float, float]:
    """What the ranks of the vector store count, and those of BM25.

    Raises:
        ConfigurationError: They are no two numbers of 0 or more, or both are 0.
    """
    told = quoted(weights)
    given: list[object] = list(cast("Sequence[object]", weights)) if isinstance(weights, tuple | list) else []
    numbers = [float(each) for each in given if is_number(each) and each >= 0]
    if len(given) != 2 or len(numbers) != 2 or not any(numbers):  # noqa: PLR2004
        msg = (
            "weights must be two numbers of 0 or more, for the vector store and for BM25, such as (0.8, 0.2), and one "
            f"above 0, not {told}"
        )
        raise ConfigurationError(msg)
    return numbers[0], numbers[1]


def load_hybrid(folder: str | Path, vectors: Vectors, contexts: ContextSource) -> Hybrid:
    """What `Hybrid.save` kept, with the vector store that belongs to it.

    Raises:
        ConfigurationError: There is nothing of the kind, or it cannot be read.
    """
    return Hybrid(vectors, contexts, read_books(folder, vectors.restored))


def check_ids(ids: object) -> list[str]:
    """Ids of documents.

    Raises:
        ConfigurationError: They are none.
    """
    told = quoted(ids)
    given = None if isinstance(ids, str) or not isinstance(ids, Sequence) else list(cast("Sequence[object]", ids))
    known = [each for each in given or () if isinstance(each, str)]
    if given is None or len(known) < len(given):
        msg = f"ids must be a list of ids of documents, not {told}: see document_ids"
        raise ConfigurationError(msg)
    return known
