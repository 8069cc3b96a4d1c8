"""What a graph answers, read as one number for each pair."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from rerank_kit.errors import ConfigurationError, InvalidResponse
from rerank_kit.local.labels import counts_alone, labels_of, logit_of, relevant_label
from rerank_kit.local.model_files import ModelFiles

Output = Literal["auto", "logits", "probabilities"]

_ROUNDING = 1e-6  # how far a probability may leave 0 to 1
_MOST = 2  # values for a pair


class Answers:
    """Reads the answers of one graph.

    Attributes:
        probabilities: Whether they are scores from 0 to 1 already.
        named_alone: Whether nothing but the output's name says so.
        words: The ids of the tokens whose logits are the score, of a language model that gives a logit for each.
    """

    def __init__(
        self,
        files: ModelFiles,
        shown: Any,
        read: Sequence[Any],
        *,
        output: Output,
        raw: bool,
        words: Callable[[], Sequence[int]],
    ) -> None:
        """Look at what the graph says of its answers.

        Args:
            files: The model's files.
            shown: The output, as ONNX Runtime shows it: its name and its shape, which it need not say.
            read: The inputs, likewise.
            output: What the user says that it is.
            raw: Whether the user wants the graph's own numbers.
            words: Gives the ids of the tokens whose logits are the score; none for a model with a layer for scores.

        Raises:
            ConfigurationError: It gives no score for a pair, but an embedding, say.
        """
        labels, size = labels_of(files.config), (None, *shown.shape)[-1]
        count = size if isinstance(size, int) else len(labels)
        known = len(labels) == count > 1
        self._relevant = relevant_label(labels, count, files.name) if known else 1
        self._alone = counts_alone(files.config, count, files.name)
        self.words: tuple[int, ...] = ()
        vocabulary = files.config.get("vocab_size")
        if len(shown.shape) > 1 and isinstance(vocabulary, int) and shown.shape[-1] == vocabulary > _MOST:
            self.words = tuple(words())
        if not self.words:
            _check(files, shown, read)
        named_after = any(word in shown.name.lower() for word in ("prob", "score", "sigmoid", "softmax"))
        self.named_alone = output == "auto" and named_after
        self.probabilities = output == "probabilities" or self.named_alone
        self._raw = raw
        self._logit = "" if self.words else logit_of(labels, count, self._relevant, alone=self._alone)

    @property
    def logit(self) -> str:
        """Of which of two values the logit is made, in words; nothing where there is one."""
        return "" if self.probabilities else self._logit

    def look_at(self, answer: Any) -> None:
        """Take for logits what is only named after probabilities, where the numbers are none."""
        if self.named_alone and not all(map(_is_probability, answer.reshape(-1).tolist())):
            self.named_alone = self.probabilities = False

    def __call__(self, answer: Any, lengths: Sequence[int]) -> list[float]:
        """One number for each pair.

        Args:
            answer: An array with a row for each pair.
            lengths: The tokens of each; padding is behind them.

        Raises:
            InvalidResponse: The answer cannot be relevance scores.
        """
        rows_answered = (*getattr(answer, "shape", ()), 0)[0]
        if rows_answered != len(lengths):
            msg = f"the model answered {rows_answered} rows for {len(lengths)} pairs: it must answer one for each"
            raise InvalidResponse(msg)
        if self.words:
            return self._said(answer.reshape(len(lengths), -1, answer.shape[-1]), lengths)
        rows: list[list[float]] = answer.reshape(len(lengths), -1).tolist()
        return [self._read(row) for row in rows]

    def _said(self, answer: Any, lengths: Sequence[int]) -> list[float]:
        """What a language model says behind the last token: of one word, or how far it lies above another."""
        everywhere = answer.shape[1] >= max(lengths)
        if not everywhere and min(lengths) < max(lengths):
            msg = (
                "the model answers for the last place alone, which is padding where pairs of different lengths share a "
                "batch: pass batch_size=1"
            )
            raise InvalidResponse(msg)
        places = [length - 1 if everywhere else -1 for length in lengths]
        logits = answer[range(len(places)), places][:, list(self.words)].astype(float).tolist()
        return [row[0] - sum(row[1:]) for row in logits]

    def _read(self, values: Sequence[float]) -> float:
        """One number from what the graph answered for one pair.

        Of two values one stands for "relevant"; the softmax of two logits is the sigmoid of their difference.
        """
        if len(values) not in (1, _MOST):
            msg = (
                f"the model answered {len(values)} values for a pair: a reranker answers 1, or 2 (irrelevant, relevant)"
            )
            raise InvalidResponse(msg)
        place = self._relevant if len(values) > 1 else 0
        if self.probabilities:
            value = values[place]
            if not (self._raw or _is_probability(value)):
                msg = f'the model answered {value!r} as a probability: if these are logits, pass output="logits"'
                raise InvalidResponse(msg)
            return value
        return values[place] if len(values) == 1 or self._alone else values[place] - values[1 - place]


def _is_probability(value: float) -> bool:
    return -_ROUNDING <= value <= 1 + _ROUNDING


def _lengths(read: Sequence[Any]) -> set[str]:
    """What a graph calls the number of tokens that it reads."""
    return {each for node in read for each in list(node.shape)[1:] if isinstance(each, str)}


def _check(files: ModelFiles, shown: Any, read: Sequence[Any]) -> None:
    """Refuse a graph whose output says that it gives no score for a pair. An output need not say its shape."""
    shape = list(shown.shape)[1:]  # without the number of pairs
    remedy = "Pass a reranker"
    if shape and shape[-1] == files.config.get("vocab_size"):
        gives = "a number for every token that could come next, as a language model does"
        remedy += ', or the tokens whose logits are the score as answers=, such as ("yes", "no")'
    elif shape[1:] and any(size != 1 for size in shape):
        gives = "a vector for every token, as an embedding model or a ColBERT does"
    elif shape and shape[0] in _lengths(read):
        gives = "a number for every token, as a model that answers questions does"
    elif shape and isinstance(shape[0], int) and shape[0] not in (1, _MOST):
        gives = f"{shape[0]} numbers, as an embedding model or a classifier does"
    else:
        return
    msg = (
        f"model={files.name!r}: the graph {files.onnx.name} gives {gives} ({shown.name}, {shown.shape}): a "
        f"cross-encoder gives 1 number for a pair, or 2 (irrelevant, relevant). {remedy}"
    )
    raise ConfigurationError(msg)
