"""Telling of a field in `text=` that no document has, and which is therefore most likely misspelt."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import chain, islice

from langchain_core.documents import Document

from langchain_rerank_kit.template import OWN, Template
from langchain_rerank_kit.text_read import TextOf
from rerank_kit.quoting import quoted
from rerank_kit.rules.metadata import at

logger = logging.getLogger("rerank_kit")

_SHOWN = 20  # fields that documents have


def told_of_fields(
    documents: Sequence[Document], text: TextOf | None, settled: frozenset[str], who: str
) -> frozenset[str]:
    """Log which fields no document has. What comes back is the fields that need no more looking for.

    Args:
        documents: All that are read together.
        text: What is read of them. What a function reads is not known.
        settled: Fields that some document had, or of which the log has told.
        who: Who reads them, for the log.
    """
    if text is None or callable(text) or not documents:
        return settled
    names = Template.of(text).names if isinstance(text, str) else text
    unknown = [name for name in dict.fromkeys(names) if name not in settled and name not in OWN]
    for name in unknown:
        if not any(_has(each, name) for each in documents):
            logger.warning(
                "%s: no document has the field %s that text= names; they have %s. If only some documents have it, and "
                "none of these, all is well",
                who,
                quoted(name),
                ", ".join(_fields(documents)),
            )
    return settled.union(unknown)


def _has(document: Document, name: str) -> bool:
    """Whether the field is there, whatever its value."""
    try:
        return name in document.metadata or at(document.metadata, name) is not None
    except Exception:  # noqa: BLE001 - metadata may hold anything, and nothing in them fails a ranking
        return True


def _fields(documents: Sequence[Document]) -> list[str]:
    """The fields that the documents have, the first ones of those in the metadata."""
    keys = dict.fromkeys(chain.from_iterable(each.metadata for each in documents))
    return ["page_content", *(key for key in islice(keys, _SHOWN))]
