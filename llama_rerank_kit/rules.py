"""Business rules as a LlamaIndex node postprocessor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import SkipValidation, field_serializer
from typing_extensions import override

from llama_rerank_kit.postprocessor import RerankPostprocessor
from rerank_kit import Reranker, Rules


class RuleRerank(RerankPostprocessor):
    """Puts nodes in order by business rules on their metadata, each with its reason.

    The reason is in `relevance_reason`.

    Attributes:
        rules: `rerank_kit.Rules`, their description in plain values, or the path of a TOML or JSON file with one.
            `to_dict` has the description, which is an error when one of them is a function.
        top_n: How many nodes to return at most; by default all that the rules leave.
    """

    rules: SkipValidation[Rules] | dict[str, Any] | str | Path
    top_n: int | None = None

    @field_serializer("rules")
    def _as_description(self, rules: Rules | dict[str, Any] | str | Path) -> dict[str, Any] | str:
        return rules.to_dict() if isinstance(rules, Rules) else rules if isinstance(rules, dict) else str(rules)

    @override
    def _build(self) -> Reranker:
        if isinstance(self.rules, Rules):
            return self.rules
        return Rules.from_dict(self.rules) if isinstance(self.rules, dict) else Rules.from_file(self.rules)
