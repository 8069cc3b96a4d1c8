"""`rerank-kit shadow` prints what a Shadow recorded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rerank_kit import Shadow
from rerank_kit.cli import main
from tests.doubles import Scripted

CAPTURE = pytest.CaptureFixture[str]


@pytest.fixture
def recorded(tmp_path: Path) -> str:
    """A file with one run."""
    path = str(tmp_path / "shadow.sqlite")
    shadow = Shadow(Scripted(), Scripted(len, model="longest"), path)
    shadow.rerank("query", ["a 3", "long 1"])
    assert shadow.wait(60)
    return path


def test_both_are_printed_side_by_side(recorded: str, capsys: CAPTURE) -> None:
    assert main(["shadow", recorded]) == 0
    told = capsys.readouterr().out
    assert "1 query was asked of both" in told
    assert "scripted" in told
    assert "longest" in told
    assert main(["shadow", recorded, "--markdown", "--top-n", "1"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("# Shadow run\n")
    assert "| of the first 1 in common | 0.00 (" in told


def test_programs_get_json(recorded: str, capsys: CAPTURE) -> None:
    assert main(["shadow", recorded, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["runs"], told["top_1"]["value"], told["candidate"]["models"]) == (1, 0.0, ["longest"])


def test_what_is_wrong_is_a_line(recorded: str, tmp_path: Path, capsys: CAPTURE) -> None:
    assert main(["shadow", str(tmp_path / "none.sqlite")]) == 1
    told = capsys.readouterr().err
    assert "is no file that a Shadow wrote" in told
    assert told.endswith(": name the one that it was given to write to\n")
    assert "record" not in told
    assert main(["shadow", recorded, "--top-n", "0"]) == 1
    assert "--top-n must be" in capsys.readouterr().err
    assert main(["shadow", recorded, "--json", "--markdown"]) == 2
    assert "exclude each other" in capsys.readouterr().err
