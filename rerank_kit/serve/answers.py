"""Rankings as what clients are answered, and what they are told when there is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rerank_kit.managed.served_formats import SERVED_FORMATS, Answer, Row, meta
from rerank_kit.ranking import Ranking
from rerank_kit.serve.wanted import Spoken, Wanted
from rerank_kit.values import Hit


def answered(wanted: Wanted, ranking: Ranking, scores: Sequence[float], model: str, name: str) -> Any:
    """The body of an answer, in the format of the request.

    Args:
        wanted: The request.
        ranking: The hits.
        scores: Their scores between 0 and 1, in the same order. Documents that are not among the hits follow with 0.
        model: What the reranker is called here.
        name: The name of the request.
    """
    rows = [_row(wanted, hit, score) for hit, score in zip(ranking.hits, scores, strict=True)]
    there = {row.index for row in rows}
    rows += [_row(wanted, Hit(place, 0.0), 0.0) for place in range(len(wanted.texts)) if place not in there]
    tokens = tokens_read(wanted, ranking)
    answer = Answer(rows[: wanted.top_n], len(wanted.texts), tokens, model, name)
    told = SERVED_FORMATS[wanted.spoken].answer(answer)
    if wanted.spoken == "tei":
        return told
    told |= {"id": name, "meta": meta(answer) | {"tokens": {"input_tokens": tokens}}}
    return told if wanted.spoken == "cohere" else told | {"object": "rerank" if wanted.spoken == "infinity" else "list"}


def tokens_read(wanted: Wanted, ranking: Ranking) -> int:
    """How many tokens were read: as the reranker counted them or, where it does not, guessed."""
    return ranking.usage.tokens or ranking.usage.input_tokens or wanted.tokens


def _row(wanted: Wanted, hit: Hit, score: float) -> Row:
    text = wanted.texts[hit.index] if wanted.echo else None
    passage = hit.passage if wanted.spans is not None and score >= wanted.spans else None
    return Row(hit.index, score, text, passage and [{"start": passage[0], "end": passage[1], "score": score}])


def complaint(spoken: Spoken, status: int, text: str) -> Any:
    """The body of a refusal. Where Jina, vLLM and Cohere's first version share a path, it has what each looks for."""
    if spoken in {"cohere", "tei"}:
        return SERVED_FORMATS[spoken].complaint(status, text)
    told: dict[str, Any] = {}
    for name in ("cohere", "jina", "vllm"):
        told |= SERVED_FORMATS[name].complaint(status, text)
    return told
