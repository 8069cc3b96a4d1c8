"""Folders that are searched again and again: what changes is found, and nothing outside them ever is."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from rerank_kit import ConfigurationError, Deadline, DeadlineExceeded
from rerank_kit.search import FolderIndex, folder_index
from rerank_kit.search.folder import Read
from rerank_kit.search.folder_index import _stamp  # pyright: ignore[reportPrivateUsage]
from tests.cli.commands import notes

NEVER = Deadline()


def found(index: FolderIndex, query: str = "night", folder: str | None = None) -> list[str]:
    return sorted(each.path for each in index.search(query, folder, 50, NEVER).passages)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Two folders, and a secret beside them."""
    notes(tmp_path / "notes")
    (tmp_path / "work" / "code" / "deep").mkdir(parents=True)
    (tmp_path / "work" / "code" / "deep" / "a.py").write_text("def night():\n    pass\n", "utf-8")
    (tmp_path / "work" / "secret.md").write_text("the night has a secret", "utf-8")
    return tmp_path / "work"


def test_passages_of_all_folders_come_with_their_folder_file_and_lines(home: Path) -> None:
    index = FolderIndex([str(home.parent / "notes"), str(home / "code")])
    result = index.search("when is night?", None, 50, NEVER)
    (backups,) = [each for each in result.passages if each.path == "notes/backups.md"]
    assert (backups.line, backups.last_line) == (1, 3)
    assert sorted(each.path for each in result.passages) == [
        "code/deep/a.py",
        "notes/backups.md",
        "notes/code/night.py",
    ]
    assert result.files == 4
    assert any("picture.md, line 1: it has a NUL" in each for each in result.notes)
    assert len(index.search("night", None, 1, NEVER).passages) == 1


@pytest.mark.parametrize("folder", ["code", "code/", "code\\deep", "code/deep/", "{home}/code", "{home}/code/deep"])
def test_a_folder_or_one_below_is_searched_alone(home: Path, folder: str) -> None:
    index = FolderIndex([str(home.parent / "notes"), str(home / "code")])
    assert found(index, folder=folder.format(home=home.as_posix())) == ["code/deep/a.py"]


@pytest.mark.parametrize(
    "folder",
    [
        "..",
        "code/..",
        "code/../secret.md",
        "code/../../work",
        "{home}",
        "/",
        "/etc",
        "~",
        "codes",
        "C:\\",
        "code\0",
        ".",
    ],
)
def test_nothing_outside_the_folders_is_reached(home: Path, folder: str) -> None:
    index = FolderIndex([str(home / "code")])
    with pytest.raises(ConfigurationError, match="folder"):
        index.search("secret night", folder.format(home=home.as_posix()), 50, NEVER)


def test_links_are_not_followed_wherever_they_lead(home: Path) -> None:
    code = home / "code"
    (code / "link.md").symlink_to(home / "secret.md")
    (code / "linked").symlink_to(home.parent / "notes")
    (code / "beside.py").symlink_to(code / "deep" / "a.py")
    (code / "broken.md").symlink_to(home / "nowhere.md")
    index = FolderIndex([str(code)])
    assert found(index) == ["code/deep/a.py"]
    assert f"{code / 'link.md'} left alone: it is a link" in index.search("night", None, 50, NEVER).notes


def test_a_folder_is_named_by_a_link_but_never_becomes_one(home: Path) -> None:
    (home / "link").symlink_to(home / "code")
    index = FolderIndex([str(home / "link")])
    assert found(index) == ["code/deep/a.py"]
    (home / "code").rename(home / "moved")
    (home / "code").symlink_to(home)
    with pytest.raises(ConfigurationError, match=r"nothing to search.*: code is not there any more"):
        found(index)


def test_what_changes_is_found_and_what_did_not_is_not_read_again(home: Path) -> None:
    file = home / "code" / "deep" / "a.py"
    index = FolderIndex([str(home / "code")])
    assert found(index, "zebra") == []
    before = index._state
    assert found(index) == ["code/deep/a.py"]
    assert index._state is before
    (home / "code" / "b.md").write_text("a zebra", "utf-8")
    assert found(index, "zebra") == ["code/b.md"]
    assert index._state.read[file] is before.read[file]
    file.write_text("a zebra by day", "utf-8")
    assert found(index, "zebra") == ["code/b.md", "code/deep/a.py"]
    file.unlink()
    assert found(index, "zebra") == ["code/b.md"]


def test_a_folder_that_vanishes_is_told_and_the_others_are_searched(home: Path) -> None:
    index = FolderIndex([str(home.parent / "notes"), str(home / "code")])
    assert len(found(index)) == 3
    (home / "code" / "deep" / "a.py").unlink()
    with pytest.raises(ConfigurationError, match="nothing in folder='code/deep' to search"):
        found(index, folder="code/deep")
    (home / "code" / "deep").rmdir()
    (home / "code").rmdir()
    assert "code is not there any more" in index.search("night", None, 50, NEVER).notes
    with pytest.raises(ConfigurationError, match=r"nothing in folder='code' to search.*code is not there any more"):
        found(index, folder="code")
    (home / "code").mkdir()
    (home / "code" / "new.md").write_text("night", "utf-8")
    assert found(index, folder="code") == ["code/new.md"]


