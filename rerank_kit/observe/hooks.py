"""Hooks: callables that receive the frozen `Span` of a ranking that is over."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeAlias

from rerank_kit.values import Span

Hook: TypeAlias = Callable[[Span], object]

logger = logging.getLogger("rerank_kit")


def log_span(span: Span) -> None:
    """Log a ranking in one line: a hook that is ready to use, `reranker.hooks = [log_span]`."""
    level = logging.INFO if span.outcome == "ok" else logging.WARNING
    logger.log(
        level,
        "%s(%s) %s: %d documents to %d in %.3f s, %s pairs, %s tokens, %s truncated%s",
        span.backend,
        span.model,
        span.outcome,
        span.documents_in,
        span.documents_out,
        span.seconds,
        span.usage.pairs,
        span.usage.tokens,
        span.usage.truncated,
        f" - {span.problem}" if span.problem is not None else "",
    )


def tell(hooks: Sequence[Hook], span: Span) -> None:
    """Call every hook. One that fails is logged and does not cost the caller the ranking."""
    for hook in hooks:
        try:
            hook(span)
        except Exception:
            logger.exception("a hook failed: %r", hook)
