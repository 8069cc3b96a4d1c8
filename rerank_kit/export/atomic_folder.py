"""A folder that appears whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from rerank_kit.errors import ConfigurationError

REPORT = "parity.json"
"""The file by which a former export is known."""


@contextmanager
def new_folder(to: str | os.PathLike[str], *, replace: bool) -> Generator[Path]:
    """Give a folder to write into, which takes its place when the block ends well and is gone when it does not.

    Args:
        to: Its place. An empty folder there gives way.
        replace: Whether a former export gives way too. Nothing else ever does: it may be someone's work.

    Raises:
        ConfigurationError: Something else is there, or nothing can be written there.
    """
    place = Path(to).resolve()
    _check(place, replace=replace)
    staging = place.with_name(f".{place.name}.{uuid4().hex}")  # beside it, as a rename stays within a file system
    try:
        staging.mkdir(parents=True)
    except OSError as error:
        msg = f"to={str(to)!r}: cannot write there ({error}): name another folder"
        raise ConfigurationError(msg) from error
    try:
        yield staging
        former = staging.with_name(f"{staging.name}.former")
        if place.exists():
            place.rename(former)
        staging.rename(place)
        shutil.rmtree(former, ignore_errors=True)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _check(place: Path, *, replace: bool) -> None:
    if not place.exists() or (place.is_dir() and not any(place.iterdir())):
        return
    if not (place / REPORT).is_file():
        msg = f"to={str(place)!r} is in use, and not by a former export (it has no {REPORT}): name another folder"
        raise ConfigurationError(msg)
    if not replace:
        msg = f"to={str(place)!r} holds a former export: replace it with force=True (--force), or name another folder"
        raise ConfigurationError(msg)
