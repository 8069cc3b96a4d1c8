"""`SecretsSent`: the secrets of one exchange, headers in its innermost step and hidden everywhere else."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies

from rerank_kit.api.answer_size import aask, ashorten, ask, shorten
from rerank_kit.api.hiding import SHOWN, hide
from rerank_kit.api.json_values import is_mapping
from rerank_kit.api.log_filter import hide_in_logs
from rerank_kit.quoting import whole

NOT_FOLLOWED = "x-redirect-not-followed"
"""Where a redirect pointed that a user's client would have followed to another host."""

_underway: ContextVar[SecretsSent | None] = ContextVar("rerank_kit_secrets", default=None)


class SecretsSent:
    """What an exchange must not show. It holds none itself: each is read when it is needed."""

    def __init__(
        self,
        headers: Callable[[], Mapping[str, str]],
        values: Callable[[], Iterable[str]],
        note: Callable[[Any], None] | None = None,
    ) -> None:
        """Take note where the secrets are.

        Args:
            headers: What is sent beside the body.
            values: What of it is secret.
            note: Takes note of what else is secret of a request that a client of the user's sends.
        """
        self.headers = headers
        self._values = values
        self.note = note

    def values(self) -> list[str]:
        """What must not be seen: the secrets, and the passwords of proxies."""
        return [*self._values(), *_proxy_passwords()]

    def hide(self, text: str) -> str:
        """The text without secrets."""
        return hide(text, self.values())

    @contextmanager
    def underway(self) -> Generator[None]:
        """Have clients send the headers, and logs hide them, in this thread or task."""
        token = _underway.set(self)
        try:
            with hide_in_logs(self.values):
                yield
        finally:
            _underway.reset(token)

    def shadows(self) -> dict[str, str]:
        """The headers as text that shows asterisks, for clients that have to be told them beforehand."""
        return {name: _Shadow(value) for name, value in self.headers().items()}


class _Shadow(str):
    """Text that shows asterisks wherever it is part of something shown."""

    __slots__ = ()

    @whole
    def __repr__(self) -> str:
        return f"'{SHOWN}'"


def add_headers(request: Any) -> None:
    """An event hook of httpx: what is secret is put into a request when everybody else has seen it."""
    secrets = _underway.get()
    if secrets is not None:
        request.headers.update(secrets.headers())


async def aadd_headers(request: Any) -> None:
    """The same for async clients."""
    add_headers(request)


def note_secrets(request: Any) -> None:
    """An event hook of httpx: what a user's client puts into our requests by itself must not be seen either."""
    secrets = _underway.get()
    if secrets is not None and secrets.note is not None:
        secrets.note(request)


async def anote_secrets(request: Any) -> None:
    """The same for async clients."""
    note_secrets(request)


def stay_on_host(response: Any) -> None:
    """An event hook of httpx: a client that follows redirects follows none of ours to another host."""
    if _underway.get() is not None and "location" in response.headers and _leaves(response):
        response.headers[NOT_FOLLOWED] = response.headers.pop("location")


async def astay_on_host(response: Any) -> None:
    """The same for async clients."""
    stay_on_host(response)


def guard(client: Any) -> None:
    """Have a user's httpx client send nothing of ours to another host, and read no answer to us that is too long.

    What else it is used for is not touched.
    """
    hooks: object = getattr(client, "event_hooks", None)
    if is_mapping(hooks):  # that of a double in a test may be anything
        waits = hasattr(client, "aclose")
        first: list[Any] = [aask, anote_secrets] if waits else [ask, note_secrets]
        last: list[Any] = [astay_on_host, ashorten] if waits else [stay_on_host, shorten]
        both = {"request": _with(hooks["request"], first), "response": _with(hooks["response"], last)}
        client.event_hooks = {**hooks, **both}


def _with(hooks: list[Any], more: list[Any]) -> list[Any]:
    return [*hooks, *(each for each in more if each not in hooks)]


def _leaves(response: Any) -> bool:
    """Whether a redirect points to another scheme, host or port."""
    here = response.request.url
    try:
        there = here.join(response.headers["location"])
    except Exception:  # noqa: BLE001 - either library's error: what cannot be read is followed by nobody
        return True
    return _origin(here) != _origin(there)


def _origin(url: Any) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _proxy_passwords() -> list[str]:
    """What stands in the environment's addresses of proxies, and as it is sent, without its escapes."""
    found: list[str] = []
    for address in getproxies().values():
        before, at, _ = (address.partition("://")[2] or address).rpartition("@")
        if at:
            user, colon, password = before.partition(":")
            found += [before, password, f"{unquote(user)}{colon}{unquote(password)}", unquote(password)]
    return found


def without_secrets(url: str) -> str:
    """An address without user, query and fragment."""
    try:
        split = urlsplit(url)
        host = split.netloc.rpartition("@")[2]
        return split._replace(netloc=host, query="", fragment="").geturl()
    except ValueError:
        return "an address that cannot be read"
