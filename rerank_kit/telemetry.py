"""Hooks for OpenTelemetry and Prometheus: put one on the outermost reranker, it sees everything inside as well."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from rerank_kit.optional import optional
from rerank_kit.values import Span

_NANO = 1_000_000_000
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class OpenTelemetry:
    """Makes OpenTelemetry spans of rankings, each below the span that is current and with one below it for each stage.

    Names are those of the conventions for generative AI where they have one, `gen_ai.request.model` and
    `gen_ai.usage.input_tokens`; they know no reranking yet, so that the operation, `rerank`, is a name of our own, and
    the rest is under `rerank_kit`. See https://github.com/open-telemetry/semantic-conventions-genai.
    """

    def __init__(self, tracer_provider: Any = None) -> None:
        """Make the hook.

        Args:
            tracer_provider: An OpenTelemetry tracer provider; `None` is the global one.

        Raises:
            MissingExtra: OpenTelemetry is not installed.
        """
        self._trace = optional("opentelemetry.trace", extra="opentelemetry", why="OpenTelemetry()")
        self._tracer = self._trace.get_tracer("rerank_kit", tracer_provider=tracer_provider)

    def __call__(self, span: Span) -> None:
        """Record a ranking that is over."""
        self._record(span, None)

    def _record(self, span: Span, context: Any) -> None:
        began = round(span.started * _NANO)
        name = span.model if span.model is not None else span.backend
        made = self._tracer.start_span(
            f"rerank {name}", context=context, start_time=began, attributes=_attributes(span)
        )
        if span.outcome == "failed":
            problem = span.problem if span.problem is not None else ""
            made.set_attribute("error.type", problem.partition(":")[0])
            made.set_status(self._trace.Status(self._trace.StatusCode.ERROR, problem))
        inside = self._trace.set_span_in_context(made)
        for child in span.children:
            self._record(child, inside)
        made.end(end_time=began + round(span.seconds * _NANO))


def _attributes(span: Span) -> dict[str, str | int | float]:
    """What OpenTelemetry is told of a span; what is not known is left out."""
    known: dict[str, str | int | float | None] = {
        "gen_ai.operation.name": "rerank",
        "gen_ai.provider.name": span.backend.lower(),
        "gen_ai.request.model": span.model,
        "gen_ai.usage.input_tokens": span.usage.tokens,
        "rerank_kit.backend": span.backend,
        "rerank_kit.stage": span.stage,
        "rerank_kit.outcome": span.outcome,
        "rerank_kit.problem": span.problem,
        "rerank_kit.cost": span.cost,
        "rerank_kit.documents_in": span.documents_in,
        "rerank_kit.documents_out": span.documents_out,
        **{f"rerank_kit.usage.{each.name}": getattr(span.usage, each.name) for each in fields(span.usage)},
    }
    return {name: value for name, value in known.items() if value is not None}


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
            if each.cost is not None and not each.inner:
                self._cost.labels(*labels).inc(each.cost)
            if each is not span and each.outcome == "failed":
                self._fallbacks.labels(*labels).inc()
