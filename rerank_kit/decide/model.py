"""`DecisionModel`: what answers typed questions."""

from __future__ import annotations

from typing import Protocol

from rerank_kit.decide.answers import Answers
from rerank_kit.decide.limits import DecisionLimits
from rerank_kit.decide.questions import Questionnaire
from rerank_kit.flow import Flow
from rerank_kit.judge.chat import NEVER
from rerank_kit.values import Deadline


class DecisionModel(Protocol):
    """A model that answers typed questions with probabilities. To add one, write `decide`.

    What it gives is taken as it is; `rerank_kit.decide.answers.read` checks what a server said.

    Attributes:
        model: The model's name, by which its price is found.
        limits: The most that goes into one call.
    """

    model: str | None
    limits: DecisionLimits

    def decide(self, asked: Questionnaire, deadline: Deadline = NEVER) -> Flow[Answers]:
        """Ask the questions.

        Raises:
            ConfigurationError: The server knows no such key, address or model.
            DeadlineExceeded: The time ran out.
            BackendError: There was no answer, or one that is an error.
        """
        ...
