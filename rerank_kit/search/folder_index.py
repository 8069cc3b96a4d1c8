"""Folders that are searched again and again: an index that follows what changes in them, and never leaves them."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from rerank_kit.checks import check_whole
from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.corpus import files_below
from rerank_kit.evaluate.text_files import check_encoding
from rerank_kit.quoting import quoted
from rerank_kit.search.folder import LARGEST, Folder, Passage, Read, folder_of, notes_and_code, read_file
from rerank_kit.search.passage_index import PassageIndex
from rerank_kit.texts import encodable
from rerank_kit.values import Deadline

_Stamp = tuple[int, int, int]
"""By which a file that was written again is known: its number, size and time."""
_LOOKED_AT = 20  # files of any kind for each one that may be read, lest it takes minutes to find out what there is
_REMEDY = "Name smaller folders when the server is started"


@dataclass(frozen=True, slots=True)
class Found:
    """What a search brought.

    Attributes:
        passages: Best first.
        files: How many were searched.
        notes: What was left alone, and why.
    """

    passages: Sequence[Passage]
    files: int
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class _State:
    """The folders as they were when they were looked at last."""

    read: Mapping[Path, tuple[_Stamp, Read]] = field(default_factory=dict[Path, tuple[_Stamp, Read]])
    index: PassageIndex | None = None


class FolderIndex:
    """Folders of notes and code, searched together. Before each search, what changed in them is read again.

    Only what is in the folders is read: no link is followed, and a folder in whose place a link was put is gone.

    Attributes:
        folders: Where they are, by name: each one's own, or its whole path where two have the same.
    """

    def __init__(
        self, folders: Sequence[str], *, encoding: str = "utf-8", files: int = 10_000, megabytes: int = 20
    ) -> None:
        """Take the folders; nothing is read yet.

        Args:
            folders: Their paths.
            encoding: Of their files.
            files: So many are read at most.
            megabytes: So much is read at most.

        Raises:
            ConfigurationError: There is no such folder, or one is inside another.
        """
        roots = [folder_of("folder", each).resolve() for each in folders]
        for place, root in enumerate(roots):
            if root == root.parent:
                msg = f"folder={str(root)!r} is the whole disk: name a folder with notes or code"
                raise ConfigurationError(msg)
            if root in roots[:place]:
                msg = f"folder={str(root)!r} is named twice: name it once"
                raise ConfigurationError(msg)
            for other in roots[:place]:
                if root.is_relative_to(other) or other.is_relative_to(root):
                    msg = f"folder={str(root)!r} and {str(other)!r} are one inside the other: name the outer one alone"
                    raise ConfigurationError(msg)
        names = [each.name for each in roots]
        self.folders: Mapping[str, Path] = {
            encodable(root.name if names.count(root.name) == 1 else root.as_posix()): root for root in roots
        }
        self._encoding = check_encoding(encoding)
        self._files, self._bytes = check_whole("files", files), check_whole("megabytes", megabytes) << 20
        self._refreshing = Lock()
        self._state = _State()

    def search(self, query: str, folder: str | None, recall: int, deadline: Deadline) -> Found:
        """Find the passages that share a word with the query.

        Args:
            query: The question.
            folder: Where: the name of a folder, or its path, with what is below it or not; `None` is everywhere.
            recall: How many passages at most.
            deadline: When it has to be done.

        Raises:
            ConfigurationError: There is no such folder, or nothing in it that can be read.
            DeadlineExceeded: There was no time to read what changed.
        """
        below = None if folder is None else self._below(folder)
        with self._refreshing:
            deadline.check()
            there, index = self._refreshed(deadline)
        passages = index.passages if below is None else [each for each in index.passages if each.path.startswith(below)]
        if not passages:
            where = "nothing" if folder is None else f"nothing in folder={quoted(folder)}"
            why = f": {'; '.join(there.notes)}" if there.notes else ""
            msg = f"there is {where} to search, no notes and no code with text in them{why}"
            raise ConfigurationError(msg)
        return Found(index.best(query, recall, below or ""), len({each.path for each in passages}), there.notes)

    def _below(self, folder: str) -> str:
        """What the paths begin with of all that is in a folder. Nothing is looked up on the disk."""
        asked = folder.replace("\\", "/").rstrip("/")
        for name, root in self.folders.items():
            for known in (name, root.as_posix()):
                if f"{asked}/".startswith(f"{known}/"):
                    return f"{name}{asked[len(known) :]}/"
        msg = f"folder must be one of {', '.join(map(repr, self.folders))}, or a folder below, not {quoted(folder)}"
        raise ConfigurationError(msg)

    def _refreshed(self, deadline: Deadline) -> tuple[Folder, PassageIndex]:
        """The folders as they are now, and their index, which is made anew if they changed."""
        before, there = self._state, Folder()
        read: dict[Path, tuple[_Stamp, Read]] = {}
        for path, name, stamp in self._readable(there.notes, deadline):
            known = before.read.get(path)
            same = known is not None and known[0] == stamp and not known[1].note  # what failed is tried again
            read[path] = known if same and known is not None else (stamp, self._read(path, name, stamp))
            there.add(read[path][1])
        index = before.index
        if index is None or read != before.read:
            index = PassageIndex(there.passages)
            self._state = _State(read, index)
        return there, index

    def _read(self, path: Path, name: str, stamp: _Stamp) -> Read:
        """A file as it was when it was looked at: a folder on the way may have become a link meanwhile."""
        found = read_file(path, name, self._encoding)
        if path.resolve() == path and _stamp(path, []) == stamp:
            return found
        return Read(note=f"{path} left alone: it changed while it was read")

    def _readable(self, notes: list[str], deadline: Deadline) -> Iterator[tuple[Path, str, _Stamp]]:
        """The files that are read, what they are called, and their stamps, until it is enough."""
        some = iter(range(_LOOKED_AT * self._files))

        def looked_at(paths: Iterable[Path]) -> Iterator[Path]:
            for path in paths:
                deadline.check()
                if next(some, None) is None:
                    notes.append(
                        f"not all is searched: there are more than {_LOOKED_AT * self._files:,} files. {_REMEDY}"
                    )
                    return
                yield path

        files, left = self._files, self._bytes
        for name, root in self.folders.items():
            if not root.is_dir() or root.resolve() != root:
                notes.append(f"{name} is not there any more")
                continue
            for path in notes_and_code(looked_at(files_below(root, notes)), notes):
                stamp = _stamp(path, notes)
                if stamp is None:
                    continue
                files -= 1
                left -= stamp[1] if stamp[1] <= LARGEST else 0
                if files < 0 or left < 0:
                    most = f"{self._files:,} files or {self._bytes >> 20} MiB"
                    notes.append(f"not all is searched: there are more than {most}. {_REMEDY}")
                    return
                yield path, f"{name}/{path.relative_to(root).as_posix()}", stamp


def _stamp(path: Path, notes: list[str]) -> _Stamp | None:
    """A file's stamp; `None` of a link, and of what is not there any more."""
    try:
        known = path.lstat()
    except OSError as error:
        notes.append(f"left alone: {error}")
        return None
    if stat.S_ISREG(known.st_mode):
        return known.st_ino, known.st_size, known.st_mtime_ns
    notes.append(f"{path} left alone: it is a link")
    return None
