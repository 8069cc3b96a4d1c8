"""`Secret`: an API key that never shows, and never leaves the process."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from rerank_kit.api.hiding import SHOWN, hide
from rerank_kit.errors import ConfigurationError
from rerank_kit.quoting import whole

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2
_FRAMING = frozenset({"content-length", "transfer-encoding"})


class Secret:
    """Holds an API key, or a header with one in it, and shows asterisks.

    It has no attribute with the key in it, so that whatever looks through objects finds none, and none is the local
    variable of a function that raises. Pickles carry only the names of the environment variables.

    Attributes:
        variables: The environment variables in which the key is looked up, where none was passed.
    """

    __slots__ = ("__weakref__", "_arrived", "_given", "_name", "_required", "_whose", "variables")

    def __init__(
        self, value: object = None, *, variables: Sequence[str] = (), required: bool = True, name: str = "api_key"
    ) -> None:
        """Take a key as it is given.

        Args:
            value: A str, pydantic's `SecretStr`, another `Secret`, or `None` to read the environment.
            variables: Environment variables, the first one set wins.
            required: Whether having no key at all is an error, which `check` raises.
            name: What the user calls it.

        Raises:
            ConfigurationError: It cannot stand in a header.
        """
        self.variables = tuple(variables)
        self._required = required
        self._name = name
        self._whose = ""
        self._arrived = False  # in a pickle
        self._given, problem = _taken(value, name)
        del value
        problem = self._unusable() if problem is None else problem
        if problem is not None:
            raise ConfigurationError(problem)

    def check(self, whose: str) -> None:
        """See to it that there is a key where one is required.

        Args:
            whose: What the key is for, as users call it: errors tell.

        Raises:
            ConfigurationError: There is none.
        """
        self._whose = whose
        self.reveal()

    def reveal(self) -> str | None:
        """The key itself; `None` only where none is required.

        Raises:
            ConfigurationError: There is no key, as in a copy that came from another process.
        """
        problem = self._problem()
        if problem is not None:
            raise ConfigurationError(problem)
        return self._found() or None

    def source(self) -> str:
        """Where the key comes from, as users call it; empty where there is none."""
        if self._given() is not None:
            return self._name
        return next((f"the environment variable {name}" for name in self.variables if os.environ.get(name)), "")

    def remedy(self, made: str = "") -> str:
        """How to pass a key, as the rest of a sentence.

        Args:
            made: What has to be made for it, if anything.
        """
        variables = " or ".join(self.variables)
        blank = any(not os.environ.get(name, "-").strip() for name in self.variables)
        state = ", which is set, but empty" if blank else ""
        passed = f"make {made} with {self._name}=" if made else f"pass {self._name}="
        return passed + (f", or set the environment variable {variables}{state}" if variables else "")

    def known(self) -> list[str]:
        """The key, if there is one, for what must not fail."""
        return [] if self._problem() is not None or not self._found() else [self._found()]

    def hide(self, text: str) -> str:
        """The text with the key blotted out, should a server have echoed it or a large piece of it."""
        return hide(text, self.known())

    def _found(self) -> str:
        """What was passed, or what the environment has."""
        given = self._given()
        names = (os.environ.get(name) for name in self.variables)
        return (given if given is not None else next((each for each in names if each), "")).strip()

    def _problem(self) -> str | None:
        """What is wrong with the key, without showing it."""
        if not self._found() and self._required:
            if self._arrived:
                return (
                    f"{self._name} is missing, for keys do not travel in pickles: {self.remedy(f'{self._whose} anew')}"
                )
            return f"{self._whose or 'this'} needs a key, and {self._name} is missing: {self.remedy()}"
        return self._unusable()

    def _unusable(self) -> str | None:
        key = self._found()
        if not (key.isascii() and key.isprintable()):
            set_by = next((name for name in self.variables if os.environ.get(name)), self._name)
            name = self._name if self._given() is not None else f"the environment variable {set_by}"
            return f"{name} has characters that an HTTP header cannot: check that nothing else was pasted with it"
        return None

    def __copy__(self) -> Self:
        """Copies within the process are the same secret."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Copies within the process are the same secret."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """In another process the key is read from the environment there, when it is needed."""
        return _unpickled, (self.variables, self._required, self._name, self._whose)

    @whole
    def __repr__(self) -> str:
        """Never show the key."""
        return f"Secret('{SHOWN}')"


def held_headers(headers: Mapping[Any, Any], what: str = "headers") -> dict[str, Secret]:
    """Headers with their values as secrets.

    Args:
        headers: Names and values.
        what: What the user calls them.

    Raises:
        ConfigurationError: A name is none, or a value cannot stand in a header. What is wrong is not shown.
    """
    for place, name in enumerate(headers, start=1):
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            msg = (
                f"{what}: the name of number {place} is none of a header, which has letters, digits and hyphens: check "
                "that no blank, colon or value was pasted with it"
            )
            raise ConfigurationError(msg)
        if name.lower() in _FRAMING:
            msg = f"{what} must not have {name!r}, which follows from what is sent: leave it out"
            raise ConfigurationError(msg)
    held = {name: Secret(value, name=f"{what}[{name!r}]") for name, value in headers.items()}
    for each in held.values():
        each.check("a header")
    return held


def _unpickled(variables: Sequence[str], required: bool, name: str, whose: str) -> Secret:  # noqa: FBT001 - only pickle calls it
    secret = Secret(variables=variables, required=required, name=name)
    object.__setattr__(secret, "_whose", whose)
    object.__setattr__(secret, "_arrived", True)
    return secret


def _taken(value: Any, name: str) -> tuple[Callable[[], str | None], str | None]:
    """What gives the value when it is called, and what is wrong with it: nothing here may raise."""
    if isinstance(value, Secret):
        known = value.known()
        return lambda: known[0] if known else None, None
    if hasattr(value, "get_secret_value"):
        value = value.get_secret_value()
    if value is not None and not isinstance(value, str):
        return lambda: None, f"{name} must be a str or a SecretStr, not {type(value).__name__}"
    if value is not None and not value.strip():
        return lambda: None, f"{name} is empty: pass the key, or leave it out to read it from the environment"
    return lambda: value, None
