"""`OpenTelemetry`: a hook for the outermost reranker, which makes spans of it and of everything inside."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from rerank_kit.arguments import named
from rerank_kit.optional import optional
from rerank_kit.values import Span

_NANO = 1_000_000_000


class OpenTelemetry:
    """Makes OpenTelemetry spans of rankings, each below the span that is current and with one below it for each stage.

    Names are those of the conventions for generative AI where they have one, `gen_ai.request.model` and
    `gen_ai.usage.input_tokens`; they know no reranking yet, so that the operation, `rerank`, is a name of our own, and
    the rest is under `rerank_kit`. See https://github.com/open-telemetry/semantic-conventions-genai.
    """

    @named
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
