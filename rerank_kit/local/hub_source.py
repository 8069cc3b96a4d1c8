"""How models get here from the Hugging Face hub: which revision, with which token, through which cache."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial, wraps
from pathlib import Path
from typing import Any, ParamSpec, Self, TypeVar

from rerank_kit.api.secret import Secret
from rerank_kit.checks import check_instance

P = ParamSpec("P")
T = TypeVar("T")


_secret = partial(Secret, required=False, name="token")  # no function, whose frame would show what it is given


@dataclass(frozen=True, slots=True)
class Source:
    """How models get here from the hub.

    Attributes:
        revision: A commit, tag or branch; `None` is the repository's main branch.
        token: For what is private; without one, that of `HF_TOKEN` or of a login is taken by the hub's client.
        cache_dir: Where they are kept; `None` is where all programs keep them.
        local_files_only: Whether the hub may not be asked.
    """

    revision: str | None = None
    token: Secret = field(default_factory=_secret)
    cache_dir: str | None = None
    local_files_only: bool = False

    @classmethod
    def of(cls, *, revision: object, token: object, cache_dir: object, local_files_only: object) -> Self:
        """Check the settings.

        Raises:
            ConfigurationError: One of them is wrong.
        """
        check_instance("revision", revision, (str, type(None)), "the name of a commit, tag or branch")
        check_instance("cache_dir", cache_dir, (str, os.PathLike, type(None)), "a folder")
        check_instance("local_files_only", local_files_only, bool, "True or False")
        folder = None if cache_dir is None else str(Path(cache_dir).expanduser())  # type: ignore[arg-type]  # checked
        return cls(revision, token if isinstance(token, Secret) else _secret(token), folder, local_files_only)  # type: ignore[arg-type]  # checked

    @property
    def is_default(self) -> bool:
        """Whether nothing was set."""
        given = self.revision, self.cache_dir, self.token.known()
        return given == (None, None, []) and not self.local_files_only

    def as_settings(self) -> dict[str, Any]:
        """The settings again, by the names that users know. The token is held as a secret."""
        names = ("revision", "token", "cache_dir", "local_files_only")
        return {name: getattr(self, name) for name in names}


def holding_token(made: Callable[P, T]) -> Callable[P, T]:
    """What gets its `token` as a secret, so that no frame of it shows the token when it fails."""

    @wraps(made)
    def holding(*args: P.args, **options: P.kwargs) -> T:
        if "token" in options:
            options["token"] = _secret(options.pop("token"))
        return made(*args, **options)

    return holding
