"""Vectors are computed once, whoever asks, and nothing that happens to a store costs a ranking or changes a score."""

from __future__ import annotations

import copy
import logging
import os
import pickle
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from rerank_kit import ConfigurationError, Ranking
from rerank_kit.errors import ShuttingDown
from rerank_kit.late import LateInteraction, MemoryVectors, SQLiteVectors, TokenVectors
from rerank_kit.late.vectors import Key
from tests.late.tiny_late import stanford_like
from tests.processes import python

QUERY = "apple banana"
TEXTS = ["banana cherry , apple", "grape . fig", "word text ! date elder fig"]
NUMBERS = TokenVectors(b"\0" * 24, 4, 5, cut=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    stanford_like(tmp_path / "model")
    return tmp_path / "model"


def scores(ranking: Ranking) -> list[float]:
    return [hit.score for hit in sorted(ranking, key=lambda hit: hit.index)]


def loaded(folder: Path, **options: Any) -> LateInteraction:
    return LateInteraction(folder, threads=1, **options)


def test_what_is_in_the_file_is_not_computed_again_and_scores_the_same(folder: Path, tmp_path: Path) -> None:
    plain = loaded(folder).rerank(QUERY, TEXTS)
    made = loaded(folder, store=tmp_path / "vectors")
    first = made.rerank(QUERY, TEXTS)
    assert (first.usage.cached, len(made.store)) == (0, 3)  # type: ignore[arg-type]
    other = loaded(folder, store=SQLiteVectors(tmp_path / "vectors"))
    second = other.rerank(QUERY, [*TEXTS, "fig"])
    assert (second.usage.cached, second.usage.tokens) == (3, 5 + 4)
    assert scores(plain) == scores(first) == scores(second)[:3]


def test_another_process_finds_them(folder: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from rerank_kit.late import LateInteraction; "
        "print(LateInteraction(sys.argv[1], store=sys.argv[2]).rerank('apple', sys.argv[3:]).usage.cached)"
    )
    told = [python("-c", code, str(folder), str(tmp_path / "vectors"), *TEXTS).stdout for _ in range(2)]
    assert told == ["0\n", "3\n"]


def test_vectors_of_other_settings_are_others(folder: Path, tmp_path: Path) -> None:
    with SQLiteVectors(tmp_path / "vectors") as store:
        made, short = loaded(folder, store=store), loaded(folder, store=store, max_length=8)
        made.rerank(QUERY, TEXTS)
        assert short.rerank(QUERY, TEXTS).usage.cached == 0
        assert loaded(folder, store=store, max_query_length=9).rerank(QUERY, TEXTS).usage.cached == 3
        assert len(store) == 6
        size = store.size
        assert store.keep_only(made.vectors_fingerprint) == 3
        assert (len(store), made.rerank(QUERY, TEXTS).usage.cached) == (3, 3)
        assert 0 < store.size <= size
        store.remove([TEXTS[0], "never there"], made.vectors_fingerprint)
        assert store.counts([made.key(each) for each in TEXTS]) == {made.key(TEXTS[1]): 5, made.key(TEXTS[2]): 8}
        assert store.keep_only() == 2


def test_a_row_that_is_not_as_it_was_written_is_computed_anew(folder: Path, tmp_path: Path) -> None:
    made = loaded(folder, store=tmp_path / "vectors")
    wanted = scores(made.rerank(QUERY, TEXTS))
    for change in (
        "numbers = zeroblob(length(numbers))",
        "cut = 1",
        "tokens = 90",
        "numbers = 'text'",
        "checksum = x''",
    ):
        with sqlite3.connect(tmp_path / "vectors") as connection:
            connection.execute(f"UPDATE vectors SET {change}")  # noqa: S608 - one of the above
        connection.close()
        again = made.rerank(QUERY, TEXTS)
        assert again.usage.cached == 0
        assert scores(again) == wanted
        assert made.rerank(QUERY, TEXTS).usage.cached == 3


def test_a_file_that_is_none_of_ours_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database" * 100)
    with sqlite3.connect(tmp_path / "other") as connection:
        connection.execute("CREATE TABLE mine (a)")
    connection.close()
    for name, told in (("text", "file is not a database"), ("other", "another program's database")):
        with pytest.raises(ConfigurationError, match=rf"cannot be used for token vectors \((it is )?{told}"):
            loaded(folder, store=tmp_path / name)
    SQLiteVectors(tmp_path / "newer").close()
    with sqlite3.connect(tmp_path / "newer") as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(ConfigurationError, match="of version 9, and this release of rerank-kit reads version 1"):
        SQLiteVectors(tmp_path / "newer")
    for path, told in (
        ("", "names no file"),
        (":memory:", "names no file"),
        (5, "must be a path"),
        ("a\0", "names no"),
    ):
        with pytest.raises(ConfigurationError, match=told):
            SQLiteVectors(path)  # type: ignore[arg-type]


def test_a_file_that_others_hold_costs_no_ranking(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = loaded(folder, store=SQLiteVectors(tmp_path / "vectors", timeout=0.01))
    holding = sqlite3.connect(tmp_path / "vectors")
    holding.execute("BEGIN EXCLUSIVE")
    with caplog.at_level(logging.WARNING):
        assert len(made.rerank(QUERY, TEXTS)) == 3
    assert "failed, rankings go on without it" in caplog.text
    other = SQLiteVectors(tmp_path / "vectors", timeout=0.01)
    holding.rollback()
    holding.close()
    assert len(other) == 0
    assert made.rerank(QUERY, TEXTS).usage.cached == 0
    assert made.rerank(QUERY, TEXTS).usage.cached == 3


def test_the_file_is_its_owners_alone_and_copies_open_it(tmp_path: Path) -> None:
    store = SQLiteVectors(os.fsencode(tmp_path / "vectors"), timeout=None)
    if sys.platform != "win32":
        assert (tmp_path / "vectors").stat().st_mode & 0o777 == 0o600
    store.put({("a", "\ud800"): NUMBERS})
    for other in (copy.copy(store), pickle.loads(pickle.dumps(store))):
        assert other.get([("a", "\ud800"), ("b", "\ud800")]) == {("a", "\ud800"): NUMBERS}
        assert other.timeout == store.timeout
    assert repr(store) == f"SQLiteVectors({str(tmp_path / 'vectors')!r})"


def test_many_keys_are_looked_up(tmp_path: Path) -> None:
    store = SQLiteVectors(tmp_path / "vectors")
    keys = [("a", str(each)) for each in range(1200)]
    store.put(dict.fromkeys(keys, NUMBERS))
    assert len(store.get(keys)) == len(store.counts(keys)) == 1200
    assert store.counts(keys[:1]) == {keys[0]: 3}


def test_memory_has_a_bound_and_forgets_what_was_unused_for_longest() -> None:
    store = MemoryVectors(max_bytes=700)
    keys = [("a", str(each)) for each in range(4)]
    for key in keys[:3]:
        store.put({key: NUMBERS})
    assert (len(store), store.size) == (3, 675)
    store.get(keys[:1])
    store.put({keys[3]: NUMBERS, keys[0]: NUMBERS})
    assert store.get(keys) == {keys[each]: NUMBERS for each in (0, 2, 3)}
    assert repr(store) == "MemoryVectors(max_bytes=700)"
    assert len(copy.copy(store)) == 0
    unbounded = MemoryVectors(None)
    unbounded.put(dict.fromkeys(keys, NUMBERS))
    assert len(unbounded) == 4


class Odd:
    """A store of somebody's own, which gives what it was told to, or raises it."""

    def __init__(self, given: object, putting: BaseException | None = None) -> None:
        self.given, self.putting = given, putting

    def get(self, keys: Sequence[Key]) -> Mapping[Key, TokenVectors]:
        if isinstance(self.given, BaseException):
            raise self.given
        return self.given if not callable(self.given) else self.given(keys)  # type: ignore[return-value]

    def put(self, entries: Mapping[Key, TokenVectors]) -> None:
        if self.putting is not None:
            raise self.putting


@pytest.mark.parametrize(
    "store",
    [
        Odd(OSError("gone")),
        Odd(None),
        Odd({}, OSError("full")),
        Odd(lambda keys: dict.fromkeys(keys, 5)),
        Odd(lambda keys: dict.fromkeys(keys, ("text", 4, 5, False))),
        Odd(lambda keys: dict.fromkeys(keys, (b"\0", 4, 5, False))),
        Odd(lambda keys: dict.fromkeys(keys, (b"\0" * 24, 8, 5, False))),
        Odd(lambda keys: dict.fromkeys(keys, (b"\0" * 24, 4, "5", False))),
    ],
)
def test_a_store_that_fails_costs_no_ranking(store: Odd, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    wanted = scores(loaded(folder).rerank(QUERY, TEXTS))
    made = loaded(folder, store=store)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert scores(made.rerank(QUERY, TEXTS)) == wanted
    assert caplog.text.count("failed, rankings go on without it") == 1


def test_a_store_that_gives_lists_will_do(folder: Path) -> None:
    vectors = dict(zip(TEXTS, loaded(folder).vectors(TEXTS), strict=True))
    store = Odd(lambda keys: {key: list(vectors[key[1]]) for key in cast("Sequence[Key]", keys)})
    assert loaded(folder, store=store).rerank(QUERY, TEXTS).usage.cached == 3


@pytest.mark.parametrize("store", [Odd(ShuttingDown("over")), Odd({}, ShuttingDown("over"))])
def test_the_end_of_python_is_no_failure_of_a_store(store: Odd, folder: Path) -> None:
    with pytest.raises(ShuttingDown):
        loaded(folder, store=store).rerank(QUERY, TEXTS)


class Waiting(Odd):
    """Says by when it must be done, as it is asked."""

    async def put(self, entries: Mapping[Key, TokenVectors]) -> None:  # type: ignore[override]
        """It is awaited by nobody."""


@pytest.mark.parametrize("store", [5, object(), MemoryVectors, {}])
def test_what_is_no_store_is_refused(store: Any, folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="store must be the path of a file, or have get and put, not be"):
        loaded(folder, store=store)
    with pytest.raises(ConfigurationError, match="has async methods"):
        loaded(folder, store=Waiting({}))


class Written(MemoryVectors):
    """One whose methods do not say what they take."""

    get = min  # type: ignore[assignment]


def test_a_store_written_in_c_will_do(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert len(loaded(folder, store=Written()).rerank(QUERY, TEXTS)) == 3


def test_a_file_that_is_held_while_it_is_made_is_opened_later(folder: Path, tmp_path: Path) -> None:
    holding = sqlite3.connect(tmp_path / "vectors")
    holding.execute("BEGIN EXCLUSIVE")
    store = SQLiteVectors(tmp_path / "vectors", timeout=0.01)
    holding.rollback()
    holding.close()
    loaded(folder, store=store).rerank(QUERY, TEXTS)
    assert len(store) == 3


def test_where_nothing_can_be_made_the_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be used for token vectors"):
        SQLiteVectors(tmp_path / "none" / "vectors")
