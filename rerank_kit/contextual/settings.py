"""What a `Contextualizer` was made with, checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rerank_kit.contextual.asking import Wording
from rerank_kit.contextual.contexts import Progress
from rerank_kit.contextual.store import ContextStore
from rerank_kit.judge import ChatModel
from rerank_kit.pricing import Prices

OnError = Literal["raise", "keep"]


@dataclass(frozen=True, slots=True)
class Settings:
    """How contexts are written.

    Attributes:
        model: The LLM.
        name: What it is called, by which its price is found and its contexts are kept.
        wording: What it is asked.
        chunks_per_call: How many chunks are asked about in one call; 0 is what costs least for each document.
        concurrency: How many calls there are at a time.
        store: The file in which contexts are kept, or what keeps them.
        prices: What models cost.
        max_cost: What one run may cost, in US dollars.
        on_error: What to do about chunks for which no context can be had.
        progress: Called now and then, with how far it is.
        batch: Whether they are written in batches.
        poll_every: Seconds between two looks at a batch.
    """

    model: ChatModel
    name: str
    wording: Wording
    chunks_per_call: int
    concurrency: int
    store: Path | ContextStore | None
    prices: Prices
    max_cost: float | None
    on_error: OnError
    progress: Callable[[Progress], None] | None
    batch: bool
    poll_every: float
