"""`Calibrated`: scores as probabilities, and the threshold that was measured for them."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import pickle
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rerank_kit import (
    Blended,
    Calibrated,
    Calibration,
    Cascade,
    ConfigurationError,
    ConnectionFailed,
    Deadline,
    Document,
    Fallback,
    Hedged,
    Ranking,
    Reranker,
    Rules,
    Shadow,
    Stage,
)
from rerank_kit.cache import Cached
from rerank_kit.combine.calibrated import NEAREST
from rerank_kit.combine.fusion import log_odds
from rerank_kit.combine.identity import identity_of
from rerank_kit.flow import run
from rerank_kit.values import UNJUDGED, Hit

SCORES = [0.9, 0.2, 0.6]
TEXTS = ["first", "second", "third"]
PLATT = Calibration("scripted", "Scored()", "platt", ((2.0, -1.0),), 0.4, "precision", 0.8)
STEPS = Calibration("scripted", "Scored()", "isotonic", ((0.0, 0.1), (0.5, 0.7)), 0.7, "recall", 0.9)


class Scored(Reranker):
    """Gives the scores it was made with."""

    model = "scored"

    def __init__(self, scores: Sequence[float] = SCORES, fingerprint: str | None = "scripted") -> None:
        self.scores = list(scores)
        self._fingerprint = fingerprint

    @property
    def fingerprint(self) -> str | None:
        return self._fingerprint

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Ranking:
        return Ranking.by_score(self.scores[: len(documents)])

    def __repr__(self) -> str:
        return "Scored()"


def test_scores_become_probabilities_and_the_order_stays() -> None:
    platt = Calibrated(Scored(), PLATT).rerank("query", TEXTS)
    assert [hit.index for hit in platt] == [0, 2, 1]
    expected = [1 / (1 + pow((1 - each) / each, 2) * 2.718281828459045) for each in (0.9, 0.6, 0.2)]
    assert [hit.score for hit in platt] == pytest.approx(expected)
    steps = Calibrated(Scored(), STEPS).rerank("query", TEXTS)
    assert [(hit.index, hit.score) for hit in steps] == [(0, 0.7), (2, 0.7), (1, 0.1)]


@pytest.mark.parametrize("calibration", [PLATT, STEPS])
def test_the_calibrated_threshold_passes_what_reaches_it(calibration: Calibration) -> None:
    reranker = Calibrated(Scored(), calibration)
    passed = reranker.rerank("query", TEXTS, threshold="calibrated")
    assert [hit.index for hit in passed] == [0, 2]
    assert all(hit.score >= calibration.threshold for hit in passed)
    assert passed.dropped[0].index == 1
    assert [hit.index for hit in Cached(reranker).rerank("query", TEXTS, threshold="calibrated")] == [0, 2]
    cascade = Cascade(Stage(reranker, threshold="calibrated"))
    assert [hit.index for hit in cascade.rerank("query", TEXTS)] == [0, 2]


def test_without_a_calibration_there_is_no_calibrated_threshold() -> None:
    with pytest.raises(ConfigurationError, match=r'threshold="calibrated": Scored is not calibrated'):
        Scored().rerank("query", TEXTS, threshold="calibrated")
    with pytest.raises(ConfigurationError, match=r"Cascade is not calibrated: .* pass it to the Stage"):
        Cascade(Calibrated(Scored(), PLATT)).rerank("query", TEXTS, threshold="calibrated")
    with pytest.raises(ConfigurationError, match="not calibrated"):
        Stage(Scored(), threshold="calibrated")
    with pytest.raises(ConfigurationError, match=r'threshold must be a finite number, "calibrated", or None'):
        Scored().rerank("query", TEXTS, threshold="high")  # type: ignore[arg-type]


CALIBRATED = Calibrated(Scored(), PLATT)
OTHER = Calibrated(Scored(), dataclasses.replace(PLATT, threshold=0.5))


class Down(Scored):
    """Fails."""

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Ranking:
        raise ConnectionFailed("down")


class Slow(Scored):
    """Answers late."""

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Ranking:
        time.sleep(0.2)
        return super().flow(query, documents, deadline)


@pytest.mark.parametrize(
    "combined",
    [
        Cached(CALIBRATED),
        Hedged(CALIBRATED, after=5.0),
        Hedged(Calibrated(Slow(), PLATT), other=Calibrated(Scored(), PLATT), after=0.01),
        Fallback(Calibrated(Down(), PLATT), CALIBRATED),
        Fallback(CALIBRATED, CALIBRATED),
        Fallback(CALIBRATED, Hedged(CALIBRATED, after=5.0)),
        Cascade(Stage(CALIBRATED, threshold="calibrated")),
        Fallback(Cascade(Stage(CALIBRATED, threshold="calibrated")), Cascade(Stage(OTHER, threshold="calibrated"))),
    ],
    ids=lambda each: type(each).__name__,
)
def test_combinations_that_hand_on_calibrated_scores_cut_by_their_threshold(combined: Reranker) -> None:
    by_stage = isinstance(combined, Cascade) or combined.calibrated_threshold is None
    ranking = combined.rerank("query", TEXTS, threshold=None if by_stage else "calibrated")
    assert [hit.index for hit in ranking] == [0, 2]
    assert all(hit.score >= PLATT.threshold for hit in ranking)
    if not by_stage:
        assert combined.threshold_of("calibrated") == PLATT.threshold
        again = Cascade(Stage(combined, threshold="calibrated")).rerank("query", TEXTS)
        assert [hit.index for hit in again] == [0, 2]


def test_a_shadow_cuts_by_the_threshold_of_the_live_one(tmp_path: Path) -> None:
    for live, candidate in ((CALIBRATED, Scored()), (CALIBRATED, OTHER)):
        shadow = Shadow(live, candidate, tmp_path / "shadow.sqlite", sample=0)
        assert [hit.index for hit in shadow.rerank("query", TEXTS, threshold="calibrated")] == [0, 2]
        assert [hit.index for hit in Cascade(Stage(shadow, threshold="calibrated")).rerank("query", TEXTS)] == [0, 2]
    plain = Shadow(Scored(), CALIBRATED, tmp_path / "shadow.sqlite", sample=0)
    with pytest.raises(ConfigurationError, match="Scored is not calibrated: pass a number, or wrap it as"):
        plain.rerank("query", TEXTS, threshold="calibrated")
    with pytest.raises(ConfigurationError, match="Shadow is not calibrated"):
        Stage(plain, threshold="calibrated")


@pytest.mark.parametrize(
    ("combined", "told"),
    [
        (
            Fallback(CALIBRATED, Scored()),
            r"its rerankers do not all have the same calibrated threshold. .* Fallback\(Casc",
        ),
        (Fallback(CALIBRATED, OTHER), "its rerankers do not all have the same calibrated threshold"),
        (Hedged(CALIBRATED, other=Scored(), after=1.0), r"its rerankers do not all .* Hedged\(Cascade\(Stage\("),
        (Hedged(CALIBRATED, other=OTHER, after=1.0), "its rerankers do not all have the same"),
        (Blended(CALIBRATED), r"the scores of a mixture are others .*: calibrate the mixture"),
        (Cascade(CALIBRATED), "its scores are those of several stages: pass it to the Stage of what is calibrated"),
        (Cascade(Rules(), CALIBRATED), "pass it to the Stage"),
        (Cached(Scored()), "wrap it as"),
        (Rules(), "wrap it as"),
        (Reranker.of(lambda query, texts: [0.5] * len(texts)), "wrap it as"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_combinations_whose_scores_are_others_say_what_to_do(combined: Reranker, told: str) -> None:
    assert combined.calibrated_threshold is None
    name = type(combined).__name__
    with pytest.raises(ConfigurationError, match=f'threshold="calibrated": {name} is not calibrated: .*{told}'):
        combined.rerank("query", TEXTS, threshold="calibrated")
    with pytest.raises(ConfigurationError, match=f'threshold="calibrated": {name} is not calibrated'):
        Stage(combined, threshold="calibrated")


@pytest.mark.parametrize("other", ["another", None])
def test_the_calibration_of_another_model_is_refused(other: str | None) -> None:
    with pytest.raises(ConfigurationError, match=r"that of Scored\(\), with other files or settings"):
        Calibrated(Scored(fingerprint=other), PLATT)


def test_it_is_saved_and_loaded(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    for each in (PLATT, STEPS):
        each.save(path)
        assert Calibration.load(path) == each
    assert Calibrated(Scored(), path).calibration == STEPS
    assert Calibrated(Scored(), str(path)).calibration == STEPS


KEPT: dict[str, Any] = {
    "fingerprint": "scripted",
    "reranker": "Scored()",
    "method": "platt",
    "knots": [[2.0, -1.0]],
    "threshold": 0.4,
    "goal": "precision",
    "wanted": 0.8,
    "raw": False,
    "told": {},
}


@pytest.mark.parametrize(
    "change",
    [
        {"fingerprint": ""},
        {"reranker": 5},
        {"method": "magic"},
        {"knots": []},
        {"knots": [[-2.0, 1.0]]},
        {"knots": [[1.0, 0.0], [2.0, 0.0]]},
        {"method": "isotonic", "knots": []},
        {"method": "isotonic", "knots": [[0.5, 0.2], [0.1, 0.3]]},
        {"method": "isotonic", "knots": [[0.1, 0.3], [0.5, 0.2]]},
        {"method": "isotonic", "knots": [[0.1, 0.3], [0.5, 1.2]]},
        {"threshold": 1.5},
        {"threshold": "0.5"},
        {"goal": "beauty"},
        {"raw": 5},
        {"knots": 5},
        {"knots": [[float("nan"), 0.0]]},
    ],
)
def test_a_file_that_holds_none_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(KEPT), "utf-8")
    assert Calibration.load(path) == PLATT
    path.write_text(json.dumps(KEPT | change), "utf-8")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Calibration.load(path)


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    for text in ("", "[]", "{}", "\x00"):
        path.write_text(text, "utf-8")
        with pytest.raises(ConfigurationError, match="name a file that "):
            Calibration.load(path)
    with pytest.raises(ConfigurationError, match="No such file"):
        Calibrated(Scored(), tmp_path / "none.json")
    with pytest.raises(ConfigurationError, match="must be a Calibration or the path"):
        Calibrated(Scored(), 5)  # type: ignore[arg-type]


def test_what_was_not_judged_or_not_ranked_stays_as_it_is() -> None:
    class Odd(Scored):
        def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Ranking:
            if query == "failed":
                return Ranking((Hit(0, 0.0), Hit(1, 0.0)), failure="no answer")
            return Ranking((Hit(0, 0.9), Hit(1, 0.0, verdict=UNJUDGED)))

    reranker = Calibrated(Odd(), STEPS)
    assert [hit.score for hit in reranker.rerank("query", TEXTS[:2])] == [0.7, 0.0]
    assert [hit.score for hit in reranker.rerank("failed", TEXTS[:2])] == [0.0, 0.0]


def test_it_is_what_the_reranker_inside_is() -> None:
    reranker = Calibrated(Scored(), PLATT)
    assert (reranker.model, reranker.pointwise, reranker.scores_blanks, reranker.reads_metadata) == (
        "scored",
        True,
        False,
        False,
    )
    assert reranker.fingerprint not in (None, "scripted", Calibrated(Scored(), STEPS).fingerprint)
    nameless = Scored(fingerprint=None)
    kept = Calibration(identity_of(nameless), "Scored()", "platt", PLATT.knots, 0.5, "recall", 1.0)
    assert Calibrated(nameless, kept).fingerprint is None
    assert repr(reranker) == "Calibrated(Scored(), precision 0.8 at 0.4)"
    for twin in (copy.deepcopy(reranker), pickle.loads(pickle.dumps(reranker))):
        assert twin.rerank("query", TEXTS).hits == reranker.rerank("query", TEXTS).hits


def test_logits_are_those_of_scores_and_raw_ones_stay() -> None:
    assert log_odds(0.5, NEAREST) == 0.0
    assert log_odds(1.0, NEAREST) == pytest.approx(-log_odds(0.0, NEAREST)) == pytest.approx(20.72, abs=0.01)
    assert PLATT.probability(-800.0) == pytest.approx(0.0)
    raw = dataclasses.replace(PLATT, raw=True)
    assert raw.probability(0.5) == 0.5
    assert raw.probability(-0.5) < raw.probability(0.4) < raw.probability(3.0)
    assert STEPS.probability(-1.0) == 0.1


def test_one_query_is_ranked_as_one_of_many() -> None:
    reranker = Calibrated(Scored(), PLATT)
    documents = [Document(each) for each in TEXTS]
    flow = reranker.flow("query", documents, Deadline())
    assert run(flow).hits == reranker.rerank("query", TEXTS).hits


def test_a_calibration_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "calibration.json"
    PLATT.save(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())  # as some editors begin a file
    assert Calibration.load(path) == PLATT
    before = path.read_bytes()

    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigurationError, match=r"calibration\.json' cannot be written \(No space left on device\)"):
        PLATT.save(path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
