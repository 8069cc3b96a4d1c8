"""A session of ONNX Runtime: what a cross-encoder's graph wants to be fed, and how to read what it answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from rerank_kit.checks import check_choice, check_instance
from rerank_kit.errors import BackendError, ConfigurationError, InvalidResponse
from rerank_kit.local.labels import labels_of, relevant_label
from rerank_kit.local.model_files import ModelFiles
from rerank_kit.local.onnx_data import is_self_contained
from rerank_kit.local.onnx_shapes import without_value_info
from rerank_kit.local.pair_tokenizer import EncodedPair
from rerank_kit.optional import optional
from rerank_kit.quoting import quoted

Output = Literal["auto", "logits", "probabilities"]

_ROUNDING = 1e-6  # how far a probability may leave 0 to 1
_DTYPES = {"tensor(int64)": "int64", "tensor(int32)": "int32"}
_CPU = "CPUExecutionProvider"
_GPUS = ("CUDAExecutionProvider", "ROCMExecutionProvider", "MIGraphXExecutionProvider", "DmlExecutionProvider")
_FEEDS: dict[str, Callable[[EncodedPair], Sequence[int]]] = {
    "input_ids": lambda pair: pair.ids,
    "attention_mask": lambda pair: [1] * len(pair.ids),
    "token_type_ids": lambda pair: pair.types,
    "position_ids": lambda pair: range(len(pair.ids)),
}
"""The inputs that BERT-like (all), XLM-R- and ModernBERT-like graphs (no token types) ask for."""


class Graph:
    """A cross-encoder's graph, loaded. Threads may share it.

    Attributes:
        provider: What runs it.
        on_gpu: Whether that is a GPU.
        gives_logits: Whether what it gives is yet to be squeezed into 0 to 1, by the sigmoid.
        settings: What moves its scores besides the file.
    """

    def __init__(
        self, files: ModelFiles, *, output: Output, raw_scores: bool, providers: Sequence[str] | None = None
    ) -> None:
        """Load it.

        Raises:
            ConfigurationError: The file is damaged, or the graph is no cross-encoder's, but an embedding model's, say.
            MissingExtra: ONNX Runtime is not installed.
        """
        check_choice("output", output, ("auto", "logits", "probabilities"))
        runtime = optional("onnxruntime", extra="onnx", why="OnnxCrossEncoder")
        self._array = optional("numpy", extra="onnx", why="OnnxCrossEncoder").array
        self._session = _session(runtime, files, providers)
        self._inputs = {each.name: _DTYPES.get(each.type) for each in self._session.get_inputs()}
        unknown = [name for name, dtype in self._inputs.items() if name not in _FEEDS or dtype is None]
        if unknown or "input_ids" not in self._inputs:
            msg = (
                f"model={files.name!r}: the graph {files.onnx.name} wants the inputs {sorted(self._inputs)}; a "
                f"cross-encoder takes integers called input_ids and, optionally, {sorted(set(_FEEDS) - {'input_ids'})}"
            )
            raise ConfigurationError(msg)
        first = self._session.get_outputs()[0]
        self._output: str = first.name
        self._relevant = _relevant(files, first)
        _check_output(files, first)
        named_after = any(word in self._output.lower() for word in ("prob", "score", "sigmoid", "softmax"))
        self._probabilities = output == "probabilities" or (output == "auto" and named_after)
        self._raw = raw_scores
        self.gives_logits = not (self._probabilities or raw_scores)
        self._padding = int(files.config.get("pad_token_id") or 0)
        self.provider: str = self._session.get_providers()[0]
        self.on_gpu = self.provider in _GPUS
        self.settings = (self._probabilities, self._raw, runtime.__version__)

    def __call__(self, pairs: Sequence[EncodedPair]) -> list[float]:
        """One number for each pair, all in one call of the model: its relevance score, or the logit of that.

        Raises:
            BackendError: ONNX Runtime failed.
            InvalidResponse: The answer cannot be relevance scores.
        """
        width = max(len(pair.ids) for pair in pairs)
        feeds = {
            name: self._array([self._padded(_FEEDS[name](pair), name, width) for pair in pairs], dtype)
            for name, dtype in self._inputs.items()
        }
        try:
            answer: Any = self._session.run([self._output], feeds)[0]
        except Exception as error:
            msg = f"ONNX Runtime failed on {len(pairs)} pairs of up to {width} tokens: {error}"
            raise BackendError(msg, backend="OnnxCrossEncoder") from error
        if len(answer) != len(pairs):
            msg = f"the model answered {len(answer)} rows for {len(pairs)} pairs: it must answer one for each"
            raise InvalidResponse(msg)
        rows: list[list[float]] = answer.reshape(len(pairs), -1).tolist()
        return [self._read(row) for row in rows]

    def _padded(self, values: Sequence[int], name: str, width: int) -> list[int]:
        """Fill up to the width of the batch with what the attention mask hides."""
        return [*values, *[self._padding if name == "input_ids" else 0] * (width - len(values))]

    def _read(self, values: Sequence[float]) -> float:
        """One number from what the graph answered for one pair.

        Of two values one stands for "relevant"; the softmax of two logits is the sigmoid of their difference.
        """
        if len(values) not in (1, 2):
            msg = (
                f"the model answered {len(values)} values for a pair: a reranker answers 1, or 2 (irrelevant, relevant)"
            )
            raise InvalidResponse(msg)
        place = self._relevant if len(values) > 1 else 0
        if self._probabilities:
            value = values[place]
            if not self._raw and not -_ROUNDING <= value <= 1 + _ROUNDING:
                msg = f'the model answered {value!r} as a probability: if these are logits, pass output="logits"'
                raise InvalidResponse(msg)
            return value
        return values[0] if len(values) == 1 else values[place] - values[1 - place]


def _relevant(files: ModelFiles, output: Any) -> int:
    """The place of the value that stands for "relevant", should there be two."""
    labels, size = labels_of(files.config), output.shape[-1]
    known = len(labels) > 1 and (size == len(labels) or not isinstance(size, int))
    return relevant_label(labels, len(labels), files.name) if known else 1


def _check_output(files: ModelFiles, output: Any) -> None:
    """Refuse a graph whose output says that it gives no score for a pair. An output need not say its shape."""
    shape = list(output.shape)[1:]  # without the number of pairs
    if shape[1:] and any(size != 1 for size in shape):
        vocabulary = shape[-1] == files.config.get("vocab_size")
        gives = (
            "a number for every token that could come next, as a language model does"
            if vocabulary
            else "a vector for every token, as an embedding model or a ColBERT does"
        )
    elif shape and isinstance(shape[0], int) and shape[0] not in (1, 2):
        gives = f"{shape[0]} numbers, as an embedding model or a classifier does"
    else:
        return
    msg = (
        f"model={files.name!r}: the graph {files.onnx.name} gives {gives} ({output.name}, {output.shape}): a "
        "cross-encoder gives 1 number for a pair, or 2 (irrelevant, relevant). Pass a reranker"
    )
    raise ConfigurationError(msg)


def _session(runtime: Any, files: ModelFiles, providers: Sequence[str] | None) -> Any:
    check_instance("providers", providers, (list, tuple, type(None)), "a list of ONNX Runtime's execution providers")
    available = runtime.get_available_providers()
    wanted = [each for each in (*_GPUS, _CPU) if each in available] if providers is None else list(providers)
    missing = [each for each in wanted if each not in available]
    if missing or not wanted:
        what = f"providers={quoted(wanted)}: this ONNX Runtime has {available}"
        msg = f"{what}; install the build of it that has the others"
        raise ConfigurationError(msg)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1  # workers are the parallelism: they scale better than threads inside an operator
    options.inter_op_num_threads = 1
    cleaned = without_value_info(files.onnx) if is_self_contained(files.onnx) else None
    try:
        return runtime.InferenceSession(str(files.onnx) if cleaned is None else cleaned, options, providers=wanted)
    except Exception as error:  # ONNX Runtime's errors share no base class
        msg = f"model={files.name!r}: ONNX Runtime cannot load {files.onnx} ({error}): fetch the file again"
        raise ConfigurationError(msg) from error
