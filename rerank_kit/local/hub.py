"""A model's repository on the Hugging Face hub, and the cache before it: asked once, fetched only if need be.

The hub is asked which commit a revision stands at, in one request with a limit of a few seconds. What the cache has of
that commit is not fetched again. Where no answer comes, the last one that the cache has of that revision is taken, and
the log says so. A revision that is a commit cannot change, so nobody is asked about it once its files are there.
"""

from __future__ import annotations

import glob
import logging
import re
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from rerank_kit.errors import ConfigurationError, ConnectionFailed, RerankError
from rerank_kit.local.hub_errors import endpoint, hub_error
from rerank_kit.local.hub_source import Source
from rerank_kit.optional import optional
from rerank_kit.threads import Threads

T = TypeVar("T")

_COMMIT = re.compile(r"[0-9a-f]{40}")
_BRIEFLY = 5  # seconds to wait for the hub where the cache could do
_ORGANISATION = "cross-encoder"  # whose models may be called by their names alone, as in sentence-transformers
_log = logging.getLogger("rerank_kit")


@dataclass(frozen=True, slots=True)
class Repository:
    """What is known of a repository.

    Attributes:
        name: As the hub has it.
        source: How it is reached.
        files: The names of the files there are: all, if the hub or the cache knows them, or those in the cache.
        commit: The commit they are of.
        folder: Where the cache has files of this commit; `None` where it has none yet.
        moved: Whether the cache takes the revision for another commit still.
        unreachable: Why nothing can be fetched; `None` where it can.
    """

    name: str
    source: Source
    files: Collection[str]
    commit: str
    folder: Path | None
    moved: bool = False
    unreachable: RerankError | None = None

    @property
    def place(self) -> str:
        """Where its files were seen."""
        return endpoint() if self.unreachable is None else f"the cache {self.folder}"

    def missing(self, wanted: Sequence[str]) -> list[str]:
        """Those of the files that are not in the cache."""
        return [each for each in wanted if self.folder is None or not (self.folder / each).is_file()]

    def fetched(self, wanted: Sequence[str]) -> Path:
        """The folder in the cache that has these files, which are fetched where they are not there.

        Raises:
            ConfigurationError: They cannot be had, or not with this token.
            ConnectionFailed: The hub cannot be reached.
            StatusError: The hub fails.
        """
        missing = self.missing(wanted)
        if self.folder is not None and not (missing or self.moved):
            return self.folder
        if self.unreachable is not None:
            lacks = f"it lacks {', '.join(missing)}"
            raise self.not_enough(lacks)
        if missing:
            _log.info("fetching %s of model=%r from %s", ", ".join(missing), self.name, endpoint())
        patterns = [glob.escape(each) for each in wanted]
        folder = Path(_from_hub(partial(self._download, patterns), self.name, self.source))
        left = [each for each in wanted if each in self.files and not (folder / each).is_file()]
        if left:
            msg = f"model={self.name!r}: {', '.join(left)} could not be fetched from {endpoint()}: try again later"
            raise ConnectionFailed(msg)
        return folder

    def not_enough(self, why: str) -> RerankError:
        """The error for a model of which the cache has a part, when the rest cannot be fetched."""
        problem = self.unreachable
        kind = ConnectionFailed if isinstance(problem, ConnectionFailed) else ConfigurationError
        return kind(f"the cache has only a part of model={self.name!r}, {self.folder}: {why}. {problem}")

    def _download(self, patterns: list[str], hub: Any, token: Callable[[], str | None]) -> str:
        source = self.source
        folder: str = hub.snapshot_download(
            self.name, revision=source.revision, cache_dir=source.cache_dir, token=token(), allow_patterns=patterns
        )
        return folder


_asked: ContextVar[dict[tuple[object, ...], Repository] | None] = ContextVar("rerank_kit_asked_hub", default=None)


@contextmanager
def asked_once() -> Generator[None]:
    """While one model is loaded, its repository is asked for but once."""
    token = _asked.set({})
    try:
        yield
    finally:
        _asked.reset(token)


def repository(name: str, source: Source) -> Repository:
    """What the hub has under a name, or the cache.

    Raises:
        ConfigurationError: There is no such repository or revision, or it may not be read.
        ConnectionFailed: The hub cannot be reached, and the cache has nothing.
        StatusError: The hub fails, and the cache has nothing.
        MissingExtra: The hub's client is not installed.
    """
    known = _asked.get()
    key = name, source.revision, source.cache_dir, source.local_files_only
    if known is None:
        return _found(name, source)
    if key not in known:
        known[key] = _found(name, source)
    return known[key]


