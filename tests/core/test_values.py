"""Values are frozen, add up, and refuse what cannot be a score."""

from __future__ import annotations

import dataclasses
import json
import math
import pickle

import numpy as np
import pytest

from rerank_kit import (
    AllFailed,
    AuthenticationError,
    BackendError,
    BlankQuery,
    ConfigurationError,
    Deadline,
    DeadlineExceeded,
    Document,
    Hit,
    InvalidResponse,
    MissingExtra,
    Ranking,
    RateLimited,
    RerankError,
    Span,
    StatusError,
    Usage,
)
from rerank_kit.values import finite


def test_documents_are_frozen() -> None:
    document = Document("text")
    with pytest.raises(dataclasses.FrozenInstanceError):
        document.text = "other"  # type: ignore[misc]


def test_usages_add_up_field_by_field() -> None:
    total = sum([Usage(pairs=1, tokens=10), Usage(tokens=5, truncated=1, empty=2, duplicates=3)], Usage())
    assert total == Usage(pairs=1, tokens=15, truncated=1, empty=2, duplicates=3)


def test_requests_and_what_is_billed_add_up_too() -> None:
    total = Usage(requests=2, retries=1, units=1.5) + Usage(requests=3, splits=2, units=1)
    assert total == Usage(requests=5, retries=1, splits=2, units=2.5)


def test_equal_scores_keep_the_incoming_order() -> None:
    ranking = Ranking.by_score([0.5, 0.9, 0.5, 0.9])
    assert [hit.index for hit in ranking] == [1, 3, 0, 2]


def test_scores_are_python_floats_whatever_the_model_gives() -> None:
    ranking = Ranking.by_score(np.array([0.25, 0.5, 1], dtype=np.float32))
    assert [type(hit.score) for hit in ranking.hits] == [float, float, float]
    assert json.dumps([hit.score for hit in ranking.hits]) == "[1.0, 0.5, 0.25]"


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf, np.float32("nan"), None, "high", [0.5]])
def test_a_score_that_is_no_finite_number_is_refused(score: object) -> None:
    with pytest.raises(InvalidResponse, match="finite number"):
        finite(score)


def test_pick_returns_the_callers_own_objects() -> None:
    mine = [object(), object(), object()]
    ranking = Ranking((Hit(2, 0.9), Hit(0, 0.1)))
    picked = ranking.pick(mine)
    assert picked[0] is mine[2]
    assert picked[1] is mine[0]
    assert len(ranking) == 2


def test_a_ranking_is_degraded_when_any_reranker_involved_was() -> None:
    fine = Span("A", None, 2, 2, 0.1)
    late = dataclasses.replace(fine, outcome="degraded", problem="too late")
    assert not Ranking((), spans=(fine,)).degraded
    assert Ranking((), spans=(late, fine)).degraded


def test_a_deadline_counts_down_and_then_raises() -> None:
    now = [100.0]
    deadline = Deadline.after(5.0, clock=lambda: now[0])
    deadline.check()
    assert deadline.remaining() == 5.0
    now[0] = 105.0
    assert deadline.remaining() == 0.0
    with pytest.raises(DeadlineExceeded, match="timeout="):
        deadline.check()


def test_no_deadline_never_passes() -> None:
    never = Deadline.after(None)
    never.check()
    assert never.remaining() is None


def test_errors_form_the_tree_that_the_docs_draw() -> None:
    assert issubclass(ConfigurationError, RerankError)
    assert issubclass(ConfigurationError, ValueError)
    assert issubclass(AuthenticationError, ConfigurationError)
    assert issubclass(BlankQuery, ConfigurationError)
    assert issubclass(MissingExtra, ImportError)
    assert issubclass(DeadlineExceeded, TimeoutError)
    assert issubclass(RateLimited, StatusError)
    assert issubclass(StatusError, BackendError)
    assert not issubclass(BackendError, ConfigurationError)


@pytest.mark.parametrize(
    "error",
    [
        RateLimited("slow down", backend="Cohere", status=429, request_id="r1", retry_after=2.0),
        MissingExtra("onnxruntime is missing", "onnx"),
        AllFailed("all failed", errors=[ValueError("x")]),
    ],
)
def test_errors_survive_a_trip_between_processes(error: Exception) -> None:
    back = pickle.loads(pickle.dumps(error))
    assert str(back).startswith(str(error).split(":", maxsplit=1)[0])
    assert {**vars(back), "errors": None} == {**vars(error), "errors": None}
