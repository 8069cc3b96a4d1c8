"""The same candidate twice: which candidates are one, judged by their ids and texts."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Literal, TypeAlias

from rerank_kit.checks import is_number
from rerank_kit.errors import ConfigurationError
from rerank_kit.first_stage.near_duplicates import near_duplicates
from rerank_kit.flow import Flow, blocking
from rerank_kit.quoting import quoted
from rerank_kit.texts import folded, is_blank

Distinct: TypeAlias = Literal["document", "text"] | float
"""What makes candidates one: id and text, the text alone, or how much of their texts they share."""

_NAMED: Mapping[str, Distinct] = {"document": "document", "text": "text"}

Group: TypeAlias = list[int]
"""The places of candidates that are one, in order: the first one stays."""


def check_distinct(value: object) -> Distinct | None:
    """What makes candidates one; `None` is nothing.

    Raises:
        ConfigurationError: It is none of these.
    """
    if value is None:
        return None
    if is_number(value) and 0 < value <= 1:
        return float(value)
    if isinstance(value, str) and value in _NAMED:
        return _NAMED[value]
    msg = (
        'distinct must be "document", "text", the share of their words that makes texts one, above 0 and up to 1, such '
        f"as 0.9, or None to merge nothing, not {quoted(value)}"
    )
    raise ConfigurationError(msg)


def grouping(ids: Sequence[Hashable | None], texts: Sequence[str], distinct: Distinct | None) -> Flow[list[Group]]:
    """`groups`, in a worker thread where it takes time and there is a loop to keep free."""
    if distinct is None or distinct == "document":
        return groups(ids, texts, distinct)
    return (yield from blocking(groups, ids, texts, distinct))


def groups(ids: Sequence[Hashable | None], texts: Sequence[str], distinct: Distinct | None) -> list[Group]:
    """The places of candidates, those that are one together, in the order of the first of each.

    Candidates without text are one only with those of the same id.

    Args:
        ids: The candidates' ids; `None` where one has none.
        texts: Their texts.
        distinct: `"document"`: those of the same text whose ids do not differ; one without an id is one with the best
            placed of its text. `"text"`: those whose texts differ in case, width and white space at most, whatever
            their ids. A number: those that share so much of their texts, too, as `near_duplicates` has it. `None`:
            none.
    """
    if distinct is None:
        return [[place] for place in range(len(texts))]
    if distinct == "document":
        return _by_document(ids, texts)
    found = _by_key(map(_text_key, ids, texts))
    if distinct == "text":
        return found
    blank = [each for each in found if is_blank(texts[each[0]])]
    said = [each for each in found if not is_blank(texts[each[0]])]
    near, _ = near_duplicates([texts[first] for first, *_ in said], distinct)
    return sorted([*blank, *(sorted(chain.from_iterable(said[one] for one in each)) for each in near)])


def _text_key(key: Hashable | None, text: str) -> Hashable | None:
    return folded(text) if not is_blank(text) else None if key is None else (key, text)


def _by_key(keys: Iterable[Hashable | None]) -> list[Group]:
    """Those whose keys are equal; one whose key is `None` is alone."""
    found: list[Group] = []
    known: dict[Hashable, Group] = {}
    for place, key in enumerate(keys):
        if key in known:
            known[key].append(place)
            continue
        found.append([place])
        if key is not None:
            known[key] = found[-1]
    return found


def _by_document(ids: Sequence[Hashable | None], texts: Sequence[str]) -> list[Group]:
    found: list[Group] = []
    of_id: dict[tuple[Hashable, str], Group] = {}
    of_text: dict[str, Group] = {}  # the best placed
    nameless: dict[str, Group] = {}  # in which none has an id so far
    for place, (key, text) in enumerate(zip(ids, texts, strict=True)):
        group = of_text.get(text) if key is None else of_id.get((key, text)) or nameless.pop(text, None)
        if group is None:
            group = list[int]()
            found.append(group)
            if not is_blank(text):
                of_text.setdefault(text, group)
                if key is None:
                    nameless[text] = group
        if key is not None:
            of_id[key, text] = group
        group.append(place)
    return found
