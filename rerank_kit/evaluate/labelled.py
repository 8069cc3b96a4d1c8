"""`Labels`: what a judge and a person say, how far they agree, and the dataset that follows from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rerank_kit.checks import check_flag, check_whole
from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.dataset import Dataset, some
from rerank_kit.evaluate.kappa import Agreement, PoolSizes
from rerank_kit.evaluate.kinship import kin
from rerank_kit.evaluate.label_sheet import add_to_sheet, read_sheet, write_sheet
from rerank_kit.evaluate.label_store import LabelStore
from rerank_kit.evaluate.origin import PERSON
from rerank_kit.evaluate.pooling import Pair, drawn
from rerank_kit.texts import counted, in_a_line

LEAST = 20
"""Pairs that a person has to review before a judge's labels are handed out."""

_LISTED, _LINE = 20, 100  # questions that are listed, and characters of one


@dataclass(frozen=True, slots=True)
class Label:
    """What a judge says of a pair.

    Attributes:
        pair: The query and the document.
        grade: 0 is not relevant, higher is better.
        why: The judge's reason.
    """

    pair: Pair
    grade: int
    why: str | None = None


class Labels:
    """Labels of a judge, a sample that a person labels without seeing them, and how far both agree.

    Attributes:
        data: The dataset as it was.
        judge: The judge's name; `None` where there is only a person.
        pairs: What systems rank high and nobody had labelled.
        given: What the judge says; a person's labels go before it.
        unjudged: Why the judge could not judge the others. They stay unlabelled.
        sample: The pairs for a person, in an order that says nothing of what the judge made of them.
        spent: What was paid in this run, in US dollars, as far as it is known.
    """

    def __init__(
        self,
        data: Dataset,
        pairs: Sequence[Pair],
        given: Sequence[Label] | None,
        *,
        judge: str | None,
        unjudged: Mapping[Pair, str],
        reviewed: Mapping[str, int],
        sample: int,
        seed: int,
        store: str | Path | None,
        spent: float,
        systems: Sequence[str],
        notes: Sequence[str],
    ) -> None:
        """Take what `label` found out."""
        self.data, self.pairs, self.judge, self.unjudged = data, tuple(pairs), judge, unjudged
        self.given = tuple(given or ())
        relevant = {each.pair.key for each in self.given if each.grade > 0}
        asked = self.pairs if given is None else [each.pair for each in self.given]
        self.sample = drawn(
            (each for each in asked if each.key in relevant),
            (each for each in asked if each.key not in relevant),
            sample,
            seed,
        )
        self.spent = spent
        self._store, self._systems, self._notes = store, systems, list(notes)
        self._reviewed = dict(reviewed)
        self._by_id = {(each.query, each.document): each for each in self.pairs}

    @property
    def reviewed(self) -> Mapping[str, int]:
        """What the person says, by the keys of the pairs."""
        return self._reviewed

    @property
    def remaining(self) -> list[Pair]:
        """The part of the sample that the person has not labelled yet."""
        return [each for each in self.sample if each.key not in self._reviewed]

    @property
    def agreement(self) -> Agreement:
        """How far judge and person agree, weighted from the pairs that both labelled to all that the judge labelled."""
        judged = {each.pair.key: each.grade > 0 for each in self.given}
        both = ((judged[key], grade > 0) for key, grade in self._reviewed.items() if key in judged)
        relevant = sum(judged.values())
        return Agreement.of(both, PoolSizes(relevant, len(judged) - relevant))

    def keep(self, grades: Mapping[Pair, int | None]) -> None:
        """Keep what a person says; `None` takes it back.

        Raises:
            ConfigurationError: The store cannot be written.
        """
        for pair, grade in grades.items():
            if (pair.query, pair.document) not in self._by_id:
                self._by_id[pair.query, pair.document] = pair
            if grade is None:
                self._reviewed.pop(pair.key, None)
            else:
                self._reviewed[pair.key] = grade
        if self._store is not None:
            store = LabelStore(self._store)
            try:
                store.keep_of_person({pair.key: grade for pair, grade in grades.items()})
            finally:
                store.close()

    def write_sheet(self, path: str | Path) -> Path:
        """Write the sample as a table for a person, who fills in the column `grade`; what is known stands there.

        Raises:
            ConfigurationError: There is such a file, which may have labels in it, or it cannot be written.
        """
        return write_sheet(Path(path), [(each, self._reviewed.get(each.key)) for each in self.sample])

    def add_to_sheet(self, path: str | Path) -> int:
        """Put what the sample has and such a table has not behind its rows, and return how many pairs that are.

        Raises:
            ConfigurationError: There is no such table, or it cannot be written.
        """
        return add_to_sheet(path, [(each, self._reviewed.get(each.key)) for each in self.sample])

    def read_sheet(self, path: str | Path) -> int:
        """Read a table that a person filled in, and return how many labels are in it. Rows of one's own are taken too.

        Raises:
            ConfigurationError: There is no such query or document, a grade is none, or a pair has two.
        """
        grades = read_sheet(path, self._by_id, self.data)
        changed = [each for each, grade in grades.items() if self._reviewed.get(each.key, grade) != grade]
        if changed:
            told = some([f"{each.query}: {each.document}" for each in changed])
            self._notes.append(f"{counted(len(changed), 'label')} changed by {path}, the newer one counts: {told}")
        self.keep(dict(grades))
        return len(grades)

    @property
    def failure(self) -> str | None:
        """Why there is not one label where a judge was asked, in a sentence; `None` where there are some."""
        if self.judge is None or self.given or not self.unjudged:
            return None
        return f"{self.judge} labelled none of {counted(len(self.pairs), 'pair')}: {self._most_common_problem()}"

    def _most_common_problem(self) -> str:
        ((reason, count),) = Counter(self.unjudged.values()).most_common(1)
        return f"{reason} ({count})"

    @property
    def notes(self) -> list[str]:
        """What there is to know about the labels, in sentences."""
        found = [*self._notes]
        if self.unjudged:
            number = f"{len(self.unjudged):,} of {counted(len(self.pairs), 'pair')}"
            found.append(f"{number} could not be judged, and stay unlabelled: {self._most_common_problem()}")
        related = None if self.judge is None else kin([self.judge], self._systems)
        found += [] if related is None else [related]
        apart = self._contradictions()
        if apart:
            told = some([f"{one.query}: {one.document} and {other.document}" for one, other in apart])
            found.append(f"{counted(len(apart), 'pair')} of documents with the same words labelled differently: {told}")
        if self.judge is not None:
            found.append(f"labels of {self.judge}: {self.agreement}")
        return found

    def _contradictions(self) -> list[tuple[Pair, Pair]]:
        """Documents that a person called relevant and not relevant to one query, though they have the same words."""
        known: dict[tuple[str, str], Pair] = {}
        found: list[tuple[Pair, Pair]] = []
        for pair in self._by_id.values():
            if pair.key in self._reviewed:
                words = pair.question, " ".join(pair.text.casefold().split())
                first = known.setdefault(words, pair)
                if (self._reviewed[first.key] > 0) != (self._reviewed[pair.key] > 0):
                    found.append((first, pair))
        return found

    def dataset(self, *, unreviewed: bool = False, least: int = LEAST) -> Dataset:
        """The dataset with all labels. `labelled_by` says whose each is; where a person labelled, that counts.

        What nobody judged has no label, and is not taken for irrelevant.

        Args:
            unreviewed: Hand out the judge's labels whoever reviewed them.
            least: How many pairs a person has to have labelled too; where there are fewer, all of them.

        Raises:
            ConfigurationError: A person has not reviewed as many, or there is no label at all.
        """
        check_flag("unreviewed", unreviewed)
        needed = min(check_whole("least", least, least=0), len({each.pair.key for each in self.given}))
        done = self.agreement.pairs
        if done < needed and not unreviewed:
            msg = (
                f"a person has reviewed {done} of the {needed} pairs that are needed to know how far {self.judge} can "
                "be trusted: label the rest of the sample, or pass unreviewed=True to go without"
            )
            raise ConfigurationError(msg)
        if not (self.given or self._reviewed or any(self.data.judgements.values())):
            msg = self.failure or "there is not one label yet: label the sample, or have a judge label"
            raise ConfigurationError(msg)
        return replace(self._with_labels(), notes=(*self.data.notes, *self.notes))

    def _with_labels(self) -> Dataset:
        judgements = {query: dict(grades) for query, grades in self.data.judgements.items()}
        labelled_by = {query: dict(who) for query, who in self.data.labelled_by.items()}
        for pair, grade, who in self._all(str(self.judge)):
            judgements.setdefault(pair.query, {})[pair.document] = grade
            labelled_by.setdefault(pair.query, {})[pair.document] = who
        return replace(self.data, judgements=judgements, labelled_by=labelled_by)

    @property
    def unfound(self) -> dict[str, str]:
        """The queries, by id, that are left without a relevant document: no system found one among what was labelled.

        Those of which the sample still has pairs to label are not among them.
        """
        open_ones = {each.query for each in self.remaining}
        return {query: self.data.queries[query] for query in self._with_labels().unfound() if query not in open_ones}

    def _all(self, judge: str) -> Iterable[tuple[Pair, int, str]]:
        yield from ((each.pair, each.grade, judge) for each in self.given)
        for pair in self._by_id.values():
            if pair.key in self._reviewed:
                yield pair, self._reviewed[pair.key], PERSON

    def to_dict(self) -> dict[str, Any]:
        """What came of it, as plain values for JSON."""
        return {
            "dataset": self.data.name,
            "judge": self.judge,
            "pairs": len(self.pairs),
            "labelled": len(self.given),
            "relevant": sum(each.grade > 0 for each in self.given),
            "unjudged": len(self.unjudged),
            "sample": len(self.sample),
            "remaining": len(self.remaining),
            "reviewed": len(self._reviewed),
            "agreement": self.agreement.to_dict(),
            "unfound": self.unfound,
            "spent": self.spent,
            "notes": self.notes,
        }

    def __str__(self) -> str:
        """In lines."""
        relevant = sum(each.grade > 0 for each in self.given)
        first = f"{self.data.name}: {counted(len(self.pairs), 'pair')} of query and document that had no label"
        who = f"{self.judge} labelled {len(self.given):,} of them, {relevant:,} as relevant"
        done = f"a person labelled {len(self._reviewed):,}, and {len(self.remaining):,} of the sample remain"
        return "\n".join([first, *([] if self.judge is None else [who]), done, *self.notes, *self._told_of_unfound()])

    def _told_of_unfound(self) -> list[str]:
        """Which queries are left without a relevant document, a line each."""
        unfound = self.unfound
        if not unfound:
            return []
        number = counted(len(unfound), "question is", "questions are")
        first = f"{number} left without a relevant document. Evaluations leave out such. Where a document answers one,"
        rest = len(unfound) - _LISTED
        shown = [f"  {query}: {in_a_line(text)[:_LINE]}" for query, text in list(unfound.items())[:_LISTED]]
        return [f"{first} name the system that finds it too:", *shown, *([f"  and {rest:,} more"] if rest > 0 else [])]
