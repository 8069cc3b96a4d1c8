"""`write_dataset`: a dataset as a folder in BEIR's layout, which `read_dataset` and most other tools read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rerank_kit.arguments import named
from rerank_kit.checks import check_instance
from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.dataset import Dataset, some
from rerank_kit.evaluate.origin import ORIGIN
from rerank_kit.texts import encodable
from rerank_kit.whole_files import write_whole

_OURS = {"corpus.jsonl", "queries.jsonl", "qrels", ORIGIN}


@named
def write_dataset(dataset: Dataset, folder: str | Path) -> Path:
    """Write a dataset: `corpus.jsonl`, `queries.jsonl`, `qrels/test.tsv`, and who labelled it in `labels.json`.

    Each file is whole or as it was before. Quotes are written as the documents that hold them; candidates are not.

    Args:
        dataset: With documents.
        folder: Made where there is none. One with other files than those of such a dataset is refused.

    Returns:
        The folder.

    Raises:
        ConfigurationError: Only a retriever knows the documents, an id has a tab or a line end in it, or the folder
            cannot be written, or has other files in it.
    """
    check_instance("dataset", dataset, Dataset, "a Dataset")
    if not dataset.documents:
        msg = f"{dataset.name} has no documents, which only a retriever knows: pass the corpus to read_dataset"
        raise ConfigurationError(msg)
    odd = [each for each in (*dataset.queries, *dataset.documents) if not each.strip() or each.split("\n")[0] != each]
    odd = odd or [each for each in (*dataset.queries, *dataset.documents) if "\t" in each or "\r" in each]
    if odd:
        msg = f"the ids {some(odd)} cannot stand in a table: give these another id, without tabs and line ends"
        raise ConfigurationError(msg)
    where = Path(folder)
    check_folder(where)
    grades = [f"{query}\t{each}\t{grade}" for query, rows in dataset.judgements.items() for each, grade in rows.items()]
    try:
        (where / "qrels").mkdir(parents=True, exist_ok=True)
        _write(where / "corpus.jsonl", _lines(dataset.documents))
        _write(where / "queries.jsonl", _lines(dataset.queries))
        _write(where / "qrels" / "test.tsv", ["query-id\tcorpus-id\tscore", *grades])
        origin = {"synthetic": dataset.synthetic, "labelled_by": dataset.labelled_by, "notes": dataset.notes}
        _write(where / ORIGIN, [json.dumps(origin, ensure_ascii=False)])
    except OSError as error:
        msg = f"folder={str(folder)!r} cannot be written: {error.strerror}: name another one"
        raise ConfigurationError(msg) from error
    return where


def _lines(texts: Mapping[str, str]) -> Iterable[str]:
    rows: Iterable[Mapping[str, Any]] = ({"_id": each, "text": text} for each, text in texts.items())
    return (json.dumps(row, ensure_ascii=False) for row in rows)


def check_folder(where: Path) -> None:
    """Refuse a folder in which other things are, such as the notes themselves.

    Raises:
        ConfigurationError: There are some, or it is where one is.
    """
    there = [each.name for each in where.iterdir() if not each.name.startswith(".")] if where.is_dir() else []
    others = sorted({*there} - _OURS)
    if str(where) == "." or others:
        what = f"has {some(others)} in it" if others else "is where you are"
        msg = f"folder={str(where)!r} {what}: name a new folder for the dataset"
        raise ConfigurationError(msg)


def _write(path: Path, lines: Iterable[str]) -> None:
    write_whole(path, (encodable(f"{line}\n").encode() for line in lines))
