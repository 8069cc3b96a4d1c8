"""`equals`, `one_of`, `near`, `boost`: comparing a field with what is wanted."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import cast

from rerank_kit.arguments import named
from rerank_kit.checks import check_positive, is_number
from rerank_kit.errors import ConfigurationError
from rerank_kit.rules.decay import halved
from rerank_kit.rules.metadata import Odd, Plain, number, once, plain_values, read
from rerank_kit.rules.quoting import label, line, quoted, shown
from rerank_kit.rules.rule import Case, Match, Rule, check_field
from rerank_kit.rules.words import in_order
from rerank_kit.texts import folded
from rerank_kit.values import Document


@named
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
            msg = f"values must be a set or list of texts, numbers or truth values, not {shown(self.values)}"
            raise ConfigurationError(msg)
        object.__setattr__(self, "values", tuple(cast("Iterable[Plain]", ordered)))

    @cached_property
    def _wanted(self) -> tuple[set[object], set[type]]:
        """What values are compared with, and of which kinds these are."""
        wanted = {_key(value) for value in self.values}
        return set(wanted), {kind for kind, _ in wanted}

    def evaluate(self, document: Document, case: Case) -> Match:
        """Compare."""
        name = label(self.field)
        given = read(document, self.field)
        wanted, kinds = self._wanted
        comparable = [each for each in plain_values(given, name) if _kind(each) in kinds]
        if not comparable:
            msg = f"{name}, {shown(given)}, cannot be compared with {quoted(self.values)}"
            raise Odd(msg)
        found = [each for each in comparable if _key(each) in wanted]
        if found:
            return Match(1.0, f"{name} is {_said(found[0])}")
        other = "none of" if len(self.values) > 1 else "not"
        return Match(0.0, f"{name} is {_said(comparable[0])}, {other} {quoted(map(_said, self.values))}")


@named
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
            msg = f"value must be a text, a number or a truth value, not {shown(self.value)}"
            raise ConfigurationError(msg)

    def evaluate(self, document: Document, case: Case) -> Match:
        """Compare."""
        return self._alone.evaluate(document, case)

    @cached_property
    def _alone(self) -> OneOf:
        return OneOf(self.field, [self.value])


@named
@dataclass(frozen=True)
class Near(Rule):
    """Prefers documents in which a number is near another.

    Attributes:
        field: The field with the number.
        number: What is wanted.
        half: The distance at which half the points are left. What is farther has fewer, however far it is.
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
            msg = f"number must be a finite number, not {shown(self.number)}"
            raise ConfigurationError(msg)
        if (self.half is None) == (self.within is None):
            msg = f"near({shown(self.field)}) needs either half= or within=, a distance from {shown(self.number)}"
            raise ConfigurationError(msg)
        check_positive("half", self.half, none="")
        check_positive("within", self.within, none="")

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
            points, exact = halved(Fraction(distance), self.half)
            return Match(points, says, exact=exact)
        inside = distance <= cast("float", self.within)
        return Match(float(inside), f"{says}, {'within' if inside else 'not within'} {self.within:.10g}")


@named
@dataclass(frozen=True)
class Boost(Rule):
    """Prefers documents in which a number is high: `(number - low) / (full - low)`, from 0 to 1.

    `low` is the lowest number among the candidates where that is below 0, and 0 otherwise: so as long as no number is
    negative, the value is the number's share of `full`. As a condition it holds for what is above 0.

    Attributes:
        field: The field with the number; `"score"` is the score of the stage before.
        full: The number that gets all points, as does every one above; `None` is the highest of the candidates.
    """

    field: str
    full: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_field("field", self.field)
        check_positive("full", self.full, none="for the highest of the candidates")

    def evaluate(self, document: Document, case: Case) -> Match:
        """Match by the number."""
        name = label(self.field)
        value = number(read(document, self.field), name)
        lowest, highest = once(lambda: self._extremes(case), case.cache, self)
        full = highest if self.full is None else self.full
        of = "the highest is" if self.full is None else "all points are for"
        says = f"{name} is {value:.4g}, {of} {full:.4g}"
        if lowest < 0:
            says += f", the lowest is {lowest:.4g}"
        share, exact = _share(value, min(0.0, lowest), full)
        return Match(share, says, fails=value <= 0, exact=exact)

    def _extremes(self, case: Case) -> tuple[float, float]:
        """The lowest and the highest number among the candidates."""
        found: list[float] = []
        for document in case.documents:
            try:
                found.append(number(read(document, self.field), ""))
            except Odd:
                continue
        return min(found, default=0.0), max(found, default=0.0)


def _share(value: float, low: float, full: float) -> tuple[float, Fraction | None]:
    """How far a number is on the way from the one that gets no points to the one that gets all, from 0 to 1."""
    if full <= low:
        return 0.0, None
    if low == 0:
        return min(1.0, max(0.0, value / full)), None
    exact = (Fraction(value) - Fraction(low)) / (Fraction(full) - Fraction(low))  # for low may be far away
    exact = min(Fraction(1), max(Fraction(0), exact))
    return float(exact), exact


def _is_plain(value: object) -> bool:
    return isinstance(value, str | bool) or is_number(value)


def _kind(value: Plain) -> type:
    """Text, truth value or number."""
    return next((kind for kind in (str, bool) if isinstance(value, kind)), float)


def _key(value: Plain) -> tuple[type, Plain]:
    """What values are compared by."""
    return _kind(value), folded(value) if isinstance(value, str) else value


def _said(value: Plain) -> str:
    return str(value).lower() if isinstance(value, bool) else line(str(value))


def comparable_key(value: object, name: str) -> object:
    """What a value is counted by, alike for texts that differ only in case.

    Raises:
        Odd: There is nothing that can be compared.
    """
    found = frozenset(map(_key, plain_values(value, name)))
    if not found:
        msg = f"{name}, {shown(value)}, cannot be compared"
        raise Odd(msg)
    return found
