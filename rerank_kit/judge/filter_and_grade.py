"""The modes in which every document gets a verdict of its own, by one vote or by several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rerank_kit.flow import Flow, gather
from rerank_kit.judge.answers import GRADES
from rerank_kit.judge.chat import CachingChatModel
from rerank_kit.judge.model_calls import CallResult, ModelCalls
from rerank_kit.judge.verdicts import Verdict, VerdictOrReason

_WORDS = ("no", "yes")

Ballot = tuple[int, list[int]]
"""The number of a vote, and the places of the documents that are asked about together."""


def ballots(calls: ModelCalls, documents_per_call: int, samples: int) -> list[Ballot]:
    """Which documents are asked about together, for each vote; shuffled, where it is more than one."""
    whole = list(range(len(calls.texts)))
    asked: list[Ballot] = []
    for vote in range(samples):
        order = whole if documents_per_call == 1 else calls.draw("order", vote).shuffled(whole)
        starts = range(0, len(order), documents_per_call)
        asked += [(vote, order[start : start + documents_per_call]) for start in starts]
    return asked


def voted(calls: ModelCalls, asked: Sequence[Ballot], concurrency: int) -> Flow[list[VerdictOrReason]]:
    """Cast all ballots, and count the votes on each document."""
    flows = [calls.ask(places, vote) for vote, places in asked]
    alone = 1 if len(flows) > 1 and _fills_a_cache(calls, asked[0]) else 0
    answers = yield from gather(*flows[:alone])
    answers += yield from gather(*flows[alone:], limit=concurrency)
    return [_verdict(calls.mode, place, answers) for place in range(len(calls.texts))]


def _fills_a_cache(calls: ModelCalls, first: Ballot) -> bool:
    """Whether the first call has to be over before the others find what it puts into the model's cache."""
    return isinstance(calls.model, CachingChatModel) and calls.model.caches(calls.question(first[1])[0])


def _verdict(mode: str, place: int, answers: Sequence[CallResult]) -> VerdictOrReason:
    votes = [each.votes[place] for each in answers if place in each.votes]
    problems = [each.problems[place] for each in answers if place in each.problems]
    if not votes:
        return "; ".join(dict.fromkeys(problems))
    counts = Counter(each.value for each in votes)
    best = min(counts, key=lambda value: (-counts[value], value))  # where two have as many, the stricter one
    why = next(each.reason for each in votes if each.value == best)
    if len(votes) + len(problems) > 1:
        why = f"{why or ''} ({counts[best]} of {len(votes)} votes)".strip()
    if mode == "filter":
        return Verdict(counts[1] / len(votes), _WORDS[best], why)
    return Verdict(best / max(GRADES), str(best), why)
