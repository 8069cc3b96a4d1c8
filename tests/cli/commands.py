"""The command line in this process, and what its tests give it to do."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rerank_kit import Deadline, Document, Hit, Ranking, Reranker, Span, Usage

BY_LENGTH = "tests.cli.commands:by_length"
"""The name of a reranker that prefers short texts."""


def by_length(query: str, texts: Sequence[str]) -> list[float]:
    return [1 / len(text) for text in texts]


def parses(arguments: Sequence[str]) -> bool:
    """Whether a command line is right; it is not run."""
    from typer.main import get_command  # not where only some pages are tested

    from rerank_kit.cli.app import app

    commands: Any = get_command(app)
    context = commands.make_context("rerank-kit", list(arguments))
    name, command, rest = commands.resolve_command(context, list(arguments))
    return command.make_context(name, rest, parent=context) is not None


def piped(content: bytes) -> io.TextIOWrapper:
    """What standard input is when this is piped in."""
    return io.TextIOWrapper(io.BufferedReader(io.BytesIO(content)), "utf-8")


class Terminal(io.StringIO):
    """A stream at which somebody sits."""

    def isatty(self) -> bool:
        return True


def notes(folder: Path) -> Path:
    """A folder of notes and code, and of much else."""
    for name, content in {
        "backups.md": b"# Backups\n\nBackups are made every night, at two, and are kept for a month.\n",
        "dogs.txt": b"Dogs are let in.\r\n",
        "code/night.py": b"import os\n\n\ndef night() -> int:\n    return 2\n",
        "node_modules/night.md": b"night night night",
        ".hidden.md": b"night",
        "picture.md": b"PNG\x00night",
        "old.txt": "die Nächte night".encode("cp1252"),
        "empty.md": b"\n",
        "tool.exe": b"night",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    with (folder / "huge.md").open("wb") as file:
        file.truncate(1 << 22)
    return folder


class _Paid(Reranker):
    """Costs what it says for a query, as an API does that is not pointwise."""

    pointwise = False

    def __init__(self, cost: float | None) -> None:
        self.model = f"paid {cost}"
        self.price = cost

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Ranking:
        count, usage = len(documents), Usage(pairs=len(documents), requests=1)
        span = Span("Paid", self.model, count, count, 0.0, usage, cost=self.price)
        return Ranking(Ranking.by_score([1.0] * count).hits, usage, (span,))


paid, unpriced = _Paid(1.0), _Paid(None)


def stopped(query: str, texts: Sequence[str]) -> list[float]:
    """Ctrl-C at the second question."""
    if query == "two":
        raise KeyboardInterrupt
    return by_length(query, texts)


def leaves(query: str, texts: Sequence[str]) -> list[float]:
    """Ends the program."""
    raise SystemExit("there is no key")


def noisy(query: str, texts: Sequence[str]) -> list[float]:
    """Prints, and has a program print."""
    print("from Python")  # noqa: T201 - as users do
    subprocess.run([sys.executable, "-c", "print('from a program')"], check=True)
    return by_length(query, texts)


class _Undecided(Reranker):
    """Keeps the order, for nobody answered."""

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Ranking:
        return Ranking(tuple(Hit(place, 0.0) for place in range(len(documents))), failure="nobody answered")


undecided = _Undecided()
