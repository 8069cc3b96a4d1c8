"""`Writer`: one run of a `Contextualizer`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import ParamSpec, TypeVar

from rerank_kit.contextual.answers import REFUSED, STOPS, reading_of
from rerank_kit.contextual.asking import Asked, Question
from rerank_kit.contextual.contexts import Context, Contexts, IncompleteContexts, Progress, PromptCache
from rerank_kit.contextual.estimate import per_call_of
from rerank_kit.contextual.settings import Settings
from rerank_kit.contextual.store import ContextStore, opened
from rerank_kit.contextual.units import Unit
from rerank_kit.errors import NEVER_HIDDEN, BackendError, BudgetExceeded, ConfigurationError, DeadlineExceeded
from rerank_kit.flow import Flow, blocking, gather, sleep
from rerank_kit.judge import CachingChatModel, Completion
from rerank_kit.judge.chat import finished
from rerank_kit.judge.spending import Spending, prompt_tokens
from rerank_kit.quoting import class_name, quoted
from rerank_kit.texts import estimated_tokens
from rerank_kit.values import Deadline, Usage

_ENOUGH = 10  # calls that fail one after the other: whoever has failed so often is asked no more
_DOCUMENTS = 3  # on which they have to be, for one may be such that no model answers
_PATIENCE = 60.0  # seconds for a store that others hold
_PAUSE = 0.2  # seconds until another process is looked at again

T = TypeVar("T")
P = ParamSpec("P")

Found = dict[Unit, Context]


class Writer:
    """Writes the contexts of documents, several at a time, and counts what that takes."""

    def __init__(self, made: Settings, asked: Sequence[Asked], deadline: Deadline) -> None:
        """Begin with nothing written."""
        self._made = made
        self._asked = asked
        self._deadline = deadline
        self._per_call: dict[str, int] = {}
        self._spending = Spending(made.name, made.prices, None, made.max_cost)
        self._lock = threading.Lock()
        self._ended: Exception | None = None  # why nothing more is asked
        self._in_a_row = 0  # calls that failed
        self._streak: dict[str, int] = {}  # how many of these were about each document
        self._chunks = sum(len(unit.chunks) for each in asked for unit in each.units)
        self._new = self._reused = self._done = 0
        self._tally = Usage()  # what was odd about answers
        self._cache = PromptCache()
        self._short = set[str]()  # documents too short for the prompt cache
        self._given: dict[str, Found] = {each.document.id: {} for each in asked}  # what is known before these

    def contexts(self) -> Flow[Contexts]:
        """All contexts.

        Raises:
            IncompleteContexts: Some chunks have none, and that is to be raised.
            RerankError: No context was written, and this is why.
        """
        yield from blocking(self._begin)
        left = self._deadline.remaining()
        store = yield from blocking(opened, self._made.store, _PATIENCE if left is None else min(_PATIENCE, left))
        try:
            yield from self._before(store)
            at_once = max(1, min(self._made.concurrency, len(self._asked)))
            each = max(1, self._made.concurrency // at_once)
            flows = [self._document(asked, store, each) for asked in self._asked]
            found = yield from gather(*flows, limit=at_once)
        finally:
            yield from blocking(store.close)
        return self._whole(found)

    def _begin(self) -> None:
        """What takes its time, and asks nobody."""
        made = self._made
        self._per_call = {each.document.id: made.chunks_per_call or per_call_of(made, each) for each in self._asked}

    def _before(self, store: ContextStore) -> Flow[None]:
        """What comes before the documents one by one: nothing, where they are asked about at once."""
        yield from ()

    def _whole(self, found: Sequence[Found]) -> Contexts:
        """What came of it, or what is to be raised."""
        why = str(self._ended)
        rows = [_row(asked, each, why) for asked, each in zip(self._asked, found, strict=True)]
        contexts = Contexts(
            tuple(each.document for each in self._asked),
            tuple(rows),
            self._spending.usage + self._tally,
            self._spending.cost,
            self._reused,
            replace(self._cache, short=len(self._short)),
        )
        if self._ended is not None and not self._new:
            raise self._ended
        if not isinstance(self._ended, BudgetExceeded | DeadlineExceeded | BackendError | None) or (
            contexts.failures and self._made.on_error == "raise"
        ):
            raise IncompleteContexts(contexts, why if self._ended is not None else "") from self._ended
        return contexts

    def _document(self, asked: Asked, store: ContextStore, at_once: int) -> Flow[Found]:
        """The contexts of one document: those that are kept, and the others asked for."""
        found = yield from self._kept(asked, store)
        while len(found) < len(asked.units) and self._ended is None:
            if (yield from self._kept_up(store.claim, asked.name)):
                try:
                    found = yield from self._kept(asked, store)  # another process may have written some meanwhile
                    wanted = [each for each in asked.units if each not in found]
                    self._tell(found, kept=True)
                    return found | (yield from self._written(asked, wanted, store, at_once))
                finally:
                    yield from self._kept_up(store.release, asked.name)
            yield from sleep(_PAUSE)
            self._look_at_the_time()
            found = yield from self._kept(asked, store)
        self._tell(found, kept=True)
        return found

    def _kept(self, asked: Asked, store: ContextStore) -> Flow[Found]:
        """The contexts in the store, of this way to ask or, where several are asked about, of one by one."""
        keys = yield from blocking(self._keys, asked)
        texts = (yield from self._kept_up(store.contexts, keys)) or {}
        return {keys[key]: Context(text) for key, text in texts.items()} | self._given[asked.document.id]

    def _kept_up(self, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Flow[T | None]:
        """Do something with the store. Where it fails, nothing more is asked, and what is there is not lost."""
        try:
            return (yield from blocking(step, *args, **kwargs))
        except ConfigurationError as error:
            self._end(error)
            return None

    def _keys(self, asked: Asked) -> dict[str, Unit]:
        """Under which keys contexts of a document may be kept."""
        ways = (True,) if self._per_call[asked.document.id] == 1 else (True, False)
        return {asked.key(each, self._made.name, alone=alone): each for alone in ways for each in asked.units}

    def _written(self, asked: Asked, wanted: Sequence[Unit], store: ContextStore, at_once: int) -> Flow[Found]:
        found: Found = {}
        for group in asked.groups(wanted, self._per_call[asked.document.id]):
            found |= yield from self._group(asked, group, store, at_once)
        return found

    def _group(self, asked: Asked, group: Sequence[Question], store: ContextStore, at_once: int) -> Flow[Found]:
        """Calls that begin alike: where that is cached, one has to end before the others can use it."""
        found: Found = {}
        first: Usage | None = None
        rest = list(group)
        cached = self._caches(asked, rest)
        while cached and rest and first is None:
            some, first = yield from self._question(asked, rest.pop(0), store)
            found |= some
        others = yield from gather(*(self._question(asked, each, store) for each in rest), limit=at_once)
        for some, _ in others:
            found |= some
        if first is not None:
            begun = first.cache_write_tokens + first.cache_read_tokens or estimated_tokens(group[0].prompt.prefix)
            usages = [usage for _, usage in others if usage is not None]
            self._count(PromptCache(begun * len(usages), sum(each.cache_read_tokens for each in usages)))
        return found

    def _caches(self, asked: Asked, group: Sequence[Question]) -> bool:
        """Whether the model caches what calls begin with. That a document is too short for that is counted."""
        model = self._made.model
        if len(group) < 2 or not isinstance(model, CachingChatModel) or getattr(model, "cache", True) is False:  # noqa: PLR2004
            return False
        cached = model.caches(group[0].prompt)
        if not cached:
            self._short.add(asked.document.id)
        return cached

    def _question(self, asked: Asked, question: Question, store: ContextStore) -> Flow[tuple[Found, Usage | None]]:
        """Ask, and once more alone about each of which nothing could be read; and what the first call took."""
        found, usage = yield from self._once(asked, question, store)
        for unit in [each for each in question.units.values() if found[each].text is None]:
            if usage is None or (question.alone and found[unit].why == REFUSED):
                continue
            again, _ = yield from self._once(asked, asked.alone(unit, shared=bool(question.prompt.stable)), store)
            found |= again
        self._tell(question.units.values())
        return found, usage

    def _once(self, asked: Asked, question: Question, store: ContextStore) -> Flow[tuple[Found, Usage | None]]:
        answer = yield from self._answer(asked.document.id, question)
        units = question.units
        if isinstance(answer, str):
            return dict.fromkeys(units.values(), Context(None, answer)), None
        reading = reading_of(
            answer, {label: unit.text for label, unit in units.items()}, asked.language, alone=question.alone
        )
        found = {units[label]: context for label, context in reading.contexts.items()}
        written = {unit: context.text for unit, context in found.items() if context.text is not None}
        with self._lock:
            self._tally += reading.tally
            self._new += len(written)
        keys = {asked.key(unit, self._made.name, alone=question.alone): text for unit, text in written.items()}
        yield from self._kept_up(store.keep, keys)
        return found, answer.usage

    def _answer(self, document: str, question: Question) -> Flow[Completion | str]:
        """What the model answers, or why it does not."""
        if self._ended is not None:
            return f"not asked: {self._ended}"
        if self._streak.get(document, 0) >= _ENOUGH:
            return f"not asked: the last {_ENOUGH} calls for this document failed"
        try:
            answer = yield from self._spending.paying(expected_of(question), self._completed(question))
        except (*NEVER_HIDDEN, BudgetExceeded) as error:
            self._end(error)
            return str(error)
        except Exception as error:  # noqa: BLE001 - a model may be the user's own, and raise anything
            return self._failed(document, error)
        with self._lock:
            self._in_a_row = 0
            self._streak.clear()
        return answer

    def _completed(self, question: Question) -> Flow[tuple[Completion, Usage]]:
        self._deadline.check()
        answer = yield from finished(self._made.model.complete(question.prompt, self._deadline))
        if not isinstance(answer, Completion):
            msg = f"{class_name(self._made.model)}.complete(…) gave {class_name(answer)}: it has to be a Completion"
            raise ConfigurationError(msg)
        fields: tuple[object, ...] = (answer.text, answer.stop, answer.usage)
        if not isinstance(fields[0], str) or fields[1] not in STOPS or not isinstance(fields[2], Usage):
            msg = f"{class_name(self._made.model)}.complete(…) gave {quoted(answer)}: its text, stop or usage is none"
            raise ConfigurationError(msg)
        return answer, answer.usage

    def _failed(self, document: str, error: Exception) -> str:
        """Why a call failed. Where the time is over, or nothing works any more, nothing more is asked."""
        self._look_at_the_time()
        with self._lock:
            self._in_a_row += 1
            self._streak[document] = self._streak.get(document, 0) + 1
            hopeless = self._in_a_row >= _ENOUGH and len(self._streak) >= min(_DOCUMENTS, len(self._asked))
        told = f"{type(error).__name__}: {error}"
        if hopeless:
            self._end(BackendError(f"the last {_ENOUGH} calls failed, the last with {told}", backend=self._made.name))
        return told

    def _look_at_the_time(self) -> None:
        try:
            self._deadline.check()
        except DeadlineExceeded:
            msg = "the contexts were not written in the time allowed: raise timeout= (seconds), or call it again"
            self._end(DeadlineExceeded(msg))

    def _end(self, error: Exception) -> None:
        """Ask nothing more, for this reason. What is under way goes on, for it is paid for."""
        with self._lock:
            self._ended = self._ended or error

    def _count(self, cache: PromptCache) -> None:
        with self._lock:
            now = self._cache
            self._cache = PromptCache(now.expected + cache.expected, now.read + cache.read)

    def _tell(self, written: Iterable[Unit], *, kept: bool = False) -> None:
        """Tell how far it is."""
        number = sum(len(each.chunks) for each in written)
        with self._lock:
            self._done += number
            self._reused += number if kept else 0
            done, spent = self._done, self._spending.cost or 0.0
        if self._made.progress is not None:
            try:
                self._made.progress(Progress(done, self._chunks, spent))
            except Exception as error:  # noqa: BLE001 - it is the user's, and may raise anything
                self._end(error)


def expected_of(question: Question) -> Usage:
    """What a call may take."""
    return Usage(calls=1, input_tokens=prompt_tokens(question.prompt), output_tokens=question.expected)


def _row(asked: Asked, found: Found, why: str) -> tuple[Context, ...]:
    """A context for each chunk; those without text want none."""
    contexts = [Context(None)] * len(asked.document.chunks)
    for unit in asked.units:
        for chunk in unit.chunks:
            contexts[chunk] = found.get(unit, Context(None, f"not asked: {why}"))
    return tuple(contexts)
