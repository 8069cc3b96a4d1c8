"""Requests of all formats, read leniently: what clients send besides is ignored, and what they leave out means all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from rerank_kit.api.json_values import is_list, is_mapping, is_whole
from rerank_kit.checks import is_number
from rerank_kit.managed.served_formats import SERVED_FORMATS, Refused
from rerank_kit.managed.split import Limits
from rerank_kit.texts import encodable, estimated_tokens, is_blank

Spoken: TypeAlias = Literal["cohere", "infinity", "jina", "tei"]
"""A format by its name in the tables: Jina's is that of vLLM and of Cohere's first version, too."""

_COHERE = "/v2/rerank"
PATHS = (_COHERE, "/v1/rerank", "/rerank")
"""Where rankings are asked for."""

_READ = {"query", "model", "top_n", "return_documents"}
_READ_BESIDE: Mapping[Spoken, set[str]] = {
    "cohere": {"documents", "relevant_spans"},
    "infinity": {"documents", "raw_scores"},
    "jina": {"documents"},
    "tei": {"texts", "return_text"},
}
_THRESHOLD = 0.1  # of relevant spans: https://docs.cohere.com/reference/rerank


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request, read.

    Attributes:
        spoken: The format in which it is answered.
        query: The question.
        texts: The documents.
        top_n: How many results at most; `None` is all.
        model: The model that it names.
        echo: Whether results hold their documents.
        spans: The lowest score of spans that are told; `None` where none are asked for.
        unknown: How many fields there were that are not read.
    """

    spoken: Spoken
    query: str
    texts: list[str]
    top_n: int | None
    model: str | None
    echo: bool
    spans: float | None
    unknown: int

    @property
    def tokens(self) -> int:
        """Tokens that a reranker reads of it, guessed: the query's once for each document."""
        return len(self.texts) * estimated_tokens(self.query) + sum(map(estimated_tokens, self.texts))


def spoken_at(path: str, body: object = None) -> Spoken:
    """The format of a request: by where it goes and, where several are spoken, by fields that only one of them has.

    infinity's and vLLM's differ in the documents that are sent back: strings and objects.
    """
    if path == _COHERE:
        return "cohere"
    if not is_mapping(body):
        return "jina"
    if "texts" in body and body.get("documents") is None:
        return "tei"
    return "infinity" if "raw_scores" in body else "jina"


def read(spoken: Spoken, body: object, limits: Limits) -> Wanted:
    """Read a request.

    Raises:
        Refused: It is none, or longer than it may be. Nothing of its texts is quoted.
    """
    if not is_mapping(body):
        raise Refused(400, "the body must be a JSON object with query and documents")
    wire = SERVED_FORMATS[spoken]
    query, documents, model, top_n = (body.get(name) for name in ("query", wire.documents, "model", "top_n"))
    if not isinstance(query, str) or is_blank(query):
        raise Refused(_invalid(spoken), "query must be a string with something in it")
    if not is_list(documents) or not documents:
        raise Refused(_invalid(spoken), f"{wire.documents} must be a list with at least one document in it")
    if limits.documents is not None and len(documents) > limits.documents:
        msg = f"batch size {len(documents)} > maximum allowed batch size {limits.documents}: send fewer documents"
        raise Refused(_invalid(spoken), msg)
    if model is not None and not isinstance(model, str):
        raise Refused(_invalid(spoken), "model must be a string")
    if top_n is not None and not (is_whole(top_n) and top_n >= 0):
        raise Refused(_invalid(spoken), "top_n must be a whole number; null and 0 are all")
    wanted = Wanted(
        spoken,
        query,
        [_text(each, f"{wire.documents}[{place}]", spoken) for place, each in enumerate(documents)],
        top_n or None,
        model,
        echo=body.get("return_text" if spoken == "tei" else "return_documents") is True,
        spans=_spans(body.get("relevant_spans")) if spoken == "cohere" else None,
        unknown=len(set(body) - _READ - _READ_BESIDE[spoken]),
    )
    if limits.tokens is not None and wanted.tokens > limits.tokens:
        msg = f"query and documents have about {wanted.tokens} tokens, and {limits.tokens} are allowed"
        raise Refused(413, msg)
    return wanted


def _text(document: Any, name: str, spoken: Spoken) -> str:
    text = document.get("text") if is_mapping(document) else document
    if not isinstance(text, str):
        raise Refused(_invalid(spoken), f'{name} must be a string, or an object with one under "text"')
    return encodable(text)


def _spans(asked: Any) -> float | None:
    if not is_mapping(asked) or asked.get("mode", "enabled") != "enabled":
        return None
    threshold = asked.get("threshold")
    return float(threshold) if is_number(threshold) else _THRESHOLD


def _invalid(spoken: Spoken) -> int:
    """The status for what cannot be read."""
    return 422 if spoken == "tei" else 400
