"""The plain fields of rerankers on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, SecretStr
from typing_extensions import override

from rerank_kit.errors import ConfigurationError
from rerank_kit.fields.base import RerankFields
from rerank_kit.local import DType, Engine, FlashRank, LongDocuments, LongQueries, OnLanguage, Precision, cross_encoder
from rerank_kit.local.onnx_answers import Output
from rerank_kit.quoting import quoted
from rerank_kit.reranker import Reranker


def _by_name(device: Any) -> Any:
    """A `torch.device` by its name, which a dump can hold."""
    return str(device) if type(device).__module__ == "torch" else device


class CrossEncoderFields(RerankFields):
    """A local cross-encoder. A setting that the engine does not have is a `ConfigurationError`."""

    model: str | None = Field(
        default=None,
        description='A folder, a hub name such as `"owner/name"`, or `None` for the embedded English model.',
    )
    engine: Engine = Field(
        default="auto",
        description='What runs it: `"onnx"` (ONNX Runtime), `"sentence-transformers"` (PyTorch), or `"auto"`, which is '
        "the first where the model has an ONNX file and the second where not.",
    )
    revision: str | None = Field(
        default=None, description="The hub commit, tag or branch; by default the main branch, as it is at loading."
    )
    token: SecretStr | None = Field(
        default=None,
        exclude=True,
        repr=False,
        description="For what is private on the hub; by default that of `HF_TOKEN` or of a login.",
    )
    cache_dir: str | None = Field(
        default=None, description="Where what is fetched is kept; by default where all programs keep it."
    )
    local_files_only: bool = Field(default=False, description="Ask the hub for nothing, and take what the cache has.")
    max_length: int | None = Field(
        default=None, description="Tokens read of a pair; by default as many as the model can."
    )
    long_documents: LongDocuments = Field(
        default="truncate",
        description="What to do with longer documents; the decisive part is put in `relevant_passage`.",
    )
    window: int | None = Field(default=None, description="Tokens in a window of a long document.")
    max_windows: int | None = Field(
        default=None,
        description='Windows of a document at most; by default 64, and 1024 to choose from for `"best-window"`.',
    )
    long_queries: LongQueries = Field(
        default="keep-end",
        description="Which end of a query is kept when it is longer than `max_query_length`.",
    )
    max_query_length: int | None = Field(
        default=None, description="Tokens read of a query; by default half of those of a pair."
    )
    threads: int | None = Field(default=None, description="Workers; by default the cores this process may use.")
    raw_scores: bool = Field(default=False, description="Return the model's own numbers instead of scores from 0 to 1.")
    file: str | None = Field(default=None, description="The ONNX file in the folder, when it is not `model.onnx`.")
    precision: Precision | None = Field(
        default=None, description='`"int8"` takes the quantised ONNX file of the folder that suits the CPU.'
    )
    batch_size: int | None = Field(
        default=None, description="Pairs in a call of ONNX Runtime; by default 1 on a CPU and 32 on a GPU."
    )
    providers: list[str] | None = Field(
        default=None,
        description="ONNX Runtime's execution providers, best first; by default a GPU's where there is one.",
    )
    output: Output = Field(default="auto", description="What the ONNX graph answers; by default told by its name.")
    on_language: OnLanguage | None = Field(
        default=None,
        description="What the embedded model, which is English, does with queries or candidates in other scripts: "
        '`"warn"`, the default, `"skip"`, which keeps the order before, or `"raise"`.',
    )
    device: Annotated[str | int | None, BeforeValidator(_by_name)] = Field(
        default=None,
        description='Where PyTorch runs the model, such as `"cuda:0"`, a number or a `torch.device`; by default on a '
        "GPU where there is one.",
    )
    dtype: DType | None = Field(default=None, description="PyTorch's number format; by default what suits the device.")
    batch_tokens: int | None = Field(
        default=None,
        description="Tokens in a batch of PyTorch's, padding included; by default 512 on a CPU and 16384 elsewhere.",
    )
    template: str | None = Field(
        default=None,
        description="The prompt of a model that wants one, with `{query}`, `{document}` and, optionally, "
        "`{instruction}` in it; by default its own, or that of its family.",
    )
    instruction: str | None = Field(
        default=None,
        description="What a model that takes an instruction is told to judge by; by default its own, or its family's.",
    )
    answers: list[str] | None = Field(
        default=None,
        description="The tokens of a language model whose logits are the score, such as `['yes', 'no']`; by default "
        "its own, or those of its family.",
    )
    prompt: str | None = Field(default=None, description="The instruction, as sentence-transformers calls it.")
    trust_remote_code: bool = Field(
        default=False, description="Let sentence-transformers run code that comes with the model."
    )

    @override
    def _left_behind(self) -> set[str]:
        """The token: where a pickle arrives, it is read from the environment or a login."""
        return set() if self.token is None else {"token"}

    @override
    def _build(self) -> Reranker:
        fields = CrossEncoderFields.model_fields
        own = fields.keys() - RerankFields.model_fields.keys()
        return cross_encoder(**{name: value for name in own if (value := getattr(self, name)) != fields[name].default})


class FlashRankFields(RerankFields):
    """A model of the flashrank package. See `rerank_kit.local.FlashRank`."""

    model: str = Field(
        default="ms-marco-MiniLM-L-12-v2",
        description="A name that FlashRank knows, or a folder of that name with the model's files.",
    )
    cache_dir: str | None = Field(
        default=None,
        description="Where FlashRank keeps and looks for the folders of its models; by default where it does.",
    )
    max_length: int | None = Field(default=None, description="Tokens read of a pair; by default 512.")
    long_queries: LongQueries = Field(
        default="keep-end",
        description="Which end of a query is kept when it is longer than `max_query_length`.",
    )
    max_query_length: int | None = Field(
        default=None, description="Tokens read of a query; by default half of those of a pair."
    )
    threads: int | None = Field(default=None, description="Workers; by default the cores this process may use.")

    _understood: ClassVar[frozenset[str]] = frozenset({"client"})

    @classmethod
    @override
    def _understand(cls, given: dict[str, Any]) -> None:
        """A `client`, which is a `flashrank.Ranker`, says which model is meant and how much it reads of a pair."""
        if "client" in given:
            for name, value in _described(given.pop("client"), given.get("model")).items():
                given.setdefault(name, value)

    @override
    def _build(self) -> Reranker:
        return FlashRank(
            self.model,
            cache_dir=self.cache_dir,
            max_length=self.max_length,
            long_queries=self.long_queries,
            max_query_length=self.max_query_length,
            threads=self.threads,
        )


def _described(client: Any, model: object) -> dict[str, Any]:
    """What a `flashrank.Ranker` was made with, as fields.

    Raises:
        ConfigurationError: It is none, or of another model than the one that is named beside it.
    """
    folder, tokenizer = getattr(client, "model_dir", None), getattr(client, "tokenizer", None)
    if not isinstance(folder, Path):
        msg = f"client must be a flashrank.Ranker, or leave it out and pass model=, not {quoted(client)}"
        raise ConfigurationError(msg)
    if model not in (None, folder.name):
        msg = f"client is a Ranker of {folder.name!r}, but model={quoted(model)}: leave one of them out"
        raise ConfigurationError(msg)
    read = None if tokenizer is None else tokenizer.truncation["max_length"]
    return {"model": folder.name, "cache_dir": str(folder.parent), **({} if read is None else {"max_length": read})}
