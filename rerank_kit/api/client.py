"""`ApiClient`: one request to an API, done right: key, deadline, repetitions, rate limit, connections."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from types import TracebackType
from typing import Any, Self, TypedDict, TypeVar

from rerank_kit.api.addresses import addresses
from rerank_kit.api.answer_size import reading_at_most
from rerank_kit.api.base_url import check_url
from rerank_kit.api.exchange import WRONG_ADDRESS, Request, Response, Transport, error_of
from rerank_kit.api.hiding import hider, without_frames, without_whole
from rerank_kit.api.http import Http
from rerank_kit.api.rate_limit import RateLimit
from rerank_kit.api.retry import Backoff, worth_repeating
from rerank_kit.api.secret import Secret, held_headers
from rerank_kit.api.secrets_sent import SecretsSent
from rerank_kit.api.user_clients import UserClients
from rerank_kit.arguments import check_made
from rerank_kit.checks import check_instance, check_seconds, check_whole
from rerank_kit.errors import (
    BackendError,
    ConfigurationError,
    ConnectionFailed,
    DeadlineExceeded,
    InvalidResponse,
    RerankError,
    StatusError,
)
from rerank_kit.flow import Flow, sleep
from rerank_kit.observe.hooks import logger
from rerank_kit.optional import needed
from rerank_kit.quoting import hiding
from rerank_kit.settled import Settled
from rerank_kit.values import Deadline

_RATE_LIMIT = "a rerank_kit.managed.RateLimit, such as RateLimit(requests_per_minute=60), or None for none"
_BACKOFF = "a rerank_kit.managed.Backoff, such as Backoff(first=0.5), or None for the usual one"
_EARLY = 0.01  # seconds: a timeout may ring that much before the deadline it was set to
_TOO_MANY_REQUESTS = 429
_LONGER_THAN_WORDS = 16  # characters
_KEY = re.compile(r"auth|key|token|secret|passw|cookie", re.IGNORECASE)  # in the name of a header

T = TypeVar("T")


def holding_secrets(init: Callable[..., None]) -> Callable[..., None]:
    """A constructor that gets `api_key` and `headers` as secrets, and when it fails shows no frame with an argument."""

    def tried(self: Any, args: tuple[Any, ...], options: dict[str, Any]) -> BaseException | None:
        try:
            check_made(self, init, args, options)
            if not isinstance(options.get("api_key"), Secret | None):
                options["api_key"] = Secret(options["api_key"])
            if isinstance(options.get("headers"), Mapping):
                options["headers"] = held_headers(options["headers"])
            init(self, *args, **options)
        except (ConfigurationError, TypeError) as error:
            return without_frames(error)
        return None

    @wraps(init)
    def holding(self: Any, *args: Any, **options: Any) -> None:
        problem = tried(self, args, options)
        del args, options
        try:
            if problem is not None:
                raise problem
        finally:
            del problem

    return holding


@dataclass(slots=True)
class _Count:
    """How many requests have been sent."""

    requests: int = 0


class ClientOptions(TypedDict, total=False):
    """What the requests of every API take.

    Attributes:
        timeout: Seconds allowed for one request; 30 by default. `rerank(timeout=…)` bounds the whole call.
        max_retries: How often a request is repeated after no answer, 408, 409, 429 or 5xx; 2 by default.
        rate_limit: Requests and tokens per minute; none by default.
        headers: Further headers to send. They are held as secrets.
        backoff: How long to wait before a repetition.
    """

    timeout: float
    max_retries: int
    rate_limit: RateLimit
    headers: Mapping[str, str]
    backoff: Backoff


class ApiClient(Settled):
    """Sends requests to an API.

    It closes with `close()` or `aclose()`, with a `with` block, with its running loop, or when it is forgotten.

    Attributes:
        base_url: Where the API is.
        timeout: Seconds allowed for one request.
        max_retries: How often a request is repeated.
        bare: Whether a gateway may have the API without its version.
    """

    base_url: str = ""
    bare: bool = False
    _own: UserClients | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        """Have the constructors of subclasses get secrets as secrets, too."""
        super().__init_subclass__(**options)
        if not hasattr(cls.__init__, "__wrapped__"):
            setattr(cls, "__init__", holding_secrets(cls.__init__))  # noqa: B010 - mypy forbids the other way

    def __init__(
        self,
        *,
        base_url: str,
        api_key: Secret,
        timeout: float = 30.0,
        max_retries: int = 2,
        rate_limit: RateLimit | None = None,
        headers: Mapping[str, str] | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        """Check the settings; nothing is sent yet.

        Raises:
            ConfigurationError: An argument is wrong.
        """
        given: dict[str, object] = {"timeout": timeout, "headers": headers}
        if given["timeout"] is None:
            msg = "timeout must be a number of seconds above 0, not None: a request without one can hang for ever"
            raise ConfigurationError(msg)
        self.timeout = check_seconds("timeout", timeout)
        self.base_url = check_url(base_url)
        self.max_retries = check_whole("max_retries", max_retries, least=0)
        self._key = api_key
        api_key.check(type(self).__name__)
        check_instance("rate_limit", rate_limit, (RateLimit, type(None)), _RATE_LIMIT)
        check_instance("backoff", backoff, (Backoff, type(None)), _BACKOFF)
        if not isinstance(given["headers"], Mapping | None):
            msg = f"headers must be a mapping of names to values, not {type(headers).__name__}"
            raise ConfigurationError(msg)
        self._rate_limit = rate_limit
        self._headers = held_headers({} if headers is None else headers)
        self._backoff = Backoff() if backoff is None else backoff
        self._spellings: dict[str, int] = {}  # of the addresses for each path, the one that the server knows
        self._transport = self.transport()

    def _settle_but_what_is_read(self, kind: type, *fixed: str) -> None:
        """Fix the arguments of `kind` but its public attributes, which are read at every request; some of these too."""
        self._settle(kind, free=frozenset(vars(self)) - frozenset(fixed))

    def transport(self) -> Transport:
        """What carries the requests. Override it for a vendor with an SDK.

        Raises:
            MissingExtra: httpx is not installed.
        """
        needed("httpx", extra="http", why=type(self).__name__)
        return Http()

    def auth(self) -> dict[str, str]:
        """The headers that carry the key, and those the user gave."""
        return {**self.key_header("authorization", "Bearer "), **self.given_headers()}

    def key_header(self, name: str, before: str = "") -> dict[str, str]:
        """The header that carries the key, if there is one."""
        return {name: before + key} if (key := self._key.reveal()) is not None else {}

    def given_headers(self) -> dict[str, str]:
        """The headers that the user gave."""
        return {name: str(value.reveal()) for name, value in self._headers.items()}

    def secrets(self) -> Iterator[str]:
        """What must not be seen: the key, the headers that the user gave, and what the user's clients hold."""
        for each in (self._key, *self._headers.values()):
            yield from each.known()
        if self._own is not None:
            yield from self._own.secrets()

    def address(self) -> str:
        """The base URL to send the next request to."""
        return self.base_url

    @property
    def most_retries(self) -> int:
        """How often a request is repeated."""
        return self.max_retries

    def reached(self, url: str, *, well: bool | None) -> None:
        """Take note whether a base URL answered as it should; `None` when nobody waited for it."""

    def error_of(self, response: Response) -> RerankError:
        """The error that a response stands for. What it shows or quotes of it is rid of secrets meanwhile."""
        return error_of(response, type(self).__name__, key=self._about_the_key())

    def _about_the_key(self) -> str:
        """What to do where it was refused."""
        if self._own is not None:
            return "check the key that client= holds"
        source = self._key.source()
        if source:
            return f"check {source}"
        return "check api_key and headers" if self._headers else f"no key was sent: {self._key.remedy()}"

    def pause(self, attempt: int, error: BackendError) -> float | None:
        """Seconds to wait before a request that failed is repeated; `None` if that is too long to be worth it."""
        return self._backoff.wait(attempt, error.retry_after if isinstance(error, StatusError) else None)

    def exchange(self, request: Request, deadline: Deadline, *, tokens: int = 0) -> Flow[tuple[Response, int]]:
        """Send a request until it is answered.

        Where a server does not know the address (404, 405, 410, 501), the others that the base URL can mean are asked,
        and the right one alone from then on.

        Args:
            request: The request.
            deadline: Holds for everything: the rate limit, all tries, and the pauses between them.
            tokens: What it counts against a limit of tokens.

        Returns:
            The response, and how many requests it took. What was answered is never sent again.

        Raises:
            DeadlineExceeded: The time ran out.
            BackendError: There was no answer, or one that is an error, also after all repetitions.
            ConfigurationError: The server knows no such key, address or model.
        """
        count = _Count()
        try:
            return (yield from self._answer(request, deadline, tokens, count)), count.requests
        except RerankError as error:
            error.requests = count.requests
            raise

    def _answer(self, request: Request, deadline: Deadline, tokens: int, count: _Count) -> Flow[Response]:
        """Send a request until it is answered, and count how often."""
        known = self._spellings.get(request.path)
        spelling, last = known or 0, len(addresses(self.base_url, request.path, bare=self.bare)) - 1
        retries, unknown = 0, list[Response]()
        while True:
            yield from self._admitted(tokens, deadline)
            try:
                response = yield from self._attempt(request, deadline, spelling, count)
            except BackendError as error:
                pause = self._pause(request, retries, error, deadline)
                if pause is None:
                    raise
                logger.info("trying again in %.2f s: %s", pause, error)
                retries += 1
                yield from sleep(pause)
                continue
            if response.ok:
                self._spellings[request.path] = spelling
                return response
            unknown.append(response)
            if known is not None or spelling == last:
                asked = ", ".join(each.address for each in unknown)
                raise self._error_of(replace(unknown[0], address=asked))
            spelling += 1

    def _admitted(self, tokens: int, deadline: Deadline) -> Flow[None]:
        """Wait until the rate limit lets a request pass."""
        if self._rate_limit is not None:
            pause = self._rate_limit.reserve(tokens, deadline.remaining())
            if pause is None:
                msg = f"{self._rate_limit!r} lets no request pass in the time allowed: raise timeout= (seconds)"
                raise DeadlineExceeded(msg)
            yield from sleep(pause)

    def _attempt(self, request: Request, deadline: Deadline, spelling: int, count: _Count) -> Flow[Response]:
        """Send a request once: a response that is well, or says that the server does not know the address."""
        deadline.check()
        left = deadline.remaining()
        base = self.address()
        url = addresses(base, request.path, bare=self.bare)[spelling]
        try:
            seconds = self.timeout if left is None else min(self.timeout, left)
            count.requests += 1
            sent = self._transport.send(url, request, self._sent(), seconds)
            response = yield from reading_at_most(request.longest, sent)
        except ConnectionFailed as error:
            self.reached(base, well=False)
            left = deadline.remaining()
            if left is not None and left < _EARLY:
                msg = f"{error}, and the time allowed is over: raise timeout= (seconds)"
                raise DeadlineExceeded(msg) from error
            raise
        except BaseException:
            self.reached(base, well=None)
            raise
        if self._rate_limit is not None:
            self._rate_limit.learn(response.headers, refused=response.status == _TOO_MANY_REQUESTS)
        if response.ok or response.status in WRONG_ADDRESS:
            self.reached(base, well=True)
            return replace(response, address=url)
        raise self._refused(response, base)

    def _refused(self, response: Response, base: str) -> RerankError:
        """The error for a response that is one."""
        refusal = self._error_of(response)
        self.reached(base, well=not worth_repeating(refusal))
        return refusal

    def _pause(self, request: Request, attempt: int, error: BackendError, deadline: Deadline) -> float | None:
        """Seconds to wait before the next try; `None` when there will be none."""
        if attempt >= self.most_retries or not worth_repeating(error, once=request.once):
            return None
        pause, left = self.pause(attempt, error), deadline.remaining()
        return None if pause is None or (left is not None and pause >= left) else pause

    def understood(self, response: Response, read: Callable[[Any], T]) -> T:
        """What an answer says.

        Args:
            response: The answer.
            read: Reads its body.

        Raises:
            InvalidResponse: It does not say it. What the error quotes has no secrets in it, should a server have
                echoed one.
        """
        try:
            with hiding(self._hider()):
                return read(response.body)
        except InvalidResponse as error:
            problem = without_frames(error)  # which show all of the body
        try:
            raise problem
        finally:
            del problem  # or it would hold itself

    def without_keys(self, value: Any) -> Any:
        """What a server said without the keys that were sent.

        It is for what goes on into results. Only whole keys are hidden there, and no other headers, one of which may
        well be a word that is meant; of what a client of the user's holds, what is too long for one.
        """
        named = [each for name, each in self._headers.items() if _KEY.search(name)]
        keys = [key for each in (self._key, *named) for key in each.known()]
        held = [] if self._own is None else self._own.secrets()
        return without_whole(value, [*keys, *(each for each in held if len(each) >= _LONGER_THAN_WORDS)])

    def _sent(self) -> SecretsSent:
        """The secrets of a request.

        Raises:
            ConfigurationError: One is missing.
        """
        self.auth()
        return SecretsSent(self.auth, self.secrets, None if self._own is None else self._own.note)

    def _error_of(self, response: Response) -> RerankError:
        with hiding(self._hider()):
            return self.error_of(response)

    def _hider(self) -> Callable[[str], str]:
        return hider(SecretsSent(self.auth, self.secrets).values)

    def close(self) -> None:
        """Close the connections of blocking callers."""
        self._transport.close()

    async def aclose(self) -> None:
        """Close all connections of the running loop and of blocking callers."""
        await self._transport.aclose()

    def __enter__(self) -> Self:
        """Leave connections open for the calls inside."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close them."""
        self.close()

    async def __aenter__(self) -> Self:
        """Leave connections open for the calls inside."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close them."""
        await self.aclose()

    def __getstate__(self) -> dict[str, Any]:
        """Copies and pickles have connections of their own; the key stays in this process."""
        return {name: value for name, value in vars(self).items() if name != "_transport"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the settings over."""
        vars(self).update(state)
        self._transport = self.transport()
