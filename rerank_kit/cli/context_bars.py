"""How far contexts are, on stderr: a bar at a terminal, a line at the end elsewhere."""

from __future__ import annotations

import threading

from rich.progress import TaskID

from rerank_kit.cli.progress import drawn_bars
from rerank_kit.cli.telling import of_stderr, tell
from rerank_kit.contextual import contexts


class ContextBars:
    """A bar of contexts, which begins with the first one."""

    def __init__(self) -> None:
        """Draw nothing yet: a question may come first."""
        self._console = of_stderr()
        self._lock = threading.Lock()
        self._bars = drawn_bars(self._console, "contexts")
        self._task: TaskID | None = None

    def __call__(self, told: contexts.Progress) -> None:
        """Show how far it is."""
        spent = f"${told.spent:.4f}" if told.spent else ""
        with self._lock:
            if self._task is None:
                self._bars.start()
                self._task = self._bars.add_task("contexts", total=told.chunks, spent="")
            self._bars.update(self._task, completed=told.done, spent=spent)
            if told.done == told.chunks:
                self._bars.stop()
                if not self._console.is_terminal:
                    tell(f"rerank-kit: {told.done:,} of {told.chunks:,} chunks {spent}".rstrip())
