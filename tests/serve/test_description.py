"""The app's own description says what really comes back."""

from __future__ import annotations

from typing import Any

import pytest

from rerank_kit.api.json_values import is_list, is_mapping
from rerank_kit.local import OnnxCrossEncoder
from rerank_kit.serve import hashed
from tests.doubles import Failing, Scripted
from tests.serve.conftest import Serving

DOCUMENTS = ["Mars is the red planet. " * 200, "Bread is baked in an oven."]
KINDS: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "array": list,
    "object": dict,
    "null": type(None),
}


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """Whether a value is what a schema describes, and nothing besides."""
    if "oneOf" in schema:
        return sum(fits(value, each) for each in schema["oneOf"]) == 1
    if "enum" in schema:
        return value in schema["enum"]
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    if not any(isinstance(value, KINDS[kind]) for kind in kinds):
        return False
    if is_mapping(value):
        known = schema["properties"]
        return set(schema["required"]) <= set(value) and all(
            name in known and fits(each, known[name]) for name, each in value.items()
        )
    if is_list(value):
        return all(fits(each, schema["items"]) for each in value)
    return not isinstance(value, int | float) or schema.get("minimum", value) <= value <= schema.get("maximum", value)


SENT: list[tuple[str, dict[str, Any]]] = [
    ("/v2/rerank", {"query": "Which planet is red?", "documents": DOCUMENTS, "relevant_spans": {}}),
    ("/v2/rerank", {"query": "Which planet is red?", "documents": DOCUMENTS, "return_documents": True}),
    ("/v1/rerank", {"query": "Which planet is red?", "documents": DOCUMENTS, "return_documents": True}),
    ("/rerank", {"query": "Which planet is red?", "documents": DOCUMENTS, "top_n": None}),
    ("/rerank", {"query": "q", "documents": DOCUMENTS, "raw_scores": True, "return_documents": True}),
    ("/rerank", {"query": "Which planet is red?", "texts": DOCUMENTS, "return_text": True}),
    ("/v1/rerank", {"query": "Which planet is red?", "texts": DOCUMENTS}),
]


@pytest.mark.parametrize(("path", "body"), SENT)
def test_answers_and_refusals_are_as_described(serving: Serving, path: str, body: dict[str, Any]) -> None:
    client = serving(OnnxCrossEncoder(long_documents="max"))
    told = client.get("/openapi.json").json()["paths"][path]["post"]["responses"]
    broken = serving(Failing(OSError("x")))
    answers = [
        client.post(path, json=body),
        client.post(path, json={**body, "top_n": -1}),
        broken.post(path, json=body),
    ]
    assert [each.status_code for each in answers] == [200, 422 if "texts" in body else 400, 500]
    for answer in answers:
        schema = told[str(answer.status_code)]["content"]["application/json"]["schema"]
        assert fits(answer.json(), schema), answer.text
    assert ("relevant_spans" in answers[0].text) == ("relevant_spans" in body)


def test_pages_are_described_with_what_they_ask_for(serving: Serving) -> None:
    client = serving(Scripted(), keys=[hashed("a-key")])
    told = client.get("/openapi.json", headers={"x-api-key": "a-key"}).json()["paths"]
    for path, page in told.items():
        if "get" in page:
            answer = client.get(path)
            assert str(answer.status_code) in page["get"]["responses"]
            assert (page["get"].get("security") == []) == (answer.status_code == 200)
            if answer.status_code == 401:
                schema = page["get"]["responses"]["401"]["content"]["application/json"]["schema"]
                assert fits(answer.json(), schema)
