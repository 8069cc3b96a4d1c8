"""The tool `search_folder`: folders that were named when the server was started, and nothing else on the machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rerank_kit.checks import check_query, check_text
from rerank_kit.flow import blocking
from rerank_kit.mcp.tool import PROBLEM, SCORE, UNTRUSTED, Tool, check_arguments, in_time, ranked, scores
from rerank_kit.reranker import Reranker
from rerank_kit.search import FolderIndex

_RECALL = 50  # passages that are reranked, as with `rerank-kit search`
_TOP_N = 5
_NOTED = 5  # notes that an agent is told of
_GIVES = {
    "type": "object",
    "properties": {
        "results": {
            "type": "array",
            "description": "Best first; none if no passage shares a word with the question.",
            "items": {
                "type": "object",
                "properties": {
                    "file": {"type": "string", "description": "The folder's name, and the path below it."},
                    "first_line": {"type": "integer"},
                    "last_line": {"type": "integer"},
                    "score": SCORE,
                    "text": {"type": "string", "description": "The passage."},
                },
                "required": ["file", "first_line", "last_line", "score", "text"],
            },
        },
        "candidates": {"type": "integer", "description": "Passages that share a word with the question, up to 50."},
        "files": {"type": "integer", "description": "Files that were searched."},
        "notes": {"type": "array", "items": {"type": "string"}, "description": "What was left alone, and why."},
        "problem": PROBLEM,
    },
    "required": ["results", "candidates", "files", "notes", "problem"],
}


def search_tool(reranker: Reranker, folders: FolderIndex, timeout: float) -> Tool:
    """Make it.

    Args:
        reranker: What puts passages in order.
        folders: What is searched.
        timeout: Seconds that a call may take.
    """
    takes = _takes(folders)

    async def call(arguments: Mapping[str, Any]) -> dict[str, Any]:
        top_n = check_arguments("search_folder", arguments, takes) or _TOP_N
        query, folder = check_query(arguments.get("query")), arguments.get("folder")
        folder = None if folder is None else check_text("folder", folder)
        async with in_time(timeout) as deadline:
            found = await blocking(folders.search, query, folder, _RECALL, deadline).async_()
            texts = [each.text for each in found.passages]
            ranking = await ranked(reranker, query, texts, deadline, top_n=top_n)
        moved = [found.passages[hit.index] for hit in ranking]
        results = [
            {
                "file": each.path,
                "first_line": each.line,
                "last_line": each.last_line,
                "score": score,
                "text": each.text,
            }
            for each, score in zip(moved, scores(ranking), strict=True)
        ]
        more = len(found.notes) - _NOTED
        notes = [*found.notes[-_NOTED:], *([f"and {more:,} more that were left alone"] if more > 0 else [])]
        return {
            "results": results,
            "candidates": len(texts),
            "files": found.files,
            "notes": notes,
            "problem": ranking.problem,
        }

    return Tool("search_folder", "Search folders", _description(folders), takes, _GIVES, call)


def _description(folders: FolderIndex) -> str:
    named = "\n".join(f"- {name}: {root}" for name, root in folders.folders.items())
    return f"""\
Finds the passages in these folders of notes and code that answer a question, each with its file and lines:

{named}

Passages are found by the words that they share with the question, and put in order by a model that reads both. Use it
instead of opening one file after the other, and ask in your own words; for an exact name, a plain text search does as
well. If it finds nothing that answers, ask again in other words. Files that have changed are read again.

{UNTRUSTED}"""


def _takes(folders: FolderIndex) -> dict[str, Any]:
    named = ", ".join(folders.folders)
    return {
        "type": "object",
        "properties": {
            "query": {
                "type": "string",
                "description": "The question, in full, with words that an answer is likely to have.",
            },
            "folder": {
                "type": ["string", "null"],
                "description": f"Where: {named}, or a folder below, such as {next(iter(folders.folders))}/drafts. By "
                "default everywhere.",
            },
            "top_n": {
                "type": ["integer", "null"],
                "minimum": 1,
                "description": f"So many passages at most; by default {_TOP_N}.",
            },
        },
        "required": ["query"],
        "additionalProperties": False,
    }
