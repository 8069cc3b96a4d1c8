"""`with_rerank`, the main job: what you have, with a first stage that brings many candidates, and the best few kept."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache, partial
from typing import Any, Literal, TypeVar, overload

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.chat_engine.types import BaseChatEngine
from llama_index.core.indices.base import BaseIndex
from llama_index.core.postprocessor.types import BaseNodePostprocessor

from llama_rerank_kit.engine_walk import Attachment
from llama_rerank_kit.merging import DistinctPostprocessor
from llama_rerank_kit.postprocessor import RerankPostprocessor
from llama_rerank_kit.retriever import RerankRetriever
from llama_rerank_kit.widening import Walk, Widen
from rerank_kit import ConfigurationError
from rerank_kit.arguments import named
from rerank_kit.checks import Threshold, check_choice, check_threshold, check_timeout
from rerank_kit.fields.given import Given, as_reranker
from rerank_kit.first_stage.distinct import Distinct, check_distinct
from rerank_kit.first_stage.widening import Widening, is_widening, recall_for, warn_of_limits, warn_of_rerankers
from rerank_kit.quoting import class_name
from rerank_kit.wrong_kind import no_retriever

Whole = TypeVar("Whole", bound=BaseQueryEngine | BaseChatEngine | BaseIndex[Any])
OnError = Literal["raise", "keep"]
_OF_POSTPROCESSORS: dict[str, str] = dict.fromkeys(
    ("text", "metadata_mode"),
    "what is read of a node is a field of the postprocessor, such as "
    "RerankPostprocessor(reranker=…, metadata_mode=MetadataMode.NONE) for the text alone",
)


@overload
def with_rerank(
    target: BaseRetriever,
    reranker: Given | BaseNodePostprocessor | None = None,
    *,
    recall: int | None = None,
    top_n: int | Literal["auto"] | None = "auto",
    threshold: Threshold | None = None,
    timeout: float | None = None,
    on_error: OnError | None = None,
    widen: Widen | None = None,
    distinct: Distinct | None = "document",
) -> RerankRetriever: ...


@overload
def with_rerank(
    target: Whole,
    reranker: Given | BaseNodePostprocessor | None = None,
    *,
    recall: int | None = None,
    top_n: int | Literal["auto"] | None = "auto",
    threshold: Threshold | None = None,
    timeout: float | None = None,
    on_error: OnError | None = None,
    widen: Widen | None = None,
    distinct: Distinct | None = "document",
) -> Whole: ...


@partial(named, elsewhere=_OF_POSTPROCESSORS)
def with_rerank(
    target: Any,
    reranker: Given | BaseNodePostprocessor | None = None,
    *,
    recall: int | None = None,
    top_n: int | Literal["auto"] | None = "auto",
    threshold: Threshold | None = None,
    timeout: float | None = None,
    on_error: OnError | None = None,
    widen: Widen | None = None,
    distinct: Distinct | None = "document",
) -> Any:
    """Copy a retriever, an engine or an index so that `recall` candidates are found and the best `top_n` are used.

    Args:
        target: A retriever, a query engine, a chat engine, or an index, whose retrievers and engines will then all
            rerank. It is copied, not changed; a chat engine's copy goes on with the same memory.
        reranker: Any `rerank_kit.Reranker` or LlamaIndex node postprocessor, a function from a query and texts to
            numbers, or the name or folder of a cross-encoder; `None` takes the best local one that is installed, and
            the log says which.
        recall: How many candidates each retriever is to bring: 50 to 100 is what makes reranking pay. By default 50,
            or as many as `top_n` where that is more. One that brings more keeps doing so.
        top_n: How many nodes to keep. A number wins over the `top_n` of a postprocessor; `None` leaves it to that;
            `"auto"`, the default, does so where a postprocessor of ours is passed that was given a `top_n`, and is 5
            everywhere else: those of other makes do not tell what they were given.
        threshold: Leave out nodes with a lower score; `None` leaves it to the reranker.
        timeout: Seconds allowed for the reranking; `None` leaves it to the reranker.
        on_error: What to do when reranking fails: `"raise"`, or `"keep"` to use the first stage's best in its order,
            with the reason in `rerank_failed`; `None` leaves it to the reranker, which raises unless told otherwise.
        widen: A function from a retriever and a recall to a retriever that brings that many, or `None` for those it
            leaves to the table of known settings.
        distinct: Which nodes are merged into the best placed of them, before the reranking: those of the same id and
            text (`"document"`), those of which the same text is read whatever their ids (`"text"`), those that share so
            much of their words (such as 0.9), or none (`None`). Where it is `"document"`, a postprocessor of ours that
            says something else has its way.

    Returns:
        The same kind of object: for a retriever a `RerankRetriever`, for all else a copy. `print(widening_of(…))`
        says what was changed.

    Raises:
        ConfigurationError: An argument is wrong, or there is no retriever in the target.
        MissingExtra: No reranker was given and no local one is installed.
    """
    top_n, kept = _limits(top_n, reranker)
    recall = recall_for(recall, kept)
    check_choice("on_error", on_error, ("raise", "keep", None))
    walk, path = Walk(recall, widen), class_name(target)
    if not isinstance(target, BaseRetriever | BaseQueryEngine | BaseChatEngine | BaseIndex):
        wanted = "a LlamaIndex retriever, query engine, chat engine or index"
        raise no_retriever(target, "target", wanted, "LlamaIndex", reranker)
    options = {
        "top_n": top_n,
        "threshold": check_threshold(threshold),
        "timeout": check_timeout(timeout),
        "on_error": on_error,
    }
    given = {name: value for name, value in options.items() if value is not None}
    second = as_postprocessor(reranker, recall, given, check_distinct(distinct))
    if isinstance(target, BaseIndex):
        return _index(target, partial(with_rerank, reranker=second, recall=recall, top_n=None, widen=widen))
    if isinstance(target, BaseRetriever):
        widening = walk.report(walk.retriever(target, path), target)
        warn_of_limits(widening)
        if reranker is None:
            warn_of_rerankers(widening)
        return RerankRetriever(widening, second, widen)
    engine, found = Attachment(walk, second).engine(target, path)
    if not found:
        msg = f"there is no retriever in this {path} to put a reranker behind: rerank the retriever that it is built on"
        raise ConfigurationError(msg)
    widening = walk.report(engine, target)
    warn_of_limits(widening)
    if reranker is None:
        warn_of_rerankers(widening)
    vars(engine)[_WIDENING] = widening  # not by assignment, which an engine that is a pydantic model would refuse
    return engine


def _limits(top_n: Any, reranker: object) -> tuple[Any, Any]:
    """`top_n` as it is passed on, and how many nodes are kept in the end: by that, or by a postprocessor's own."""
    own = reranker if isinstance(reranker, RerankPostprocessor) else None
    if top_n == "auto":
        top_n = None if own is not None and "top_n" in own.model_fields_set else 5
    return top_n, top_n if top_n is not None or own is None else own.top_n


