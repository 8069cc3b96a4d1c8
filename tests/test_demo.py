"""The README's first command does what it says, over the standard library and over a user's own folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.processes import EXAMPLES, Done, example, python

pytestmark = pytest.mark.unmeasured  # of the examples it tells nothing, and takes half as long again


def demo(*arguments: str) -> Done:
    return example("demo.py", *arguments, COLUMNS="120")


def test_the_standard_librarys_documentation_is_searched_with_and_without_reranking() -> None:
    arguments = ("--docs", "", "--query", "How do I find the median of some numbers?")
    done = python(str(EXAMPLES / "demo.py"), *arguments, COLUMNS="120")  # which says once a process what it takes
    assert done.returncode == 0, done.stderr
    (passages,) = re.findall(r"^(\d+) passages from Python's standard library", done.stdout, re.MULTILINE)
    assert int(passages) > 3000
    assert "BM25Retriever.k: 4 → 50" in done.stdout
    assert "ms-marco-MiniLM-L-12-v2" in done.stdout
    assert re.search(r"│ 1 \(was \d+\) +\d\.\d\d statistics\.median\(data\)", done.stdout)
    assert done.stdout.count("│") == 6


def test_a_folder_of_ones_own_is_searched(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number}.md").write_text(
            f"# Order {number}\n\nA chair was delivered to customer {number} in May."
        )
    (tmp_path / "terms.txt").write_text("A chair can be returned to us within 30 days of delivery, if it is unused.")
    arguments = ("--docs", str(tmp_path), "--query", "Until when can a customer return a chair?")
    done = python(str(EXAMPLES / "demo.py"), *arguments, COLUMNS="120")
    assert f"31 passages from {tmp_path}" in done.stdout
    assert re.search(r"│ 1 \(was \d+\) +\d\.\d\d terms\.txt: A chair can be returned", done.stdout)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--docs", "/nowhere", "--query", "x"], "there is no such folder"),
        (["--docs", "{empty}", "--query", "x"], "found no text"),
        (["--docs", "{empty}"], "add --query"),
    ],
)
def test_what_cannot_be_searched_is_said_plainly(tmp_path: Path, arguments: list[str], complaint: str) -> None:
    done = demo(*(each.format(empty=tmp_path) for each in arguments))
    assert done.returncode == 2
    assert complaint in done.stderr
