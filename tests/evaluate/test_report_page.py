"""The page of an evaluation: it loads nothing, nothing of the data is markup, and it works in a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from rerank_kit.evaluate.report import as_html, page_data
from tests.evaluate.reported import ATTACK, HOSTILE, reported

VOID = {"meta", "input", "img", "br"}
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Page(HTMLParser):
    """A page, taken apart: its elements with their attributes, and the text inside those with an id."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, str] = {}
        self.open: list[tuple[str, str]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append((tag, dict(attrs).get("id") or tag))

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        for _, name in self.open:
            self.inside[name] = self.inside.get(name, "") + data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def values(self, name: str) -> Any:
        return json.loads(self.inside[name])


def test_every_element_is_closed_and_every_control_has_a_label() -> None:
    page = as_html(reported())
    parsed = Page(page)
    assert parsed.open == []
    for heading in ("short", "systems", "time-title", "money-title", "ceilings-title", "differences-title", "queries"):
        assert parsed.inside[heading]
    ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    referred = [attributes["aria-labelledby"] for _, attributes in parsed.elements if "aria-labelledby" in attributes]
    assert set(referred) <= set(ids)
    assert len(re.findall(r"<label[^>]*>[\w ]+<(?:select|input) ", page)) == len(
        parsed.all("select") + parsed.all("input")
    )
    assert set(re.findall(r"find\('(\w+)'\)", page)) <= set(ids)  # what the script looks for is there


def test_nothing_is_loaded_and_only_the_script_of_the_page_may_run() -> None:
    page = as_html(reported())
    parsed = Page(page)
    assert {tag for tag, _ in parsed.elements}.isdisjoint({"link", "iframe", "img", "object", "base", "form", "embed"})
    for _, attributes in parsed.elements:
        assert "src" not in attributes
        assert "style" not in attributes
        assert (attributes.get("href") or "#").startswith("#")
        assert not [name for name in attributes if name.startswith("on")]
    assert re.findall(r"\w+://[^'\"\s]+", page) == [
        "http://www.w3.org/2000/svg"
    ]  # the name of SVG, which is no address
    assert not re.search(
        r"@import|url\(|fetch\(|XMLHttpRequest|innerHTML|insertAdjacentHTML|document\.write|eval\(", page
    )
    (policy,) = [each["content"] for each in parsed.all("meta") if each.get("http-equiv") == "Content-Security-Policy"]
    script, style = page.split("<script>")[1].split("</script>")[0], parsed.inside["style"]
    assert policy is not None
    assert "default-src 'none'" in policy
    for kind, text in (("script", script), ("style", style)):
        assert f"{kind}-src 'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" in policy


def test_texts_of_any_kind_are_data_and_no_markup() -> None:
    harmless = Page(as_html(reported(texts=["a"] * len(HOSTILE), names=["bm25", "1", "2", "3", "4", "5", "6", "7"])))
    page = as_html(reported(texts=HOSTILE, names=["bm25", *HOSTILE]))
    page.encode()
    assert [tag for tag, _ in Page(page).elements] == [tag for tag, _ in harmless.elements]
    assert not set("\x00\x1b\x7f\x85\u202e\u2066\u2028\u2029\r") & set(page)
    rankings = Page(page).values("rankings")
    assert ATTACK in {text for _, text, *_ in rankings["documents"]}
    assert "one\ntwo\nthree" in {text for _, text, *_ in rankings["documents"]}
    assert rankings["queries"][4][1] == "one two three"


def test_the_viewer_has_every_ranking_with_its_scores_reasons_and_judgements() -> None:
    given = reported()
    data = Page(as_html(given)).values("rankings")
    names = [name for name, *_ in data["documents"]]
    for system, ranked, values in zip(given["systems"], data["results"], data["values"], strict=True):
        assert values == pytest.approx(system["per_query"]["nDCG@10"], rel=1e-4)
        for shown, expected in zip(ranked, system["results"], strict=True):
            documents, scores, ranks, whys = shown
            rows = [[names[document], why, rank] for document, why, rank in zip(documents, whys, ranks, strict=True)]
            assert rows == [[name, why, rank] for name, _, why, rank in expected]
            assert scores == pytest.approx([score for _, score, _, _ in expected], rel=1e-4)
    for (_, _, grades), query in zip(data["queries"], given["queries"], strict=True):
        assert {names[document]: grade for document, grade in grades} == query["relevant"]
    assert data["documents"][names.index("far")] == ["far", None]  # no system found it
    assert data["failed"][2] == {"0": "a text"}
    assert [(each["kind"], each["system"], each["against"], each["queries"]) for each in data["found"]] == [
        ("harm", 1, 0, [0, 1]),
        ("failed", 2, 0, [0]),
        ("something new", None, None, []),
    ]


def test_numbers_that_json_has_none_for_are_unknown() -> None:
    given = reported()
    given["systems"][1]["per_query"]["nDCG@10"][0] = math.nan
    given["systems"][1]["per_query"]["nDCG@10"][1] = None
    given["systems"][1]["results"][0][0][1] = math.inf
    data = Page(as_html(given)).values("rankings")
    assert data["values"][1][:2] == [None, None]
    assert data["results"][1][0][1][0] is None


def test_judged_and_irrelevant_documents_that_nobody_sees_are_left_out_and_reasons_if_there_are_none() -> None:
    given = reported()
    given["queries"][0]["relevant"] = {"unseen": 0, "d0": 0}
    given["systems"][0]["results"][0] = [["d0", 1.0, None, 1]]
    given["systems"][0]["results"][1] = []
    data = Page(as_html(given)).values("rankings")
    assert "unseen" not in {name for name, *_ in data["documents"]}
    assert data["results"][0][:2] == [[[data["queries"][0][2][0][0]], [1.0], [1]], [[], [], []]]


def test_long_texts_are_cut_and_the_page_knows_how_long_they_were() -> None:
    given = reported(texts=["a", "x" * 1_000_000, "a"])
    page = as_html(given)
    assert len(page) < 300_000
    data = Page(page).values("rankings")
    assert ["x" * data["cut"], 1_000_000] in [rest for _, *rest in data["documents"]]


@pytest.fixture
def tenth(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page has a tenth of its room: what a tenth of the queries would fill."""
    for name in ("_ALL", "_REASONS", "_HITS"):
        monkeypatch.setattr(page_data, name, getattr(page_data, name) // 10)


@pytest.mark.usefixtures("tenth")
def test_ten_thousand_queries_make_a_page_that_a_browser_can_hold() -> None:
    given = reported(queries=1_000, texts=[f"{place} {'word ' * 1000}" for place in range(7)])
    page = as_html(given)
    assert len(page) < 5_000_000  # of 5 MB of texts, and 300 MB of reasons
    data = json.loads(page.partition('id="rankings">')[2].partition("</script>")[0])
    assert len(data["queries"]) == 1_000
    assert 10 <= data["cut"] < 4_000
    assert len(data["results"][0][0][0]) == data["hits"]


@pytest.mark.usefixtures("tenth")
def test_more_queries_than_that_show_fewer_results_of_each() -> None:
    given = reported(queries=60, names=[str(place) for place in range(120)])
    data = json.loads(as_html(given).partition('id="rankings">')[2].partition("</script>")[0])
    assert data["hits"] == 8
    assert {len(documents) for ranked in data["results"] for documents, *_ in ranked} == {8}


def test_rerankers_with_as_many_candidates_are_all_in_the_chart() -> None:
    charts = Page(as_html(reported())).values("figures")
    assert charts["ceilings"][0]["now"] == [[50, 0.55, "one"], [50, 0.75, "two"]]


def test_a_reranker_stands_in_the_chart_where_its_candidates_end() -> None:
    given = reported()
    given["ceilings"][0]["by_depth"] = {"10": 0.6, "48": 0.9}
    assert Page(as_html(given)).values("figures")["ceilings"][0]["now"][0][0] == 48


def test_on_a_narrow_screen_each_cell_says_its_column() -> None:
    cells = [each["data-column"] for each in Page(as_html(reported())).all("td")]
    assert cells[:3] == ["vs first stage", "candidates", "nDCG@10"]
    assert len(cells) == 3 * 9


def test_a_page_says_which_queries_a_finding_is_about() -> None:
    page = as_html(reported())
    assert "Show the 2 queries that lose most" in page
    assert "Show the query" in page
    assert "something new" in page


def test_a_verdict_of_a_later_version_is_shown_as_it_is() -> None:
    given = reported()
    given["comparisons"][0]["verdict"] = "<odd>"
    assert '<li class="verdict inconclusive"><b>&lt;odd&gt;</b>' in as_html(given)


@pytest.mark.unmeasured
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
@pytest.mark.parametrize("texts", [("a text", "another"), HOSTILE], ids=["plain", "hostile"])
def test_in_a_browser_all_is_drawn_and_nothing_of_the_data_runs(texts: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(as_html(reported(queries=200, texts=texts)), "utf-8")
    options = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-logging=stderr",
        "--virtual-time-budget=5000",
    ]
    command = [str(CHROMIUM), *options, f"--user-data-dir={tmp_path}", "--dump-dom", f"file://{tmp_path / 'page.html'}"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=True, timeout=120)
    assert "CONSOLE" not in done.stderr
    page = Page(re.sub(r"<(/?)(path|rect|circle|line)([^>]*)>", r"<\1\2\3>", done.stdout))
    (root,) = page.all("html")
    assert root == {"lang": "en", "data-ready": "yes"}
    options_shown = [each for each in page.all("div") if each.get("role") == "option"]
    assert 0 < len(options_shown) < 60  # of 200: those in sight
    assert options_shown[0]["aria-setsize"] == "200"
    assert len(page.all("svg")) == 6
    assert len([each for each in page.all("button") if (each.get("class") or "").startswith("row")]) == 40
    moves = [each.get("class") for each in page.all("span") if (each.get("class") or "").startswith("move ")]
    assert moves.count("move new") == 0  # where it was before is known, also behind those that are shown
