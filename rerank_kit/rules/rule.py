"""What a rule is: a value that judges one document, and says in a clause why."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any, ClassVar, Literal, TypeAlias

from rerank_kit.arguments import named
from rerank_kit.checks import can_take, check_choice
from rerank_kit.errors import ConfigurationError
from rerank_kit.quoting import class_name
from rerank_kit.rules.metadata import LARGEST, Odd, number, unreadable
from rerank_kit.rules.quoting import LINE, line, shown
from rerank_kit.values import Document

logger = logging.getLogger("rerank_kit")

Missing: TypeAlias = Literal["last", "first", "drop"]
"""What becomes of a document whose field is missing or unusable: it gets no points, all points, or is left out."""

CLAUSE = 12 * LINE
"""The most characters of what one rule says."""

AnyRule: TypeAlias = "Rule | Callable[[str, Document], Any]"


@dataclass(frozen=True, slots=True)
class Case:
    """What is looked at together.

    Attributes:
        query: The user's question.
        documents: All candidates.
        now: The moment of the ranking, with its time zone.
        cache: What rules worked out once for all candidates.
    """

    query: str
    documents: Sequence[Document]
    now: datetime
    cache: dict[int, tuple[object, object]] = field(default_factory=dict[int, tuple[object, object]])


@dataclass(frozen=True, slots=True)
class Match:
    """What a rule finds of a document.

    Attributes:
        value: From 0, not at all, to 1, entirely; a function of the user's may go beyond.
        says: Why, as a clause.
        drop: Whether the document is to be left out because a field is missing.
        fails: Whether it is no match for a condition, whatever the value.
        exact: The value before it was rounded, where a float would lose an order.
    """

    value: float
    says: str
    drop: bool = False
    fails: bool = False
    exact: Fraction | None = None

    @property
    def points(self) -> float | Fraction:
        """The value, as exactly as it is known."""
        return self.value if self.exact is None else self.exact

    @property
    def holds(self) -> bool:
        """Whether a condition is met."""
        return self.value > 0 and not self.fails


@dataclass(frozen=True, kw_only=True)
class Rule(ABC):
    """A preference or a condition. To write your own, a function of query and document is enough.

    Attributes:
        missing: What becomes of a document whose field is missing or holds nothing usable: `"last"` gives it no
            points, as a condition it does not hold; `"first"` all points, it holds; `"drop"` leaves the document out.
    """

    missing: Missing = "last"

    decides: ClassVar[bool] = True
    """Whether 0 is among its values, so that it can be a condition."""

    def __post_init__(self) -> None:
        check_choice("missing", self.missing, ("last", "first", "drop"))

    @abstractmethod
    def evaluate(self, document: Document, case: Case) -> Match:
        """Find the match of a document; raise `Odd` where its metadata do not allow it."""

    def match(self, document: Document, case: Case) -> Match:
        """Find the match of a document, whatever its metadata are and whatever they raise."""
        try:
            found = self.evaluate(document, case)
            if abs(found.value) <= LARGEST:  # never true of NaN
                return Match(float(found.value), line(found.says, CLAUSE), found.drop, found.fails, found.exact)
            msg = f"{self._about}, {shown(found.value)}, is no number"
            odd = Odd(msg)
        except Odd as missing:
            odd = missing
        except Exception as error:
            logger.warning("the rule %r failed for a document: %s", self._about, class_name(error), exc_info=True)
            odd = unreadable(self._about, error)
        return Match(float(self.missing == "first"), str(odd), drop=self.missing == "drop")

    @property
    def _about(self) -> str:
        """What the rule reads, or its own name."""
        name = getattr(self, "field", None)
        return name if isinstance(name, str) else type(self).__name__


@named
@dataclass(frozen=True)
class Function(Rule):
    """A function of the user's own: of query and document, to a number, a truth value, or `None` for missing.

    Numbers should be from 0 to 1, as those of the other rules are; they may be negative, as a penalty. A function that
    raises is logged, and counts as a field that is missing.

    Attributes:
        function: The function.
        name: What the explanation calls it; by default its own name.
    """

    function: Callable[[str, Document], Any]
    name: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        given: object = self.function
        if isinstance(given, type) or not callable(given) or not can_take(given, 2):
            msg = f"a rule must be one of rerank_kit.rules or a function of query and document, not {shown(given)}"
            msg += ", which is a class: make an object of it" if isinstance(given, type) else ""
            raise ConfigurationError(msg)

    def evaluate(self, document: Document, case: Case) -> Match:
        """Call the function."""
        name = self.name if self.name is not None else getattr(self.function, "__name__", type(self.function).__name__)
        name = "a rule of your own" if name == "<lambda>" else line(name.replace("_", " "))
        try:
            given = self.function(case.query, document)
        except Exception as error:
            logger.warning("the rule %r failed for a document: %s", name, class_name(error), exc_info=True)
            msg = f"{name} failed with {line(class_name(error))}"
            raise Odd(msg) from error
        if given is True or given is False:
            return Match(float(given), f"{name} holds" if given else f"{name} does not hold")
        if given is None:
            msg = f"{name} is not known"
            raise Odd(msg)
        value = number(given, name)
        return Match(value, f"{name} is {value:.3g}")


def as_rule(given: AnyRule) -> Rule:
    """A rule, or a function as one."""
    return given if isinstance(given, Rule) else Function(given)


def as_condition(given: AnyRule, where: str) -> Rule:
    """A rule that can say no."""
    rule = as_rule(given)
    if not rule.decides:
        msg = f"{where}={shown(rule)} holds for every document that has the field: give it within=, which draws a line"
        raise ConfigurationError(msg)
    return rule


def check_field(name: str, value: object) -> None:
    """Refuse what cannot be the name of a field."""
    if not isinstance(value, str) or not value:
        msg = f"{name} must be the name of a metadata field, not {shown(value)}"
        raise ConfigurationError(msg)
