"""The documentation as a site: pages can be found, public names are in it, and nothing is loaded from elsewhere."""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
SITE = (ROOT / "mkdocs.yml").read_text("utf-8")
POLICY = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'self'; img-src 'self' data:\">"

complaints: Callable[[Path], Iterator[str]] = runpy.run_path(str(ROOT / "tools" / "check_site.py"))["complaints"]


def site(folder: Path, page: str, style: str = "") -> Path:
    (folder / "page.html").write_text(page, "utf-8")
    (folder / "style.css").write_text(style, "utf-8")
    (folder / "search.json").write_text("{}", "utf-8")
    return folder


def test_every_page_is_in_the_navigation_once() -> None:
    named = re.findall(r"[\w/-]+\.md", SITE.partition("nav:")[2])
    assert sorted(named) == sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))


def test_every_package_with_public_names_is_in_the_reference() -> None:
    rooms = {path.parent for path in (ROOT / "rerank_kit").rglob("__init__.py") if "__all__" in path.read_text("utf-8")}
    packages = {".".join(room.relative_to(ROOT).parts) for room in rooms} | {"langchain_rerank_kit", "llama_rerank_kit"}
    pages = "\n".join(path.read_text("utf-8") for path in (DOCS / "api").glob("*.md"))
    internal = {
        "rerank_kit.cli",
        "rerank_kit.evaluate.report",
        "rerank_kit.fields",
        "rerank_kit.search",
        "rerank_kit.mcp",
    }  # nobody imports from these
    assert set(re.findall(r"^::: ([\w.]+)$", pages, re.MULTILINE)) >= packages - internal


@pytest.mark.parametrize(
    "loaded",
    [
        '<script src="https://cdn.example/a.js"></script>',
        '<img src="//cdn.example/a.png">',
        '<link rel="stylesheet" href="https://fonts.example/a.css">',
        '<p style="background: url(https://cdn.example/a.png)">',
        "<style>@import 'https://fonts.example/a.css';</style>",
        '<svg><use href="https://cdn.example/a.svg#b"/></svg>',
    ],
)
def test_a_page_that_loads_from_elsewhere_is_told(tmp_path: Path, loaded: str) -> None:
    (told,) = complaints(site(tmp_path, POLICY + loaded))
    assert "page.html: loads " in told


def test_a_style_that_loads_from_elsewhere_is_told(tmp_path: Path) -> None:
    (told,) = complaints(site(tmp_path, POLICY, "@font-face { src: url(https://fonts.example/a.woff2) }"))
    assert told.endswith("style.css: loads https://fonts.example/a.woff2")


@pytest.mark.parametrize("policy", ["", POLICY.replace("data:", "https://cdn.example")])
def test_a_page_that_may_load_from_elsewhere_is_told(tmp_path: Path, policy: str) -> None:
    (told,) = complaints(site(tmp_path, policy))
    assert "policy" in told


def test_links_and_pages_of_our_own_are_no_matter(tmp_path: Path) -> None:
    page = '<a href="https://example.org">there</a><img src="a.png"><link rel="canonical" href="https://example.org">'
    assert list(complaints(site(tmp_path, POLICY + page, "a { background: url(data:image/png;base64,AA==) }"))) == []


def test_a_site_without_pages_or_search_is_told(tmp_path: Path) -> None:
    assert len(list(complaints(tmp_path))) == 2
