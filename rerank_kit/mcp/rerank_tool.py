"""The tool `rerank`: what an agent's own search brought, put in order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rerank_kit.api.json_values import is_list, is_mapping, is_whole
from rerank_kit.checks import check_query, check_threshold
from rerank_kit.errors import ConfigurationError
from rerank_kit.mcp.tool import PROBLEM, SCORE, UNTRUSTED, Tool, check_arguments, in_time, ranked, scores
from rerank_kit.quoting import quoted
from rerank_kit.reranker import Reranker
from rerank_kit.texts import encodable

_MOST = 1000  # documents
_BYTES = 10_000_000  # of all documents
_DESCRIPTION = f"""\
Puts texts in order by how well they answer a question; with top_n or threshold it drops the rest. A model reads the
question together with each text, which tells what answers far better than shared words or distances of embeddings.

Use it after a search that brought many candidates, say 20 to 100 passages, search results, log lines, tickets or
functions, when only the few that answer the question are to be read. It finds nothing by itself: pass all candidates,
each as its text. It takes {_MOST:,} texts, of together {_BYTES // 1_000_000} MB, at most.

{UNTRUSTED}"""
_TAKES = {
    "type": "object",
    "properties": {
        "query": {"type": "string", "description": "The question, in full: a sentence works better than keywords."},
        "documents": {
            "type": "array",
            "maxItems": _MOST,
            "items": {
                "anyOf": [
                    {"type": "string"},
                    {
                        "type": "object",
                        "properties": {"text": {"type": "string"}, "id": {"type": ["string", "integer"]}},
                        "required": ["text"],
                    },
                ]
            },
            "description": "The candidates: strings, or objects with a text and an id, which comes back.",
        },
        "top_n": {"type": ["integer", "null"], "minimum": 1, "description": "So many at most; by default all."},
        "threshold": {
            "type": ["number", "null"],
            "description": "Leave out texts with a lower score; by default none. What a score means differs from model "
            "to model: look at some first.",
        },
    },
    "required": ["query", "documents"],
    "additionalProperties": False,
}
_GIVES = {
    "type": "object",
    "properties": {
        "results": {
            "type": "array",
            "description": "Best first. Texts with nothing in them come last.",
            "items": {
                "type": "object",
                "properties": {
                    "index": {"type": "integer", "description": "Its place in documents, from 0."},
                    "id": {"type": ["string", "integer"], "description": "Its id, if it came with one."},
                    "score": SCORE,
                    "text": {"type": "string"},
                },
                "required": ["index", "score", "text"],
            },
        },
        "problem": PROBLEM,
    },
    "required": ["results", "problem"],
}


def rerank_tool(reranker: Reranker, timeout: float) -> Tool:
    """Make it.

    Args:
        reranker: What ranks.
        timeout: Seconds that a call may take.
    """

    async def call(arguments: Mapping[str, Any]) -> dict[str, Any]:
        top_n = check_arguments("rerank", arguments, _TAKES)
        query, threshold = check_query(arguments.get("query")), check_threshold(arguments.get("threshold"))
        documents = _documents(arguments.get("documents"))
        texts = [text for text, _ in documents]
        async with in_time(timeout) as deadline:
            ranking = await ranked(reranker, query, texts, deadline, top_n=top_n, threshold=threshold)
        results = [
            {"index": hit.index, **documents[hit.index][1], "score": score, "text": documents[hit.index][0]}
            for hit, score in zip(ranking, scores(ranking), strict=True)
        ]
        return {"results": results, "problem": ranking.problem}

    return Tool("rerank", "Rerank", _DESCRIPTION, _TAKES, _GIVES, call)


def _documents(given: Any) -> list[tuple[str, dict[str, Any]]]:
    """The texts, each with its id, if it has one."""
    if not is_list(given):
        msg = f"documents must be a list of strings, or of objects with a text and an id, not {quoted(given)}"
        raise ConfigurationError(msg)
    if len(given) > _MOST:
        msg = f"documents are {len(given):,}, and {_MOST:,} are allowed: rank them in parts, or search for fewer"
        raise ConfigurationError(msg)
    found = [_document(place, each) for place, each in enumerate(given)]
    size = sum(len(text.encode()) for text, _ in found)
    if size > _BYTES:
        msg = (
            f"documents have {size / 1e6:.1f} MB, and {_BYTES // 1_000_000} are allowed: send passages, not whole files"
        )
        raise ConfigurationError(msg)
    return found


def _document(place: int, given: Any) -> tuple[str, dict[str, Any]]:
    text = given.get("text") if is_mapping(given) else given
    if not isinstance(text, str):
        msg = f'documents[{place}] must be a string, or an object with one under "text", not {quoted(given)}'
        raise ConfigurationError(msg)
    known = given.get("id") if is_mapping(given) else None
    if known is None:
        return encodable(text), {}
    if not (isinstance(known, str) or is_whole(known)):
        msg = f"documents[{place}].id must be a string or a whole number, not {quoted(known)}"
        raise ConfigurationError(msg)
    return encodable(text), {"id": known}
