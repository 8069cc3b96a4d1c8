"""`rerank-kit label`: what it asks, writes and says."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from rerank_kit import Deadline
from rerank_kit.cli import main
from rerank_kit.cli.evaluated import dear as dear_words
from rerank_kit.cli.judges import chat_of, judge_of
from rerank_kit.cli.keys import pressed
from rerank_kit.errors import BackendError, ConfigurationError
from rerank_kit.evaluate import Plan, read_dataset
from rerank_kit.evaluate.synthesising import INSTRUCTIONS
from rerank_kit.flow import Flow
from rerank_kit.judge import Anthropic, Completion, LLMJudge, OpenAICompatible, Prompt
from rerank_kit.pricing import Price, known_prices
from tests.cli.commands import Terminal, piped
from tests.evaluate.labelling import DATA, DOCUMENTS
from tests.evaluate.test_synthesising import Writer
from tests.judge.doubles import Scripted

CAPTURE = pytest.CaptureFixture[str]
LABEL = ["label", "questions.csv", "bm25", "--corpus", "corpus.jsonl", "--depth", "4"]
MINE = ["--judge", "tests.cli.test_label:chat"]
chat = Scripted()
dear = LLMJudge(Scripted(), prices=known_prices().override(Price("scripted", "chat", 1000.0, 1_000_000, output=1.0)))
writer = Writer()


def stop(question: object) -> str:
    raise KeyboardInterrupt


def fail(question: object) -> str:
    raise BackendError("the server is on fire")


stopped, failing = Scripted(stop), Scripted(fail)
refusing = Scripted(lambda question: Completion("", stop="refusal"))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with questions that nobody has labelled, in which one works."""
    monkeypatch.chdir(tmp_path)
    rows = [json.dumps({"id": each, "text": text}) for each, text in DOCUMENTS.items()]
    Path("corpus.jsonl").write_text("\n".join(rows), "utf-8")
    Path("questions.csv").write_text("\n".join(["question", *DATA.queries.values()]), "utf-8")
    chat.prompts.clear()


