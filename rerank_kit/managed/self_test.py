"""The self-test of a rerank server: what is examined, and what a failure most likely means."""

from __future__ import annotations

from rerank_kit.api.check_report import Check, Finding
from rerank_kit.errors import InvalidResponse
from rerank_kit.managed.results import Decoded, complete

QUERY = "Which planet is known as the Red Planet?"
TEXTS = [
    "Preheat the oven, then fold the flour into the butter and sugar.",
    "The train to the coast leaves every hour from platform two.",
    "Mars is often called the Red Planet because iron oxide gives its surface a reddish colour.",
    "Interest on the loan is due on the first day of each quarter.",
]
_ANSWER = 2  # its place among the texts
_SPREAD = 0.01  # between the answer's score and the others', which have nothing to do with the question
_TEMPLATE = (
    "most likely a model that needs a prompt template, such as Qwen3-Reranker, is served without it, or one that is no "
    "reranker at all. vLLM needs --hf-overrides and the score template, llama.cpp a GGUF converted with its "
    "template, SGLang --chat-template; TEI and infinity do not serve such models"
)


def examine(
    spoken: str, whole: Decoded | InvalidResponse, first: Decoded | InvalidResponse | None, seconds: float
) -> Check:
    """Judge two answers.

    Args:
        spoken: The wire format.
        whole: The answer for all texts, or why it could not be read.
        first: The answer when one result was asked for; `None` where the format has no such field.
        seconds: How long the first took.
    """
    findings: list[Finding] = []
    scores: tuple[float, ...] = ()
    what = "one result for each document"
    try:
        if isinstance(whole, InvalidResponse):
            raise whole
        results = complete(whole.results, len(TEXTS))
    except InvalidResponse as error:
        findings.append(Finding(what, ok=False, detail=str(error), cause="most likely a wrong format="))
        return Check(spoken, tuple(findings), seconds)
    scores = tuple(results[place].score for place in range(len(TEXTS)))
    findings.append(Finding(what, ok=True, detail=f"{len(scores)} results"))
    shown = ", ".join(f"{score:.4g}" for score in scores)
    best = max(range(len(TEXTS)), key=scores.__getitem__)
    findings.append(Finding("the answer ranks first", best == _ANSWER, f"scores {shown}", _TEMPLATE))
    lead = scores[_ANSWER] - max(score for place, score in enumerate(scores) if place != _ANSWER)
    findings.append(Finding("scores are spread out", abs(lead) >= _SPREAD, f"it leads by {lead:.4g}", _TEMPLATE))
    findings.append(_range(scores))
    order = [each.score for each in whole.results]
    ordered = order == sorted(order, reverse=True)
    told = "best first" if ordered else "in another order, which does no harm: results are sorted here"
    findings.append(Finding("results come in some order", ok=True, detail=told))
    if first is not None:
        findings.append(_top_n(first))
    return Check(spoken, tuple(findings), seconds, scores)


def _range(scores: tuple[float, ...]) -> Finding:
    inside = all(0 <= score <= 1 for score in scores)
    detail = "yes" if inside else "no, the model's raw numbers: their order is right, but a threshold must fit them"
    return Finding("scores are between 0 and 1", ok=True, detail=detail)


def _top_n(first: Decoded | InvalidResponse) -> Finding:
    if isinstance(first, InvalidResponse):
        return Finding("top_n can be sent", ok=False, detail=str(first), cause="most likely a wrong format=")
    count = len(first.results)
    told = "honoured" if count == 1 else f"ignored ({count} results), which does no harm: lists are cut here"
    return Finding("top_n can be sent", ok=True, detail=told)
