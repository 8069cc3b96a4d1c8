"""The walk through a retriever that makes it bring enough candidates: on a copy, only upwards, by its own settings.

Passing `k=50` at call time does not do it: most retrievers ignore arguments they do not know. So each kind is copied
with its own setting raised, and wrappers are copied around widened copies of what they wrap.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias, cast

from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.retrievers import BaseRetriever, RetrieverLike
from langchain_core.runnables import (
    Runnable,
    RunnableBranch,
    RunnableConfig,
    RunnableLambda,
    RunnableParallel,
    RunnableSequence,
    RunnableSerializable,
    RunnableWithFallbacks,
)
from langchain_core.runnables.base import RunnableBindingBase
from langchain_core.runnables.configurable import DynamicRunnable
from pydantic import ConfigDict, SkipValidation
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import override

from langchain_rerank_kit.copy_with import as_list, copied, copy_with, fields, parts
from langchain_rerank_kit.known_retrievers import CHILDREN, COUNTS, LISTS, NOTES, SETTINGS, WITHOUT_LIMIT
from langchain_rerank_kit.query_bodies import WidenedBody
from langchain_rerank_kit.raising import UNSET, Raising
from langchain_rerank_kit.search_kwargs import declared_limit, has_filter, search_kwargs, store_limit
from rerank_kit.arguments import named
from rerank_kit.checks import check_function, check_instance
from rerank_kit.first_stage.widening import Widening, check_recall, is_widening, reranks

Widen: TypeAlias = Callable[[RetrieverLike, int], RetrieverLike | None]
"""A user's own way to widen: from a retriever and a recall to a retriever that brings that many, or `None` to leave
this one to the table of known settings."""

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_MMR_CHOICE = 2  # candidates that MMR sees for each one it keeps: fewer and it has nothing to choose between


class Walk:
    """One walk. Each step gives the widened copy, or the thing itself where nothing changed."""

    def __init__(self, recall: int, custom: Widen | None) -> None:
        """Start with nothing found."""
        self.recall = recall
        self.custom = custom
        self.raising = Raising(recall)
        self._kinds: dict[type, Callable[[Any, str], tuple[Any, bool]]] = {
            BaseRetriever: self._retriever,
            DynamicRunnable: self._configured,
            WidenedWhenConfigured: self._configured_again,
            RunnableBindingBase: self._binding,
            RunnableWithFallbacks: self._fallbacks,
            RunnableBranch: self._branch,
            RunnableSequence: self._sequence,
            RunnableParallel: self._parallel,
            RunnableLambda: self._function,
        }

    def runnable(self, each: Any, path: str) -> tuple[Any, bool]:
        """Widen what may be a retriever or hold one; the second value says whether it was or did."""
        own = None if self.custom is None else self.custom(each, self.recall)
        if own is not None:
            self.raising.notes.append(f"{path} was widened by the function given as widen=")
            return own, True
        for kind, widened in self._kinds.items():
            if isinstance(each, kind):
                return widened(each, path)
        return each, False

    def _fallbacks(self, each: Any, path: str) -> tuple[Any, bool]:
        """A retriever and those that stand in for it."""
        fallbacks = [self._alternative(part, path) for part in each.fallbacks]
        return copy_with(each, {"runnable": self._alternative(each.runnable, path), "fallbacks": fallbacks}), True

    def _branch(self, each: Any, path: str) -> tuple[Any, bool]:
        """A choice between retrievers."""
        branches = [(test, self._alternative(branch, path)) for test, branch in each.branches]
        return copy_with(each, {"branches": branches, "default": self._alternative(each.default, path)}), True

    def _sequence(self, each: Any, path: str) -> tuple[Any, bool]:
        """A chain: query rewriting before a retriever, or clean-up after it."""
        steps, found = self._steps(dict(enumerate(as_list(each.steps))), path)
        first, *middle, last = steps.values()
        return copy_with(each, {"first": first, "middle": middle, "last": last}), found

    def _parallel(self, each: Any, path: str) -> tuple[Any, bool]:
        """Steps side by side, as in a chain that keeps the question beside the documents."""
        steps, found = self._steps(each.steps__, path)
        return copy_with(each, {"steps__": steps}), found

    def _alternative(self, part: Any, path: str) -> Any:
        """Widen what stands for a whole retriever, so that it is worth a word if it cannot be widened."""
        widened, found = self.runnable(part, path)
        if not found:
            self.raising.unknown.append(f"{path} ({name_of(part)})")
        return widened

    def _steps(self, steps: Mapping[Any, Any], path: str) -> tuple[dict[Any, Any], bool]:
        """Widen the steps of a chain, most of which are no retrievers."""
        widened: dict[Any, Any] = {}
        any_found = False
        for key, step in steps.items():
            where = f"{path}[{key!r}]"
            widened[key], found = self.runnable(step, where)
            any_found = any_found or found
        return widened, any_found

    def _configured(self, each: Any, path: str) -> tuple[Any, bool]:
        """What `configurable` will select is only known at call time: widen it then, and report on the default."""
        default, _ = each.prepare({})
        _, found = self.runnable(default, path)
        return WidenedWhenConfigured(dynamic=each, recall=self.recall, custom=self.custom) if found else each, found

    def _configured_again(self, each: Any, path: str) -> tuple[Any, bool]:
        """What an earlier walk left to be widened at call time."""
        custom = each.custom if self.custom is None else self.custom
        return copy_with(each, {"recall": self.raising.count(f"{path}.recall", each.recall), "custom": custom}), True

    def _binding(self, each: Any, path: str) -> tuple[Any, bool]:
        """A binding, or a retry: arguments bound to a retriever win over its fields, so they rise as well."""
        bound, found = each.bound, True
        if not isinstance(bound, RunnableLambda) or COUNTS.isdisjoint(each.kwargs):
            bound, found = self.runnable(each.bound, path)
        if not found:
            return each, False
        self.raising.filtered |= has_filter(each.kwargs)
        kwargs = {
            name: self.raising.count(
                f"{path}.bind({name})", value, floor=_MMR_CHOICE * self.recall if name == "fetch_k" else 0
            )
            if name in COUNTS | {"fetch_k"}
            else value
            for name, value in each.kwargs.items()
        }
        return copy_with(each, {"bound": bound, "kwargs": kwargs}), True

    def _function(self, each: Any, path: str) -> tuple[Any, bool]:
        """A plain function that takes the number of documents as an argument."""
        try:
            parameters = inspect.signature(each.func if hasattr(each, "func") else each.afunc).parameters
        except (TypeError, ValueError):  # some builtins have no signature
            return each, False
        options = list(parameters.values())[1:]  # the first one takes the query
        name = next((option.name for option in options if option.name in COUNTS and option.kind in _BY_NAME), None)
        if name is None:
            return each, False
        default = parameters[name].default
        if default is None and name in WITHOUT_LIMIT:  # it may bring all there is
            self.raising.notes.append(f"{path}({name}) is None, which leaves the number of documents to the function")
            return each, True
        after = self.raising.count(f"{path}({name})", UNSET if default in (None, inspect.Parameter.empty) else default)
        return each if after == default else each.bind(**{name: after}), True

    def _retriever(self, each: Any, path: str) -> tuple[Any, bool]:
        """Any retriever: raise the counts among its fields, and widen the retrievers it wraps."""
        names = {cls.__name__ for cls in type(each).__mro__}
        self.raising.notes += [f"{path}: {note}" for name, note in NOTES.items() if name in names]
        if '"limit": int' in repr(
            getattr(each, "query_constructor", "")
        ):  # the schema that SelfQueryRetriever shows the model
            self.raising.limited.append(path)
        updates: dict[str, Any] = {}
        for name, value in fields(each):
            where = f"{path}.{name}"
            if isinstance(value, BaseDocumentCompressor):
                updates[name] = self.compressor(value, where)
            elif isinstance(value, BaseRetriever) or (name in CHILDREN and isinstance(value, Runnable)):
                updates[name] = self._alternative(value, where)
            elif name in CHILDREN and isinstance(value, list):
                updates[name] = [self._alternative(part, f"{where}[{at}]") for at, part in enumerate(as_list(value))]
            else:
                updates |= self._numbers(each, name, value, path)
        if not updates:
            self.raising.unknown.append(path)
        return copy_with(each, {**updates, **_widening(each, updates)}), True

    def _numbers(self, each: Any, name: str, value: Any, path: str) -> dict[str, Any]:
        """The counts in one field of a retriever."""
        where = f"{path}.{name}"
        if name == "search_kwargs" and hasattr(each, "vectorstore"):
            return {name: self.raising.attempt(where, lambda: search_kwargs(self.raising, each, where), value)}
        if name == "body_func" and callable(value):
            return {name: self._body(value, where)}
        if name in LISTS and isinstance(value, list):
            return {name: [self.raising.count(f"{where}[{at}]", one) for at, one in enumerate(as_list(value))]}
        if name in COUNTS:
            self.raising.sources.append(name_of(each))
            limit = declared_limit(each, name) or self.raising.attempt(
                f"{path}.search_kwargs", lambda: store_limit(each, self.recall), None
            )
            return {name: self.raising.count(where, value, limit=limit)}
        return self._settings({name: value}, path)

    def _body(self, written: Any, where: str) -> WidenedBody:
        """A function that writes the body of a query, as Elasticsearch's retriever has one."""
        inner, before = (written.body_func, written.recall) if isinstance(written, WidenedBody) else (written, UNSET)
        after = self.raising.count(f"{where}()['size']", before)
        return written if after == before else WidenedBody(inner, after)

    def _settings(self, given: Mapping[str, Any], path: str, model: object = None) -> dict[str, Any]:
        """Settings in which a count stands deeper, as in Amazon's retrievers: those among them that hold one."""
        updates: dict[str, Any] = {}
        for name, value in given.items():
            where = f"{path}.{name}"
            if name in COUNTS:
                updates[name] = self.raising.count(where, value, limit=declared_limit(model, name))
            elif name in SETTINGS:
                inner = self._settings(parts(value), where, value)
                updates |= {name: copied(value, inner)} if inner else {}
        return updates

    def compressor(self, each: Any, path: str) -> Any:
        """A compressor inside the first stage must not cut what the reranker is to see."""
        if reranks(each):
            self.raising.rerankers.append(f"{path} ({name_of(each)})")
        updates: dict[str, Any] = {}
        for name, value in fields(each):
            where = f"{path}.{name}"
            if name == "transformers":  # those of a DocumentCompressorPipeline
                updates[name] = [self.compressor(part, f"{where}[{place}]") for place, part in enumerate(value)]
            elif name in COUNTS:
                updates[name] = value if value is None else self.raising.count(where, value)
        if not updates:
            self.raising.notes.append(f"{path} ({name_of(each)}) may drop documents before the reranker sees them")
        return copy_with(each, updates)


