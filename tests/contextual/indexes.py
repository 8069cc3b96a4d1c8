"""A vector store in memory that counts, fails when it is told to, and finds by words in common; sources of contexts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from rerank_kit import Deadline
from rerank_kit.contextual import ChunkedDocument, Context, Contexts, ContextSource, with_context
from rerank_kit.contextual.bookkeeping import Chunk, Given, mark_of
from rerank_kit.flow import Flow, blocking


@dataclass
class Store:
    """Texts by ids. `broken` is raised by whatever it names, after so many chunks."""

    texts: dict[str, str] = field(default_factory=dict[str, str])
    embedded: list[str] = field(default_factory=list[str])
    fails: dict[str, int] = field(default_factory=dict[str, int])

    def chunk(self, piece: Any, name: str, context: Context) -> Chunk:
        text = with_context(piece, context)
        return Chunk(name, text, context, mark_of(text), {"text": piece})

    def write(self, chunks: Sequence[Chunk]) -> Flow[None]:
        for each in chunks:
            yield from blocking(self._fail, "write")
            assert each.id not in self.texts, "what is there has to be deleted before"
            self.embedded.append(each.text)
            self.texts[each.id] = each.text

    def delete(self, ids: Sequence[str], doubtful: Collection[str]) -> Flow[None]:
        for each in ids:
            yield from blocking(self._fail, "delete")
            if each not in doubtful:
                assert each in self.texts, "what is surely there is there"
            self.texts.pop(each, None)

    def find(self, query: Any, limit: int) -> Flow[Sequence[str]]:
        wanted = set(query.lower().split())
        common = {name: len(wanted & set(text.lower().split())) for name, text in self.texts.items()}
        yield from ()
        return sorted((each for each in common if common[each]), key=lambda each: (-common[each], each))[:limit]

    def text(self, query: Any) -> str:
        return str(query)

    def plain(self, item: Any) -> Any:
        return item

    def restored(self, plain: Any) -> Any:
        return plain

    def _fail(self, what: str) -> None:
        left = self.fails.get(what)
        if left == 0:
            del self.fails[what]
            raise ConnectionError(what)
        if left is not None:
            self.fails[what] = left - 1


@dataclass
class Titled(ContextSource):
    """The document's title is the context, and `failing` texts have none. It remembers what it was asked."""

    failing: frozenset[str] = frozenset()
    asked: list[str] = field(default_factory=list[str])
    error: Exception | None = None
    fingerprint: str = "titled"

    def flow(self, documents: Sequence[ChunkedDocument], deadline: Deadline) -> Flow[Contexts]:
        yield from ()
        if self.error is not None:
            raise self.error
        self.asked += [text for each in documents for text in each.chunks]
        rows = [
            tuple(Context(None, "refused") if text in self.failing else Context(each.title) for text in each.chunks)
            for each in documents
        ]
        return Contexts(tuple(documents), tuple(rows))


def given(name: str, *chunks: str, title: str = "about tax") -> Given:
    """A document that was cut into these chunks."""
    document = ChunkedDocument("\n".join(chunks), chunks, name, title)
    return Given(document, chunks, mark_of(document.text, title, chunks))
