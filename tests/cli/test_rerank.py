"""`rerank-kit rerank` ranks what is piped in or stands in files, and stays a good neighbour in a pipe."""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rerank_kit.cli import main
from tests.cli.commands import BY_LENGTH, Terminal, piped
from tests.processes import python

CAPTURE = pytest.CaptureFixture[str]
PATCH = pytest.MonkeyPatch
RERANK = ["rerank", "query", "--reranker", BY_LENGTH]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], "b\ncc\naaa\n"),
        (["--top-n", "1"], "b\n"),
        (["--threshold", "0.5"], "b\ncc\n"),
        (["--threshold", "2"], ""),
        (["--scores"], "1\tb\n0.5\tcc\n0.3333\taaa\n"),
        (["-"], "b\ncc\naaa\n"),
    ],
)
def test_lines_come_out_ranked(monkeypatch: PATCH, capsys: CAPTURE, options: list[str], expected: str) -> None:
    monkeypatch.setattr(sys, "stdin", piped(b"aaa\r\n\nb\ncc"))
    assert main([*RERANK, *options]) == 0
    assert capsys.readouterr() == (expected, "")


def test_lines_as_json_say_where_they_stood(tmp_path: Path, capsys: CAPTURE) -> None:
    (tmp_path / "one.txt").write_text("aaa\n\nb\n", "utf-8")
    with gzip.open(tmp_path / "two.txt.gz", "wb") as file:
        file.write("\ufeffüü\n".encode())
    names = [str(tmp_path / name) for name in ("one.txt", "two.txt.gz")]
    assert main([*RERANK, *names, "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == {"rank": 1, "file": names[0], "line": 3, "text": "b", "relevance_score": 1.0}
    assert [row["text"] for row in rows] == ["b", "üü", "aaa"]


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ('{"id": 7, "text": "aa"}\n{"text": "b", "id": null}', []),
        ('{"id": 7, "content": "aa"}\n{"content": "b", "id": null}', []),
        ('{"id": 7, "title": "aa", "text": "x"}\n{"title": "b", "id": null, "text": "xxx"}', ["--text", "title"]),
    ],
)
def test_objects_keep_all_they_have(monkeypatch: PATCH, capsys: CAPTURE, content: str, options: list[str]) -> None:
    monkeypatch.setattr(sys, "stdin", piped(content.encode()))
    assert main([*RERANK, *options]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row.pop("relevance_score") for row in rows] == [1.0, 0.5]
    assert rows == [json.loads(line) for line in reversed(content.splitlines())]
    monkeypatch.setattr(sys, "stdin", piped(content.encode()))
    assert main([*RERANK, *options, "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[1])["rank"] == 2


def test_lines_that_are_json_can_be_taken_as_they_are(monkeypatch: PATCH, capsys: CAPTURE) -> None:
    monkeypatch.setattr(sys, "stdin", piped(b'{"text": "aa"}\n[1]'))
    assert main([*RERANK, "--lines"]) == 0
    assert capsys.readouterr().out == '[1]\n{"text": "aa"}\n'


def test_the_name_of_a_file_says_that_it_is_jsonl(tmp_path: Path, capsys: CAPTURE) -> None:
    (tmp_path / "x.jsonl").write_text("plain\n", "utf-8")
    assert main([*RERANK, str(tmp_path / "x.jsonl")]) == 1
    assert "x.jsonl, line 1: no JSON" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"good\nb\xe4d\n", "standard input, line 2: it is no utf-8"),
        (b"good\nb\0d\n", "standard input, line 2: it has a NUL"),
        (b"\xff\xfea\0", "standard input, line 1: it is UTF-16"),
        (b'{"text": "a"}\n{"other": "b"}', "standard input, line 2: a document's text is missing"),
        (b'{"text": "a"}\n{"text": 1.5}', "standard input, line 2: text must be a text"),
        (b"{" * 1000 + b"\n", None),
        (b'{"a":' * 100_000 + b"\n", None),
    ],
)
def test_what_is_no_text_is_told_in_a_line(
    monkeypatch: PATCH, capsys: CAPTURE, content: bytes, problem: str | None
) -> None:
    monkeypatch.setattr(sys, "stdin", piped(content))
    assert main(RERANK) == (problem is not None)
    shown, told = capsys.readouterr()
    assert (shown == "") is (problem is not None)
    assert told.count("\n") == (problem is not None)
    assert (problem or "") in told


