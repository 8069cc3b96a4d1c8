"""The plain fields of an LLM that judges."""

from __future__ import annotations

import inspect
from typing import Any, Literal

from pydantic import Field, SkipValidation
from typing_extensions import override

from rerank_kit.fields.api import ApiFields
from rerank_kit.judge import Anthropic, ChatModel, LLMJudge, Mode
from rerank_kit.judge.abstention import Unanswerable
from rerank_kit.judge.chat import check_chat_model
from rerank_kit.judge.prompts import CRITERION
from rerank_kit.reranker import Reranker


class JudgeFields(ApiFields):
    """Has an LLM decide whether documents answer the query. See `rerank_kit.judge.LLMJudge`."""

    llm: SkipValidation[Any] = Field(
        default=None,
        exclude=True,
        repr=False,
        description="Any chat model of the framework or of `rerank_kit.judge`; by default Claude, named by `model`.",
    )
    model: str = Field(default="claude-haiku-5-5", description="The Claude model that judges when there is no `llm`.")
    base_url: str | None = Field(default=None, description="Where its API is, if not at Anthropic.")
    mode: Mode = Field(default="filter", description='`"filter"`, `"grade"` or `"listwise"`.')
    criterion: str = Field(
        default=CRITERION, description='What makes a document a good one, as the end of "the document …".'
    )
    instructions: str | None = Field(default=None, description="The system prompt, if not the one that comes along.")
    concurrency: int = Field(default=8, description="How many calls are made side by side.")
    documents_per_call: int = Field(default=10, description='How many documents go into a call, in mode `"grade"`.')
    window: int = Field(default=20, description='How many documents are put in order at a time, in mode `"listwise"`.')
    step: int | None = Field(
        default=None, description="By how many documents the window moves; by default by half of it."
    )
    min_keep: int = Field(default=1, description="How many documents a filter returns at least; 0 lets it return none.")
    keep_order: bool = Field(default=True, description="Whether a filter keeps the order of what it lets through.")
    samples: int = Field(default=1, description="How often each question is asked; the majority counts.")
    max_calls: int | None = Field(default=None, description="How many calls one query may take.")
    max_cost: float | None = Field(default=None, description="How much one query may cost, in US dollars.")
    max_tokens_per_doc: int | None = Field(default=2000, ge=1, description="Longer documents are cut.")
    label_enum: bool | None = Field(
        default=None,
        description="Whether the schema of an answer allows no labels but those asked about; by default where a server "
        "compiles a grammar for every request anyway, as Ollama and llama.cpp do.",
    )
    on_failed_call: Literal["keep", "raise"] = Field(
        default="keep",
        description='What a document without a verdict does: `"keep"` keeps it unjudged, `"raise"` raises. What '
        "becomes of an error that is raised is another matter: `on_error` of LlamaIndex's class, or of `with_rerank`.",
    )
    min_answerable: float | None = Field(
        default=None, description='The least share of votes that some document has to have, in mode `"filter"`.'
    )
    unanswerable: Unanswerable = Field(
        default="none",
        description='What comes out where none has: `"none"` gives nothing, `"flag"` says so in `rerank_degraded`.',
    )
    top_n: int | None = Field(
        default=None, ge=1, description="How many to return at most; by default all that the judge lets through."
    )

    @override
    def _build(self) -> Reranker:
        if self.llm is None:
            chat: ChatModel = Anthropic(self.model, base_url=self.base_url, **self._requests())
        else:
            chat = self._chat()
            check_chat_model("llm", chat, "a chat model of the framework, or one with a method complete")
            self._check_unused("llm", ["model", "base_url"])
        taken = inspect.signature(LLMJudge).parameters.keys() & JudgeFields.model_fields.keys() - {"model"}
        return LLMJudge(chat, on_error=self.on_failed_call, **{name: getattr(self, name) for name in taken})

    def _chat(self) -> ChatModel:
        """The `llm` as a judge needs it. Adapters do that for those of their framework."""
        given: ChatModel = self.llm
        return given
