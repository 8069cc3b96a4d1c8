"""Every example runs as its docstring says, prints what it is there to show, and is listed where a reader looks."""

from __future__ import annotations

import ast
import io
import re
import sys
from importlib.metadata import metadata
from pathlib import Path

import pytest

from tests.late.tiny_late import stanford_like
from tests.processes import EXAMPLES, example

README = EXAMPLES / "README.md"
SHARED = {"embedding.py", "passages.py", "stand_in.py"}  # parts of several examples
SCRIPTS = sorted(each.name for each in EXAMPLES.glob("*.py") if each.name not in SHARED)

SHOWS: dict[str, tuple[str, ...]] = {
    "langchain_rag.py": (
        r"contents\?\n  BM25 alone\n    (?!filecmp).+\n    from .+\n  with_rerank\n    filecmp\.cmp\(.+ \[1\]",
        r"^    from filecmp\.cmp\(",
        r"  with_rerank\n    glob\.i?glob\(",
        r"  with_rerank\n    threading\.Thread\.join\(",
    ),
    "langchain_agent_tool.py": (
        r"^human: How do I find which files match a pattern\?\nasks search_python_documentation: How do I find",
        r"^  [01]\.\d\d \(was \d+\) +\[\d+\] glob\.i?glob\(",
        r"^ai: glob\.i?glob\(.+ \[\d+\]$",
    ),
    "langgraph_node.py": (
        r"another one is done\?\n  find\n  rerank\n  answer\n    [01]\.\d\d threading\.Thread\.join\(",
        r"passport\?\n  find\n  rerank\n  admit\n    None of the 50 candidates answers that\.",
    ),
    "llama_chat_engine.py": (
        r"^CondensePlusContextChatEngine\.retriever\.similarity_top_k: 3 → 50",
        r"^with_rerank\n  you: How do I find which files match a pattern\?\n  it:  glob\.i?glob\(.+ \[\d+\]$",
        r"^ +[01]\.\d\d \(was \d+\) \[\d+\] glob",
        r"with_rerank\n(?:.*\n)+  you: And as an iterator\?\n  it:  glob\.iglob\(",
    ),
    "hybrid_search.py": (
        r"^How large is a file in bytes\? +- +\d+ +\d+ +1  genericpath\.getsize$",  # by meaning alone
        r"^How do I delete a folder with everything in it\? +\d+ +\d+ +\d+ +[1-4]  shutil\.rmtree$",
    ),
    "cascade.py": (
        r"thread is over\?\n  cross-encoder: 50 → 10, ok\n  decision model: 10 → 5, ok, \$0\.000\d+\n  judge: 5",
        r"  judge: 5 → 1, ok, \$0\.000\d+\n    threading\.Thread\.join",
        r"contents\?\n(?:  .+\n){2}  judge: 5 → 5, skipped: .+\n    filecmp\.cmp\(",
        r"passport\?\n  cross-.+\n  decision model: 10 → 0, .+\n  judge: 0 → 0, skipped: .+\n    I don't know",
    ),
    "business_rules.py": (
        r"the model alone\n  random\.",
        r"and the house rules\n  secrets\.token_bytes\n +Module is secrets \(\+0\.5\); the model's score is 0\.\d+",
        r"left out by the rules\n(?:.*\n)*.+: house rules: 2 with the same module came before it",
    ),
    "contextual_retrieval.py": (
        r"with contexts\n  What does rmtree do with errors\? +\d+ +1$",
        r"^'shutil\.py › shutil\.rmtree\(.+ stands in front of 'If ignore_errors is set",
    ),
    "spans_before_llm.py": (
        r"^[01]\.\d\d statistics\.py, (?:\d{1,3}|1,\d{3}) of \d\d,\d{3} characters\n  .*equal probability",
        r"^whole documents: \d,\d{3} tokens read\n  statistics\.py: .+$",
        r"^spans alone: \d{3} tokens read\n  statistics\.py: .*(quantiles|intervals)",
    ),
    "evaluate_own_data.py": (
        r"^Dataset\('questions': 18 queries",
        r"bm25@20 > onnx:embedded is better than bm25: nDCG@10",
        r"^better: use it",
    ),
}
"""For each script what is to be found in what it prints."""


@pytest.mark.unmeasured  # of the examples it tells nothing, and takes half as long again
@pytest.mark.parametrize("name", SHOWS)
def test_an_example_prints_what_it_is_there_to_show(name: str) -> None:
    done = example(name)
    assert done.returncode == 0, done.stderr
    for pattern in SHOWS[name]:
        assert re.search(pattern, done.stdout, re.MULTILINE), f"not found: {pattern}\n{done.stdout}"


