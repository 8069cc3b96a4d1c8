"""`Contextualizer`: contexts for chunks, written by an LLM that reads the whole document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Literal

from rerank_kit.arguments import named
from rerank_kit.checks import (
    check_choice,
    check_flag,
    check_function,
    check_instance,
    check_positive,
    check_seconds,
    check_text,
    check_whole,
)
from rerank_kit.contextual.asking import Asked, Wording
from rerank_kit.contextual.batches import BatchWriter
from rerank_kit.contextual.contexts import Contexts, ContextSource, Progress
from rerank_kit.contextual.documents import ChunkedDocument, checked
from rerank_kit.contextual.estimate import ContextEstimate, estimate_ways, expected_cost
from rerank_kit.contextual.prompts import DEFAULTS, SEVERAL_PROMPT, Granularity, check_prompt
from rerank_kit.contextual.settings import OnError, Settings
from rerank_kit.contextual.store import ContextStore
from rerank_kit.contextual.writing import Writer
from rerank_kit.errors import ConfigurationError
from rerank_kit.flow import Flow, blocking
from rerank_kit.judge import BatchChatModel, ChatModel
from rerank_kit.judge.chat import check_chat_model
from rerank_kit.pricing import Prices, known_prices
from rerank_kit.quoting import class_name, quoted
from rerank_kit.values import Deadline

_GRANULARITIES = ("chunk", "section", "document")
_DOCUMENT_TOKENS = 90_000  # where prompts of more than 100,000 tokens cost five times as much, none has as many

ChunksPerCall = int | Literal["auto"]


@named
class Contextualizer(ContextSource):
    """Contexts written by an LLM, after Anthropic's Contextual Retrieval.

    Every context is kept in `store` as soon as it is written: a run that was interrupted goes on where it was, and
    nothing is paid for twice. Calls of one document begin alike, so that models with a prompt cache read it once.

    Attributes:
        model: The LLM.
    """

    def __init__(
        self,
        model: ChatModel,
        *,
        chunks_per_call: ChunksPerCall = 1,
        granularity: Granularity = "chunk",
        prompt: str | None = None,
        several_prompt: str | None = None,
        store: str | Path | None = None,
        concurrency: int = 8,
        max_tokens: int = 300,
        document_tokens: int = _DOCUMENT_TOKENS,
        max_cost: float | None = None,
        on_error: OnError = "raise",
        prices: Prices | None = None,
        progress: Callable[[Progress], None] | None = None,
        batch: bool = False,
        poll_every: float = 30.0,
    ) -> None:
        """Check the settings; nothing is asked yet.

        Args:
            model: Such as `rerank_kit.judge.Anthropic()`.
            chunks_per_call: How many chunks of one document are asked about in one call. One by one is what was
                published; 8 at a time cost a fraction of that, with or without a prompt cache. `"auto"` takes what is
                cheaper for each document, and 8 where the model's price is not known.
            granularity: What gets a context of its own: each `"chunk"`; each `"section"` below a heading, for all
                chunks that begin in it; or the `"document"`, for all of its chunks.
            prompt: What is asked about one chunk or section, with `{chunk}` where it goes; of a document, without. The
                document stands before it. By default `PROMPT`, `SECTION_PROMPT` or `DOCUMENT_PROMPT` of
                `rerank_kit.contextual.prompts`.
            several_prompt: What is asked about several chunks, with `{chunks}` where they go; by default
                `SEVERAL_PROMPT`. The answer must be of the form that is said there.
            store: A file in which each context is kept; `None` keeps nothing for other runs.
            concurrency: How many calls there are at a time.
            max_tokens: The most tokens that a context may have.
            document_tokens: The most tokens of a document that are shown, as they are guessed, one for three bytes:
                of a longer one, the part around the chunk. It has to be less than what the model reads.
            max_cost: What one run may cost, in US dollars; `None` is no limit. `estimate` tells it before.
            on_error: What to do about chunks for which no context can be had: `"raise"` an `IncompleteContexts` when
                all others have theirs, or `"keep"` them without, and list them in `Contexts.failures`.
            prices: By default the rows that come with the package.
            progress: Called now and then, with how far it is.
            batch: Have them written in batches, which Claude's API does at half the price and within 24 hours. It
                needs `store`: a run that was ended goes on with the batches that it has submitted.
            poll_every: Seconds between two looks at a batch.

        Raises:
            ConfigurationError: An argument is wrong.
        """
        check_chat_model("model", model)
        check_choice("granularity", granularity, _GRANULARITIES)
        check_choice("on_error", on_error, ("raise", "keep"))
        if progress is not None:
            check_function("progress", progress, "progress")
        if prices is not None:
            check_instance("prices", prices, Prices, "a Prices, such as known_prices()")
        name, known = getattr(model, "model", None), known_prices() if prices is None else prices
        path = _path(store, name)
        name = check_text("model.model", name) if name is not None else class_name(model)
        per_call = _per_call(chunks_per_call, granularity)
        wording = Wording(
            granularity,
            _prompt(prompt, granularity),
            _several(several_prompt, prompt, per_call),
            check_whole("max_tokens", max_tokens),
            check_whole("document_tokens", document_tokens),
        )
        self.model = model
        self.settings = Settings(
            model,
            name,
            wording,
            per_call,
            check_whole("concurrency", concurrency),
            path,
            known,
            _limit(max_cost, name, known),
            on_error,
            progress,
            _batch(batch, model, store),
            check_seconds("poll_every", poll_every),
        )

    def flow(self, documents: Sequence[ChunkedDocument], deadline: Deadline) -> Flow[Contexts]:
        """Put documents into context."""
        asked = yield from blocking(self._asked, documents)
        writer = BatchWriter if self.settings.batch else Writer
        return (yield from writer(self.settings, asked, deadline).contexts())

    def _asked(self, documents: Sequence[ChunkedDocument]) -> list[Asked]:
        return [Asked(each, self.settings.wording) for each in checked(documents)]

    def estimate(self, documents: Sequence[ChunkedDocument], *, seconds_per_call: float = 2.0) -> ContextEstimate:
        """What it would take to put documents into context, one row for each way to do it; nothing is asked.

        What is in the store already is counted too.

        Args:
            documents: The documents with their chunks.
            seconds_per_call: How long the model takes for one context, as you know it.

        Raises:
            ConfigurationError: A document is none, or a chunk is not in its document.
        """
        return estimate_ways(self.settings, self._asked(documents), check_seconds("seconds_per_call", seconds_per_call))

    def limited(self, max_cost: float | None) -> Contextualizer:
        """The same, of which one run may cost no more, in US dollars; `None` is as it is."""
        made, own = self.settings, self.settings.max_cost
        if max_cost is None or made.prices.price(made.name) is None:
            return self
        other = copy(self)
        other.settings = replace(made, max_cost=max_cost if own is None else min(own, max_cost))
        return other

    def kept_in(self, store: ContextStore) -> Contextualizer:
        """The same, which keeps its contexts in a store that is open already, and closes it after a run.

        Raises:
            ConfigurationError: This one has a store of its own.
        """
        if self.settings.store is not None:
            msg = f"store={str(self.settings.store)!r} is one too many where contexts are kept elsewhere: leave it out"
            raise ConfigurationError(msg)
        other = copy(self)
        other.settings = replace(self.settings, store=store)
        return other

    def expected_cost(self, documents: Sequence[ChunkedDocument]) -> float | None:
        """What the contexts of documents will cost, in US dollars, as a guess; `None` where it is not known."""
        return expected_cost(self.settings, self._asked(documents))


def _path(store: object, name: object) -> Path | None:
    """Where contexts are kept, wherever the process goes from here."""
    if store is None:
        return None
    check_instance("store", store, (str, Path), "the path of a file")
    if not str(store) or "\0" in str(store):
        msg = f"store must be the path of a file, not {quoted(store)}"
        raise ConfigurationError(msg)
    if name is None:
        msg = "store= needs the model's name, by which contexts are kept: give the model an attribute model"
        raise ConfigurationError(msg)
    return Path(str(store)).absolute()


def _per_call(value: object, granularity: str) -> int:
    """How many chunks are asked about in one call; 0 is what costs least."""
    alone = granularity == "document"
    if value == "auto":
        return int(alone)
    wanted = check_whole("chunks_per_call", value)
    if wanted > 1 and alone:
        msg = f"chunks_per_call={wanted} has no effect with granularity='document', which has one context: pass 1"
        raise ConfigurationError(msg)
    return wanted


def _prompt(value: object, granularity: Granularity) -> str:
    if value is None:
        return DEFAULTS[granularity]
    return check_text("prompt", value) if granularity == "document" else check_prompt("prompt", value, "{chunk}")


def _several(value: object, one: object, per_call: int) -> str:
    if value is None and one is not None and per_call != 1:
        msg = (
            f"prompt= is for one chunk, and chunks_per_call={per_call or 'auto'!r} asks about several: pass "
            "several_prompt= too, with {chunks} in it, or chunks_per_call=1"
        )
        raise ConfigurationError(msg)
    return SEVERAL_PROMPT if value is None else check_prompt("several_prompt", value, "{chunks}")


def _batch(value: object, model: ChatModel, store: object) -> bool:
    if not check_flag("batch", value):
        return False
    if not isinstance(model, BatchChatModel):
        msg = f"batch=True needs a model that can be asked in batches, such as Anthropic(), and {quoted(model)} cannot"
        raise ConfigurationError(msg)
    if store is None:
        msg = "batch=True needs store=, the file in which a batch that was submitted is found again"
        raise ConfigurationError(msg)
    return True


def _limit(value: object, model: str, prices: Prices) -> float | None:
    most = check_positive("max_cost", value)
    if most is not None and prices.price(model) is None:
        msg = f"max_cost needs the price of {model!r}: pass prices=known_prices().override(Price(…)), or no max_cost"
        raise ConfigurationError(msg)
    return most
