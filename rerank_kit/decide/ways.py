"""The ways to ask for a ranking: the questions of each, and the verdicts that follow from the answers. Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rerank_kit.decide.answers import Answer, Answers
from rerank_kit.decide.questions import Choice, Question, Score, YesNo
from rerank_kit.judge.prompts import CRITERION, FRAME
from rerank_kit.judge.verdicts import WHY, Verdict, VerdictOrReason

Ask: TypeAlias = Literal["score", "yes-no", "choice"]

INSTRUCTIONS = f"""\
You judge search results. You get a query and documents; each question is about one of the documents, which it names \
by its label, or about all of them.

{FRAME}"""
"""How a request is to be read. It is the same for every way to ask."""

LEVELS = (
    "not at all",
    "hardly, it is only about the same topic",
    "in an important part",
    "fully",
)
"""The levels of `ask="score"`, from the lowest to the highest."""

NONE = "none"
"""The option of a choice that no document is. It has vowels, so that no label is like it."""

_HALF = 0.5


@dataclass(frozen=True, slots=True)
class Way(ABC):
    """One way to ask about documents that are shown together.

    Attributes:
        criterion: What makes a document a good one, as the end of "the document …".
    """

    criterion: str = CRITERION

    @abstractmethod
    def questions(self, labels: Sequence[str], whole: str, *, together: bool) -> dict[str, Question]:
        """The questions, by name.

        Args:
            labels: The labels of the documents.
            whole: The name of what is asked about all of them.
            together: Whether all documents are shown, so that it can be asked whether any answers.
        """

    @abstractmethod
    def verdicts(self, labels: Sequence[str], whole: str, answers: Answers) -> list[VerdictOrReason]:
        """What was decided about each of these documents, or why nothing was."""

    @abstractmethod
    def answerable(self, whole: str, answers: Answers) -> float | None:
        """How likely it is that any of them answers; `None` where that was not answered."""


class _OneByOne(Way):
    """A question about each document, and one about all."""

    __slots__ = ()

    @abstractmethod
    def question(self, label: str) -> Question:
        """The question about a document."""

    @abstractmethod
    def verdict(self, answer: Answer) -> Verdict:
        """What follows from its answer."""

    def questions(self, labels: Sequence[str], whole: str, *, together: bool) -> dict[str, Question]:
        told = f"Is there at least one document of which it is true that the document {self.criterion}?"
        first: dict[str, Question] = {whole: YesNo(told)} if together else {}
        return first | {label: self.question(label) for label in labels}

    def verdicts(self, labels: Sequence[str], whole: str, answers: Answers) -> list[VerdictOrReason]:
        return [_problem(answers, label) or self.verdict(answers.found[label]) for label in labels]

    def answerable(self, whole: str, answers: Answers) -> float | None:
        return answers.found[whole].value if whole in answers.found else None


@dataclass(frozen=True, slots=True)
class Scores(_OneByOne):
    """A graded question about each document: the score is the expected level as a share of the highest."""

    levels: Sequence[str] = LEVELS

    def question(self, label: str) -> Question:
        """How far the document answers."""
        return Score(f"Document {label}: how far is it true that the document {self.criterion}?", self.levels)

    def verdict(self, answer: Answer) -> Verdict:
        """The likeliest level."""
        highest = len(self.levels) - 1
        why = f"level {answer.value:.2f} of {highest}"
        return Verdict(answer.value / highest, self._likeliest(answer), why, answer.probabilities or None)

    def _likeliest(self, answer: Answer) -> str:
        """The likeliest level, of several the one nearest to what is expected; where none is known, the nearest."""
        known = {level: answer.probabilities.get(str(level), 0.0) for level in range(len(self.levels))}
        return str(max(known, key=lambda level: (known[level], -abs(level - answer.value), level)))


@dataclass(frozen=True, slots=True)
class YesOrNo(_OneByOne):
    """A yes/no question about each document: the score is the probability of yes."""

    def question(self, label: str) -> Question:
        """Whether the document answers."""
        return YesNo(f"Document {label}: is it true that the document {self.criterion}?")

    def verdict(self, answer: Answer) -> Verdict:
        """The likelier of yes and no."""
        probabilities = {"yes": answer.value, "no": 1 - answer.value}
        word = "yes" if answer.value > _HALF else "no"
        return Verdict(answer.value, word, f"{word}: {probabilities[word]:.2f}", probabilities)


@dataclass(frozen=True, slots=True)
class OneOfAll(Way):
    """One choice among the documents and none of them: the score is the probability of being chosen."""

    def questions(self, labels: Sequence[str], whole: str, *, together: bool) -> dict[str, Question]:
        """One question."""
        options = {label: f"Document {label}." for label in labels}
        told = f"Of which document is it most true that the document {self.criterion}?"
        return {whole: Choice(told, {**options, NONE: "Of none of the documents is it true."})}

    def verdicts(self, labels: Sequence[str], whole: str, answers: Answers) -> list[VerdictOrReason]:
        """The probabilities of being chosen. A choice says of no document by itself what it is worth."""
        problem = _problem(answers, whole)
        if problem is not None:
            return [problem for _ in labels]
        chosen = answers.found[whole].probabilities
        return [
            Verdict(chosen[label], None, f"chosen: {chosen[label]:.2f}") if label in chosen else WHY["missing"]
            for label in labels
        ]

    def answerable(self, whole: str, answers: Answers) -> float | None:
        """What is not on none of them."""
        answer = answers.found.get(whole)
        return None if answer is None or NONE not in answer.probabilities else 1 - answer.probabilities[NONE]


def _problem(answers: Answers, name: str) -> str | None:
    """Why there is no answer to a question; `None` where there is one."""
    if name in answers.found:
        return None
    problem = answers.problems.get(name, "missing")
    return WHY.get(problem, f"the model gave no answer: {problem}")
