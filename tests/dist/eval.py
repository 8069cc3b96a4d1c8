"""The extra `eval`: which reranker is better, in Python and from the command line, with a page as the report."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from rerank_kit.evaluate import Dataset, evaluate

animals = ["cats", "dogs", "cows", "hens", "pigs", "foxes", "owls", "bats"]
documents = {
    f"{each}, {what}": f"{each.title()} {what}." for each in animals for what in ("eat grass", "sleep all day")
}
queries = {each: f"What do {each} eat?" for each in animals}
judgements = {each: {f"{each}, eat grass": 1} for each in animals}
found = evaluate(Dataset("animals", queries, judgements, documents), ["bm25", "bm25@10 > onnx:embedded"])
assert len(found.comparisons) == 1

with TemporaryDirectory() as folder:
    notes, asked, page = (Path(folder) / each for each in ("notes", "questions.csv", "report.html"))
    notes.mkdir()
    for name, text in documents.items():
        (notes / f"{name}.md").write_text(text, "utf-8")
    rows = [f"{question},{each.title()} eat grass." for each, question in queries.items()]
    asked.write_text("\n".join(["question,quote", *rows]), "utf-8")
    command = Path(sys.executable).with_name("rerank-kit")
    done = subprocess.run(
        [command, "eval", asked, "--corpus", notes, "--html", page],
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
        cwd=folder,
    )
    assert done.returncode == 0, done
    assert "nDCG@10" in page.read_text("utf-8")
