"""What was changed so that a first stage brings enough candidates, and the warnings where it still does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeGuard, TypeVar

from rerank_kit.checks import check_count, check_whole
from rerank_kit.errors import ConfigurationError
from rerank_kit.texts import counted
from rerank_kit.user_warnings import warn_user

T = TypeVar("T")

_USUAL = 50  # candidates
ENOUGH = 20  # candidates: with fewer, the reranker mostly permutes what would have been returned anyway
_SHARE = 0.8  # of the candidates asked for: less is worth a word


class RecallWarning(UserWarning):
    """The first stage brings too few candidates for reranking to make a difference."""


class RerankedTwiceWarning(UserWarning):
    """The reranker that is taken by default replaces the order of one that stands in the first stage already."""


@dataclass(frozen=True, slots=True)
class Change:
    """One setting that was raised: where it stands, what it was (`None`: not set), what it is now."""

    where: str
    before: int | None
    after: int

    def __str__(self) -> str:
        """Such as `VectorStoreRetriever.search_kwargs['k']: 4 → 50`."""
        return f"{self.where}: {'default' if self.before is None else self.before} → {self.after}"


@dataclass(frozen=True, slots=True)
class Widening(Generic[T]):
    """What widening did to a retriever, or to an engine that holds some. `str()` gives it in lines to read.

    Attributes:
        recall: How many candidates were asked for.
        widened: The widened copy; the original itself where nothing had to change.
        original: What was given. It is not changed.
        changes: The settings that were raised.
        notes: What may still bring fewer candidates, or more.
        limited: Retrievers in which the question itself may set a lower number.
        unknown: Retrievers, however deep, in which no setting for the number of candidates was found.
        sources: What the candidates come from, by class name.
        remedies: What to set where too few of them come.
        rerankers: What reranks in it already.
        capped: Whether a filter is known to see only so many documents, and `remedies` says what to set.
        filtered: Whether there is a filter.
    """

    recall: int
    widened: T = field(repr=False, compare=False)
    original: T = field(repr=False, compare=False)
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    limited: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()
    rerankers: tuple[str, ...] = ()
    capped: bool = False
    filtered: bool = False

    def __str__(self) -> str:
        """One line for each change, note and retriever that could not be widened."""
        lines = [str(change) for change in self.changes]
        lines += [f"note: {note}" for note in self.notes]
        lines += [f"note: {where} reranks already, before the reranker" for where in self.rerankers]
        lines += [f"not widened: {where}" for where in self.unknown]
        return "\n".join(lines) if lines else f"nothing to do: {self.recall} or more came already"


def is_widening(value: object) -> TypeGuard[Widening[Any]]:
    """Whether it is the report on a widening, of whatever kind of retriever."""
    return isinstance(value, Widening)


def default_recall(top_n: object) -> int:
    """How many candidates there are to be where nobody says it: 50, or `top_n` where that is more."""
    return max(_USUAL, check_count("top_n", top_n) or 0)


def recall_for(recall: object, top_n: object) -> int:
    """How many candidates there are to be: what was given, or by default what `default_recall` says.

    Raises:
        ConfigurationError: It is no such number, or less than what is to be left of them.
    """
    known = check_count("recall", recall, none=f"for {_USUAL}, or as many as top_n where that is more")
    if known is None:
        return default_recall(top_n)
    check_recall(known, top_n)
    return known


def check_recall(recall: object, top_n: object) -> None:
    """Refuse a number of candidates that is none, or less than what is to be left of them.

    Raises:
        ConfigurationError: It is.
    """
    known, wanted = check_whole("recall", recall), check_count("top_n", top_n) or 1
    if wanted > known:
        enough = default_recall(wanted)
        msg = f"recall must be at least top_n, which is {wanted}, not {known}: pass recall={enough} or more"
        raise ConfigurationError(msg)


def warn_of_limits(widening: Widening[T]) -> None:
    """Say at construction what will keep the reranker from making a difference."""
    if widening.unknown:
        warn_user(
            f"with_rerank could not widen {', '.join(widening.unknown)}: no setting for the number of candidates was "
            f"found. Make it bring {widening.recall} itself, or pass widen=, a function from a retriever and a recall "
            "to a retriever",
            RecallWarning,
        )
    for where in widening.limited:
        warn_user(
            f"{where} lets the model read a limit out of the question, and that overrides k: build the retriever with "
            "enable_limit=False, so that every question is widened",
            RecallWarning,
        )
    if widening.recall < ENOUGH:
        warn_user(
            f"recall={widening.recall} leaves a reranker little to choose from: 50 to 100 candidates are what makes "
            "reranking pay",
            RecallWarning,
        )


def reranks(part: object) -> bool:
    """Whether a part of a first stage is a reranker, as its name says."""
    return any("rerank" in kind.__name__.lower() for kind in type(part).__mro__)


def warn_of_rerankers(widening: Widening[T]) -> None:
    """Say that the reranker that is taken by default replaces the order of one that is there. For where none is given.

    Args:
        widening: The report on the widening.
    """
    for where in widening.rerankers:
        warn_user(
            f"{where} reranks already, and no reranker was given: the one that is taken by default reranks what that "
            "one returns, and its order replaces that one's. To have it rerank alone, take it out and pass it: "
            "with_rerank(what it stood behind, it). To have both, pass the second one as well",
            RerankedTwiceWarning,
        )


def warn_of_few(
    found: int,
    recall: int | None,
    report: str,
    widening: Widening[Any] | None = None,
    *,
    sources: Sequence[str] = (),
    filtered: bool = False,
    told: bool = False,
) -> bool:
    """Say that the first stage brought too little, and whether that was said.

    Nothing at all is no sign of it, unless a filter saw only some of the documents.

    Args:
        found: How many candidates it brought.
        recall: How many were asked for; `None` where nobody asked.
        report: How the user gets at the report on the widening, as code.
        widening: The report itself, which may name the store and what to set.
        sources: What the candidates come from, where the report is not at hand.
        filtered: Whether a filter came with the question.
        told: Whether it was said before, or an explanation says it: then only that tells it.
    """
    blind = widening is not None and widening.capped and (filtered or widening.filtered)
    if recall is None or found >= min(recall, max(ENOUGH, _SHARE * recall)) or not (found or blind):
        return False
    known = widening.sources if widening else sources
    named = f" ({', '.join(known)})" if known else ""
    remedies = "".join(f". {remedy}" for remedy in widening.remedies) if widening else ""
    brought = f"the first stage{named} brought {counted(found, 'candidate')} where {recall} were asked for"
    held_back = widening is not None and (remedies or widening.unknown or filtered or widening.filtered)
    if held_back:
        brought += (
            f", so the reranker chooses from less than it could{remedies}. Look at {report}: raise the retriever's own "
            "limit, lower its score or similarity threshold, or pass widen=. If no more is there to find, because the "
            "collection or what a filter leaves of it is that small, all is well: ignore RecallWarning"
        )
    else:
        brought += f": if the collection has no more, all is well, else look at {report}"
    warn_user(brought, RecallWarning, told=told, ranking=True)
    return True


def note_changes(error: Exception, widening: Widening[Any]) -> None:
    """Say on an error of the first stage what was raised: a store may refuse numbers above a limit of its own."""
    if not widening.changes:
        return
    changes = ", ".join(map(str, widening.changes))
    note = f"with_rerank raised {changes}; if the store refuses that, pass recall= lower or widen="
    if note not in getattr(error, "__notes__", ()):
        error.add_note(note)
