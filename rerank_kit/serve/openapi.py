"""The app as OpenAPI describes it (https://spec.openapis.org/oas/v3.1.0)."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from rerank_kit.managed.split import Limits
from rerank_kit.serve.wanted import PATHS

_TEXT = {"type": "string"}
_WHOLE = {"type": "integer", "minimum": 0}
_SCORE = {"type": "number", "minimum": 0, "maximum": 1}


def _object(required: str, **properties: Any) -> dict[str, Any]:
    """An object of these properties, of which those are always there."""
    return {"type": "object", "required": required.split(), "properties": properties}


def _list(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


_DOCUMENT = {"oneOf": [_TEXT, _object("text", text=_TEXT)]}
_SPAN = _object("start end score", start=_WHOLE, end=_WHOLE, score=_SCORE)
_ROW = _object("index relevance_score", index=_WHOLE, relevance_score=_SCORE, document=_DOCUMENT)
_SPANNED = _object(
    "index relevance_score",
    index=_WHOLE,
    relevance_score=_SCORE,
    document=_DOCUMENT,
    relevant_spans=_list(_SPAN),
)
_META = _object(
    "api_version billed_units tokens",
    api_version=_object("version", version=_TEXT),
    billed_units=_object("search_units", search_units=_WHOLE),
    tokens=_object("input_tokens", input_tokens=_WHOLE),
)
_COHERE = _object("id results meta", id=_TEXT, results=_list(_SPANNED), meta=_META)
_JINA = _object(
    "id object model results usage meta",
    id=_TEXT,
    object={"enum": ["list", "rerank"]},
    model=_TEXT,
    results=_list(_ROW),
    usage=_object("prompt_tokens total_tokens", prompt_tokens=_WHOLE, total_tokens=_WHOLE),
    meta=_META,
)
_TEI = _list(_object("index score text", index=_WHOLE, score=_SCORE, text={"type": ["string", "null"]}))
_COHERE_REFUSAL = _object("message", message=_TEXT)
_JINA_REFUSAL = _object(
    "message detail error",
    message=_TEXT,
    detail=_TEXT,
    error=_object("message type code", message=_TEXT, type=_TEXT, code=_WHOLE),
)
_TEI_REFUSAL = _object("error error_type", error=_TEXT, error_type=_TEXT)
_REFUSALS = {
    "400": "The request cannot be read",
    "401": "The key is missing or wrong",
    "403": "A page in a browser, where no key is asked for",
    "404": "There is no such model",
    "408": "The body came too slowly",
    "413": "The request is too long",
    "415": "The body is compressed",
    "422": "The request cannot be read, in TEI's format",
    "429": "Too many requests wait: Retry-After says when to try again",
    "500": "The reranker failed",
    "503": "The reranker does not answer now",
    "504": "The ranking was not ready in time",
}
_OPEN = "/health"
_STUCK = "What was asked before has not ended yet, so that nobody is let in"
_PAGES = {
    _OPEN: "Whether it runs",
    "/info": "The model and the most documents in a request, as TEI tells them",
    "/metrics": "What was counted, for Prometheus",
    "/v1/models": "What is served",
    "/models": "The same",
    "/openapi.json": "This description",
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
            **{path: {"get": _read(path, what)} for path, what in _PAGES.items()},
        },
    }
    if keys:
        told["components"] = {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}}
        told["security"] = [{"key": []}]
    return told


def _operation(path: str, limits: Limits) -> dict[str, Any]:
    content = {"application/json": {"schema": _schema(path, limits)}}
    cohere = path == PATHS[0]
    refusal = _COHERE_REFUSAL if cohere else {"oneOf": [_JINA_REFUSAL, _TEI_REFUSAL]}
    refusals = {status: _told(what, refusal) for status, what in _REFUSALS.items() if not (cohere and status == "422")}
    return {
        "summary": "Rank documents by their relevance to a query",
        "parameters": [_header("X-Request-Id", "string"), _header("X-Request-Timeout", "number")],
        "requestBody": {"required": True, "content": content},
        "responses": {
            "200": _told("The results, best first", _COHERE if cohere else {"oneOf": [_JINA, _TEI]}),
            **refusals,
        },
    }


def _schema(path: str, limits: Limits) -> dict[str, Any]:
    documents: dict[str, Any] = {"type": "array", "items": _DOCUMENT, "minItems": 1}
    if limits.documents is not None:
        documents["maxItems"] = limits.documents
    properties: dict[str, Any] = {
        "query": {"type": "string", "minLength": 1},
        "documents": documents,
        "model": {"type": ["string", "null"]},
        "top_n": {"type": ["integer", "null"], "minimum": 0, "description": "null and 0 are all"},
        "return_documents": {"type": ["boolean", "null"], "default": False},
    }
    if path == PATHS[0]:
        spans = {"mode": {"enum": ["enabled", "disabled"]}, "threshold": {"type": "number", "default": 0.1}}
        properties["relevant_spans"] = {"type": ["object", "null"], "properties": spans}
        return {"type": "object", "required": ["query", "documents"], "properties": properties}
    properties |= {"texts": documents, "return_text": {"type": ["boolean", "null"], "default": False}}
    either = [{"required": ["query", "documents"]}, {"required": ["query", "texts"]}]
    return {"type": "object", "properties": properties, "anyOf": either}


def _header(name: str, kind: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "schema": {"type": kind}}


def _told(what: str, schema: Any) -> dict[str, Any]:
    return {"description": what, "content": {"application/json": {"schema": schema}}}


def _read(path: str, what: str) -> dict[str, Any]:
    kind = "text/plain" if path == "/metrics" else "application/json"
    answer: dict[str, Any] = {"description": what, "content": {kind: {}}}
    if path == _OPEN:
        return {"summary": what, "security": [], "responses": {"200": answer, "503": _told(_STUCK, {})}}
    refusals = {status: _told(_REFUSALS[status], _JINA_REFUSAL) for status in ("401", "403")}
    return {"summary": what, "responses": {"200": answer, **refusals}}
