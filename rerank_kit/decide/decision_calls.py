"""`DecisionCalls`: the calls for one query, each one accounted for, and what they say of the documents."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rerank_kit.decide.answers import Answers
from rerank_kit.decide.model import DecisionModel
from rerank_kit.decide.questions import Questionnaire
from rerank_kit.decide.ways import INSTRUCTIONS, Way
from rerank_kit.errors import ConfigurationError
from rerank_kit.flow import Flow
from rerank_kit.judge.chat import finished
from rerank_kit.judge.injection import Draw
from rerank_kit.judge.prompts import fenced
from rerank_kit.judge.spending import Spending
from rerank_kit.judge.verdicts import OnError, VerdictOrReason, check_judged, reason_of, score_of
from rerank_kit.quoting import class_name
from rerank_kit.values import Deadline, Usage


@dataclass(frozen=True, slots=True)
class SaidOfSome:
    """What one call said.

    Attributes:
        verdicts: By the places of the documents, what was decided, or why nothing was.
        answerable: How likely it is that any of them answers; `None` where that is not known.
    """

    verdicts: Mapping[int, VerdictOrReason]
    answerable: float | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """One query and its documents, as they are shown and asked about.

    Attributes:
        way: The way to ask.
        query: The query.
        texts: The documents.
        code: A code that neither holds.
        labels: A label for each document, none of which any of them holds.
        whole: Another one, for what is asked about all.
        together: Whether documents are shown together.
    """

    way: Way
    query: str
    texts: Sequence[str]
    code: str
    labels: Sequence[str]
    whole: str
    together: bool

    @classmethod
    def drawn(cls, way: Way, query: str, texts: Sequence[str], seed: int | None, *, together: bool) -> Sheet:
        """Draw code and labels: unpredictably, or for tests the same again from a seed."""
        draw = Draw() if seed is None else Draw(seed, "sheet")
        whole, *labels = draw.labels(len(texts) + 1, (query, *texts))
        return cls(way, query, texts, draw.code((query, *texts)), labels, whole, together)

    def asked(self, places: Sequence[int]) -> Questionnaire:
        """What is asked about the documents at these places."""
        shown = {self.labels[place]: self.texts[place] for place in places}
        request = "".join(fenced(self.code, self.query, shown))
        questions = self.way.questions(list(shown), self.whole, together=self.together)
        return Questionnaire(INSTRUCTIONS, request, questions)

    def said(self, places: Sequence[int], answers: Answers) -> SaidOfSome:
        """What the answers say of them."""
        labels = [self.labels[place] for place in places]
        verdicts = dict(zip(places, self.way.verdicts(labels, self.whole, answers), strict=True))
        if self.together:
            return SaidOfSome(verdicts, self.way.answerable(self.whole, answers))
        return SaidOfSome(verdicts, score_of(verdicts[places[0]]))


def wording(way: Way) -> str:
    """A short name for all that a model is told besides query and document, where it is asked about one by itself."""
    asked = Sheet(way, "", [""], "CODE", ["LABEL"], "WHOLE", together=False).asked([0])
    return hashlib.sha256(repr(asked).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class DecisionCalls:
    """How to ask a model about the documents of a sheet.

    Attributes:
        model: The decision model.
        sheet: The query and the documents.
        spending: What the calls have taken.
        deadline: When the answers have to be there.
        on_error: What a document without a verdict does.
    """

    model: DecisionModel
    sheet: Sheet
    spending: Spending
    deadline: Deadline
    on_error: OnError

    def ask(self, places: Sequence[int]) -> Flow[SaidOfSome]:
        """Ask about the documents at these places. What fails becomes the reason why they are not judged."""
        asked = self.sheet.asked(places)
        expected = Usage(calls=1, input_tokens=asked.tokens)
        try:
            self.deadline.check()
            answers = yield from self.spending.paying(expected, self._answered(asked))
        except Exception as error:
            reason = reason_of(error, self.on_error)
            if reason is None:
                raise
            return SaidOfSome(dict.fromkeys(places, reason))
        said = self.sheet.said(places, answers)
        if self.on_error == "raise":
            reasons = [each for each in said.verdicts.values() if isinstance(each, str)]
            check_judged(reasons, len(places), class_name(self.model))
        return said

    def _answered(self, asked: Questionnaire) -> Flow[tuple[Answers, Usage]]:
        answers: Any = yield from finished(self.model.decide(asked, self.deadline))
        if not isinstance(answers, Answers):
            msg = (
                f"{class_name(self.model)}.decide(…) gave {class_name(answers)}: a model must be a DecisionModel, "
                "whose decide is a generator that returns rerank_kit.decide.Answers, or gives them"
            )
            raise ConfigurationError(msg)
        return answers, answers.usage
