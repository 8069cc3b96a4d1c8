"""Showing any value in an error, in a line: whatever its size, its depth, or its own idea of how it is shown."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from itertools import islice
from typing import Any, TypeVar, cast

T = TypeVar("T")

_LONGEST = 300  # characters
_NAME_OF = type.__dict__["__name__"].__get__
_SEARCHED = 10_000  # characters of a text, of which no more than those are shown

_KEY = re.compile(
    r"Bearer .+|(?=.*\d)(?:(?:sk|pa|xai|csk|nvapi)-[\w-]{12,}|(?:sk|hf|gsk|jina|fw|tgp)_\w{16,}|AIza[\w-]{20,})"
    r"|(?=.*\d)(?=.*[a-z])(?=.*[A-Z])[A-Za-z\d]{32,}"
)
"""What keys for APIs look like: by how they begin, or one long mixture of letters of either case and digits."""

_hide: ContextVar[Callable[[str], str] | None] = ContextVar("rerank_kit_hide", default=None)


@contextmanager
def hiding(hide: Callable[[str], str]) -> Generator[None]:
    """What is quoted meanwhile, in this thread or task, is rid of something before it is cut.

    Args:
        hide: Blots it out of a text.
    """
    token = _hide.set(hide)
    try:
        yield
    finally:
        _hide.reset(token)


def without_hidden(text: str) -> str:
    """The beginning of a text, as far as anything of it can be shown, rid of what is to be hidden."""
    hide = _hide.get()
    return text if hide is None else hide(text[:_SEARCHED])


def looks_like_a_key(value: object) -> bool:
    """Whether a value is a text that may well be a key for an API."""
    return isinstance(value, str) and _KEY.fullmatch(value[:_SEARCHED].strip()) is not None


def quoted(value: object) -> str:
    """A value as an error shows it: like `repr`, but cut, without what looks like a key, and never an error itself."""
    try:
        text = _Short().repr(value)
    except Exception:  # noqa: BLE001 - an error about a value must not fail on that value
        text = f"<{class_name(value)}>"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def class_name(value: object) -> str:
    """The name of a value's class, which may be long; whatever its metaclass says of it."""
    return cast("str", _NAME_OF(type(value)))


def whole(function: Callable[[T], str]) -> Callable[[T], str]:
    """Have a `__repr__` say so of an object that is not made yet: tools show the locals of a constructor that fails."""

    @wraps(function)
    def shown(self: T) -> str:
        try:
            return function(self)
        except AttributeError:
            return f"<{class_name(self)} that is not made>"

    return shown


class _Short(reprlib.Repr):
    """The standard library's, which stops at a depth and a length, with dicts in their own order.

    It is for one value: where as much has been said as is shown, it reads no more of it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.left = _LONGEST
        self.maxlevel = 8
        self.maxdict = self.maxlist = self.maxtuple = 20
        self.maxstring = self.maxother = _LONGEST
        self.maxlong = 40

    def repr1(self, x: Any, level: int) -> str:
        if self.left <= 0:
            return "..."
        self.left -= 1
        return super().repr1(x, level)

    def repr_str(self, x: str, level: int) -> str:
        return self._said("'…'" if looks_like_a_key(x) else super().repr_str(without_hidden(x), level))

    def repr_instance(self, x: Any, level: int) -> str:
        return self._said(without_hidden(super().repr_instance(x, level)))

    def _said(self, text: str) -> str:
        self.left -= len(text)
        return text

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        if level <= 0:
            return "{...}"
        shown = [
            f"{self.repr1(key, level - 1)}: {self.repr1(each, level - 1)}"
            for key, each in islice(x.items(), self.maxdict)
        ]
        return "{" + ", ".join([*shown, *(["..."] if len(x) > self.maxdict else [])]) + "}"

    def repr_int(self, x: int, level: int) -> str:
        try:
            return self._said(without_hidden(super().repr_int(x, level)))
        except ValueError:  # Python writes no number of more than 4,300 digits
            return f"<int of {x.bit_length()} bits>"
