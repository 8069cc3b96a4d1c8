"""Requests of each wire format as the servers for tests read them: as strictly as the real ones do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rerank_kit.api.json_values import is_list, is_mapping
from rerank_kit.managed.served_formats import Answer, Refused, Row, ServedFormat
from rerank_kit.testing.faults import Scores
from rerank_kit.texts import is_blank


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

    def answered(self, results: Scores) -> Answer:
        """These results, for any format."""
        rows = [Row(index, score, spans=self._spans(index)) for index, score in results]
        return Answer(rows, len(self.texts), self.tokens, self.body.get("model"))

    def _spans(self, index: int) -> list[dict[str, Any]] | None:
        """Where the query's first word is, if that is asked for."""
        if not self.body.get("relevant_spans") or not 0 <= index < len(self.texts):
            return None
        text, word = self.texts[index], self.query.split()[0]
        start = text.find(word)
        return [] if start < 0 else [{"start": start, "end": start + len(word), "score": 0.9}]


def read(wire: ServedFormat, body: Mapping[str, Any]) -> Asked:
    """Read a request as strictly as the real servers do.

    Raises:
        Refused: Something is missing or of the wrong type.
    """
    query, texts = body.get(wire.query), body.get(wire.documents)
    if not isinstance(query, str) or is_blank(query):
        raise Refused(400, f"invalid request: {wire.query} must not be empty")
    if not is_list(texts) or not texts:
        raise Refused(400, f"invalid request: {wire.documents} must be a list that is not empty")
    plain = [_text(each, place) for place, each in enumerate(texts)]
    if wire.most is not None and len(plain) > wire.most:
        raise Refused(422, f"batch size {len(plain)} > maximum allowed batch size {wire.most}")
    top_n = len(plain) if wire.top_n is None else body.get(wire.top_n) or len(plain)
    return Asked(query, plain, int(top_n), body)


def _text(document: Any, place: int) -> str:
    """A document's text, plain or in an object."""
    text = document.get("text") if is_mapping(document) else document
    if not isinstance(text, str) or is_blank(text):
        raise Refused(400, f"invalid request: document at index {place} cannot be empty")
    return text


PAGES: Mapping[tuple[str, str], Any] = {
    ("tei", "/info"): {"model_id": "served", "model_type": {"reranker": {}}, "max_client_batch_size": 32},
    ("infinity", "/models"): {"data": [{"id": "served", "owned_by": "infinity"}], "object": "list"},
    ("llama.cpp", "/v1/models"): {"data": [{"id": "served", "owned_by": "llamacpp"}], "object": "list"},
    ("sglang", "/v1/models"): {"data": [{"id": "served", "owned_by": "sglang"}], "object": "list"},
    ("vllm", "/v1/models"): {"data": [{"id": "served", "owned_by": "vllm"}], "object": "list"},
}
"""What servers say of themselves: by format and path."""
