"""OpenTelemetry and Prometheus hear of a ranking and of every stage in it from one hook."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from prometheus_client import CollectorRegistry

from rerank_kit import Cascade, Deadline, Document, MissingExtra, Ranking, Reranker, Span, Stage, Usage
from rerank_kit.flow import Flow
from rerank_kit.observe import OpenTelemetry, Prometheus, log_span
from tests.conftest import Colour
from tests.doubles import Failing, Scripted
from tests.processes import python

DOCUMENTS = ["a 1", "b 2", "c 3"]


@dataclass
class Priced(Scripted):
    """Reads ten tokens of each pair, for a cent."""

    def cost(self, usage: Usage) -> float | None:
        return 0.01 * usage.pairs

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        ranking = yield from super().flow(query, documents, deadline)
        return Ranking(ranking.hits, Usage(pairs=len(documents), tokens=10 * len(documents)))


class Otherwise(Reranker):
    """Comes through although a reranker inside has failed."""

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        yield from ()
        failed = Span("Failing", None, len(documents), 0, 0.1, outcome="failed", problem="RuntimeError: x")
        return Ranking(Ranking.by_score([0.0] * len(documents)).hits, spans=(failed,))


def cascade() -> Cascade:
    return Cascade(
        Stage(Priced(), top_n=2, name="broad"),
        Stage(Cascade(Stage(Scripted(model=None), name="inner")), name="precise"),
        Stage(Scripted(), when=lambda query, ranking: False, name="judge"),
    )


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(exporter: InMemorySpanExporter) -> TracerProvider:
    made = TracerProvider()
    made.add_span_processor(SimpleSpanProcessor(exporter))
    return made


def by_name(spans: Sequence[ReadableSpan]) -> dict[str, ReadableSpan]:
    return {str((each.attributes or {}).get("rerank_kit.stage", each.name)): each for each in spans}


def parent(span: ReadableSpan) -> int | None:
    return None if span.parent is None else span.parent.span_id


def key(span: ReadableSpan) -> int:
    context = span.get_span_context()
    assert context is not None
    return context.span_id


def test_opentelemetry_gets_a_span_for_the_whole_and_one_below_it_for_each_stage(
    colour: Colour, exporter: InMemorySpanExporter, provider: TracerProvider
) -> None:
    reranker = cascade()
    reranker.hooks = [OpenTelemetry(provider)]
    with provider.get_tracer("app").start_as_current_span("search") as search:
        colour(reranker, "rerank", "query", DOCUMENTS)
    spans = by_name(exporter.get_finished_spans())
    whole = spans["rerank Cascade"]
    assert parent(whole) == search.get_span_context().span_id
    assert [parent(spans[name]) for name in ("broad", "precise", "judge")] == [key(whole)] * 3
    assert parent(spans["inner"]) == key(spans["precise"])
    assert spans["broad"].name == "rerank scripted"
    assert whole.start_time is not None
    assert all((each.start_time or 0) <= (each.end_time or 0) for each in spans.values())


def test_opentelemetry_is_told_what_is_known_under_the_names_of_the_conventions(
    exporter: InMemorySpanExporter, provider: TracerProvider
) -> None:
    reranker = cascade()
    reranker.hooks = [OpenTelemetry(provider)]
    reranker.rerank("query", DOCUMENTS)
    spans = by_name(exporter.get_finished_spans())
    broad, whole = dict(spans["broad"].attributes or {}), dict(spans["rerank Cascade"].attributes or {})
    expected = {
        "gen_ai.operation.name": "rerank",
        "gen_ai.provider.name": "priced",
        "gen_ai.request.model": "scripted",
        "gen_ai.usage.input_tokens": 30,
        "rerank_kit.stage": "broad",
        "rerank_kit.outcome": "ok",
        "rerank_kit.cost": 0.03,
        "rerank_kit.documents_in": 3,
        "rerank_kit.documents_out": 2,
        "rerank_kit.usage.pairs": 3,
    }
    assert {name: broad[name] for name in expected} == pytest.approx(expected)
    assert {"gen_ai.request.model", "rerank_kit.cost", "rerank_kit.stage"}.isdisjoint(whole)
    assert dict(spans["judge"].attributes or {})["rerank_kit.outcome"] == "skipped"


def test_opentelemetry_is_told_of_a_failure_as_one(exporter: InMemorySpanExporter, provider: TracerProvider) -> None:
    reranker = Failing(RuntimeError("no memory"))
    reranker.hooks = [OpenTelemetry(provider)]
    with pytest.raises(RuntimeError):
        reranker.rerank("query", DOCUMENTS)
    (span,) = exporter.get_finished_spans()
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "RuntimeError: no memory")
    assert (span.attributes or {})["error.type"] == "RuntimeError"


def test_prometheus_counts_rankings_and_stages(colour: Colour) -> None:
    registry = CollectorRegistry()
    reranker = cascade()
    reranker.hooks = [Prometheus(registry)]
    for _ in range(2):
        colour(reranker, "rerank", "query", DOCUMENTS)

    def sample(name: str, backend: str, stage: str, **more: str) -> float | None:
        return registry.get_sample_value(f"rerank_kit_{name}", {"backend": backend, "stage": stage, **more})

    assert sample("rankings_total", "Cascade", "", outcome="ok") == 2
    assert sample("rankings_total", "Priced", "broad", outcome="ok") == 2
    assert sample("rankings_total", "Scripted", "judge", outcome="skipped") == 2
    assert sample("seconds_count", "Priced", "broad") == 2
    assert sample("seconds_count", "Scripted", "judge") is None
    assert sample("documents_total", "Scripted", "inner") == 4
    assert sample("cost_total", "Priced", "broad") == pytest.approx(0.06)
    assert sample("cost_total", "Cascade", "") is None


@pytest.mark.parametrize("cost", [math.nan, -1.0])
def test_a_cost_that_is_none_spoils_no_sum(
    cost: float, provider: TracerProvider, caplog: pytest.LogCaptureFixture
) -> None:
    class Odd(Scripted):
        def cost(self, usage: Usage) -> float:
            return cost

    registry = CollectorRegistry()
    reranker = Odd()
    reranker.hooks = [Prometheus(registry), OpenTelemetry(provider), log_span]
    reranker.rerank("query", DOCUMENTS)
    assert registry.get_sample_value("rerank_kit_cost_total", {"backend": "Odd", "stage": ""}) is None
    assert "a hook failed" not in caplog.text


def test_prometheus_counts_rerankers_that_failed_inside_a_ranking_that_came_all_the_same(colour: Colour) -> None:
    registry = CollectorRegistry()
    reranker, broken = Otherwise(), Failing(RuntimeError("x"))
    reranker.hooks = broken.hooks = [Prometheus(registry)]
    colour(reranker, "rerank", "query", DOCUMENTS)
    with pytest.raises(RuntimeError):
        colour(broken, "rerank", "query", DOCUMENTS)
    labels = {"backend": "Failing", "stage": ""}
    assert registry.get_sample_value("rerank_kit_fallbacks_total", labels) == 1
    assert registry.get_sample_value("rerank_kit_rankings_total", {**labels, "outcome": "failed"}) == 2


@pytest.mark.parametrize(
    ("module", "hook", "extra"),
    [("opentelemetry.trace", OpenTelemetry, "opentelemetry"), ("prometheus_client", Prometheus, "prometheus")],
)
def test_what_is_not_installed_is_said_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, module: str, hook: type[OpenTelemetry | Prometheus], extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=rf"rerank-kit\[{extra}\]"):
        hook()


def test_without_an_argument_the_global_registry_and_provider_are_taken() -> None:
    code = """
from prometheus_client import REGISTRY
from rerank_kit.observe import OpenTelemetry, Prometheus
from tests.doubles import Scripted
reranker = Scripted()
reranker.hooks = [Prometheus(), OpenTelemetry()]
reranker.rerank("query", ["a 1"])
print(REGISTRY.get_sample_value("rerank_kit_documents_total", {"backend": "Scripted", "stage": ""}))
"""
    done = python("-c", code)
    assert done.stdout == "1.0\n"