def test_a_line_that_is_far_too_long_is_told(monkeypatch: PATCH, capsys: CAPTURE) -> None:
    monkeypatch.setattr("rerank_kit.evaluate.text_files.LONGEST", 10)
    monkeypatch.setattr(sys, "stdin", piped(b"x" * 11))
    assert main(RERANK) == 1
    assert "standard input, line 1: it has 10 characters or more" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_nothing_in_is_nothing_out(monkeypatch: PATCH, capsys: CAPTURE, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", piped(content))
    assert main(RERANK) == 0
    assert capsys.readouterr() == ("", "rerank-kit: there is nothing to rank: no line has a text in it\n")


def test_whoever_types_is_told_how_to_end(monkeypatch: PATCH, capsys: CAPTURE) -> None:
    typed = piped(b"aa\nb\n")
    monkeypatch.setattr(typed, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stdin", typed)
    assert main(RERANK) == 0
    shown, told = capsys.readouterr()
    assert shown == "b\naa\n"
    assert "Ctrl-D" in told


def test_what_a_reranker_could_not_do_is_told(monkeypatch: PATCH, capsys: CAPTURE) -> None:
    monkeypatch.setattr(sys, "stdin", piped(b"a\nb\n"))
    assert main(["rerank", "query", "--scores", "--reranker", "tests.cli.commands:undecided"]) == 0
    shown, told = capsys.readouterr()
    assert shown == "\ta\n\tb\n"
    assert "not all is as it was asked for: nobody answered" in told


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (["rerank", " ", "-"], 1, "query"),
        (["rerank", "query", "--lines", "--text", "x"], 2, "--lines and --text exclude each other"),
        (["rerank", "query", "--json", "--scores"], 2, "--json and --scores exclude each other"),
        (["rerank", "query", "--top-n", "0"], 2, "--top-n"),
        (["rerank", "query", "nowhere.txt"], 1, "there is no such file"),
        (
            ["rerank", "a query", "."],
            1,
            "'.' is a folder: name files in it, or search all of it by rerank-kit search . 'a",
        ),
        (["rerank", "query", "--encoding", "klingon"], 1, "encoding must be one that Python knows"),
        (["rerank"], 2, "QUERY"),
    ],
)
def test_what_is_wrong_is_a_line_and_a_code(
    monkeypatch: PATCH, capsys: CAPTURE, arguments: list[str], code: int, problem: str
) -> None:
    monkeypatch.setattr(sys, "stdin", piped(b"a\n"))
    assert main(arguments) == code
    shown, told = capsys.readouterr()
    assert shown == ""
    assert problem in told
    assert told.count("\n") == 1


def test_a_terminal_keeps_its_encoding(monkeypatch: PATCH) -> None:
    shown = Terminal()
    monkeypatch.setattr(sys, "stdout", shown)
    monkeypatch.setattr(sys, "stdin", piped(b"a\n"))
    assert main(RERANK) == 0
    assert shown.getvalue() == "a\n"


class Broken(io.StringIO):
    """A stream that cannot be written, and why."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def write(self, text: str) -> int:
        raise OSError(self.number, os.strerror(self.number))


@pytest.mark.parametrize(("number", "code"), [(errno.EPIPE, 0), (errno.ENOSPC, 1)])
def test_output_that_cannot_be_written(monkeypatch: PATCH, capsys: CAPTURE, number: int, code: int) -> None:
    monkeypatch.setattr(sys, "stdin", piped(b"a\n"))
    monkeypatch.setattr(sys, "stdout", Broken(number))
    assert main(RERANK) == code
    assert ("stdout cannot be written" in capsys.readouterr().err) is (code == 1)


SHELL = f"{sys.executable} -m rerank_kit.cli rerank q --reranker {BY_LENGTH}"


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        (f"seq 100000 | {SHELL} | head -n 1 > /dev/null; exit ${{PIPESTATUS[1]}}", 0, ""),
        (f"echo a | {SHELL} >&-", 1, "rerank-kit: [Errno 9] standard output or standard error is closed\n"),
        (
            f"echo a | {SHELL} > /dev/full",
            1,
            "rerank-kit: [Errno 28] stdout cannot be written: No space left on device\n",
        ),
        (f"{SHELL} <&-", 1, "rerank-kit: standard input cannot be read: it is closed\n"),
        (f"echo a | {SHELL} --nothing 2>&-", 2, ""),
        (f"printf 'ü\\n' | LC_ALL=C PYTHONUTF8=0 PYTHONIOENCODING= {SHELL} | grep -q ü", 0, ""),
    ],
)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a shell of Linux is needed")
def test_pipes_that_break_and_streams_that_are_closed(line: str, code: int, told: str) -> None:
    done = subprocess.run(["bash", "-c", line], capture_output=True, encoding="utf-8", check=False)  # noqa: S607
    assert (done.returncode, done.stderr) == (code, told)


def test_half_characters_leave_as_json(monkeypatch: PATCH, capsys: CAPTURE) -> None:
    monkeypatch.setattr(sys, "stdin", piped(b'{"text": "a", "note": "\\ud800"}\n'))
    assert main(RERANK) == 0
    assert json.loads(capsys.readouterr().out)["note"] == "\ud800"


def test_the_module_ranks_what_is_piped_in() -> None:
    done = python("-c", f"import sys; from rerank_kit.cli import main; sys.exit(main({RERANK!r}))", check=False)
    assert done.returncode == 0
