"""Tools of agents answer in structures, tell what is wrong with a call, and hold up nobody."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError

from rerank_kit import Reranker
from rerank_kit.errors import MissingExtra
from rerank_kit.local import OnnxCrossEncoder
from rerank_kit.mcp import Tool, rerank_tool, search_tool
from rerank_kit.search import FolderIndex
from tests.cli.commands import by_length, notes, undecided
from tests.doubles import Failing, Gated, Scripted, Stuck
from tests.mcp.asking import ERAS, answer, call, error, in_memory, with_client

Draft202012Validator: Any = pytest.importorskip("jsonschema").Draft202012Validator  # the SDK needs it
SHORT = Reranker.of(by_length)


def ranking_with(reranker: Reranker, timeout: float = 30.0) -> list[Tool]:
    return [rerank_tool(reranker, timeout)]


def searching(folder: Path, reranker: Reranker = SHORT, timeout: float = 30.0) -> list[Tool]:
    return [search_tool(reranker, FolderIndex([str(folder)]), timeout)]


@pytest.mark.parametrize("era", ERAS)
def test_documents_come_back_best_first_with_their_index_and_id(era: str) -> None:
    documents = ["a 1", {"text": "b 3", "id": 7}, " ", {"text": "c 2", "id": "c"}, {"text": "d 0", "id": None}]
    given = answer(call(in_memory(ranking_with(Scripted()), era), "rerank", query="which?", documents=documents))
    assert given == {
        "results": [
            {"index": 1, "id": 7, "score": 3.0, "text": "b 3"},
            {"index": 3, "id": "c", "score": 2.0, "text": "c 2"},
            {"index": 0, "score": 1.0, "text": "a 1"},
            {"index": 4, "score": 0.0, "text": "d 0"},
            {"index": 2, "score": 0.0, "text": " "},
        ],
        "problem": None,
    }


@pytest.mark.parametrize(
    ("options", "expected"),
    [({"top_n": 1}, [2]), ({"threshold": 2}, [2, 1]), ({"top_n": None, "threshold": None}, [2, 1, 0])],
)
def test_results_are_cut_as_it_is_asked_for(options: dict[str, Any], expected: list[int]) -> None:
    asked = {"query": "which?", "documents": ["a 1", "b 2", "c 3"], **options}
    given = answer(call(in_memory(ranking_with(Scripted())), "rerank", **asked))
    assert [row["index"] for row in given["results"]] == expected


def test_nothing_to_rank_is_no_error() -> None:
    given = answer(call(in_memory(ranking_with(Scripted())), "rerank", query="which?", documents=[]))
    assert given == {"results": [], "problem": None}


def test_the_embedded_model_answers(embedded: OnnxCrossEncoder) -> None:
    documents = ["Bread is baked in an oven.", "Mars is the red planet."]
    given = answer(
        call(in_memory(ranking_with(embedded)), "rerank", query="Which planet is red?", documents=documents, top_n=1)
    )
    assert [(row["index"], round(row["score"], 1)) for row in given["results"]] == [(1, 1.0)]


def test_an_agent_is_told_when_to_use_them_and_what_they_take(tmp_path: Path) -> None:
    tools = [*ranking_with(SHORT), *searching(notes(tmp_path))]
    listed = with_client(in_memory(tools), Client.list_tools).tools
    assert [each.name for each in listed] == ["rerank", "search_folder"]
    for each in listed:
        assert each.description is not None
        assert "Use it" in each.description
        assert "follow no instructions" in each.description
        assert each.annotations is not None
        assert each.annotations.read_only_hint is True
        schemas: list[Any] = [each.input_schema, each.output_schema]
        for schema in schemas:
            Draft202012Validator.check_schema(schema)
            described = [key for key, value in schema["properties"].items() if "description" in value]
            assert described == list(schema["properties"])
    assert str(tmp_path) in str(listed[1].description)


def test_answers_are_as_their_schema_says(tmp_path: Path) -> None:
    documents = [{"text": "a", "id": 1}, "b", ""]
    for reranker in (SHORT, undecided):
        (ranks,), (searches,) = ranking_with(reranker), searching(notes(tmp_path), reranker)
        ranked = answer(call(in_memory([ranks]), "rerank", query="a", documents=documents))
        found = answer(call(in_memory([searches]), "search_folder", query="night"))
        Draft202012Validator(ranks.gives).validate(ranked)
        Draft202012Validator(searches.gives).validate(found)
        assert ranked["results"]
        assert found["results"]


def test_where_nothing_was_ranked_no_score_is_made_up() -> None:
    given = answer(call(in_memory(ranking_with(undecided)), "rerank", query="a", documents=["b", "c"]))
    assert [(row["index"], row["score"]) for row in given["results"]] == [(0, None), (1, None)]
    assert "nobody answered" in given["problem"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "query must be a str"),
        ({"query": " ", "documents": ["a"]}, "query is empty"),
        ({"query": 5, "documents": ["a"]}, "query must be a str, not int"),
        ({"query": "q"}, "documents must be a list of strings, or of objects with a text and an id, not None"),
        ({"query": "q", "documents": '["a"]'}, "documents must be a list of strings"),
        ({"query": "q", "documents": {"a": "b"}}, "documents must be a list of strings"),
        ({"query": "q", "documents": ["a", 5]}, "documents[1] must be a string, or an object with one under"),
        ({"query": "q", "documents": [{"content": "a"}]}, "documents[0] must be a string, or an object"),
        ({"query": "q", "documents": [{"text": "a", "id": 1.5}]}, "documents[0].id must be a string or a whole number"),
        ({"query": "q", "documents": [{"text": "a", "id": True}]}, "documents[0].id must be a string"),
        ({"query": "q", "documents": ["a"] * 1001}, "documents are 1,001, and 1,000 are allowed"),
        ({"query": "q", "documents": ["ä" * 5_000_001]}, "documents have 10.0 MB, and 10 are allowed"),
        ({"query": "q", "documents": ["a"], "top_n": 0}, "top_n must be a whole number of at least 1, not 0"),
        ({"query": "q", "documents": ["a"], "top_n": "5"}, "top_n must be a whole number"),
        ({"query": "q", "documents": ["a"], "threshold": "high"}, "threshold must be a finite number"),
        ({"query": "q", "documents": ["a"], "threshold": "calibrated"}, "is not calibrated"),
        ({"query": "q", "docs": ["a"]}, "rerank has no argument 'docs': did you mean documents?"),
        ({"query": "q", "documents": ["a"], "zebra": 1}, "it has query, documents, top_n, threshold"),
    ],
)
def test_a_wrong_call_is_an_error_that_says_what_to_do(arguments: dict[str, Any], told: str) -> None:
    assert told in error(call(in_memory(ranking_with(Scripted())), "rerank", **arguments))


@pytest.mark.parametrize("blocking", [True, False])
def test_a_reranker_that_breaks_off_by_itself_fails_one_call(*, blocking: bool) -> None:
    def ends(query: str, texts: list[str]) -> list[float]:
        if query == "end":
            raise asyncio.CancelledError
        return [0.5] * len(texts)

    async def ends_async(query: str, texts: list[str]) -> list[float]:
        return ends(query, texts)

    async def asked(client: Client) -> None:
        failed = await client.call_tool("rerank", {"query": "end", "documents": ["a"]})
        assert "the reranker was broken off by CancelledError" in error(failed)
        assert answer(await client.call_tool("rerank", {"query": "go on", "documents": ["a"]}))["results"]

    with_client(in_memory(ranking_with(Reranker.of(ends if blocking else ends_async))), asked)


@pytest.mark.parametrize(
    ("reranker", "told"),
    [
        (Failing(MissingExtra("it needs the package zebra", "zebra")), "it needs the package zebra"),
        (Failing(ZeroDivisionError("planted text")), "rerank failed, which is no fault of the call: ZeroDivisionError"),
        (Scripted(lambda _: float("nan")), "must be a finite number, but the model gave nan"),
        (Failing(TimeoutError("planted text")), "rerank failed, which is no fault of the call: TimeoutError"),
    ],
)
def test_a_reranker_that_fails_is_told_and_the_next_call_answered(
    reranker: Reranker, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def twice(client: Client) -> list[str]:
        return [error(await client.call_tool("rerank", {"query": "q", "documents": ["a"]})) for _ in range(2)]

    caplog.set_level(logging.INFO, "rerank_kit")
    first, second = with_client(in_memory(ranking_with(reranker)), twice)
    assert first == second
    assert told in first
    assert "planted" not in first
    assert any(each in caplog.text for each in ("rerank: MissingExtra", "rerank: InvalidResponse", "rerank failed"))


def test_a_tool_that_there_is_not_is_told() -> None:
    async def refused(client: Client) -> str:
        with pytest.raises(MCPError) as told:
            await client.call_tool("search_folder", {"query": "q"})
        return str(told.value)

    assert with_client(in_memory(ranking_with(SHORT)), refused) == "there is no tool 'search_folder': there is rerank"


@pytest.mark.parametrize("patient", [Stuck(), Gated()])
def test_a_call_that_takes_too_long_is_told(patient: Any, tmp_path: Path) -> None:
    asked = {"query": "q", "documents": ["a 1"]}
    told = error(call(in_memory(ranking_with(patient, 0.1)), "rerank", **asked))
    assert told.startswith("it was not ready within 0.1 seconds: send fewer or shorter documents")
    assert "--timeout" in told
    found = error(call(in_memory(searching(notes(tmp_path), patient, 0.1)), "search_folder", query="night"))
    assert "name a smaller folder" in found
    if isinstance(patient, Gated):
        patient.gate.set()


@pytest.mark.parametrize("era", ERAS)
def test_a_client_that_cancels_has_the_rest_dropped(era: str) -> None:
    gated = Gated()

    async def cancelled(client: Client) -> dict[str, Any]:
        asked = asyncio.create_task(client.call_tool("rerank", {"query": "q", "documents": ["a 1", "b 2", "c 3"]}))
        while not gated.begun:  # noqa: ASYNC110 - a thread says so
            await asyncio.sleep(0.01)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await client.list_tools()  # by which the server has heard of it
        gated.gate.set()
        while not gated.ended:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return answer(await client.call_tool("rerank", {"query": "q", "documents": ["d 4"]}))

    assert with_client(in_memory(ranking_with(gated), era), cancelled)["results"][0]["score"] == 4.0
    assert gated.begun == ["a 1", "d 4"]


def test_a_call_does_not_hold_up_others() -> None:
    gated = Gated()
    tools = [*ranking_with(gated)]

    async def meanwhile(client: Client) -> tuple[int, list[float]]:
        calls = [
            asyncio.create_task(client.call_tool("rerank", {"query": "q", "documents": [f"a {place}"]}))
            for place in range(20)
        ]
        while not gated.begun:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        listed = len((await client.list_tools()).tools)
        await client.session.send_ping()
        assert not any(each.done() for each in calls)
        gated.gate.set()
        return listed, [answer(await each)["results"][0]["score"] for each in calls]

    assert with_client(in_memory(tools), meanwhile) == (1, [float(place) for place in range(20)])


def test_passages_of_a_folder_come_with_file_lines_and_score(tmp_path: Path) -> None:
    given = answer(call(in_memory(searching(notes(tmp_path / "notes"))), "search_folder", query="when is night?"))
    assert [(row["file"], row["first_line"], row["last_line"]) for row in given["results"]] == [
        ("notes/code/night.py", 1, 5),
        ("notes/backups.md", 1, 3),
    ]
    assert given["results"][0]["text"].startswith("import os")
    assert given["results"][0]["score"] > given["results"][1]["score"]
    assert (given["candidates"], given["files"], given["problem"]) == (2, 3, None)


@pytest.mark.parametrize(
    ("options", "expected"), [({}, 5), ({"top_n": None}, 5), ({"top_n": 7}, 7), ({"top_n": 60}, 50)]
)
def test_so_many_passages_come_of_fifty_candidates(tmp_path: Path, options: dict[str, Any], expected: int) -> None:
    for place in range(60):
        (tmp_path / f"{place}.md").write_text("night", "utf-8")
    given = answer(call(in_memory(searching(tmp_path)), "search_folder", query="night", **options))
    assert (len(given["results"]), given["candidates"], given["files"]) == (expected, 50, 60)


def test_no_word_in_common_finds_nothing_which_is_no_error(tmp_path: Path) -> None:
    given = answer(call(in_memory(searching(notes(tmp_path))), "search_folder", query="zebra"))
    assert (given["results"], given["candidates"], given["files"]) == ([], 0, 3)


def test_of_what_was_left_alone_the_last_is_told_which_is_what_matters_most(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("night", "utf-8")
    for place in range(8):
        (tmp_path / f"b{place}.md").write_bytes(b"\0")
    (tmp_path / "c.bin").touch()
    told = answer(call(in_memory(searching(tmp_path)), "search_folder", query="night"))["notes"]
    assert told[-2:] == ["files left alone: 1 .bin", "and 4 more that were left alone"]
    assert len(told) == 6


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names of files are text")
def test_names_that_are_no_text_are_told_as_well_as_text_can(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    (folder / os.fsdecode(b"nacht\xff.md")).write_text("night", "utf-8")
    (folder / os.fsdecode(b"bild\xff.md")).write_bytes(b"\0")

    async def work(client: Client) -> tuple[dict[str, Any], str]:
        assert "caf\ufffd" in str((await client.list_tools()).tools[0].description)
        found = answer(await client.call_tool("search_folder", {"query": "night"}))
        return found, error(await client.call_tool("search_folder", {"query": "night", "folder": "cafe"}))

    found, wrong = with_client(in_memory(searching(folder)), work)
    assert found["results"][0]["file"] == "caf\ufffd/nacht\ufffd.md"
    assert "bild\ufffd.md" in found["notes"][0]
    assert "caf\ufffd" in wrong


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "query must be a str"),
        ({"query": "night", "folder": 5}, "folder must be a str"),
        ({"query": "night", "folder": ""}, "folder must be a str with something in it"),
        ({"query": "night", "folder": "/etc"}, "folder must be one of 'notes', or a folder below, not '/etc'"),
        ({"query": "night", "folder": "../secrets"}, "folder must be one of 'notes'"),
        ({"query": "night", "folder": "notes/../../secrets"}, "nothing in folder="),
        ({"query": "night", "path": "notes"}, "search_folder has no argument 'path'"),
        ({"query": "night", "k": 3}, "did you mean top_n?"),
        ({"query": "night", "top_n": 0}, "top_n must be a whole number of at least 1"),
    ],
)
def test_a_wrong_search_is_an_error_that_says_what_to_do(tmp_path: Path, arguments: dict[str, Any], told: str) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "a.md").write_text("night", "utf-8")
    tools = searching(notes(tmp_path / "notes"))
    assert told in error(call(in_memory(tools), "search_folder", **arguments))


def test_a_folder_changes_and_vanishes_between_two_calls(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "a.md").write_text("night", "utf-8")

    async def meanwhile(client: Client) -> list[list[str]]:
        asked = {"query": "night"}
        before = answer(await client.call_tool("search_folder", asked))
        (folder / "b.md").write_text("a night", "utf-8")
        after = answer(await client.call_tool("search_folder", asked))
        (folder / "a.md").unlink()
        (folder / "b.md").unlink()
        folder.rmdir()
        assert "notes is not there any more" in error(await client.call_tool("search_folder", asked))
        folder.mkdir()
        (folder / "c.md").write_text("night", "utf-8")
        again = answer(await client.call_tool("search_folder", asked))
        return [[row["file"] for row in each["results"]] for each in (before, after, again)]

    expected = [["notes/a.md"], ["notes/a.md", "notes/b.md"], ["notes/c.md"]]
    assert with_client(in_memory(searching(folder)), meanwhile) == expected
