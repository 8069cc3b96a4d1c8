"""What a load came to is written as it was, and a goal is said to be met where it was, and only there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from serve_report import INT8, ONE_CORE, OURS, Beside, Load, Server, between, percentile, report, spread, verdicts


def load(seconds: float, clients: int = 1, errors: int = 0) -> Load:
    return Load(seconds, [seconds] * clients, clients, errors)


def servers(loaded: float, beside: float, theirs: float, errors: int = 0) -> dict[str, Server]:
    """Two rounds: a single request takes 1 s, and 2 s on one core; a small one 0.5 s."""
    ours = Server({1: [load(1), load(1)], 32: [load(loaded, 32, errors), load(loaded, 32)]})
    ours.small = [Beside([0.5], [beside], [9.0], 0), Beside([0.5], [beside], [9.0], 0)]
    infinity = Server({1: [load(theirs), load(theirs)], 32: [load(32 * theirs, 32), load(32 * theirs, 32)]})
    return {OURS: ours, INT8: infinity, ONE_CORE: Server({1: [load(2), load(2)]})}


def verdict(lines: list[str]) -> list[str]:
    return [line.rsplit("**", 2)[1] for line in lines]


def test_percentiles_are_values_that_there_were() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert [percentile(values, share) for share in (50, 99, 100)] == [50, 99, 100]
    assert percentile([3.0], 50) == percentile([3.0], 99) == 3
    assert percentile([1.0, 2.0], 50) == 1


def test_a_single_figure_has_no_range() -> None:
    assert spread([1.234]) == "1.23"
    assert spread([3.0, 1.0, 2.0], 1) == "2.0 (1.0–3.0)"


def test_goals_that_were_met_are_said_to_be() -> None:
    lines = verdicts(servers(loaded=35.0, beside=0.9, theirs=1.2), cores=2)
    assert verdict(lines) == ["met"] * 6
    assert "single request, which has all cores: 1.09 (1.09–1.09); goal: at most 1.10" in lines[0]
    assert "single request on one core / 2 cores: 1.09" in lines[1]
    assert "errors: 0 of 72; goal: none" in lines[2]
    assert "1.80 (1.80–1.80); goal: at most 2.00" in lines[3]


def test_goals_that_were_missed_are_said_to_be() -> None:
    lines = verdicts(servers(loaded=36.0, beside=1.1, theirs=0.9, errors=1), cores=2)
    assert verdict(lines) == ["missed"] * 6
    assert "errors: 1 of 72" in lines[2]


def test_where_infinity_is_not_installed_nothing_is_compared_with_it() -> None:
    alone = servers(loaded=32.0, beside=0.5, theirs=1.0)
    del alone[INT8]
    assert verdict(verdicts(alone, cores=2)) == ["met"] * 4
    assert "infinity" not in report(alone, cores=2)


def test_every_server_and_number_of_clients_has_a_row() -> None:
    seen = servers(loaded=32.0, beside=0.5, theirs=2.0)
    seen[OURS].memory, seen[OURS].shared = (200.4, 250.0), [10, 9]
    text = report(seen, cores=2)
    assert f"| {OURS} | 32 | 32.00 (32.00–32.00) | 32.00 (32.00–32.00) | 1.00 (1.00–1.00) | 0 |" in text
    assert f"| {INT8} | 1 | 2.00 (2.00–2.00) | 2.00 (2.00–2.00) | 0.50 (0.50–0.50) | 0 |" in text
    assert f"| {OURS} | 200 | 250 | 9.5 |" in text


@pytest.mark.parametrize("page", ["# Page\n\nText.\n", "# Page\n\nText.\n\n<!-- load -->\nold\n<!-- end of load -->\n"])
def test_a_section_is_written_once_between_its_marks(page: str) -> None:
    written = "# Page\n\nText.\n\n<!-- load -->\nnew\n<!-- end of load -->\n"
    assert between(page, "\nnew\n") == written
    assert between(f"{page}\nAfter.\n", "new").count("new") == 1


def test_what_stands_behind_a_section_stays() -> None:
    assert between("a\n<!-- load -->\nold\n<!-- end of load -->\n\nb\n", "new").endswith("-->\n\nb\n")
