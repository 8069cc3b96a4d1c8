"""Every code block of the documentation runs, and prints what the comments under it say."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import parses

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(page: Path, language: str) -> list[str]:
    return [code for kind, code in BLOCK.findall(page.read_text("utf-8")) if kind == language]


@pytest.mark.filterwarnings("error")  # what is shown to be written warns of nothing
@pytest.mark.unmeasured  # what the documentation runs has tests of its own
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_blocks_run_and_print_what_they_say(page: Path) -> None:
    names: dict[str, Any] = {"__name__": "documentation"}
    for code in blocks(page, "python"):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, page.name, "exec", dont_inherit=True), names)  # noqa: S102 - our own documentation
        promised = [line.removeprefix("# ") for line in map(str.strip, code.splitlines()) if line.startswith("# ")]
        assert printed.getvalue().splitlines() == promised


def test_shell_blocks_name_extras_and_targets_that_exist() -> None:
    extras = set(metadata("rerank-kit").get_all("Provides-Extra") or [])
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    lines = [line for page in PAGES for block in blocks(page, "bash") for line in block.splitlines()]
    assert lines
    for line in lines:
        if line.startswith("make "):
            assert line.split()[1] in targets
        elif line.startswith("rerank-kit "):
            assert parses(shlex.split(line)[1:])
        elif not line.startswith(("mkdir ", "echo ")):
            (wanted,) = re.findall(r'^pip install "rerank-kit\[([\w,-]+)\]"$', line)
            assert set(wanted.split(",")) <= extras


def test_no_page_has_a_block_of_another_kind() -> None:
    kinds = {kind for page in PAGES for kind, _ in BLOCK.findall(page.read_text("utf-8"))}
    assert kinds <= {"python", "bash", "text"}


def test_every_file_of_the_project_is_linked_by_a_path_that_exists() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_place_in_a_page_that_is_linked_exists() -> None:
    for page in PAGES:
        for target, place in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", page.read_text("utf-8")):
            text = (page.parent / target if target else page).read_text("utf-8")
            prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
            headings = re.findall(r"^#+ (.+)$", prose, flags=re.MULTILINE)
            places = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
            assert place in places, f"{page.name} links to {target}#{place}"
