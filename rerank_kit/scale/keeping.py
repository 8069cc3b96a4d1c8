"""Who writes the file in which results are kept: one process, whatever the number of machines that find them out."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Literal, Protocol

from rerank_kit.cache import Kept, SQLiteStore
from rerank_kit.cache.store import Key
from rerank_kit.contextual.store import ContextStore
from rerank_kit.errors import BudgetExceeded, ConfigurationError
from rerank_kit.evaluate.label_store import LabelStore
from rerank_kit.evaluate.pooling import Pair
from rerank_kit.late import SQLiteVectors

Kind = Literal["scores", "labels", "contexts", "vectors"]
_OPENING = {"scores": SQLiteStore, "labels": LabelStore, "contexts": ContextStore, "vectors": SQLiteVectors}
_ROUNDED = 1 + 1e-9  # sums of floats


class Keeper:
    """The file of a job, and the money that it may cost. It lives beside the file, and workers ask it.

    Rows have keys, made of all that a result depends on: kept twice they are one row. A worker that dies has kept what
    it had sent; the file is an ordinary one of the package, which the next run, or another command, goes on with.
    """

    def __init__(self, kind: Kind, path: str, max_cost: float | None) -> None:
        """Take what `begun` opens.

        Args:
            kind: What is kept in the file.
            path: Where it is.
            max_cost: What the run may cost, in US dollars; `None` is no limit.
        """
        self._kind, self._path = kind, path
        self._store: Any = None
        self._claimed = set[str]()
        self._most = max_cost
        self._spent = self._reserved = 0.0
        self._turn = ExitStack()

    def begun(self) -> bool:
        """Open the file, or make it. That is no part of `__init__`, for Ray tells less of errors there.

        Raises:
            ConfigurationError: It is no such file, or cannot be written.
        """
        self._store = _OPENING[self._kind](self._path)
        if self._kind == "labels":
            self._turn.enter_context(self._store.turn())  # other processes wait, as they do for each other
        return True

    def ask(self, method: str, *arguments: Any) -> Any:
        """What a method of the store gives."""
        return getattr(self._store, method)(*arguments)

    def claim(self, document: str) -> bool:
        """Whether a document is this job's to write. Workers share the claim: one that dies leaves it to the next."""
        if document not in self._claimed and self._store.claim(document):
            self._claimed.add(document)
        return document in self._claimed

    def reserve(self, cost: float | None) -> None:
        """Set money aside for what comes next; `None` is a price that nobody knows.

        Raises:
            BudgetExceeded: There is not enough.
            ConfigurationError: There is a limit, and nobody knows the price.
        """
        if cost is None and self._most is not None:
            msg = f"max_cost={self._most}: the price is not known: give the model one in prices=, or pass no max_cost"
            raise ConfigurationError(msg)
        cost = cost or 0.0
        if self._most is not None and self._spent + self._reserved + cost > self._most * _ROUNDED:
            msg = (
                f"max_cost={self._most}: ${self._spent:.4f} were spent, workers may spend ${self._reserved:.4f}, and "
                f"the next rows may cost ${cost:.4f}. What was found out is in the store: call it again with more"
            )
            raise BudgetExceeded(msg)
        self._reserved += cost

    def settle(self, reserved: float, paid: float) -> None:
        """Say what it cost."""
        self._reserved -= reserved
        self._spent += paid

    def spent(self) -> float:
        """What was paid so far, in US dollars."""
        return self._spent


class Asking(Protocol):
    """How a worker asks the keeper: a method's name, and its arguments."""

    def __call__(self, method: str, /, *arguments: Any) -> Any:
        """What it answers."""
        ...


class ScoresElsewhere:
    """A keeper's scores, as `Cached` asks for them. What cannot be kept fails the job, though `Cached` would go on."""

    waits = True

    def __init__(self, asking: Asking) -> None:
        """Ask there."""
        self._asking = asking
        self.failure: Exception | None = None

    def get(self, keys: Sequence[Key], /) -> Mapping[Key, Kept]:
        """Look up keys."""
        found: Mapping[Key, Kept] | None = self._heard("get", keys)
        return found or {}

    def put(self, entries: Mapping[Key, Kept], /) -> None:
        """Keep scores."""
        self._heard("put", entries)

    def _heard(self, method: str, argument: object) -> Any:
        try:
            return self._asking("ask", method, argument)
        except Exception as error:  # noqa: BLE001 - it is raised where the rows are, and not logged as of no account
            self.failure = error
            return None


class RowsElsewhere:
    """A keeper's labels or contexts, as `LabelStore` and `ContextStore` give them."""

    def __init__(self, asking: Asking) -> None:
        """Ask there."""
        self._asking = asking

    def verdicts(self, judge: str, pairs: Iterable[Pair]) -> Any:
        """As `LabelStore.verdicts`."""
        return self._asking("ask", "verdicts", judge, list(pairs))

    def keep_verdicts(self, judge: str, grades: Mapping[Pair, tuple[int, str | None]]) -> None:
        """As `LabelStore.keep_verdicts`."""
        self._asking("ask", "keep_verdicts", judge, dict(grades))

    @contextmanager
    def turn(self) -> Generator[None]:
        """The keeper has it all the time."""
        yield

    def contexts(self, keys: Iterable[str]) -> Any:
        """As `ContextStore.contexts`."""
        return self._asking("ask", "contexts", list(keys))

    def keep(self, contexts: Mapping[str, str]) -> None:
        """As `ContextStore.keep`."""
        self._asking("ask", "keep", dict(contexts))

    def claim(self, document: str) -> bool:
        """As `ContextStore.claim`."""
        return bool(self._asking("claim", document))

    def release(self, document: str) -> None:
        """The keeper has it until the job ends."""

    def close(self) -> None:
        """The keeper closes its file."""
