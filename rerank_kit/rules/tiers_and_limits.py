"""`tier`, which puts documents into classes, and `at_most`, which keeps a ranking varied."""

from __future__ import annotations

from dataclasses import dataclass

from rerank_kit.arguments import named
from rerank_kit.checks import check_count
from rerank_kit.errors import ConfigurationError
from rerank_kit.rules.comparisons import comparable_key
from rerank_kit.rules.metadata import Odd, read
from rerank_kit.rules.quoting import label, shown
from rerank_kit.rules.rule import AnyRule, Rule, as_condition, check_field
from rerank_kit.values import Document


@named
@dataclass(frozen=True)
class Tier:
    """A class of documents that comes before all classes named after it.

    Attributes:
        name: What explanations call it.
        when: The condition of belonging to it.
    """

    name: str
    when: AnyRule

    def __post_init__(self) -> None:
        name: object = self.name
        if not isinstance(name, str) or not name.strip():
            swapped = ": write tier(name, when)" if isinstance(self.when, str) else ""
            msg = f"a tier needs a name, not {shown(name)}{swapped}"
            raise ConfigurationError(msg)
        object.__setattr__(self, "when", as_condition(self.when, "when"))

    @property
    def condition(self) -> Rule:
        """The condition, as a rule."""
        return as_condition(self.when, "when")


@named
@dataclass(frozen=True)
class AtMost:
    """Leaves out what a field has in common with enough better documents. Without the field nothing is left out.

    Attributes:
        number: How many documents may have the same value.
        by: The field; texts are compared without case.
    """

    number: int
    by: str

    def __post_init__(self) -> None:
        number, by = _as_given(self)
        if isinstance(number, str) and isinstance(by, int):
            msg = f"number and by are swapped: write at_most({by}, by={shown(number)})"
            raise ConfigurationError(msg)
        if check_count("number", self.number) is None:
            msg = f"at_most needs a number of documents, such as at_most(2, by={shown(self.by)})"
            raise ConfigurationError(msg)
        check_field("by", self.by)

    def key(self, document: Document) -> object:
        """What the document counts with; `None` where that cannot be told."""
        try:
            return comparable_key(read(document, self.by), label(self.by))
        except Odd:
            return None


def _as_given(limit: AtMost) -> tuple[object, object]:
    return limit.number, limit.by
