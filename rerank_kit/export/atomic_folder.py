"""A folder that appears whole or not at all."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from rerank_kit.checks import check_instance
from rerank_kit.errors import ConfigurationError
from rerank_kit.quoting import quoted

REPORT = "parity.json"
"""The file by which a former export is known, and which lists under `written` what belongs to it."""

_SHOWN = 5  # names in an error


@contextmanager
def new_folder(to: str | os.PathLike[str], *, replace: bool) -> Generator[Path]:
    """Give a folder to write into, which takes its place when the block ends well and is gone when it does not.

    What is left of a process that was killed in the middle is removed by the next one that writes to the same place.

    Args:
        to: Its place. An empty folder there gives way.
        replace: Whether a former export gives way too. Nothing else ever does: it may be someone's work.

    Raises:
        ConfigurationError: Something else is there, or nothing can be written there.
    """
    check_instance("to", to, (str, os.PathLike), "the folder to make")
    if not os.fspath(to).strip():
        msg = f"to={quoted(to)} names no folder: pass the one to make, such as 'models/mine'"
        raise ConfigurationError(msg)
    try:
        place = Path(to).resolve()
        place.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(place)
        _check(place, replace=replace)
        staging = place.with_name(f".{place.name}.{uuid4().hex}")  # beside it, as a rename stays within a file system
        lock = _locked(_lock_of(staging))
    except ConfigurationError:
        raise
    except (OSError, RuntimeError, ValueError, sqlite3.Error) as error:  # of links in a circle, of characters
        msg = f"to={quoted(to)}: cannot write there ({error}): name another folder"
        raise ConfigurationError(msg) from error
    try:
        with closing(lock):
            try:
                staging.mkdir()
                yield staging
                _check(place, replace=replace)  # again, for it took a while
                if place.exists():
                    place.rename(_former(staging))
                staging.rename(place)
            finally:
                _remove(staging, place)
    finally:
        _lock_of(staging).unlink(missing_ok=True)


def _former(staging: Path) -> Path:
    return staging.with_name(f"{staging.name}.former")


def _lock_of(staging: Path) -> Path:
    return staging.with_name(f"{staging.name}.lock")


def _locked(path: Path) -> sqlite3.Connection:
    """A file that is locked until its process ends, however it does, on any system."""
    lock = sqlite3.connect(path, timeout=0)
    lock.execute("PRAGMA journal_mode=MEMORY")  # no second file
    lock.execute("BEGIN EXCLUSIVE")
    return lock


def _remove(staging: Path, place: Path) -> None:
    """Remove what is beside a place. The former export goes back if nothing came to replace it."""
    if _former(staging).exists() and not place.exists():
        _former(staging).rename(place)
    for each in (staging, _former(staging)):
        shutil.rmtree(each, ignore_errors=True)


def _remove_leftovers(place: Path) -> None:
    """Remove what processes that are gone have left beside a place."""
    ours = re.compile(rf"(\.{re.escape(place.name)}\.[0-9a-f]{{32}})\.lock")
    for each in list(place.parent.iterdir()):
        named = ours.fullmatch(each.name)
        if named is not None:
            with suppress(sqlite3.OperationalError):  # it is locked: somebody is writing
                with closing(_locked(each)):
                    _remove(place.with_name(named[1]), place)
                each.unlink(missing_ok=True)


def _check(place: Path, *, replace: bool) -> None:
    if not place.exists() or (place.is_dir() and not any(place.iterdir())):
        return
    if not (place / REPORT).is_file():
        msg = f"to={str(place)!r} is in use, and not by a former export (it has no {REPORT}): name another folder"
        raise ConfigurationError(msg)
    if not replace:
        msg = f"to={str(place)!r} holds a former export: replace it with force=True (--force), or name another folder"
        raise ConfigurationError(msg)
    others = sorted({each.name for each in place.iterdir()} - _written(place / REPORT))
    if others:
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        msg = (
            f"to={str(place)!r} holds, besides a former export, {', '.join(others[:_SHOWN])}{more}, which no export "
            "wrote: move that away, or name another folder"
        )
        raise ConfigurationError(msg)


def _written(report: Path) -> set[str]:
    """The names of what a former export wrote, as it says itself."""
    try:
        return {REPORT, *json.loads(report.read_text("utf-8"))["written"]}
    except (ValueError, TypeError, KeyError):
        return {REPORT}
