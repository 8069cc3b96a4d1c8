"""`ManagedReranker`: everything that a rerank API over HTTP needs, once, so that a vendor is only its wire format."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from types import TracebackType
from typing import Any, Self, TypedDict
from urllib.parse import urlsplit

from rerank_kit.checks import check_count, check_timeout
from rerank_kit.errors import (
    BackendError,
    ConfigurationError,
    ConnectionFailed,
    DeadlineExceeded,
    RerankError,
    StatusError,
)
from rerank_kit.flow import Flow, gather, sleep
from rerank_kit.managed.answers import Answer, Decoded, Request, Result, complete, refusal
from rerank_kit.managed.http import Http, Transport
from rerank_kit.managed.rate import RateLimit
from rerank_kit.managed.retry import Backoff, worth_repeating
from rerank_kit.managed.secret import Secret
from rerank_kit.managed.split import CountTokens, Limits, cut, estimated_tokens, parts
from rerank_kit.observe import logger
from rerank_kit.reranker import Reranker
from rerank_kit.values import Deadline, Document, Hit, Ranking, Usage

_EARLY = 0.01  # seconds: a timeout may ring that much before the deadline it was set to


class Options(TypedDict, total=False):
    """What every rerank API takes besides its own arguments.

    Attributes:
        timeout: Seconds allowed for one request; 30 by default. `rerank(timeout=…)` bounds the whole call.
        max_retries: How often a request is repeated after no answer, 408, 409, 429 or 5xx; 2 by default.
        concurrency: How many parts of a list that had to be split are sent side by side; 8 by default.
        limits: The most that goes into one request, if it is not what the vendor documents.
        rate_limit: Requests and tokens per minute; none by default.
        count_tokens: Counts the tokens of a text, for limits and cuts; by default a careful guess from its length.
        headers: Further headers to send.
        backoff: How long to wait before a repetition.
    """

    timeout: float
    max_retries: int
    concurrency: int
    limits: Limits
    rate_limit: RateLimit
    count_tokens: CountTokens
    headers: Mapping[str, str]
    backoff: Backoff


class ManagedReranker(Reranker):
    """A reranker behind an API. To add a vendor, write `encode` and `decode`: what is sent, and what an answer says.

    The deadline of a call holds for everything in it: waiting for the rate limit, requests, and pauses before
    repetitions. No request is repeated once it was answered. Lists that are too long for one request are split, if
    the model scores each document on its own. It closes with `close()` or `aclose()`, with a `with` block, with its
    running loop, or when it is forgotten.

    Attributes:
        base_url: Where the API is.
        timeout: Seconds allowed for one request.
        max_retries: How often a request is repeated.
        limits: The most that goes into one request.
        max_tokens_per_doc: Longer documents are cut before they are sent; `None` sends them whole.
    """

    def __init__(
        self,
        model: str | None,
        *,
        base_url: str,
        api_key: Secret | None,
        max_tokens_per_doc: int | None = None,
        limits: Limits | None = None,
        timeout: float = 30.0,
        max_retries: int = 2,
        concurrency: int = 8,
        rate_limit: RateLimit | None = None,
        count_tokens: CountTokens = estimated_tokens,
        headers: Mapping[str, str] | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        """Check the settings; nothing is sent yet.

        Raises:
            ConfigurationError: An argument is wrong.
        """
        seconds = check_timeout(timeout)
        if seconds is None:
            msg = "timeout must be a number of seconds above 0, not None: a request without one can hang for ever"
            raise ConfigurationError(msg)
        if not isinstance(max_retries, int) or isinstance(max_retries, bool) or max_retries < 0:
            msg = f"max_retries must be a whole number of at least 0, not {max_retries!r}"
            raise ConfigurationError(msg)
        self.model = model
        self.base_url = check_url(base_url)
        self.timeout = seconds
        self.max_retries = max_retries
        self.limits = Limits() if limits is None else limits
        self.max_tokens_per_doc = check_count("max_tokens_per_doc", max_tokens_per_doc)
        self._concurrency = check_count("concurrency", concurrency) or 1
        self._key = Secret(required=False) if api_key is None else api_key
        self._rate_limit = rate_limit
        self._count_tokens = count_tokens
        given = {} if headers is None else headers
        self._headers = {name: Secret(value, name=f"headers[{name!r}]") for name, value in given.items()}
        self._backoff = Backoff() if backoff is None else backoff
        self._transport = self.transport()

    @abstractmethod
    def encode(self, query: str, texts: Sequence[str]) -> Request:
        """What to send for these documents. It asks for all of them to be scored."""

    @abstractmethod
    def decode(self, body: Any, texts: Sequence[str]) -> Decoded:
        """What the answer says of these documents.

        Raises:
            InvalidResponse: It does not say it.
        """

    def transport(self) -> Transport:
        """What carries the requests. Override it for a vendor with an SDK."""
        return Http()

    def address(self) -> str:
        """The base URL to send the next request to."""
        return self.base_url

    def reached(self, url: str, *, well: bool) -> None:
        """Take note whether a base URL answered as it should."""

    def auth(self) -> dict[str, str]:
        """The headers that carry the key, and those the user gave."""
        key = self._key.reveal()
        bearer = {} if key is None else {"authorization": f"Bearer {key}"}
        return bearer | {name: str(value.reveal()) for name, value in self._headers.items()}

    @property
    def fingerprint(self) -> str | None:
        """The request without query and documents: vendor, model and every setting. `None` for list-wise models.

        A vendor may change what is behind a model's name without a word.
        """
        if not self.pointwise or self.model is None:
            return None
        body = self.encode("", [""]).body
        return f"{type(self).__name__}:{self.base_url}:{self.max_tokens_per_doc}:{json.dumps(body, sort_keys=True)}"

    def prepare(self, text: str) -> tuple[str, bool]:
        """A document as it is sent, and whether something was cut off."""
        if self.max_tokens_per_doc is None:
            return text, False
        kept = cut(text, self.max_tokens_per_doc, self._count_tokens)
        return kept, len(kept) < len(text)

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        """Rank the documents: in one request, or in several if they do not fit into one."""
        prepared = [self.prepare(_utf8(document.text)) for document in documents]
        texts = [text for text, _ in prepared]
        query = _utf8(query)
        shares = parts(query, texts, self.limits, self._count_tokens)
        if len(shares) > 1 and not self.pointwise:
            msg = (
                f"{type(self).__name__}({self.model!r}) scores documents relative to each other, so {len(documents)} "
                f"cannot be split to fit {self.limits}: rerank fewer, or pass limits= if the API takes more at a time"
            )
            raise ConfigurationError(msg)
        answers = yield from gather(
            *(self._part(query, [texts[place] for place in share], deadline) for share in shares),
            limit=self._concurrency,
        )
        usage = sum((each.usage for each in answers), Usage())
        usage += Usage(pairs=len(texts), truncated=sum(shorter for _, shorter in prepared), splits=len(shares) - 1)
        scored = dict(
            chain.from_iterable(
                ((share[index], each) for index, each in answer.results.items())
                for share, answer in zip(shares, answers, strict=True)
            )
        )
        hits = [Hit(place, scored[place].score, passage=scored[place].passage) for place in range(len(texts))]
        return Ranking(tuple(sorted(hits, key=lambda hit: -hit.score)), usage)

    def _part(self, query: str, texts: Sequence[str], deadline: Deadline) -> Flow[_Answered]:
        """One request, repeated until it is answered or not worth it."""
        tokens = 0
        if self._rate_limit is not None:
            tokens = sum(map(self._count_tokens, texts)) + len(texts) * self._count_tokens(query)
        answer, requests = yield from self.exchange(self.encode(query, texts), deadline, tokens=tokens)
        decoded = self.decode(answer.body, texts)
        results = complete(decoded.results, len(texts))
        return _Answered(results, decoded.usage + Usage(requests=requests, retries=requests - 1))

    def exchange(self, request: Request, deadline: Deadline, *, tokens: int = 0) -> Flow[tuple[Answer, int]]:
        """Send a request until it is answered: the answer, and how many requests it took.

        Raises:
            DeadlineExceeded: The time ran out.
            BackendError: There was no answer, or one that is an error, also after all repetitions.
            ConfigurationError: The server knows no such key, address or model.
        """
        attempt = 0
        while True:
            yield from self._admitted(tokens, deadline)
            try:
                return (yield from self._attempt(request, deadline)), attempt + 1
            except BackendError as error:
                pause = self._pause(attempt, error, deadline)
                if pause is None:
                    raise
                logger.info("trying again in %.2f s: %s", pause, error)
                attempt += 1
            yield from sleep(pause)

    def _attempt(self, request: Request, deadline: Deadline) -> Flow[Answer]:
        deadline.check()
        left = deadline.remaining()
        seconds = self.timeout if left is None else min(self.timeout, left)
        url = self.address()
        try:
            answer = yield from self._transport.send(url, request, self.auth(), seconds)
        except ConnectionFailed as error:
            self.reached(url, well=False)
            left = deadline.remaining()
            if left is not None and left < _EARLY:
                msg = f"{error}, and the time allowed is over: raise timeout= (seconds)"
                raise DeadlineExceeded(msg) from error
            raise
        if self._rate_limit is not None:
            self._rate_limit.learn(answer.headers, refused=answer.status == 429)  # noqa: PLR2004 - too many requests
        error = None if answer.ok else self.refusal(answer)
        self.reached(url, well=error is None or not worth_repeating(error))
        if error is not None:
            raise error
        return answer

    def refusal(self, answer: Answer) -> RerankError:
        """The error for an answer that is one."""
        return refusal(answer, type(self).__name__, self.hide)

    def _pause(self, attempt: int, error: BackendError, deadline: Deadline) -> float | None:
        """Seconds to wait before the next try; `None` when there will be none."""
        if attempt >= self.max_retries or not worth_repeating(error):
            return None
        pause = self.pause(attempt, error)
        left = deadline.remaining()
        return None if pause is None or (left is not None and pause >= left) else pause

    def pause(self, attempt: int, error: BackendError) -> float | None:
        """Seconds to wait before a request that failed is repeated; `None` if that is too long to be worth it."""
        return self._backoff.wait(attempt, error.retry_after if isinstance(error, StatusError) else None)

    def _admitted(self, tokens: int, deadline: Deadline) -> Flow[None]:
        """Wait until the rate limit lets a request pass."""
        if self._rate_limit is not None:
            pause = self._rate_limit.reserve(tokens, deadline.remaining())
            if pause is None:
                msg = f"{self._rate_limit!r} does not let this request pass in the time allowed: raise timeout= (seconds)"
                raise DeadlineExceeded(msg)
            yield from sleep(pause)

    def hide(self, text: str) -> str:
        """The text without the secrets that were sent, should a server have echoed one."""
        for secret in (self._key, *self._headers.values()):
            text = secret.hide(text)
        return text

    def close(self) -> None:
        """Close the connections of blocking callers."""
        self._transport.close()

    async def aclose(self) -> None:
        """Close all connections of the running loop and of blocking callers."""
        await self._transport.aclose()

    def __enter__(self) -> Self:
        """Leave connections open for the calls inside."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
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

    def __repr__(self) -> str:
        """Say which model this is, and where."""
        return f"{type(self).__name__}({self.model!r}, base_url={self.base_url!r})"


@dataclass(frozen=True, slots=True)
class _Answered:
    """The results of one request by index, and what it took."""

    results: Mapping[int, Result]
    usage: Usage


def check_url(url: object) -> str:
    """A base URL without its last slash.

    Raises:
        ConfigurationError: It is none, or has a key in it, which would show in logs.
    """
    wrong = "a URL that starts with http:// or https://"
    if not isinstance(url, str):
        msg = f"base_url must be {wrong}, not {type(url).__name__}"
        raise ConfigurationError(msg)
    try:
        split = urlsplit(url)
        known = split.scheme in {"http", "https"} and bool(split.hostname) and (split.port or 1) > 0
    except ValueError:
        split, known = urlsplit(""), False
    if split.username is not None or split.query or split.fragment:
        msg = "base_url must have no user, query or fragment: pass keys with api_key= or headers=, where they stay hidden"
        raise ConfigurationError(msg)
    if not known:
        msg = f"base_url must be {wrong}, not {url!r}"
        raise ConfigurationError(msg)
    return url.rstrip("/")


def _utf8(text: str) -> str:
    """The text, with halves of surrogate pairs, which UTF-8 cannot express, as question marks."""
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text


