"""`UserClients`: clients of a vendor's SDK that users bring."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Self

from rerank_kit.errors import ConfigurationError


class UserClients:
    """Clients that belong to the user. They hold keys and connections, so they do not travel.

    Attributes:
        client: A blocking client, if there is one.
        async_client: An async client, if there is one.
    """

    def __init__(self, client: Any, async_client: Any, *, method: Callable[[Any], Any], what: str) -> None:
        """Tell blocking from async clients.

        Args:
            client: A client of either kind.
            async_client: An async client beside it.
            method: The method that will be called of one.
            what: What a client must be, for the error.

        Raises:
            ConfigurationError: One of them has no such method.
        """
        for name, each in (("client", client), ("async_client", async_client)):
            if each is not None and not callable(_or_none(method, each)):
                msg = f"{name} must be a client of {what}, not {type(each).__name__}"
                raise ConfigurationError(msg)
        awaits = client is not None and inspect.iscoroutinefunction(inspect.unwrap(method(client)))
        self.client = None if awaits else client
        self.async_client = client if awaits else async_client

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Copies use the same clients."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Refuse to travel."""
        msg = "client= cannot be pickled, for it holds keys and connections: make the reranker where it is needed"
        raise ConfigurationError(msg)


def _or_none(method: Callable[[Any], Any], client: Any) -> Any:
    try:
        return method(client)
    except AttributeError:
        return None
