"""A folder appears whole or not at all, and takes nobody's place but that of a former export."""

from __future__ import annotations

from pathlib import Path

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.export.atomic_folder import new_folder


def write(place: Path, content: str, *, replace: bool = False) -> None:
    with new_folder(place, replace=replace) as folder:
        assert folder != place
        (folder / "parity.json").write_text(content, "utf-8")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_with_all_that_was_written(tmp_path: Path) -> None:
    write(tmp_path / "a" / "b", "new")
    assert (tmp_path / "a" / "b" / "parity.json").read_text("utf-8") == "new"
    assert names(tmp_path / "a") == ["b"]


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
    (tmp_path / "b" / "stale.onnx").touch()
    (tmp_path / ".b.former").mkdir()
    (tmp_path / ".b.former" / "mine").touch()
    with pytest.raises(ConfigurationError, match=r"holds a former export: replace it with force=True \(--force\)"):
        write(tmp_path / "b", "new")
    write(tmp_path / "b", "new", replace=True)
    assert (tmp_path / "b" / "parity.json").read_text("utf-8") == "new"
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
