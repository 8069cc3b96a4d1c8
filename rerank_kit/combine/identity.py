"""What a reranker is, told by all that would travel in a pickle of it, and the same in every process."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from hashlib import blake2b
from inspect import getsource
from types import FunctionType, NoneType
from typing import Any, cast

from rerank_kit.combine.combined import model_of
from rerank_kit.quoting import quoted
from rerank_kit.reranker import Reranker

_PLAIN = (int, float, str, bytes, NoneType)
_SHOWN = 99  # characters of a name in a report
_SHOWN_WHOLE = "rerank_kit.local.", "rerank_kit.managed."  # what has nothing of a user's inside, such as texts
_DEEPEST = 12  # of what holds itself, sooner or later


def identity_of(reranker: Reranker) -> str:
    """What tells a reranker from those that score otherwise: its fingerprint or else its settings."""
    return reranker.fingerprint or described(reranker)


def told_apart(one: Reranker, other: Reranker) -> tuple[str, str]:
    """What two rerankers are called beside each other: by their models, and where those are the same by their settings.

    It may read files of models, for their fingerprints.
    """
    called = model_of(one), model_of(other)
    if called[0] != called[1]:
        return called
    if all(type(each).__module__.startswith(_SHOWN_WHOLE) for each in (one, other)):
        settings = quoted(one)[:_SHOWN], quoted(other)[:_SHOWN]
        if settings[0] != settings[1]:
            return settings
    try:
        known = identity_of(one), identity_of(other)
    except Exception:  # noqa: BLE001 - a user's own, which fails in its own time
        return called
    if known[0] == known[1]:
        return called
    first, second = (blake2b(each.encode("utf-8", "replace"), digest_size=3).hexdigest() for each in known)
    return f"{called[0]} ({first})", f"{called[1]} ({second})"


def described(value: object, depth: int = 0) -> str:
    """A text that differs where settings do. Keys do not travel in pickles, so that they are not in it.

    What is of users is told by its class, with its source, and of a reranker by its model: nobody knows what else
    matters of it.
    """
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return repr(value)
    if depth > _DEEPEST:
        return "…"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(described(each, depth + 1) for each in cast("list[object]", value)) + "]"
    if isinstance(value, set | frozenset):
        return "{" + ", ".join(sorted(described(each, depth + 1) for each in cast("set[object]", value))) + "}"
    if isinstance(value, Mapping):
        given = cast("Mapping[object, object]", value).items()
        return "{" + ", ".join(sorted(f"{described(k, depth + 1)}: {described(v, depth + 1)}" for k, v in given)) + "}"
    return _of_object(value, depth)


def _of_object(value: Any, depth: int) -> str:
    kind = value.__class__
    if isinstance(value, Reranker) and value.fingerprint is not None:
        return value.fingerprint
    if isinstance(value, type | FunctionType):
        return _named(value)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if not kind.__module__.startswith("rerank_kit."):
        return f"{_named(kind)}({getattr(value, 'model', None)!r})"
    try:
        parts = value.__reduce_ex__(4)
    except Exception:  # noqa: BLE001 - what is inside may be of users, and is pickled as they please
        return name
    return f"{name}{described(parts[1:3], depth + 1)}"


def _named(kind: type | FunctionType) -> str:
    """A class or a function by its name and, where that can be had, its source, which somebody may have changed."""
    name = f"{kind.__module__}.{kind.__qualname__}"
    if kind.__module__.startswith("rerank_kit."):
        return name
    told = ""
    if isinstance(kind, FunctionType):  # of two on one line, the source is the same
        told = repr((kind.__code__.co_code, [each for each in kind.__code__.co_consts if isinstance(each, _PLAIN)]))
    with suppress(OSError, TypeError):
        told += getsource(kind)
    return f"{name} {blake2b(told.encode('utf-8', 'replace'), digest_size=8).hexdigest()}" if told else name