def test_an_empty_folder_may_be_filled_later(tmp_path: Path) -> None:
    index = FolderIndex([str(tmp_path)])
    with pytest.raises(
        ConfigurationError, match=r"there is nothing to search, no notes and no code with text in them\n"
    ):
        found(index)
    (tmp_path / "a.md").write_text("night", "utf-8")
    assert len(found(index)) == 1


@pytest.mark.parametrize(
    ("most", "others", "told"),
    [
        ({"files": 2}, 0, "more than 2 files or 20 MiB. Name smaller folders when the server is started"),
        ({"megabytes": 1}, 0, "more than 10,000 files or 1 MiB"),
        ({"files": 2}, 41, "more than 40 files."),
    ],
)
def test_a_big_folder_is_bounded_which_is_told(tmp_path: Path, most: dict[str, Any], others: int, told: str) -> None:
    for place in range(4):
        (tmp_path / f"{place}.md").write_text("night " * 70_000, "utf-8")
    for place in range(others):
        (tmp_path / f"0{place}.bin").touch()
    (tmp_path / "0.sql").write_bytes(b"night" * 500_000)  # too big to be read, so that it costs nothing
    result = FolderIndex([str(tmp_path)], **most).search("night", None, 10_000, NEVER)
    assert {each.path for each in result.passages} < {f"{tmp_path.name}/{place}.md" for place in range(4)}
    assert any(told in each for each in result.notes)


@pytest.mark.parametrize(
    ("folders", "told"),
    [
        (["{home}/nowhere"], "there is no such file or folder"),
        (["{home}/secret.md"], "is a file: name the folder that it is in"),
        (["{home}", "{home}/code"], "one inside the other: name the outer one alone"),
        (["{home}/code", "{home}"], "one inside the other: name the outer one alone"),
        (["{home}/code", "{home}/code/../code"], "is named twice: name it once"),
        (["/"], "the whole disk"),
        ([""], "must be a path"),
    ],
)
def test_a_folder_that_cannot_be_searched_is_told_at_once(home: Path, folders: list[str], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        FolderIndex([each.format(home=home) for each in folders])


def test_folders_of_one_name_go_by_their_paths(home: Path) -> None:
    (home / "other" / "code").mkdir(parents=True)
    (home / "other" / "code" / "a.md").write_text("night", "utf-8")
    index = FolderIndex([str(home / "code"), str(home / "other" / "code")])
    assert list(index.folders) == [(home / "code").as_posix(), (home / "other" / "code").as_posix()]
    assert found(index, folder=str(home / "other" / "code")) == [f"{(home / 'other' / 'code').as_posix()}/a.md"]


@pytest.mark.parametrize("most", [{"files": 0}, {"megabytes": True}, {"encoding": "latin-99"}])
def test_settings_are_checked(tmp_path: Path, most: dict[str, Any]) -> None:
    (name,) = most
    with pytest.raises(ConfigurationError, match=name):
        FolderIndex([str(tmp_path)], **most)


def test_time_that_is_over_ends_the_reading(home: Path) -> None:
    index = FolderIndex([str(home / "code")])
    with pytest.raises(DeadlineExceeded):
        index.search("night", None, 50, Deadline.after(0))
    assert found(index) == ["code/deep/a.py"]


def test_threads_that_search_at_once_share_one_index(home: Path) -> None:
    index = FolderIndex([str(home.parent / "notes")])
    answers: list[list[str]] = []
    threads = [threading.Thread(target=lambda: answers.append(found(index))) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert answers == [["notes/backups.md", "notes/code/night.py"]] * 8


def test_a_file_that_vanishes_while_it_is_looked_at_is_noted(tmp_path: Path) -> None:
    told: list[str] = []
    assert _stamp(tmp_path / "gone.md", told) is None
    assert told[0].startswith("left alone: ")


def test_a_folder_that_becomes_a_link_while_it_is_read_leads_nowhere(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = home.parent / "outside"
    (outside / "deep").mkdir(parents=True)
    (outside / "deep" / "a.py").write_text("# night of a stranger", "utf-8")

    def swapped(path: Path, notes: list[str]) -> Any:
        known = _stamp(path, notes)
        if path.name == "a.py" and not (home / "code").is_symlink():
            (home / "code").rename(home / "before")
            (home / "code").symlink_to(outside)
        return known

    monkeypatch.setattr(folder_index, "_stamp", swapped)
    index = FolderIndex([str(home)])
    answers = index.search("stranger night", None, 50, NEVER)
    assert not [each for each in answers.passages if "stranger" in each.text]
    assert any("it changed while it was read" in note for note in answers.notes)


def test_what_failed_once_is_tried_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = FolderIndex([str(home / "code")])
    with monkeypatch.context() as away:
        away.setattr(folder_index, "read_file", lambda *_: Read(note="left alone: the disk is away"))
        with pytest.raises(ConfigurationError, match="the disk is away"):
            found(index)
    assert found(index) == ["code/deep/a.py"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are none")
def test_what_is_no_file_is_not_waited_for(home: Path) -> None:
    os.mkfifo(home / "code" / "pipe.md")
    assert found(FolderIndex([str(home / "code")])) == ["code/deep/a.py"]
