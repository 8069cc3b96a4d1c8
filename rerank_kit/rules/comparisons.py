"""`equals`, `one_of`, `near`, `boost`: comparing a field with what is wanted."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from rerank_kit.checks import check_positive, is_number
from rerank_kit.errors import ConfigurationError
from rerank_kit.rules.metadata import Odd, folded, label, number, once, quoted, read
from rerank_kit.rules.rule import Case, Match, Rule, check_field
from rerank_kit.rules.words import in_order
from rerank_kit.values import Document

Plain = str | bool | int | float
"""What a field can be compared with. Texts are equal whatever their case; a number never equals a text."""


@dataclass(frozen=True)
class OneOf(Rule):
    """Prefers documents in which a field is one of some values, or a list that has one of them.

    Attributes:
        field: The field.
        values: Texts, numbers or truth values; texts are compared without case.
    """

    field: str
    values: Collection[Plain]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_field("field", self.field)
        ordered = in_order(self.values)
        if not ordered or not all(map(_is_plain, ordered)):
            msg = f"values must be a set or list of texts, numbers or truth values, not {self.values!r}"
            raise ConfigurationError(msg)
        object.__setattr__(self, "values", tuple(cast("Iterable[Plain]", ordered)))

    def evaluate(self, document: Document, case: Case) -> Match:
        """Compare."""
        name = label(self.field)
        given = read(document, self.field)
        comparable = [each for each in _each(given) if any(_kind(each) is _kind(value) for value in self.values)]
        if not comparable:
            msg = f"{name}, {given!r}, cannot be compared with {quoted(self.values)}"
            raise Odd(msg)
        wanted = {_key(value) for value in self.values}
        found = [each for each in comparable if _key(each) in wanted]
        if found:
            return Match(1.0, f"{name} is {_said(found[0])}")
        other = "none of" if len(self.values) > 1 else "not"
        return Match(0.0, f"{name} is {_said(comparable[0])}, {other} {quoted(map(_said, self.values))}")


@dataclass(frozen=True)
class Equals(Rule):
    """Prefers documents in which a field has a value, or is a list that has it.

    Attributes:
        field: The field.
        value: A text, a number or a truth value; texts are compared without case.
    """

    field: str
    value: Plain

    def __post_init__(self) -> None:
        super().__post_init__()
        check_field("field", self.field)
        if not _is_plain(self.value):
            msg = f"value must be a text, a number or a truth value, not {self.value!r}"
            raise ConfigurationError(msg)

    def evaluate(self, document: Document, case: Case) -> Match:
        """Compare."""
        return OneOf(self.field, [self.value]).evaluate(document, case)


@dataclass(frozen=True)
class Near(Rule):
    """Prefers documents in which a number is near another.

    Attributes:
        field: The field with the number.
        number: What is wanted.
        half: The distance at which half the points are left.
        within: Or the distance up to which there are all points, and none beyond.
    """

    field: str
    number: float
    half: float | None = None
    within: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_field("field", self.field)
        if not is_number(self.number):
            msg = f"number must be a finite number, not {self.number!r}"
            raise ConfigurationError(msg)
        if (self.half is None) == (self.within is None):
            msg = f"near({self.field!r}) needs either half= or within=, a distance from {self.number!r}"
            raise ConfigurationError(msg)
        check_positive("half", self.half)
        check_positive("within", self.within)

    @property
    def decides(self) -> bool:  # type: ignore[override]  # one of its two kinds does
        """Whether it draws a line."""
        return self.within is not None

    def evaluate(self, document: Document, case: Case) -> Match:
        """Match by the distance."""
        name = label(self.field)
        value = number(read(document, self.field), name)
        distance = abs(value - self.number)
        says = f"{name} is {value:.10g}, {distance:.10g} from {self.number:.10g}"
        if self.half is not None:
            return Match(float(0.5 ** (distance / self.half)), says)
        inside = distance <= cast("float", self.within)
        return Match(float(inside), f"{says}, {'within' if inside else 'not within'} {self.within:.10g}")


@dataclass(frozen=True)
class Boost(Rule):
    """Prefers documents in which a number is high: its share of `full`, from 0 to 1; below 0 counts as 0.

    Attributes:
        field: The field with the number; `"score"` is the score of the stage before.
        full: The number that gets all points, as does every one above; `None` is the highest of the candidates.
    """

    field: str
    full: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_field("field", self.field)
        check_positive("full", self.full)

    def evaluate(self, document: Document, case: Case) -> Match:
        """Match by the number."""
        name = label(self.field)
        value = number(read(document, self.field), name)
        full = once(lambda: self._highest(case), case.cache, self) if self.full is None else self.full
        share = min(1.0, max(0.0, value / full)) if full > 0 else 0.0
        of = "the highest is" if self.full is None else "all points are for"
        return Match(share, f"{name} is {value:.4g}, {of} {full:.4g}")

    def _highest(self, case: Case) -> float:
        found = [0.0]
        for document in case.documents:
            try:
                found.append(number(read(document, self.field), ""))
            except Odd:
                continue
        return max(found)


def _is_plain(value: object) -> bool:
    return isinstance(value, str | bool) or is_number(value)


def _each(value: object) -> list[object]:
    """The values in a collection, or the one value."""
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
        return list(cast("Iterable[object]", value))
    return [value]


def _kind(value: object) -> type | None:
    """Text, truth value or number; `None` is none of them."""
    for kind in (str, bool):
        if isinstance(value, kind):
            return kind
    return float if _is_number_like(value) else None


def _is_number_like(value: object) -> bool:
    """Whether it is a number of any type, Python's or another's."""
    try:
        return not isinstance(value, bytes) and math.isfinite(value)  # type: ignore[arg-type]  # what is none raises
    except (TypeError, ValueError, OverflowError):
        return False


def _key(value: object) -> tuple[type | None, object]:
    """What values are compared by."""
    kind = _kind(value)
    return kind, folded(value) if isinstance(value, str) else value if kind is bool else float(cast("float", value))


def _said(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def comparable_key(value: object) -> object:
    """What a value is counted by, alike for texts that differ only in case.

    Raises:
        Odd: There is nothing that can be compared.
    """
    found = frozenset(_key(each) for each in _each(value) if _kind(each) is not None)
    if not found:
        msg = f"{value!r} cannot be compared"
        raise Odd(msg)
    return found
