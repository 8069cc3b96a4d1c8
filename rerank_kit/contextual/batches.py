"""`BatchWriter`: contexts written in batches: submitted once, looked after, collected by whatever run comes next."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TypedDict, cast

from rerank_kit.contextual.answers import Language, reading_of
from rerank_kit.contextual.asking import Asked, Question
from rerank_kit.contextual.contexts import Context
from rerank_kit.contextual.settings import Settings
from rerank_kit.contextual.store import ContextStore
from rerank_kit.contextual.units import Unit
from rerank_kit.contextual.writing import Writer, expected_of
from rerank_kit.errors import BackendError, BudgetExceeded, ConfigurationError, DeadlineExceeded
from rerank_kit.evaluate.planning import dollars
from rerank_kit.evaluate.store import key_of
from rerank_kit.flow import Flow, blocking, sleep
from rerank_kit.judge import BatchChatModel, Completion, Prompt
from rerank_kit.values import Deadline, Usage

_VERSION = 1  # of what is kept of a batch: raise it when its meaning changes
_QUESTIONS = 10_000  # in one batch
_CHARACTERS = 50_000_000  # of one batch, of which the API takes 256 MB
_UNKNOWN = 404
_KEPT = 29 * 86_400  # seconds for which the API keeps the answers of a batch
_ENOUGH = 10  # polls that fail one after the other
_PAUSE = 0.5  # seconds until another process is looked at again

Keys = dict[str, str]
"""The keys of contexts by the labels of a question; the label of one that is asked about alone is empty."""


_Asking = tuple[Prompt, Keys]


class Submitted(TypedDict):
    """A batch that was submitted."""

    keys: dict[str, Keys]
    at: float


class BatchWriter(Writer):
    """Writes contexts in batches. What could not be read is asked for again alone, by ordinary calls."""

    def __init__(self, made: Settings, asked: Sequence[Asked], deadline: Deadline) -> None:
        """Begin with nothing written."""
        super().__init__(made, asked, deadline)
        self._unknown = set[str]()  # batches that this key and address do not know
        self._unit_of: dict[str, tuple[Asked, Unit]] = {}

    def _begin(self) -> None:
        """Find the keys under which contexts are going to be kept."""
        super()._begin()
        for each in self._asked:
            for key, unit in self._keys(each).items():
                self._unit_of.setdefault(key, (each, unit))

    def _before(self, store: ContextStore) -> Flow[None]:
        """Submit what is missing and in no batch yet, and wait for the batches that have some of it."""
        mine = list[Asked]()
        try:
            yield from self._turn(store)
            try:
                mine = yield from blocking(self._claimed, store)
                for batch in self._pending(store):
                    yield from self._collected(store, batch, wait=False)
                for part in (yield from blocking(self._parts, store, mine)):
                    yield from self._submitted(store, part)
                waited = self._with_some_of(self._open(store), mine)
            finally:
                yield from self._kept_up(store.release, self._name_of_turn)
            for batch in waited:
                yield from self._collected(store, batch, wait=True)
        finally:
            for each in mine:
                yield from self._kept_up(store.release, each.name)

    @property
    def _name_of_turn(self) -> str:
        return f"batches of {self._made.name}"

    def _turn(self, store: ContextStore) -> Flow[None]:
        """Be the only run that submits, and that notes what was submitted."""
        while not (yield from blocking(store.claim, self._name_of_turn)):
            yield from sleep(_PAUSE)
            self._in_time()

    def _in_time(self, batch: str = "") -> None:
        if self._deadline.remaining() == 0:
            told = f"batch {batch} is still being worked on" if batch else "another run submits batches"
            msg = f"{told}: call it again later, and what is written is collected then"
            raise DeadlineExceeded(msg)

    def _with_some_of(self, batches: Mapping[str, Submitted], mine: Sequence[Asked]) -> list[str]:
        """The batches with contexts for these documents."""
        wanted = {key for each in mine for key in self._keys(each)}
        return [
            batch for batch, each in batches.items() if any(wanted & {*keys.values()} for keys in each["keys"].values())
        ]

    def _claimed(self, store: ContextStore) -> list[Asked]:
        """The documents that no other process writes; the others are waited for afterwards."""
        return [each for each in self._asked if store.claim(each.name)]

    def _parts(self, store: ContextStore, mine: Sequence[Asked]) -> list[dict[str, _Asking]]:
        """What is missing, as questions by names, in parts that one batch takes.

        Raises:
            BudgetExceeded: It would cost too much.
            ConfigurationError: What batches cost is not known, and there is a limit.
        """
        parts: list[dict[str, _Asking]] = [{}]
        room, costs = _CHARACTERS, list[float | None]()
        for question, keys in self._missing(store, mine):
            size = question.prompt.characters
            if len(parts[-1]) >= _QUESTIONS or (size > room and parts[-1]):
                parts.append({})
                room = _CHARACTERS
            parts[-1][f"q{len(costs)}"] = question.prompt, keys
            room -= size
            costs.append(self._made.prices.cost(self._made.name, expected_of(question), batch=True))
        most = self._made.max_cost
        if most is not None and parts[0]:
            if None in costs:
                msg = (
                    f"max_cost={most:g} cannot be kept, for what batches of {self._made.name} cost is not known: pass "
                    "prices=known_prices().override(Price(…, batch=0.5))"
                )
                raise ConfigurationError(msg)
            whole = math.fsum(each for each in costs if each is not None)
            if whole > most:
                msg = f"the batch would cost about {dollars(whole)}, and max_cost={most:g}: nothing was submitted"
                raise BudgetExceeded(msg)
        return [each for each in parts if each]

    def _missing(self, store: ContextStore, mine: Sequence[Asked]) -> Iterator[tuple[Question, Keys]]:
        """Questions about what is neither kept nor in a batch."""
        underway = {
            key for each in self._open(store).values() for keys in each["keys"].values() for key in keys.values()
        }
        for asked in mine:
            keys, known = self._keys(asked), set(self._given[asked.document.id])
            known |= {keys[each] for each in (*store.contexts(keys), *(underway & keys.keys()))}
            wanted = [each for each in asked.units if each not in known]
            for group in asked.groups(wanted, self._per_call[asked.document.id], cached=False):
                for question in group:
                    alone, named = question.alone, question.units.items()
                    yield question, {label: asked.key(unit, self._made.name, alone=alone) for label, unit in named}

    def _submitted(self, store: ContextStore, questions: Mapping[str, _Asking]) -> Flow[None]:
        model = cast("BatchChatModel", self._made.model)
        before = self._pending(store)
        yield from blocking(self._note, store, before)  # what cannot be written down is not submitted
        batch = yield from model.submit({name: prompt for name, (prompt, _) in questions.items()}, self._deadline)
        keys = {name: each for name, (_, each) in questions.items()}
        try:
            yield from blocking(self._note, store, {**before, batch: {"keys": keys, "at": time.time()}})
        except ConfigurationError as error:
            msg = f"the batch {batch} was submitted, is paid for, and is not written down: {error}"
            raise ConfigurationError(msg) from error

    def _pending(self, store: ContextStore) -> dict[str, Submitted]:
        """The batches that were submitted and not collected, while the API keeps them."""
        found = cast("dict[str, Submitted]", store.rows.get(self._row) or {})
        return {batch: each for batch, each in found.items() if time.time() - each["at"] < _KEPT}

    def _open(self, store: ContextStore) -> dict[str, Submitted]:
        """Those of them that can be collected with this key."""
        return {batch: each for batch, each in self._pending(store).items() if batch not in self._unknown}

    def _note(self, store: ContextStore, batches: Mapping[str, Submitted]) -> None:
        store.rows.put([(self._row, dict(batches))])

    @property
    def _row(self) -> str:
        address = str(getattr(self._made.model, "base_url", ""))
        return key_of("batches of contexts", _VERSION, self._made.name, address)

    def _collected(self, store: ContextStore, batch: str, *, wait: bool) -> Flow[None]:
        """Keep what a batch wrote, if it has ended or is waited for."""
        submitted = self._pending(store).get(batch)
        answers = None if submitted is None else (yield from self._answers(batch, wait=wait))
        if submitted is None or answers is None:  # another run has collected it meanwhile, or it goes on
            return
        written: dict[str, str] = {}
        for name, keys in submitted["keys"].items():
            written |= self._read(keys, answers.get(name), batch)
        yield from blocking(store.keep, written)
        if wait:
            yield from self._turn(store)
        try:
            rest = {name: each for name, each in self._pending(store).items() if name != batch}
            yield from blocking(self._note, store, rest)
        finally:
            if wait:
                yield from self._kept_up(store.release, self._name_of_turn)

    def _answers(self, batch: str, *, wait: bool) -> Flow[Mapping[str, Completion | Exception] | None]:
        """The answers of a batch; `None` while it goes on, and of one that this key does not know."""
        model, failed = cast("BatchChatModel", self._made.model), 0
        while True:
            try:
                answers = yield from model.collect(batch, self._deadline)
            except ConfigurationError as error:
                if error.status == _UNKNOWN:
                    self._unknown.add(batch)
                    return None
                raise
            except DeadlineExceeded:
                answers = None
            except BackendError:
                failed += 1
                if failed >= _ENOUGH:
                    raise
                answers = None
            if answers is not None or not wait:
                return answers
            left = self._deadline.remaining()
            yield from sleep(self._made.poll_every if left is None else min(self._made.poll_every, left))
            self._in_time(batch)

    def _read(self, keys: Keys, answer: Completion | Exception | None, batch: str) -> dict[str, str]:
        """What an answer of a batch says, by the keys under which it is kept."""
        units = {label: self._unit_of[key] for label, key in keys.items() if key in self._unit_of}
        if not isinstance(answer, Completion):
            why = f"batch {batch} gave no answer" if answer is None else f"{type(answer).__name__}: {answer}"
            for asked, unit in units.values() if answer is not None else ():
                self._given[asked.document.id][unit] = Context(None, why)
            return {}
        language = next((asked.language for asked, _ in units.values()), Language(""))
        texts = {label: units[label][1].text if label in units else "" for label in keys}
        reading = reading_of(answer, texts, language, alone=[*keys] == [""])
        written = {keys[label]: each.text for label, each in reading.contexts.items() if each.text is not None}
        chunks = sum(len(self._unit_of[key][1].chunks) for key in written if key in self._unit_of)
        self._add(answer.usage, reading.tally, len(written), chunks)
        return written

    def _add(self, usage: Usage, tally: Usage, new: int, chunks: int) -> None:
        self._spending.paid(usage, self._made.prices.cost(self._made.name, usage, batch=True))
        with self._lock:
            self._tally += tally
            self._new += new
            self._reused -= chunks  # they are found in the store afterwards, and were not there before
