"""`rerank-kit contextualize`: what it asks, writes and says."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from rerank_kit import Deadline, Usage
from rerank_kit.cli import main
from rerank_kit.contextual.store import ContextStore
from rerank_kit.errors import ConfigurationError
from rerank_kit.flow import Flow
from rerank_kit.judge import Completion, Prompt
from rerank_kit.testing import ChatServer
from tests.cli.commands import Terminal, piped

CAPTURE = pytest.CaptureFixture[str]
MODEL = ["--model", "tests.cli.test_contextualize:model"]
PRICED = ["--model", "tests.cli.test_contextualize:priced"]
BACKUPS = "# Backups\n\nBackups run at 2 am.\n\n## Restore\n\nCall the night shift. They restore within an hour.\n"
HOLIDAYS = "# Holidays\n\nEverybody has 30 days of them in a year.\n"


class Model:
    """Writes contexts, and questions where it is asked for these."""

    def __init__(self, name: str) -> None:
        self.model: str | None = name
        self.asked = list[Prompt]()
        self.fails: type[BaseException] | None = None
        self.refuses: str | None = None

    def complete(self, prompt: Prompt, deadline: Deadline = Deadline()) -> Flow[Completion]:  # noqa: B008 - frozen
        yield from ()
        self.asked.append(prompt)
        if self.fails is not None:
            raise self.fails
        if self.refuses is not None and self.refuses in prompt.parts[-1]:
            return Completion("", stop="refusal", usage=Usage(calls=1))
        labels = re.findall(r"<chunk (\w+)>", prompt.parts[-1])
        if prompt.system:
            quote = re.findall(r"[A-Z][^.\n]*\.", prompt.parts[0])[0]
            text = json.dumps({"question": f"What of this: {quote}?", "quote": quote})
        elif labels:
            text = json.dumps({"contexts": [{"label": each, "context": "One of several."} for each in labels]})
        else:
            text = "One of them."
        return Completion(text, usage=Usage(calls=1, input_tokens=100, output_tokens=10))


model, priced = Model("local"), Model("claude-haiku-5-5")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of notes in which one works."""
    monkeypatch.chdir(tmp_path)
    Path("notes").mkdir()
    Path("notes", "backups.md").write_text(BACKUPS, "utf-8")
    Path("notes", "holidays.md").write_text(HOLIDAYS, "utf-8")
    rows = ["question,quote", "How long does a restore take?,They restore within an hour."]
    Path("questions.csv").write_text("\n".join(rows), "utf-8")
    for each in (model, priced):
        each.asked.clear()
        each.fails = each.refuses = None


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(each) for each in text.splitlines()]


def test_without_a_model_contexts_are_of_headings(capsys: CAPTURE) -> None:
    assert main(["contextualize", "notes"]) == 0
    shown, told = capsys.readouterr()
    rows = lines(shown)
    assert [each["document"] for each in rows] == ["notes/backups.md", "notes/holidays.md"]
    assert rows[1]["context"] == "notes/holidays.md › Holidays"
    assert rows[1]["text"] in HOLIDAYS
    assert "2 contexts for 2 documents" in told
    assert main(["contextualize", "notes", "--neighbours", "20", "--out", "chunks.jsonl"]) == 0
    shown, told = capsys.readouterr()
    assert shown == ""
    assert "wrote chunks.jsonl: a line for each chunk" in told
    assert len(lines(Path("chunks.jsonl").read_text("utf-8"))) == 2


def test_a_model_writes_them_once(capsys: CAPTURE) -> None:
    for per_call in ("1", "1", "8", "auto"):
        assert main(["contextualize", "notes", *MODEL, "--chunks-per-call", per_call, "--yes"]) == 0
    shown, told = capsys.readouterr()
    assert {each["context"] for each in lines(shown)} == {"One of them."}
    assert "contexts for all documents cost a price that is not known" in told
    assert "rerank-kit: 2 of 2 chunks" in told
    assert "2 of them from the store" in told
    assert len(model.asked) == 2
    assert Path("contexts.sqlite").exists()


