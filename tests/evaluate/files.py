"""Files of datasets, as people have them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

CORPUS = {
    "tax": "The yearly allowance is 4,000 crowns, to be claimed before the last day of March.",
    "dog": "Dogs are let in on a leash, but for the reading room, where none is.",
    "bus": "Bus 14 leaves every twenty minutes, on Sundays every forty.",
}


def jsonl(path: Path, rows: Iterable[Any]) -> Path:
    """A file with one value a line; packed if its name says so."""
    text = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows).encode("utf-8", "surrogatepass")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def corpus(path: Path, documents: Mapping[str, str] = CORPUS) -> Path:
    """A corpus."""
    return jsonl(path, ({"id": each, "text": text} for each, text in documents.items()))


def beir(folder: Path, judged: str = "tax\ttax\t1\ndog\tdog\t2\ndog\tbus\t0\n", packed: str = "") -> Path:
    """A folder in BEIR's layout; each of its queries is called like the document that answers it."""
    jsonl(
        folder / f"corpus.jsonl{packed}",
        ({"_id": each, "title": each.title(), "text": CORPUS[each]} for each in CORPUS),
    )
    jsonl(folder / f"queries.jsonl{packed}", ({"_id": each, "text": f"What of the {each}?"} for each in CORPUS))
    (folder / "qrels").mkdir()
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judged}", "utf-8")
    return folder
