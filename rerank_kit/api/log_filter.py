"""Secrets kept out of the logs of the libraries that carry requests: some log every header that is sent or received."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache

from rerank_kit.api.hiding import hidden, hide

_CORE = ("connection", "http11", "http2", "proxy", "socks")
_LOGGERS = (
    "httpx",
    "httpx2",
    *(f"{core}.{part}" for core in ("httpcore", "httpcore2") for part in _CORE),
    "hpack.hpack",
    "hpack.table",
    "anthropic",
    "anthropic._base_client",
    "cohere",
    "fern",  # cohere's
    "urllib3.connectionpool",  # Bedrock's and SageMaker's
    "botocore.endpoint",
    "botocore.parsers",
)
_USUAL = frozenset(vars(logging.makeLogRecord({})))

_secrets: ContextVar[Callable[[], Iterable[str]] | None] = ContextVar("rerank_kit_secrets_in_logs", default=None)


@contextmanager
def hide_in_logs(secrets: Callable[[], Iterable[str]]) -> Generator[None]:
    """What these libraries log meanwhile, in this thread or task, shows no secrets, whoever listens.

    Args:
        secrets: What must not be seen.
    """
    _watch()
    token = _secrets.set(secrets)
    try:
        yield
    finally:
        _secrets.reset(token)


@lru_cache(maxsize=1)
def _watch() -> None:
    """A filter on each of the loggers; it changes nothing of what others have them log."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_without_secrets)


def _without_secrets(record: logging.LogRecord) -> bool:
    secrets = _secrets.get()
    if secrets is not None:
        values = list(secrets())
        told = record.getMessage()
        if record.exc_info and record.exc_info[0] is not None:  # not with the traceback, which shows what was sent
            told += f": {record.exc_info[0].__name__}: {record.exc_info[1]}"
        record.msg, record.args, record.exc_info, record.exc_text = hide(told, values), (), None, None
        further = {name: hidden(value, values) for name, value in vars(record).items() if name not in _USUAL}
        vars(record).update(further)
    return True
