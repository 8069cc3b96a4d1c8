"""Files that are whole or as they were before, whenever their writing ends, and whoever else writes them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4


def write_whole(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file beside its place, and put it there when all of it is on the disk.

    Args:
        path: Its place, in a folder that is there.
        parts: What is written, one after the other.

    Raises:
        OSError: It cannot be written; what was there stays.
    """
    beside = path.with_name(f".{path.name}.{uuid4().hex}.new")
    try:
        with beside.open("wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        with suppress(OSError):  # the error that is raised says more
            beside.unlink(missing_ok=True)
