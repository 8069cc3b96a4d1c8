"""Putting documents in order in windows that slide up from the end, as RankGPT does (https://arxiv.org/abs/2304.09542).

What is best in a window comes into the next one above, so that it can rise to the top from anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from rerank_kit.flow import Flow
from rerank_kit.judge.model_calls import ModelCalls
from rerank_kit.judge.verdicts import Verdict, VerdictOrReason


def windows(count: int, window: int, step: int) -> Iterator[range]:
    """The windows over so many documents, the lowest one first, each overlapping the one before."""
    end = count
    while end > 1:  # one document needs no order
        start = max(0, end - window)
        yield range(start, end)
        end = end - step if start else 0


def ordered(calls: ModelCalls, window: int, step: int) -> Flow[list[VerdictOrReason]]:
    """Ask for the order in each window, one after the other.

    What an answer leaves out stays below what it names, in its order.
    """
    count = len(calls.texts)
    order = list(range(count))
    judged = set(order) if count == 1 else set[int]()
    problems: dict[int, str] = {}
    for part in windows(count, window, step):
        places = order[part.start : part.stop]
        result = yield from calls.ask(places, part.start)
        best = sorted(result.votes, key=lambda place: -result.votes[place].value)
        order[part.start : part.stop] = [*best, *(place for place in places if place not in result.votes)]
        judged |= set(best)
        problems |= result.problems
    ranks = {place: rank for rank, place in enumerate(place for place in order if place in judged)}
    found: list[VerdictOrReason] = []
    for place in range(count):
        rank = ranks.get(place)
        found.append(problems[place] if rank is None else Verdict(1 - rank / count, why=f"place {rank + 1} of {count}"))
    return found
