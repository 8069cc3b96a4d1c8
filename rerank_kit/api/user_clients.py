"""`UserClients`: clients of a vendor's SDK that users bring."""

from __future__ import annotations

import inspect
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self, TypeGuard, cast
from urllib.parse import parse_qsl, urlsplit

from rerank_kit.api.json_values import is_mapping
from rerank_kit.errors import ConfigurationError

_TELLING = re.compile(r"key|token|secret|passw|credential", re.IGNORECASE)
_NAMED = re.compile(r"header|cookie|query|params|_auth", re.IGNORECASE)  # values under names
_CLIENT = re.compile(r"client|wrapper|transport|pool|mounts|_auth", re.IGNORECASE)
_USUAL = re.compile(r"accept|content-|user-agent|connection|host|anthropic-|x-stainless|x-fern", re.IGNORECASE)
"""The headers that SDKs send with everything."""
_DEEPEST = 8  # clients, transports and pools inside each other
_REMEMBERED = 256  # secrets that were sent: tokens may be made anew for each request


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
        awaits = client is not None and _awaits(inspect.unwrap(method(client)))
        self.client = None if awaits else client
        self.async_client = client if awaits else async_client
        self._sent = deque[str](maxlen=_REMEMBERED)

    def secrets(self) -> list[str]:
        """What they hold that must not be seen, and what they were seen to send."""
        held = [each for client in (self.client, self.async_client) for each in secrets_of(client)]
        return [*held, *list(self._sent)]

    def note(self, request: Any) -> None:
        """Take note of what a request carries, which may come from a function that nobody else should call."""
        sent = [*_headers(request.headers), *_of_url(str(request.url))]
        self._sent.extend(each for each in dict.fromkeys(sent) if each not in self._sent)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Copies use the same clients."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Refuse to travel."""
        msg = "client= cannot be pickled, for it holds keys and connections: make the reranker where it is needed"
        raise ConfigurationError(msg)


def _awaits(method: Any) -> bool:
    """Whether a method is to be awaited. The flags of a mock made after a plain function are mocks, too."""
    flags: object = getattr(getattr(method, "__code__", None), "co_flags", 0)
    return isinstance(flags, int) and inspect.iscoroutinefunction(method)


def _or_none(method: Callable[[Any], Any], client: Any) -> Any:
    try:
        return method(client)
    except AttributeError:
        return None


def secrets_of(thing: Any, depth: int = _DEEPEST) -> Iterator[str]:
    """What a client or a chat model of somebody else holds in a place that says it is secret.

    Args:
        thing: The client.
        depth: How many clients inside each other are looked into.
    """
    for name, value in _attributes(thing).items():
        reveal = getattr(cast("Any", type(value)), "get_secret_value", None)  # a mock's class has none
        plain = value if reveal is None else reveal(value)
        if isinstance(plain, str) and (plain is not value or _TELLING.search(name)):
            yield plain
        elif "url" in name:
            yield from _of_url(str(plain))
        elif (pairs := _pairs(plain) if _NAMED.search(name) else None) is not None:
            yield from _headers(pairs)
        elif depth > 1 and _CLIENT.search(name) and not isinstance(plain, str):
            for each in plain.values() if is_mapping(plain) else (plain,):
                yield from secrets_of(each, depth - 1)


def _attributes(thing: Any) -> dict[str, Any]:
    return {**getattr(thing, "__dict__", {}), **(getattr(thing, "__pydantic_private__", None) or {})}


def _pairs(held: Any) -> Any:
    """Names and values, whatever holds them; `None` where nothing does."""
    if isinstance(held, str | bytes):
        return [("", held)]
    if hasattr(held, "jar"):  # cookies of httpx, which cannot say two of one name
        return [(each.name, each.value) for each in held.jar]
    return held if is_mapping(held) or _is_several(held) else None


def _headers(held: Any) -> Iterator[str]:
    """What stands in headers and the like that is not sent by everybody."""
    for each in held.items() if is_mapping(held) else held:
        pair: Sequence[Any] = each if _is_several(each) and len(each) == 2 else ("", each)  # noqa: PLR2004 - a pair
        if not _USUAL.match(_text(pair[0])):
            yield from (_text(one) for one in (pair[1] if _is_several(pair[1]) else (pair[1],)))


def _is_several(value: Any) -> TypeGuard[Sequence[Any]]:
    """Whether it is a list or a tuple."""
    return isinstance(value, list | tuple)


def _of_url(url: str) -> Iterator[str]:
    """The password and the query of an address."""
    try:
        split = urlsplit(url)
        yield from (each for each in (split.password, *(value for _, value in parse_qsl(split.query))) if each)
    except ValueError:
        return


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
