"""The server's side of each wire format: what it reads, what it answers, how it complains."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rerank_kit.api.json_values import is_list, is_mapping
from rerank_kit.testing.faults import Scores
from rerank_kit.texts import is_blank


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
class Asked:
    """A request, read: what every format has in common."""

    query: str
    texts: Sequence[str]
    top_n: int
    body: Mapping[str, Any]

    @property
    def tokens(self) -> int:
        """Words, standing in for tokens: the query's once for each document, and the documents'."""
        return len(self.texts) * len(self.query.split()) + sum(len(text.split()) for text in self.texts)


Render = Callable[[Asked, Scores], Any]


@dataclass(frozen=True, slots=True)
class ServedFormat:
    """One format: where its requests go, and how its answers look."""

    path: str
    answer: Render
    complaint: Callable[[int, str], Any]
    query: str = "query"
    documents: str = "documents"
    top_n: str | None = "top_n"
    root: str = ""
    most: int | None = None

    def read(self, body: Mapping[str, Any]) -> Asked:
        """Read a request as strictly as the real servers do.

        Raises:
            Refused: Something is missing or of the wrong type.
        """
        query, texts = body.get(self.query), body.get(self.documents)
        if not isinstance(query, str) or is_blank(query):
            raise Refused(400, f"invalid request: {self.query} must not be empty")
        if not is_list(texts) or not texts:
            raise Refused(400, f"invalid request: {self.documents} must be a list that is not empty")
        plain = [_text(each, place) for place, each in enumerate(texts)]
        if self.most is not None and len(plain) > self.most:
            raise Refused(422, f"batch size {len(plain)} > maximum allowed batch size {self.most}")
        top_n = len(plain) if self.top_n is None else body.get(self.top_n) or len(plain)
        return Asked(query, plain, int(top_n), body)


def _text(document: Any, place: int) -> str:
    """A document's text, plain or in an object."""
    text = document.get("text") if is_mapping(document) else document
    if not isinstance(text, str) or is_blank(text):
        raise Refused(400, f"invalid request: document at index {place} cannot be empty")
    return text


def _listed(results: Scores, score: str, **more: Any) -> list[dict[str, Any]]:
    return [{"index": index, score: value, **more} for index, value in results]


def _cohere(asked: Asked, results: Scores) -> Any:
    rows = _listed(results, "relevance_score")
    if asked.body.get("relevant_spans"):
        for row in rows:
            text, word = asked.texts[row["index"]], asked.query.split()[0]
            if word in text:
                start = text.index(word)
                row["relevant_spans"] = [{"start": start, "end": start + len(word), "score": 0.9}]
    units = {"search_units": math.ceil(len(asked.texts) / 100)}
    meta = {"api_version": {"version": "2"}, "billed_units": units}
    return {"id": "07734bd2-2473-4f07-94e1-0d9f0e6843cf", "results": rows, "meta": meta}


def _data(score: str) -> Render:
    return lambda asked, results: {
        "object": "list",
        "data": _listed(results, score),
        "model": asked.body.get("model"),
        "usage": {"total_tokens": asked.tokens},
    }


def _results(asked: Asked, results: Scores) -> Any:
    usage = {"prompt_tokens": asked.tokens, "total_tokens": asked.tokens}
    return {"model": asked.body.get("model"), "usage": usage, "results": _listed(results, "relevance_score")}


def _bare(_: Asked, results: Scores) -> Any:
    return _listed(results, "score", text=None)


def _message(_: int, text: str) -> Any:
    return {"message": text}


def _detail(_: int, text: str) -> Any:
    return {"detail": text}


def _openai(code: int, text: str) -> Any:
    return {"error": {"message": text, "type": "server_error", "code": code}}


def _tei(_: int, text: str) -> Any:
    return {"error": text, "error_type": "Validation"}


SERVED_FORMATS: Mapping[str, ServedFormat] = {
    "cohere": ServedFormat("/v2/rerank", _cohere, _message),
    "contextual": ServedFormat("/v1/rerank", _results, _detail),
    "infinity": ServedFormat("/rerank", _results, _openai, most=2048),
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

PAGES: Mapping[tuple[str, str], Any] = {
    ("tei", "/info"): {"model_id": "served", "model_type": {"reranker": {}}, "max_client_batch_size": 32},
    ("infinity", "/models"): {"data": [{"id": "served", "owned_by": "infinity"}], "object": "list"},
    ("llama.cpp", "/v1/models"): {"data": [{"id": "served", "owned_by": "llamacpp"}], "object": "list"},
    ("sglang", "/v1/models"): {"data": [{"id": "served", "owned_by": "sglang"}], "object": "list"},
    ("vllm", "/v1/models"): {"data": [{"id": "served", "owned_by": "vllm"}], "object": "list"},
}
"""What servers say of themselves: by format and path."""
