"""`DecisionLimits`: the most that goes into one call."""

from __future__ import annotations

from dataclasses import dataclass

from rerank_kit.arguments import named
from rerank_kit.checks import check_count


@named
@dataclass(frozen=True, slots=True)
class DecisionLimits:
    """The most that a vendor or server takes in one call; `None` is no limit.

    Attributes:
        questions: Questions: one about a document, and one about all, at least.
        options: Options of a choice.
        tokens: Tokens of the state and all questions.
        state_tokens: Tokens of the state and the longest question.
    """

    questions: int | None = None
    options: int | None = None
    tokens: int | None = None
    state_tokens: int | None = None

    def __post_init__(self) -> None:
        """Refuse limits that would let nothing through."""
        check_count("limits.questions", self.questions, least=2)
        check_count("limits.options", self.options, least=2)
        check_count("limits.tokens", self.tokens)
        check_count("limits.state_tokens", self.state_tokens)
