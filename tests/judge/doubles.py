"""Chat models whose behaviour a test can state in a line."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rerank_kit import Deadline, Usage
from rerank_kit.flow import Flow, blocking
from rerank_kit.judge import Completion, Prompt
from rerank_kit.testing import Question, words_in_common

QUERY = "cat dog"
DOCUMENTS = ["a cat", "the cat and the dog run", "nothing of the kind", "a dog"]

Answer = str | Completion | Exception
Rows = list[dict[str, Any]]


def question_of(prompt: Prompt) -> Question:
    return Question.of(prompt.system, "\n".join(prompt.parts))


def verdict(question: Question, word: object, reason: object = "so") -> str:
    (label,) = question.documents
    return json.dumps({"label": label, "reason": reason, "verdict": word})


def honest(question: Question) -> str:
    """The answer of a model that counts the words in common."""
    worth = {label: words_in_common(question.query, text) for label, text in question.documents.items()}
    if question.mode == "verdict":
        return verdict(question, "yes" if max(worth.values()) >= 0.5 else "no")
    if question.mode == "ranking":
        return json.dumps({"ranking": sorted(worth, key=lambda label: -worth[label])})
    rows = [{"label": label, "reason": "so", "grade": round(3 * value)} for label, value in worth.items()]
    return json.dumps({"grades": rows})


@dataclass
class Scripted:
    """Answers by a function of the question, remembers what it was asked, and says that it took a token each way."""

    says: Callable[[Question], Answer] = honest
    model: str | None = "scripted"
    prompts: list[Prompt] = field(default_factory=list[Prompt])

    def complete(self, prompt: Prompt, deadline: Deadline = Deadline()) -> Flow[Completion]:  # noqa: B008 - frozen
        self.prompts.append(prompt)
        answer = yield from blocking(self.says, question_of(prompt))
        if isinstance(answer, Exception):
            raise answer
        given = answer if isinstance(answer, Completion) else Completion(answer)
        return replace(given, usage=Usage(calls=1, requests=1, input_tokens=1, output_tokens=1))

    @property
    def questions(self) -> list[Question]:
        return [question_of(prompt) for prompt in self.prompts]


def in_turn(*answers: Callable[[Question], Answer] | Answer) -> Callable[[Question], Answer]:
    """Gives one answer after the other, then honest ones."""
    left = list(answers)

    def says(question: Question) -> Answer:
        answer = left.pop(0) if left else honest
        return answer(question) if callable(answer) else answer

    return says


def about(text: str, answer: Answer | Callable[[Question], Answer]) -> Callable[[Question], Answer]:
    """Answers that way when one of the documents holds a text, and honestly otherwise."""

    def says(question: Question) -> Answer:
        if not any(text in each for each in question.documents.values()):
            return honest(question)
        return answer(question) if callable(answer) else answer

    return says


def grades(question: Question, *values: Any) -> Rows:
    """Rows for an answer in mode "grade": a value for each document, in the order shown."""
    return [
        {"label": label, "reason": "so", "grade": value}
        for label, value in zip(question.documents, values, strict=True)
    ]


def found(ranking: Any) -> Sequence[int]:
    return [hit.index for hit in ranking]
