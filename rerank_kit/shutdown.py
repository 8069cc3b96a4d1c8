"""What becomes of work in threads while Python shuts down: what is in hand is finished, and nothing more begins.

Python cuts daemon threads off, which native code such as ONNX Runtime's does not survive. So what such a thread has in
hand is waited for.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

from rerank_kit.errors import ShuttingDown

_in_hand: dict[threading.Event, tuple[int, float | None]] = {}
"""What to wait for: set when it is done; the process it is in, and for how many seconds. No lock, because of forks."""

_begun = threading.Event()


class DaemonThread(threading.Thread):
    """A thread of ours, to be made with `daemon=True`: Python waits not for it, but for what it has in hand."""


def begun() -> bool:
    """Whether Python shuts down, and has waited for all threads that keep it alive."""
    return _begun.is_set()


def cut_off() -> bool:
    """Whether this thread is about to be cut off: only the main one, which calls the `atexit` functions, is not."""
    return begun() and threading.current_thread() is not threading.main_thread()


@contextmanager
def in_hand(patience: float | None) -> Generator[None]:
    """Have what is done in here waited for, if it is in a thread of ours.

    Args:
        patience: Seconds for which it is, from when Python shuts down; `None` is to its end.

    Raises:
        ShuttingDown: Python is about to cut this thread off.
    """
    done = threading.Event()
    if isinstance(threading.current_thread(), DaemonThread):
        _in_hand[done] = os.getpid(), patience  # before the question below, so that it is waited for or not begun
    try:
        if cut_off():
            msg = (
                "Python is shutting down, and no ranking can begin in this thread any more: "
                "wait for the thread before the program ends, with join()"
            )
            raise ShuttingDown(msg)
        yield
    finally:
        done.set()
        _in_hand.pop(done, None)


@atexit.register
def _finish() -> None:
    """Let nothing more begin, and wait for what is in hand."""
    _begun.set()
    since = time.monotonic()
    for done, (process, patience) in list(_in_hand.items()):
        if process == os.getpid():
            done.wait(None if patience is None else max(0.0, since + patience - time.monotonic()))
