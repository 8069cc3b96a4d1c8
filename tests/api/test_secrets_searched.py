"""Keys are planted wherever one can be given, everything is made to fail, and all that can be seen is searched."""

from __future__ import annotations

import json
import logging
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import cohere
import httpx
import pytest

from rerank_kit import ConfigurationError, Fallback, Reranker, RerankError
from rerank_kit.api.user_clients import secrets_of
from rerank_kit.judge import Anthropic, LLMJudge, OpenAICompatible
from rerank_kit.managed import Backoff, Cohere, Endpoint, Jina, Voyage
from tests.api.clients import CLIENTS, anthropic, certificates, httpx2, judge
from tests.api.leaks import leaked, saying, seen_of
from tests.conftest import Colour

KEY, HEADER = "sk-planted-Q7w9Zx3LmN4pR8tV", "hdr:planted;A1b2C3d4E5f6G7"
BOTH = f"{KEY} and {HEADER}"
OPTIONS: dict[str, Any] = {"headers": {"x-custom": HEADER}}
Make = Callable[[str], Any]


def made(make: Callable[..., Any], url: str) -> Any:
    """With a key and a header."""
    return make(url, KEY, **OPTIONS)


def several(url: str) -> Endpoint:
    return Endpoint([url, url], api_key=KEY, format="tei", max_retries=1, backoff=Backoff(first=0.0001), **OPTIONS)


MAKE: dict[str, Make] = {
    **{name: partial(made, make) for name, make in CLIENTS.items()},
    "Endpoint that asks": lambda url: CLIENTS["Endpoint"](url, KEY, format="auto", **OPTIONS),
    "Endpoint of several": several,
    "Pinecone": lambda url: CLIENTS["Endpoint"](url, KEY, format="pinecone", **OPTIONS),
    "Fallback": lambda url: Fallback(*[CLIENTS["Voyage"](url, KEY, **OPTIONS) for _ in range(2)]),
}


def http(status: str, body: str = "{}", *headers: str) -> bytes:
    """An answer as bytes."""
    content = body.encode()
    head = [f"HTTP/1.1 {status}", "content-type: application/json", f"content-length: {len(content)}", *headers]
    return "\r\n".join([*head, "connection: close", "", ""]).encode() + content


def escaped(text: str) -> str:
    return "".join(f"\\u{ord(each):04x}" for each in text)


ROWS = [{"index": place, "score": BOTH, "relevance_score": KEY} for place in range(2)]
WAYS = " ".join(
    [quote(BOTH, safe=""), b64encode(BOTH.encode()).decode(), BOTH.encode().hex(), BOTH.upper(), escaped(BOTH)]
)
FAILURES: dict[str, bytes] = {
    "refused": http(f"401 {BOTH}", json.dumps({"message": f"bad key {BOTH}"}), f"x-request-id: {BOTH}"),
    "no such page": http(f"404 {KEY}", json.dumps({"detail": BOTH}), f"cf-ray: {HEADER}"),
    "too many": http("429 No", f"<html>{BOTH}", f"retry-after: {KEY}", f"request-id: {BOTH}", f"x-{KEY}: 1"),
    "in other words": http("500 No", json.dumps({"error": {"message": WAYS}})),
    "cut in the midst": http("500 No", json.dumps({"message": "x" * 285 + BOTH})),
    "odd charset": http("500 No", BOTH).replace(b"/json", f"/json; charset={KEY}".encode()),
    "odd header": http("200 OK", "{}", f"a header {BOTH}"),
    "odd status": f"HTTP/1.1 2x {BOTH}\r\n\r\n".encode(),
    "redirect": http(f"307 {KEY}", BOTH, f"location: http://me:{HEADER}@127.0.0.2:9/{KEY}?a={quote(BOTH)}#{KEY}"),
    "redirect to nowhere": http("308 No", BOTH, f"location: http://[{KEY}"),
    "no JSON": http("200 OK", f"<html>{BOTH}"),
    "no JSON, long": http("200 OK", "x" * 285 + BOTH),
    "other JSON": http("200 OK", json.dumps({"told": BOTH, KEY: {"deep": [HEADER]}})),
    "a list": http("200 OK", json.dumps(ROWS)),
    "keys as scores": http("200 OK", json.dumps({"results": ROWS, "data": ROWS, "content": BOTH, "choices": BOTH})),
    "half": http("200 OK").replace(b"length: 2", b"length: 99"),
    "garbled": http("200 OK", BOTH, "content-encoding: gzip"),
    "nothing": b"",
}


