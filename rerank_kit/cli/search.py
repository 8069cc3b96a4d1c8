"""`rerank-kit search`: a folder searched by words, and then with a reranker on top, before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Annotated, Any

import typer

from rerank_kit.cli.options import EMBEDDED, AsJson, RerankerName, named_reranker
from rerank_kit.cli.telling import as_options, drawn, results_alone, say, say_json, score_text, tell
from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.text_files import check_encoding
from rerank_kit.ranking import Ranking
from rerank_kit.search import Folder, Passage, PassageIndex, read_folder
from rerank_kit.search.folder import folder_of
from rerank_kit.texts import counted, in_a_line

EXAMPLES = (
    'search notes "when are backups made?"',
    'search src "where is the token refreshed?" --top-n 10',
    'search notes "who may sign?" --json | jq -r ".after[0].path"',
)
_EXCERPT = 700  # characters of the best passage that are shown


@dataclass(frozen=True, slots=True)
class _Found:
    """A search: candidates of BM25, best first, what the reranker made of them, and how long each took."""

    candidates: Sequence[Passage]
    ranking: Ranking
    reranker: str
    first_seconds: float
    seconds: float


def run(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="A folder with notes, code or both.")],
    query: Annotated[str, typer.Argument(metavar="QUERY", help="The question.")],
    *,
    recall: Annotated[int, typer.Option(min=1, help="So many candidates of BM25 are reranked.")] = 50,
    top_n: Annotated[int, typer.Option(min=1, help="So many are shown.")] = 5,
    reranker: RerankerName = EMBEDDED,
    encoding: Annotated[str, typer.Option(help="Of the files.")] = "utf-8",
    as_json: AsJson = False,
) -> None:
    """Search a folder: what BM25 finds, and what a reranker makes of it.

    Needs no key and sends nothing anywhere, unless --reranker names an API.
    """
    if not _is_folder(folder) and _is_folder(query):
        msg = f"DIR={folder!r} is no folder, and QUERY={query!r} is one: the folder comes first, then the question"
        raise ConfigurationError(msg)
    read = read_folder(folder, check_encoding(encoding))
    with results_alone():
        found = _searched(read.passages, query, recall, reranker)
    if as_json:
        say_json(_plain(query, read, found, top_n))
        return
    for note in read.notes:
        tell(f"rerank-kit: {as_options(in_a_line(note), {'encoding': '--encoding'})}")
    say(_shown(read, found, recall, top_n))


def _is_folder(given: str) -> bool:
    try:
        folder_of("DIR", given)
    except ConfigurationError:
        return False
    return True


def _searched(passages: Sequence[Passage], query: str, recall: int, name: str) -> _Found:
    index = PassageIndex(passages)
    loaded = named_reranker(name)
    begun = perf_counter()
    candidates = index.best(query, recall)
    between = perf_counter()
    ranking = loaded.rerank(query, [each.text for each in candidates])
    return _Found(candidates, ranking, name, between - begun, perf_counter() - between)


def _plain(query: str, read: Folder, found: _Found, top_n: int) -> dict[str, Any]:
    """All of it for JSON. A rank before is that among BM25's candidates."""
    before = [_row(rank, each) for rank, each in enumerate(found.candidates[:top_n], start=1)]
    after = [
        {**_row(rank, found.candidates[hit.index]), "before": hit.index + 1, "relevance_score": hit.score}
        for rank, hit in enumerate(found.ranking[:top_n], start=1)
    ]
    return {
        "query": query,
        "files": read.files,
        "passages": len(read.passages),
        "candidates": len(found.candidates),
        "reranker": found.reranker,
        "seconds": {"bm25": round(found.first_seconds, 4), "reranker": round(found.seconds, 4)},
        "problem": found.ranking.problem,
        "notes": read.notes,
        "before": before,
        "after": after,
    }


def _row(rank: int, passage: Passage) -> dict[str, Any]:
    return {"rank": rank, "path": passage.path, "line": passage.line, "text": passage.text}


def _shown(read: Folder, found: _Found, recall: int, top_n: int) -> str:
    searched = f"{counted(len(read.passages), 'passage')} of {counted(read.files, 'file')}"
    if not found.candidates:
        return f"{searched}: BM25 finds nothing, for no passage has a word of the question in it. Try other words."
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", justify="right")
    table.add_column(f"BM25 alone, {found.first_seconds:.2f} s", ratio=2, no_wrap=True)
    table.add_column(f"reranked, {found.seconds:.2f} s", ratio=2, no_wrap=True)
    table.add_column("was", justify="right")
    table.add_column("score", justify="right")
    for rank, (old, hit) in enumerate(zip(found.candidates, found.ranking[:top_n], strict=False), start=1):
        moved = found.candidates[hit.index]
        style = "bold" if hit.index >= top_n else ""
        cells = (str(rank), _where(old), Text(_where(moved), style), str(hit.index + 1), score_text(hit.score))
        table.add_row(*(Text(each) if isinstance(each, str) else each for each in cells))
    best = found.candidates[found.ranking[0].index]
    said = in_a_line(best.text)
    excerpt = said if len(said) <= _EXCERPT else f"{said[:_EXCERPT]} …"
    last = [f"not all is as it was asked for: {found.ranking.problem}"] if found.ranking.problem is not None else []
    count = len(found.candidates)
    which = f"the {count} with a word of the question" if count < recall else f"the best {count} of BM25"
    head = f"{searched}; {which} were reranked by {found.reranker}"
    return drawn(Text(head), "", table, "", Text(f"{_where(best)}: {excerpt}"), *map(Text, last))


def _where(passage: Passage) -> str:
    return f"{in_a_line(passage.path)}:{passage.line}"
