"""Settings of vector stores in which a number stands deeper than in `search_kwargs`, or which are no number."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langchain_rerank_kit.copy_with import as_list, parts
from langchain_rerank_kit.raising import Raising

_EACH_SEARCH = ("primary_top_k", "secondary_top_k")
_BREADTHS = ("ef", "search_k", "itopk_size")  # of Milvus' indexes: it refuses them below the number of results


@dataclass(frozen=True, slots=True)
class Search:
    """How a retriever searches its store.

    Attributes:
        store: The vector store.
        kind: The retriever's `search_type`; `"similarity"` where it has none.
        given: Its `search_kwargs`.
        where: Where these stand.
        recall: How many documents are to come.
    """

    store: Any
    kind: str
    given: Mapping[str, Any]
    where: str
    recall: int


def hybrid_search_config(raising: Raising, search: Search, pool: int) -> dict[str, Any]:
    """How many rows each of a `PGVectorStore`'s two searches brings: in the store's config, or that of this search."""
    inner = getattr(search.store, "_PGVectorStore__vs", search.store)
    config = search.given.get("hybrid_search_config", getattr(inner, "hybrid_search_config", None))
    if config is None:
        return {}
    before = {name: getattr(config, name) for name in _EACH_SEARCH}
    raised = _raised(raising, before, f"{search.where}['hybrid_search_config'].{{}}", pool)
    if raised == before:
        return {}
    twin = copy.copy(config)
    twin.fusion_function_parameters = dict(config.fusion_function_parameters)  # the store writes into it
    for name, value in raised.items():
        setattr(twin, name, value)
    return {"hybrid_search_config": twin}


def index_parameters(raising: Raising, search: Search, pool: int) -> dict[str, Any]:
    """How widely Milvus looks around in an index, for each vector field."""
    own = search.given.get("param") or getattr(search.store, "search_params", None)
    if not isinstance(own, list):
        widened = _wider(raising, own, search.where, pool)
        return {} if widened is own else {"param": widened}
    each = as_list(own)
    all_widened = [_wider(raising, one, search.where, pool) for one in each]
    return {} if all(map(lambda new, old: new is old, all_widened, each)) else {"param": all_widened}


def filter_first(raising: Raising, search: Search, _: int) -> dict[str, Any]:
    """That LanceDB filters before it searches; by default it filters the k rows that it has found."""
    if search.kind == "mmr":  # which takes no such argument
        return {}
    if "prefilter" not in search.given:
        raising.change(f"{search.where}['prefilter']", None, after=True)
        return {"prefilter": True}
    if not search.given["prefilter"]:
        raising.cut(f"{search.where}['prefilter']", "LanceDB", "without prefilter=True it filters the k rows found")
        raising.capped = True
    return {}


def _wider(raising: Raising, own: Any, where: str, pool: int) -> Any:
    """The parameters of one index, or the same object where they are wide enough."""
    parameters = parts(parts(own).get("params"))
    before = {name: parameters[name] for name in _BREADTHS if parameters.get(name, 0) > 0}
    raised = _raised(raising, before, f"{where}['param']['params']['{{}}']", pool)
    return own if raised == before else {**own, "params": {**parameters, **raised}}


def _raised(raising: Raising, before: Mapping[str, Any], where: str, pool: int) -> dict[str, Any]:
    return {name: raising.count(where.format(name), value, floor=pool) for name, value in before.items()}
