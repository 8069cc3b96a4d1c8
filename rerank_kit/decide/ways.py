"""The ways to ask for a ranking: the questions of each, and the verdicts that follow from the answers. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

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


class Way(Protocol):
    """One way to ask about documents that are shown together."""

    def questions(self, labels: Sequence[str], whole: str) -> dict[str, Question]:
        """The questions about the documents with these labels, by name; what is asked about all goes by `whole`."""
        ...

    def verdicts(self, labels: Sequence[str], whole: str, answers: Answers) -> list[VerdictOrReason]:
        """What was decided about each of these documents, or why nothing was."""
        ...


@dataclass(frozen=True, slots=True)
class Scores:
    """A graded question about each document: the score is the expected level as a share of the highest."""

    criterion: str = CRITERION
    levels: Sequence[str] = LEVELS

    def questions(self, labels: Sequence[str], whole: str) -> dict[str, Question]:
        """A question for each document."""
        told = f"how far is it true that the document {self.criterion}?"
        return {label: Score(f"Document {label}: {told}", self.levels) for label in labels}

    def verdicts(self, labels: Sequence[str], whole: str, answers: Answers) -> list[VerdictOrReason]:
        """The levels."""
        return [_found(answers, label) or self._verdict(answers.found[label]) for label in labels]

    def _verdict(self, answer: Answer) -> Verdict:
        highest = len(self.levels) - 1
        why = f"level {answer.value:.2f} of {highest}"
        return Verdict(answer.value / highest, str(int(answer.value + _HALF)), why, answer.probabilities or None)


@dataclass(frozen=True, slots=True)
class YesOrNo:
    """A yes/no question about each document: the score is the probability of yes."""

    criterion: str = CRITERION

    def questions(self, labels: Sequence[str], whole: str) -> dict[str, Question]:
        """A question for each document."""
        told = f"is it true that the document {self.criterion}?"
        return {label: YesNo(f"Document {label}: {told}") for label in labels}

    def verdicts(self, labels: Sequence[str], whole: str, answers: Answers) -> list[VerdictOrReason]:
        """The probabilities of yes."""
        return [_found(answers, label) or self._verdict(answers.found[label]) for label in labels]

    def _verdict(self, answer: Answer) -> Verdict:
        probabilities = {"yes": answer.value, "no": 1 - answer.value}
        word = "yes" if answer.value > _HALF else "no"
        return Verdict(answer.value, word, f"{word}: {probabilities[word]:.2f}", probabilities)


@dataclass(frozen=True, slots=True)
class OneOfAll:
    """One choice among the documents and none of them: the score is the probability of being chosen."""

    criterion: str = CRITERION

    def questions(self, labels: Sequence[str], whole: str) -> dict[str, Question]:
        """One question."""
        options = {label: f"Document {label}." for label in labels}
        told = f"Of which document is it most true that it {self.criterion}?"
        return {whole: Choice(told, {**options, NONE: "Of none of the documents is it true."})}

    def verdicts(self, labels: Sequence[str], whole: str, answers: Answers) -> list[VerdictOrReason]:
        """The probabilities of being chosen. A choice says of no document by itself what it is worth."""
        problem = _found(answers, whole)
        if problem is not None:
            return [problem for _ in labels]
        chosen: Mapping[str, float] = answers.found[whole].probabilities
        return [
            Verdict(chosen[label], None, f"chosen: {chosen[label]:.2f}") if label in chosen else WHY["missing"]
            for label in labels
        ]


def _found(answers: Answers, name: str) -> str | None:
    """Why there is no answer to a question; `None` where there is one."""
    if name in answers.found:
        return None
    return WHY[answers.problems.get(name, "missing")]
