"""The notebooks run from the first cell to the last, and show what they are there to show."""

from __future__ import annotations

import json
import os
import re
from typing import Any

import pytest

from tests.processes import EXAMPLES

nbformat: Any = pytest.importorskip("nbformat")
nbclient: Any = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

NOTEBOOKS = sorted(each.name for each in EXAMPLES.glob("*.ipynb"))

SHOWS = (
    r"(k|similarity_top_k): \d → 50",
    r"before: \['(?!threading\.Thread)",
    r"after:  \['threading\.Thread\.join'",
    r"<table>.*>before<.*>now<.*threading\.Thread\.join\(timeout=None\)",  # what explain gives, as a notebook shows it
    r"^0\.9\d threading\.Thread\.join \(threading\.py\)$",
    r"^yes threading\.Thread\.join - worth 1\.00$",
    r"reranked is better than BM25: nDCG@10",
    r"<iframe title=\"evaluation\"",
)
"""What is to be found among the outputs of each."""


@pytest.mark.unmeasured  # the kernel is another process
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_and_shows_what_it_is_there_to_show(name: str) -> None:
    notebook = nbformat.read(EXAMPLES / name, as_version=4)
    nbformat.validate(notebook)
    variables = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE_")}
    variables["PYTHONPATH"] = str(EXAMPLES.parent)
    client = nbclient.NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(EXAMPLES)}})
    client.execute(env=variables)  # a cell that fails raises
    shown = "\n".join(text for cell in notebook.cells for text in outputs(cell))
    for pattern in SHOWS:
        assert re.search(pattern, shown, re.MULTILINE), f"not found: {pattern}\n{shown[:5000]}"


def outputs(cell: Any) -> list[str]:
    """What a cell shows, as text or HTML."""
    found = cell.get("outputs", [])
    return [each.get("text") or each["data"].get("text/html") or each["data"].get("text/plain", "") for each in found]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_kept_without_outputs(name: str) -> None:
    cells = json.loads((EXAMPLES / name).read_text("utf-8"))["cells"]
    code = [each for each in cells if each["cell_type"] == "code"]
    assert [each for each in code if each["outputs"] or each["execution_count"] is not None] == []
    assert "".join(code[0]["source"]).startswith("# %pip install")
