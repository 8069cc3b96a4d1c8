"""`ChunkedDocument`: a document and the chunks that it was cut into, whatever cut it."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from rerank_kit.arguments import named
from rerank_kit.errors import ConfigurationError
from rerank_kit.quoting import quoted
from rerank_kit.texts import is_blank
from rerank_kit.values import Passage

_SHOWN = 80  # characters of a chunk in an error
_NEAR = 2_000  # characters behind the chunk before, within which the next one usually begins
_PREFIX = 24  # characters by which places of a text are looked up


@named
@dataclass(frozen=True, slots=True)
class ChunkedDocument:
    """A document and its chunks.

    Attributes:
        text: The whole document.
        chunks: Its chunks, in any order; they may overlap.
        id: What the caller knows it by. `""` is made the beginning of a hash of its text.
        title: What it is called, such as the path of its file.
    """

    text: str
    chunks: Sequence[str]
    id: str = ""
    title: str = ""

    def __post_init__(self) -> None:
        """Refuse what is no document, and name one without a name."""
        given: dict[str, object] = {"text": self.text, "id": self.id, "title": self.title}
        for name, value in given.items():
            if not isinstance(value, str):
                msg = f"{name} of a ChunkedDocument must be a string, not {quoted(value)}"
                raise ConfigurationError(msg)
        chunks: object = self.chunks
        if isinstance(chunks, str) or not isinstance(chunks, Sequence):
            msg = f"chunks of a ChunkedDocument must be a list of strings, not {quoted(chunks)}"
            raise ConfigurationError(msg)
        for place, each in enumerate(cast("Sequence[object]", chunks)):
            if not isinstance(each, str):
                msg = f"chunks[{place}] of a ChunkedDocument must be a string, not {quoted(each)}"
                raise ConfigurationError(msg)
        object.__setattr__(self, "chunks", tuple(self.chunks))
        object.__setattr__(self, "id", self.id or digest(self.text))

    @property
    def chunk_ids(self) -> tuple[str, ...]:
        """An id for each chunk, made of the document's and of what the chunk says, so that it stays when others change.

        The same chunk a second time in one document is told apart by how many of it came before.
        """
        before = Counter[str]()
        ids: list[str] = []
        for each in self.chunks:
            again = f"-{before[each]}" if before[each] else ""
            before[each] += 1
            ids.append(f"{self.id}#{digest(each)}{again}")
        return tuple(ids)


def chunks_by_id(documents: Iterable[ChunkedDocument]) -> dict[str, str]:
    """The chunks of documents, by their ids."""
    return {name: chunk for each in documents for name, chunk in zip(each.chunk_ids, each.chunks, strict=True)}


def digest(text: str) -> str:
    """A short name of a text."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def checked(documents: object) -> list[ChunkedDocument]:
    """Documents as they can be put into context.

    Raises:
        ConfigurationError: One is no `ChunkedDocument`, two have the same id, or a chunk is not in its document.
    """
    if isinstance(documents, ChunkedDocument | str) or not isinstance(documents, Iterable):
        msg = f"documents must be a list of ChunkedDocument(text, chunks), not {quoted(documents)}"
        raise ConfigurationError(msg)
    found: dict[str, ChunkedDocument] = {}
    for place, each in enumerate(cast("Iterable[object]", documents)):
        if not isinstance(each, ChunkedDocument):
            msg = f"documents[{place}] must be a ChunkedDocument(text, chunks), not {quoted(each)}"
            raise ConfigurationError(msg)
        if each.id in found:
            msg = (
                f"documents[{place}] has the id {each.id!r}, as one before it has: give each document an id of its "
                "own, and pass all chunks of a document together"
            )
            raise ConfigurationError(msg)
        found[each.id] = each
        places(each)
    return list(found.values())


def places(document: ChunkedDocument) -> list[Passage | None]:
    """Where each chunk stands in its document, in characters; `None` for chunks without text.

    White space does not count, for splitters change it.

    Raises:
        ConfigurationError: A chunk is not in its document.
    """
    bare = "".join(document.text.split())
    at = [place for place, each in enumerate(document.text) if not each.isspace()]
    found: list[Passage | None] = []
    begin, elsewhere = 0, _Elsewhere(bare, document.chunks)
    for place, chunk in enumerate(document.chunks):
        wanted = "".join(chunk.split())
        if is_blank(chunk):
            found.append(None)
            continue
        here = begin if bare.startswith(wanted, begin) else elsewhere.find(wanted, begin)
        if here < 0:
            msg = (
                f"chunks[{place}] of the document {document.id!r} is not in its text: {_beginning(chunk)}: pass the "
                "text that was split, and the chunks of no other document"
            )
            raise ConfigurationError(msg)
        begin = here + 1
        found.append((at[here], at[here + len(wanted) - 1] + 1))
    return found


class _Elsewhere:
    """Finds texts in any order in a long one, in time by its length."""

    def __init__(self, text: str, chunks: Sequence[str]) -> None:
        self._text, self._chunks = text, chunks
        self._starts: dict[str, list[int]] | None = None

    def find(self, wanted: str, begin: int) -> int:
        """Where a text stands: next behind `begin`, or else anywhere; -1 is nowhere."""
        near = self._text.find(wanted, begin, begin + len(wanted) + _NEAR)
        if near >= 0 or len(wanted) < _PREFIX:
            return near if near >= 0 else max(self._text.find(wanted, begin), self._text.find(wanted))
        starts = self._index().get(wanted[:_PREFIX], [])
        first = bisect_left(starts, begin)
        for place in (*starts[first:], *starts[:first]):
            if self._text.startswith(wanted, place):
                return place
        return -1

    def _index(self) -> dict[str, list[int]]:
        """Where the beginnings of the chunks stand."""
        if self._starts is None:
            bare = ("".join(each.split()) for each in self._chunks)
            found: dict[str, list[int]] = {each[:_PREFIX]: [] for each in bare if len(each) >= _PREFIX}
            for place in range(len(self._text) - _PREFIX + 1):
                known = found.get(self._text[place : place + _PREFIX])
                if known is not None:
                    known.append(place)
            self._starts = found
        return self._starts


def _beginning(chunk: str) -> str:
    plain = " ".join(chunk.split())
    return repr(plain if len(plain) <= _SHOWN else f"{plain[:_SHOWN]}…")
