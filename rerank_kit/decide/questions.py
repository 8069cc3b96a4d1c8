"""What a decision model is asked: a state, and typed questions about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rerank_kit.arguments import named
from rerank_kit.texts import estimated_tokens


@named
@dataclass(frozen=True, slots=True)
class YesNo:
    """How likely is it that the answer is yes?

    Attributes:
        instructions: The question.
    """

    instructions: str


@named
@dataclass(frozen=True, slots=True)
class Choice:
    """How likely is each of several options?

    Attributes:
        instructions: The question.
        options: Each option with what it means.
    """

    instructions: str
    options: Mapping[str, str]


@named
@dataclass(frozen=True, slots=True)
class Score:
    """Which of several levels is to be expected?

    Attributes:
        instructions: The question.
        levels: What each level means, from the lowest to the highest; they are counted from 0.
    """

    instructions: str
    levels: Sequence[str]


Question: TypeAlias = YesNo | Choice | Score


@named
@dataclass(frozen=True, slots=True)
class Questionnaire:
    """One call to a decision model.

    Attributes:
        instructions: How the request is to be read. Where an API knows roles, they alone have that of the developer.
        request: What the questions are about: data, whatever stands in it.
        questions: The questions, each under a name that tells the model nothing.
    """

    instructions: str
    request: str
    questions: Mapping[str, Question]

    @property
    def state(self) -> str:
        """Instructions and request as one text, for APIs without roles."""
        return f"{self.instructions}\nThe request:\n{self.request}"

    @property
    def tokens(self) -> int:
        """The tokens of all of it, guessed on the careful side."""
        return estimated_tokens(self.state) + sum(map(question_tokens, self.questions.values()))


def question_tokens(question: Question) -> int:
    """The tokens of a question, guessed on the careful side."""
    if isinstance(question, Choice):
        said = [question.instructions, *question.options, *question.options.values()]
    else:
        said = [question.instructions, *(question.levels if isinstance(question, Score) else ())]
    return sum(map(estimated_tokens, said))
