"""The books are kept whole or not at all, and what is no book is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rerank_kit import ConfigurationError, Deadline
from rerank_kit.contextual.hybrid_index import Hybrid, load_hybrid
from rerank_kit.contextual.saving import FILE
from rerank_kit.flow import run
from tests.contextual.indexes import Store, Titled, given


def index(store: Store) -> Hybrid:
    made = Hybrid(store, Titled(failing=frozenset({"dog"})))
    run(made.adding([given("ä\ud83d", "cat", "dog")], Deadline()))
    return made


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    store = Store()
    made = index(store)
    made.save(tmp_path / "new" / "folder")
    loaded = load_hybrid(str(tmp_path / "new" / "folder"), store, Titled())
    assert loaded._books.documents == made._books.documents
    assert loaded._books.stored == made._books.stored
    assert [each.name for each in (tmp_path / "new" / "folder").iterdir()] == [FILE]


def test_where_saving_fails_what_was_saved_before_stays(tmp_path: Path) -> None:
    store = Store()
    made = index(store)
    made.save(tmp_path)
    before = (tmp_path / FILE).read_bytes()
    document = made._books.documents["ä\ud83d"]
    document.chunks[0].item["date"] = object()
    with pytest.raises(ConfigurationError, match=r"the metadata of chunk .* cannot be saved.*isoformat"):
        made.save(tmp_path)
    del document.chunks[0].item["date"]
    (tmp_path / "file").write_text("x", "ascii")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        made.save(tmp_path / "file")
    assert (tmp_path / FILE).read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 2


def test_nothing_is_left_of_a_file_that_could_not_be_put_in_its_place(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(ConfigurationError, match="cannot be written"):
        index(Store()).save(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("folder", ["", None, 3, b"x", "a\0b"])
def test_what_is_no_folder_is_refused(folder: Any) -> None:
    with pytest.raises(ConfigurationError, match="folder must be the path"):
        index(Store()).save(folder)
    with pytest.raises(ConfigurationError, match="folder must be the path"):
        load_hybrid(folder, Store(), Titled())


def test_a_folder_without_books_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=rf"has no {FILE}: pass the folder"):
        load_hybrid(tmp_path, Store(), Titled())


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "3", '{"version": 1}', "ä", '{"version": 1, "documents": [], "unfinished": {}, "stored": {}}'],
)
def test_what_cannot_be_read_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, "utf-8")
    with pytest.raises(ConfigurationError, match=r"cannot be read.*index the documents anew"):
        load_hybrid(tmp_path, Store(), Titled())


def test_books_of_a_later_release_are_told(tmp_path: Path) -> None:
    index(Store()).save(tmp_path)
    kept = json.loads((tmp_path / FILE).read_text("ascii"))
    (tmp_path / FILE).write_text(json.dumps({**kept, "version": 2}), "ascii")
    with pytest.raises(ConfigurationError, match="is of version 2, and this release of rerank-kit reads version 1"):
        load_hybrid(tmp_path, Store(), Titled())
