"""What a worker does with some rows: columns in, columns out, each result kept elsewhere as soon as it is there."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

from rerank_kit.cache import Cached
from rerank_kit.contextual import ChunkedDocument, Contextualizer
from rerank_kit.contextual.store import ContextStore
from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.judge_labels import Judging, check_judge
from rerank_kit.evaluate.label_store import Judge, LabelStore
from rerank_kit.evaluate.pooling import Pair
from rerank_kit.late import LateInteraction
from rerank_kit.late.vectors import Key
from rerank_kit.quoting import quoted
from rerank_kit.reranker import Reranker
from rerank_kit.scale.keeping import Asking, RowsElsewhere, ScoresElsewhere
from rerank_kit.scale.making import Making
from rerank_kit.texts import is_blank

_NO_QUERY = "it has no query"

Columns = dict[str, list[Any]]
"""The columns of some rows, by name."""


class Scoring:
    """Scores the pairs of some rows."""

    def __init__(self, making: Making[Reranker], asking: Asking) -> None:
        """Take what makes the reranker, and what asks the keeper."""
        self._making, self._store = making, ScoresElsewhere(asking)
        self._cached: Cached | None = None

    def __call__(self, columns: Columns) -> Columns:
        """The new column, for all rows together.

        Raises:
            RerankError: The reranker failed, or its scores cannot be kept.
        """
        if self._cached is None:
            made = self._making()
            given = made.reranker if isinstance(made, Cached) else made
            self._cached = Cached(given, self._store, fingerprint=made.fingerprint)
        queries, texts = _texts(columns, "query"), _texts(columns, "text")
        places: dict[str, list[int]] = {}
        for place, (query, text) in enumerate(zip(queries, texts, strict=True)):
            if not (is_blank(query) or is_blank(text)):
                places.setdefault(query, []).append(place)
        scores: list[float | None] = [None] * len(queries)
        asked = [[texts[place] for place in each] for each in places.values()]
        for own, ranking in zip(places.values(), self._cached.rerank_many(list(places), asked), strict=True):
            for hit in ranking.hits:
                scores[own[hit.index]] = hit.score
        if self._store.failure is not None:
            raise self._store.failure
        return {"relevance_score": scores}


class Warming:
    """Computes the token vectors of the texts of some rows, where they are not kept yet."""

    def __init__(self, making: Making[LateInteraction], asking: Asking) -> None:
        """Take what makes the reranker, and what asks the keeper."""
        self._making, self._asking = making, asking

    def __call__(self, columns: Columns) -> Columns:
        """The new column, for all rows together.

        Raises:
            RerankError: The model failed.
        """
        reranker = self._making()
        keys = [None if is_blank(each) else reranker.key(each) for each in _texts(columns, "text")]
        wanted = [each for each in dict.fromkeys(keys) if each is not None]
        counts: dict[Key, int] = dict(self._asking("ask", "counts", wanted)) if wanted else {}
        missing = [each for each in wanted if each not in counts]
        made = dict(zip(missing, reranker.vectors([text for _, text in missing]), strict=True))
        if made:
            self._asking("ask", "put", made)
        counts |= {key: vectors.rows for key, vectors in made.items()}
        return {"token_vectors": [None if each is None else counts[each] for each in keys]}


class Labelling:
    """Has a judge label the pairs of some rows."""

    def __init__(self, making: Making[Judge], asking: Asking) -> None:
        """Take what makes the judge, and what asks the keeper."""
        self._making, self._asking = making, asking
        self._store = cast("LabelStore", RowsElsewhere(asking))

    def __call__(self, columns: Columns) -> Columns:
        """The new columns, for all rows together.

        Raises:
            BudgetExceeded: It would cost more than it may.
            RerankError: The judge failed.
        """
        judge = self._making()
        check_judge(judge)
        given = zip(_texts(columns, "query"), _texts(columns, "text"), strict=True)
        rows = [Pair(query, str(place), query, text) for place, (query, text) in enumerate(given)]
        pairs = [each for each in rows if not is_blank(each.question)]
        judging = Judging(judge, self._store, None, 0.0, None)
        plan = judging.planned(pairs)
        with _paying(self._asking, None if plan.unknown else plan.cost) as bill:
            judging.ask(pairs)
            bill.append(judging.spent)
        grades = {each.pair: each for each in judging.labels(pairs)}
        problems = {**{each: _NO_QUERY for each in rows if is_blank(each.question)}, **judging.unjudged(pairs)}
        return {
            "grade": [grades[each].grade if each in grades else None for each in rows],
            "why": [grades[each].why if each in grades else None for each in rows],
            "problem": [problems.get(each) for each in rows],
        }


class Contextualizing:
    """Has contexts written for the documents of some rows."""

    def __init__(self, making: Making[Contextualizer], asking: Asking) -> None:
        """Take what makes the contextualizer, and what asks the keeper."""
        self._making, self._asking = making, asking
        self._store = cast("ContextStore", RowsElsewhere(asking))
        self._made: Contextualizer | None = None

    def __call__(self, columns: Columns) -> Columns:
        """The new columns, for all rows together.

        Raises:
            BudgetExceeded: It would cost more than it may.
            RerankError: The model failed.
        """
        if self._made is None:
            made = self._making()
            if made.settings.max_cost is not None:
                msg = f"max_cost={made.settings.max_cost} would hold for each batch alone: pass it to write_contexts"
                raise ConfigurationError(msg)
            self._made = made.kept_in(self._store)
        count = len(columns["text"])
        documents = [
            ChunkedDocument(text or "", [each or "" for each in chunks or ()], id=f"{place}", title=title or "")
            for place, (text, chunks, title) in enumerate(
                zip(columns["text"], columns["chunks"], columns.get("title") or [""] * count, strict=True)
            )
        ]
        with _paying(self._asking, self._made.expected_cost(documents)) as bill:
            found = self._made.contextualize(documents)
            bill.append(found.cost)
        return {
            "contexts": [[each.text for each in row] for row in found.rows],
            "problems": [[each.why for each in row] for row in found.rows],
        }


def _texts(columns: Columns, name: str) -> list[str]:
    """A column of texts; null is one with nothing in it.

    Raises:
        ConfigurationError: It holds something else.
    """
    for each in columns[name]:
        if not isinstance(each, str | None):
            msg = f"the column {name} must hold text, not {quoted(each)}: make it text before, as by rows.map(…)"
            raise ConfigurationError(msg)
    return [each or "" for each in columns[name]]


@contextmanager
def _paying(asking: Asking, expected: float | None) -> Generator[list[float | None]]:
    """Set aside what something may cost, and tell what it did: where that is not known, what was set aside."""
    asking("reserve", expected)
    aside, bill = expected or 0.0, list[float | None]()
    try:
        yield bill
    finally:
        paid = bill[0] if bill else None
        asking("settle", aside, aside if paid is None else paid)
