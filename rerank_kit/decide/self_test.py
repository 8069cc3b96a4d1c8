"""The self-test of a decision model: what it is asked, and what a failure most likely means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rerank_kit.api.check_report import Check, Finding
from rerank_kit.decide.answers import Answers
from rerank_kit.decide.decision_calls import SaidOfSome, Sheet
from rerank_kit.decide.model import DecisionModel
from rerank_kit.decide.ways import Scores
from rerank_kit.flow import Flow
from rerank_kit.judge.chat import finished
from rerank_kit.judge.verdicts import score_of
from rerank_kit.quoting import class_name
from rerank_kit.texts import folded
from rerank_kit.values import Deadline

_SPREAD = 0.1  # between the answers' scores and the best of the others, on average
_LOCAL = (
    "most likely an open model that is too small: in the one public benchmark those up to 421M parameters order worse "
    "than word overlap. Ask a greater one, or use a cross-encoder"
)
_FLAT = "most likely a model that was made for something else, or one that is served without its template"


@dataclass(frozen=True, slots=True)
class _Probe:
    """A known question, and texts of which one answers."""

    query: str
    texts: Sequence[str]
    answer: int

    def place(self, scores: Sequence[float]) -> int:
        """The place of the answer by these scores, from 1; behind all that have the same."""
        return sum(score >= scores[self.answer] for score in scores)

    def lead(self, scores: Sequence[float]) -> float:
        """How far the answer is before the best of the others."""
        return scores[self.answer] - max(score for place, score in enumerate(scores) if place != self.answer)


PROBES = (
    _Probe(
        "Which planet is known as the Red Planet?",
        (
            "Preheat the oven, then fold the flour into the butter and sugar.",
            "The train to the coast leaves every hour from platform two.",
            "Mars is often called the Red Planet because iron oxide gives its surface a reddish colour.",
            "Interest on the loan is due on the first day of each quarter.",
        ),
        2,
    ),
    _Probe(
        "How long may a tenant stay after the lease ends?",
        (
            "The letter says that this is a copy of the lease.",
            "Our tenant may stay for dinner after the concert ends.",
            "The loaves stay fresh for two days.",
            "After the contract is over, a tenant has thirty days to move out.",
        ),
        3,
    ),
    _Probe(
        "At what temperature does water boil?",
        (
            "The water in the bay is cold at night.",
            "Water turns to steam at a temperature of 100 degrees Celsius, if that is at sea level.",
            "The temperature of the room does not matter.",
            "Boil the eggs for nine minutes.",
        ),
        1,
    ),
)
_UNANSWERED = _Probe(PROBES[0].query, tuple(text for probe in PROBES[1:] for text in probe.texts), 0)


def examining(model: DecisionModel, deadline: Deadline) -> Flow[Check]:
    """Ask a model the known questions, and judge its answers.

    Raises:
        RerankError: There was no answer.
    """
    started = deadline.clock()
    said: list[SaidOfSome] = []
    for probe in (*PROBES, _UNANSWERED):
        places = range(len(probe.texts))
        sheet = Sheet.drawn(Scores(), probe.query, probe.texts, None, together=True)
        answers: Answers = yield from finished(model.decide(sheet.asked(places), deadline))
        said.append(sheet.said(places, answers))
    return _judged(class_name(model), said, deadline.clock() - started)


def _judged(name: str, said: Sequence[SaidOfSome], seconds: float) -> Check:
    whole = [[score_of(each) for each in of_probe.verdicts.values()] for of_probe in said]
    missing = sum(score is None for scores in whole for score in scores)
    count = sum(map(len, whole))
    told = f"{count - missing} of {count}"
    everything = Finding("every question is answered", missing == 0, told, "most likely another API, or another model")
    if missing:
        return Check(name, (everything,), seconds)
    scores = [[score for score in of_probe if score is not None] for of_probe in whole]
    findings = (everything, _order(scores), _spread(scores), _knows(said))
    return Check(name, findings, seconds, tuple(scores[0]))


def _order(scores: Sequence[Sequence[float]]) -> Finding:
    """Whether the answers rank no lower than by the words that they have in common with the question."""
    by_model = [probe.place(of_probe) for probe, of_probe in zip(PROBES, scores, strict=False)]
    by_words = [probe.place([_overlap(probe.query, text) for text in probe.texts]) for probe in PROBES]
    told = f"at the places {_listed(by_model)}; by word overlap {_listed(by_words)}"
    return Finding("answers rank no lower than by word overlap", _worth(by_model) >= _worth(by_words), told, _LOCAL)


def _spread(scores: Sequence[Sequence[float]]) -> Finding:
    leads = [probe.lead(of_probe) for probe, of_probe in zip(PROBES, scores, strict=False)]
    lead = sum(leads) / len(leads)
    return Finding("scores are spread out", abs(lead) >= _SPREAD, f"answers lead by {lead:.2f} on average", _FLAT)


def _knows(said: Sequence[SaidOfSome]) -> Finding:
    """Whether it is less likely that something answers where nothing does."""
    there, not_there = said[0].answerable, said[-1].answerable
    shown = f"{_shown(there)} with an answer among the texts, {_shown(not_there)} without"
    well = there is not None and not_there is not None and there > not_there
    return Finding("it tells whether anything answers", well, shown, "do not rely on min_answerable= with this model")


def _worth(places: Sequence[int]) -> float:
    """The mean reciprocal rank."""
    return sum(1 / place for place in places) / len(places)


def _overlap(query: str, text: str) -> float:
    words = set(folded(query).strip("?").split())
    return len(words & set(folded(text).replace(".", " ").replace(",", " ").split())) / len(words)


def _listed(places: Sequence[int]) -> str:
    return ", ".join(map(str, places))


def _shown(probability: float | None) -> str:
    return "unknown" if probability is None else f"{probability:.2f}"
