"""`rerank-kit rerank`: lines or JSONL in, ranked out."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Annotated, Any

import typer

from rerank_kit.cli.options import EMBEDDED, AsJson, RerankerName, named_reranker, only_one
from rerank_kit.cli.telling import results_alone, say, score_text, tell
from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.text_files import STDIN, Place, check_encoding, field_of, lines, object_of, path_of
from rerank_kit.ranking import Ranking
from rerank_kit.texts import encodable

EXAMPLES = (
    'rerank "who may sign contracts?" rules.txt --top-n 5',
    'rerank "connection lost" --scores < server.log',
    'rerank "a warm jacket" products.jsonl --text description --threshold 0.5',
)
FIELDS = ("text", "content", "page_content", "body")
"""Where the text of an object is, unless `--text` says it; the first one that is there."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line that is ranked.

    Attributes:
        place: Where it stands.
        text: What the reranker reads.
        row: The object that it is; `None` of a plain line.
    """

    place: Place
    text: str
    row: dict[str, Any] | None


def run(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="The question.")],
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE", help="Files with a text a line, or JSONL; - or none for what is piped in."),
    ] = None,
    *,
    top_n: Annotated[int | None, typer.Option(min=1, help="So many at most; by default all.")] = None,
    threshold: Annotated[float | None, typer.Option(help="The lowest score that passes.")] = None,
    field: Annotated[
        str | None, typer.Option("--text", metavar="FIELD", help="Where the text of an object is.")
    ] = None,
    plain: Annotated[bool, typer.Option("--lines", help="Take lines as they are, also where they are JSON.")] = False,
    scores: Annotated[bool, typer.Option("--scores", help="Write the score and a tab before each line.")] = False,
    reranker: RerankerName = EMBEDDED,
    encoding: Annotated[str, typer.Option(help="Of what is read.")] = "utf-8",
    as_json: AsJson = False,
) -> None:
    """Rank lines, best first. Lines stay as they are; a JSON object a line gets its relevance_score."""
    only_one(lines=plain, text=field)
    only_one(json=as_json, scores=scores)
    folder = next((each for each in files or () if Path(each).is_dir()), None)
    if folder is not None:
        search = f"rerank-kit search {quote(folder)} {quote(query)}"
        msg = f"FILE={folder!r} is a folder: name files in it, or search all of it by {search}"
        raise ConfigurationError(msg)
    entries = _entries(files or ["-"], check_encoding(encoding), field, plain=plain)
    if not entries:
        tell("rerank-kit: there is nothing to rank: no line has a text in it")
        return
    texts = [each.text for each in entries]
    with results_alone():
        ranking = named_reranker(reranker).rerank(query, texts, top_n=top_n, threshold=threshold)
    if ranking.problem is not None:
        tell(f"rerank-kit: not all is as it was asked for: {ranking.problem}")
    if len(ranking):
        say("\n".join(_written(ranking, entries, as_json=as_json, scores=scores)))


def _entries(files: Sequence[str], encoding: str, field: str | None, *, plain: bool) -> list[_Entry]:
    """What is ranked, of all files."""
    found: list[_Entry] = []
    for name in files:
        path = STDIN if name == "-" else path_of("FILE", name)
        if path is STDIN and sys.stdin is not None and sys.stdin.isatty():  # pyright: ignore[reportUnnecessaryComparison] - so it is where it was closed
            tell("rerank-kit: type a text a line, then Ctrl-D; or name a file, or pipe one in")
        read = list(lines(path, encoding))
        objects = not plain and (field is not None or _is_jsonl(path, read))
        if objects:
            found += [_entry(place, line, field) for place, line in read]
        else:
            found += [_Entry(place, encodable(line), None) for place, line in read]
    return found


def _is_jsonl(path: Path, read: Sequence[tuple[Place, str]]) -> bool:
    """Whether a file has an object a line: its name says so, or its first line is one."""
    if {".jsonl", ".ndjson"} & set(path.suffixes):
        return True
    try:
        return bool(read) and isinstance(json.loads(read[0][1]), dict)
    except (ValueError, RecursionError):
        return False


def _entry(place: Place, line: str, field: str | None) -> _Entry:
    row = dict(object_of(place, line))
    return _Entry(place, field_of(place, row, FIELDS if field is None else (field,), "a document's text"), row)


def _written(ranking: Ranking, entries: Sequence[_Entry], *, as_json: bool, scores: bool) -> list[str]:
    """The hits as lines."""
    written: list[str] = []
    for rank, hit in enumerate(ranking, start=1):
        entry = entries[hit.index]
        score = None if ranking.failure is not None else hit.score
        if entry.row is not None:
            told = {"rank": rank} if as_json else {}
            written.append(json.dumps({**entry.row, **told, "relevance_score": score}, ensure_ascii=False))
        elif as_json:
            place = {"file": str(entry.place.path), "line": entry.place.line}
            written.append(
                json.dumps({"rank": rank, **place, "text": entry.text, "relevance_score": score}, ensure_ascii=False)
            )
        else:
            written.append(f"{'' if score is None else score_text(score)}\t{entry.text}" if scores else entry.text)
    return written
