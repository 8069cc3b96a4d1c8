"""Filling a store with the vectors of texts before anybody asks: each once, in bounded memory, to be gone on with."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from rerank_kit.errors import ConfigurationError
from rerank_kit.late.encoder import Encoder
from rerank_kit.late.vectors import Key, TokenVectors, VectorStore
from rerank_kit.quoting import class_name, quoted
from rerank_kit.texts import encodable, is_blank
from rerank_kit.values import Deadline, Document

PART = 64
"""Texts that are looked up, computed and kept together."""


@dataclass(frozen=True, slots=True)
class Warmed:
    """What came of filling a store, so far or in the end.

    Attributes:
        texts: How many texts there were.
        computed: Texts whose vectors were computed and kept.
        found: Texts whose vectors were there already.
        blank: Texts with nothing in them to read.
        truncated: Texts that are longer than what the model reads of them, of those that were computed.
        tokens: Tokens that were read.
    """

    texts: int = 0
    computed: int = 0
    found: int = 0
    blank: int = 0
    truncated: int = 0
    tokens: int = 0


def warmed(
    texts: Iterable[str | Document],
    *,
    encoder: Encoder,
    store: VectorStore,
    key: Callable[[str], Key],
    progress: Callable[[Warmed], None] | None,
    deadline: Deadline,
) -> Warmed:
    """Keep the vectors of all texts. What was kept is kept, whatever comes then.

    Raises:
        ConfigurationError: There is something else than texts, or the store cannot be read or written.
        DeadlineExceeded: The time is over.
        BackendError: ONNX Runtime failed.
    """
    done = Warmed()
    for part in _parts(texts):
        deadline.check()
        shown = [each for each in part if not is_blank(each)]
        keys = {key(each): each for each in shown}
        with _told(store):
            there = store.get(list(keys))
        missing = {each: text for each, text in keys.items() if each not in there}
        made: dict[Key, TokenVectors] = dict(
            zip(missing, encoder.documents(list(missing.values()), deadline), strict=True)
        )
        if made:
            with _told(store):
                store.put(made)
        done = Warmed(
            texts=done.texts + len(part),
            computed=done.computed + len(made),
            found=done.found + len(shown) - len(made),
            blank=done.blank + len(part) - len(shown),
            truncated=done.truncated + sum(each.cut for each in made.values()),
            tokens=done.tokens + sum(each.tokens for each in made.values()),
        )
        if progress is not None:
            progress(done)
    return done


def _parts(texts: Iterable[str | Document]) -> Iterator[list[str]]:
    """Some texts at a time.

    Raises:
        ConfigurationError: They are none.
    """
    given: object = texts
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        msg = f"texts must be a list of texts, or give one after the other, not be {quoted(given)}"
        raise ConfigurationError(msg)
    numbered = enumerate(texts)
    while part := [_text(*each) for each in islice(numbered, PART)]:
        yield part


def _text(place: int, item: object) -> str:
    text = item.text if isinstance(item, Document) else item
    if not isinstance(text, str):
        msg = f"texts[{place}] must be a text or a Document, not {quoted(item)}"
        raise ConfigurationError(msg)
    return encodable(text)


@contextmanager
def _told(store: VectorStore) -> Generator[None]:
    """Say of which store an error is, and what to do.

    Raises:
        ConfigurationError: It is a file that cannot be read or written.
    """
    try:
        yield
    except sqlite3.Error as error:
        msg = (
            f"store={quoted(store)} cannot be read or written: {class_name(error)}: {error}: see that there is room, "
            "and that no other program holds it; what was kept is there, and the same call goes on from it"
        )
        raise ConfigurationError(msg) from error
