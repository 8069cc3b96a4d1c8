"""The command line passes on what it was told, and says what is wrong in one line."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import warnings
from importlib.metadata import version
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from rerank_kit import ConfigurationError, MissingExtra
from rerank_kit.cli import main, telling
from rerank_kit.user_warnings import warn_user
from tests.cli.commands import BY_LENGTH, Terminal, parses
from tests.processes import Done, python

CAPTURE = pytest.CaptureFixture[str]
EXPORT = "rerank_kit.export.export_model"
DEFAULTS = {
    "revision": None,
    "trust_remote_code": False,
    "template": None,
    "instruction": None,
    "answers": None,
    "texts": None,
    "int8": True,
    "force": False,
    "max_difference": 1e-3,
    "min_correlation": 0.95,
}


def command(*arguments: str) -> Done:
    return python("-m", "rerank_kit.cli", *arguments, check=False, measured=True)


@pytest.mark.parametrize(
    ("arguments", "changed"),
    [
        ([], {}),
        (["--revision", "abc", "--no-int8", "--force"], {"revision": "abc", "int8": False, "force": True}),
        (["--max-difference", "0.1", "--min-correlation", "0"], {"max_difference": 0.1, "min_correlation": 0.0}),
        (["--texts", "{texts}"], {"texts": ["one passage", "another"]}),
        (["--template", "is it?", "--answers", "yes", "no"], {"template": "is it?", "answers": ["yes", "no"]}),
        (
            ["--instruction", "be strict", "--trust-remote-code"],
            {"instruction": "be strict", "trust_remote_code": True},
        ),
    ],
)
def test_export_passes_its_arguments_on_and_prints_the_report(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: list[str],
    changed: dict[str, Any],
) -> None:
    calls: list[Any] = []

    def export_model(*arguments: Any, **options: Any) -> str:
        calls.append((arguments, options))
        return "the report"

    monkeypatch.setattr(EXPORT, export_model)
    (tmp_path / "texts").write_text("one passage\nanother\n", "utf-8")
    given = [each.format(texts=tmp_path / "texts") for each in arguments]
    assert main(["export", "owner/name", "--to", "folder", *given]) == 0
    assert calls == [(("owner/name", "folder"), {**DEFAULTS, **changed})]
    told, complaints = capsys.readouterr()
    assert told.startswith("the report\n\nwritten to folder. Use it with OnnxCrossEncoder('folder')")
    assert ("precision='int8'" in told) == ("--no-int8" not in arguments)
    assert complaints == ""


@pytest.mark.parametrize("error", [ConfigurationError("wrong,\nand why"), MissingExtra("wrong, and why")])
def test_an_error_of_ours_is_one_line_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    def export_model(*_: Any, **__: Any) -> str:
        raise error

    monkeypatch.setattr(EXPORT, export_model)
    assert main(["export", "owner/name", "--to", "folder"]) == 1
    assert capsys.readouterr() == ("", "rerank-kit: wrong, and why\n")


def test_an_error_of_anyone_else_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def export_model(*_: Any, **__: Any) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr(EXPORT, export_model)
    with pytest.raises(ZeroDivisionError):
        main(["export", "owner/name", "--to", "folder"])


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "COMMAND"),
        (["export"], "MODEL"),
        (["export", "owner/name"], "--to"),
        (["export", "owner/name", "--to", "folder", "--max-difference", "much"], "--max-difference"),
        (["export", "owner/name", "another", "--to", "folder"], "more words stand behind it: another"),
        (["import"], "import"),
        (["serach"], "Did you mean 'search'"),
        (["--nothing"], "--nothing"),
    ],
)
def test_a_wrong_command_is_exit_code_2(capsys: pytest.CaptureFixture[str], arguments: list[str], problem: str) -> None:
    assert main(arguments) == 2
    assert problem in capsys.readouterr().err


def test_the_module_is_a_command(tmp_path: Path) -> None:
    done = command("export", "owner/name", "--to", str(tmp_path), "--texts", str(tmp_path / "missing"))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("rerank-kit: --texts '")
    assert done.stderr.count("\n") == 1


def test_help_tells_of_every_option() -> None:
    done = python("-m", "rerank_kit.cli", "export", "--help", COLUMNS="200")
    assert done.returncode == 0
    options = ("--to", "--revision", "--texts", "--no-int8", "--force", "--max-difference", "--min-correlation")
    asked = ("--trust-remote-code", "--template", "--instruction", "--answers")
    assert all(option in done.stdout for option in (*options, *asked))
    assert "export" in command("--help").stdout


def test_importing_the_command_line_loads_no_engine() -> None:
    code = "import sys, rerank_kit.cli; print(*sys.modules)"
    done = python("-c", code)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert loaded.isdisjoint(["torch", "transformers", "onnx", "onnxruntime", "numpy", "tokenizers", "typer", "rich"])


@pytest.mark.parametrize(
    "name",
    ["search", "rerank", "eval", "report", "plan", "status", "doctor", "check", "serve", "mcp", "models", "export"],
)
def test_the_examples_in_the_help_are_commands(monkeypatch: pytest.MonkeyPatch, capsys: CAPTURE, name: str) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    assert main([name, "--help"]) == 0
    _, _, examples = capsys.readouterr().out.partition("Examples:")
    lines = [line.strip() for line in examples.splitlines() if line.strip()]
    assert lines
    for line in lines:
        words = list(takewhile(lambda word: word not in {"|", "<", ">"}, shlex.split(line)))
        assert words[:2] == ["rerank-kit", name]
        assert parses(words[1:])


def test_the_version_is_told(capsys: CAPTURE) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr() == (f"rerank-kit {version('rerank-kit')}\n", "")


@pytest.mark.parametrize(
    ("words", "extras"), [(["models"], "cli"), (["serve", "onnx:embedded"], "serve,embedded"), ([], "cli")]
)
def test_without_typer_the_extras_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: CAPTURE, words: list[str], extras: str
) -> None:
    monkeypatch.setitem(sys.modules, "typer", None)
    assert main(words) == 1
    assert f'pip install "rerank-kit[{extras}]"' in capsys.readouterr().err


def test_models_are_listed(monkeypatch: pytest.MonkeyPatch, capsys: CAPTURE) -> None:
    monkeypatch.setattr(sys, "argv", ["rerank-kit", "models", "qwen3"])
    assert main() == 0
    assert "Qwen3" in capsys.readouterr().out


@pytest.mark.parametrize("when", ["rerank_kit.cli.optional", EXPORT])
def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(when, stopped)
    assert main(["export", "owner/name", "--to", "folder"]) == 130


def test_a_warning_of_ours_is_told_once_and_one_of_others_not_at_all(
    monkeypatch: pytest.MonkeyPatch, capsys: CAPTURE
) -> None:
    def export_model(*_: Any, **__: Any) -> str:
        for _again in range(2):
            warn_user("pass texts=mine\nor none", UserWarning)
        warnings.warn("theirs", DeprecationWarning, stacklevel=1)
        return "the report"

    monkeypatch.setattr(EXPORT, export_model)
    assert main(["export", "owner/name", "--to", "folder"]) == 0
    assert capsys.readouterr().err == "rerank-kit: pass --texts mine or none\n"


def test_help_that_nobody_reads_is_no_traceback() -> None:
    line = f"{sys.executable} -m rerank_kit.cli --help | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, encoding="utf-8", check=False)  # noqa: S607
    assert done.returncode in {0, 1}
    assert done.stderr == ""


def test_what_has_a_terminal_has_its_width_and_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "77")
    monkeypatch.setenv("TERM", "xterm-256color")
    assert telling.width_and_colour() == (77, True)


NOISY = "tests.cli.commands:noisy"


@pytest.mark.parametrize(
    "arguments",
    [
        ["search", ".", "night", "--json", "--reranker", NOISY],
        ["rerank", "night", "docs.jsonl", "--reranker", NOISY],
        ["eval", "asked.jsonl", "--corpus", "docs.jsonl", NOISY, "--json"],
    ],
)
def test_what_users_code_prints_is_no_part_of_the_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "note.md").write_text("at night", "utf-8")
    (tmp_path / "docs.jsonl").write_text('{"id": "a", "text": "at night"}', "utf-8")
    (tmp_path / "asked.jsonl").write_text('{"query": "night?", "relevant_ids": ["a"]}', "utf-8")
    assert main(arguments) == 0
    shown, told = capfd.readouterr()
    assert json.loads(shown)
    assert "from Python" in told
    assert "from a program" in told


def test_where_stdout_is_closed_users_code_runs_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def closed(_: int) -> int:
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr(os, "dup", closed)
    with telling.results_alone():
        print("from Python")  # noqa: T201 - as users do
    assert capsys.readouterr() == ("", "from Python\n")


def test_nothing_is_coloured_or_bold_where_that_is_not_wanted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "note.md").write_text("at night", "utf-8")
    for name, wanted in (("NO_COLOR", False), ("LINES", True)):
        shown = Terminal()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", shown)
            patch.setenv("TERM", "xterm-256color")
            patch.setenv(name, "1")
            assert main(["search", str(tmp_path), "night", "--reranker", BY_LENGTH]) == 0
            assert main(["status"]) == 0
        assert ("\x1b" in shown.getvalue()) == wanted
