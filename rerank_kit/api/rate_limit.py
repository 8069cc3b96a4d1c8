"""`RateLimit`: never more requests and tokens in a minute than the plan allows."""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Self

from rerank_kit.api.retry import asked_to_wait
from rerank_kit.arguments import named
from rerank_kit.checks import check_count, check_seconds
from rerank_kit.quoting import whole

_WINDOW = 60.0  # seconds
_NOTHING = re.compile(r"-[0-9].*|0+(?:\.0*)?")  # nothing left, or less
_REMAINING = ("x-ratelimit-remaining", "x-ratelimit-remaining-requests", "x-ratelimit-remaining-tokens")


class RateLimit:
    """Holds requests back so that no 60 seconds see more of them than allowed, nor of their tokens.

    One may be shared by several clients that use the same key, and by all threads and loops of a process. It also
    learns: when an answer says that nothing is left, or that it is too early, nothing is sent until then, though for no
    longer than `longest` seconds at a time: then a request finds out.

    Attributes:
        requests_per_minute: Requests in any 60 seconds; `None` is no limit.
        tokens_per_minute: Tokens in any 60 seconds, as estimated before sending; `None` is no limit.
        longest: Seconds: the most for which one answer holds everything back.
    """

    @named
    def __init__(
        self,
        *,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        longest: float = 600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start with nothing sent.

        Args:
            requests_per_minute: Requests in any 60 seconds; `None` is no limit.
            tokens_per_minute: Tokens in any 60 seconds; `None` is no limit.
            longest: Seconds: the most for which one answer holds everything back, whatever it asks for.
            clock: A clock in seconds that only goes forward.

        Raises:
            ConfigurationError: A limit is less than 1, or `longest` is no number of seconds.
        """
        self.requests_per_minute = check_count("requests_per_minute", requests_per_minute)
        self.tokens_per_minute = check_count("tokens_per_minute", tokens_per_minute)
        self.longest = check_seconds("longest", longest)
        self._clock = clock
        self._sent: deque[tuple[float, int]] = deque()  # the moment, in order, and the tokens
        self._closed_until = clock()
        self._lock = threading.Lock()

    def reserve(self, tokens: int, within: float | None = None) -> float | None:
        """Take a place for a request.

        Args:
            tokens: Its tokens.
            within: Seconds that the caller can wait; `None` is any time.

        Returns:
            Seconds to wait before it may be sent; `None` if that is longer than `within`, and no place is taken.
        """
        with self._lock:
            now = self._clock()
            while self._sent and self._sent[0][0] <= now - _WINDOW:
                self._sent.popleft()
            at = max(now, self._closed_until, self._sent[-1][0] if self._sent else now)
            at = max(at, self._free([1 for _ in self._sent], 1, self.requests_per_minute, at))
            at = max(at, self._free([each for _, each in self._sent], tokens, self.tokens_per_minute, at))
            if within is not None and at - now > within:
                return None
            self._sent.append((at, tokens))
            return at - now

    def learn(self, headers: Mapping[str, str], *, refused: bool) -> None:
        """Heed what an answer says of the limit: that nothing is left, or, if `refused`, how long to wait."""
        spent = refused or any(_NOTHING.fullmatch(headers.get(name, "").strip()) for name in _REMAINING)
        seconds = asked_to_wait(headers) if spent else None
        if seconds is not None:
            with self._lock:
                self._closed_until = max(self._closed_until, self._clock() + min(seconds, self.longest))

    def _free(self, amounts: list[int], wanted: int, limit: int | None, at: float) -> float:
        """The first moment from `at` on when `wanted` more fit; more than the limit go when nothing else is there."""
        if limit is None:
            return at
        total = sum(amounts)
        for (sent, _), amount in zip(self._sent, amounts, strict=True):
            if total + wanted <= limit:
                break
            at, total = max(at, sent + _WINDOW), total - amount
        return at

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Copies share the limit: the vendor counts them together."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process starts counting anew."""
        return _unpickled, (self.requests_per_minute, self.tokens_per_minute, self.longest)

    @whole
    def __repr__(self) -> str:
        """Say what is allowed."""
        return f"RateLimit(requests_per_minute={self.requests_per_minute}, tokens_per_minute={self.tokens_per_minute})"


def _unpickled(requests: int | None, tokens: int | None, longest: float) -> RateLimit:
    return RateLimit(requests_per_minute=requests, tokens_per_minute=tokens, longest=longest)
