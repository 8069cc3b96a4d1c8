"""The local rerankers as document compressors, in plain fields."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.cross_encoders import BaseCrossEncoder
from pydantic import ConfigDict
from typing_extensions import override

from langchain_rerank_kit.compressor import RerankCompressor
from rerank_kit import Deadline, Reranker
from rerank_kit.local import (
    CrossEncoder,
    DType,
    Engine,
    FlashRank,
    LongDocuments,
    Precision,
    Scored,
    cross_encoder,
)
from rerank_kit.local.cross_encoder import Pair
from rerank_kit.local.session import Output


class CrossEncoderRerank(RerankCompressor):
    """A local cross-encoder as a document compressor.

    A drop-in for LangChain's `CrossEncoderReranker`, whose `model=` objects it takes as well. A setting that the
    engine does not have is a `ConfigurationError`.

    Attributes:
        model: A folder, a hub name such as `"owner/name"`, a LangChain `BaseCrossEncoder`, or `None` for the
            embedded English model.
        engine: What runs it: `"onnx"` or `"sentence-transformers"`.
        revision: The hub commit, tag or branch.
        max_length: Tokens read of a pair; by default as many as the model can.
        long_documents: What to do with longer documents; the decisive part is put in `metadata["relevant_passage"]`.
        window: Tokens in a window of a long document.
        threads: Workers; by default the cores this process may use.
        raw_scores: Return the model's own numbers instead of scores from 0 to 1.
        file: The ONNX file in the folder, when it is not `model.onnx`.
        precision: `"int8"` takes the quantised ONNX file of the folder that suits the CPU.
        batch_size: Pairs in a call of ONNX Runtime; by default 1 on a CPU and 32 on a GPU.
        providers: ONNX Runtime's execution providers, best first; by default a GPU's where there is one.
        output: What the ONNX graph answers; by default told by its name.
        device: Where PyTorch runs the model; by default on a GPU where there is one.
        dtype: PyTorch's number format; by default what suits the device.
        batch_tokens: Tokens in a batch of PyTorch's, padding included; by default 512 on a CPU and 16384 elsewhere.
        prompt: An instruction, for sentence-transformers models that take one; by default the model's own.
        trust_remote_code: Let sentence-transformers run code that comes with the model.
    """

    model: str | BaseCrossEncoder | None = None
    engine: Engine = "onnx"
    revision: str | None = None
    max_length: int | None = None
    long_documents: LongDocuments = "truncate"
    window: int | None = None
    threads: int | None = None
    raw_scores: bool = False
    file: str | None = None
    precision: Precision | None = None
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
        if isinstance(self.model, BaseCrossEncoder):
            return _LangChainCrossEncoder(self.model)
        fields = CrossEncoderRerank.model_fields
        own = fields.keys() - RerankCompressor.model_fields.keys()
        return cross_encoder(**{name: value for name in own if (value := getattr(self, name)) != fields[name].default})


class FlashRankRerank(RerankCompressor):
    """A model of the flashrank package as a document compressor: a drop-in for LangChain's `FlashrankRerank`.

    Attributes:
        model: A name that FlashRank knows, or a folder of that name with the model's files.
        cache_dir: Where FlashRank keeps and looks for the folders of its models.
        max_length: Tokens read of a pair; by default as many as FlashRank does.
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


class _LangChainCrossEncoder(CrossEncoder):
    """A LangChain cross-encoder, whose scores are taken as they are."""

    def __init__(self, encoder: BaseCrossEncoder) -> None:
        self._encoder = encoder
        self.model = type(encoder).__name__

    @override
    def score(self, pairs: Sequence[Pair], deadline: Deadline) -> Scored:
        scores = self._encoder.score(list(pairs))
        return Scored(scores, [0] * len(scores), [False] * len(scores))