def test_a_price_is_agreed_to_first(capsys: CAPTURE, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", piped(b""))
    assert main(["contextualize", "notes", *PRICED]) == 1
    assert (
        "nothing was asked: agree, or pass --max-cost DOLLARS, or in a pilot --budget DOLLARS, or --yes"
        in capsys.readouterr().err
    )
    assert priced.asked == []
    assert main(["contextualize", "notes", *PRICED, "--max-cost", "1"]) == 0
    assert "contexts for all documents cost about $0.0" in capsys.readouterr().err
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert main(["contextualize", "notes", *PRICED, "--store", "other.sqlite"]) == 0
    assert len(priced.asked) == 4


def test_an_estimate_asks_nothing(capsys: CAPTURE) -> None:
    assert main(["contextualize", "notes", *PRICED, "--estimate"]) == 0
    assert "8 chunks a call" in capsys.readouterr().out
    assert main(["contextualize", "notes", *PRICED, "--estimate", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in told["ways"]] == ["1 chunk a call", "8 chunks a call"]
    assert (priced.asked, Path("contexts.sqlite").exists()) == ([], False)


def test_a_pilot_says_whether_it_is_worth_it(capsys: CAPTURE) -> None:
    assert main(["contextualize", "notes", "--pilot", "questions.csv"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("1 question, 2 of 2 documents: 2 contexts for 2 documents")
    assert "too few questions to say" in shown
    options = ["--pilot", "questions.csv", "--reranker", "none", "--budget", "1", "--top-n", "5", "--json"]
    assert main(["contextualize", "notes", *PRICED, *options]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["compared"], told["measure"]) == ("inconclusive", "first stage", "R@5")
    assert told["documents"] == {"pilot": 2, "all": 2}


def test_questions_are_drawn_by_the_model_and_said_to_flatter(capsys: CAPTURE) -> None:
    assert main(["contextualize", "notes", *MODEL, "--draw", "2", "--reranker", "none", "--yes"]) == 0
    assert "THE QUESTIONS WERE WRITTEN BY A MODEL (local)" in capsys.readouterr().out
    assert main(["contextualize", "notes", *PRICED, "--draw", "1", "--max-cost", "1", "--reranker", "none"]) == 0


def test_what_has_no_context_is_written_without_and_told(capsys: CAPTURE) -> None:
    model.refuses = "30 days"
    assert main(["contextualize", "notes", *MODEL, "--yes", "--out", "chunks.jsonl"]) == 1
    told = capsys.readouterr().err
    assert "no context for chunk 0 of notes/holidays.md: the model refused to answer" in told
    assert "the same command asks for what is missing" in told
    assert [each["context"] for each in lines(Path("chunks.jsonl").read_text("utf-8"))] == ["One of them.", None]
    model.refuses = None
    assert main(["contextualize", "notes", *MODEL, "--yes", "--out", "chunks.jsonl"]) == 0


def test_a_store_that_fails_ends_with_what_there_is(capsys: CAPTURE, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: ContextStore, document: str) -> None:
        msg = "store='x' cannot be written: database or disk is full"
        raise ConfigurationError(msg)

    monkeypatch.setattr(ContextStore, "release", full)
    assert main(["contextualize", "notes", *MODEL, "--yes"]) == 1
    shown, told = capsys.readouterr()
    assert "disk is full" in told
    assert "One of them." in shown


def test_nobody_needs_a_key_to_be_told_a_price(capsys: CAPTURE, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    assert main(["contextualize", "notes", "--model", "anthropic:claude-haiku-5-5", "--estimate"]) == 0
    assert "8 calls at once" in capsys.readouterr().out
    assert main(["contextualize", "notes", "--model", "anthropic:claude-haiku", "--estimate"]) == 0
    assert "name a price list of your own in RERANK_KIT_PRICES" in capsys.readouterr().out


def test_batches_are_said_to_take_their_time(capsys: CAPTURE, monkeypatch: pytest.MonkeyPatch) -> None:
    with ChatServer(api_key="a-key") as server:
        server.batch_polls = 0
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.base_url("anthropic"))
        monkeypatch.setenv("ANTHROPIC_API_KEY", "a-key")
        asked = ["--model", "anthropic:claude-haiku-5-5", "--batch", "--yes"]
        assert main(["contextualize", "notes", *asked]) == 0
    shown, told = capsys.readouterr()
    assert "asked in batches, which takes up to 24 hours" in told
    assert len(lines(shown)) == 2


def test_ctrl_c_says_where_it_goes_on(capsys: CAPTURE) -> None:
    model.fails = KeyboardInterrupt
    assert main(["contextualize", "notes", *MODEL, "--yes"]) == 130
    assert "stopped. What was written is in contexts.sqlite: the same command goes on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nowhere"], 1, "PATH"),
        (["notes", "--estimate"], 2, "--estimate: only for --model"),
        (["notes", "--granularity", "section"], 2, "--granularity: only for --model"),
        (["notes", *MODEL, "--neighbours", "9"], 2, "--neighbours: only for contexts of headings"),
        (["notes", *MODEL, "--budget", "1"], 2, "--budget: only for --pilot or --draw"),
        (["notes", "--pilot", "questions.csv", "--out", "x"], 2, "--out: only for contexts that are written"),
        (["notes", "--pilot", ""], 2, "--pilot names no file"),
        (["notes", "--out", "nowhere/x.jsonl"], 2, "--out 'nowhere/x.jsonl' is no file that can be written"),
        (["notes", "--out", "notes"], 2, "--out 'notes' is no file"),
        (["notes", *MODEL, "--chunks-per-call", "9" * 5000], 1, "must be a whole number"),
        (["notes", *MODEL, "--max-cost", "1"], 1, "name a price list of your own in RERANK_KIT_PRICES"),
        (["notes", "--model", "nobody"], 1, "--model: "),
        (["notes", *MODEL, "--chunks-per-call", "all"], 1, "must be a whole number"),
        (["notes", *MODEL, "--batch"], 1, "a model that can be asked in batches"),
        (["notes", "--pilot", "questions.csv", "--draw", "3"], 2, "--pilot and --draw exclude each other"),
        (["notes", "--pilot", "nowhere.csv"], 1, "nowhere.csv"),
    ],
)
def test_mistakes_are_told_in_a_line(arguments: list[str], code: int, said: str, capsys: CAPTURE) -> None:
    assert main(["contextualize", *arguments]) == code
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told
