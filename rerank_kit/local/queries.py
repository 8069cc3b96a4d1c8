"""Queries longer than their share of what a model reads: which end of them is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rerank_kit.checks import check_choice
from rerank_kit.errors import ConfigurationError
from rerank_kit.local.batching import reaches
from rerank_kit.quoting import quoted
from rerank_kit.texts import CountTokens, is_blank
from rerank_kit.values import Deadline

LongQueries = Literal["keep-end", "keep-start"]
"""What is kept of a query that is longer than `max_query_length`.

- `"keep-end"`: its end, where the question stands after a chat's history, and the error after a traceback.
- `"keep-start"`: its beginning, where the question stands before what was pasted.
"""

_ENDS: tuple[LongQueries, LongQueries] = ("keep-end", "keep-start")
_NEVER = Deadline()
_FOR_A_DOCUMENT = 16  # tokens: less of one says nothing
_LONG = 1024  # characters: white space around a query that long may be longer than all it says


def check_long_queries(keep: object) -> None:
    """Refuse what is no end of a query.

    Raises:
        ConfigurationError: It is none.
    """
    check_choice("long_queries", keep, _ENDS)


@dataclass(frozen=True, slots=True)
class FittedQuery:
    """A query as it is asked.

    Attributes:
        text: As much of it as has room beside a document.
        cut: Whether anything was left out.
    """

    text: str
    cut: bool = False


@dataclass(frozen=True, slots=True)
class QueryShare:
    """How much of a query is read.

    Attributes:
        length: Tokens at most.
        keep: Which end of a longer one.
        room: Tokens of a pair that query and document have together.
    """

    length: int
    keep: LongQueries
    room: int

    @classmethod
    def of(cls, room: int, *, length: object, keep: LongQueries) -> QueryShare:
        """Check the settings.

        Args:
            room: Tokens of a pair that query and document have together.
            length: Tokens for the query; `None` is half of them.
            keep: Which end of a longer one is kept.

        Raises:
            ConfigurationError: One of them is wrong.
        """
        check_long_queries(keep)
        half = max(1, room // 2)
        most = max(half, room - _FOR_A_DOCUMENT)
        if length is None:
            return cls(half, keep, room)
        if not isinstance(length, int) or isinstance(length, bool) or not 1 <= length <= most:
            msg = (
                f"max_query_length must be from 1 to {most} tokens, which leaves room for a document, not "
                f"{quoted(length)}"
            )
            raise ConfigurationError(msg)
        return cls(length, keep, room)

    @property
    def above_half(self) -> bool:
        """Whether a query may be longer than the document, and has to be told from it when something is cut."""
        return self.length > self.room // 2

    def beside(self, query: int, window: int | None) -> int:
        """Tokens of a document, or of a window of it, beside a query of that many; 1 where a template takes all."""
        room = max(1, self.room - min(query, self.length))
        return room if window is None else min(room, window)

    def fitted(self, query: str, count: CountTokens, deadline: Deadline = _NEVER) -> FittedQuery:
        """As much of the query as may be read.

        Args:
            query: Of any length; of a very long one only as much is looked at as could be read.
            count: The tokens of a text alone.
            deadline: When to end.

        Raises:
            DeadlineExceeded: The time is over.
        """

        def in_time(part: str) -> int:
            deadline.check()
            return count(part)

        text = query.strip() if len(query) > _LONG else query
        kept = ""
        for end in (self.keep, *_ENDS):  # the other one, when that one shows nothing
            kept = kept if not is_blank(kept) else _cut(text, self.length, end, in_time)
        return FittedQuery(kept, cut=len(kept) < len(text))


def _cut(text: str, tokens: int, keep: LongQueries, count: CountTokens) -> str:
    """As much of one end of a text as has no more than so many tokens."""

    def end(characters: int) -> str:
        return text[len(text) - characters :] if keep == "keep-end" else text[:characters]

    fits = 0
    for reach in reaches(len(text), tokens):
        if count(end(reach)) > tokens:
            break
        fits = reach
    else:
        return end(fits)
    too_long = reach
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if count(end(middle)) <= tokens:
            fits = middle
        else:
            too_long = middle
    return end(fits)
