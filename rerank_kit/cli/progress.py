"""How far an evaluation is, on stderr: bars at a terminal, a line for each system elsewhere."""

from __future__ import annotations

from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from rerank_kit.cli.telling import of_stderr, tell
from rerank_kit.evaluate import running


def drawn_bars(console: Console, name: str) -> Progress:
    """Bars at a terminal, with what was spent at their ends; nothing elsewhere.

    Args:
        console: That of stderr.
        name: What stands in front, as rich's fields have it.
    """
    return Progress(
        TextColumn(name, markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[spent]}"),
        console=console,
        disable=not console.is_terminal,
    )


class Bars:
    """Bars of an evaluation, which begin with the first query that is answered."""

    def __init__(self) -> None:
        """Draw nothing yet: a question may come first."""
        self._console = of_stderr()
        self._bars = drawn_bars(self._console, "{task.description}")
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *others: object) -> None:
        """Leave the bars as they are."""
        self._bars.stop()

    def __call__(self, told: running.Progress) -> None:
        """Show how far a system is."""
        if told.system not in self._tasks:
            self._bars.start()
            self._tasks[told.system] = self._bars.add_task(told.system, total=told.queries, spent="")
        spent = f"${told.spent:.2f}" if told.spent else ""
        self._bars.update(self._tasks[told.system], completed=told.done, spent=spent)
        if told.done == told.queries and not self._console.is_terminal:
            tell(f"rerank-kit: {Text(told.system)}: {told.done:,} of {told.queries:,} queries {spent}".rstrip())
