"""Rerank APIs as document compressors, in plain fields, under the names that LangChain's own classes use too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import AliasChoices, ConfigDict, Field, SecretStr
from typing_extensions import override

from langchain_rerank_kit.compressor import RerankCompressor
from rerank_kit import Reranker
from rerank_kit.managed import Cohere, Endpoint, FormatName, Jina, Voyage


class ManagedRerank(RerankCompressor):
    """What the classes of this module share.

    Keys come from the argument or the environment. They are part of no repr, dump, `to_dict` or pickle.

    Attributes:
        model: The model's name.
        api_key: The key; by default from the environment variable of the vendor.
        base_url: Where the API is, if not at the vendor.
        max_tokens_per_doc: Longer documents are cut.
        max_retries: How often a request is repeated after no answer, 408, 409, 429 or 5xx.
        request_timeout: Seconds allowed for one request; `timeout` bounds the whole call.
    """

    model: str
    api_key: SecretStr | None = Field(default=None, exclude=True, repr=False)
    base_url: str | None = None
    max_tokens_per_doc: int | None = Field(default=None, ge=1)
    max_retries: int = Field(default=2, ge=0)
    request_timeout: float = Field(default=30.0, gt=0)

    model_config = ConfigDict(protected_namespaces=(), populate_by_name=True, hide_input_in_errors=True)

    def _requests(self) -> dict[str, Any]:
        """The arguments of every client of an API."""
        return {"api_key": self.api_key, "max_retries": self.max_retries, "timeout": self.request_timeout}

    def _common(self) -> dict[str, Any]:
        """The arguments that all rerankers here take."""
        return {**self._requests(), "max_tokens_per_doc": self.max_tokens_per_doc}

    @override
    def __getstate__(self) -> dict[Any, Any]:
        """Pickles leave the key behind: where they arrive, it is read from the environment."""
        state = super().__getstate__()
        kept = {name: None if type(self).model_fields[name].exclude else value for name, value in vars(self).items()}
        return {**state, "__dict__": kept}


class CohereRerank(ManagedRerank):
    """Cohere's rerank models. See `rerank_kit.managed.Cohere`.

    Attributes:
        model: Such as `"rerank-v4.0-fast"`.
        api_key: The key; by default from `CO_API_KEY` or `COHERE_API_KEY`. Also under the name `cohere_api_key`.
        client: A client of the cohere SDK to use instead, such as one for Bedrock or SageMaker.
        async_client: An async client beside it.
        priority: 0 is handled first.
        relevant_spans: Ask which part of a document was relevant; it is put in `metadata["relevant_passage"]`.
    """

    api_key: SecretStr | None = Field(
        default=None, exclude=True, repr=False, validation_alias=AliasChoices("api_key", "cohere_api_key")
    )
    client: Any = Field(default=None, exclude=True, repr=False)
    async_client: Any = Field(default=None, exclude=True, repr=False)
    priority: int | None = Field(default=None, ge=0)
    relevant_spans: bool | Mapping[str, Any] = False

    @override
    def _build(self) -> Reranker:
        return Cohere(
            self.model,
            base_url=self.base_url,
            client=self.client,
            async_client=self.async_client,
            priority=self.priority,
            relevant_spans=self.relevant_spans,
            **self._common(),
        )


class VoyageRerank(ManagedRerank):
    """Voyage's rerank models. See `rerank_kit.managed.Voyage`.

    Attributes:
        model: Such as `"rerank-2.5"`.
        api_key: The key; by default from `VOYAGE_API_KEY`. Also under the name `voyage_api_key`.
        top_n: How many to return at most; `None` returns all. Also under the name `top_k`.
        instruction: What makes a document relevant, in your own words.
        truncation: Let Voyage cut what is longer than the model reads; else that is an error.
    """

    api_key: SecretStr | None = Field(
        default=None, exclude=True, repr=False, validation_alias=AliasChoices("api_key", "voyage_api_key")
    )
    top_n: int | None = Field(default=3, ge=1, validation_alias=AliasChoices("top_n", "top_k"))
    instruction: str | None = None
    truncation: bool = True

    @override
    def _build(self) -> Reranker:
        return Voyage(
            self.model,
            base_url=self.base_url,
            instruction=self.instruction,
            truncation=self.truncation,
            **self._common(),
        )


class JinaRerank(ManagedRerank):
    """Jina's rerank models. See `rerank_kit.managed.Jina`.

    Attributes:
        model: Such as `"jina-reranker-v3.5"`.
        api_key: The key; by default from `JINA_API_KEY`. Also under the name `jina_api_key`.
    """

    api_key: SecretStr | None = Field(
        default=None, exclude=True, repr=False, validation_alias=AliasChoices("api_key", "jina_api_key")
    )

    @override
    def _build(self) -> Reranker:
        return Jina(self.model, base_url=self.base_url, **self._common())


class EndpointRerank(ManagedRerank):
    """A rerank server: TEI, infinity, vLLM, llama.cpp, SGLang, or an API like one. See `rerank_kit.managed.Endpoint`.

    Attributes:
        base_url: Where the server is; or several of one service, which are used in turn.
        model: The model's name, where the server has several. Also under the name `model_name`.
        format: The wire format; `"auto"` asks the server.
        api_key: The key, if one is needed. Also under the name `auth_token`.
        pointwise: Whether the model scores each document on its own.
    """

    base_url: str | Sequence[str]  # type: ignore[assignment]  # required here
    model: str | None = Field(default=None, validation_alias=AliasChoices("model", "model_name"))  # type: ignore[assignment]
    api_key: SecretStr | None = Field(
        default=None, exclude=True, repr=False, validation_alias=AliasChoices("api_key", "auth_token")
    )
    format: FormatName | Literal["auto"] = "auto"
    pointwise: bool = True

    @override
    def _build(self) -> Reranker:
        return Endpoint(self.base_url, model=self.model, format=self.format, pointwise=self.pointwise, **self._common())
