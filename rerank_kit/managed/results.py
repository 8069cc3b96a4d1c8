"""What a rerank API answers: reading its results. Pure, no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rerank_kit.api.json_values import is_list, is_mapping, is_whole, shown
from rerank_kit.errors import InvalidResponse
from rerank_kit.quoting import quoted
from rerank_kit.values import Passage, Usage, finite


@dataclass(frozen=True, slots=True)
class Result:
    """What a server says of one document: its place among those sent, its score and the part that earned it."""

    index: int
    score: float
    passage: Passage | None = None


@dataclass(frozen=True, slots=True)
class Decoded:
    """A server's answer, understood: one result for each document, in any order."""

    results: Sequence[Result]
    usage: Usage = field(default_factory=Usage)


def rows(body: Any, key: str | None) -> list[Mapping[str, Any]]:
    """The list of results in a body: under `key`, or the body itself when that is `None`.

    Raises:
        InvalidResponse: It is not there.
    """
    found = body if key is None else body.get(key) if is_mapping(body) else None
    if not is_list(found) or not all(is_mapping(each) for each in found):
        what = "an array" if key is None else f"an array {key!r}"
        msg = f"the answer has not {what} of results but is {shown(body)}"
        raise InvalidResponse(msg)
    return found


def result(row: Mapping[str, Any], score: str, passage: Passage | None = None) -> Result:
    """One row of results.

    Raises:
        InvalidResponse: It has no index, or no score.
    """
    index = row.get("index")
    if not is_whole(index) or score not in row:
        msg = f"each result must have an index and a {score}, but one is {shown(row)}"
        raise InvalidResponse(msg)
    return Result(index, finite(row[score]), passage)


def complete(results: Sequence[Result], count: int) -> dict[int, Result]:
    """The results by index, if there is exactly one for each document that was sent.

    Raises:
        InvalidResponse: One is missing, comes twice, or is for a document that was not sent.
    """
    found: dict[int, Result] = {}
    for each in results:
        if not 0 <= each.index < count or each.index in found:
            fault = "twice" if each.index in found else f"for {count} documents"
            msg = f"the answer has index {quoted(each.index)} {fault}: each must be in range and come once"
            raise InvalidResponse(msg)
        found[each.index] = each
    if len(found) != count:
        msg = f"the answer has {len(found)} results for {count} documents: there must be one for each"
        raise InvalidResponse(msg)
    return found
