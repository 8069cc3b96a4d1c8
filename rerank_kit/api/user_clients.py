"""`UserClients`: clients of a vendor's SDK that users bring."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any, Self

from rerank_kit.api.json_values import is_mapping
from rerank_kit.errors import ConfigurationError

_TELLING = re.compile(r"key|token|secret|passw|credential", re.IGNORECASE)
_CLIENT = re.compile(r"client|wrapper", re.IGNORECASE)
_USUAL = re.compile(r"accept|content-|user-agent|connection|host|anthropic-|x-stainless|x-fern", re.IGNORECASE)
"""The headers that SDKs send with everything."""


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

    def secrets(self) -> list[str]:
        """What they hold that must not be seen."""
        return [each for client in (self.client, self.async_client) for each in secrets_of(client)]

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


def secrets_of(thing: Any, depth: int = 3) -> Iterator[str]:
    """What a client or a chat model of somebody else holds under a name that says it is secret.

    Args:
        thing: The client.
        depth: How many clients inside each other are looked into.
    """
    for name, value in _attributes(thing).items():
        plain = value.get_secret_value() if hasattr(value, "get_secret_value") else value
        if isinstance(plain, str) and (plain is not value or _TELLING.search(name)):
            yield plain
        elif is_mapping(plain) and "header" in name:
            yield from (str(each) for header, each in plain.items() if not _USUAL.match(str(header)))
        elif depth > 1 and _CLIENT.search(name) and not isinstance(plain, str):
            yield from secrets_of(plain, depth - 1)


def _attributes(thing: Any) -> dict[str, Any]:
    return {**getattr(thing, "__dict__", {}), **(getattr(thing, "__pydantic_private__", None) or {})}
