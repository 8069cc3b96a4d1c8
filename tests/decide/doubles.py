"""Decision models whose behaviour a test can state in a line."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rerank_kit import Deadline, Usage
from rerank_kit.decide import Answer, Answers, Choice, DecisionLimits, Question, Questionnaire, Score
from rerank_kit.decide.ways import NONE
from rerank_kit.flow import Flow, blocking
from rerank_kit.testing import DecisionRequest, words_in_common

QUERY = "cat dog"
DOCUMENTS = ["a cat", "the cat and the dog run", "nothing of the kind", "a dog"]
ORDER = [1, 0, 3, 2]
"""The places of the documents by how many of the query's words they have, best first."""

Change = Callable[[Questionnaire, dict[str, Answer]], Any]


def request_of(asked: Questionnaire) -> DecisionRequest:
    return DecisionRequest.of(asked.request, ())


def shown(asked: Questionnaire) -> list[str]:
    """The texts of the documents in a question, in the order in which they are shown."""
    return list(request_of(asked).documents.values())


def text_of(asked: Questionnaire, name: str) -> str | None:
    """The text of the document that a question is about; `None` of one about all."""
    documents = request_of(asked).documents
    question = asked.questions[name]
    labels = [each for each in re.findall(r"\w+", question.instructions) if each in documents]
    return documents[labels[0]] if labels else None


@dataclass
class Scripted:
    """Answers by a function of query and text, remembers what it was asked, and says that it took ten tokens.

    `change` makes something else of the right answers: `Answers`, an error to raise, or anything.
    """

    worth: Callable[[str, str], float] = words_in_common
    change: Change | None = None
    model: str | None = "scripted"
    limits: DecisionLimits = field(default_factory=DecisionLimits)
    asked: list[Questionnaire] = field(default_factory=list[Questionnaire])

    def decide(self, asked: Questionnaire, deadline: Deadline = Deadline()) -> Flow[Any]:  # noqa: B008 - frozen
        self.asked.append(asked)
        answer = yield from blocking(self._answer, asked)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _answer(self, asked: Questionnaire) -> Any:
        request = request_of(asked)
        right = {name: self._right(request, asked, name, each) for name, each in asked.questions.items()}
        return answers(right) if self.change is None else self.change(asked, right)

    def _right(self, request: DecisionRequest, asked: Questionnaire, name: str, question: Question) -> Answer:
        text = text_of(asked, name)
        texts = list(request.documents.values()) if text is None else [text]
        best = max(self.worth(request.query, each) for each in texts)
        if isinstance(question, Score):
            expected = best * (len(question.levels) - 1)
            return Answer(expected, {str(n): max(0.0, 1 - abs(expected - n)) for n in range(len(question.levels))})
        if not isinstance(question, Choice):
            return Answer(best)
        worth = {label: self.worth(request.query, each) for label, each in request.documents.items()}
        whole = sum(worth.values())
        shares = {label: best * each / whole if whole else 0.0 for label, each in worth.items()}
        return Answer(0.0, {**shares, NONE: 1 - best})


def answers(found: dict[str, Answer], problems: dict[str, Any] | None = None) -> Answers:
    return Answers(found, problems or {}, Usage(calls=1, requests=1, input_tokens=10))


def without(text: str, outcome: str = "refusal") -> Change:
    """Gives no answer to questions about documents with a text."""

    def change(asked: Questionnaire, right: dict[str, Answer]) -> Answers:
        gone = {name for name in right if text in (text_of(asked, name) or "")}
        found = {name: each for name, each in right.items() if name not in gone}
        return answers(found, dict.fromkeys(gone, outcome))

    return change


def failing(text: str, error: Exception) -> Change:
    """Fails when a document with a text is among those that are shown."""
    return lambda asked, right: error if any(text in each for each in shown(asked)) else answers(right)


def found(ranking: Any) -> Sequence[int]:
    return [hit.index for hit in ranking]