def _found(name: str, source: Source) -> Repository:
    hub: Any = optional("huggingface_hub", extra="onnx", why=f"fetching model={name!r}, which is no folder here,")
    name = name if "/" in name else f"{_ORGANISATION}/{name}"
    cached = _cached(name, source, source.revision)
    if source.local_files_only or hub.constants.HF_HUB_OFFLINE:
        return _of_cache(cached, name, source, _forbidden(name, source, cached))
    if cached is not None and source.revision == cached.name and (listed := _listed(name, source, cached)) is not None:
        return Repository(name, source, listed, cached.name, cached)
    patience = float(hub.constants.HF_HUB_ETAG_TIMEOUT)
    try:
        found = _asked_hub(name, source, patience if cached is None else min(patience, _BRIEFLY))
    except RerankError as error:
        problem = error.with_traceback(None)
    else:
        commit = str(found.sha)
        folder = cached if cached is not None and cached.name == commit else _cached(name, source, commit)
        moved = cached is None or cached.name != commit
        return Repository(name, source, [each.rfilename for each in found.siblings or ()], commit, folder, moved)
    if cached is not None:
        _log.warning(
            "model=%r is taken from the cache, commit %s, for the hub could not be asked for a newer one: %s. With "
            "local_files_only=True it is not asked",
            name,
            cached.name,
            problem,
        )
    return _of_cache(cached, name, source, problem)


def _asked_hub(name: str, source: Source, seconds: float) -> Any:
    """One question, with an end: looking up a host's address knows none by itself."""

    def ask(hub: Any, token: Callable[[], str | None]) -> Any:
        with Threads(1, "rerank-kit-hub") as thread:
            return thread.submit(
                lambda: hub.HfApi().model_info(name, revision=source.revision, timeout=seconds, token=token())
            ).result(seconds + 1)

    return _from_hub(ask, name, source)


def _from_hub(ask: Callable[[Any, Callable[[], str | None]], T], name: str, source: Source) -> T:
    """Have the hub's client do something, with its errors as ours.

    An error of its client holds the request, and with it the token: neither it nor its frames are kept.
    """
    hub: Any = optional("huggingface_hub", extra="onnx", why=f"fetching model={name!r}, which is no folder here,")
    try:
        return ask(hub, source.token.reveal)
    except Exception as error:  # noqa: BLE001 - its errors have no base in common, and some are its HTTP library's
        problem = hub_error(error, name, source.revision, source.token)
    raise problem


def _cached(name: str, source: Source, revision: str | None) -> Path | None:
    """The folder of the cache with files of this revision, as far as the cache knows."""
    hub: Any = optional("huggingface_hub", extra="onnx", why=f"fetching model={name!r}, which is no folder here,")
    try:
        return Path(
            hub.snapshot_download(
                name, revision=revision, cache_dir=source.cache_dir, local_files_only=True, allow_patterns=[]
            )
        )
    except _kinds().LocalEntryNotFoundError:
        return None
    except ValueError as error:  # the name is none
        raise hub_error(error, name, revision, source.token) from None


def _listed(name: str, source: Source, cached: Path) -> list[str] | None:
    """All files of a commit, where the hub's client has kept a list of them; older ones keep none."""
    hub: Any = optional("huggingface_hub", extra="onnx", why="fetching a model")
    tree_of = getattr(hub, "get_cached_repo_tree", None)
    if tree_of is None:
        return None
    try:
        tree = tree_of(name, revision=cached.name, cache_dir=source.cache_dir)
    except _kinds().CachedRepoTreeNotFoundError:
        return None
    return [each.path for each in tree]


def _kinds() -> Any:
    return optional("huggingface_hub.errors", extra="onnx", why="fetching a model")


def _of_cache(cached: Path | None, name: str, source: Source, problem: RerankError) -> Repository:
    """What there is of a repository without the hub."""
    if cached is None:
        raise problem
    files = [each.relative_to(cached).as_posix() for each in cached.rglob("*") if each.is_file()]
    return Repository(name, source, files, cached.name, cached, unreachable=problem)


def _forbidden(name: str, source: Source, cached: Path | None) -> ConfigurationError:
    """The error for what is not in the cache while the hub may not be asked."""
    hub: Any = optional("huggingface_hub", extra="onnx", why="fetching a model")
    why = "local_files_only=True" if source.local_files_only else "HF_HUB_OFFLINE"
    where = source.cache_dir or hub.constants.HF_HUB_CACHE
    at = "" if source.revision is None else f" at revision {source.revision!r}"
    there = "" if cached is not None else f"model={name!r}{at} is neither a folder here nor in the cache {where}, and "
    return ConfigurationError(
        f"{there}{why} keeps what is missing from being fetched: fetch it where there is a network (hf download "
        f"{name}), or pass the path of a folder with the model's files"
    )
