"""The server of the official SDK, with tools of ours, on standard input and output."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import sys
from collections.abc import Sequence
from importlib.metadata import version
from time import perf_counter
from typing import Any, cast

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    ToolAnnotations,
)
from mcp_types import Tool as ListedTool

from rerank_kit.errors import RerankError
from rerank_kit.mcp.stdin_lines import StdinLines
from rerank_kit.mcp.tool import UNTRUSTED, Tool
from rerank_kit.quoting import quoted
from rerank_kit.texts import encodable, in_a_line

_log = logging.getLogger("rerank_kit.mcp")
_INSTRUCTIONS = f"Tools that tell which of many texts answer a question. {UNTRUSTED}"


def server_of(tools: Sequence[Tool]) -> Server:
    """A server with tools."""
    by_name = {each.name: each for each in tools}
    listed = ListToolsResult(tools=[_listed(each) for each in tools])

    async def list_tools(_: ServerRequestContext[Any], __: PaginatedRequestParams | None) -> ListToolsResult:
        return listed

    async def call_tool(_: ServerRequestContext[Any], wanted: CallToolRequestParams) -> CallToolResult:
        tool = by_name.get(wanted.name)
        if tool is None:
            raise MCPError(INVALID_PARAMS, f"there is no tool {quoted(wanted.name)}: there is {', '.join(by_name)}")
        return await _called(tool, wanted.arguments or {})

    return Server(
        "rerank-kit",
        version=version("rerank-kit"),
        instructions=_INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def run(server: Server) -> None:
    """Serve whoever writes to standard input, until that ends. Ctrl-C ends it too, as `KeyboardInterrupt`.

    Raises:
        OSError: Standard output is closed, or cannot be written for another reason than that nobody reads it.
    """
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison] - so it is where it was closed
        raise OSError(errno.EBADF, "standard output is closed, on which a client is answered")
    failed = asyncio.run(_serve(server))
    if isinstance(failed, BrokenPipeError | ConnectionResetError):
        _log.info("nobody reads the answers any more")
    elif failed is not None:
        raise OSError(failed.errno, f"standard output cannot be written: {failed.strerror}")


async def _serve(server: Server) -> OSError | None:
    """Serve, and say what it ended with."""
    lines = cast("Any", StdinLines())  # the SDK's own cannot be broken off by Ctrl-C: it waits for a line in a thread
    error: OSError | ExceptionGroup[OSError] | None = None
    try:
        async with stdio_server(stdin=lines) as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())
    except* OSError as several:
        error = several
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


async def _called(tool: Tool, arguments: dict[str, Any]) -> CallToolResult:
    """Its answer. What goes wrong is told to the agent, which can mend its call."""
    began = perf_counter()
    try:
        answer = await tool.call(arguments)
    except RerankError as error:
        return _failed(tool, error, str(error))
    except Exception as error:  # noqa: BLE001 - whatever a reranker raises is told, and the server goes on
        _log.error("%s failed", tool.name, exc_info=error)
        told = f"{tool.name} failed, which is no fault of the call: {type(error).__name__}. The server's log says more"
        return _failed(tool, error, told)
    _log.info("%s: %d results in %.2f s", tool.name, len(answer["results"]), perf_counter() - began)
    text = encodable(json.dumps(answer, ensure_ascii=False))  # names of files may have what no text can
    return CallToolResult(content=[TextContent(text=text)], structured_content=json.loads(text))


def _failed(tool: Tool, error: Exception, told: str) -> CallToolResult:
    _log.info("%s: %s", tool.name, type(error).__name__)  # its text may quote what was sent
    return CallToolResult(content=[TextContent(text=encodable(in_a_line(told)))], is_error=True)


def _listed(tool: Tool) -> ListedTool:
    return ListedTool(
        name=tool.name,
        title=tool.title,
        description=encodable(tool.description),
        input_schema=dict(tool.takes),
        output_schema=dict(tool.gives),
        annotations=ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False),
    )
