"""Query bodies that a user's own function writes, as for Elasticsearch and OpenSearch: their numbers raised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from langchain_rerank_kit.copy_with import as_list
from langchain_rerank_kit.raising import whole

_RESULTS = 10  # what both return where the body does not say
_CANDIDATES = 10_000  # both refuse more
_POOLS = ("rank_window_size", "pagination_depth")  # of reciprocal rank fusion and of hybrid queries


@dataclass(frozen=True, slots=True)
class WidenedBody:
    """A `body_func` whose bodies ask for at least `recall` hits. The dictionaries it is given are not changed."""

    body_func: Callable[[str], Any]
    recall: int

    def __call__(self, query: str) -> Any:
        """The body for a query."""
        body = self.body_func(query)
        if not isinstance(body, Mapping):
            return body
        given = cast("Mapping[str, Any]", body)
        return {**self._clause(given), "size": _at_least(self.recall, given.get("size", _RESULTS))}

    def _clause(self, clause: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._value(name, value) for name, value in clause.items()}

    def _value(self, name: str, value: Any) -> Any:
        if name == "knn" and isinstance(value, list):
            return [self._knn(each) for each in as_list(value)]
        if name == "knn":
            return self._knn(value)
        if name in _POOLS and isinstance(value, int):
            return max(value, self.recall)
        if isinstance(value, Mapping):
            return self._clause(cast("Mapping[str, Any]", value))
        if isinstance(value, list):
            return [self._value("", each) for each in as_list(value)]
        return value

    def _knn(self, clause: Any) -> Any:
        """Elasticsearch's numbers stand in the clause, OpenSearch's below a field's name. Filters stay as they are."""
        if not isinstance(clause, Mapping):
            return clause
        raised = dict(cast("Mapping[str, Any]", clause))
        for name, value in raised.items():
            if name == "k" and isinstance(value, int):
                raised[name] = max(value, self.recall)
            elif name == "num_candidates" and isinstance(value, int):
                raised[name] = min(max(value, 2 * self.recall), max(value, _CANDIDATES))
            elif isinstance(value, Mapping) and "vector" in value:
                raised[name] = self._knn(value)
        return raised


def _at_least(recall: int, value: Any) -> Any:
    """A number of hits, raised; what is none stays, for the server to judge."""
    known = whole(value)
    return value if known is None else max(known, recall)
