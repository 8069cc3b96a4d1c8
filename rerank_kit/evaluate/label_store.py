"""Where labels are kept as soon as they are given, so that none is paid for or asked for twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path

from rerank_kit.decide import DecisionReranker
from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.pooling import Pair
from rerank_kit.evaluate.store import RunStore, key_of, row_of
from rerank_kit.judge import LLMJudge
from rerank_kit.quoting import class_name

_VERSION = 1  # of what is kept: raise it when its meaning changes
_LABEL = ("grade", "why")
_WAIT = 0.2  # seconds, after which Ctrl-C is heard

Judge = LLMJudge | DecisionReranker
_DEPENDS = ("model", "mode", "ask", "criterion", "instructions", "levels", "_samples", "_max_tokens_per_doc")


def known_by(judge: Judge) -> str:
    """On what a judge's verdicts depend, as far as that can be told."""
    chat = judge.chat if isinstance(judge, LLMJudge) else judge.decider
    state = vars(judge)
    return key_of("judge", class_name(judge), class_name(chat), [state.get(each) for each in _DEPENDS])


class LabelStore:
    """The labels of judges and of a person, in the file of an evaluation.

    Attributes:
        rows: All that is in the file.
    """

    def __init__(self, path: str | Path | None) -> None:
        """Open the file, or make it; `None` keeps nothing.

        Raises:
            ConfigurationError: It is no such file, or cannot be written.
        """
        self.rows = RunStore(path)

    def verdicts(self, judge: str, pairs: Iterable[Pair]) -> dict[str, tuple[int, str | None]]:
        """The grades and reasons that a judge has given, by the keys of the pairs."""
        found = self.rows.get_many({_verdict(judge, each): each.key for each in pairs})
        return {key: (row["grade"], row["why"]) for key, row in found.items() if row_of(row, _LABEL)}

    def keep_verdicts(self, judge: str, grades: Mapping[Pair, tuple[int, str | None]]) -> None:
        """Keep what a judge says."""
        self.rows.put((_verdict(judge, each), {"grade": grade, "why": why}) for each, (grade, why) in grades.items())

    def of_person(self, pairs: Iterable[Pair]) -> dict[str, int]:
        """The grades that a person has given, by the keys of the pairs."""
        found = self.rows.get_many({key_of("person", _VERSION, each.key): each.key for each in pairs})
        return {key: row["grade"] for key, row in found.items() if row_of(row, _LABEL) and row["grade"] is not None}

    def keep_of_person(self, grades: Mapping[str, int | None]) -> None:
        """Keep what a person says of pairs, by their keys; `None` takes it back."""
        self.rows.put((key_of("person", _VERSION, key), {"grade": grade, "why": None}) for key, grade in grades.items())

    @contextmanager
    def turn(self) -> Generator[None]:
        """Be the only process that has a judge asked for this file: others wait, and find what was said.

        The operating system lets go of what a process held that was killed.

        Raises:
            ConfigurationError: The file beside it, whose name ends in `.turn`, cannot be held.
        """
        if self.rows.path is None:
            yield
            return
        beside = self.rows.path.with_name(f"{self.rows.path.name}.turn")
        try:
            lock = sqlite3.connect(beside, timeout=_WAIT, isolation_level=None)
        except sqlite3.Error as error:
            raise _not_held(beside, error) from error
        try:
            while not _held(lock, beside):
                pass
            yield
        finally:
            lock.close()

    def close(self) -> None:
        """Close the file."""
        self.rows.close()


def _held(lock: sqlite3.Connection, beside: Path) -> bool:
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.DatabaseError as error:
        if "locked" in str(error):
            return False
        raise _not_held(beside, error) from error
    return True


def _not_held(beside: Path, error: sqlite3.Error) -> ConfigurationError:
    msg = f"{beside}, by which processes take turns, cannot be held: {error}: remove it, or name another store"
    return ConfigurationError(msg)


def _verdict(judge: str, pair: Pair) -> str:
    return key_of("label", _VERSION, judge, pair.key)
