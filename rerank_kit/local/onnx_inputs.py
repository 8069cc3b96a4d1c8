"""What a cross-encoder's graph wants to be fed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rerank_kit.errors import ConfigurationError
from rerank_kit.local.model_files import ModelFiles
from rerank_kit.local.pair_tokenizer import EncodedPair
from rerank_kit.optional import optional

_DTYPES = {
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
}
_FEEDS: dict[str, Callable[[EncodedPair], Sequence[int]]] = {
    "input_ids": lambda pair: pair.ids,
    "attention_mask": lambda pair: [1] * len(pair.ids),
    "token_type_ids": lambda pair: pair.types,
    "position_ids": lambda pair: range(len(pair.ids)),
}
"""What BERT-like (all), XLM-R- and ModernBERT-like graphs (no token types) ask for."""

_CACHE = "past_key_values"  # how the names begin under which a language model gets what it has read before: nothing


class Inputs:
    """Makes the inputs of one graph."""

    def __init__(self, files: ModelFiles, wanted: Sequence[Any]) -> None:
        """Look at what it wants.

        Args:
            files: The model's files.
            wanted: The inputs, as ONNX Runtime shows them.

        Raises:
            ConfigurationError: It is no cross-encoder's.
        """
        self._numpy = optional("numpy", extra="onnx", why="OnnxCrossEncoder")
        self._dtypes = {each.name: _DTYPES.get(each.type) for each in wanted if not each.name.startswith(_CACHE)}
        self._cache = {each.name: each for each in wanted if each.name.startswith(_CACHE)}
        unknown = [
            each for each, dtype in self._dtypes.items() if each not in _FEEDS or dtype not in ("int64", "int32")
        ]
        if unknown or "input_ids" not in self._dtypes:
            msg = (
                f"model={files.name!r}: the graph {files.onnx.name} wants the inputs {sorted(self._dtypes)}; a "
                f"cross-encoder takes integers called input_ids and, optionally, {sorted(set(_FEEDS) - {'input_ids'})}"
            )
            raise ConfigurationError(msg)
        self._padding = int(files.config.get("pad_token_id") or 0)
        read = files.tokenizer_config.get("model_input_names")
        self._typed = not isinstance(read, list) or "token_type_ids" in read

    def __call__(self, pairs: Sequence[EncodedPair]) -> dict[str, Any]:
        """The arrays for some pairs, padded behind the shorter ones."""
        width = max(len(pair.ids) for pair in pairs)
        feeds = {
            name: self._numpy.array([self._padded(self._values(name, pair), name, width) for pair in pairs], dtype)
            for name, dtype in self._dtypes.items()
        }
        return feeds | {name: self._nothing(each, len(pairs)) for name, each in self._cache.items()}

    def _values(self, name: str, pair: EncodedPair) -> Sequence[int]:
        """What is read of a pair; all of one type where the tokenizer gives the model none."""
        return _FEEDS[name](pair) if self._typed or name != "token_type_ids" else [0] * len(pair.ids)

    def _padded(self, values: Sequence[int], name: str, width: int) -> list[int]:
        """Fill up to the width of the batch with what the attention mask hides."""
        return [*values, *[self._padding if name == "input_ids" else 0] * (width - len(values))]

    def _nothing(self, wanted: Any, pairs: int) -> Any:
        """An empty cache, of shape (pairs, heads, no tokens, size)."""
        shape = [size if isinstance(size, int) else 0 for size in wanted.shape[1:]]
        return self._numpy.zeros([pairs, *shape], _DTYPES[wanted.type])
