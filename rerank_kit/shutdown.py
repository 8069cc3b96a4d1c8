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

from rerank_kit.errors import Abandoned, ShuttingDown

_SILENCE = 1.0
"""Seconds before a thread of the user's is told. By then it has been cut off: there is nothing to be said about that,
and a daemon that writes then can bring Python down. Unless an `atexit` function waits for something that it holds."""

_begun = threading.Event()
_in_hand: dict[threading.Event, tuple[int, int, float | None]] = {}
"""What to wait for: set when it is done; the process and thread it is in, and for how many seconds. No lock, because a
fork would copy it locked."""


class DaemonThread(threading.Thread):
    """A thread of ours, to be made with `daemon=True`: Python does not wait for it, only for what it has in hand."""


def begun() -> bool:
    """Whether Python shuts down, and has waited for all threads that keep it alive."""
    return _begun.is_set()


def cut_off() -> bool:
    """Whether this thread is about to be cut off: only the main one, which calls the `atexit` functions, is not."""
    return begun() and threading.current_thread() is not threading.main_thread()


def check() -> None:
    """Do nothing while Python runs.

    Raises:
        ShuttingDown: Python is about to cut this thread off, which is the user's.
        Abandoned: The same of a thread of ours.
    """
    if not cut_off():
        return
    for done, (_, thread, _) in list(_in_hand.items()):
        if thread == threading.get_ident():
            done.set()
    if isinstance(threading.current_thread(), DaemonThread):
        msg = "Python is shutting down"
        raise Abandoned(msg)
    time.sleep(_SILENCE)
    msg = (
        "Python is shutting down, and nothing more can be ranked in this thread: "
        "wait for the thread before the program ends, with join()"
    )
    raise ShuttingDown(msg)


@contextmanager
def in_hand(patience: float | None) -> Generator[None]:
    """Have what is done in here waited for when Python shuts down.

    Args:
        patience: Seconds for which it is, from then; `None` is to its end.

    Raises:
        ShuttingDown: Python is about to cut this thread off, which is the user's.
        Abandoned: The same of a thread of ours.
    """
    done = threading.Event()
    _in_hand[done] = os.getpid(), threading.get_ident(), patience  # before the check: it is waited for or not begun
    try:
        check()
        yield
    finally:
        done.set()
        del _in_hand[done]


@atexit.register
def _finish() -> None:
    """Let nothing more begin, and wait for what is in hand."""
    _begun.set()
    since = time.monotonic()
    here = os.getpid()
    known = [(done, seconds) for done, (process, _, seconds) in list(_in_hand.items()) if process == here]
    for done, patience in known:
        done.wait(None if patience is None else max(0.0, since + patience - time.monotonic()))
