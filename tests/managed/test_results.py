"""Answers are read strictly, and a server's complaint is found wherever it puts it."""

from __future__ import annotations

from typing import Any

import pytest

from rerank_kit import InvalidResponse, StatusError
from rerank_kit.api.exchange import Response, error_of
from rerank_kit.api.json_values import amount
from rerank_kit.managed.results import result


@pytest.mark.parametrize(
    "row", [{}, {"index": 0}, {"score": 1.0}, {"index": "0", "score": 1.0}, {"index": True, "score": 1}]
)
def test_a_result_needs_an_index_and_a_score(row: dict[str, Any]) -> None:
    with pytest.raises(InvalidResponse, match="must have an index and a score"):
        result(row, "score")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"message": "no such model"}, "no such model"),
        ({"detail": "no such model"}, "no such model"),
        ({"detail": [{"loc": ["body"], "msg": "too long"}]}, "'msg': 'too long'"),
        ({"error": "batch too large", "error_type": "Validation"}, "batch too large"),
        ({"error": {"message": "Loading model", "code": 503}}, "Loading model"),
        ({"message": "", "code": 7}, "{'message': '', 'code': 7}"),
        ("<html>bad gateway</html>", "<html>bad gateway</html>"),
        ("x" * 1000, "x" * 300 + "…"),
        (None, "None"),
    ],
)
def test_the_servers_words_are_found_wherever_they_are(body: Any, told: str) -> None:
    error = error_of(Response(418, body), "Voyage", lambda text: text)
    assert type(error) is StatusError
    assert told in str(error)
    assert str(error).startswith("Voyage answered 418: ")


@pytest.mark.parametrize(
    ("body", "found"),
    [({"a": {"b": 2}}, 2), ({"a": {"b": 2.5}}, 2.5), ({"a": {"b": None}}, 0), ({"a": 1}, 0), ({}, 0), ([], 0)],
)
def test_what_was_counted_is_a_number_or_nothing(body: Any, found: float) -> None:
    assert amount(body, "a", "b") == found


@pytest.mark.parametrize("count", [True, -1, "3"])
def test_what_is_no_count_is_nothing(count: Any) -> None:
    assert amount({"n": count}, "n") == 0
