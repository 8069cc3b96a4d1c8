"""The app as OpenAPI describes it (https://spec.openapis.org/oas/v3.1.0)."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from rerank_kit.managed.split import Limits
from rerank_kit.serve.wanted import PATHS

_DOCUMENT = {"oneOf": [{"type": "string"}, {"type": "object", "properties": {"text": {"type": "string"}}}]}
_REFUSALS = {
    "400": "The request cannot be read (422 in TEI's format)",
    "401": "The key is missing or wrong",
    "403": "A page in a browser, where no key is asked for",
    "404": "There is no such model",
    "408": "The body came too slowly",
    "413": "The request is too long",
    "429": "Too many requests wait: Retry-After says when to try again",
    "500": "The reranker failed",
    "503": "The reranker does not answer now",
    "504": "The ranking was not ready in time",
}
_PAGES = {
    "/health": "Whether it runs",
    "/info": "The model and the most documents in a request, as TEI tells them",
    "/metrics": "What was counted, for Prometheus",
    "/v1/models": "What is served",
}


def description(limits: Limits, *, keys: bool) -> dict[str, Any]:
    """The description.

    Args:
        limits: The most that one request may hold.
        keys: Whether a key is asked for.
    """
    told: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "rerank-kit", "version": version("rerank-kit")},
        "paths": {
            **{path: {"post": _operation(path, limits)} for path in PATHS},
            **{path: {"get": _read(what)} for path, what in _PAGES.items()},
        },
    }
    if keys:
        told["components"] = {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}}
        told["security"] = [{"key": []}]
    return told


def _operation(path: str, limits: Limits) -> dict[str, Any]:
    content = {"application/json": {"schema": _schema(path, limits)}}
    refusals = {status: {"description": what} for status, what in _REFUSALS.items()}
    return {
        "summary": "Rank documents by their relevance to a query",
        "parameters": [_header("X-Request-Id", "string"), _header("X-Request-Timeout", "number")],
        "requestBody": {"required": True, "content": content},
        "responses": {"200": {"description": "The results, best first"}, **refusals},
    }


def _schema(path: str, limits: Limits) -> dict[str, Any]:
    documents: dict[str, Any] = {"type": "array", "items": _DOCUMENT, "minItems": 1}
    if limits.documents is not None:
        documents["maxItems"] = limits.documents
    properties: dict[str, Any] = {
        "query": {"type": "string"},
        "documents": documents,
        "model": {"type": ["string", "null"]},
        "top_n": {"type": ["integer", "null"], "minimum": 0, "description": "null and 0 are all"},
        "return_documents": {"type": "boolean", "default": False},
    }
    if path == PATHS[0]:
        spans = {"mode": {"enum": ["enabled", "disabled"]}, "threshold": {"type": "number", "default": 0.1}}
        properties["relevant_spans"] = {"type": "object", "properties": spans}
        return {"type": "object", "required": ["query", "documents"], "properties": properties}
    properties |= {"texts": documents, "return_text": {"type": "boolean", "default": False}}
    either = [{"required": ["query", "documents"]}, {"required": ["query", "texts"]}]
    return {"type": "object", "properties": properties, "oneOf": either}


def _header(name: str, kind: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "schema": {"type": kind}}


def _read(what: str) -> dict[str, Any]:
    return {"summary": what, "responses": {"200": {"description": what}}}
