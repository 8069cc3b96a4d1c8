"""`Dataset`: texts, queries, and which texts answer which query."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar, cast

from rerank_kit.checks import check_text, check_whole
from rerank_kit.errors import ConfigurationError
from rerank_kit.quoting import quoted
from rerank_kit.texts import counted, is_blank

V = TypeVar("V")

Judgements = Mapping[str, Mapping[str, int]]
"""For each query's id, documents' ids with their grades: 0 is judged not relevant, higher is better."""

_SHOWN = 5  # ids in a sentence

_GRADES = 1000  # no scale has as many, and trec_eval's counters end at some number


def some(ids: Collection[str]) -> str:
    """The first few of some ids, as a sentence names them."""
    shown = ", ".join(quoted(each) for each in list(ids)[:_SHOWN])
    return f"{shown} …" if len(ids) > _SHOWN else shown


@dataclass(frozen=True, repr=False)
class Dataset:
    """What systems are measured on. It is checked as it is made, and never changed.

    Attributes:
        name: What tables call it.
        queries: Their texts, by id, in the order of the source.
        judgements: Which documents answer each query.
        documents: All texts that can be found, by id; empty where only a retriever knows them.
        candidates: What a first stage brought for each query, best first, where the dataset has it.
        quotes: For queries whose labels are quotations, the texts that a relevant document has to hold. They are
            resolved against the documents that systems bring, so that they hold whatever the chunks are. What they come
            to among `documents` is in `judgements` already.
        notes: What was left out, mended or guessed while reading, for the report.
        labelled_by: For judgements of which it is known, who gave them: `"a person"`, or the name of a judge.
        synthetic: The model that wrote the queries, where no user did: such queries flatter.

    Raises:
        ConfigurationError: There is no query; one is blank; a label is of a query that there is not; a grade is no
            whole number of at least 0; a candidate has no text among the documents, or comes twice.
    """

    name: str
    queries: Mapping[str, str]
    judgements: Judgements
    documents: Mapping[str, str] = field(default_factory=dict[str, str])
    candidates: Mapping[str, Sequence[str]] | None = None
    quotes: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    notes: tuple[str, ...] = ()
    labelled_by: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    synthetic: str | None = None

    def __post_init__(self) -> None:
        check_text("name", self.name)
        for name in ("queries", "documents"):
            _check_texts(name, getattr(self, name))
        _check_queries(self.queries)
        for name in ("judgements", "candidates", "quotes", "labelled_by"):
            _check_known(name, getattr(self, name), self.queries)
        for query, grades in self.judgements.items():
            _check_grades(query, grades)
        for query, found in (self.candidates or {}).items():
            _check_candidates(query, found, self.documents)
        for query, quotes in self.quotes.items():
            _check_quotes(query, quotes)

    def __repr__(self) -> str:
        """Its size, in a line."""
        judged = sum(map(len, self.judgements.values()))
        parts = [
            counted(len(self.queries), "query", "queries"),
            counted(len(self.documents), "document") if self.documents else "documents known to a retriever alone",
            counted(judged, "judgement"),
        ]
        if self.quotes:
            parts.append(counted(sum(map(len, self.quotes.values())), "quote"))
        if self.candidates is not None:
            parts.append("with candidates")
        return f"Dataset({self.name!r}: {', '.join(parts)})"

    def relevant(self, query: str) -> dict[str, int]:
        """The documents that answer a query, with their grades; those judged 0 are not among them."""
        return {each: grade for each, grade in self.judgements.get(query, {}).items() if grade > 0}

    def unanswered(self) -> list[str]:
        """The queries that no document and no quote answers."""
        return [query for query in self.queries if not (self.quotes.get(query) or self.relevant(query))]

    def without_relevant(self) -> list[str]:
        """The queries of which labels say that nothing answers them, be it that they name no document at all.

        Those of `unfound` are not among them.
        """
        return [query for query in self.unanswered() if query in self.judgements and not self.labelled_by.get(query)]

    def unfound(self) -> list[str]:
        """The queries for which `label` had what systems found labelled, and none of it is relevant.

        Whether another document answers them is not known.
        """
        return [query for query in self.unanswered() if self.labelled_by.get(query)]

    def pooled(self) -> bool:
        """Whether its labels are of what systems found, as those of `label`; then others that answer have none."""
        by = self.labelled_by.items()
        return any(self.judgements.get(query, {}).get(each) == 0 for query, who in by for each in who)

    def labelled(self) -> Dataset:
        """The dataset without the queries of which no label says anything. A note says which they were.

        Raises:
            ConfigurationError: No query has a relevant document.
        """
        self.answerable()
        left_out = [query for query in self.unanswered() if query not in self.judgements]
        gone = set(left_out)
        number = counted(len(left_out), "query", "queries")
        kept = [query for query in self.queries if query not in gone]
        return self._of(kept, f"{number} without a label left out: {some(left_out)}") if gone else self

    def answerable(self) -> Dataset:
        """The dataset without the queries that no document and no quote answers: no measure can be had of them.

        A note says which they were.

        Raises:
            ConfigurationError: None is left.
        """
        left_out = self.unanswered()
        gone = set(left_out)
        kept = [query for query in self.queries if query not in gone]
        if not left_out:
            return self
        if not kept:
            msg = (
                f"{self.name}: no query has a relevant document ({some(left_out)}): label at least one, with the id of "
                "a document or with a quote from it"
            )
            raise ConfigurationError(msg)
        number = counted(len(left_out), "query", "queries")
        note = f"{number} without a relevant document left out of the measures: {some(left_out)}"
        if unfound := len(self.unfound()):
            note += f". Of {unfound:,}, only what systems found was labelled: another document may answer them"
        return self._of(kept, note)

    def sampled(self, n: int, seed: int = 0) -> Dataset:
        """The dataset with so many of its queries, drawn at random, in the order of the source. Documents all stay.

        Args:
            n: How many; where there are no more than that, all of them.
            seed: The same seed draws the same queries.

        Raises:
            ConfigurationError: `n` is less than 1, or the seed is no whole number.
        """
        n, seed = check_whole("n", n), check_whole("seed", seed, least=0)
        if n >= len(self.queries):
            return self
        drawn = set(random.Random(seed).sample(list(self.queries), n))  # noqa: S311 - to be reproduced, not secret
        note = f"{n:,} of {len(self.queries):,} queries, drawn at random with seed {seed}"
        return self._of([query for query in self.queries if query in drawn], note)

    def and_also(self, whole: Dataset, seed: int, *, unfound: bool = False) -> Dataset:
        """This part of a dataset, and of those of its queries that nothing answers as large a part.

        Args:
            whole: The dataset.
            seed: The same seed draws the same queries.
            unfound: Whether those of `unfound` count as such.
        """
        others = [*whole.without_relevant(), *(whole.unfound() if unfound else [])]
        answered = len(whole.queries) - len(whole.unanswered())
        count = round(len(others) * len(self.queries) / answered)
        drawn = set(random.Random(seed).sample(others, count))  # noqa: S311 - to be reproduced, not secret
        return whole._of(
            [query for query in whole.queries if query in self.queries or query in drawn],
            "with queries that nothing answers",
        )

    def _of(self, queries: Sequence[str], note: str) -> Dataset:
        """The part of it that belongs to some queries."""

        def part(whole: Mapping[str, V]) -> dict[str, V]:
            return {query: whole[query] for query in queries if query in whole}

        return replace(
            self,
            queries=part(self.queries),
            judgements=part(self.judgements),
            candidates=None if self.candidates is None else part(self.candidates),
            quotes=part(self.quotes),
            labelled_by=part(self.labelled_by),
            notes=(*self.notes, note),
        )


def _check_texts(name: str, texts: object) -> None:
    if not isinstance(texts, Mapping):
        msg = f"{name} must be a mapping from ids to texts, not {quoted(texts)}"
        raise ConfigurationError(msg)
    for each, text in cast("Mapping[object, object]", texts).items():
        if not isinstance(each, str) or not isinstance(text, str):
            msg = f"{name} must be a mapping from ids to texts, both str, and has {quoted(each)}: {quoted(text)}"
            raise ConfigurationError(msg)


def _check_queries(queries: Mapping[str, str]) -> None:
    if not queries:
        msg = "queries is empty: an evaluation needs at least one query"
        raise ConfigurationError(msg)
    blank = [query for query, text in queries.items() if is_blank(text)]
    if blank:
        msg = f"queries[{quoted(blank[0])}] has nothing in it: write the question, or take it out"
        raise ConfigurationError(msg)


def _check_known(name: str, by_query: object, queries: Mapping[str, str]) -> None:
    """Refuse what is no mapping by query, and what belongs to a query that there is not."""
    if by_query is None and name == "candidates":
        return
    if not isinstance(by_query, Mapping):
        msg = f"{name} must be a mapping from ids of queries, not {quoted(by_query)}"
        raise ConfigurationError(msg)
    unknown = [str(query) for query in cast("Mapping[object, object]", by_query) if query not in queries]
    if unknown:
        msg = f"{name} has {some(unknown)}, and queries has no such id: add the query, or take its {name} out"
        raise ConfigurationError(msg)


def _check_grades(query: str, grades: object) -> None:
    if not isinstance(grades, Mapping):
        msg = f"judgements[{quoted(query)}] must be a mapping from ids of documents to grades, not {quoted(grades)}"
        raise ConfigurationError(msg)
    for document, grade in cast("Mapping[object, object]", grades).items():
        whole = isinstance(grade, int) and not isinstance(grade, bool)
        if not isinstance(document, str) or not whole or not 0 <= cast("int", grade) <= _GRADES:
            msg = (
                f"judgements[{quoted(query)}] has {quoted(document)}: {quoted(grade)}; a document's id must be a str, "
                f"and its grade a whole number from 0 to {_GRADES:,}"
            )
            raise ConfigurationError(msg)


def _check_candidates(query: str, found: object, documents: Mapping[str, str]) -> None:
    where = f"candidates[{quoted(query)}]"
    if isinstance(found, str) or not isinstance(found, Sequence):
        msg = f"{where} must be a list of documents' ids, best first, not {quoted(found)}"
        raise ConfigurationError(msg)
    ids = cast("Sequence[str]", found)
    missing = [str(each) for each in ids if not isinstance(each, str) or each not in documents]
    if missing:
        msg = f"{where} has {some(missing)}, which have no text in documents: add it, or take them out"
        raise ConfigurationError(msg)
    twice = [each for each, times in Counter(ids).items() if times > 1]
    if twice:
        msg = f"{where} has {some(twice)} more than once: name each document once, at its best place"
        raise ConfigurationError(msg)


def _check_quotes(query: str, quotes: object) -> None:
    listed = _items(quotes)
    if not listed or not all(isinstance(each, str) and not is_blank(each) for each in listed):
        msg = f"quotes[{quoted(query)}] must be a list of texts with something in them, not {quoted(quotes)}"
        raise ConfigurationError(msg)


def _items(value: object) -> Sequence[object]:
    """What is in a list; nothing of what is no list."""
    return () if isinstance(value, str) or not isinstance(value, Sequence) else cast("Sequence[object]", value)
