"""`CheckedVectors`: any store of vectors, asked so that nothing that it does or gives can cost a ranking."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from inspect import iscoroutinefunction, signature
from typing import Any, cast

from rerank_kit.errors import ConfigurationError, ShuttingDown
from rerank_kit.late.vector_file import SQLiteVectors
from rerank_kit.late.vectors import Key, MemoryVectors, TokenVectors, VectorStore
from rerank_kit.observe.hooks import logger
from rerank_kit.quoting import class_name, quoted
from rerank_kit.values import Deadline

_SIZE = 2  # bytes of a float16


class CheckedVectors:
    """Asks a store, which may be a user's own. What fails, and what are no vectors, is logged once and is not there.

    Attributes:
        store: The store.
    """

    def __init__(self, store: object, dimension: int) -> None:
        """Check that it can be asked.

        Args:
            store: The store, the path of a file, or `None` for one in memory.
            dimension: Numbers of a vector.

        Raises:
            ConfigurationError: It is none.
        """
        made = MemoryVectors() if store is None else store
        if isinstance(made, str | bytes | os.PathLike):
            made = SQLiteVectors(cast("str", made))
        calls = [getattr(made, name, None) for name in ("get", "put")]
        if isinstance(made, type) or not isinstance(made, VectorStore) or not all(map(callable, calls)):
            msg = f"store must be the path of a file, or have get and put, not be {quoted(store)}"
            raise ConfigurationError(msg)
        if any(map(iscoroutinefunction, calls)):
            msg = (
                f"store={class_name(store)} has async methods: write get and put as plain functions, called in threads"
            )
            raise ConfigurationError(msg)
        self.store: VectorStore = made
        self._dimension = dimension
        self._hurries = all(map(_takes_deadline, calls))
        self._complained = False

    def get(self, keys: Sequence[Key], deadline: Deadline) -> dict[Key, TokenVectors] | None:
        """The vectors that it has; `None` where it failed."""
        try:
            found: object = self._asked(self.store.get, keys, deadline)
            given = _mapping(found)
            return {key: self._vectors(given[key]) for key in keys if key in given}
        except ShuttingDown:  # which is no fault of the store's
            raise
        except Exception as error:  # noqa: BLE001 - a store may be the user's own, and raise anything
            self._complain(error)
            return None

    def put(self, entries: Mapping[Key, TokenVectors], deadline: Deadline) -> None:
        """Have it keep vectors."""
        try:
            self._asked(self.store.put, entries, deadline)
        except ShuttingDown:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            self._complain(error)

    def _asked(self, function: Callable[..., object], argument: object, deadline: Deadline) -> object:
        more = {"deadline": deadline} if self._hurries else {}
        return function(argument, **more)

    def _vectors(self, value: object) -> TokenVectors:
        """What was given, if it can be what was put: as a list, too, where it has been elsewhere meanwhile.

        Raises:
            Exception: It is something else. Of which kind says nothing, for the value may be anything.
        """
        given = TokenVectors(*cast("Sequence[Any]", value))
        whole = isinstance(given.numbers, bytes) and len(given.numbers) % (_SIZE * self._dimension) == 0
        if not whole or given.dimension != self._dimension or type(given.tokens) is not int:
            msg = f"a {class_name(value)} holds no vectors of {self._dimension} numbers"
            raise TypeError(msg)
        return given._replace(cut=bool(given.cut))

    def _complain(self, error: Exception) -> None:
        if not self._complained:
            self._complained = True
            logger.warning("%s failed, rankings go on without it: %s", quoted(self.store), error)
            logger.debug("where that came from", exc_info=error)


def _takes_deadline(call: Any) -> bool:
    try:
        return "deadline" in signature(call).parameters
    except (TypeError, ValueError):  # it is written in C
        return False


def _mapping(found: object) -> Mapping[object, object]:
    if not isinstance(found, Mapping):
        msg = f"get must return a mapping, not {class_name(found)}"
        raise TypeError(msg)
    return cast("Mapping[object, object]", found)
