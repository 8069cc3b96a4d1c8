"""`Secret`: an API key that never shows, and never leaves the process."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Self

from rerank_kit.errors import ConfigurationError

_SHOWN = "**********"
_WORD = 8  # characters: shorter words of a header, such as its "Bearer", are no secret


class Secret:
    """Holds an API key, or a header with one in it, and shows asterisks.

    Pickles carry only the names of the environment variables.

    Attributes:
        variables: The environment variables in which the key is looked up, where none was passed.
    """

    def __init__(
        self, value: object = None, *, variables: Sequence[str] = (), required: bool = True, name: str = "api_key"
    ) -> None:
        """Take a key as it is given.

        Args:
            value: A str, pydantic's `SecretStr`, another `Secret`, or `None` to read the environment.
            variables: Environment variables, the first one set wins.
            required: Whether having no key at all is an error.
            name: What the user calls it.

        Raises:
            ConfigurationError: There is no key though one is required, or it cannot stand in a header.
        """
        self.variables = tuple(variables)
        self._required = required
        self._name = name
        self._value = _plain(value, name)
        self.reveal()

    def reveal(self) -> str | None:
        """The key itself; `None` only where none is required.

        Raises:
            ConfigurationError: There is no key, as in a copy that came from another process.
        """
        names = (os.environ.get(name) for name in self.variables)
        found = self._value if self._value is not None else next((each for each in names if each), None)
        key = "" if found is None else found.strip()
        if not key:
            if self._required:
                places = "".join(f", or set the environment variable {name}" for name in self.variables)
                msg = f"{self._name} is missing (keys do not travel in pickles): pass it{places}"
                raise ConfigurationError(msg)
            return None
        if not (key.isascii() and key.isprintable()):
            msg = f"{self._name} has characters that an HTTP header cannot: check that nothing else was pasted with it"
            raise ConfigurationError(msg)
        return key

    def hide(self, text: str) -> str:
        """The text with the key blotted out, should a server have echoed it."""
        try:
            key = self.reveal()
        except ConfigurationError:
            return text
        if key is None:
            return text
        for part in (key, *(word for word in key.split() if len(word) >= _WORD)):
            text = text.replace(part, _SHOWN)
        return text

    def __copy__(self) -> Self:
        """Copies within the process are the same secret."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Copies within the process are the same secret."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """In another process the key is read from the environment there, when it is needed."""
        return _unpickled, (self.variables, self._required, self._name)

    def __repr__(self) -> str:
        """Never show the key."""
        return f"Secret('{_SHOWN}')"


def _unpickled(variables: Sequence[str], required: bool, name: str) -> Secret:  # noqa: FBT001 - only pickle calls it
    secret = Secret(variables=variables, required=False, name=name)
    vars(secret)["_required"] = required  # it complains at first use, not while unpickling
    return secret


def _plain(value: Any, name: str) -> str | None:
    if value is None:
        return None
    if isinstance(value, Secret):
        return value.reveal()
    if hasattr(value, "get_secret_value"):
        value = value.get_secret_value()
    if not isinstance(value, str):
        msg = f"{name} must be a str or a SecretStr, not {type(value).__name__}"
        raise ConfigurationError(msg)
    if not value.strip():
        msg = f"{name} is empty: pass the key, or leave it out to read it from the environment"
        raise ConfigurationError(msg)
    return value
