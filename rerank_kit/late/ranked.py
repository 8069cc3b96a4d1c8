"""Rankings of several requests: vectors looked up or computed, compared, and what that took."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rerank_kit.late.checked_vectors import CheckedVectors
from rerank_kit.late.encoder import Encoder, QueryVectors
from rerank_kit.late.maxsim import relevance, scorer
from rerank_kit.late.vectors import Key, TokenVectors
from rerank_kit.late.warming import PART
from rerank_kit.ranking import Ranking
from rerank_kit.reranker import RerankRequest
from rerank_kit.values import Deadline, Usage


@dataclass(frozen=True, slots=True)
class _Read:
    """What is known of a text besides its vectors.

    Attributes:
        tokens: How many were read of it.
        cut: Whether it has more.
        kept: Whether the store had its vectors.
    """

    tokens: int
    cut: bool
    kept: bool


def ranked(
    requests: Sequence[RerankRequest],
    *,
    encoder: Encoder,
    store: CheckedVectors,
    key: Callable[[str], Key],
    raw: bool,
    deadline: Deadline,
) -> tuple[list[Ranking], list[bool]]:
    """The rankings, and of each distinct text whether it was cut.

    Some texts at a time are looked up, computed where they are missing, and compared with all queries that want them:
    so that memory does not grow with their number, and what was computed is kept when the time is over.

    Raises:
        DeadlineExceeded: The time is over.
        BackendError: ONNX Runtime failed.
    """
    names = list(dict.fromkeys(query for query, _ in requests))
    queries = dict(zip(names, encoder.queries(names, deadline), strict=True))
    asking: dict[str, dict[str, None]] = {}
    for query, documents in requests:
        for each in documents:
            asking.setdefault(each.text, {})[query] = None
    scores: dict[tuple[str, str], float] = {}
    read: dict[str, _Read] = {}
    texts = list(asking)
    for begin in range(0, len(texts), PART):
        part = texts[begin : begin + PART]
        found = _looked_up([key(each) for each in part], encoder, store, deadline)
        for text, (vectors, kept) in zip(part, found, strict=True):
            deadline.check()
            score = scorer(vectors)
            read[text] = _Read(vectors.tokens, vectors.cut, kept)
            for query in asking[text]:
                own = queries[query].vectors
                total = score(own)
                scores[query, text] = total if raw else relevance(total, len(own))
    paid: set[str] = set()
    rankings = list[Ranking]()
    for query, documents in requests:
        own_texts = [each.text for each in documents]
        usage = _usage(queries[query], own_texts, read, paid)
        rankings.append(Ranking.by_score([scores[query, each] for each in own_texts], usage))
    return rankings, [each.cut for each in read.values()]


def _looked_up(
    keys: Sequence[Key], encoder: Encoder, store: CheckedVectors, deadline: Deadline
) -> list[tuple[TokenVectors, bool]]:
    """The vectors of texts, each with whether the store had them. What it had not, it has then."""
    there = store.get(keys, deadline)
    stored: Mapping[Key, TokenVectors] = {} if there is None else there
    missing = [each for each in dict.fromkeys(keys) if each not in stored]
    fresh = dict(zip(missing, encoder.documents([text for _, text in missing], deadline), strict=True))
    if fresh and there is not None:  # a store that has just failed is not waited for once more
        store.put(fresh, deadline)
    return [(stored[each], True) if each in stored else (fresh[each], False) for each in keys]


def _usage(query: QueryVectors, texts: Sequence[str], read: Mapping[str, _Read], paid: set[str]) -> Usage:
    """What one ranking took; what was computed counts in the first that has it."""
    distinct = list(dict.fromkeys(texts))
    fresh = [each for each in distinct if not read[each].kept and each not in paid]
    paid.update(fresh)
    return Usage(
        pairs=len(distinct),
        tokens=query.tokens + sum(read[each].tokens for each in fresh),
        truncated=sum(read[each].cut for each in distinct),
        query_truncated=int(query.cut),
        duplicates=len(texts) - len(distinct),
        cached=sum(read[each].kept for each in distinct),
    )
