"""Models that read from left to right: what they say at the last token of a text is the score of a pair.

A language model's score is the logit of one token, or how far it lies above another's. Its graph computes these alone,
not those of the whole vocabulary, and keeps no cache: nothing is generated.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

from rerank_kit.export.sample_texts import SAMPLE
from rerank_kit.optional import optional


def last_token_logits(model: Any, answers: Sequence[int]) -> Callable[..., Any] | None:
    """What such a model computes of tokens and their mask, padded at the end; `None` for one of another kind.

    Args:
        model: A `sentence_transformers.CrossEncoder`.
        answers: The ids of the tokens whose logits are the score, where those of the model itself are not meant.
    """
    inner, last = model[0].model, model[-1]
    if type(last).__name__ == "LogitScore":
        own = [last.true_token_id, *([] if last.false_token_id is None else [last.false_token_id])]
        return _OfLanguageModel(inner, list(answers) or own)
    known = any(each.__name__ == "GenericForSequenceClassification" for each in type(inner).__mro__)
    if known or (type(inner).__module__.startswith("transformers.models.") and hasattr(inner, "score")):
        return _OfClassifier(inner)
    return None


def sample_tokens(tokenizer: Any) -> dict[str, Any]:
    """Tokens of two texts of different lengths, and their mask, padded at the end."""
    torch = optional("torch", extra="export", why="exporting a model")
    rows: list[list[int]] = [tokenizer(" ".join(pair))["input_ids"] for pair in SAMPLE]
    width = max(map(len, rows))
    return {
        "input_ids": torch.tensor([[*row, *[0] * (width - len(row))] for row in rows]),
        "attention_mask": torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows]),
    }


class _OfClassifier:
    """The values of a layer on top of a decoder."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __call__(self, input_ids: Any, attention_mask: Any) -> Any:
        read = self._inner.base_model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False)
        return self._inner.score(_last(read.last_hidden_state, attention_mask))


class _OfLanguageModel:
    """One value: the logit of the first answer, less that of the second where there is one."""

    def __init__(self, inner: Any, answers: Sequence[int]) -> None:
        self._inner, self._answers = inner, answers

    def __call__(self, input_ids: Any, attention_mask: Any) -> Any:
        with _saying(self._inner, self._answers):
            found = self._inner(input_ids=input_ids, attention_mask=attention_mask, use_cache=False)
        values = _last(found.logits, attention_mask)
        return values if len(self._answers) == 1 else values[:, :1] - values[:, 1:]


@contextmanager
def _saying(inner: Any, answers: Sequence[int]) -> Generator[None]:
    """Let a language model have no words but these for a while."""
    torch = optional("torch", extra="export", why="exporting a model")
    whole = inner.get_output_embeddings()
    few = torch.nn.Linear(whole.in_features, len(answers), bias=whole.bias is not None)
    few.weight = torch.nn.Parameter(whole.weight[list(answers)])
    if whole.bias is not None:
        few.bias = torch.nn.Parameter(whole.bias[list(answers)])
    inner.set_output_embeddings(few)
    try:
        yield
    finally:
        inner.set_output_embeddings(whole)


def _last(values: Any, attention_mask: Any) -> Any:
    """Those at the last token of each text."""
    torch = optional("torch", extra="export", why="exporting a model")
    texts = torch.arange(values.shape[0], device=values.device)
    return values[texts, attention_mask.sum(1) - 1]
