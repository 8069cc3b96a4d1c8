"""A plan is shown whole: as text, in Markdown, and as a page that loads nothing and believes nothing."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from rerank_kit.pricing import Plan, Price, known_prices, plan
from rerank_kit.pricing.amounts import between, money, seconds, volume

DAY = dt.date(2026, 11, 27)
MADE = plan(200_000, machine_price=60, latency=30, data_must_stay=False, today=DAY)
STAYS = plan(5, data_must_stay=True, today=DAY)
EVIL = '<script>"&|`*\x1b[2J\n$'


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not {name for name, _ in attrs} & {"src", "href", "onload", "onclick", "style"}
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(made: Plan) -> _Tags:
    tags = _Tags()
    tags.feed(made.to_html())
    assert tags.open == []
    return tags


def test_the_text_has_every_back_end_and_what_is_recommended_first() -> None:
    lines = str(MADE).splitlines()
    assert lines[0] == (
        "200,000 queries a month, 50 candidates of 300 tokens, in en, at most 30 s; planned on 2026-11-27"
    )
    assert lines[2] == f"Recommended: {MADE.advice.backend}"
    assert all(any(line.startswith(f"{row.backend} ") for line in lines) for row in MADE.rows)
    assert "data must stay" in str(STAYS).splitlines()[0]
    assert lines == [line.rstrip() for line in lines]


def test_the_columns_stand_below_each_other() -> None:
    table = [line for line in str(MADE).splitlines() if " stay " in line or " go to " in line]
    assert len({line.index(" stay ") if " stay " in line else line.index(" go to ") for line in table}) == 1


def test_markdown_is_a_table_in_which_nothing_is_markup() -> None:
    text = plan(5, prices=known_prices().override(Price(EVIL, "tokens", 1.0, 1)), today=DAY).to_markdown()
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
    assert "<script>" not in text
    assert "\x1b" not in text
    assert "**Recommended: " in text
    assert "**Notes**" in text


def test_the_page_is_whole_loads_nothing_and_shows_what_others_wrote_as_text() -> None:
    tags = parsed(plan(5, prices=known_prices().override(Price(EVIL, "tokens", 1e-9, 1)), today=DAY))
    assert "script" not in tags.tags
    assert "endpoint:<script>" in tags.text
    html = MADE.to_html()
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in html
    assert not re.search(r"https?://|url\(|@import", html)
    assert len(html) < 60_000


def test_the_page_says_what_three_vendors_cost_and_when_self_hosting_pays() -> None:
    tags = parsed(MADE)
    names = [name for curve in MADE.to_dict()["curves"] for name in curve["backends"]]
    assert len({name.partition(":")[0] for name in names} & {"cohere", "voyage", "jina", "endpoint"}) >= 3
    assert names[0] == MADE.advice.backend
    assert tags.tags.count("polyline") == len(MADE.to_dict()["curves"])
    assert "pays from about 188,000 queries a month in place of cohere:rerank-v5.0-fast" in tags.text
    assert "planned" in tags.text


def test_lines_that_are_the_same_are_one() -> None:
    curves = MADE.to_dict()["curves"]
    assert len({str(each["points"]) for each in curves}) == len(curves)
    assert ["cohere:rerank-v5.0-fast", "voyage:rerank-3-lite", "jina:jina-reranker-v3.5"] in [
        each["backends"] for each in curves
    ]


@pytest.mark.parametrize("made", [STAYS, plan(1, machine_price=0, data_must_stay=True, today=DAY), plan(10**12)])
def test_a_page_of_little_or_much_is_whole(made: Plan) -> None:
    assert "nan" not in re.sub(r"\w*nan\w+|\w+nan\w*", "", made.to_html().lower())
    parsed(made)


def test_the_chart_reaches_a_break_even_that_is_near_and_no_farther() -> None:
    near = plan(100_000, machine_price=100, today=DAY)
    far = plan(1_000, machine_price=100, today=DAY)
    most = [max(x for curve in each.to_dict()["curves"] for x, _ in curve["points"]) for each in (near, far)]
    assert most[0] == pytest.approx(1.5 * 100 / 0.00032)
    assert most[1] == 2_000


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(None, "?"), (0, "$0"), (0.00064, "$0.00064"), (0.5, "$0.5"), (1.5, "$1.50"), (64, "$64.00"), (1234.5, "$1,234")],
)
def test_amounts_have_the_digits_that_say_something(amount: float | None, shown: str) -> None:
    assert money(amount) == shown


def test_volumes_and_seconds_too() -> None:
    assert [volume(each) for each in (5, 187_500, 2_061.4)] == ["5", "188,000", "2,060"]
    assert [seconds(each) for each in (None, 0.374, 9.96, 12.3)] == ["?", "0.37", "10", "12"]


@pytest.mark.parametrize(
    ("volumes", "told"),
    [
        ((187_499.9999999999, 300_999.0), ("188,000", "300,000")),
        ((100_000.00000001, 120_000.0), ("100,000", "120,000")),
        ((100_100.0, 100_400.0), ("100,100", "100,400")),  # nothing is between 101,000 and 100,000
        ((12.5, 13.5), ("13", "13")),
    ],
)
def test_between_two_volumes_is_rounded_inwards(volumes: tuple[float, float], told: tuple[str, str]) -> None:
    assert between(*volumes) == told


def test_what_the_documentation_shows_is_what_the_tool_says() -> None:
    page = (Path(__file__).parents[2] / "docs" / "plan.md").read_text("utf-8")
    shown = re.findall(r"^```text\n(.*?)^```", page, re.DOTALL | re.MULTILINE)[0]
    made = str(plan(200_000, machine_price=60, today=DAY))
    assert made.startswith(shown.rstrip("\n"))
    assert shown.count("\n") > len(MADE.rows)
