"""`rerank-kit status`: what is installed, which keys there are, and the one next step."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from shlex import quote
from typing import Any

from rerank_kit.cli.options import AsJson
from rerank_kit.cli.store import STORE
from rerank_kit.cli.telling import drawn, say, say_json

EXAMPLES = ("status", "status --json")
KEYS: Mapping[str, Sequence[str]] = {
    "Cohere": ("CO_API_KEY", "COHERE_API_KEY"),
    "Voyage": ("VOYAGE_API_KEY",),
    "Jina": ("JINA_API_KEY", "JINAAI_API_KEY"),
    "Claude as a judge": ("ANTHROPIC_API_KEY",),
    "OpenAI": ("OPENAI_API_KEY",),
    "SystemOne": ("TYPESAFE_API_KEY",),
    "private models on the hub": ("HF_TOKEN",),
}
"""Variables in which a key may stand, by what it is for."""
WHAT = {
    "embedded": "a reranker on this machine, whose model comes along",
    "bm25": "a first stage without a model",
    "eval": "which reranker is best on your own data",
    "onnx": "models on ONNX Runtime",
    "sentence-transformers": "models on PyTorch",
    "flashrank": "FlashRank's models",
    "export": "models made ready for ONNX Runtime",
    "langchain": "LangChain",
    "llama-index": "LlamaIndex",
    "http": "rerank APIs and servers",
    "cohere": "Cohere by its SDK",
    "anthropic": "Claude as a judge",
    "serve": "any of them behind HTTP",
    "mcp": "tools for agents",
    "opentelemetry": "traces",
    "prometheus": "metrics",
    "ray": "more than one machine",
}
"""Extras, and what each is for."""
_REQUIREMENT = re.compile(r"^([\w.-]++)[^;]*+;.*\bextra\s*==\s*['\"]([\w.-]+)['\"]")


def run(*, as_json: AsJson = False) -> None:
    """Say what is installed, which keys there are (never what they are), and what to do next."""
    missing = {extra: missing_packages(extra) for extra in WHAT}
    keys = {name: any(os.environ.get(each) for each in variables) for name, variables in KEYS.items()}
    told: dict[str, Any] = {
        "rerank_kit": version("rerank-kit"),
        "python": platform.python_version(),
        "extras": {extra: not packages for extra, packages in missing.items()},
        "missing": {extra: packages for extra, packages in missing.items() if packages},
        "keys": keys,
        "next": next_step(missing, evaluated=Path(STORE).is_file(), here=Path()),
    }
    if as_json:
        say_json(told)
    else:
        say(_shown(told, missing))


def next_step(missing: Mapping[str, Sequence[str]], *, evaluated: bool, here: Path) -> str:
    """What to do next, as a command.

    Args:
        missing: The packages that are not installed, of each extra.
        evaluated: Whether an evaluation is kept in this folder.
        here: This folder.
    """
    if missing["embedded"] or missing["bm25"]:
        return 'pip install "rerank-kit[embedded,bm25]"'
    if evaluated and not missing["eval"]:
        return "rerank-kit report --html report.html"
    if missing["eval"]:
        return 'pip install "rerank-kit[eval]"'
    questions = [each.name for each in (*sorted(here.glob("*question*")), *sorted(here.glob("*quer*"))) if _table(each)]
    if questions:
        notes = next((each for each in ("notes", "docs", "documents", "corpus") if (here / each).is_dir()), "DIR")
        return f"rerank-kit eval {quote(questions[0])} --corpus {notes} --html report.html"
    return 'rerank-kit search . "a question about the files of this folder"'


def _table(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in {".csv", ".tsv", ".jsonl"}


def _shown(told: Mapping[str, Any], missing: Mapping[str, Sequence[str]]) -> str:
    from rich.table import Table
    from rich.text import Text

    extras = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    for extra, what in WHAT.items():
        lacking = ", ".join(missing[extra])
        mark = Text("missing", "dim") if lacking else Text("ready", "green")
        extras.add_row(mark, Text(extra), Text(f"{what}{f' (not installed: {lacking})' if lacking else ''}"))
    keys = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    for name, there in told["keys"].items():
        mark = Text("set", "green") if there else Text("not set", "dim")
        keys.add_row(mark, Text(" or ".join(KEYS[name])), Text(name))
    head = f"rerank-kit {told['rerank_kit']}, Python {told['python']}"
    return drawn(Text(head), "", extras, "", keys, "", Text.assemble(("next: ", "bold"), told["next"]))


def missing_packages(extra: str) -> list[str]:
    """The packages of an extra that are not installed."""
    return [name for name in _packages(extra) if not _installed(name)]


@cache
def _packages(extra: str) -> tuple[str, ...]:
    """The packages that an extra brings, those of extras within it too: the build lists them under both."""
    told = (_REQUIREMENT.match(each) for each in requires("rerank-kit") or ())
    return tuple(dict.fromkeys(each[1] for each in told if each is not None and each[2] == extra))


def _installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
