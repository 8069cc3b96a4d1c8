"""The plain fields of rerank APIs, under the names that the frameworks' own classes use too.

`make classes` makes a class of each one here for each framework: `CohereFields` becomes `CohereRerank`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import AliasChoices, Field, SecretStr
from typing_extensions import override

from rerank_kit.errors import ConfigurationError
from rerank_kit.fields.api import ApiFields
from rerank_kit.managed import Cohere, Endpoint, FormatName, Jina, Voyage
from rerank_kit.reranker import Reranker

__all__ = ["CohereFields", "EndpointFields", "JinaFields", "VoyageFields"]


def _key(also: str, told: str) -> Any:
    """The field of a key that goes by another name as well."""
    names = AliasChoices("api_key", also)
    return Field(default=None, exclude=True, repr=False, validation_alias=names, description=told)


class HostedFields(ApiFields):
    """Plain fields of a vendor's rerank API."""

    model: str = Field(description="The model's name.")
    base_url: str | None = Field(default=None, description="Where the API is, if not at the vendor.")
    max_tokens_per_doc: int | None = Field(default=None, ge=1, description="Longer documents are cut.")

    def _common(self) -> dict[str, Any]:
        """The arguments that every class of a vendor takes."""
        return {**self._requests(), "base_url": self.base_url, "max_tokens_per_doc": self.max_tokens_per_doc}


class CohereFields(HostedFields):
    """Cohere's rerank models."""

    model: str = Field(description='Such as `"rerank-v4.0-fast"`.')
    api_key: SecretStr | None = _key(
        "cohere_api_key",
        "The key; by default from `CO_API_KEY` or `COHERE_API_KEY`. Also under the name `cohere_api_key`.",
    )
    client: Any = Field(
        default=None,
        exclude=True,
        repr=False,
        description="A client of the cohere SDK to use instead, such as one for Bedrock or SageMaker.",
    )
    async_client: Any = Field(default=None, exclude=True, repr=False, description="An async client beside it.")
    priority: int | None = Field(default=None, ge=0, description="0 is handled first.")
    relevant_spans: bool | Mapping[str, Any] = Field(
        default=False, description="Ask which part of a document was relevant; it is put in `relevant_passage`."
    )

    @override
    def _build(self) -> Reranker:
        return Cohere(
            self.model,
            client=self.client,
            async_client=self.async_client,
            priority=self.priority,
            relevant_spans=self.relevant_spans,
            **self._common(),
        )


class VoyageFields(HostedFields):
    """Voyage's rerank models."""

    model: str = Field(description='Such as `"rerank-2.5"`.')
    api_key: SecretStr | None = _key(
        "voyage_api_key", "The key; by default from `VOYAGE_API_KEY`. Also under the name `voyage_api_key`."
    )
    top_n: int | None = Field(
        default=3,
        ge=1,
        validation_alias=AliasChoices("top_n", "top_k"),
        description="How many to return at most; `None` returns all. Also under the name `top_k`.",
    )
    instruction: str | None = Field(default=None, description="What makes a document relevant, in your own words.")
    truncation: bool = Field(
        default=True, description="Let Voyage cut what is longer than the model reads; else that is an error."
    )

    @override
    def _build(self) -> Reranker:
        return Voyage(self.model, instruction=self.instruction, truncation=self.truncation, **self._common())


class JinaFields(HostedFields):
    """Jina's rerank models."""

    model: str = Field(description='Such as `"jina-reranker-v3.5"`.')
    api_key: SecretStr | None = _key(
        "jina_api_key",
        "The key; by default from `JINA_API_KEY` or `JINAAI_API_KEY`. Also under the name `jina_api_key`.",
    )

    @override
    def _build(self) -> Reranker:
        return Jina(self.model, **self._common())


class EndpointFields(ApiFields):
    """A rerank server: TEI, infinity, vLLM, llama.cpp, SGLang, or an API like one."""

    base_url: str | Sequence[str] = Field(
        description="Where the server is; or several of one service, which are used in turn."
    )
    model: str | None = Field(
        default=None,
        validation_alias=AliasChoices("model", "model_name"),
        description="The model's name, where the server has several. Also under the name `model_name`.",
    )
    api_key: SecretStr | None = _key("auth_token", "The key, if one is needed. Also under the name `auth_token`.")
    max_tokens_per_doc: int | None = Field(default=None, ge=1, description="Longer documents are cut.")
    format: FormatName | Literal["auto"] = Field(
        default="auto", description='The wire format; `"auto"` asks the server.'
    )
    instruction: str | None = Field(
        default=None, description="What makes a document relevant, in your own words, if the model reads that."
    )
    check: Literal["warn"] | None = Field(
        default=None, description='`"warn"` tests the server after the first call, and warns of what is wrong.'
    )
    pointwise: bool = Field(default=True, description="Whether the model scores each document on its own.")

    @classmethod
    @override
    def _understand(cls, given: dict[str, Any]) -> None:
        """An `auth_token`, which is a whole header elsewhere, says the key."""
        if callable(given.get("auth_token")):
            msg = "auth_token must be a key, not a function: call it, and pass what it gives"
            raise ConfigurationError(msg)
        if isinstance(given.get("auth_token"), str):
            given["auth_token"] = given["auth_token"].removeprefix("Bearer ")

    @override
    def _build(self) -> Reranker:
        return Endpoint(
            self.base_url,
            model=self.model,
            format=self.format,
            instruction=self.instruction,
            check=self.check,
            pointwise=self.pointwise,
            max_tokens_per_doc=self.max_tokens_per_doc,
            **self._requests(),
        )
