"""How far an evaluation is, on stderr: bars at a terminal, a line for each system elsewhere."""

from __future__ import annotations

from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from rerank_kit.cli.telling import of_stderr, tell
from rerank_kit.evaluate import running


class Bars:
    """Bars of an evaluation, which begin with the first query that is answered."""

    def __init__(self) -> None:
        """Draw nothing yet: a question may come first."""
        self._console = of_stderr()
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[spent]}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
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
