"""Arguments are checked once, here, before any work: each error names the parameter and the remedy."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from inspect import signature
from typing import Any, Literal, TypeAlias, TypeGuard

from rerank_kit.errors import BlankQuery, ConfigurationError
from rerank_kit.quoting import class_name, quoted
from rerank_kit.texts import encodable, is_blank
from rerank_kit.values import Document

WHOLE = "to send documents whole"
"""What `None` is for where a number cuts documents."""
CORES = "for the cores that this process may use"
"""What `None` is for where a number of threads is asked for."""
LONGEST_WAIT = 1_000_000.0  # seconds: sockets, threads and event loops refuse timeouts that are much longer


def check_question(query: object) -> str:
    """The query, if it is text, with something in it or not."""
    if isinstance(query, str):
        return query
    msg = f"query must be a str, not {class_name(query)}: {quoted(query)}"
    if isinstance(query, Mapping):
        key = next((repr(name) for name in _QUESTIONS if name in query), '"…"')
        msg = f"{msg}. Pass the text in it, query[{key}]"
    raise ConfigurationError(msg)


_QUESTIONS = ("query", "question", "input", "text")


def check_query(query: object) -> str:
    """The query, if it is text with something in it."""
    query = check_question(query)
    if is_blank(query):
        msg = (
            f"query is empty ({quoted(query)}): a reranker compares each document with it, so pass the user's question"
        )
        raise BlankQuery(msg)
    return query


def check_order(query: object, documents: object) -> None:
    """Refuse a query where the documents belong, and the other way round."""
    if isinstance(documents, str) and not isinstance(query, str):
        msg = "query and documents are swapped: write rerank(query, documents)"
        raise ConfigurationError(msg)


def check_documents(documents: Sequence[Document | str]) -> list[Document]:
    """The documents as `Document`s; a plain string is its text."""
    given: object = documents
    if isinstance(given, str | Document) or not isinstance(given, Sequence):
        msg = f"documents must be a list of Document or str, not {class_name(given)}: {_listed(given)}"
        raise ConfigurationError(msg)
    return [_document(item, index) for index, item in enumerate(documents)]


def _listed(given: object) -> str:
    """How to make a list of documents of what is none."""
    if isinstance(given, str | Document):
        return "wrap it in a list"
    if isinstance(given, Mapping):
        return "pass list(documents.values()), and the keys as Document(text, id=key)"
    return "pass list(documents)" if isinstance(given, Iterable) else "pass all candidates in a list"


def _document(item: Any, index: int) -> Document:
    if isinstance(item, str):
        return Document(item)
    if not isinstance(item, Document):
        msg = f"documents[{index}] must be a rerank_kit.Document or a str, not {_kind(item)}"
        raise ConfigurationError(msg)
    text: object = item.text
    if not isinstance(text, str):
        msg = f"documents[{index}].text must be a str, not {type(text).__name__}: {quoted(text)}"
        raise ConfigurationError(msg)
    return item


def _kind(item: object) -> str:
    """The class of what is no document, with what to do where that is known."""
    name, shown = class_name(item), quoted(item)
    if isinstance(item, Mapping):
        key = next((repr(name) for name in _TEXTS if name in item), '"…"')
        return f"a {name}: pass Document(each[{key}])"
    if isinstance(item, list | tuple | None):
        return f"{name} ({shown}): pass its text, or Document(text, metadata, id=…)"
    modules = [str(vars(kind).get("__module__")) for kind in type.mro(type(item))]
    roots = {module.partition(".")[0] for module in modules}
    remedy = next((told for root, told in _FRAMEWORKS.items() if root in roots), "")
    return f"{modules[0]}.{name}{remedy}"


_TEXTS = ("text", "page_content", "content", "body", "passage")


_FRAMEWORKS = {
    "langchain_core": ": wrap the reranker in langchain_rerank_kit.RerankCompressor, or pass each one's page_content",
    "llama_index": ": wrap the reranker in llama_rerank_kit.RerankPostprocessor, or pass each one's get_content()",
}


def check_count(name: str, value: object, *, least: int = 1, none: str = "for no limit") -> int | None:
    """A number of documents or the like: at least 1, or another least one; or `None`, which is for what `none` says.

    Where `none` is empty, the error does not offer it.
    """
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= sys.maxsize:
        choice = f", or None {none}" if none else ""
        msg = f"{name} must be a whole number of at least {least}{choice}, not {quoted(value)}"
        raise ConfigurationError(msg)
    return int(value)


def check_whole(name: str, value: object, *, least: int = 1) -> int:
    """A number of documents or the like that has to be one: `None` is refused."""
    known = check_count(name, value, least=least, none="")
    if known is None:
        msg = f"{name} must be a whole number of at least {least}, not None"
        raise ConfigurationError(msg)
    return known


Threshold: TypeAlias = float | Literal["calibrated"]
"""A lowest score, or the one that a calibration found."""


def check_threshold(value: object) -> Threshold | None:
    """A lowest score: finite, `"calibrated"`, or `None`. 0.0 is a threshold like any other."""
    if value is None:
        return None
    if isinstance(value, str) and value == "calibrated":
        return "calibrated"
    if not is_number(value):
        msg = f'threshold must be a finite number, "calibrated", or None for no cutoff, not {quoted(value)}'
        raise ConfigurationError(msg)
    return float(value)


def check_timeout(value: object) -> float | None:
    """Seconds: more than 0, or `None`. What is longer than any system can wait is cut to what it can."""
    if value is None:
        return None
    if not is_number(value) or float(value) <= 0:
        msg = f"timeout must be a number of seconds above 0, or None for no limit, not {quoted(value)}"
        raise ConfigurationError(msg)
    return min(float(value), LONGEST_WAIT)


def check_seconds(name: str, value: object) -> float:
    """Seconds: more than 0. What is longer than any system can wait is cut to what it can."""
    if not is_number(value) or float(value) <= 0:
        msg = f"{name} must be a number of seconds above 0, not {quoted(value)}"
        raise ConfigurationError(msg)
    return min(float(value), LONGEST_WAIT)


def check_positive(name: str, value: object, *, none: str = "for no limit") -> float | None:
    """An amount: more than 0, or `None`, which is for what `none` says; it is not offered where that is empty."""
    if value is None:
        return None
    if not is_number(value) or float(value) <= 0:
        choice = f", or None {none}" if none else ""
        msg = f"{name} must be a finite number above 0{choice}, not {quoted(value)}"
        raise ConfigurationError(msg)
    return float(value)


def check_choice(name: str, value: object, choices: Sequence[object]) -> None:
    """Refuse what is not one of the choices, which are strings or `None`."""
    if not (value is None or isinstance(value, str)) or value not in choices:
        words = [each for each in choices if isinstance(each, str)]
        close = get_close_matches(value.lower(), words, n=1) if isinstance(value, str) else []
        meant = f": did you mean {close[0]!r}?" if close else ""
        msg = f"{name} must be {', '.join(map(repr, choices[:-1]))} or {choices[-1]!r}, not {quoted(value)}{meant}"
        raise ConfigurationError(msg)


def check_text(name: str, value: object) -> str:
    """A name or a sentence: text with something in it."""
    if not isinstance(value, str) or is_blank(value):
        msg = f"{name} must be a str with something in it, not {quoted(value)}"
        raise ConfigurationError(msg)
    if encodable(value) != value:
        msg = f"{name} has half a surrogate pair in it, which cannot be sent: {quoted(value)}"
        raise ConfigurationError(msg)
    return value


def check_flag(name: str, value: object) -> bool:
    """A truth value: text such as "no" would count as true."""
    if not isinstance(value, bool):
        msg = f"{name} must be True or False, not {quoted(value)}"
        raise ConfigurationError(msg)
    return value


def check_instance(name: str, value: object, kind: type | tuple[type, ...], what: str) -> None:
    """Refuse what is of another type."""
    if not isinstance(value, kind):
        msg = f"{name} must be {what}, not {quoted(value)}"
        raise ConfigurationError(msg)


def check_function(name: str, value: object, *takes: str) -> None:
    """Refuse what cannot be called, or not with what it would be called with.

    Args:
        name: The argument.
        value: What was passed.
        takes: What it would be called with, in words.
    """
    if isinstance(value, type) or not callable(value) or not can_take(value, len(takes)):
        of = f" of {' and '.join(takes)}" if takes else ""
        msg = f"{name} must be a function{of}, not {quoted(value)}"
        raise ConfigurationError(msg)


def can_take(function: Callable[..., object], count: int) -> bool:
    """Whether a function can be called with so many values; one that does not say it can."""
    try:
        parameters = signature(function)
    except (TypeError, ValueError):  # it is written in C and does not say
        return True
    try:
        parameters.bind(*range(count))
    except TypeError:
        return False
    return True


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a finite number that a float can hold, and not a truth value."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
