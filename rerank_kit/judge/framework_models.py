"""Chat models of other frameworks: their errors as ours, and their answers before the deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from rerank_kit.api.exchange import Response, error_of
from rerank_kit.api.hiding import hide, without_frames
from rerank_kit.api.json_values import is_mapping, shown
from rerank_kit.api.log_filter import hide_in_logs
from rerank_kit.api.user_clients import secrets_of
from rerank_kit.errors import BackendError, DeadlineExceeded, RerankError
from rerank_kit.flow import Call, Flow
from rerank_kit.values import Deadline

T = TypeVar("T")

_STATUSES = range(100, 1000)


def ask_framework_model(
    backend: str, ask: Callable[[], T], aask: Callable[[], Awaitable[T]], deadline: Deadline, *, model: object = None
) -> Flow[T]:
    """Ask a model of a framework.

    A blocking call cannot be broken off: the deadline is looked at before it, and the model's own timeout bounds it.
    What the model raises is told, not chained: its frames and attributes show what was sent, and the key.

    Args:
        backend: What errors call it.
        ask: Asks, blocking.
        aask: Asks, on the running loop.
        deadline: When the answer has to be there.
        model: The model, for the keys in it.

    Raises:
        DeadlineExceeded: The time ran out.
        AuthenticationError: The key was refused.
        BackendError: There was no answer.
    """
    deadline.check()

    def asking() -> T:
        try:
            with hide_in_logs(lambda: secrets_of(model)):
                return ask()
        except BaseException as error:  # noqa: BLE001 - whatever a model may raise
            failure = _translated(backend, error, model)
        raise failure

    async def bounded() -> T:
        try:
            with hide_in_logs(lambda: secrets_of(model)):
                async with asyncio.timeout(deadline.remaining()):
                    return await aask()
        except BaseException as error:  # noqa: BLE001 - whatever a model may raise
            failure = _translated(backend, error, model)
        raise failure

    return (yield from Call[T](sync=asking, async_=bounded))


def _translated(backend: str, error: BaseException, model: object) -> BaseException:
    """The error that says the same in our words, by the status that the errors of most SDKs carry."""
    if isinstance(error, RerankError) or not isinstance(error, Exception):
        return without_frames(error)
    if isinstance(error, TimeoutError):
        return DeadlineExceeded(f"{backend} did not answer in the time allowed: raise timeout= (seconds)")
    try:
        return _told(backend, error, list(secrets_of(model)))
    except Exception:  # noqa: BLE001 - an error may be of any class, and asking it may raise anything
        return BackendError(f"{backend} failed: {type(error).__name__}", backend=backend)


def _told(backend: str, error: Any, secrets: list[str]) -> RerankError:
    text = shown(hide(str(error), secrets))
    status = getattr(error, "status_code", None)
    if type(status) is not int or status not in _STATUSES:
        return BackendError(f"{backend} failed: {type(error).__name__}: {text}", backend=backend)
    headers: Any = getattr(getattr(error, "response", None), "headers", None)
    given = headers.items() if is_mapping(headers) else ()
    told = {str(name).lower(): hide(str(value), secrets) for name, value in given}
    return error_of(Response(status, text, told), backend)
