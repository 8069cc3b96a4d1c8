"""What is asked of any source of contexts: whether it is one, which one, and contexts by the ids of chunks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple

from rerank_kit.checks import check_instance
from rerank_kit.combine.identity import described
from rerank_kit.contextual.bookkeeping import ids_of
from rerank_kit.contextual.contexts import Context, ContextSource
from rerank_kit.contextual.contextualizer import Contextualizer
from rerank_kit.contextual.documents import ChunkedDocument
from rerank_kit.contextual.headings import HeadingContext
from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.store import key_of
from rerank_kit.flow import Flow
from rerank_kit.quoting import class_name
from rerank_kit.values import Deadline


def check_contexts(contexts: object) -> None:
    """Refuse what writes no contexts.

    Raises:
        ConfigurationError: It is no `ContextSource`.
    """
    wanted = "a ContextSource, such as HeadingContext() or Contextualizer(model)"
    check_instance("contexts", contexts, ContextSource, wanted)


def fingerprint_of(source: ContextSource) -> str:
    """A short text that differs where contexts may.

    Of a `Contextualizer` it is made of the model's name and what that is asked, of a source of a user's own of its
    attribute `fingerprint`, a str, or else of its class, with its source, and its attribute `model`.
    """
    own: object = getattr(source, "fingerprint", None)
    if isinstance(own, str):
        return own
    if isinstance(source, Contextualizer):
        return key_of("contextualizer", source.settings.name, astuple(source.settings.wording))
    if type(source) is HeadingContext:
        return key_of("headings", source.neighbours)
    return key_of("own", described(source))


def written_by(
    source: ContextSource, documents: Sequence[ChunkedDocument], deadline: Deadline
) -> Flow[dict[str, Context]]:
    """The contexts of chunks, by the chunks' ids.

    Raises:
        ConfigurationError: The source, one of a user's own, gave other documents, or another number of contexts.
    """
    if not documents:
        return {}
    made = yield from source.flow(documents, deadline)
    rows = dict(zip((each.id for each in made.documents), made.rows, strict=False))
    found: dict[str, Context] = {}
    for each in documents:
        row = rows.get(each.id, ())
        if len(row) != len(each.chunks):
            msg = (
                f"{class_name(source)} gave {len(row)} contexts for the {len(each.chunks)} chunks of {each.id!r}: it "
                "has to give one for each chunk of each document"
            )
            raise ConfigurationError(msg)
        found |= dict(zip(ids_of(each), row, strict=True))
    return found
