"""`rerank-kit mcp` as clients start it: its standard output is the protocol alone, and it ends when it is told."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp.client.client import Client

from rerank_kit.cli import main
from rerank_kit.mcp.stdin_lines import StdinLines
from tests.cli.commands import BY_LENGTH, notes
from tests.mcp.asking import ERAS, answer, error, of_a_process, parameters, with_client

CAPTURE = pytest.CaptureFixture[str]
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "a test", "version": "1"}},
}
READY = {"jsonrpc": "2.0", "method": "notifications/initialized"}


@contextmanager
def started(*options: str) -> Generator[subprocess.Popen[str]]:
    """The server, talked to by hand. It is gone in the end, whatever happens."""
    how = parameters("--reranker", BY_LENGTH, *options)
    pipes: Mapping[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([how.command, *how.args], **pipes, text=True, env=how.env) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str], *messages: Any) -> None:
    """Send messages, a line each."""
    assert process.stdin is not None
    for each in messages:
        process.stdin.write(f"{each if isinstance(each, str) else json.dumps(each)}\n")
    process.stdin.flush()


def heard(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The next message."""
    assert process.stdout is not None
    message: dict[str, Any] = json.loads(process.stdout.readline())
    return message


def calling(number: int, query: str = "q") -> dict[str, Any]:
    """A call to `rerank`."""
    asked = {"name": "rerank", "arguments": {"query": query, "documents": ["long text", "text"]}}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": asked}


@pytest.mark.parametrize("era", ERAS)
def test_an_agent_gets_both_tools(tmp_path: Path, era: str) -> None:
    folder = notes(tmp_path / "notes")

    async def work(client: Client) -> tuple[list[str], list[int], list[str], str]:
        listed = [each.name for each in (await client.list_tools()).tools]
        ranked = answer(await client.call_tool("rerank", {"query": "q", "documents": ["long text", "text"]}))
        found = answer(await client.call_tool("search_folder", {"query": "night", "folder": "notes/code"}))
        wrong = error(await client.call_tool("search_folder", {"query": "night", "folder": str(tmp_path)}))
        files = [row["file"] for row in found["results"]]
        return listed, [row["index"] for row in ranked["results"]], files, wrong

    client = of_a_process("--folder", str(folder), "--reranker", BY_LENGTH, era=era)
    listed, ranked, files, wrong = with_client(client, work)
    assert (listed, ranked, files) == (["rerank", "search_folder"], [1, 0], ["notes/code/night.py"])
    assert wrong.startswith("folder must be one of 'notes'")


def test_what_a_reranker_prints_does_not_get_between_the_messages_and_without_a_folder_there_is_no_search() -> None:
    async def work(client: Client) -> tuple[list[int], list[str]]:
        ranked = answer(await client.call_tool("rerank", {"query": "q", "documents": ["long text", "text"]}))
        return [row["index"] for row in ranked["results"]], [each.name for each in (await client.list_tools()).tools]

    assert with_client(of_a_process("--reranker", "tests.cli.commands:noisy"), work) == ([1, 0], ["rerank"])


def test_a_huge_call_is_answered_and_the_next_one_too() -> None:
    async def work(client: Client) -> tuple[str, dict[str, Any]]:
        huge = {"query": "q", "documents": ["text " * 6_000_000]}
        return (
            error(await client.call_tool("rerank", huge)),
            answer(await client.call_tool("rerank", {"query": "q", "documents": ["text"]})),
        )

    told, given = with_client(of_a_process("--reranker", BY_LENGTH), work)
    assert told.startswith("documents have 30.0 MB, and 10 are allowed")
    assert len(given["results"]) == 1


def test_messages_that_are_none_are_survived() -> None:
    deep = "[" * 100_000
    with started() as process:
        said(process, HELLO)
        assert heard(process)["result"]["serverInfo"]["name"] == "rerank-kit"
        said(process, READY, "no JSON", "{", deep, "[]", "null", '{"jsonrpc": "2.0"}', "\x00\ufffd", "", calling(2))
        answers = [heard(process)]
        while answers[-1].get("id") != 2:
            answers.append(heard(process))
        assert [row["index"] for row in answers[-1]["result"]["structuredContent"]["results"]] == [1, 0]