@named
def widen(retriever: RetrieverLike, recall: int, custom: Widen | None = None) -> Widening[RetrieverLike]:
    """Copy a retriever so that it brings at least `recall` documents, as far as its settings allow.

    Args:
        retriever: A retriever, or any runnable that takes a query and gives documents.
        recall: How many documents it should bring.
        custom: Asked first about every retriever in it.

    Raises:
        ConfigurationError: An argument is wrong.
    """
    if custom is not None:
        check_function("widen", custom, "a retriever", "a recall")
    check_recall(recall, None)
    check_instance("retriever", retriever, Runnable, "a LangChain retriever, or a runnable that gives documents")
    walk = Walk(recall, custom)
    widened, found = walk.runnable(retriever, name_of(retriever))
    raising = walk.raising
    if not found:
        raising.unknown.append(name_of(retriever))
    return Widening(
        recall=recall,
        widened=widened,
        original=retriever,
        changes=tuple(raising.changes),
        notes=tuple(dict.fromkeys(raising.notes)),
        limited=tuple(raising.limited),
        unknown=tuple(raising.unknown),
        sources=tuple(dict.fromkeys(raising.sources)),
        remedies=tuple(dict.fromkeys(raising.remedies)),
        rerankers=tuple(dict.fromkeys(raising.rerankers)),
        capped=raising.capped,
        filtered=raising.filtered,
    )


