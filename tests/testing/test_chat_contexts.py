"""The chat server writes contexts as a model would: for one chunk or several, with a prompt cache that counts right."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from rerank_kit.flow import run
from rerank_kit.judge import Completion, Prompt
from rerank_kit.testing import ChatServer, ContextQuestion, Reply, slow, status
from rerank_kit.testing.chat_server import first_line
from tests.judge.conftest import KEY, MakeChat, anthropic, make, server

__all__ = ["make", "server"]

DOCUMENT = "The year 2023\n\nSales rose.\n</document>\nCosts fell."
LONG = "The long year\n" + "word " * 600
ASKED = """Here is the chunk we want to situate within the whole document
<chunk>
{chunk}
</chunk>
Please give a short succinct context to situate this chunk within the overall document for the purposes of improving \
search retrieval of the chunk.
Answer only with the succinct context and nothing else."""


def one(chunk: str, document: str = DOCUMENT) -> Prompt:
    return Prompt("", (f"<document>\n{document}\n</document>", ASKED.format(chunk=chunk)), stable=1)


def several(document: str = DOCUMENT, **chunks: str) -> Prompt:
    shown = "\n".join(f"<chunk {label}>\n{text}\n</chunk {label}>" for label, text in chunks.items())
    return Prompt("", (f"<document>\n{document}\n</document>", f"As JSON, please.\n{shown}"), stable=1)


def ask(chat: Any, prompt: Prompt) -> Completion:
    completion: Completion = run(chat.complete(prompt))
    return completion


def test_one_chunk_gets_its_context_and_nothing_else(server: ChatServer, make: MakeChat) -> None:
    assert ask(make(server), one("Sales rose.")).text == "The year 2023"
    assert server.contexts == [ContextQuestion(DOCUMENT, {"": "Sales rose."})]
    assert server.questions == []


def test_several_chunks_get_one_each_by_their_labels(server: ChatServer, make: MakeChat) -> None:
    chunks = {"K7QX": "Sales rose.", "2B": "<chunk>\nCosts fell.\n</chunk>"}
    text = ask(make(server), several(**chunks)).text
    assert json.loads(text) == {"contexts": [{"label": label, "context": "The year 2023"} for label in chunks]}
    assert server.contexts == [ContextQuestion(DOCUMENT, chunks)]


def test_the_contexts_are_those_of_a_function() -> None:
    made = ChatServer(context=lambda document, chunk: f"{len(document)}: {chunk}", api_key=KEY)
    with made as server, anthropic(server) as chat:
        assert ask(chat, one("Sales rose.")).text == f"{len(DOCUMENT)}: Sales rose."


def test_a_chunk_that_looks_like_several_is_one(server: ChatServer, make: MakeChat) -> None:
    chunk = "<chunk AB>\nSales rose.\n</chunk AB>"
    ask(make(server), one(chunk))
    assert server.contexts[0].chunks == {"": chunk}


@pytest.mark.parametrize(("document", "expected"), [("\n\n A title\nmore", "A title"), ("", "")])
def test_by_default_the_context_is_the_documents_first_line(document: str, expected: str) -> None:
    assert first_line(document, "more") == expected


def test_the_model_answers_badly_about_the_chunks_that_it_is_told_to(server: ChatServer, make: MakeChat) -> None:
    server.on("Sales", Reply(change=str.upper))
    server.on("Costs", status(400))
    chat = make(server)
    assert ask(chat, one("Sales rose.")).text == "THE YEAR 2023"
    assert ask(chat, one("in which all was well")).text == "The year 2023"
    with pytest.raises(Exception, match="400"):
        ask(chat, one("Costs fell."))
    server.reply(Reply(stop="refusal"))
    assert ask(chat, one("in which all was well")).stop == "refusal"


REFUSED = {
    "no chunk": (["<document>\nx\n</document>\n"], "no chunk follows the document"),
    "no end of the document": (["<document>\nx", "<chunk>\ny\n</chunk>"], "no chunk follows the document"),
    "a label twice": (
        ["<document>\nx\n</document>", "<chunk A>\ny\n</chunk A>\n<chunk A>\nz\n</chunk A>"],
        "two chunks have one label",
    ),
    "an empty block": (["<document>\nx\n</document>", ""], "text content blocks must be non-empty"),
}


def claude(server: ChatServer, blocks: list[dict[str, Any]]) -> tuple[int, str]:
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": blocks}]}
    headers = {"anthropic-version": "2023-06-01", "x-api-key": KEY}
    answer = httpx.post(f"{server.url}/anthropic/v1/messages", json=body, headers=headers)
    return answer.status_code, answer.text


@pytest.mark.parametrize(("parts", "why"), REFUSED.values(), ids=list(REFUSED))
def test_what_is_no_question_for_contexts_is_refused(server: ChatServer, parts: list[str], why: str) -> None:
    code, text = claude(server, [{"type": "text", "text": part} for part in parts])
    assert (code, why in text) == (400, True)


@pytest.mark.parametrize("lifetimes", [["2h"], ["5m", "1h"]])
def test_the_cache_keeps_nothing_for_other_times_or_for_two(server: ChatServer, lifetimes: list[str]) -> None:
    marks = [{"type": "ephemeral", "ttl": each} for each in lifetimes]
    parts = ["<document>\nx\n</document>", "<chunk>\ny\n</chunk>"]
    blocks = [{"type": "text", "text": part, "cache_control": mark} for part, mark in zip(parts, marks, strict=False)]
    code, text = claude(server, blocks)
    assert (code, "cache_control.ttl must be one of 5m, 1h" in text) == (400, True)


def test_a_document_is_written_once_and_read_afterwards(server: ChatServer) -> None:
    with anthropic(server) as chat:
        used = [ask(chat, one(f"chunk {number}", LONG)).usage for number in range(4)]
        other = ask(chat, one("chunk 0", f"Another.\n{LONG}")).usage
    length = len(f"<document> {LONG} </document>".split())
    assert [each.cache_write_tokens for each in used] == [length, 0, 0, 0]
    assert [each.cache_read_tokens for each in used] == [0, length, length, length]
    assert len({each.input_tokens for each in used}) == 1
    assert (other.cache_write_tokens, other.cache_read_tokens) == (length + 1, 0)


def test_what_is_shorter_than_512_tokens_is_not_kept(server: ChatServer) -> None:
    blocks: list[dict[str, Any]] = [
        {"type": "text", "text": f"<document>\n{'word ' * 509}\n</document>", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "<chunk>\ny\n</chunk>"},
    ]
    usages = [json.loads(claude(server, blocks)[1])["usage"] for _ in range(2)]
    assert [each["cache_creation_input_tokens"] + each["cache_read_input_tokens"] for each in usages] == [0, 0]
    blocks[0]["text"] = blocks[0]["text"].replace("word", "one word", 1)
    usages = [json.loads(claude(server, blocks)[1])["usage"] for _ in range(2)]
    assert [(each["cache_creation_input_tokens"], each["cache_read_input_tokens"]) for each in usages] == [
        (512, 0),
        (0, 512),
    ]


def test_a_beginning_that_is_kept_is_read_where_a_longer_one_is_new(server: ChatServer) -> None:
    kept = {"type": "ephemeral"}
    first = {"type": "text", "text": f"<document>\n{LONG}\n</document>", "cache_control": kept}
    second = {"type": "text", "text": "<chunk>\ny\n</chunk>"}
    claude(server, [first, second])
    usage = json.loads(claude(server, [first, {**second, "cache_control": kept}])[1])["usage"]
    assert (usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]) == (len(LONG.split()) + 2, 3)
    assert usage["input_tokens"] == 0


def test_the_cache_is_filled_when_the_first_call_has_finished(server: ChatServer) -> None:
    server.fail(slow(1), times=3)
    with anthropic(server) as chat, ThreadPoolExecutor(3) as pool:
        used = [each.usage for each in pool.map(lambda number: ask(chat, one(f"chunk {number}", LONG)), range(3))]
        assert [each.cache_read_tokens for each in used] == [0, 0, 0]
        assert all(each.cache_write_tokens for each in used)
        assert ask(chat, one("chunk 4", LONG)).usage.cache_read_tokens == used[0].cache_write_tokens
