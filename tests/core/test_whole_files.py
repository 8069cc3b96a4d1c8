"""Files are whole or as they were, whoever else writes them and whatever ends it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rerank_kit.whole_files import write_whole


def test_a_file_is_written_part_by_part(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", iter([b"one ", b"two"]))
    assert (tmp_path / "a").read_bytes() == b"one two"
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_what_ends_in_the_middle_leaves_what_was_there(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise OSError

    (tmp_path / "a").write_bytes(b"before")
    with pytest.raises(OSError):  # noqa: PT011 - any
        write_whole(tmp_path / "a", broken())
    assert (tmp_path / "a").read_bytes() == b"before"
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_many_writers_leave_one_whole_file(tmp_path: Path) -> None:
    contents = [bytes([65 + place]) * 10_000 for place in range(8)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda each: write_whole(tmp_path / "a", [each]), contents))
    assert (tmp_path / "a").read_bytes() in contents
    assert [each.name for each in tmp_path.iterdir()] == ["a"]
