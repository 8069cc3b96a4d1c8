"""Nothing that is sent follows a redirect to another host: not the key, not the documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rerank_kit import ConfigurationError, RerankError
from tests.api.clients import CLIENTS
from tests.api.leaks import saying
from tests.conftest import Colour


@pytest.mark.parametrize("make", CLIENTS.values(), ids=CLIENTS)
def test_a_redirect_to_another_host_is_not_followed(make: Callable[..., Any], colour: Colour) -> None:
    trapped: list[bytes] = []

    def trap(head: bytes) -> bytes:
        trapped.append(head)
        return b""

    answer = [b""]
    with saying(trap) as elsewhere, saying(lambda _: answer[0]) as url:
        reranker = make(url)
        for status in (301, 302, 303, 307, 308):
            for place in (
                elsewhere,
                elsewhere.removeprefix("http:"),
                f"{elsewhere}/v1/rerank?a=b",
                "http://host:port",
            ):
                head = f"HTTP/1.1 {status} Moved\r\nlocation: {place}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                answer[0] = head.encode()
                with pytest.raises(RerankError) as caught:
                    colour(reranker, "rerank", "q", ["a"])
                assert "a redirect to" in str(caught.value)
                assert isinstance(caught.value, ConfigurationError) is (status in {301, 308})
    assert trapped == []
