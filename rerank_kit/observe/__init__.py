"""Seeing what happened: hooks, for logs, metrics and traces. Importing this package loads none of their libraries."""

from rerank_kit.observe.explaining import explaining
from rerank_kit.observe.hooks import Hook, log_span
from rerank_kit.observe.opentelemetry import OpenTelemetry
from rerank_kit.observe.prometheus import Prometheus

__all__ = ["Hook", "OpenTelemetry", "Prometheus", "explaining", "log_span"]
