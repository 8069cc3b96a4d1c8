"""Real text to compare two models on: the user's passages, or the documentation that comes with Python."""

from __future__ import annotations

import inspect
import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from rerank_kit.errors import ConfigurationError
from rerank_kit.local.cross_encoder import Pair

SAMPLE: list[Pair] = [("query", "text"), ("a longer query", "a longer text, so that one of two is padded")]
"""What a graph is made with."""

QUERIES = 5
_NEAR, _FAR = 10, 10  # passages for a query: from about the same place, and from all over
_QUERY = 80  # characters
_LONG = 1024  # tokens: pairs of many thousands take minutes, so that there is one of those
_LONGEST_TOKEN = 8  # characters, on average: of English they are four or five
_SHORTEST = 80  # characters: a docstring below this says too little to be ranked
_MODULES = (
    *("argparse", "asyncio", "calendar", "collections", "contextlib", "csv", "datetime", "decimal", "difflib"),
    *("fractions", "functools", "hashlib", "heapq", "inspect", "io", "ipaddress", "itertools", "json", "logging"),
    *("os", "pathlib", "pickle", "queue", "random", "re", "shutil", "socket", "statistics", "string", "subprocess"),
    *("tempfile", "textwrap", "threading", "traceback", "unittest", "uuid", "zipfile"),
)


def documentation() -> list[str]:
    """What Python's standard library says about its functions and classes, module by module, without line breaks."""
    found: dict[str, None] = {}
    for module in map(import_module, _MODULES):
        public = (thing for name, thing in sorted(vars(module).items()) if not name.startswith("_"))
        texts = (inspect.getdoc(thing) or "" for thing in public if callable(thing))
        found.update(dict.fromkeys(" ".join(text.split()) for text in texts if len(text) >= _SHORTEST))
    return list(found)


def read_texts(path: str | os.PathLike[str]) -> list[str]:
    """Read passages from a file, one on each line.

    Raises:
        ConfigurationError: It cannot be read.
    """
    try:
        lines = Path(path).read_text("utf-8").splitlines()
    except (OSError, UnicodeError) as error:
        msg = f"texts={os.fspath(path)!r} cannot be read ({error}): pass a UTF-8 file with one passage on each line"
        raise ConfigurationError(msg) from error
    return [line.strip() for line in lines if line.strip()]


def extreme_pairs(passages: Sequence[str], tokens: int) -> list[Pair]:
    """Short and long texts, each as the query and as the document, and one pair of as much as the model reads.

    Args:
        passages: What they are made of.
        tokens: The most that the model reads of a pair.
    """
    whole = " ".join(passages)
    whole *= 1 + _LONGEST_TOKEN * tokens // len(whole)
    word, passage = whole.split(maxsplit=1)[0], passages[-1]
    long, full = whole[: _LONGEST_TOKEN * min(tokens, _LONG)], whole[: _LONGEST_TOKEN * tokens]
    pairs = [(word, word), (word, passage), (passage, long), (word, long)]
    return list(dict.fromkeys([*pairs, *((text, query) for query, text in pairs), (passage, full)]))


def make_pairs(passages: Sequence[str]) -> list[list[Pair]]:
    """Make pairs for a few queries. A query is the beginning of a passage, so that some candidates fit it.

    Raises:
        ConfigurationError: There are too few passages to say anything about a ranking.
    """
    count = len(passages)
    if count < _NEAR + _FAR:
        msg = (
            f"texts must hold at least {_NEAR + _FAR} passages, not {count}: a comparison of rankings needs some length"
        )
        raise ConfigurationError(msg)
    far = passages[:: count // _FAR][:_FAR]
    queries: list[list[Pair]] = []
    for number in range(QUERIES):
        start = number * (count - _NEAR) // (QUERIES - 1)
        query = passages[start][:_QUERY]
        candidates = dict.fromkeys([*passages[start : start + _NEAR], *far])
        queries.append([(query, candidate) for candidate in candidates])
    return queries
