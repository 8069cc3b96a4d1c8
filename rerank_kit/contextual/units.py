"""What of a document is put into context: each chunk, each section, or the document as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rerank_kit.contextual.documents import ChunkedDocument, places
from rerank_kit.contextual.headings import Section, section_at, sections
from rerank_kit.contextual.prompts import Granularity
from rerank_kit.judge.injection import shortened
from rerank_kit.values import Passage

_SECTION = 2_000  # tokens of a section that are shown beside the document


@dataclass(frozen=True, slots=True)
class Unit:
    """What gets one context.

    Attributes:
        text: What the model is asked to put into context; nothing where that is the document.
        place: Where it stands in the document, in characters.
        chunks: The places of the chunks that get the context.
    """

    text: str
    place: Passage
    chunks: tuple[int, ...]


def units(document: ChunkedDocument, granularity: Granularity, shown: Callable[[Passage], Passage]) -> list[Unit]:
    """What of a document gets a context: nothing for chunks without text; one for all that say the same.

    Args:
        document: The document.
        granularity: What gets one.
        shown: What of the document a model is shown beside a place; what says the same in other parts is told apart.
    """
    placed = [(chunk, place) for chunk, place in enumerate(places(document)) if place is not None]
    if granularity == "document":
        whole = (0, len(document.text))
        return [Unit("", whole, tuple(chunk for chunk, _ in placed))] if placed else []
    parts = sections(document.text) if granularity == "section" else []
    found: dict[tuple[str, Passage], tuple[Passage, list[int]]] = {}
    for chunk, place in placed:
        text, where = _of(document, parts, chunk, place)
        apart = where if parts else shown(where)
        found.setdefault((text, apart), (where, []))[1].append(chunk)
    return [Unit(text, where, tuple(chunks)) for (text, _), (where, chunks) in found.items()]


def _of(document: ChunkedDocument, parts: Sequence[Section], chunk: int, place: Passage) -> tuple[str, Passage]:
    """What is put into context for a chunk, and where that stands."""
    if not parts:
        return document.chunks[chunk], place
    section = section_at(parts, place[0])
    text, _ = shortened(document.text[section.begin : section.end], _SECTION)
    return text, (section.begin, section.end)
