"""Does reranking help on your data? An evaluation on your own questions, with a verdict.

python examples/evaluate_own_data.py                       # the questions in questions.csv, on Python's documentation
python examples/evaluate_own_data.py questions.csv notes/  # yours: a question and a quote of its answer on each line

pip install "rerank-kit[eval]"

It prints a table of what BM25 finds and what the embedded model makes of its 20 best, what of that is sure, and which
questions a reranker harms. `--html report.html` writes a page with every question. The questions in questions.csv were
made up for the examples: they show how it is done, and not how good the model is.
"""

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory

from passages import standard_library

from rerank_kit.evaluate import evaluate, read_dataset
from rerank_kit.evaluate.report import as_html, as_text

QUESTIONS = Path(__file__).parent / "questions.csv"
SYSTEMS = ("bm25", "bm25@20 > onnx:embedded")  # or objects: your retriever, your reranker
WHAT_TO_DO = {
    "better": "use it, if it is worth its time.",
    "worse": "leave it out, and look at the questions that lose most.",
    "equal": "take the cheaper one.",
    "inconclusive": "ask more questions, or take the cheaper one.",
}


def written(path: Path) -> Path:
    """Write Python's documentation as a corpus: an object with id, title and text on each line."""
    rows = ({"id": each.id, "title": each.title, "text": each.text} for each in standard_library())
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return path


def main() -> None:
    """Read the data, evaluate, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", nargs="?", default=QUESTIONS, help="a table with the columns question and quote")
    parser.add_argument("corpus", nargs="?", help="a folder of notes, or a file with an object on each line")
    parser.add_argument("--html", help="where to write a page")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        corpus = given.corpus or written(Path(folder, "corpus.jsonl"))
        dataset = read_dataset(given.questions, corpus=corpus)
    found = evaluate(dataset, SYSTEMS)
    print(f"{dataset}\n\n{as_text(found, width=100)}")
    for each in found.comparisons:
        print(f"\n{each.verdict}: {WHAT_TO_DO[each.verdict]}")
    if given.html:
        Path(given.html).write_text(as_html(found), "utf-8")


if __name__ == "__main__":
    main()
