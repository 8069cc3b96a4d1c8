"""A report tells agreement, times, money and failures, and what is not known."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.combine import ShadowRun, ShadowSide, shadow_report


def side(*places: int, **more: Any) -> ShadowSide:
    """One that ranked these first; each scores what it is ranked at."""
    return ShadowSide("one", tuple((place, 1 - rank / 10) for rank, place in enumerate(places)), **more)


def run(live: ShadowSide, candidate: ShadowSide, **more: Any) -> ShadowRun:
    return ShadowRun(0.0, "query", 3, live, candidate, **more)


SAME = run(side(0, 1, 2, seconds=1.0, cost=0.001), side(0, 1, 2, seconds=3.0, cost=0.003))
OTHER = run(side(0, 1, 2, seconds=2.0, cost=0.003), side(2, 1, 0, seconds=5.0, cost=None, degraded=True))
FAILED = run(side(0, 1, seconds=3.0, cost=0.002), ShadowSide("one", problem="TimeoutError"))
NOTHING = run(side(cost=0.002, seconds=2.0), side(0, seconds=4.0, cost=0.0))


def test_agreement_is_of_the_queries_that_both_ranked() -> None:
    report = shadow_report([SAME, OTHER, FAILED, NOTHING, run(side(0, problem="nothing was ranked"), side(0))], top_n=2)
    assert (report.runs, report.compared, report.top_n) == (5, 2, 2)
    assert report.top_1 is not None
    assert report.overlap is not None
    assert report.rank_biased_overlap is not None
    assert (report.top_1.value, report.overlap.value) == (0.5, 0.75)
    assert 0 < report.top_1.low < 0.5 < report.top_1.high < 1
    assert report.tau == 0.0
    assert report.moved == (0 + 0 + 2 + 0) / 4
    assert report.shift == pytest.approx((-0.15, 0.0, 0.15))
    assert report.failures == {"TimeoutError": 1}
    assert report.failed is not None
    assert report.failed.value == 0.2
    assert "The candidate failed a share of 0.20 (0.04 to 0.62): TimeoutError (1)." in str(report)


def test_times_and_money_are_of_each_side() -> None:
    report = shadow_report([SAME, OTHER, FAILED])
    assert (report.live.median_seconds, report.candidate.median_seconds) == (2.0, 4.0)
    assert report.live.p95_seconds == pytest.approx(2.9)
    assert report.candidate.p95_seconds == pytest.approx(4.9)
    assert report.live.cost_per_1000 == pytest.approx(2.0)
    assert report.candidate.cost_per_1000 is None  # not known of each
    assert report.candidate.degraded is not None
    assert report.candidate.degraded.value == 0.5
    assert report.live.top_score == 1.0


def test_no_runs_are_a_report_too() -> None:
    report = shadow_report([])
    assert (report.runs, report.top_1, report.tau, report.moved, report.shift, report.apart) == (
        0,
        None,
        None,
        None,
        None,
        (),
    )
    assert "0 queries were asked of both" in str(report)
    assert "| model | unknown | unknown |" in report.to_markdown()
    json.dumps(report.to_dict())


def test_what_cannot_be_known_is_said_to_be_unknown() -> None:
    told = str(shadow_report([run(side(0), side(1))]))
    assert "Kendall's tau: unknown (1 left out, without two documents that both ranked)" in told
    assert "median (5 % to 95 %): unknown" in told
    assert "that the live one's first 5 moved: unknown" in told


def test_kendalls_tau_is_told_with_the_queries_that_it_is_of() -> None:
    report = shadow_report([SAME, run(side(0), side(0)), run(side(1), side(2))])
    assert (report.tau, report.tau_of, report.compared) == (1.0, 1, 3)
    assert "Kendall's tau: 1 (of 1 query; 2 left out, without two documents that both ranked)" in str(report)
    assert "| Kendall's tau | 0 (of 2 queries) |" in shadow_report([SAME, OTHER]).to_markdown()


def test_the_queries_that_differ_most_come_first_and_are_safe_to_print() -> None:
    texts = {0: "a|b <b> \\ \x1b[31m", 2: "y" * 500}
    odd = run(side(0, 1, 2), side(2, 1, 0), names={0: "first"}, texts=texts)
    report = shadow_report([SAME, odd])
    ((query, live, candidate, alike),) = report.apart
    assert (query, live, candidate[:4]) == ("query", f"first {texts[0]}", "[2] ")
    assert 0 < alike < 1
    assert "\x1b" not in str(report) + report.to_markdown()
    assert "first a\\|b &lt;b> \\\\ [31m" in report.to_markdown()
    assert max(map(len, str(report).splitlines())) < 300
    assert "furthest apart" not in str(shadow_report([SAME]))


@pytest.mark.parametrize("source", [3, [3], None])
def test_what_is_no_run_is_refused(source: Any) -> None:
    with pytest.raises(ConfigurationError, match="source"):
        shadow_report(source)
