"""`Contexts`: what was written for the chunks of documents, and what it took; `ContextSource`, whatever writes it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rerank_kit.checks import check_timeout
from rerank_kit.contextual.documents import ChunkedDocument
from rerank_kit.errors import RerankError
from rerank_kit.flow import Flow, arun
from rerank_kit.flow import run as run_flow
from rerank_kit.texts import counted
from rerank_kit.values import Deadline, Usage

_LISTED = 3  # failures in a message


@dataclass(frozen=True, slots=True)
class Context:
    """What was written for one chunk.

    Attributes:
        text: The context; `None` where there is none.
        why: Why there is none, where one was wanted.
    """

    text: str | None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A chunk without a context.

    Attributes:
        document: The document's id.
        chunk: The chunk's place in it, from 0.
        why: The reason, as a clause.
    """

    document: str
    chunk: int
    why: str


@dataclass(frozen=True, slots=True)
class PromptCache:
    """How much of what was read came from the model's prompt cache, and how much could have.

    Attributes:
        expected: Tokens, as a guess: of every call but the first for a document, what they begin with alike.
        read: Tokens that were taken from the cache, as the vendor counted them.
        short: Documents too short for the model's cache, so that each call reads them at full price.
    """

    expected: int = 0
    read: int = 0
    short: int = 0


@dataclass(frozen=True, slots=True)
class Contexts:
    """Documents with a context for each of their chunks.

    Attributes:
        documents: The documents.
        rows: For each document, one context for each of its chunks.
        usage: What the model took; what came from the store took nothing.
        cost: What that cost in US dollars; `None` when a price is not known.
        reused: Contexts that were in the store already.
        cache: What the model's prompt cache did.
    """

    documents: tuple[ChunkedDocument, ...]
    rows: tuple[tuple[Context, ...], ...]
    usage: Usage = field(default_factory=Usage)
    cost: float | None = 0.0
    reused: int = 0
    cache: PromptCache = field(default_factory=PromptCache)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The chunks for which a context was wanted and none was had."""
        return tuple(
            Failure(document.id, place, each.why)
            for document, row in zip(self.documents, self.rows, strict=True)
            for place, each in enumerate(row)
            if each.why is not None
        )

    def texts(self) -> list[list[str]]:
        """For each document its chunks, each with its context in front: what is embedded and what BM25 indexes."""
        return [list(map(with_context, document.chunks, row)) for document, row in self]

    def __iter__(self) -> Iterator[tuple[ChunkedDocument, tuple[Context, ...]]]:
        """Each document with its contexts."""
        return iter(zip(self.documents, self.rows, strict=True))

    def __str__(self) -> str:
        """Say how many there are, and what they took."""
        made = sum(each.text is not None for row in self.rows for each in row)
        told = [f"{counted(made, 'context')} for {counted(len(self.documents), 'document')}"]
        if self.reused:
            told.append(f"{self.reused:,} of them from the store")
        if self.usage.calls:
            cost = "at a price that is not known" if self.cost is None else f"${self.cost:.4f}"
            told.append(f"{counted(self.usage.calls, 'call')}, {cost}")
        if self.cache.expected:
            share = min(1.0, self.cache.read / self.cache.expected)
            told.append(f"{share:.0%} of what could come from the prompt cache did")
        if self.cache.short:
            told.append(f"{counted(self.cache.short, 'document')} too short for the model's prompt cache")
        if self.failures:
            told.append(f"{counted(len(self.failures), 'chunk')} without one")
        return "; ".join(told)


def with_context(chunk: str, context: Context | str | None) -> str:
    """A chunk with its context in front, as it is embedded and indexed."""
    text = context.text if isinstance(context, Context) else context
    return chunk if text is None else f"{text}\n\n{chunk}"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is.

    Attributes:
        done: Chunks that have a context, or for which none can be had.
        chunks: Of how many.
        spent: What was paid so far in this run, in US dollars, as far as it is known.
    """

    done: int
    chunks: int
    spent: float


class IncompleteContexts(RerankError):
    """Some chunks are without a context. All others have theirs, in `contexts` and in the store.

    Attributes:
        contexts: What there is.
        failures: The chunks without one.
        why: Why it ended before, if it did.
    """

    def __init__(self, contexts: Contexts, why: str = "") -> None:
        """List the first failures, after why it ended before, if it did."""
        self.contexts, self.why = contexts, why
        self.failures = contexts.failures
        first = "; ".join(f"{each.document!r} chunk {each.chunk}: {each.why}" for each in self.failures[:_LISTED])
        more = len(self.failures) - _LISTED
        others = f"; and {more:,} more, in the error's failures" if more > 0 else ""
        number = f"{counted(len(self.failures), 'chunk')} of {sum(map(len, contexts.rows)):,} got no context"
        super().__init__(
            f"{f'{why}. {number}' if why else f'{number}: {first}{others}'}. All others are in this error's contexts, "
            'and in store= if there is one: call it again for the rest, or pass on_error="keep" to go on without'
        )

    def __reduce__(self) -> tuple[type[IncompleteContexts], tuple[Contexts, str]]:
        """How it travels to another process."""
        return type(self), (self.contexts, self.why)


class ContextSource(ABC):
    """Whatever puts chunks into the context of their documents. To add one, write `flow`."""

    def contextualize(self, documents: Sequence[ChunkedDocument], *, timeout: float | None = None) -> Contexts:
        """Put the chunks of documents into context.

        Args:
            documents: The documents with their chunks.
            timeout: How long all of it may take, in seconds.

        Raises:
            ConfigurationError: A document is none, or a chunk is not in its document.
            IncompleteContexts: Some chunks got none. What there is is in the error.
            DeadlineExceeded: The time ran out.
        """
        return run_flow(self.flow(documents, Deadline.after(check_timeout(timeout))))

    async def acontextualize(self, documents: Sequence[ChunkedDocument], *, timeout: float | None = None) -> Contexts:
        """Do what `contextualize` does, without blocking the event loop."""
        return await arun(self.flow(documents, Deadline.after(check_timeout(timeout))))

    def expected_cost(self, documents: Sequence[ChunkedDocument]) -> float | None:
        """What the contexts of documents will cost, in US dollars, as a guess; `None` where it is not known."""
        return 0.0

    def limited(self, max_cost: float | None) -> ContextSource:
        """The same, of which one run may cost no more, in US dollars; `None` is as it is."""
        return self

    @abstractmethod
    def flow(self, documents: Sequence[ChunkedDocument], deadline: Deadline) -> Flow[Contexts]:
        """Put documents into context, as a flow, for sync and for async callers."""
