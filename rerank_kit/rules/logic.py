"""`all_of`, `any_of`, `none_of`: conditions made of conditions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rerank_kit.arguments import named
from rerank_kit.errors import ConfigurationError
from rerank_kit.rules.rule import AnyRule, Case, Match, Rule, as_condition
from rerank_kit.values import Document

DEEPEST = 32
"""How many conditions may stand inside one another."""


@dataclass(frozen=True, init=False)
class _Several(Rule):
    """Several conditions at once. What is missing is dealt with by each of them."""

    rules: tuple[Rule, ...]
    _depth: ClassVar[int]

    @named
    def __init__(self, *rules: AnyRule) -> None:
        object.__setattr__(self, "missing", "last")
        object.__setattr__(self, "rules", tuple(as_condition(rule, type(self).__name__) for rule in rules))
        if not rules:
            msg = f"{type(self).__name__}() needs at least one condition"
            raise ConfigurationError(msg)
        object.__setattr__(self, "_depth", 1 + max(getattr(rule, "_depth", 0) for rule in self.rules))
        if self._depth > DEEPEST:
            msg = (
                f"{type(self).__name__}() has conditions in it that are {DEEPEST} deep, which is the most: flatten them"
            )
            raise ConfigurationError(msg)

    def _matches(self, document: Document, case: Case) -> list[Match]:
        return [rule.match(document, case) for rule in self.rules]


@dataclass(frozen=True, init=False)
class AllOf(_Several):
    """Holds where all of some conditions hold; its value is the least of theirs."""

    def evaluate(self, document: Document, case: Case) -> Match:
        """Match by what each of them finds."""
        each = self._matches(document, case)
        failed = [match for match in each if not match.holds]
        return Match(min(match.value for match in each), _joined(failed or each, " and "), _drops(each), bool(failed))


@dataclass(frozen=True, init=False)
class AnyOf(_Several):
    """Holds where any of some conditions holds; its value is the greatest of theirs."""

    def evaluate(self, document: Document, case: Case) -> Match:
        """Match by what each of them finds."""
        each = self._matches(document, case)
        held = [match for match in each if match.holds]
        return Match(max(match.value for match in each), _joined(held[:1] or each, " and "), _drops(each), not held)


@dataclass(frozen=True, init=False)
class NoneOf(_Several):
    """Holds where none of some conditions holds: 1 or 0."""

    def evaluate(self, document: Document, case: Case) -> Match:
        """Match by what each of them finds."""
        each = self._matches(document, case)
        held = [match for match in each if match.holds]
        return Match(float(not held), _joined(held or each, " and "), _drops(each))


def _joined(matches: Iterable[Match], word: str) -> str:
    return word.join(match.says for match in matches)


def _drops(matches: Sequence[Match]) -> bool:
    return any(match.drop for match in matches)
