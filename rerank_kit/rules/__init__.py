"""Business rules: plain values and functions that put documents in order by their metadata.

`Rules` takes them. Each name here makes one of them::

    Rules(
        tiers=[tier("graduate", when=contains("title", {"Intern", "Graduate Program"}))],
        prefer=[newer("posted", within="24h"), one_of("location", {"London", "Remote"})],
        per_tier=1,
    )
"""

from rerank_kit.rules.blending import Blend
from rerank_kit.rules.blending import Fused as rrf  # noqa: N813 - what users write is a call
from rerank_kit.rules.blending import Weighted as weighted  # noqa: N813
from rerank_kit.rules.comparisons import Boost as boost  # noqa: N813
from rerank_kit.rules.comparisons import Equals as equals  # noqa: N813
from rerank_kit.rules.comparisons import Near as near  # noqa: N813
from rerank_kit.rules.comparisons import OneOf as one_of  # noqa: N813
from rerank_kit.rules.freshness import Newer as newer  # noqa: N813
from rerank_kit.rules.logic import AllOf as all_of  # noqa: N813
from rerank_kit.rules.logic import AnyOf as any_of  # noqa: N813
from rerank_kit.rules.logic import NoneOf as none_of  # noqa: N813
from rerank_kit.rules.rule import Function as rule  # noqa: N813
from rerank_kit.rules.rule import Missing, Rule
from rerank_kit.rules.rules import Rules
from rerank_kit.rules.tiers_and_limits import AtMost as at_most  # noqa: N813
from rerank_kit.rules.tiers_and_limits import Tier as tier  # noqa: N813
from rerank_kit.rules.words import Contains as contains  # noqa: N813

__all__ = [
    "Blend",
    "Missing",
    "Rule",
    "Rules",
    "all_of",
    "any_of",
    "at_most",
    "boost",
    "contains",
    "equals",
    "near",
    "newer",
    "none_of",
    "one_of",
    "rrf",
    "rule",
    "tier",
    "weighted",
]
