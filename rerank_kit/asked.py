"""A request as a reranker gets it, and the check of what it answers, whoever wrote it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import index as whole_number
from typing import Any

from rerank_kit.errors import ConfigurationError, InvalidResponse
from rerank_kit.quoting import class_name, quoted
from rerank_kit.ranking import Ranking
from rerank_kit.texts import encodable, is_blank
from rerank_kit.values import Document, Dropped, Hit, Usage, finite

_NO_SCORES = (Mapping, set, frozenset, str, bytes, Ranking)


@dataclass(frozen=True, slots=True)
class Asked:
    """A checked request: the documents that are sent, and where each stood among the caller's."""

    query: str
    documents: list[Document]
    places: list[int]
    empty: list[int]
    ids: tuple[str | None, ...]

    @classmethod
    def of(cls, query: str, documents: list[Document], *, text: bool) -> Asked:
        """Leave out the documents without text, unless they are judged all the same."""
        places: list[int] = []
        empty: list[int] = []
        for index, document in enumerate(documents):
            (empty if text and is_blank(document.text) else places).append(index)
        ids = tuple(each.id for each in documents)
        known = ids if any(each is not None for each in ids) else ()
        return cls(query, [_readable(documents[index]) for index in places], places, empty, known)

    @property
    def total(self) -> int:
        """How many documents the caller passed."""
        return len(self.places) + len(self.empty)

    def complete(self, answer: Ranking) -> Ranking:
        """Check the answer, point its hits at the caller's documents, and put the empty ones last.

        Where no document passes that has text, none without does.
        """
        hits: list[Hit] = []
        seen: set[int] = set()
        for hit in answer.hits:
            place = _place(hit)
            if not 0 <= place < len(self.documents) or place in seen:
                fault = "twice" if place in seen else f"of {len(self.documents)} documents"
                msg = f"the reranker answered with index {place} {fault}: each must be in range and come once"
                raise InvalidResponse(msg)
            seen.add(place)
            _check_said(hit)
            hits.append(replace(hit, index=self.places[place], score=finite(hit.score)))
        lowest = min((hit.score for hit in hits), default=0.0)
        if hits or not self.places:
            hits.extend(Hit(index, min(lowest, 0.0)) for index in self.empty)
        spans = tuple(span.at(self.places) for span in answer.spans) if self.empty else answer.spans
        usage = answer.usage + Usage(empty=len(self.empty))
        dropped = [replace(each, index=self.places[each.index]) for each in self._dropped(answer, seen)]
        dropped += [Dropped(index, "it has no text") for index in self.empty if not hits]
        return replace(answer, hits=tuple(hits), usage=usage, spans=spans, dropped=tuple(dropped))

    def _dropped(self, answer: Ranking, hits: set[int]) -> list[Dropped]:
        """What an answer tells of documents that are not among its hits."""
        for each in answer.dropped:
            told: object = each
            if not isinstance(told, Dropped) or _place(told) not in range(len(self.documents)):
                msg = f"a ranking dropped {quoted(told)}: it must be a Dropped(index, why), of one of its documents"
                raise ConfigurationError(msg)
        return [each for each in answer.dropped if each.index not in hits]

    def cut(self, ranking: Ranking, top_n: int | None, threshold: float | None, *, blanks: bool) -> Ranking:
        """What passes, and the ids; documents without text reach a threshold only where these are judged."""
        blank = set(self.empty)
        if threshold is not None and not blanks:
            blank |= {place for place, each in zip(self.places, self.documents, strict=True) if is_blank(each.text)}
        return replace(ranking.cut(top_n, threshold, blank), ids=self.ids)


def _readable(document: Document) -> Document:
    """The document, with a text that every back end can take and in which places stay where they are."""
    text = encodable(document.text)
    return document if text is document.text else replace(document, text=text)