def test_halves_of_surrogate_pairs_are_answered() -> None:
    with started() as process:
        unknown: dict[str, Any] = {**calling(3), "params": {"name": "\ud800", "arguments": {}}}
        said(process, HELLO, READY, calling(2, "half \ud800 of one"), unknown)
        found = {each["id"]: each for each in (heard(process) for _ in range(3))}
        assert len(found[2]["result"]["structuredContent"]["results"]) == 2
        assert "there is no tool" in found[3]["error"]["message"]


def test_it_ends_well_when_its_client_closes_standard_input() -> None:
    with started() as process:
        said(process, HELLO, READY, calling(2, "planted question"))
        assert {heard(process)["id"], heard(process)["id"]} == {1, 2}
        shown, told = process.communicate(timeout=30)
        assert (process.returncode, shown) == (0, "")
        assert "rerank: 2 results in " in told
        assert "planted" not in told


def test_it_ends_at_once_when_nobody_says_anything() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rerank_kit.cli", "mcp", "--reranker", BY_LENGTH],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_ctrl_c_ends_it() -> None:
    with started() as process:
        said(process, HELLO)
        heard(process)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
        assert (process.returncode, told) == (130, "")


def test_it_ends_well_when_nobody_reads_its_answers() -> None:
    with started() as process:
        said(process, HELLO, READY)
        heard(process)
        assert process.stdout is not None
        process.stdout.close()
        said(process, calling(2))
        assert process.stderr is not None
        told = process.stderr.read()
        assert "nobody reads the answers any more" in told
        assert process.wait(30) == 0, told


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only there a disk is always full")
def test_an_answer_that_cannot_be_written_is_one_line() -> None:
    how = parameters("--reranker", BY_LENGTH)
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [how.command, *how.args],
            input=f"{json.dumps(HELLO)}\n".encode(),
            stdout=full,
            stderr=subprocess.PIPE,
            env=how.env,
            check=False,
            timeout=60,
        )
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert b"standard output cannot be written: No space left on device" in done.stderr


def test_standard_output_that_is_closed_is_told(monkeypatch: pytest.MonkeyPatch, capsys: CAPTURE) -> None:
    monkeypatch.setattr("sys.stdout", None)
    assert main(["mcp", "--reranker", BY_LENGTH]) == 1
    assert "standard output is closed, on which a client is answered" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (["--folder", "nowhere"], 1, "--folder 'nowhere': there is no such file or folder"),
        (["--folder", "/"], 1, "--folder '/' is the whole disk"),
        (["--timeout", "0"], 1, "--timeout must be a number of seconds above 0, not 0.0"),
        (["--folder", ".", "--encoding", "latin-99"], 1, "--encoding must be one that Python knows"),
        (["--reranker", "onix:embedded"], 1, "did you mean 'onnx:embedded'?"),
        (["--http"], 2, "--http"),
    ],
)
def test_a_wrong_command_is_told_before_anything_is_served(
    capsys: CAPTURE, options: list[str], code: int, told: str
) -> None:
    assert main(["mcp", *options]) == code
    shown, complaints = capsys.readouterr()
    assert shown == ""
    assert told in complaints
    assert complaints.count("\n") == 1


def test_somebody_at_a_terminal_is_told_what_it_waits_for(monkeypatch: pytest.MonkeyPatch, capsys: CAPTURE) -> None:
    served: list[Any] = []
    monkeypatch.setattr("rerank_kit.mcp.server.run", served.append)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    assert main(["mcp", "--reranker", BY_LENGTH]) == 0
    assert "waiting for a client on standard input" in capsys.readouterr().err
    assert len(served) == 1


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"one\ntwo\n", ["one", "two"]),
        (b"one\r\n\ntwo", ["one\r", "", "two"]),
        ("ä".encode() * 100_000 + b"\n\xff\n", ["ä" * 100_000, "\ufffd"]),
        (rb'["\ud800", "\uD83D\uDE00"]' + b"\n", ['["\ufffd", "\U0001f600"]']),
        (rb"no JSON \ud800" + b"\n", [r"no JSON \ud800"]),
    ],
)
def test_lines_come_whole_however_they_were_sent(tmp_path: Path, content: bytes, expected: list[str]) -> None:
    file = tmp_path / "input"
    file.write_bytes(content)

    async def read(lines: AsyncIterator[str]) -> list[str]:
        return [each async for each in lines]

    with file.open("rb") as stream:
        assert asyncio.run(read(aiter(StdinLines(stream.fileno())))) == expected
    closed = os.open(file, os.O_RDONLY)
    os.close(closed)
    assert asyncio.run(read(aiter(StdinLines(closed)))) == []
