"""`on_error="keep"`: what a failed reranking leaves of the first stage, and which failures are never hidden by it."""

from __future__ import annotations

import logging

from rerank_kit.errors import NEVER_HIDDEN, BlankQuery

logger = logging.getLogger("rerank_kit")

_PROGRAMMING = (TypeError, AttributeError, NameError, ImportError, SyntaxError, NotImplementedError)
"""What a mistake in somebody's code raises, and no outage."""


def reason_to_keep(error: Exception, on_error: str) -> str | None:
    """Why the first stage's order stands, as the documents tell it; `None` where the error is to be raised.

    Wrong settings, warnings that are made errors, and mistakes in code such as a `TypeError` or a `NameError`, are
    raised whatever `on_error` says: they would be hidden. A question with nothing in it is none of them, since users
    type it. The log says in one line that reranking failed, of a blank question at the level of INFO, and at that of
    DEBUG where.
    """
    to_mend = isinstance(error, (*NEVER_HIDDEN, *_PROGRAMMING)) and not isinstance(error, BlankQuery)
    if on_error == "raise" or to_mend:
        return None
    reason = f"{type(error).__name__}: {error}"
    level = logging.INFO if isinstance(error, BlankQuery) else logging.WARNING
    logger.log(level, "reranking failed, and the first stage's order is kept: %s", " ".join(reason.split()))
    logger.debug("where reranking failed", exc_info=error)
    return reason