def completed(asked: Sequence[Asked], answers: Sequence[Any], whose: str) -> list[Ranking]:
    """The checked answers; a request in which no document has text was never sent and needs none.

    Args:
        asked: The requests.
        answers: A ranking for each of them that was sent.
        whose: The reranker's class, for errors.

    Raises:
        InvalidResponse: An answer cannot be a ranking of its documents.
        ConfigurationError: It is no ranking at all.
    """
    expected = sum(bool(each.documents) for each in asked)
    if len(answers) != expected:
        msg = f"flow_many gave {len(answers)} rankings for {expected} queries: it must give one for each"
        raise InvalidResponse(msg)
    for answer in answers:
        if not isinstance(answer, Ranking):
            msg = (
                f"{whose}.flow gave {_a(answer)}: it must give a Ranking, such as Ranking.by_score([0.9, 0.1]) with a "
                "number for each document, in their order"
            )
            raise ConfigurationError(msg)
        beside: tuple[Any, Any] = (answer.usage, answer.spans)
        if not (isinstance(beside[0], Usage) and isinstance(beside[1], tuple)):
            msg = f"{whose}.flow gave a Ranking with usage={quoted(answer.usage)} and spans={quoted(answer.spans)}: "
            msg += "leave them out, or give a Usage and a tuple of Spans"
            raise ConfigurationError(msg)
    answered = iter(answers)
    return [each.complete(next(answered) if each.documents else Ranking(())) for each in asked]


def scores_in(given: Any, count: int, whose: str) -> list[float]:
    """The scores that somebody's own code gives, as Python floats.

    Args:
        given: A list, an array or a tensor of numbers.
        count: How many there have to be.
        whose: What gave them, for errors.

    Raises:
        InvalidResponse: There are more or fewer, or one is not a finite number.
        ConfigurationError: It is something else.
    """
    if issubclass(type(given), _NO_SCORES) or not _is_several(given):
        raise _no_scores(given, whose)
    scores: list[Any] = list(given)
    if any(map(_is_several, scores)):
        raise _no_scores(scores, whose)
    if len(scores) != count:
        msg = f"{whose} gave {len(scores)} scores for {count} texts: it must give one for each, in their order"
        raise InvalidResponse(msg)
    return [finite(each) for each in scores]


def _is_several(value: Any) -> bool:
    """Whether it is text, pairs or a row, where a number is wanted. An array of nothing but a number is one."""
    return isinstance(value, str | bytes) or (hasattr(value, "__iter__") and getattr(value, "ndim", 1) != 0)


def _no_scores(given: object, whose: str) -> ConfigurationError:
    return ConfigurationError(
        f"{whose} gave {_a(given)}: it must give one number for each text, in their order, such as [0.9, 0.1]"
    )


def _place(hit: Any) -> int:
    """Where a hit says that its document stands."""
    try:
        return whole_number(hit.index)
    except Exception as error:
        msg = f"a ranking has {quoted(hit)} among its hits: each must be a Hit(index, score), the index a whole number"
        raise ConfigurationError(msg) from error


def _check_said(hit: Hit) -> None:
    """Refuse what a hit says in a shape that nobody could read later."""
    said: dict[str, Any] = {"why": hit.why, "verdict": hit.verdict}
    for name, value in said.items():
        if not isinstance(value, str | None):
            msg = f"{name} of a Hit must be a str or None, not {quoted(value)}"
            raise ConfigurationError(msg)
    passage: Any = hit.passage
    if passage is not None and [type(each) for each in _parts(passage)] != [int, int]:
        msg = f"passage of a Hit must be (start, end), places in its text, or None, not {quoted(passage)}"
        raise ConfigurationError(msg)


def _parts(value: Any) -> list[Any]:
    return list(value) if isinstance(value, tuple | list) else []  # pyright: ignore[reportUnknownArgumentType]


def _a(value: object) -> str:
    return f"a value of type {class_name(value)} ({quoted(value)})"
