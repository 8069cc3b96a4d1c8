"""`Circuit`: stop asking what keeps failing, and try it again after a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from rerank_kit.checks import check_seconds, check_whole
from rerank_kit.quoting import whole


class Circuit:
    """Opens after several failures in a row; after a while it lets one call through to see whether all is well.

    Attributes:
        failures: How many failures in a row open it.
        seconds: How long it stays open before it lets one call through.
    """

    def __init__(
        self, *, failures: int = 3, seconds: float = 30.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start closed.

        Args:
            failures: How many failures in a row open it.
            seconds: How long it stays open.
            clock: A clock in seconds that only goes forward.

        Raises:
            ConfigurationError: An argument is wrong.
        """
        self.failures = check_whole("failures", failures)
        self.seconds = check_seconds("seconds", seconds)
        self._clock = clock
        self._count = 0
        self._opens_at: float | None = None
        self._deciding = False  # whether a call is under way that decides
        self._lock = threading.Lock()

    @property
    def closed(self) -> bool:
        """Whether calls pass freely."""
        return self._opens_at is None

    @property
    def ready(self) -> bool:
        """Whether a call would be let through now. Asking changes nothing."""
        opens_at = self._opens_at
        return opens_at is None or self._clock() >= opens_at

    def allows(self) -> bool:
        """Whether to make a call now. While open that is one call for every `seconds`, which decides.

        Whoever is let through makes the call, and then says `succeeded`, `failed` or `undecided`.
        """
        with self._lock:
            if self._opens_at is None:
                return True
            now = self._clock()
            if now < self._opens_at:
                return False
            self._opens_at, self._deciding = now + self.seconds, True  # others wait for the outcome of this call
            return True

    def succeeded(self) -> None:
        """Take note of a success: it closes."""
        with self._lock:
            self._count, self._opens_at, self._deciding = 0, None, False

    def failed(self) -> None:
        """Take note of a failure."""
        with self._lock:
            self._count, self._deciding = self._count + 1, False
            if self._count >= self.failures:
                self._opens_at = self._clock() + self.seconds

    def undecided(self) -> None:
        """Take note of a call that says nothing, such as one that was cancelled: had it to decide, the next one may."""
        with self._lock:
            if self._deciding:
                self._opens_at, self._deciding = self._clock(), False

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles start closed."""
        return _closed, (self.failures, self.seconds)

    @whole
    def __repr__(self) -> str:
        """Say when it opens, and whether it is open."""
        return f"Circuit({self.failures} failures, {self.seconds:g} s, {'closed' if self.closed else 'open'})"


def _closed(failures: int, seconds: float) -> Circuit:
    return Circuit(failures=failures, seconds=seconds)
