"""The plain fields of business rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, SkipValidation, field_serializer
from typing_extensions import override

from rerank_kit.errors import ConfigurationError
from rerank_kit.fields.base import RerankFields
from rerank_kit.quoting import quoted
from rerank_kit.reranker import Reranker
from rerank_kit.rules import Rule, Rules


class RuleFields(RerankFields):
    """Puts documents in order by business rules on their metadata, each with its reason."""

    rules: SkipValidation[Rules] | dict[str, Any] | str | Path = Field(
        description="`rerank_kit.Rules`, their description in plain values, or a TOML or JSON file with one. Functions "
        "cannot be stored."
    )
    top_n: int | None = Field(
        default=None, description="How many to return at most; by default all that the rules leave."
    )

    @field_serializer("rules")
    def _as_description(self, rules: Rules | dict[str, Any] | str | Path) -> dict[str, Any] | str:
        return rules.to_dict() if isinstance(rules, Rules) else rules if isinstance(rules, dict) else str(rules)

    @override
    def _build(self) -> Reranker:
        if isinstance(self.rules, Rules):
            return self.rules
        given: object = self.rules
        if isinstance(given, str | Path):
            return Rules.from_file(given)
        if not isinstance(given, dict):
            made = ": pass Rules(prefer=[…])" if isinstance(given, Rule | list | tuple) else ""
            msg = f"rules must be rerank_kit.Rules, their description in a dict, or a file, not {quoted(given)}{made}"
            raise ConfigurationError(msg)
        return Rules.from_dict(given)
