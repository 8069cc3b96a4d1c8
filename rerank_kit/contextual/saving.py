"""Keeping the books in a folder, all of them or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from rerank_kit.contextual.bookkeeping import Books, Chunk, Indexed
from rerank_kit.contextual.contexts import Context
from rerank_kit.errors import ConfigurationError
from rerank_kit.quoting import quoted
from rerank_kit.whole_files import write_whole

FILE = "contextual.json"
"""The file in the folder."""

_VERSION = 1


def write_books(folder: str | Path, books: Books, plain: Callable[[Any], Any]) -> None:
    """Write the books.

    Args:
        folder: Where they are kept; it is made where there is none.
        books: The books.
        plain: A framework's chunk as what JSON can hold.

    Raises:
        ConfigurationError: The folder cannot be written, or metadata are not what JSON can hold.
    """
    place = _file(folder)
    text = json.dumps(
        {
            "version": _VERSION,
            "documents": {name: _row(each, plain) for name, each in books.documents.items()},
            "unfinished": {name: each and _row(each, plain) for name, each in books.unfinished.items()},
            "stored": books.stored,
            "doubtful": sorted(books.doubtful),
        },
        ensure_ascii=True,
    )
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        write_whole(place, [text.encode("ascii")])
    except OSError as error:
        msg = f"folder={quoted(str(folder))} cannot be written: {error}: name a folder of your own"
        raise ConfigurationError(msg) from error


def read_books(folder: str | Path, restored: Callable[[Any], Any]) -> Books:
    """Read the books.

    Args:
        folder: Where they are kept.
        restored: A framework's chunk, made of what JSON held.

    Raises:
        ConfigurationError: There are none, or they cannot be read.
    """
    place = _file(folder)
    try:
        kept = json.loads(place.read_text("ascii"))
        version = kept["version"]
        if version == _VERSION:
            return _books(kept, restored)
    except FileNotFoundError as error:
        msg = f"folder={quoted(str(folder))} has no {FILE}: pass the folder that save(folder) was given"
        raise ConfigurationError(msg) from error
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        msg = f"{str(place)!r} cannot be read: {type(error).__name__}: {error}: index the documents anew"
        raise ConfigurationError(msg) from error
    msg = (
        f"{str(place)!r} is of version {quoted(version)}, and this release of rerank-kit reads version {_VERSION}: "
        "index the documents anew"
    )
    raise ConfigurationError(msg)


def _file(folder: object) -> Path:
    if not isinstance(folder, str | Path) or not str(folder) or "\0" in str(folder):
        msg = f"folder must be the path of a folder, not {quoted(folder)}"
        raise ConfigurationError(msg)
    return Path(folder) / FILE


def _row(document: Indexed, plain: Callable[[Any], Any]) -> dict[str, Any]:
    return {
        "mark": document.mark,
        "source": document.source,
        "chunks": [
            {
                "id": each.id,
                "text": each.text,
                "context": [each.context.text, each.context.why],
                "mark": each.mark,
                "item": _checked(each, plain(each.item)),
            }
            for each in document.chunks
        ],
    }


def _checked(chunk: Chunk, plain: Any) -> Any:
    try:
        json.dumps(plain)
    except (TypeError, ValueError, RecursionError) as error:
        msg = (
            f"the metadata of chunk {chunk.id!r} cannot be saved: {error}: give documents metadata of texts, numbers, "
            "truth values, lists and dicts, such as date.isoformat()"
        )
        raise ConfigurationError(msg) from error
    return plain


def _books(kept: Mapping[str, Any], restored: Callable[[Any], Any]) -> Books:
    return Books(
        {name: _document(row, restored) for name, row in kept["documents"].items()},
        {name: row and _document(row, restored) for name, row in kept["unfinished"].items()},
        dict(kept["stored"]),
        set(cast("list[str]", kept["doubtful"])),
    )


def _document(row: Mapping[str, Any], restored: Callable[[Any], Any]) -> Indexed:
    chunks = tuple(
        Chunk(each["id"], each["text"], Context(*each["context"]), each["mark"], restored(each["item"]))
        for each in row["chunks"]
    )
    return Indexed(row["mark"], row["source"], chunks)