@pytest.mark.unmeasured
def test_an_evaluation_of_own_data_reads_them_and_writes_a_page(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    for number in range(30):
        (notes / f"{number}.md").write_text(f"# Order {number}\n\nChair number {number} was delivered in May.")
    rows = [f'When was chair {number} delivered?,"Chair number {number} was delivered in May."' for number in range(3)]
    (tmp_path / "mine.csv").write_text("question,quote\n" + "\n".join(rows), "utf-8")
    page = tmp_path / "report.html"
    done = example("evaluate_own_data.py", str(tmp_path / "mine.csv"), str(notes), "--html", str(page))
    assert "Dataset('mine': 3 queries, 30 documents" in done.stdout, done.stderr
    assert "inconclusive: ask more questions" in done.stdout
    assert "When was chair 2 delivered?" in page.read_text("utf-8")


@pytest.mark.unmeasured
def test_the_terminal_answers_one_question_or_what_is_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(30):
        (tmp_path / f"{number}.md").write_text(
            f"# Order {number}\n\nA chair was delivered to customer {number} in May."
        )
    (tmp_path / "terms.md").write_text("# Terms\n\nA chair can be returned within 30 days, if it is unused.")
    asked = ("--docs", str(tmp_path), "--top-n", "2")
    once = example("terminal_search.py", *asked, "Until when can a customer return a chair?")
    assert re.match(r"1  [01]\.\d\d \(was \d+\)  Terms\n     A chair can be returned", once.stdout), once.stderr
    assert once.stdout.count(" (was ") == 2

    monkeypatch.setattr(sys, "stdin", io.StringIO("Can a chair be returned?\n1\nqwertz\n\nnever asked\n"))
    typed = example("terminal_search.py", *asked)
    assert typed.stdout.startswith("31 passages. Ask a question")
    assert "> Terms\n\nA chair can be returned within 30 days, if it is unused." in typed.stdout
    assert "No passage has a word of that in it." in typed.stdout
    assert "never asked" not in typed.stdout
    assert example("terminal_search.py", "--docs", str(tmp_path / "none"), "x").returncode == 2


@pytest.mark.unmeasured
def test_late_interaction_finds_in_its_second_run_what_the_first_computed(tmp_path: Path) -> None:
    stanford_like(tmp_path / "model", doc_maxlen=40)
    notes = tmp_path / "notes"
    notes.mkdir()
    for number in range(30):
        text = f"# Fruit {number}\n\nAn apple, a banana, strawberries, pineapples, watermelons {number}"
        (notes / f"{number}.md").write_text(text)
    asked = ["Which apple is a banana?", "--model", str(tmp_path / "model"), "--docs", str(notes)]
    asked += ["--store", str(tmp_path / "vectors"), "--top-n", "2"]
    told = list[list[str]]()
    for _ in range(2):
        done = example("late_interaction.py", *asked)
        assert done.returncode == 0, done.stderr
        told.append(done.stdout.rstrip().split("\n"))
    assert re.search(r"30 passages, 30 computed, 0 kept before, in \d+\.\d s$", told[0][0])
    assert re.search(r"30 passages, 0 computed, 30 kept before, in \d+\.\d s$", told[1][0])
    assert re.match(rf"30 candidates in \d+ ms, 30 of them from {re.escape(str(tmp_path / 'vectors'))}$", told[1][1])
    assert re.match(r"1  0\.\d{3} \(was \d+\)  Fruit \d+$", told[1][2])
    assert len(told[1]) == 4
    assert example("late_interaction.py", *asked[:3], "--docs", str(tmp_path / "none")).returncode == 2


def test_every_example_is_run_by_a_test() -> None:
    tests = "\n".join(each.read_text("utf-8") for each in Path(__file__).parent.rglob("test_*.py"))
    assert [name for name in SCRIPTS if f'"{name}"' not in tests] == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_example_says_how_it_is_run_and_what_it_needs(name: str) -> None:
    told = ast.get_docstring(ast.parse((EXAMPLES / name).read_text("utf-8"))) or ""
    assert f"python examples/{name}" in told
    wanted = re.findall(r'pip install "rerank-kit\[([\w,-]+)\]"', told)
    assert wanted
    extras = set(metadata("rerank-kit").get_all("Provides-Extra") or [])
    assert {extra for each in wanted for extra in each.split(",")} <= extras


def test_the_list_of_examples_names_all_that_there_are_and_no_others() -> None:
    named = set(re.findall(r"\]\((?!https?:)([^)#]+)", README.read_text("utf-8")))
    there = {each.name for each in EXAMPLES.iterdir() if each.suffix in {".py", ".ipynb"}}
    assert there <= named
    assert [each for each in named if not (EXAMPLES / each).exists()] == []


def test_every_example_that_a_page_names_exists() -> None:
    root = EXAMPLES.parent
    pages = [root / "README.md", root / "CHANGELOG.md", *(root / "docs").glob("*.md")]
    named = {name for page in pages for name in re.findall(r"\bexamples/(\w+\.\w+)", page.read_text("utf-8"))}
    assert {"README.md", "langchain_rag.py", "llamaindex.ipynb"} <= named
    assert [name for name in named if not (EXAMPLES / name).exists()] == []


def test_pages_link_to_examples_where_the_site_can_follow() -> None:
    pages = (EXAMPLES.parent / "docs").rglob("*.md")
    assert [each.name for each in pages if "](../examples" in each.read_text("utf-8")] == []
