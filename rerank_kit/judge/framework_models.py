"""Chat models of other frameworks: their errors as ours, and their answers before the deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from rerank_kit.api.exchange import Response, error_of
from rerank_kit.errors import BackendError, DeadlineExceeded, RerankError
from rerank_kit.flow import Call, Flow
from rerank_kit.values import Deadline

T = TypeVar("T")


def ask_framework_model(
    backend: str, ask: Callable[[], T], aask: Callable[[], Awaitable[T]], deadline: Deadline
) -> Flow[T]:
    """Ask a model of a framework.

    A blocking call cannot be broken off: the deadline is looked at before it, and the model's own timeout bounds it.

    Args:
        backend: What errors call it.
        ask: Asks, blocking.
        aask: Asks, on the running loop.
        deadline: When the answer has to be there.

    Raises:
        DeadlineExceeded: The time ran out.
        AuthenticationError: The key was refused.
        BackendError: There was no answer.
    """
    deadline.check()

    async def bounded() -> T:
        async with asyncio.timeout(deadline.remaining()):
            return await aask()

    try:
        return (yield from Call[T](sync=ask, async_=bounded))
    except RerankError:
        raise
    except TimeoutError as error:
        msg = f"{backend} did not answer in the time allowed: raise timeout= (seconds)"
        raise DeadlineExceeded(msg) from error
    except Exception as error:
        raise _translated(backend, error) from error


def _translated(backend: str, error: Exception) -> RerankError:
    """The error that says the same in our words, by the status that the errors of most SDKs carry."""
    seen: Any = error
    status = getattr(seen, "status_code", None)
    if not isinstance(status, int):
        return BackendError(f"{backend} failed: {type(error).__name__}: {error}", backend=backend)
    headers: Any = getattr(getattr(seen, "response", None), "headers", None) or {}
    response = Response(status, str(error), {str(name).lower(): str(value) for name, value in dict(headers).items()})
    return error_of(response, backend, lambda text: text)
