"""What a vector store that is in no table says of itself, by the signatures of its searches and its own numbers."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

from langchain_core.vectorstores import VectorStore

from langchain_rerank_kit.known_stores import Pool, Store, parameters_of
from langchain_rerank_kit.nested_settings import Search

_FETCHED_FIRST = ("fetch_k", "num_candidates")
_MAY_CAP = re.compile(r"(?!.*construct).*(fetch|candidate|probe|oversampl|limit|(^|_)ef(_|$))")
_SEARCHES: Mapping[str, tuple[str, ...]] = {  # by search type: the first of them that the store itself writes decides
    "mmr": ("max_marginal_relevance_search",),
    "similarity_score_threshold": (
        *("similarity_search_with_relevance_scores", "_similarity_search_with_relevance_scores"),
        "similarity_search_with_score",
    ),
}
_MMR_DEFAULT = 20  # of `fetch_k`, as LangChain declares it


def store_by_signature(search: Search) -> Store:
    """A row for a store of somebody's own, whose searches take numbers under names that say what is done with them."""
    parameters, mmr = searched_by(search), search.kind == "mmr"
    pools = [
        Pool(name, _number(parameters, name), filtered=10)
        for name in _FETCHED_FIRST
        if (name in parameters or name in search.given) and not (mmr and name == "fetch_k")
    ]
    raised = [pool.name for pool in pools]
    filters_afterwards = bool(raised) or any(name in parameters_of(search.store) for name in _FETCHED_FIRST)
    if mmr:
        raised.insert(0, "fetch_k")
    capping = [name for name in raised if search.given.get(name, 0) is not None] if filters_afterwards else []
    few = "; ".join(
        f"a filter may see only {{{name}}} documents; set search_kwargs['{name}'] higher" for name in capping
    )
    note = _unread(search, raised)
    return Store(
        pools=tuple(pools),
        mmr=Pool("fetch_k", default=_number(parameters, "fetch_k") or _MMR_DEFAULT),
        note=note,
        few=few,
    )


def searched_by(search: Search) -> Mapping[str, inspect.Parameter]:
    """What the method takes that this type of search comes down to."""
    for name in _SEARCHES.get(search.kind, ()):
        method = getattr(search.store, name, None)
        if callable(method) and getattr(method, "__func__", None) is not getattr(VectorStore, name):
            return inspect.signature(method).parameters
    return parameters_of(search.store) if search.kind not in _SEARCHES else {}


def _unread(search: Search, raised: Iterable[str]) -> str:
    """What may cap a search and is not raised, because nobody knows what the store does with it; `""`: nothing."""
    handled = {"k", *raised}
    asked = [name for name in _arguments(search) if name not in handled and _MAY_CAP.match(name)]
    own = {
        name: value
        for scope in (*reversed(type(search.store).__mro__), search.store)
        for name, value in getattr(scope, "__dict__", {}).items()
        if _MAY_CAP.match(name) and _is_number(value)
    }
    told = [f"its search takes {', '.join(asked)}: set it in search_kwargs if it caps"] if asked else []
    told += [f"the store's own {name} is {value}: raise it there if it caps" for name, value in own.items()]
    if not told:
        return ""
    beyond = " and ".join(["k", *raised])
    return f"nothing is known of {type(search.store).__name__} beyond {beyond}; {'; '.join(told)}, or pass widen="


def _arguments(search: Search) -> list[str]:
    """The names of the numbers that can be given to this search, but for those that the user has set high enough."""
    taken = searched_by(search)
    handed_on = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in taken.values())
    if handed_on and search.kind == "similarity_score_threshold":  # mostly to the plain search
        taken = {**taken, **parameters_of(search.store)}
    values = {name: each.default for name, each in taken.items()} | dict(search.given)
    return [
        name
        for name, value in values.items()
        if value is None
        or value is inspect.Parameter.empty
        or (_is_number(value) and (name not in search.given or value < search.recall))
    ]


def _number(parameters: Mapping[str, inspect.Parameter], name: str) -> int:
    """What a search takes by itself; 0 where it does not say."""
    default = parameters[name].default if name in parameters else None
    return default if _is_number(default) and isinstance(default, int) else 0


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
