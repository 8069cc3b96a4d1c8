"""Of an answer no more is read, decoded, than what was asked for can need."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from itertools import repeat
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank_kit import InvalidResponse, StatusError
from rerank_kit.api.answer_size import LEAST, Body, longest_answer
from rerank_kit.api.secrets_sent import guard
from rerank_kit.managed import Cohere
from tests.api.clients import CLIENTS
from tests.api.dribbling import dribbling
from tests.api.leaks import saying
from tests.conftest import Colour

Make = Callable[..., Any]


def bare(text: bytes) -> bytes:
    """Deflate without zlib's head, as some servers send it."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(text) + packer.flush()


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "GZIP, identity": gzip.compress,
    "deflate": zlib.compress,
    " deflate": bare,
}


def read(body: Body, content: bytes, size: int) -> bytes:
    pieces = (content[at : at + size] for at in range(0, len(content), size))
    return b"".join(each for piece in pieces for each in body.of(piece))


@pytest.mark.parametrize("encoding", PACKED)
@given(text=st.binary(max_size=300), size=st.integers(1, 400))
def test_an_answer_is_decoded_in_pieces_of_any_size(encoding: str, text: bytes, size: int) -> None:
    body = Body(encoding, 300, whole=True)
    assert read(body, PACKED[encoding](text), size) == text
    assert not body.over


@pytest.mark.parametrize("encoding", PACKED)
@given(more=st.integers(1, 300), size=st.integers(1, 400))
def test_what_is_longer_is_refused(encoding: str, more: int, size: int) -> None:
    body = Body(encoding, 300, whole=True)
    with pytest.raises(InvalidResponse, match="longer than the 300 bytes"):
        read(body, PACKED[encoding](bytes(300 + more)), size)
    assert body.over


@pytest.mark.parametrize("encoding", PACKED)
def test_of_an_error_the_beginning_is_read(encoding: str) -> None:
    body = Body(encoding, 10**6, whole=False)
    assert read(body, PACKED[encoding](b"x" * 10**6), 1000).startswith(b"xxxx")
    assert body.over


@pytest.mark.parametrize(
    ("encoding", "content", "told"),
    [
        ("br", b"x", "'br', though only gzip, deflate"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"x")), "'gzip, gzip', though"),
        ("gzip", b"<html>", "said to be gzip, and is not"),
        ("deflate", b"<html>", "said to be deflate, and is not"),
    ],
    ids=["brotli", "packed twice", "no gzip", "no deflate"],
)
def test_what_was_not_asked_for_is_no_answer(encoding: str, content: bytes, told: str) -> None:
    with pytest.raises(InvalidResponse, match=told):
        read(Body(encoding, 300, whole=True), content, 300)


def test_what_unpacks_to_nothing_is_bounded_too() -> None:
    with pytest.raises(InvalidResponse, match="longer than the 300 bytes"):
        read(Body("gzip", 300, whole=True), gzip.compress(b"x") + bytes(1000), 100)


def test_an_error_in_an_encoding_of_its_own_is_one_without_words() -> None:
    body = Body("br", 300, whole=False)
    assert (read(body, b"x", 1), body.over) == (b"", True)


def test_the_bound_follows_from_what_was_asked() -> None:
    assert longest_answer() == LEAST
    assert longest_answer(results=1000) > LEAST + 1000 * 100
    assert longest_answer(tokens=1000) > LEAST + 1000 * 100
    assert longest_answer(characters=1000) == LEAST + 6000


def http(status: str, content: bytes, *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status}", "content-type: application/json", *headers, f"content-length: {len(content)}"]
    return "\r\n".join([*head, "connection: close", "", ""]).encode() + content


def packed(encoding: str, _: bytes) -> bytes:
    return http("200 OK", BOMB, f"content-encoding: {encoding}")


BOMB = gzip.compress(bytes(40_000_000), 1)
"""40 MB of nothing."""


@pytest.mark.parametrize("make", CLIENTS.values(), ids=CLIENTS)
def test_a_small_answer_that_becomes_a_great_one_is_refused(make: Make, colour: Colour) -> None:
    for encoding in ("gzip", "br", "gzip, gzip"):
        with saying(partial(packed, encoding)) as url:
            reranker = make(url, headers={"x": "warm"})
            tracemalloc.start()
            with pytest.raises(InvalidResponse):
                colour(reranker, "rerank", "q", ["a"])
            _, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert most < 20_000_000


@pytest.mark.parametrize("make", CLIENTS.values(), ids=CLIENTS)
def test_an_answer_that_does_not_end_is_read_no_further(make: Make, colour: Colour) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n["
        yield from repeat(b"0," * 100_000)

    with dribbling(pieces, pause=0.0001) as url, pytest.raises(InvalidResponse, match=r"longer|said"):
        colour(make(url), "rerank", "q", ["a"], timeout=30)


@pytest.mark.parametrize("make", CLIENTS.values(), ids=CLIENTS)
def test_a_refusal_is_one_however_long_it_is(make: Make, colour: Colour) -> None:
    told = gzip.compress(json.dumps({"message": "no" * 1_000_000}).encode())
    with saying(lambda _: http("422 No", told, "content-encoding: gzip")) as url, pytest.raises(StatusError) as caught:
        colour(make(url), "rerank", "q", ["a"])
    assert (caught.value.status, len(str(caught.value)) < 1000) == (422, True)


def test_a_client_of_the_users_own_is_bounded_for_us_alone() -> None:
    asked: list[bytes] = []

    def answer(head: bytes) -> bytes:
        asked.append(head.lower())
        return http("200 OK", gzip.compress(bytes(3_000_000)), "content-encoding: gzip")

    client = httpx.Client(headers={"accept-encoding": "br"})
    guard(client)
    guard(client)
    with saying(answer) as url:
        assert len(client.get(url).content) == 3_000_000
    assert b"accept-encoding: br" in asked[0]
    assert [len(each) for each in client.event_hooks.values()] == [2, 2]


def test_a_client_of_the_users_own_asks_for_what_can_be_read(colour: Colour) -> None:
    asked: list[bytes] = []

    def answer(head: bytes) -> bytes:
        asked.append(head.lower())
        return http("200 OK", json.dumps({"results": [{"index": 0, "relevance_score": 0.5}]}).encode())

    with saying(answer) as url:
        reranker = CLIENTS["Cohere on clients of mine"](url)
        assert isinstance(reranker, Cohere)
        assert [hit.score for hit in colour(reranker, "rerank", "q", ["a"])] == [0.5]
    assert b"accept-encoding: gzip, deflate\r\n" in asked[0]
