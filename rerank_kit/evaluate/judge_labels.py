"""`label`: labels where there are none, by a judge whose agreement with a person is known."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from rerank_kit.arguments import named
from rerank_kit.checks import check_count, check_instance, check_positive, check_whole
from rerank_kit.decide import DecisionReranker
from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.dataset import Dataset
from rerank_kit.evaluate.label_store import Judge, LabelStore, known_by
from rerank_kit.evaluate.labelled import Label, Labels
from rerank_kit.evaluate.outcomes import Outcomes
from rerank_kit.evaluate.planning import ROUNDED, Plan, agree, dollars, stop
from rerank_kit.evaluate.pooling import Pair, pooled
from rerank_kit.evaluate.reading import read_dataset
from rerank_kit.evaluate.running import Progress, Run
from rerank_kit.evaluate.systems import Spec, systems_of
from rerank_kit.flow import run as run_flow
from rerank_kit.judge import LLMJudge, Verdict
from rerank_kit.quoting import class_name
from rerank_kit.texts import is_blank
from rerank_kit.values import Document

DEFAULT = ("bm25@50 > onnx:embedded",)
_TOGETHER = 10  # documents that a judge is asked about before what it says is kept
_SAMPLE = 30  # pairs for a person beside a judge
_IN_VAIN = 30  # documents that a judge is asked about in vain before it is not asked any more
_HALF = 0.5
_BLANK = "it has no text"


@named
def label(
    dataset: Dataset | str | Path,
    judge: Judge | None = None,
    systems: Mapping[str, Spec] | Sequence[Spec] | None = None,
    *,
    depth: int = 10,
    store: str | Path | None = None,
    sample: int | None = None,
    seed: int = 0,
    max_cost: float | None = None,
    confirm: Callable[[Plan], bool] | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Labels:
    """Have a judge label what systems rank high, and draw a sample that a person labels without seeing what it says.

    What no system ranks high stays unlabelled, and so does what the judge could not judge. Each label is in `store` as
    soon as it is given: the same call goes on there after an error, Ctrl-C or a crash, and also beside another process.

    Args:
        dataset: A `Dataset` with queries and documents, with labels or without; or the path of one, see `read_dataset`.
        judge: An `LLMJudge` of mode `"filter"` or `"grade"`, or a `DecisionReranker` that asks `"yes-no"` or `"score"`.
            It is known by its model, mode, criterion and instructions. `None` leaves all labels to a person.
        systems: Whose best documents are labelled, as `evaluate` takes them; by default the embedded model on 50
            candidates, and BM25 by itself. Name those that you will compare: what only another one finds has no label.
        depth: How many of the best documents of each system.
        store: A file, that of an evaluation or a new one; `None` keeps nothing.
        sample: How many pairs a person is asked about; by default 30 beside a judge, and all of them without one.
        seed: Of what is drawn.
        max_cost: What the run may cost, in US dollars. Without it, nothing that has a price is asked.
        confirm: Asked with the plan before the judge, and before systems that have a price; `False` ends it. Its
            `seconds` are 0 for the judge, of which nobody knows how long it takes. Without `max_cost`, `True` agrees to
            any price.
        progress: Told after each query.

    Raises:
        ConfigurationError: An argument is wrong, or a system is broken.
        BudgetExceeded: It would cost more than `max_cost`. What was labelled is kept.
        MissingExtra: A package is not installed.
    """
    data = dataset if isinstance(dataset, Dataset) else read_dataset(dataset, labelled=False)
    check_judge(judge)
    depth, seed = check_whole("depth", depth), check_whole("seed", seed, least=0)
    asked = check_count("sample", sample, least=0, none="for 30 beside a judge, and all without one")
    most = check_positive("max_cost", max_cost)
    kept = LabelStore(store)
    try:
        run = Run(data, systems_of(DEFAULT if systems is None else systems, data), Outcomes(kept.rows), progress, most)
        plan = run.tried()
        if plan.cost or plan.unknown:
            agree(plan, run.spent, most, confirm)
        pool = pooled(run, data, depth)
        judging = None if judge is None else Judging(judge, kept, progress, run.spent, most)
        if judging is not None:
            agree(judging.planned(pool.pairs), run.spent, most, confirm)
            judging.ask(pool.pairs)
        reviewed = kept.of_person(pool.pairs)
    finally:
        kept.close()
    given = None if judging is None else judging.labels(pool.pairs)
    names = [each.name for each in run.systems]
    models = [str(each.reranker.model) for each in run.systems if each.reranker is not None]
    return Labels(
        data,
        pool.pairs,
        given,
        judge=None if judging is None else judging.name,
        unjudged={} if judging is None else judging.unjudged(pool.pairs),
        reviewed=reviewed,
        sample=asked if asked is not None else len(pool.pairs) if judge is None else _SAMPLE,
        seed=seed,
        store=store,
        spent=run.spent if judging is None else judging.spent,
        systems=[*names, *models],
        notes=pool.notes,
    )


def check_judge(judge: Judge | None) -> None:
    """See that a judge says of each document by itself what it is worth.

    Raises:
        ConfigurationError: It does not.
    """
    what = "a rerank_kit.judge.LLMJudge or a rerank_kit.decide.DecisionReranker"
    check_instance("judge", judge, (LLMJudge, DecisionReranker, type(None)), what)
    if isinstance(judge, LLMJudge) and judge.mode == "listwise":
        msg = (
            "judge must be of mode 'filter' or 'grade', not 'listwise': an order says of no document whether it answers"
        )
        raise ConfigurationError(msg)
    if isinstance(judge, DecisionReranker) and judge.ask == "choice":
        msg = (
            "judge must ask 'yes-no' or 'score', not 'choice': a choice says of no document by itself what it is worth"
        )
        raise ConfigurationError(msg)


class Judging:
    """A judge at work."""

    def __init__(
        self,
        judge: Judge,
        store: LabelStore,
        progress: Callable[[Progress], None] | None,
        spent: float,
        most: float | None,
    ) -> None:
        self._judge, self._store, self._progress = judge, store, progress
        self._known_by = known_by(judge)
        self.name = judge.model or class_name(judge.chat if isinstance(judge, LLMJudge) else judge.decider)
        self.spent = spent
        self._most = math.inf if most is None else most
        self._grades: dict[str, tuple[int, str | None]] = {}
        self._problems: dict[str, str] = {}

    def planned(self, pairs: Sequence[Pair]) -> Plan:
        """What it will take to ask about what is not known yet."""
        todo = [(question, self._unknown(asked)) for question, asked in _by_question(pairs)]
        costs = [self._estimate(question, each) for question, left in todo for each in _parts(left)]
        known = [each for each in costs if each is not None]
        unknown = (self.name,) if len(known) < len(costs) else ()
        return Plan(math.fsum(known), unknown, 0.0, sum(len(left) for _, left in todo))

    def _estimate(self, question: str, pairs: Sequence[Pair]) -> float | None:
        return self._judge.estimate(question, [each.text for each in pairs]).cost

    def ask(self, pairs: Sequence[Pair]) -> None:
        """Have everything judged that is not known yet; where nothing can be judged at first, the rest is not asked.

        Raises:
            BudgetExceeded: The next documents would cost too much.
            RerankError: The judge raises.
        """
        whole = _by_question(pairs)
        for done, (question, asked) in enumerate(whole, 1):
            for each in _parts(self._unknown(asked)):
                if not self._grades and len(self._problems) >= _IN_VAIN:
                    return
                with self._store.turn():  # meanwhile another process may have asked
                    self._judged(question, self._unknown(each))
            if self._progress is not None:
                self._progress(Progress(self.name, done, len(whole), self.spent))

    def _unknown(self, pairs: Iterable[Pair]) -> list[Pair]:
        """Pairs with a text of which the judge has said nothing yet, each text once."""
        distinct = {each.key: each for each in pairs if not is_blank(each.text)}
        self._grades |= self._store.verdicts(self._known_by, distinct.values())
        return [each for key, each in distinct.items() if key not in self._grades]

    def _judged(self, question: str, pairs: Sequence[Pair]) -> None:
        if not pairs:
            return
        expected = self._estimate(question, pairs) or 0.0
        if self.spent + expected > self._most * ROUNDED:
            told = f"{dollars(self.spent)} were spent, and the next documents may cost {dollars(expected)}"
            raise stop(told, self._most, "labelled")
        documents = [Document(each.text) for each in pairs]
        asking = self._judge.judging if isinstance(self._judge, LLMJudge) else self._judge.deciding
        verdicts = run_flow(asking(question, documents))
        self.spent += expected if verdicts.span.cost is None else verdicts.span.cost
        said = dict(zip(pairs, verdicts.of_documents, strict=True))
        grades = {pair: (_grade(each), each.why) for pair, each in said.items() if isinstance(each, Verdict)}
        self._store.keep_verdicts(self._known_by, grades)
        self._grades |= {pair.key: given for pair, given in grades.items()}
        self._problems |= {pair.key: each for pair, each in said.items() if isinstance(each, str)}

    def labels(self, pairs: Iterable[Pair]) -> list[Label]:
        """What the judge says of all that it could judge."""
        return [Label(each, *self._grades[each.key]) for each in pairs if each.key in self._grades]

    def unjudged(self, pairs: Iterable[Pair]) -> dict[Pair, str]:
        """Why it could not judge the others."""
        given = [*self._problems.values()]
        rest = f"not asked, since the first {len(given)} could not be judged: {given[0]}" if given else ""
        return {
            each: _BLANK if is_blank(each.text) else self._problems.get(each.key, rest)
            for each in pairs
            if each.key not in self._grades
        }


def _parts(pairs: Sequence[Pair]) -> list[Sequence[Pair]]:
    return [pairs[begin : begin + _TOGETHER] for begin in range(0, len(pairs), _TOGETHER)]


def _by_question(pairs: Iterable[Pair]) -> list[tuple[str, list[Pair]]]:
    found: dict[str, list[Pair]] = {}
    for each in pairs:
        found.setdefault(each.question, []).append(each)
    return list(found.items())


def _grade(verdict: Verdict) -> int:
    """A verdict as a grade: what is worth less than half of the best is not relevant."""
    if verdict.score < _HALF or verdict.verdict == "no":
        return 0
    return max(1, int(verdict.verdict)) if verdict.verdict is not None and verdict.verdict.isdigit() else 1
