"""`CheckedStore`: any store, asked so that nothing that it does or gives can cost a ranking."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import iscoroutinefunction, signature
from numbers import Real
from typing import Any, cast

from rerank_kit.cache.store import Kept, Key, Store
from rerank_kit.errors import ConfigurationError, ShuttingDown
from rerank_kit.flow import Flow, blocking
from rerank_kit.observe.hooks import logger
from rerank_kit.quoting import class_name, quoted
from rerank_kit.values import Deadline, Passage, finite

_FAILED = object()


class CheckedStore:
    """Asks a store, which may be a user's own. What fails, and what is no score, is logged once and is not there.

    Attributes:
        store: The store.
    """

    def __init__(self, store: Store) -> None:
        """Check that it can be asked.

        Raises:
            ConfigurationError: It is no store.
        """
        given: object = store
        calls = [getattr(given, name, None) for name in ("get", "put")]
        if isinstance(given, type) or not isinstance(given, Store) or not all(map(callable, calls)):
            msg = f"store must have get, put and waits, not be {quoted(store)}: for a file, pass SQLiteStore(path)"
            raise ConfigurationError(msg)
        if any(map(iscoroutinefunction, calls)):
            msg = (
                f"store={type(store).__name__} has async methods: write get and put as plain functions, with waits = "
                "True, and async callers call them in a thread"
            )
            raise ConfigurationError(msg)
        self.store = store
        self._hurries = all(map(_takes_deadline, calls))
        self._complained = False

    def get(self, keys: Sequence[Key], deadline: Deadline) -> Flow[dict[Key, Kept] | None]:
        """The scores that it has; `None` where it failed."""
        found = yield from self._asked(self.store.get, keys, deadline)
        return None if found is _FAILED else self._scores(keys, found)

    def put(self, entries: Mapping[Key, Kept], deadline: Deadline) -> Flow[None]:
        """Have it keep scores."""
        yield from self._asked(self.store.put, entries, deadline)

    def _asked(self, function: Callable[..., object], argument: object, deadline: Deadline) -> Flow[object]:
        more = {"deadline": deadline} if self._hurries else {}
        try:
            if self.store.waits:
                return (yield from blocking(function, argument, **more))
            return function(argument, **more)
        except ShuttingDown:  # which is no fault of the store's, and a thread that is cut off must not write
            raise
        except Exception as error:  # noqa: BLE001 - a store may be the user's own, and raise anything
            self._complain("failed", error)
            return _FAILED

    def _scores(self, keys: Sequence[Key], found: object) -> dict[Key, Kept]:
        """What is a score among what it gave, and was asked for."""
        scores: dict[Key, Kept] = {}
        if not isinstance(found, Mapping):
            self._complain("gave what is no score", TypeError(f"get must return a mapping, not {class_name(found)}"))
            return scores
        given = cast("Mapping[object, object]", found)
        for key in keys:
            try:
                if key in given:
                    scores[key] = _kept(given[key], key)
            except Exception as error:  # noqa: BLE001 - as is what it gives
                self._complain("gave what is no score", error)
        return scores

    def _complain(self, what: str, error: Exception) -> None:
        if not self._complained:
            self._complained = True
            logger.warning("%s %s, rankings go on without it: %s", quoted(self.store), what, error)
            logger.debug("where that came from", exc_info=error)


def _takes_deadline(call: Any) -> bool:
    try:
        return "deadline" in signature(call).parameters
    except (TypeError, ValueError):  # it is written in C
        return False


def _kept(value: object, key: Key) -> Kept:
    """A value as what is kept: exactly, or as a list where it has been JSON.

    Raises:
        Exception: It is something else. Of which kind says nothing, for the value may be anything.
    """
    if not isinstance(value, tuple | list):
        raise _odd(value, "Kept")
    given: Any = Kept(*cast("Sequence[Any]", value))
    return Kept(
        _number(given.score, "score"),
        _text(given.why, "reason"),
        None if given.passage is None else _passage(len(key[2]), *given.passage),
        None if given.logit is None else _number(given.logit, "logit"),
        _text(given.verdict, "verdict"),
        None if given.probabilities is None else _probabilities(given.probabilities),
        None if given.answerable is None else _number(given.answerable, "probability"),
    )


def _text(value: object, what: str) -> str | None:
    if not isinstance(value, str | None):
        raise _odd(value, what)
    return value


def _probabilities(value: object) -> dict[str, float]:
    if not isinstance(value, Mapping):
        raise _odd(value, "mapping of probabilities")
    found = cast("Mapping[object, object]", value)
    return {_name(name): _number(each, "probability") for name, each in found.items()}


def _name(value: object) -> str:
    if not isinstance(value, str):
        raise _odd(value, "verdict")
    return value


def _number(value: object, what: str) -> float:
    if type(value) is not float and (isinstance(value, bool) or not isinstance(value, Real)):
        raise _odd(value, what)
    return finite(value)


def _passage(length: int, start: object, stop: object) -> Passage:
    if type(start) is not int or type(stop) is not int or not 0 <= start <= stop <= length:
        raise _odd((start, stop), "passage")
    return start, stop


def _odd(value: object, what: str) -> TypeError:
    return TypeError(f"a {type(value).__name__} is no {what}")
