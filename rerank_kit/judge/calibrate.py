"""Is the judge any good? Its agreement with labels that people gave."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rerank_kit.arguments import named
from rerank_kit.checks import check_documents, check_instance, check_query
from rerank_kit.errors import ConfigurationError
from rerank_kit.flow import Flow, arun, run
from rerank_kit.judge.answers import GRADES
from rerank_kit.judge.judge import LLMJudge
from rerank_kit.judge.verdicts import Verdict
from rerank_kit.texts import is_blank
from rerank_kit.values import Document, Span, Usage, total_cost

Pair = tuple[str, Document | str, bool]
"""A query, a document, and whether it answers."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a judge agrees with labels. What cannot be computed, because there is nothing to count, is `None`.

    Attributes:
        right_yes: Documents that answer, and that it let through.
        wrong_yes: Documents that do not, and that it let through.
        right_no: Documents that do not, and that it left out.
        wrong_no: Documents that answer, and that it left out.
        unjudged: Documents that it could not judge; they count nowhere else.
        usage: What it took.
        cost: What it cost, in US dollars; `None` when that is not known.
    """

    right_yes: int
    wrong_yes: int
    right_no: int
    wrong_no: int
    unjudged: int = 0
    usage: Usage = field(default_factory=Usage)
    cost: float | None = None

    @property
    def judged(self) -> int:
        """Documents with a verdict."""
        return self.right_yes + self.wrong_yes + self.right_no + self.wrong_no

    @property
    def accuracy(self) -> float | None:
        """The share of verdicts that are right."""
        return _share(self.right_yes + self.right_no, self.judged)

    @property
    def precision(self) -> float | None:
        """The share of those let through that answer."""
        return _share(self.right_yes, self.right_yes + self.wrong_yes)

    @property
    def recall(self) -> float | None:
        """The share of those that answer that were let through."""
        return _share(self.right_yes, self.right_yes + self.wrong_no)

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa: 1 is full agreement, 0 what chance would give (https://doi.org/10.1177/001316446002000104)."""
        yes = (self.right_yes + self.wrong_yes) * (self.right_yes + self.wrong_no)
        no = (self.right_no + self.wrong_no) * (self.right_no + self.wrong_yes)
        agreed = (self.right_yes + self.right_no) * self.judged
        return _share(agreed - yes - no, self.judged**2 - yes - no)

    def __str__(self) -> str:
        """The measures in a line."""
        measures = ("accuracy", "precision", "recall", "kappa")
        shown = ", ".join(f"{name} {_shown(getattr(self, name))}" for name in measures)
        return f"{shown} ({self.judged} judged, {self.unjudged} not)"


@named
def calibrate(judge: LLMJudge, labelled_pairs: Iterable[Pair], *, least_grade: int = 2) -> Calibration:
    """Compare a judge's verdicts with labels.

    Args:
        judge: In mode `"filter"` or `"grade"`.
        labelled_pairs: Queries and documents, each pair with whether the document answers.
        least_grade: From which grade on a document counts as let through, in mode `"grade"`.

    Raises:
        ConfigurationError: An argument is wrong.
    """
    return run(_comparing(judge, list(labelled_pairs), least_grade))


@named
async def acalibrate(judge: LLMJudge, labelled_pairs: Iterable[Pair], *, least_grade: int = 2) -> Calibration:
    """Compare a judge's verdicts with labels: `calibrate`, without blocking the running loop."""
    return await arun(_comparing(judge, list(labelled_pairs), least_grade))


def _comparing(judge: LLMJudge, pairs: Sequence[Pair], least_grade: int) -> Flow[Calibration]:
    check_instance("judge", judge, LLMJudge, "a rerank_kit.judge.LLMJudge")
    if judge.mode == "listwise":
        msg = "calibrate takes a judge of mode 'filter' or 'grade', not 'listwise': an order says of no document yes"
        raise ConfigurationError(msg)
    least = least_grade / max(GRADES) if judge.mode == "grade" else None
    by_query: dict[str, list[tuple[Document, bool]]] = {}
    for query, document, label in pairs:
        by_query.setdefault(check_query(query), []).append((_with_text(document), label))
    counts = {(said, label): 0 for said in (True, False) for label in (True, False)}
    spans: list[Span] = []
    for query, labelled in by_query.items():
        verdicts = yield from judge.judging(query, [document for document, _ in labelled])
        spans.append(verdicts.span)
        for found, (_, label) in zip(verdicts.of_documents, labelled, strict=True):
            if isinstance(found, Verdict):
                said = found.verdict == "yes" if least is None else found.score >= least
                counts[said, bool(label)] += 1
    usage = sum((span.usage for span in spans), Usage())
    return Calibration(
        counts[True, True],
        counts[True, False],
        counts[False, False],
        counts[False, True],
        usage.unjudged,
        usage,
        total_cost(spans),
    )


def _with_text(given: Document | str) -> Document:
    (document,) = check_documents([given])
    if is_blank(document.text):
        msg = f"a labelled document has no text ({document.text!r}): leave it out, for judges never see such"
        raise ConfigurationError(msg)
    return document


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _shown(measure: float | None) -> str:
    return "unknown" if measure is None else f"{measure:.2f}"