class WidenedWhenConfigured(RunnableSerializable[str, list[Document]]):
    """A configurable retriever, widened once `config["configurable"]` has said which it is."""

    dynamic: SkipJsonSchema[SkipValidation[DynamicRunnable[str, list[Document]]]]
    recall: int
    custom: SkipJsonSchema[Widen | None] = None

    model_config = ConfigDict(arbitrary_types_allowed=True)

    @override
    def invoke(self, input: str, config: RunnableConfig | None = None, **kwargs: Any) -> list[Document]:
        selected, config = self.dynamic.prepare(config)
        return widen(selected, self.recall, self.custom).widened.invoke(input, config, **kwargs)

    @override
    async def ainvoke(self, input: str, config: RunnableConfig | None = None, **kwargs: Any) -> list[Document]:
        selected, config = self.dynamic.prepare(config)
        return await widen(selected, self.recall, self.custom).widened.ainvoke(input, config, **kwargs)


def name_of(each: Any) -> str:
    """What to call a runnable: its class, or what is behind a wrapper, or a function's own name."""
    if isinstance(each, RunnableLambda):
        return each.get_name()
    for wrapper, field in ((RunnableBindingBase, "bound"), (DynamicRunnable, "default")):
        if isinstance(each, wrapper):
            return name_of(getattr(cast("Any", each), field))
    return type(each).__name__


def _widening(each: object, updates: Mapping[str, Any]) -> dict[str, Any]:
    """What a `RerankRetriever` keeps about its first stage, brought up to date: it retrieves with what stands there."""
    known = getattr(each, "widening", None)
    if not is_widening(known) or updates["base_retriever"] is known.widened:
        return {}
    return {"widening": replace(known, recall=updates["recall"], widened=updates["base_retriever"])}
