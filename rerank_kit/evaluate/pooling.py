"""The pairs of query and document that are to be labelled: what systems rank high, and nobody has labelled yet."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rerank_kit.evaluate.dataset import Dataset
from rerank_kit.evaluate.outcomes import Outcome, said_of_failures
from rerank_kit.evaluate.running import Run
from rerank_kit.evaluate.store import key_of


@dataclass(frozen=True, slots=True)
class Pair:
    """A query and a document.

    Attributes:
        query: The query's id.
        document: The document's id.
        question: The query.
        text: The document.
    """

    query: str
    document: str
    question: str
    text: str

    @property
    def key(self) -> str:
        """By which it is known: its texts, whatever its ids."""
        return key_of("pair", self.question, self.text)


@dataclass(frozen=True)
class Pool:
    """What is to be labelled.

    Attributes:
        pairs: In the order of the queries.
        labelled: How many of the documents that systems rank high were labelled already.
        notes: What systems failed at.
    """

    pairs: tuple[Pair, ...]
    labelled: int
    notes: tuple[str, ...]


def pooled(run: Run, data: Dataset, depth: int) -> Pool:
    """The first so many documents of each system for each query, each pair once, without those labelled already."""
    outcomes = {system.name: run.ran(system) for system in run.in_order()}
    pairs: list[Pair] = []
    labelled = 0
    for query, question in data.queries.items():
        texts = _best([found[query] for found in outcomes.values()], depth)
        known = data.judgements.get(query, {})
        labelled += sum(each in known for each in texts)
        pairs += [Pair(query, each, question, text) for each, text in texts.items() if each not in known]
    return Pool(tuple(pairs), labelled, tuple(_failed(outcomes)))


def _best(found: Iterable[Outcome], depth: int) -> dict[str, str]:
    """The texts, by id, of the best of what several systems found."""
    texts: dict[str, str] = {}
    for outcome in found:
        for place in outcome.order[:depth]:
            each = outcome.candidates[place]
            texts.setdefault(each.id, each.shown)
    return texts


def _failed(outcomes: Mapping[str, Mapping[str, Outcome]]) -> Iterable[str]:
    for name, found in outcomes.items():
        problems = [each.problem for each in found.values() if each.problem is not None]
        if problems:
            yield said_of_failures(name, problems, len(found))


def drawn(relevant: Iterable[Pair], others: Iterable[Pair], count: int, seed: int) -> tuple[Pair, ...]:
    """A sample of pairs for a person, in an order that says nothing of what the judge made of them.

    Both kinds are there in proportion, and no less than a fifth of the sample is of the rarer one, as far as there are
    such. With more pairs, those that were drawn before are likely to be drawn again.
    """
    kinds = [_shuffled(each, seed) for each in (relevant, others)]
    whole = sum(map(len, kinds))
    if not whole:
        return ()
    least = -(-count // 5)
    share = round(count * len(kinds[0]) / whole)
    first = min(max(share, least, count - len(kinds[1])), len(kinds[0]), max(count - min(least, len(kinds[1])), 0))
    return tuple(_shuffled([*kinds[0][:first], *kinds[1][: count - first]], seed))


def _shuffled(pairs: Iterable[Pair], seed: int) -> list[Pair]:
    """Pairs in an order drawn by a seed, each once, whatever its ids."""
    distinct = {each.key: each for each in reversed(list(pairs))}
    order = sorted(distinct, key=lambda key: chance(seed, key))
    return [distinct[key] for key in order]


def chance(seed: int, name: str) -> bytes:
    """By what names are put in order to draw some: for a seed the same again, whatever the other names are."""
    return hashlib.sha256(f"{seed} {name}".encode("utf-8", "replace")).digest()