class Listening(logging.Handler):
    """Keeps what any logger says, as the most talkative of formatters writes it."""

    def __init__(self) -> None:
        super().__init__(level=1)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(f"{record.name}: {self.format(record)} {vars(record)!r}")


@pytest.fixture
def listening() -> Iterator[Listening]:
    handler, root = Listening(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(1)
    yield handler
    root.setLevel(level)
    root.removeHandler(handler)


def failing(reranker: Any, colour: Colour, **options: Any) -> BaseException | None:
    """What a ranking raises."""
    try:
        colour(reranker, "rerank", "q", ["a", "b"], **options)
    except RerankError as error:
        return error
    return None


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
def test_whatever_fails_shows_no_key(make: Make, colour: Colour, listening: Listening) -> None:
    answer = [b""]
    seen: dict[str, str] = {}
    with saying(lambda _: answer[0]) as url:
        reranker = make(url)
        for name, answer[0] in FAILURES.items():
            error = failing(reranker, colour)
            assert error is not None, name
            seen[name] = "\n".join(seen_of(error))
    error = failing(reranker, colour)
    assert error is not None
    seen["nobody there"] = "\n".join(seen_of(error))
    assert {name: found for name, text in seen.items() if (found := leaked(text, KEY, HEADER))} == {}
    assert len({each.partition(".")[0] for each in listening.said}) > 1
    assert leaked("\n".join(listening.said), KEY, HEADER) == []


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
def test_what_takes_too_long_shows_no_key(make: Make, colour: Colour) -> None:
    import threading

    late = threading.Event()
    with saying(lambda _: http("200 OK", BOTH) if late.wait(5) else b"") as url:
        error = failing(make(url), colour, timeout=0.05)
        late.set()
    assert error is not None
    assert leaked("\n".join(seen_of(error)), KEY, HEADER) == []


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
def test_what_is_cancelled_shows_no_key(make: Make) -> None:
    import asyncio
    import threading

    late, begun = threading.Event(), threading.Event()

    def answer(_: bytes) -> bytes:
        begun.set()
        late.wait(5)
        return b""

    async def cancelled(url: str) -> BaseException:
        task = asyncio.create_task(make(url).arerank("q", ["a", "b"]))
        while not begun.is_set():  # noqa: ASYNC110 - another thread says so
            await asyncio.sleep(0.002)
        task.cancel()
        return (await asyncio.gather(task, return_exceptions=True))[0]

    with saying(answer) as url:
        error = asyncio.run(cancelled(url))
        late.set()
    assert isinstance(error, asyncio.CancelledError)
    assert leaked("\n".join(seen_of(error)), KEY, HEADER) == []


def test_an_answer_that_is_used_has_no_key_in_it(colour: Colour) -> None:
    told = json.dumps({"label": "?", "reason": BOTH, "verdict": "yes"})
    body = {"choices": [{"message": {"content": told}}], "content": [{"type": "text", "text": told}]}
    with saying(lambda _: http("200 OK", json.dumps(body))) as url:
        for model in (OpenAICompatible(url, model="m", api_key=KEY), Anthropic(api_key=KEY, base_url=url)):
            ranking = colour(LLMJudge(model), "rerank", "q", ["a"])
            assert leaked(repr(ranking), KEY) == []
        mine: Any = CLIENTS["Anthropic on clients of mine"](url, KEY)
        ranking = colour(LLMJudge(mine.chat), "rerank", "q", ["a"])
        assert leaked(repr(ranking), KEY) == []
    info = {"model_id": f"model-{KEY}", "max_client_batch_size": 32}
    with saying(
        lambda head: http("200 OK", json.dumps(info if b"/info" in head else [{"index": 0, "score": 1}]))
    ) as url:
        reranker = Endpoint(url, api_key=KEY)
        ranking = colour(reranker, "rerank", "q", ["a"])
        assert leaked(repr(reranker) + repr(ranking), KEY) == []
        assert reranker.model == "model-**********"


def test_an_address_that_is_none_holds_no_secret() -> None:
    assert list(secrets_of(SimpleNamespace(base_url="http://[half"))) == []


WRONG: dict[str, Callable[[], Any]] = {
    "timeout": lambda: Voyage("m", api_key=KEY, headers={"x": HEADER}, timeout=-1),
    "max_retries": lambda: Cohere("m", api_key=KEY, headers={"x": HEADER}, max_retries=-1),
    "effort": lambda: Anthropic(api_key=KEY, headers={"x": HEADER}, effort="none"),  # type: ignore[arg-type]
    "base_url": lambda: OpenAICompatible("ftp://host", model="m", api_key=KEY, headers={"x": HEADER}),
    "api_key": lambda: Endpoint("http://host", api_key=KEY + "\n" + KEY, headers={"x": HEADER}),
    "one of the headers": lambda: Endpoint("http://host", headers={"x": HEADER, "y": HEADER + "\0"}),
    "user in base_url": lambda: Endpoint(f"http://me:{KEY}@host"),
    "user and a wrong port": lambda: Endpoint([f"http://me:{KEY}@host:port", "http://host"]),
    "user and no scheme": lambda: Jina("m", api_key=KEY, base_url=f"https//me:{KEY}@host"),
    "query and no host": lambda: Endpoint(f"http://?key={KEY}"),
}


@pytest.mark.parametrize("make", WRONG.values(), ids=WRONG)
def test_a_constructor_that_fails_shows_no_argument(make: Callable[[], Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make()
    error = caught.value
    error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next  # the test's own frame
    assert leaked("\n".join(seen_of(error)), KEY, HEADER) == []


@pytest.mark.parametrize("variable", ["CO_API_URL", "ANTHROPIC_BASE_URL"])
def test_a_key_in_an_address_of_the_environment_is_refused_unseen(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, f"https://me:{KEY}@host")
    with pytest.raises(ConfigurationError, match="must have no user") as caught:
        Cohere("m", api_key="another") if variable == "CO_API_URL" else Anthropic(api_key="another")
    assert leaked("\n".join(seen_of(caught.value)), KEY) == []


def test_passwords_of_proxies_and_headers_of_the_environment_are_hidden(
    colour: Colour, monkeypatch: pytest.MonkeyPatch, listening: Listening
) -> None:
    with saying(lambda head: http("407 No", json.dumps({"error": head.decode()}))) as url:
        monkeypatch.setenv("http_proxy", url.replace("://", f"://user:{KEY}@"))
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        error = failing(Voyage("m", api_key="another-key-7777", base_url="http://example.com"), colour)
        assert error is not None
        assert leaked("\n".join(seen_of(error)), KEY) == []
        monkeypatch.delenv("http_proxy")
        monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", f"x-env: {HEADER}\nx-other: {KEY}")
        error = failing(judge(Anthropic(api_key="another-key-7777", base_url=url)), colour)
        assert error is not None
        assert leaked("\n".join(seen_of(error)), KEY, HEADER) == []
    assert leaked("\n".join(listening.said), KEY, HEADER) == []


def cohere_with(url: str, token: Any = None, **http: Any) -> Cohere:
    """On clients that a user has brought."""
    token = token or "a-key-of-mine"
    client = cohere.ClientV2(token, base_url=url, httpx_client=httpx.Client(**http, verify=certificates()))
    ahttp = httpx.AsyncClient(**http, verify=certificates())
    return Cohere("m", client=client, async_client=cohere.AsyncClientV2(token, base_url=url, httpx_client=ahttp))


def claude_with(url: str, http: Any = None, **options: Any) -> LLMJudge:
    """The same."""
    options |= {"api_key": "a-key-of-mine", "base_url": url}
    given: dict[str, Any] = {"verify": certificates(), **(http or {})}
    client = anthropic.Anthropic(**options, http_client=httpx2.Client(**given))
    mine = anthropic.AsyncAnthropic(**options, http_client=httpx2.AsyncClient(**given))
    return judge(Anthropic(client=client, async_client=mine, max_retries=0))


class Signed(httpx.Auth):
    """Signs requests in a way of its own."""

    def auth_flow(self, request: httpx.Request) -> Any:
        request.headers["x-signature"] = HEADER
        yield request


PAIR = b64encode(f"user:{KEY}".encode()).decode()
BROUGHT: dict[str, Callable[[str], Any]] = {
    "Cohere, a header": lambda url: cohere_with(url, headers={"x-gateway": KEY}),
    "Cohere, a cookie": lambda url: cohere_with(url, cookies={"session": KEY}),
    "Cohere, a password": lambda url: cohere_with(url, auth=("user", KEY)),
    "Cohere, a query": lambda url: cohere_with(url, params={"code": [KEY, HEADER]}),
    "Cohere, a signature": lambda url: cohere_with(url, auth=Signed()),
    "Cohere, a token made anew": lambda url: cohere_with(url, lambda: KEY),
    "Cohere, a password in the address": lambda url: cohere_with(url.replace("://", f"://user:{KEY}@")),
    "Cohere, a proxy": lambda url: cohere_with("http://example.com", proxy=url.replace("://", f"://user:{KEY}@")),
    "Anthropic, a header": lambda url: claude_with(url, {"headers": {"x-gateway": KEY}}),
    "Anthropic, a cookie": lambda url: claude_with(url, {"cookies": {"session": KEY}}),
    "Anthropic, a password": lambda url: claude_with(url, {"auth": ("user", KEY)}),
    "Anthropic, a default header": lambda url: claude_with(url, default_headers={"x-gateway": KEY}),
    "Anthropic, a default query": lambda url: claude_with(url, default_query={"code": KEY}),
}


@pytest.mark.parametrize("make", BROUGHT.values(), ids=BROUGHT)
def test_what_a_client_that_was_brought_sends_is_hidden(
    make: Callable[[str], Any], colour: Colour, listening: Listening
) -> None:
    sent: list[str] = []

    def echo(head: bytes) -> bytes:
        sent.append(head.decode())
        told = [each for each in sent[-1].splitlines() if not each.lower().startswith(("accept", "user", "x-fern"))]
        return http("400 No", json.dumps({"message": " ".join(told)}), f"x-echo: {' '.join(told)}")

    with saying(echo) as url:
        error = failing(make(url), colour)
    assert error is not None
    assert leaked(sent[-1], KEY, HEADER) or PAIR in sent[-1]
    seen = "\n".join([*seen_of(error), *listening.said])
    assert leaked(seen, KEY, HEADER) == []
    assert PAIR not in seen


@pytest.mark.parametrize("password", ["q@7#x@9#k@3#v/", "p@ss/Wq9-77kfh3:x", "pläin-enough"])
@pytest.mark.parametrize("scheme", ["http://", ""])
def test_passwords_of_proxies_are_hidden_as_they_are_sent(
    password: str, scheme: str, colour: Colour, monkeypatch: pytest.MonkeyPatch, listening: Listening
) -> None:
    pair = b64encode(f"me@here:{password}".encode()).decode()

    def echo(head: bytes) -> bytes:
        told = next(each for each in head.decode().splitlines() if each.startswith("Proxy-Authorization"))
        return http("407 No", json.dumps({"error": told}))

    with saying(echo) as url:
        host = url.removeprefix("http://")
        monkeypatch.setenv("http_proxy", f"{scheme}me%40here:{quote(password, safe='')}@{host}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        error = failing(Voyage("m", api_key="another-key-7777", base_url="http://example.com"), colour)
    assert error is not None
    seen = "\n".join([*seen_of(error), *listening.said])
    assert "Basic **********" in str(error)
    assert [each for each in (password, pair, pair[4:16], quote(password)) if each in seen] == []


def test_what_holds_a_key_has_no_attribute_with_it() -> None:
    reranker = Voyage("m", api_key=KEY, headers={"x-custom": HEADER})

    def everything(thing: Any) -> Iterator[object]:
        yield thing
        held: list[Any] = list(vars(thing).values()) if hasattr(thing, "__dict__") else []
        held += [getattr(thing, name, None) for name in getattr(thing, "__slots__", ()) if name != "__weakref__"]
        for each in held:
            inside: list[Any] = list(each.values()) if isinstance(each, dict) else [each]
            for one in inside:
                yield from everything(one) if type(one).__module__.startswith("rerank_kit") else (one,)

    assert isinstance(reranker, Reranker)
    assert leaked(" ".join(map(repr, everything(reranker))), KEY, HEADER) == []
