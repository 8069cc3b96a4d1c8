"""`all_of`, `any_of`, `none_of`: conditions made of conditions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rerank_kit.errors import ConfigurationError
from rerank_kit.rules.rule import AnyRule, Case, Rule, Verdict, as_condition
from rerank_kit.values import Document


@dataclass(frozen=True, init=False)
class _Several(Rule):
    """Several conditions at once. What is missing is dealt with by each of them."""

    rules: tuple[Rule, ...]

    def __init__(self, *rules: AnyRule) -> None:
        object.__setattr__(self, "missing", "last")
        object.__setattr__(self, "rules", tuple(as_condition(rule, type(self).__name__) for rule in rules))
        if not rules:
            msg = f"{type(self).__name__}() needs at least one condition"
            raise ConfigurationError(msg)

    def _verdicts(self, document: Document, case: Case) -> list[Verdict]:
        return [rule.verdict(document, case) for rule in self.rules]


@dataclass(frozen=True, init=False)
class AllOf(_Several):
    """Holds where all of some conditions hold; its value is the least of theirs."""

    def judge(self, document: Document, case: Case) -> Verdict:
        """Judge by each of them."""
        each = self._verdicts(document, case)
        failed = [verdict for verdict in each if verdict.value <= 0]
        return Verdict(min(verdict.value for verdict in each), _joined(failed or each, " and "), _drops(each))


@dataclass(frozen=True, init=False)
class AnyOf(_Several):
    """Holds where any of some conditions holds; its value is the greatest of theirs."""

    def judge(self, document: Document, case: Case) -> Verdict:
        """Judge by each of them."""
        each = self._verdicts(document, case)
        held = [verdict for verdict in each if verdict.value > 0]
        return Verdict(max(verdict.value for verdict in each), _joined(held[:1] or each, " and "), _drops(each))


@dataclass(frozen=True, init=False)
class NoneOf(_Several):
    """Holds where none of some conditions holds: 1 or 0."""

    def judge(self, document: Document, case: Case) -> Verdict:
        """Judge by each of them."""
        each = self._verdicts(document, case)
        held = [verdict for verdict in each if verdict.value > 0]
        return Verdict(float(not held), _joined(held or each, " and "), _drops(each))


def _joined(verdicts: Iterable[Verdict], word: str) -> str:
    return word.join(verdict.says for verdict in verdicts)


def _drops(verdicts: Sequence[Verdict]) -> bool:
    return any(verdict.drop for verdict in verdicts)
