"""One search that a retriever asks of its vector store, and what has to be known of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llama_index.core.vector_stores.types import VectorStoreQueryMode as Mode

from rerank_kit.first_stage.widening import Change

_MMR_FACTOR = 4  # the default of every store that has it


class Search:
    """One search that a retriever asks of its vector store, and what is found out about it."""

    def __init__(self, store: Any, mode: Mode, count: int, settings: Mapping[str, Any], where: str) -> None:
        """Describe the search.

        Args:
            store: The vector store.
            mode: How it is to search.
            count: How many nodes it is to bring.
            settings: The `vector_store_kwargs`, which are copied.
            where: Where those stand.
        """
        self.store = store
        self.mode = mode
        self.count = count
        self.settings = dict(settings)
        self.where = where
        self.changes: list[Change] = []
        self.notes: list[str] = []

    @property
    def fetched(self) -> int:
        """How many nodes the store looks for in its index: more than it brings, where MMR is to choose among them."""
        if self.mode is not Mode.MMR:
            return self.count
        named, factor = self.settings.get("mmr_prefetch_k"), self.settings.get("mmr_prefetch_factor")
        return max(self.count, int(self.count * (factor or _MMR_FACTOR) if named is None else named))

    @property
    def by_vector(self) -> bool:
        """Whether vectors are compared at all."""
        return self.mode not in (Mode.SPARSE, Mode.TEXT_SEARCH)

    def own(self, name: str, default: Any = None) -> Any:
        """A field of the store, which its other versions may lack."""
        return getattr(self.store, name, default)

    def at_least(self, least: int, before: int | None, *path: str) -> None:
        """Raise the setting at that path, such as `("milvus_search_config", "ef")`, unless it is as high already."""
        if before is None or before < least:
            self.settings = _with(self.settings, path, least)
            self.changes.append(Change(self.where + "".join(f"[{name!r}]" for name in path), before, least))


def _with(settings: Mapping[str, Any], path: tuple[str, ...], value: int) -> dict[str, Any]:
    name, *rest = path
    return {**settings, name: _with(settings[name], tuple(rest), value) if rest else value}
