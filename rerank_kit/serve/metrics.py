"""What a server counts, as Prometheus reads it.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_COUNTERS: Mapping[str, str] = {
    "requests": "Requests for a ranking that were answered, by format and status",
    "refused": "Requests that were refused before anything was scored, by reason",
    "gone": "Requests whose client went before the answer",
    "degraded": "Answers that are not all that was asked for, as when a fallback answered",
    "documents": "Documents in requests that were taken",
    "tokens": "Tokens read for answers, as counted by the reranker or guessed",
    "unknown_fields": "Fields of requests that are not read",
}
_LABELLED = {"requests", "refused"}
_TIMES: Mapping[str, str] = {
    "wait": "Seconds that a request waited for its turns",
    "score": "Seconds that its turns took",
    "request": "Seconds from a request's head to its answer",
}


class _Times:
    """A histogram."""

    def __init__(self) -> None:
        self.counts = [0] * (len(_BUCKETS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(_BUCKETS, seconds)] += 1
        self.total += seconds

    def lines(self, name: str) -> Iterator[str]:
        below = 0
        for bound, count in zip((*map(str, _BUCKETS), "+Inf"), self.counts, strict=True):
            below += count
            yield f'{name}_bucket{{le="{bound}"}} {below}'
        yield f"{name}_sum {self.total!r}"
        yield f"{name}_count {below}"


class Metrics:
    """Counters and histograms of one app, and gauges that are read when somebody asks."""

    def __init__(self, gauges: Mapping[str, tuple[str, Callable[[], int]]]) -> None:
        """Begin at zero.

        Args:
            gauges: By name, what each is and the function that reads it.
        """
        self._gauges = gauges
        self._counts: dict[str, Counter[str]] = {name: Counter() for name in _COUNTERS}
        for name in _COUNTERS.keys() - _LABELLED:
            self.count(name, 0)
        self._times = {name: _Times() for name in _TIMES}

    def count(self, name: str, amount: int = 1, **labels: str) -> None:
        """Count something. The values of labels are ours, never a client's."""
        told = ",".join(f'{label}="{value}"' for label, value in labels.items())
        self._counts[name][f"{{{told}}}" if told else ""] += amount

    def time(self, name: str, seconds: float) -> None:
        """Note how long something took."""
        self._times[name].add(seconds)

    def text(self) -> str:
        """All of it."""
        return "\n".join([*self._lines(), ""])

    def _lines(self) -> Iterator[str]:
        for name, what in _COUNTERS.items():
            yield from _head(f"{_full(name)}_total", what, "counter")
            yield from (f"{_full(name)}_total{labels} {count}" for labels, count in self._counts[name].items())
        for name, (what, read) in self._gauges.items():
            yield from _head(_full(name), what, "gauge")
            yield f"{_full(name)} {read()}"
        for name, what in _TIMES.items():
            yield from _head(f"{_full(name)}_seconds", what, "histogram")
            yield from self._times[name].lines(f"{_full(name)}_seconds")


def _full(name: str) -> str:
    return f"rerank_kit_serve_{name}"


def _head(name: str, what: str, kind: str) -> tuple[str, str]:
    return f"# HELP {name} {what}", f"# TYPE {name} {kind}"
