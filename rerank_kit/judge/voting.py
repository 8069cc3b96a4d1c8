"""The modes in which every document gets a verdict of its own, by one vote or by several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rerank_kit.flow import Flow, gather
from rerank_kit.judge.answers import GRADES
from rerank_kit.judge.asking import Answered, Asking
from rerank_kit.judge.chat import CachingChatModel
from rerank_kit.judge.judged import Decided, Verdict

_WORDS = ("no", "yes")

Question = tuple[int, list[int]]
"""The number of a vote, and the places of the documents that are asked about together."""


def questions(asking: Asking, documents_per_call: int, samples: int) -> list[Question]:
    """Which documents are asked about together, for each vote; shuffled, where it is more than one."""
    whole = list(range(len(asking.texts)))
    asked: list[Question] = []
    for vote in range(samples):
        order = whole if documents_per_call == 1 else asking.draw("order", vote).shuffled(whole)
        starts = range(0, len(order), documents_per_call)
        asked += [(vote, order[start : start + documents_per_call]) for start in starts]
    return asked


def voted(asking: Asking, asked: Sequence[Question], concurrency: int) -> Flow[list[Decided]]:
    """Ask all questions, and count the votes on each document."""
    flows = [asking.ask(places, vote) for vote, places in asked]
    alone = 1 if len(flows) > 1 and _fills_a_cache(asking, asked[0]) else 0
    answers = yield from gather(*flows[:alone])
    answers += yield from gather(*flows[alone:], limit=concurrency)
    return [_decided(asking.mode, place, answers) for place in range(len(asking.texts))]


def _fills_a_cache(asking: Asking, first: Question) -> bool:
    """Whether the first call has to be over before the others find what it puts into the model's cache."""
    return isinstance(asking.model, CachingChatModel) and asking.model.caches(asking.question(first[1])[0])


def _decided(mode: str, place: int, answers: Sequence[Answered]) -> Decided:
    votes = [each.findings[place] for each in answers if place in each.findings]
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
