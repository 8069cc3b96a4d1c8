"""An agent's program: the SDK's own client, and what is asked of a server with it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp_types import CallToolResult, TextContent

from rerank_kit.mcp import Tool
from rerank_kit.mcp.server import server_of

T = TypeVar("T")

ERAS = ["legacy", "auto"]
"""How a client begins: with a handshake, or with the first request, as the protocol has it since 2026-07."""


def in_memory(tools: Sequence[Tool], era: str = "legacy") -> Client:
    """A client of a server in this process."""
    return Client(server_of(tools), mode=era)


def of_a_process(*options: str, era: str = "legacy") -> Client:
    """A client of `rerank-kit mcp`."""
    return Client(stdio_client(parameters(*options)), mode=era)


def parameters(*options: str) -> StdioServerParameters:
    """How a client starts it."""
    command = ["-m", "rerank_kit.cli", "mcp", *options]
    return StdioServerParameters(command=sys.executable, args=command, env=dict(os.environ))


def with_client(client: AbstractAsyncContextManager[Client], work: Callable[[Client], Awaitable[T]]) -> T:
    """What the work gives, which is done within a minute."""

    async def done() -> T:
        async with asyncio.timeout(60), client as connected:
            return await work(connected)

    return asyncio.run(done())


def call(client: Client, name: str, **arguments: Any) -> CallToolResult:
    """What one call to a tool is answered."""
    return with_client(client, lambda connected: connected.call_tool(name, arguments))


def answer(result: CallToolResult) -> dict[str, Any]:
    """The answer, which is the same as text."""
    assert not result.is_error, result.content
    given: dict[str, Any] = json.loads(text(result))
    assert given == result.structured_content
    return given


def error(result: CallToolResult) -> str:
    """What went wrong, in a line."""
    assert result.is_error
    assert result.structured_content is None
    told = text(result)
    assert "\n" not in told
    assert "Traceback" not in told
    return told


def text(result: CallToolResult) -> str:
    """Its only text."""
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text
