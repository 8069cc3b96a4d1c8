"""The linear layers behind a backbone, read from safetensors and computed with numpy.

The format is https://github.com/huggingface/safetensors: the length of a header, the header in JSON, the numbers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rerank_kit.errors import ConfigurationError
from rerank_kit.late.layouts import Layer
from rerank_kit.optional import optional

_LENGTH = 8  # bytes, in which the header's length stands
_LONGEST = 100_000_000  # bytes of a header, as the format allows
_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


class Projection:
    """What is behind the backbone. Threads may share it.

    Attributes:
        inputs: Numbers of a vector that goes in.
        outputs: Numbers of one that comes out.
    """

    def __init__(self, layers: Sequence[Layer], files: Sequence[Path]) -> None:
        """Read the weights.

        Args:
            layers: The layers, in their order.
            files: Where the weights of each are.

        Raises:
            ConfigurationError: A file is damaged, or the layers do not fit together.
        """
        self._numpy = optional("numpy", extra="onnx", why="LateInteraction")
        self._layers = [self._read(layer, path) for layer, path in zip(layers, files, strict=True)]
        for (_, before, _), (_, after, path) in zip(self._layers, self._layers[1:], strict=False):
            if before["linear.weight"].shape[0] != after["linear.weight"].shape[1]:
                msg = (
                    f"{path} reads vectors of {after['linear.weight'].shape[1]} numbers, and the layer before gives "
                    f"{before['linear.weight'].shape[0]}: fetch the model again"
                )
                raise ConfigurationError(msg)
        self.inputs: int = self._layers[0][1]["linear.weight"].shape[1]
        self.outputs: int = self._layers[-1][1]["linear.weight"].shape[0]

    def __call__(self, vectors: Any) -> Any:
        """Vectors of shape (tokens, `inputs`) as vectors of shape (tokens, `outputs`), in float32."""
        for layer, weights, _ in self._layers:
            found = vectors @ weights["linear.weight"].T
            if layer.bias:
                found += weights["linear.bias"]
            if layer.activation == "Tanh":
                found = self._numpy.tanh(found)
            elif layer.activation == "ReLU":
                found = self._numpy.maximum(found, 0)
            if layer.residual:
                found += vectors @ weights["residual.weight"].T if "residual.weight" in weights else vectors
            vectors = found
        return vectors

    def digest(self) -> bytes:
        """A hash of all weights, and what is done with them."""
        digest = hashlib.sha256()
        for layer, weights, _ in self._layers:
            digest.update(repr((layer.activation, layer.bias, layer.residual)).encode())
            for name, each in sorted(weights.items()):
                digest.update(f"{name} {each.shape}".encode() + each.tobytes())
        return digest.digest()

    def _read(self, layer: Layer, path: Path) -> tuple[Layer, Mapping[str, Any], Path]:
        wanted = ["linear.weight", *(["linear.bias"] if layer.bias else [])]
        weights = tensors(path, [*wanted, *(["residual.weight"] if layer.residual else [])])
        missing = [each for each in wanted if each not in weights]
        if missing or weights["linear.weight"].ndim != 2:  # noqa: PLR2004 - a matrix
            lacks = missing[0] if missing else "linear.weight that is a matrix"
            msg = f"{path} has no {lacks}, and so no projection: pass the file= of a graph that has it in it"
            raise ConfigurationError(msg)
        outputs, inputs = weights["linear.weight"].shape
        if layer.residual and "residual.weight" not in weights and outputs != inputs:
            msg = f"{path} has no residual.weight, which its layer of another size needs: fetch the model again"
            raise ConfigurationError(msg)
        return layer, weights, path


def tensors(path: Path, names: Sequence[str]) -> dict[str, Any]:
    """Those of the tensors that a safetensors file has, in float32. Nothing else of it is read.

    Raises:
        ConfigurationError: It is no such file, or is damaged.
    """
    numpy = optional("numpy", extra="onnx", why="LateInteraction")
    found: dict[str, Any] = {}
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(_LENGTH), "little")
            header: Any = json.loads(file.read(length)) if length <= _LONGEST else None
            for name in names:
                if name not in header:
                    continue
                told = header[name]
                begin, end = told["data_offsets"]
                file.seek(_LENGTH + length + begin)
                numbers = numpy.frombuffer(file.read(end - begin), _DTYPES[told["dtype"]]).reshape(told["shape"])
                if told["dtype"] == "BF16":  # the upper half of a float32
                    numbers = (numbers.astype("<u4") << 16).view("<f4")
                found[name] = numbers.astype(numpy.float32)
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        msg = f"{path} is no safetensors file that can be read ({type(error).__name__}: {error}): fetch it again"
        raise ConfigurationError(msg) from error
    return found
