"""Reading what a decision model answers. Pure: no network, no model.

Only what is named as a question was counts, and only what can be meant: probabilities from 0 to 1 whose sum is 1, and
levels that there are. APIs round to two decimals, and so much is forgiven, no more. What they leave out has no
probability, if the rest sums to 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rerank_kit.api.json_values import is_mapping, repeats
from rerank_kit.arguments import named
from rerank_kit.checks import is_number
from rerank_kit.decide.distributions import FLOATS, contradict, distribution
from rerank_kit.decide.questions import Choice, Question, Score, YesNo
from rerank_kit.judge.answers import Outcome
from rerank_kit.values import Usage

REFUSAL = "refusal"
"""The kind of an answer in which the model declines to answer."""

_KINDS: Mapping[str, tuple[object, str]] = {
    "noul": (YesNo, "noul"),
    "predicate": (YesNo, "probability"),
    "choice": (Choice, ""),
    "score": (Score, "score"),
    REFUSAL: (REFUSAL, ""),
}
"""What the types of answers are called, and where each has its number."""


@dataclass(frozen=True, slots=True)
class Said:
    """One answer, taken out of the shape in which an API gives it. Nothing of it is checked.

    Attributes:
        name: The name of the question that it is for.
        kind: The kind of question that it answers, `REFUSAL`, or `None` for another kind.
        value: The probability of yes, or the level that is expected.
        probabilities: Of the options, or of the levels by their numbers; `None` where nothing is said of them.
    """

    name: object
    kind: object
    value: object = None
    probabilities: Mapping[Any, Any] | None = None


@named
@dataclass(frozen=True, slots=True)
class Answer:
    """One answer that can be meant.

    Attributes:
        value: The probability of yes, or the level that is expected; 0.0 of a choice, which has none.
        probabilities: Of the options, or of the levels; empty where a level came without them, and of yes and no.
    """

    value: float
    probabilities: Mapping[str, float] = field(default_factory=dict[str, float])


@named
@dataclass(frozen=True, slots=True)
class Answers:
    """What was answered, by the names of the questions.

    Attributes:
        found: The answers.
        problems: Why there is none, of the other questions.
        usage: What it took, and how many answers were odd.
    """

    found: Mapping[str, Answer]
    problems: Mapping[str, Outcome] = field(default_factory=dict[str, Outcome])
    usage: Usage = field(default_factory=lambda: Usage(calls=1))


def said(name: object, row: Any, probabilities: object) -> Said:
    """One answer in the form that all APIs have in common: an object with a type and a number.

    Args:
        name: The name of the question that it is for.
        row: The answer.
        probabilities: Those in it as an object, by whatever the API calls the options; `None` where it has none.
    """
    kind = row.get("type") if is_mapping(row) else None
    question, key = _KINDS.get(kind, (None, "")) if isinstance(kind, str) else (None, "")
    if not is_mapping(row) or not (probabilities is None or is_mapping(probabilities)):
        return Said(name, None)
    if repeats(row) or repeats(probabilities):
        return Said(name, None)
    return Said(name, question, row.get(key), probabilities)


def read(questions: Mapping[str, Question], said: Iterable[Said]) -> Answers:
    """What was said, checked against what was asked. Two different answers to a question are none."""
    known: dict[str, Answer | Outcome] = {}
    unknown = set[str]()
    repeated = set[str]()
    for each in said:
        name = each.name if isinstance(each.name, str) else f"<{type(each.name).__name__}>"
        if name not in questions:
            unknown.add(name)
            continue
        answer = _answer(questions[name], each)
        if name in known:
            repeated.add(name)
            answer = answer if known[name] == answer else "duplicate"
        known[name] = answer
    missing = [name for name in questions if name not in known]
    problems: dict[str, Outcome] = dict.fromkeys(missing, "missing")
    problems |= {name: answer for name, answer in known.items() if not isinstance(answer, Answer)}
    outcomes = list(problems.values())
    tally = Usage(
        unparsable=outcomes.count("unparsable"),
        refused=outcomes.count("refusal"),
        missing=len(missing),
        repeated=len(repeated),
        unknown_labels=len(unknown),
    )
    return Answers({name: answer for name, answer in known.items() if isinstance(answer, Answer)}, problems, tally)


def _answer(question: Question, said: Said) -> Answer | Outcome:
    if said.kind == REFUSAL:
        return "refusal"
    if said.kind is not type(question):
        return "unparsable"
    made: Answer | None
    if isinstance(question, YesNo):
        made = _yes_or_no(said)
    elif isinstance(question, Score):
        made = _level(question, said)
    else:
        made = _choice(question, said)
    return "unparsable" if made is None else made


def _yes_or_no(said: Said) -> Answer | None:
    yes = _between(said.value, 1)
    return None if yes is None else Answer(yes)


def _level(question: Score, said: Said) -> Answer | None:
    level = _between(said.value, len(question.levels) - 1)
    if level is None or said.probabilities is None:
        return None if level is None else Answer(level)
    names = [str(number) for number in range(len(question.levels))]
    probabilities = distribution(_each(said.probabilities), names)
    if probabilities is None or contradict(level, list(probabilities.values())):
        return None
    return Answer(level, probabilities)


def _choice(question: Choice, said: Said) -> Answer | None:
    if said.probabilities is None:
        return None
    probabilities = distribution(_each(said.probabilities), list(question.options))
    return None if probabilities is None else Answer(0.0, probabilities)


def _each(given: Mapping[Any, Any]) -> dict[str, float | None]:
    """Probabilities by name; `None` for what can be none."""
    return {str(name): _between(value, 1) for name, value in given.items()}


def _between(value: object, most: float) -> float | None:
    """A number from 0 to the most, up to what floats may be off."""
    if not is_number(value) or not -FLOATS <= value <= most + FLOATS:
        return None
    return min(max(0.0, float(value)), float(most))
