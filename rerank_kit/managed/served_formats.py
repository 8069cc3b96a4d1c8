"""The server's side of each wire format: how what is answered looks, and how it complains. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_BILLED = 100  # documents in one of Cohere's search units


class Refused(Exception):
    """The request is not what the format asks for.

    Attributes:
        status: The status to answer with.
    """

    def __init__(self, status: int, message: str) -> None:
        """Keep the status beside the message."""
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Row:
    """One result.

    Attributes:
        index: The document's place in the request, from 0.
        score: Its score.
        document: Its text, where it is sent back.
        spans: The parts of it that were relevant, each with `start`, `end` and `score`; `None` where nobody asked.
    """

    index: int
    score: float
    document: str | None = None
    spans: Sequence[Mapping[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered, whatever the format.

    Attributes:
        rows: The results, best first.
        documents: How many documents were asked about.
        tokens: How many tokens were read.
        model: What the model is called.
        id: The name of the request.
    """

    rows: Sequence[Row]
    documents: int
    tokens: int
    model: Any = None
    id: str = "07734bd2-2473-4f07-94e1-0d9f0e6843cf"


@dataclass(frozen=True, slots=True)
class ServedFormat:
    """One format: where its requests go, and how its answers look.

    Attributes:
        path: The path of its requests, below its base URL.
        answer: The body of an answer.
        complaint: The body of a refusal, of its status and what it says.
        query: The name of the query.
        documents: The name of the list of documents.
        top_n: The name of the number of results; `None` where there is none.
        root: What the base URL ends in.
        most: How many documents it takes; `None` is no limit.
    """

    path: str
    answer: Callable[[Answer], Any]
    complaint: Callable[[int, str], Any]
    query: str = "query"
    documents: str = "documents"
    top_n: str | None = "top_n"
    root: str = ""
    most: int | None = None


def meta(answer: Answer) -> dict[str, Any]:
    """What Cohere says of an answer, with what is billed."""
    units = {"search_units": math.ceil(answer.documents / _BILLED)}
    return {"api_version": {"version": "2"}, "billed_units": units}


def _listed(answer: Answer, score: str, *, wrapped: bool = True) -> list[dict[str, Any]]:
    return [_row(each, score, wrapped=wrapped) for each in answer.rows]


def _row(row: Row, score: str, *, wrapped: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"index": row.index, score: row.score}
    if row.document is not None:
        told["document"] = {"text": row.document} if wrapped else row.document
    if row.spans:
        told["relevant_spans"] = list(row.spans)
    return told


def _cohere(answer: Answer) -> Any:
    return {"id": answer.id, "results": _listed(answer, "relevance_score"), "meta": meta(answer)}


def _data(score: str) -> Callable[[Answer], Any]:
    return lambda answer: {
        "object": "list",
        "data": _listed(answer, score),
        "model": answer.model,
        "usage": {"total_tokens": answer.tokens},
    }


def _results(answer: Answer, *, wrapped: bool = True) -> Any:
    usage = {"prompt_tokens": answer.tokens, "total_tokens": answer.tokens}
    return {"model": answer.model, "usage": usage, "results": _listed(answer, "relevance_score", wrapped=wrapped)}


def _infinity(answer: Answer) -> Any:
    return _results(answer, wrapped=False)


def _bare(answer: Answer) -> Any:
    return [{"index": row.index, "score": row.score, "text": row.document} for row in answer.rows]


def _message(_: int, text: str) -> Any:
    return {"message": text}


def _detail(_: int, text: str) -> Any:
    return {"detail": text}


def _openai(code: int, text: str) -> Any:
    return {"error": {"message": text, "type": "server_error", "code": code}}


_TEI_KINDS = {424: "Backend", 429: "Overloaded", 503: "Unhealthy"}


def _tei(code: int, text: str) -> Any:
    return {"error": text, "error_type": _TEI_KINDS.get(code, "Validation")}


SERVED_FORMATS: Mapping[str, ServedFormat] = {
    "cohere": ServedFormat("/v2/rerank", _cohere, _message),
    "contextual": ServedFormat("/v1/rerank", _results, _detail),
    "infinity": ServedFormat("/rerank", _infinity, _openai, most=2048),
    "jina": ServedFormat("/v1/rerank", _results, _detail, root="/v1"),
    "llama.cpp": ServedFormat("/v1/rerank", _results, _openai),
    "mixedbread": ServedFormat("/v1/reranking", _data("score"), _detail, documents="input", top_n="top_k"),
    "openrouter": ServedFormat("/api/v1/rerank", _results, _openai, root="/api/v1"),
    "pinecone": ServedFormat("/rerank", _data("score"), _openai),
    "sglang": ServedFormat("/v1/rerank", _bare, _openai),
    "tei": ServedFormat("/rerank", _bare, _tei, documents="texts", top_n=None, most=32),
    "vllm": ServedFormat("/v1/rerank", _results, _openai),
    "vllm-score": ServedFormat("/score", _data("score"), _openai, query="text_1", documents="text_2", top_n=None),
    "voyage": ServedFormat("/v1/rerank", _data("relevance_score"), _detail, top_n="top_k", root="/v1"),
    "zeroentropy": ServedFormat("/v1/models/rerank", _results, _detail),
}
