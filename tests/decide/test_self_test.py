"""The self-test of a decision model says what is wrong with it, and what that most likely comes from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rerank_kit import AuthenticationError, ConfigurationError, StatusError
from rerank_kit.api.check_report import Check
from rerank_kit.decide.self_test import PROBES
from rerank_kit.testing import DecisionServer, constant_scores, status, words_in_common
from tests.conftest import Colour
from tests.decide.conftest import KEY, MakeClient

ANSWERS = {probe.query: probe.texts[probe.answer] for probe in PROBES}


def knowing(query: str, text: str) -> float:
    """What a sound model makes of the known questions."""
    return 0.9 if ANSWERS[query] == text else 0.1


def failed(report: Check) -> list[str]:
    return [finding.what for finding in report.findings if not finding.ok]


def report(make: MakeClient, colour: Colour, decide: Callable[[str, str], float]) -> Any:
    with DecisionServer(decide, api_key=KEY) as server:
        return colour(make(server), "check")


def test_a_sound_model_passes(make: MakeClient, colour: Colour) -> None:
    found = report(make, colour, knowing)
    assert found.ok
    assert found.scores == pytest.approx((0.1, 0.1, 0.9, 0.1))
    assert found.seconds > 0
    assert "at the places 1, 1, 1; by word overlap 1, 2, 1" in str(found)
    assert "0.90 with an answer among the texts, 0.10 without" in str(found)


def test_a_model_that_counts_words_in_common_orders_no_worse_than_that(make: MakeClient, colour: Colour) -> None:
    assert "answers rank no lower than by word overlap" not in failed(report(make, colour, words_in_common))


def test_a_model_that_orders_worse_than_word_overlap_is_found_out(make: MakeClient, colour: Colour) -> None:
    found = report(make, colour, lambda query, text: 1 - knowing(query, text))
    assert failed(found) == ["answers rank no lower than by word overlap", "it tells whether anything answers"]
    assert "those up to 421M parameters order worse than word overlap" in str(found)


def test_a_model_that_scores_everything_alike_is_found_out(
    server: DecisionServer, make: MakeClient, colour: Colour
) -> None:
    server.fail(constant_scores(), times=None)
    found = colour(make(server), "check")
    assert failed(found) == [
        "answers rank no lower than by word overlap",
        "scores are spread out",
        "it tells whether anything answers",
    ]
    assert "do not rely on min_answerable=" in str(found)


def test_a_model_that_declines_to_say_whether_anything_answers_is_found_out(make: MakeClient, colour: Colour) -> None:
    with DecisionServer(knowing, api_key=KEY) as server:
        server.refuse("")
        found = colour(make(server), "check")
    assert failed(found) == ["it tells whether anything answers"]
    assert "unknown with an answer among the texts" in str(found)


def test_a_model_that_leaves_questions_out_is_found_out(make: MakeClient, colour: Colour) -> None:
    with DecisionServer(knowing, api_key=KEY) as server:
        server.refuse("Boil the eggs")
        found = colour(make(server), "check")
    assert failed(found) == ["every question is answered"]
    assert "18 of 20" in str(found)
    assert found.scores == ()


def test_what_fails_raises(server: DecisionServer, make: MakeClient, colour: Colour) -> None:
    with pytest.raises(AuthenticationError):
        colour(make(server, api_key="another"), "check")
    server.fail(status(400), times=None)
    with pytest.raises(StatusError):
        colour(make(server), "check")
    with pytest.raises(ConfigurationError, match="timeout must be"):
        colour(make(server), "check", timeout=0)
