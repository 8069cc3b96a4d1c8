"""The plain fields of late interaction."""

from __future__ import annotations

from pydantic import Field, SecretStr
from typing_extensions import override

from rerank_kit.fields.base import RerankFields
from rerank_kit.late import LateInteraction
from rerank_kit.local import Precision
from rerank_kit.reranker import Reranker


class LateInteractionFields(RerankFields):
    """A model of late interaction, such as ColBERT. See `rerank_kit.late.LateInteraction`."""

    model: str = Field(
        description='A folder, or a hub name such as `"owner/name"`, in the layout of ColBERT or of PyLate.',
    )
    store: str | None = Field(
        default=None, description="The file in which documents' vectors are kept; by default 256 MB of memory."
    )
    file: str | None = Field(default=None, description="The ONNX file in the folder, when it is not `model.onnx`.")
    precision: Precision | None = Field(
        default=None, description='`"int8"` takes the quantised ONNX file of the folder that suits the CPU.'
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
        default=None, description="Tokens read of a document; by default what the model's files say."
    )
    max_query_length: int | None = Field(
        default=None, description="Tokens read of a query; by default what the model's files say."
    )
    query_prompt: str | None = Field(
        default=None, description="The text before each query; by default what the model's files say."
    )
    document_prompt: str | None = Field(
        default=None, description="The text before each document; by default what the model's files say."
    )
    threads: int | None = Field(default=None, description="Workers; by default the cores this process may use.")
    providers: list[str] | None = Field(
        default=None,
        description="ONNX Runtime's execution providers, best first; by default a GPU's where there is one.",
    )
    raw_scores: bool = Field(
        default=False, description="Return sums over the query's vectors instead of scores from 0 to 1."
    )

    @override
    def _left_behind(self) -> set[str]:
        """The token: where a pickle arrives, it is read from the environment or a login."""
        return set() if self.token is None else {"token"}

    @override
    def _build(self) -> Reranker:
        own = LateInteractionFields.model_fields.keys() - RerankFields.model_fields.keys() - {"model"}
        return LateInteraction(self.model, **{name: getattr(self, name) for name in own})
