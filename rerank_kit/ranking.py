"""`Ranking`: the answer of a reranker."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any, TypeVar, overload

from rerank_kit.arguments import named
from rerank_kit.errors import ConfigurationError, MissingExtra
from rerank_kit.explanation import Explanation
from rerank_kit.quoting import quoted, whole
from rerank_kit.runs import falling
from rerank_kit.values import UNJUDGED, Document, Dropped, Hit, Span, Usage, finite, outermost, total_cost

T = TypeVar("T")

_SHOWN = 3  # hits in what `print` says of a ranking


@dataclass(frozen=True, slots=True, repr=False)
class Ranking:
    """The answer of a reranker: hits, best first. It has a length and can be looped over.

    Attributes:
        hits: Best first; equal scores are in the order of their logits, where there are any, and of the input.
        usage: What it took.
        spans: What each reranker involved did, inner ones first.
        failure: Why nothing was ranked, where a reranker keeps the documents all the same: what would have been an
            error. Whoever has something to fall back on takes it for one.
        ids: Those of the documents that were ranked, in the caller's order; empty where none has one.
        dropped: Documents that are not among the hits, and why, as far as it is known.
        answerable: How likely it is that any of the documents answers, from rerankers that can tell.
        abstained: Whether there are no hits because probably none of the documents answers.
    """

    hits: tuple[Hit, ...]
    usage: Usage = field(default_factory=Usage)
    spans: tuple[Span, ...] = ()
    failure: str | None = None
    ids: tuple[str | None, ...] = ()
    dropped: tuple[Dropped, ...] = field(default=(), compare=False)
    answerable: float | None = None
    abstained: bool = False

    @classmethod
    def by_score(cls, scores: Iterable[float], usage: Usage | None = None) -> Ranking:
        """Rank documents by their scores, one score for each in the order of the documents.

        Raises:
            InvalidResponse: A score is not a finite number.
        """
        hits = best_first(Hit(index, finite(score)) for index, score in enumerate(scores))
        return cls(hits, Usage() if usage is None else usage)

    @property
    def degraded(self) -> bool:
        """Whether any reranker involved did less than it was asked to; its span says what."""
        return self.failure is not None or any(span.outcome == "degraded" for span in self.spans)

    @property
    def problem(self) -> str | None:
        """What of it is not as it was asked for; `None` where all is."""
        return self.failure or (self.spans[-1].problem if self.degraded else None)

    @property
    def cost(self) -> float | None:
        """What it cost; `None` when that is not known of any part."""
        return total_cost(outermost(self.spans))

    @named
    def to_run(self, ids: Sequence[str | None] | None = None) -> dict[str, float]:
        """The hits as a run, for pytrec_eval, ir_measures, ranx and other tools: a score for each id.

        Those sort by score and break ties by id, in single precision. So the scores fall strictly, best first: each one
        that is not below the one before is moved there by the smallest step that such tools can tell.

        Args:
            ids: The ids of the documents that were ranked, in their order; by default those that the documents have.

        Raises:
            ConfigurationError: A hit has no id, or that of another one.
            InvalidResponse: A score is NaN.
        """
        return dict(zip(self._ids_of_hits(ids), falling([hit.score for hit in self.hits]), strict=True))

    def _ids_of_hits(self, given: Sequence[str | None] | None) -> list[str]:
        ids: Any = self.ids if given is None else given
        if given is None and self.hits and not ids:
            msg = "the documents have no ids: pass ids=, one for each of them, or rank Document(text, id=…)"
            raise ConfigurationError(msg)
        places: dict[str, int] = {}
        for index in (hit.index for hit in self.hits):
            if not _is_list(ids) or not 0 <= index < len(ids):
                msg = f"ids must be a list with one for each document, but {quoted(ids)} has none for [{index}]"
                raise ConfigurationError(msg)
            name = ids[index]
            if not isinstance(name, str):
                msg = f"the id of document [{index}] must be a str, as such tools want it, not {quoted(name)}"
                raise ConfigurationError(msg)
            if places.setdefault(name, index) != index:
                msg = f"documents [{places[name]}] and [{index}] have the same id {quoted(name)}: each needs its own"
                raise ConfigurationError(msg)
        return list(places)

    @named
    def explain(
        self, documents: Sequence[Document | str] | None = None, *, places: Sequence[int] | None = None
    ) -> Explanation:
        """A table of where each document came from and why it is there or not: `print(ranking.explain(documents))`.

        Args:
            documents: What was ranked; with it the table shows how each text begins.
            places: Where what was ranked stands among `documents`, if these are what there was before some were merged;
                the table then shows the order before beside the new one.
        """
        if documents is not None:
            documents = self._texts(documents) if places is None else list(map(_text, documents))
        told = self.hits, self.spans, self.dropped, documents
        return Explanation.of(*told, scored=self.failure is None, places=places, before=places is not None)

    def cut(self, top_n: int | None, threshold: float | None, blank: Container[int] = ()) -> Ranking:
        """The hits that pass, with the others among `dropped`.

        Args:
            top_n: How many may pass at most; `None` is all.
            threshold: The lowest score that passes; `None` is none. What was not judged has no score, and passes.
            blank: The indexes of documents without text, which reach no threshold.
        """
        passing: list[Hit] = []
        dropped: list[Dropped] = []
        scored = self.failure is None
        threshold = threshold if scored else None  # what was not ranked has no score that it could be for
        for hit in self.hits:
            if threshold is not None and hit.index in blank:
                dropped.append(Dropped(hit.index, "it has no text"))
            elif threshold is not None and hit.verdict != UNJUDGED and hit.score < threshold:
                dropped.append(Dropped(hit.index, f"its score is below threshold={threshold:g}", hit.score))
            elif top_n is not None and len(passing) == top_n:
                dropped.append(Dropped(hit.index, f"not among the best, top_n={top_n}", hit.score if scored else None))
            else:
                passing.append(hit)
        return replace(self, hits=tuple(passing), dropped=(*dropped, *self.dropped))

    def _texts(self, documents: Sequence[Any]) -> list[str]:
        """The texts of the documents that were ranked.

        Raises:
            ConfigurationError: These are none, or fewer.
        """
        indexes = [*(hit.index for hit in self.hits), *(each.index for each in self.dropped)]
        needed = max(indexes, default=-1) + 1
        if not _is_list(documents) or len(documents) < needed:
            msg = f"documents must be the list that was ranked, with {needed} or more, not {quoted(documents)}"
            raise ConfigurationError(msg)
        return [_text(each) for each in documents]

    @named
    def records(self, documents: Sequence[Document | str] | None = None) -> list[dict[str, Any]]:
        """The hits as rows: rank from 1, index, id, score, logit, why, verdict, passage, each where there is one.

        Args:
            documents: What was ranked; with it each row has the text, too.
        """
        texts = None if documents is None else self._texts(documents)
        columns = ["why", "verdict", "logit", "passage"]
        shown = [name for name in columns if any(getattr(hit, name) is not None for hit in self)]
        rows: list[dict[str, Any]] = []
        for rank, hit in enumerate(self, start=1):
            row: dict[str, Any] = {"rank": rank, "index": hit.index}
            row |= {"id": self.ids[hit.index]} if hit.index < len(self.ids) else {}
            row |= {"score": hit.score, **{name: getattr(hit, name) for name in shown}}
            row |= {"text": texts[hit.index]} if texts is not None else {}
            rows.append(row)
        return rows

    @named
    def to_pandas(self, documents: Sequence[Document | str] | None = None) -> Any:
        """The rows of `records` as a pandas DataFrame.

        Raises:
            MissingExtra: pandas is not installed.
        """
        try:
            pandas = import_module("pandas")
        except ImportError as error:
            msg = "to_pandas() needs the package pandas: pip install pandas"
            raise MissingExtra(msg) from error
        return pandas.DataFrame(self.records(documents))

    @whole
    def __repr__(self) -> str:
        """Say in a line what came out, the best of it, and what it took."""
        best = ", ".join(f"[{hit.index}] {hit.score:.4g}" for hit in self.hits[:_SHOWN])
        more = ", …" if len(self) > _SHOWN else ""
        took = "".join(f", {span.backend} in {span.seconds:.3f} s" for span in self.spans[-1:])
        problem = "" if self.problem is None else f", degraded: {self.problem}"
        count = f"{len(self)} hit{'' if len(self) == 1 else 's'}"
        return f"<Ranking: {count}{': ' if best else ''}{best}{more}{took}, {self.usage!r}{problem}>"

    def _repr_html_(self) -> str:
        """The table, where a notebook shows it."""
        return self.explain().to_html()

    @named
    def pick(self, documents: Sequence[T]) -> list[T]:
        """Return the caller's own objects in ranked order: `ranking.pick(documents)`."""
        return [documents[hit.index] for hit in self.hits]

    def __len__(self) -> int:
        """The number of hits."""
        return len(self.hits)

    @overload
    def __getitem__(self, place: int) -> Hit: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Hit, ...]: ...

    def __getitem__(self, place: int | slice) -> Hit | tuple[Hit, ...]:
        """The hit at a place, from 0 for the best; several for a slice."""
        return self.hits[place]

    def __iter__(self) -> Iterator[Hit]:
        """Loop over the hits, best first."""
        return iter(self.hits)


def _text(document: Any) -> str:
    text = document if isinstance(document, str) else getattr(document, "text", None)
    if not isinstance(text, str):
        msg = f"documents must be those that were ranked, texts or rerank_kit.Documents, not {quoted(document)}"
        raise ConfigurationError(msg)
    return text


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def likeliest(answers: Iterable[float | None], enough: float = 1.0) -> float | None:
    """The highest of several probabilities that something answers.

    Where one of them is not known, the highest of the others is the least that it can be: `None`, unless that is
    enough.
    """
    given = list(answers)
    known = [each for each in given if each is not None]
    best = max(known, default=None)
    return best if best is None or len(known) == len(given) or best >= enough else None


def best_first(hits: Iterable[Hit]) -> tuple[Hit, ...]:
    """Hits by score; those of the same score by logit, and then as they come. Behind them what could not be judged."""
    return tuple(sorted(hits, key=lambda hit: (hit.verdict != UNJUDGED, height(hit.score, hit.logit)), reverse=True))


def height(score: float, logit: float | None) -> tuple[float, float]:
    """What to compare, the higher the better: a logit tells scores apart that the sigmoid made the same."""
    return score, 0.0 if logit is None else logit