_OURS = frozenset({"recall", "top_n", "threshold", "reranker"})
"""What the retrievers of an index would leave out in silence."""
_WIDENING, _RERANK = "_widening", "_rerank"


@named
def widening_of(target: BaseRetriever | BaseQueryEngine | BaseChatEngine | BaseIndex[Any]) -> Widening[Any]:
    """What `with_rerank` changed, readable with `print`.

    Args:
        target: What it returned, or a retriever or engine that was made of an index that it returned. Of such an index
            itself it is what changes in the retriever that it makes by default.

    Raises:
        ConfigurationError: This does not come from `with_rerank`.
    """
    known = _widening(target)
    if known is None:
        msg = (
            f"this {type(target).__name__} does not come from with_rerank: pass what that returned, or a retriever or "
        )
        msg += "an engine that was made of an index that it returned"
        raise ConfigurationError(msg)
    return known


def _widening(each: Any) -> Widening[Any] | None:
    """The report on a widening, wherever it is kept."""
    if isinstance(each, RerankRetriever):
        return each.widening
    parts: dict[str, Any] = getattr(each, "__dict__", {})
    known = parts.get(_WIDENING)
    if is_widening(known):
        return known
    if _RERANK in parts:
        return _widening(each.as_retriever())
    inside = (part for part in parts.values() if isinstance(part, RerankRetriever | BaseQueryEngine))
    return next((found for part in inside if (found := _widening(part)) is not None), None)


def as_postprocessor(
    given: object, recall: int, options: dict[str, Any], distinct: Distinct | None
) -> BaseNodePostprocessor:
    """What reranks as a postprocessor.

    Args:
        given: What was passed.
        recall: How many candidates the first stage is to bring.
        options: Fields of the postprocessor that were given.
        distinct: Which nodes are merged.

    Raises:
        ConfigurationError: It cannot be one, or cannot follow an option.
    """
    if isinstance(given, RerankPostprocessor):
        own = {} if distinct == "document" else {"distinct": distinct}
        return given.model_copy(update={**options, **own, "recall": recall})
    if not isinstance(given, BaseNodePostprocessor):
        reranker = None if given is None else as_reranker(given, "a LlamaIndex node postprocessor")
        fields: dict[str, Any] = {"recall": recall, "top_n": None, "distinct": distinct, **options}
        return RerankPostprocessor(reranker=reranker, **fields)
    known = type(given).model_fields
    for name, value in options.items():
        if name not in known:
            msg = f"{type(given).__name__} has no {name}, so {name}={value!r} cannot be followed: pass {name}=None"
            raise ConfigurationError(msg)
    if options.get("threshold") == "calibrated":
        name = type(given).__name__
        msg = f'threshold="calibrated": {name} is no reranker of ours, and has no calibration: pass a number'
        raise ConfigurationError(msg)
    theirs = given.model_copy(update=options)
    if distinct is None or isinstance(given, DistinctPostprocessor):
        return theirs
    return DistinctPostprocessor(postprocessor=theirs, distinct=distinct)


def _index(index: Any, rerank: Callable[[BaseRetriever], BaseRetriever]) -> Any:
    """A copy of an index that shares all it holds; every engine it makes asks it for a retriever, which reranks."""
    other = copy.copy(index)
    kind: Any = index.__class__
    other.__class__ = _reranking(kind)
    setattr(other, _RERANK, rerank)
    return other


@cache
def _reranking(kind: Any) -> Any:
    def as_retriever(self: Any, **kwargs: Any) -> BaseRetriever:
        for name in _OURS & kwargs.keys():
            msg = f"{name} is said when the index is wrapped, with_rerank(index, {name}=…): its retrievers bring what "
            msg += "they are told by that"
            raise ConfigurationError(msg)
        retriever: BaseRetriever = self._rerank(kind.as_retriever(self, **kwargs))
        return retriever

    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}
    return type(kind.__name__, (kind,), {**names, "as_retriever": as_retriever})
