"""Rerankers on this machine as node postprocessors, in plain fields."""

from __future__ import annotations

import inspect
from typing import Any, Literal

from pydantic import ConfigDict
from typing_extensions import override

from llama_rerank_kit.postprocessor import RerankPostprocessor
from rerank_kit import ConfigurationError, Reranker
from rerank_kit.local import (
    CrossEncoder,
    DType,
    FlashRank,
    LongDocuments,
    OnnxCrossEncoder,
    Precision,
    SentenceTransformersCrossEncoder,
)
from rerank_kit.local.session import Output

_ENGINES: dict[str, type[CrossEncoder]] = {
    "onnx": OnnxCrossEncoder,
    "sentence-transformers": SentenceTransformersCrossEncoder,
}


class CrossEncoderRerank(RerankPostprocessor):
    """A local cross-encoder as a node postprocessor, in plain fields.

    It takes the place of LlamaIndex's `SentenceTransformerRerank`. A field that the engine cannot follow is an error.

    Attributes:
        engine: `"onnx"`, which needs no PyTorch, or `"sentence-transformers"`, which loads every model that this
            library loads and runs on any device of PyTorch.
        model: A folder, a hub name such as `"owner/name"`, or `None` for the embedded English model, which is for
            `"onnx"`.
        revision: The hub commit, tag or branch.
        max_length: Tokens read of a pair; by default as many as the model can.
        threads: Workers; by default the cores this process may use.
        raw_scores: Return the model's own numbers instead of scores from 0 to 1.
        file: `"onnx"` only, as are those up to `output`: the ONNX file in the folder, when it is not `model.onnx`.
        precision: `"int8"` takes the quantised file of the folder that suits the CPU.
        long_documents: What to do with longer texts; the decisive part is put in `relevant_passage`.
        window: Tokens in a window of a long text.
        batch_size: Pairs in a call; by default 1 on a CPU and 32 on a GPU.
        providers: ONNX Runtime's execution providers, best first; by default a GPU's where there is one.
        output: What the graph answers; by default told by its name.
        device: `"sentence-transformers"` only, as are all from here on: where it runs, as in PyTorch; by default a GPU
            where there is one.
        dtype: The number format; by default what suits the device.
        batch_tokens: Tokens in a batch, padding included; by default 512 on a CPU and 16384 elsewhere.
        prompt: An instruction, for models that take one; by default the model's own.
        trust_remote_code: Run code that comes with the model.
    """

    engine: Literal["onnx", "sentence-transformers"] = "onnx"
    model: str | None = None
    revision: str | None = None
    max_length: int | None = None
    threads: int | None = None
    raw_scores: bool = False
    file: str | None = None
    precision: Precision | None = None
    long_documents: LongDocuments = "truncate"
    window: int | None = None
    batch_size: int | None = None
    providers: list[str] | None = None
    output: Output = "auto"
    device: str | None = None
    dtype: DType | None = None
    batch_tokens: int | None = None
    prompt: str | None = None
    trust_remote_code: bool = False

    model_config = ConfigDict(protected_namespaces=())

    @override
    def _build(self) -> Reranker:
        fields = CrossEncoderRerank.model_fields
        own = [
            name for name in fields if name not in RerankPostprocessor.model_fields and name not in ("engine", "model")
        ]
        given = {name: value for name in own if (value := getattr(self, name)) != fields[name].default}
        kind: Any = _ENGINES[self.engine]
        for name, value in given.items():
            if name not in inspect.signature(kind).parameters:
                msg = f"engine={self.engine!r} cannot follow {name}={value!r}: leave it out, or pass the other engine="
                raise ConfigurationError(msg)
        if self.model is None and self.engine != "onnx":
            msg = f'engine={self.engine!r} needs model=, a folder or a hub name: the embedded one is for engine="onnx"'
            raise ConfigurationError(msg)
        loaded: CrossEncoder = kind(self.model, **given)
        return loaded


class FlashRankRerank(RerankPostprocessor):
    """A model of the flashrank package as a node postprocessor, in plain fields.

    It takes the place of LlamaIndex's class of the same name, with memory that does not grow with the number of nodes.

    Attributes:
        model: A name that FlashRank knows, or a folder of that name with the model's files.
        cache_dir: Where FlashRank keeps and looks for the folders of its models; by default where it does.
        max_length: Tokens read of a pair; by default 512.
        threads: Workers; by default the cores this process may use.
    """

    model: str = "ms-marco-MiniLM-L-12-v2"
    cache_dir: str | None = None
    max_length: int | None = None
    threads: int | None = None

    model_config = ConfigDict(protected_namespaces=())

    @override
    def _build(self) -> Reranker:
        return FlashRank(self.model, cache_dir=self.cache_dir, max_length=self.max_length, threads=self.threads)
