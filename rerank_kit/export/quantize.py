"""Int8 matrix products with a scale for each token, so that a score does not depend on what shares the batch.

The usual dynamic quantisation has one scale for all the activations that enter a product; then a neighbour with a large
value makes every other text in the batch coarser. Here each row, which is one token of one text, has its own, as in
"ZeroQuant" (Yao et al., NeurIPS 2022). Weights have a scale for each output and use 7 of the 8 bits, so that every CPU
computes the same (https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html, "reduce_range"); the
table of word embeddings has a scale for each word.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rerank_kit.export.onnx_graph import load_graph, save_graph
from rerank_kit.optional import optional

_WEIGHT = 63  # the largest weight: without VNNI, CPUs add two products with up to 255 in 16 bits, and 127 is too much
_TINY = 1e-30  # instead of the scale 0 of weights that are all zeros
_OWN = "com.microsoft"  # where ONNX Runtime's own operators are


def quantize(source: Path, target: Path) -> None:
    """Write an fp32 model once more, in int8.

    Args:
        source: Its file, of opset 13 to 17.
        target: Where the other goes.
    """
    onnx = optional("onnx", extra="export", why="exporting a model")
    model = load_graph(source)
    _Int8(model.graph).rewrite()
    if _OWN not in {each.domain for each in model.opset_import}:
        model.opset_import.append(onnx.helper.make_opsetid(_OWN, 1))
    save_graph(model, target)


class _Int8:
    """One pass over a graph that replaces products and look-ups by theirs in int8.

    A token's activations x become q = round(127 * x / max|x|) + 128: unsigned, because CPUs multiply unsigned by signed
    fastest. A product becomes (sum of (q - 128) * weight) / 127 * output's scale, all of which is one operator of ONNX
    Runtime's own, and then * max|x| of its token.
    """

    def __init__(self, graph: Any) -> None:
        onnx = optional("onnx", extra="export", why="exporting a model")
        self._np = optional("numpy", extra="export", why="exporting a model")
        self._helper, self._numpy_helper, self._float = onnx.helper, onnx.numpy_helper, onnx.TensorProto.FLOAT
        self._graph = graph
        self._weights = {each.name: each for each in graph.initializer}
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}
        self._replaced: set[str] = set()
        self._rows: dict[str, tuple[str, str]] = {}

    def rewrite(self) -> None:
        for node in list(self._graph.node):
            if node.op_type == "MatMul" and self._is_matrix(node.input[1]):
                self._product(node.input[0], node.input[1], node.output[0])
            elif node.op_type == "Gather" and node.input[1] == "input_ids" and self._is_matrix(node.input[0]):
                self._look_up(node.input[0], node.input[1], node.output[0])
            else:
                self._nodes.append(node)
        del self._graph.node[:]
        self._graph.node.extend(self._nodes)
        left = self._replaced - {name for node in self._nodes for name in node.input}
        kept = [each for each in self._graph.initializer if each.name not in left]
        del self._graph.initializer[:]
        self._graph.initializer.extend(kept)
        self._graph.initializer.extend(
            self._numpy_helper.from_array(each, name) for name, each in self._constants.items()
        )

    def _product(self, x: str, weight: str, y: str) -> None:
        q, largest = self._quantized_rows(x)
        integers, scales = self._quantized_weight(weight, axis=0, largest=_WEIGHT)
        self._constants[scales] = self._constants[scales].reshape(-1)
        total = self._node("MatMulIntegerToFloat", [q, integers, self._step(), scales, self._zero()], f"{y}/sum", _OWN)
        self._node("Mul", [total, largest], y)

    def _look_up(self, table: str, ids: str, y: str) -> None:
        integers, scales = self._quantized_weight(table, axis=1, largest=127)
        row = self._node("Gather", [integers, ids], f"{y}/word")
        number = self._node("Cast", [row], f"{y}/word_number", to=self._float)
        self._node("Mul", [number, self._node("Gather", [scales, ids], f"{y}/word_scale")], y)

    def _quantized_rows(self, x: str) -> tuple[str, str]:
        """The names of a tensor's integers and of each token's largest value; once for all products that it enters.

        Of a row of zeros the integers are anything at all, and what they become is multiplied by 0.
        """
        if x not in self._rows:
            size = self._node("Abs", [x], f"{x}/abs")
            largest = self._node("ReduceMax", [size], f"{x}/largest", axes=[-1], keepdims=1)
            share = self._node("Mul", [x, self._node("Reciprocal", [largest], f"{x}/one_by")], f"{x}/share")
            self._rows[x] = self._node("QuantizeLinear", [share, self._step(), self._zero()], f"{x}/int8"), largest
        return self._rows[x]

    def _step(self) -> str:
        return self._constant("int8/step", 1 / 127, "float32")

    def _zero(self) -> str:
        return self._constant("int8/zero_point", 128, "uint8")

    def _quantized_weight(self, name: str, *, axis: int, largest: int) -> tuple[str, str]:
        """The names of a matrix's integers and of its scales; layers may share it."""
        integers, scales = f"{name}/int8", f"{name}/scales"
        if name not in self._replaced:
            self._replaced.add(name)
            weight = self._numpy_helper.to_array(self._weights[name])
            scale = self._np.maximum(abs(weight).max(axis, keepdims=True) / largest, _TINY)
            self._constants[integers] = self._np.rint(weight / scale).astype("int8")
            self._constants[scales] = scale.astype("float32")
        return integers, scales

    def _is_matrix(self, name: str) -> bool:
        weight = self._weights.get(name)
        return weight is not None and len(weight.dims) == 2 and weight.data_type == self._float  # noqa: PLR2004

    def _constant(self, name: str, value: float, dtype: str) -> str:
        self._constants[name] = self._np.array(value, dtype)
        return name

    def _node(self, kind: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        node = self._helper.make_node(kind, inputs, [output], name=output, domain=domain, **attributes)
        self._nodes.append(node)
        return output