def test_a_reviewed_sample_makes_a_dataset(capsys: CAPTURE, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", piped(b"n" * 10 + b"q"))
    assert main([*LABEL, *MINE, "--out", "labelled", "--review", "--yes"]) == 1
    shown, told = capsys.readouterr()
    assert shown == ""
    assert "a person has reviewed 10 of the 20 pairs" in told
    assert "label the rest of the sample with --review, or in the table of --csv FILE, or pass --unreviewed" in told
    monkeypatch.setattr(sys, "stdin", piped(b"y" * 20))
    asked = len(chat.prompts)
    assert main([*LABEL, *MINE, "--out", "labelled", "--review", "--yes"]) == 0
    assert len(chat.prompts) == asked
    shown, _ = capsys.readouterr()
    assert "labels of scripted: judge and person agree on" in shown
    assert shown.endswith("written to labelled: rerank-kit eval labelled\n")
    assert len(read_dataset("labelled").queries) > 0


def test_a_table_is_written_and_read_by_the_same_command(capsys: CAPTURE) -> None:
    command = [*LABEL, *MINE, "--csv", "sample.csv", "--sample", "8", "--yes"]
    assert main(command) == 0
    _, told = capsys.readouterr()
    assert "wrote sample.csv: fill in its column grade with 1 or 0, and run the same command again" in told
    sheet = Path("sample.csv")
    sheet.write_text(sheet.read_text("utf-8").replace(",\n", ",0\n"), "utf-8")
    assert main([*command, "--json", "--unreviewed", "--out", "there"]) == 0
    shown, told = capsys.readouterr()
    assert "8 labels read from sample.csv" in told
    assert "added" not in told
    report = json.loads(shown)
    assert (report["agreement"]["pairs"], report["remaining"], report["out"]) == (8, 0, "there")


def test_the_first_run_with_a_table_ends_well_and_says_what_writes_the_dataset(capsys: CAPTURE) -> None:
    command = [*LABEL, *MINE, "--csv", "sample.csv", "--out", "labelled", "--yes", "--store", "mine.sqlite"]
    assert main(command) == 0
    shown, told = capsys.readouterr()
    assert shown.endswith("labelled is not written yet: fill in sample.csv, and the same command writes it\n")
    assert "wrote sample.csv" in told
    assert not Path("labelled").exists()
    assert main(command) == 1
    assert "a person has reviewed 0 of the 20 pairs" in capsys.readouterr().err
    sheet = Path("sample.csv")
    sheet.write_text(sheet.read_text("utf-8").replace(",\n", ",0\n"), "utf-8")
    assert main([*command, "--sample", "31", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["out"] == "labelled"
    assert main(command) == 0
    assert capsys.readouterr().out.endswith("written to labelled: rerank-kit eval labelled --store mine.sqlite\n")


def test_what_a_judge_without_a_price_costs_is_said_to_be_unknown(capsys: CAPTURE) -> None:
    assert main([*LABEL, *MINE]) == 1
    told = capsys.readouterr().err
    assert "32 texts are to be read. That costs an unknown amount: the price of scripted is not known" in told
    assert "nobody is there to agree to the price: pass --yes to pay whatever it costs" in told
    assert dear_words(Plan(0.4, ("one", "two"), 1.0)) == "about $0.40 and more: prices are not known of one, two"
    assert dear_words(Plan(0.4, (), 1.0)) == "about $0.40"


def test_a_table_that_is_there_gains_rows_and_keeps_its_marks(capsys: CAPTURE) -> None:
    command = [*LABEL, *MINE, "--csv", "sample.csv", "--yes", "--sample"]
    assert main([*command, "4"]) == 0
    sheet = Path("sample.csv")
    marked = sheet.read_text("utf-8").replace(",\n", ",0\n")
    sheet.write_text(marked, "utf-8")
    capsys.readouterr()
    assert main([*command, "9"]) == 0
    told = capsys.readouterr().err
    assert "4 labels read from sample.csv" in told
    assert "added 5 rows to sample.csv: fill in its column grade with 1 or 0" in told
    assert sheet.read_text("utf-8").startswith(marked)
    assert main([*command, "9", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["reviewed"] == 4


@pytest.mark.parametrize(
    ("name", "cause"),
    [("failing", "BackendError: the server is on fire"), ("refusing", "the model refused to answer")],
)
def test_where_the_judge_labels_nothing_nothing_is_written(name: str, cause: str, capsys: CAPTURE) -> None:
    asking = ["--judge", f"tests.cli.test_label:{name}", "--yes"]
    writing = ["--csv", "sample.csv", "--out", "labelled", "--unreviewed"]
    for options in ([], writing):
        assert main([*LABEL, *asking, *options]) == 1
        shown, told = capsys.readouterr()
        assert shown == ""
        assert "scripted labelled none of 32 pairs: " in told
        assert cause in told
    assert not Path("sample.csv").exists()
    assert not Path("labelled").exists()


def test_without_a_judge_and_a_label_nothing_is_written(capsys: CAPTURE) -> None:
    assert main([*LABEL, "--out", "labelled"]) == 1
    told = capsys.readouterr().err
    assert "there is not one label yet: label the sample with --review, or in the table of --csv FILE" in told
    assert not Path("labelled").exists()


def test_without_a_judge_nothing_is_asked(capsys: CAPTURE) -> None:
    assert main([*LABEL, "--queries", "2", "--sample", "3"]) == 0
    assert "a person labelled 0, and 3 of the sample remain" in capsys.readouterr().out


def test_nothing_is_paid_for_before_somebody_agrees(capsys: CAPTURE, monkeypatch: pytest.MonkeyPatch) -> None:
    command = [*LABEL, "--judge", "tests.cli.test_label:dear"]
    assert main(command) == 1
    assert "nobody is there to agree to the price: pass --max-cost DOLLARS, or --yes" in capsys.readouterr().err
    assert main([*command, "--max-cost", "0.0001"]) == 1
    assert "the run would cost about" in capsys.readouterr().err
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert main(command) == 1
    assert main([*command, "--yes"]) == 0


def test_ctrl_c_stops_it_and_says_how_it_goes_on(capsys: CAPTURE) -> None:
    assert main([*LABEL, "--judge", "tests.cli.test_label:stopped", "--yes"]) == 130
    assert "What was labelled is in rerank-kit.sqlite: the same command goes on" in capsys.readouterr().err


def test_a_folder_of_notes_gets_questions(capsys: CAPTURE) -> None:
    Path("notes").mkdir()
    for place in range(3):
        text = f"The animal{place} is here. It sleeps in the house of the others all day."
        Path("notes", f"{place}.md").write_text(text, "utf-8")
    assert main(["label", "notes", "bm25"]) == 1
    told = capsys.readouterr().err
    assert "notes has no questions: write some into a table" in told
    assert "--synthesise 50" in told
    assert main(["label", "notes", "bm25", "--synthesise", "2"]) == 1
    assert "--synthesise needs a model that writes questions: pass --judge" in capsys.readouterr().err
    asking = ["--judge", "tests.cli.test_label:both", "--yes", "--unreviewed", "--out", "labelled"]
    assert main(["label", "notes", "bm25", "--synthesise", "2", *asking]) == 0
    assert "2 questions written by writer, each from one document: they flatter" in read_dataset("labelled").notes
    assert read_dataset("labelled").synthetic == "writer"
    capsys.readouterr()
    assert main(["label", "none.csv"]) == 1
    assert "there is no such file" in capsys.readouterr().err


class Both(Writer):
    """Writes questions, and judges."""

    def complete(self, prompt: Prompt, deadline: Deadline = Deadline()) -> Flow[Completion]:  # noqa: B008 - frozen
        return super().complete(prompt) if prompt.system == INSTRUCTIONS else chat.complete(prompt)


both = Both()


def test_judges_are_known_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "planted")
    monkeypatch.setenv("OPENAI_API_KEY", "planted")
    claude, gpt, local = (
        chat_of("anthropic:claude-haiku-5-5"),
        chat_of("openai:gpt-5-mini"),
        chat_of("http://127.0.0.1:11434/v1#qwen3:4b"),
    )
    assert isinstance(claude, Anthropic)
    assert isinstance(gpt, OpenAICompatible)
    assert (claude.model, gpt.model, local.model) == ("claude-haiku-5-5", "gpt-5-mini", "qwen3:4b")
    assert judge_of("tests.cli.test_label:chat", "is about cats").criterion == "is about cats"
    assert judge_of("tests.cli.test_label:dear", None) is dear
    for each in (claude, gpt, local):
        each.close()
    monkeypatch.delenv("OPENAI_API_KEY")
    for name, criterion, message in (
        ("openai:gpt-5-mini", None, "needs a key: set OPENAI_API_KEY"),
        ("http://127.0.0.1:1/v1", None, "names no model: write it behind a #"),
        ("nothing", None, "--judge: 'nothing' is not understood: write anthropic:MODEL"),
        ("tests.cli.test_label:dear", "is good", "--criterion is that of tests.cli.test_label:dear already"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            judge_of(name, criterion)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
def test_keys_need_no_enter_at_a_terminal_which_is_left_as_it_was() -> None:
    import pty
    import termios

    ours, theirs = pty.openpty()
    with os.fdopen(theirs, encoding="utf-8") as terminal:
        before = termios.tcgetattr(terminal)
        with pressed(terminal) as keys:
            os.write(ours, b"y")
            assert next(keys) == "y"
        assert termios.tcgetattr(terminal) == before
    os.close(ours)


def test_keys_come_through_a_pipe_to_its_end() -> None:
    with pressed(piped(b"yn q\n")) as keys:
        assert list(keys) == ["y", "n", " ", "q", "\n"]


def test_where_nobody_can_press_there_are_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pressed() as keys:
        assert list(keys) == []


def test_a_folder_with_other_files_is_refused_before_anybody_is_asked(capsys: CAPTURE) -> None:
    for out in (".", ""):
        assert main([*LABEL, *MINE, "--out", out, "--unreviewed", "--yes"]) == 1
        assert f"--out {out!r} has" in capsys.readouterr().err
    assert chat.prompts == []
