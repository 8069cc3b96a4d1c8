"""A folder appears whole or not at all, and takes nobody's place but that of a former export."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.export.atomic_folder import new_folder


def write(place: Path, content: str, *, replace: bool = False) -> None:
    with new_folder(place, replace=replace) as folder:
        assert folder != place
        (folder / "parity.json").write_text(json.dumps({"is": content, "written": ["parity.json", "a.onnx"]}), "utf-8")


def found(place: Path) -> str:
    content: str = json.loads((place / "parity.json").read_text("utf-8"))["is"]
    return content


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_with_all_that_was_written(tmp_path: Path) -> None:
    write(tmp_path / "a" / "b", "new")
    assert found(tmp_path / "a" / "b") == "new"
    assert names(tmp_path / "a") == ["b"]


@pytest.mark.parametrize("name", ["", "  "])
def test_an_empty_name_is_not_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with (
        pytest.raises(ConfigurationError, match=f"to='{name}' names no folder: pass the one to make"),
        new_folder(name, replace=False),
    ):
        pass
    assert tmp_path.is_dir()
    assert names(tmp_path) == []


def test_an_empty_folder_gives_way(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    write(tmp_path / "b", "new")
    assert (tmp_path / "b" / "parity.json").exists()
    assert names(tmp_path) == ["b"]


def test_nothing_is_left_of_what_failed(tmp_path: Path) -> None:
    def interrupted() -> None:
        with new_folder(tmp_path / "b", replace=False) as folder:
            (folder / "half").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert names(tmp_path) == []


def test_a_former_export_is_replaced_only_when_asked(tmp_path: Path) -> None:
    write(tmp_path / "b", "old")
    (tmp_path / "b" / "a.onnx").touch()
    (tmp_path / ".b.former").mkdir()
    (tmp_path / ".b.former" / "mine").touch()
    with pytest.raises(ConfigurationError, match=r"holds a former export: replace it with force=True \(--force\)"):
        write(tmp_path / "b", "new")
    write(tmp_path / "b", "new", replace=True)
    assert found(tmp_path / "b") == "new"
    assert names(tmp_path / "b") == ["parity.json"]
    assert sorted(names(tmp_path)) == [".b.former", "b"]
    assert names(tmp_path / ".b.former") == ["mine"]


@pytest.mark.parametrize("replace", [True, False])
def test_anyone_elses_folder_is_never_replaced(tmp_path: Path, replace: bool) -> None:
    (tmp_path / "thesis.tex").touch()
    (tmp_path / "file").touch()
    for place in (tmp_path, tmp_path / "file"):
        with pytest.raises(ConfigurationError, match="is in use, and not by a former export"):
            write(place, "new", replace=replace)
    assert names(tmp_path) == ["file", "thesis.tex"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot write there"):
        write(tmp_path / "file" / "b", "new")


@pytest.mark.parametrize("to", ["a\0b", "loop/b", "x" * 300, "/"])
def test_a_place_that_there_cannot_be_is_named(tmp_path: Path, to: str) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(ConfigurationError, match=r"to=.*(cannot write there .*|is in use.*): name another folder"):
        write(tmp_path / to, "new")


@pytest.mark.parametrize("to", [None, 5, b"folder"])
def test_what_names_no_place_is_refused(to: Any) -> None:
    with pytest.raises(ConfigurationError, match="to must be the folder to make, not"):
        write(to, "new")


@pytest.mark.parametrize("report", ['{"written": ["parity.json"]}', "{}", "[]", "no JSON", '{"written": [[]]}'])
def test_what_no_export_wrote_is_never_removed(tmp_path: Path, report: str) -> None:
    folder = tmp_path / "b"
    folder.mkdir()
    (folder / "parity.json").write_text(report, "utf-8")
    for number in range(7):
        (folder / f"notes {number}").mkdir()
    with pytest.raises(ConfigurationError, match=r"holds, besides .*, notes 0, .* notes 4 and 2 more, which no export"):
        write(folder, "new", replace=True)
    assert len(names(folder)) == 8
    assert names(tmp_path) == ["b"]


def test_what_comes_into_the_folder_meanwhile_is_not_removed_either(tmp_path: Path) -> None:
    write(tmp_path / "b", "old")

    def interfered() -> None:
        with new_folder(tmp_path / "b", replace=True):
            (tmp_path / "b" / "notes").touch()

    with pytest.raises(ConfigurationError, match="besides a former export, notes, which no export wrote"):
        interfered()
    assert found(tmp_path / "b") == "old"
    assert names(tmp_path) == ["b"]


_HELD = """
import sys
from rerank_kit.export.atomic_folder import new_folder
with new_folder(sys.argv[1], replace=True) as folder:
    (folder / "half").touch()
    print("begun", flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_process_left_is_removed_by_the_next_and_what_another_writes_is_not(tmp_path: Path) -> None:
    place = tmp_path / "b"
    command = [sys.executable, "-c", _HELD, str(place)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == b"begun\n"
        killed.send_signal(signal.SIGKILL)
    assert len(names(tmp_path)) == 2  # the folder and its lock
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writing:
        assert writing.stdout is not None
        assert writing.stdout.readline() == b"begun\n"
        write(place, "new")
        assert len(names(tmp_path)) == 3  # what is killed now has left nothing; what is written stays
        writing.kill()
    write(place, "newer", replace=True)
    assert found(place) == "newer"
    assert names(tmp_path) == ["b"]


def test_a_former_export_that_was_moved_away_by_a_killed_process_comes_back(tmp_path: Path) -> None:
    write(tmp_path / "b", "old")
    staging = f".b.{'0' * 32}"
    (tmp_path / "b").rename(tmp_path / f"{staging}.former")
    (tmp_path / staging).mkdir()
    (tmp_path / f"{staging}.lock").touch()
    with pytest.raises(ConfigurationError, match="holds a former export"):
        write(tmp_path / "b", "new")
    assert found(tmp_path / "b") == "old"
    assert names(tmp_path) == ["b"]
