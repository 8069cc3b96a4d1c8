"""`Prometheus`: a hook for the outermost reranker, which counts and times it and everything inside."""

from __future__ import annotations

from typing import Any

from rerank_kit.arguments import named
from rerank_kit.optional import optional
from rerank_kit.values import Span

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Prometheus:
    """Counts and times rankings and their stages for Prometheus.

    | metric | labels | what it is |
    |---|---|---|
    | `rerank_kit_seconds` | backend, stage | a histogram of the time taken |
    | `rerank_kit_rankings_total` | backend, stage, outcome | rankings that were ok, degraded, failed or skipped |
    | `rerank_kit_documents_total` | backend, stage | documents received |
    | `rerank_kit_cost_total` | backend, stage | money spent, as far as known, where it was spent: not in the whole |
    | `rerank_kit_fallbacks_total` | backend, stage | rerankers that failed inside a ranking that came all the same |

    The label `stage` is empty outside a cascade. Make one for the whole program: a registry takes each metric once.
    """

    @named
    def __init__(self, registry: Any = None) -> None:
        """Register the metrics.

        Args:
            registry: A registry of `prometheus_client`; `None` is its global one.

        Raises:
            MissingExtra: prometheus-client is not installed.
        """
        client = optional("prometheus_client", extra="prometheus", why="Prometheus()")
        where = {"registry": client.REGISTRY if registry is None else registry}
        labels = ("backend", "stage")
        self._seconds = client.Histogram(
            "rerank_kit_seconds", "Time taken, in seconds", labels, buckets=_BUCKETS, **where
        )
        self._rankings = client.Counter("rerank_kit_rankings", "Rankings by outcome", (*labels, "outcome"), **where)
        self._documents = client.Counter("rerank_kit_documents", "Documents received", labels, **where)
        self._cost = client.Counter("rerank_kit_cost", "Money spent, as far as known", labels, **where)
        self._fallbacks = client.Counter(
            "rerank_kit_fallbacks", "Rerankers that failed inside a ranking that came all the same", labels, **where
        )

    def __call__(self, span: Span) -> None:
        """Count a ranking that is over, and what happened inside."""
        for each in (*span.inner, span):
            labels = (each.backend, each.stage if each.stage is not None else "")
            self._rankings.labels(*labels, each.outcome).inc()
            if each.outcome != "skipped":
                self._seconds.labels(*labels).observe(each.seconds)
                self._documents.labels(*labels).inc(each.documents_in)
            if (
                each.cost is not None and each.cost >= 0 and not each.inner
            ):  # a counter takes nothing else, not even NaN
                self._cost.labels(*labels).inc(each.cost)
            if each is not span and each.outcome == "failed":
                self._fallbacks.labels(*labels).inc()
