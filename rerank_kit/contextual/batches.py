"""`BatchWriter`: contexts written in batches: submitted once, looked after, collected by whatever run comes next."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

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
_ENOUGH = 10  # polls that fail one after the other
_PAUSE = 0.5  # seconds until another process is looked at again

Keys = dict[str, str]
"""The keys of contexts by the labels of a question; the label of one that is asked about alone is empty."""


_Asking = tuple[Prompt, Keys]


class BatchWriter(Writer):
    """Writes contexts in batches. What could not be read is asked for again alone, by ordinary calls."""

    def __init__(self, made: Settings, asked: Sequence[Asked], deadline: Deadline) -> None:
        """Find the keys under which contexts are going to be kept."""
        super().__init__(made, asked, deadline)
        self._unit_of: dict[str, tuple[Asked, Unit]] = {}
        for each in asked:
            for key, unit in self._keys(each).items():
                self._unit_of.setdefault(key, (each, unit))

    def _before(self, store: ContextStore) -> Flow[None]:
        """Collect what earlier runs submitted, submit what is missing, and wait for it."""
        turn = f"batches of {self._made.name}"
        while not (yield from blocking(store.claim, turn)):
            yield from sleep(_PAUSE)
            self._deadline.check()
        mine = list[Asked]()
        try:
            for batch, asked in self._pending(store).items():
                yield from self._collected(store, batch, asked)
            mine = yield from blocking(self._claimed, store)
            for part in self._parts(store, mine):
                yield from self._submitted(store, part)
            for batch, asked in self._pending(store).items():
                yield from self._collected(store, batch, asked)
        finally:
            for each in mine:
                yield from blocking(store.release, each.name)
            yield from blocking(store.release, turn)

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
        for asked in mine:
            keys, known = self._keys(asked), set(self._given[asked.document.id])
            known |= {keys[each] for each in store.contexts(keys)}
            wanted = [each for each in asked.units if each not in known]
            for group in asked.groups(wanted, self._per_call[asked.document.id], cached=False):
                for question in group:
                    named = question.units.items()
                    yield (
                        question,
                        {label: asked.key(unit, self._made.name, alone=question.alone) for label, unit in named},
                    )

    def _submitted(self, store: ContextStore, questions: Mapping[str, _Asking]) -> Flow[None]:
        model = cast("BatchChatModel", self._made.model)
        prompts = {name: prompt for name, (prompt, _) in questions.items()}
        batch = yield from model.submit(prompts, self._deadline)
        keys = {name: each for name, (_, each) in questions.items()}
        yield from blocking(self._note, store, {**self._pending(store), batch: keys})

    def _pending(self, store: ContextStore) -> dict[str, dict[str, Keys]]:
        """The batches that were submitted and not collected: for each question the keys of its contexts."""
        return cast("dict[str, dict[str, Keys]]", store.rows.get(self._row) or {})

    def _note(self, store: ContextStore, batches: Mapping[str, Any]) -> None:
        store.rows.put([(self._row, dict(batches))])

    @property
    def _row(self) -> str:
        return key_of("batches of contexts", _VERSION, self._made.name)

    def _collected(self, store: ContextStore, batch: str, questions: Mapping[str, Keys]) -> Flow[None]:
        """Wait for a batch, and keep what it wrote."""
        answers = yield from self._answers(batch)
        written: dict[str, str] = {}
        for name, keys in questions.items():
            written |= self._read(keys, answers.get(name), batch)
        yield from blocking(store.keep, written)
        rest = {name: each for name, each in self._pending(store).items() if name != batch}
        yield from blocking(self._note, store, rest)

    def _answers(self, batch: str) -> Flow[Mapping[str, Completion | Exception]]:
        """The answers of a batch; none of one that nobody knows any more."""
        model, failed = cast("BatchChatModel", self._made.model), 0
        while True:
            try:
                answers = yield from model.collect(batch, self._deadline)
            except ConfigurationError as error:
                if error.status == _UNKNOWN:
                    return {}
                raise
            except BackendError:
                failed += 1
                if failed >= _ENOUGH:
                    raise
                answers = None
            if answers is not None:
                return answers
            left = self._deadline.remaining()
            yield from sleep(self._made.poll_every if left is None else min(self._made.poll_every, left))
            if self._deadline.remaining() == 0:
                msg = f"batch {batch} is still being worked on: call it again later, and it is collected then"
                raise DeadlineExceeded(msg)

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
        cost = self._made.prices.cost(self._made.name, usage, batch=True)
        with self._lock:
            self._tally += usage + tally
            self._beside = None if self._beside is None or cost is None else self._beside + cost
            self._new += new
            self._reused -= chunks  # they are found in the store afterwards, and were not there before
