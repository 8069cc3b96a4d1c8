"""The wire formats of self-hosted servers and of further APIs, as a table: they differ in a few names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from rerank_kit.api.exchange import Request
from rerank_kit.api.json_values import amount
from rerank_kit.errors import ConfigurationError
from rerank_kit.managed.results import Decoded, result, rows
from rerank_kit.managed.split import Limits
from rerank_kit.values import Usage

FormatName: TypeAlias = Literal[
    "cohere",
    "contextual",
    "infinity",
    "jina",
    "llama.cpp",
    "mixedbread",
    "openrouter",
    "pinecone",
    "sglang",
    "tei",
    "vllm",
    "vllm-score",
    "voyage",
    "zeroentropy",
]


@dataclass(frozen=True, slots=True)
class Format:
    """How a server wants to be asked, and how it answers. The defaults are those of most.

    Attributes:
        path: The API's path.
        query: The name of the query.
        documents: The name of the list of documents.
        wrap: The name of the text in each document, where documents are objects.
        top_n: The name of the number of results; `None` where there is none and all come back.
        results: The name of the list of results; `None` where the answer is the list.
        score: The name of a score.
        model: Whether a model's name is sent.
        instruction: The name of what says, in the user's words, what makes a document relevant; `None` where there is
            no field for it.
        extra: What else to send.
        key_header: The header that carries the key, and what stands before it.
        key_variable: The environment variable of the key.
        headers: What else goes into the head.
        hosts: Hosts on which this format is spoken.
        limits: The most it takes in one request.
        longest: The most characters of a document.
    """

    path: str = "/rerank"
    query: str = "query"
    documents: str = "documents"
    wrap: str | None = None
    top_n: str | None = "top_n"
    results: str | None = "results"
    score: str = "relevance_score"
    model: bool = True
    instruction: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])
    key_header: tuple[str, str] = ("authorization", "Bearer ")
    key_variable: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    hosts: Sequence[str] = ()
    limits: Limits = field(default_factory=Limits)
    longest: int | None = None

    def encode(
        self, model: str | None, query: str, texts: Sequence[str], top_n: int, instruction: str | None = None
    ) -> Request:
        """What to send."""
        documents = list(texts) if self.wrap is None else [{self.wrap: text} for text in texts]
        body: dict[str, Any] = {self.query: query, self.documents: documents, **self.extra}
        if self.top_n is not None:
            body[self.top_n] = top_n
        if self.model and model is not None:
            body["model"] = model
        if self.instruction is not None and instruction is not None:
            body[self.instruction] = instruction
        return Request(self.path, body)

    def decode(self, body: Any) -> Decoded:
        """What the answer says."""
        results = [result(row, self.score) for row in rows(body, self.results)]
        tokens = int(amount(body, "usage", "total_tokens"))
        return Decoded(results, Usage(tokens=tokens, units=amount(body, "usage", "search_units")))


FORMATS: Mapping[FormatName, Format] = {
    "cohere": Format(
        path="/v2/rerank", limits=Limits(documents=1000), key_variable="CO_API_KEY", hosts=["api.cohere.com"]
    ),
    # https://docs.contextual.ai/api-reference/rerank/rerank
    "contextual": Format(
        path="/v1/rerank", instruction="instruction", key_variable="CONTEXTUAL_API_KEY", hosts=["api.contextual.ai"]
    ),
    # A string of more than 122,880 characters, or a list of more than 2,048, is refused: infinity_emb/fastapi_schemas
    "infinity": Format(limits=Limits(documents=2048), longest=122_880),
    "jina": Format(path="/v1/rerank", key_variable="JINA_API_KEY", hosts=["api.jina.ai"]),
    # https://github.com/ggml-org/llama.cpp/tree/master/tools/server
    "llama.cpp": Format(path="/v1/rerank"),
    # https://www.mixedbread.com/api-reference/endpoints/reranking
    "mixedbread": Format(
        path="/v1/reranking",
        documents="input",
        top_n="top_k",
        results="data",
        score="score",
        extra={"return_input": False},
        key_variable="MXBAI_API_KEY",
        hosts=["api.mixedbread.com", "api.mixedbread.ai"],
    ),
    "openrouter": Format(path="/api/v1/rerank", key_variable="OPENROUTER_API_KEY", hosts=["openrouter.ai"]),
    # https://docs.pinecone.io/reference/api/latest/inference/rerank
    "pinecone": Format(
        wrap="text",
        results="data",
        score="score",
        extra={"return_documents": False},
        key_header=("api-key", ""),
        key_variable="PINECONE_API_KEY",
        headers={"x-pinecone-api-version": "2024-10"},
        hosts=["api.pinecone.io"],
    ),
    # instruct: https://github.com/sgl-project/sglang/pull/16403
    "sglang": Format(path="/v1/rerank", results=None, score="score", instruction="instruct"),
    # It has no top_n, calls documents texts, and cuts what is too long by itself, if told to:
    # https://huggingface.github.io/text-embeddings-inference/
    "tei": Format(
        documents="texts",
        top_n=None,
        results=None,
        score="score",
        model=False,
        extra={"truncate": True},
        limits=Limits(documents=32, bytes=1_500_000),
    ),
    # Without truncate_prompt_tokens one long document fails the request; -1 is the model's own maximum:
    # https://github.com/vllm-project/vllm/issues/24737
    # instruction: https://github.com/vllm-project/vllm/pull/42412
    "vllm": Format(path="/v1/rerank", instruction="instruction", extra={"truncate_prompt_tokens": -1}),
    "vllm-score": Format(
        path="/score",
        query="text_1",
        documents="text_2",
        top_n=None,
        results="data",
        score="score",
        instruction="instruction",
        extra={"truncate_prompt_tokens": -1},
    ),
    "voyage": Format(
        path="/v1/rerank",
        top_n="top_k",
        results="data",
        limits=Limits(documents=1000, tokens=600_000),
        key_variable="VOYAGE_API_KEY",
        hosts=["api.voyageai.com", "ai.mongodb.com"],
    ),
    # https://docs.zeroentropy.dev/api-reference/models/rerank
    "zeroentropy": Format(
        path="/v1/models/rerank",
        limits=Limits(bytes=4_000_000),
        key_variable="ZEROENTROPY_API_KEY",
        hosts=["api.zeroentropy.dev"],
    ),
}

OWNERS: Mapping[str, FormatName] = {"infinity": "infinity", "llamacpp": "llama.cpp", "sglang": "sglang", "vllm": "vllm"}
"""What servers say of themselves in the list of their models, as `owned_by`."""


def by_host(host: str | None) -> FormatName | None:
    """The format that is spoken on a host."""
    return next((name for name, spoken in FORMATS.items() if host in spoken.hosts), None)


def check_instruction(spoken: FormatName, instruction: str | None) -> None:
    """Refuse an instruction where a format has no field for one.

    Raises:
        ConfigurationError: It has none.
    """
    if instruction is None or FORMATS[spoken].instruction is not None:
        return
    able = ", ".join(name for name, each in FORMATS.items() if each.instruction is not None)
    also = "; Voyage(instruction=) puts it before the query" if spoken == "voyage" else ""
    msg = (
        f"instruction= cannot be sent in the format {spoken}, which has no field for it{also}: leave it out, or put it "
        f"into the query if the model reads it there. Formats with a field for it are {able}"
    )
    raise ConfigurationError(msg)
