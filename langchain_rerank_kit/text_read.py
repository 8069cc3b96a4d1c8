"""What is read of a document: its page content, or what a template, a list of fields or a function makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Annotated, Any, TypeAlias, cast

from langchain_core.documents import Document
from pydantic import BeforeValidator, Field, PlainSerializer
from pydantic.json_schema import SkipJsonSchema

from langchain_rerank_kit.template import OWN, Template
from rerank_kit import ConfigurationError
from rerank_kit.quoting import quoted
from rerank_kit.rules.metadata import at, is_bytes
from rerank_kit.texts import is_blank

TextOf: TypeAlias = str | Sequence[str] | Callable[[Document], str]
"""A template, the names of fields, or a function: how a document becomes the text that is read."""

_MOST = 1_000  # values of a list that are written


def reader(text: object) -> Callable[[Document], str]:
    r"""The function that gives the text of a document.

    Args:
        text: A template such as `"{title}\n{page_content}"`; a list of fields, whose values are joined by newlines; a
            function from a document to a str; `None` is the page content.

    Raises:
        ConfigurationError: It is none of these.
    """
    if text is None:
        return _page_content
    if isinstance(text, str):
        return partial(_filled, Template.of(text))
    if isinstance(text, list | tuple):
        return partial(_joined, _names(cast("Sequence[object]", text)))
    if callable(text):
        return partial(_made, cast("Callable[[Document], object]", text))
    msg = (
        f'text={quoted(text)} must be a template such as "{{title}}\\n{{page_content}}", a list of fields such as '
        '["title", "page_content"], a function from a document to a str, or None for the page content alone'
    )
    raise ConfigurationError(msg)


def _page_content(document: Document) -> str:
    return document.page_content


def _filled(template: Template, document: Document) -> str:
    return template.fill(partial(field_of, document))


def _joined(names: Sequence[str], document: Document) -> str:
    return "\n".join(each for name in names if (each := field_of(document, name)) is not None)


def _made(function: Callable[[Document], object], document: Document) -> str:
    made = function(document)
    if not isinstance(made, str):
        msg = f"the function given as text= must give a str for every document, but gave {quoted(made)}"
        raise ConfigurationError(msg)
    return made


def _names(given: Sequence[object]) -> list[str]:
    names = [name for name in given if isinstance(name, str) and not is_blank(name) and "{" not in name]
    if not names or len(names) < len(given):
        msg = (
            f"text={quoted(given)} must be the names of fields, at least one and without braces, such as "
            '["title", "page_content"]: a template is one str'
        )
        raise ConfigurationError(msg)
    return names


def field_of(document: Document, name: str) -> str | None:
    """A field of a document as text; `None` where it is missing, blank, or no text can be made of it.

    Args:
        document: A document.
        name: `"page_content"`, `"id"`, a key of the metadata, or a path such as `"company.name"` through mappings in
            them. A document without an id may have one in its metadata.
    """
    own: object = getattr(document, name) if name in OWN else None
    if name == "page_content":
        return None if is_blank(document.page_content) else document.page_content
    try:
        return _written(at(document.metadata, name) if own is None else own)
    except Exception:  # noqa: BLE001 - metadata may hold anything, and nothing in them fails a ranking
        return None


def _written(value: object) -> str | None:
    """A text, a number, a truth value, a date or the like as Python writes it; a list of them with commas between."""
    if isinstance(value, list | tuple | set | frozenset):
        parts = map(_one_written, islice(cast("Iterable[object]", value), _MOST))
        found = [part for part in parts if part is not None]
        return ", ".join(sorted(found) if isinstance(value, set | frozenset) else found) or None
    return _one_written(value)


def _one_written(value: object) -> str | None:
    with suppress(Exception):
        text = _text(value)
        return None if is_blank(text) else text
    return None


def _text(value: object) -> str:
    """The text of a value; none of what has no text of its own, but only what Python shows of any object."""
    if isinstance(value, str):
        return str.__str__(value).strip()
    kind: Any = type(value)
    has_text = issubclass(kind, int | float) or kind.__str__ is not object.__str__
    if value is None or not has_text or is_bytes(value) or value != value:  # noqa: PLR0124 - NaN, NaT
        return ""
    return str.__str__(str(value)).strip()


def _checked(text: object) -> object:
    reader(text)
    return text


def _plain(text: TextOf | None) -> str | Sequence[str] | None:
    """What can be stored: functions cannot."""
    return None if callable(text) else text


TextField: TypeAlias = Annotated[
    str | Sequence[str] | SkipJsonSchema[Callable[[Document], str]] | None,
    BeforeValidator(_checked),
    PlainSerializer(_plain, return_type=str | Sequence[str] | None),
    Field(
        description="What is read of a document: a template of its fields such as "
        '`"{title}\\n{page_content}"`, a list of fields whose values are joined by newlines, or a function from a '
        "document to a str; by default the page content alone. Fields are `page_content`, `id` and the keys of the "
        "metadata; those that are missing leave no hole."
    ),
]
"""The field `text` of a class."""
