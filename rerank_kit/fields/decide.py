"""The plain fields of a decision model that reranks."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field, SkipValidation
from typing_extensions import override

from rerank_kit.decide import DecisionLimits, DecisionModel, DecisionReranker, OpenAIDecisions, SystemOne
from rerank_kit.decide.ways import LEVELS, Ask
from rerank_kit.errors import ConfigurationError
from rerank_kit.fields.api import ApiFields
from rerank_kit.judge.abstention import Unanswerable
from rerank_kit.judge.prompts import CRITERION
from rerank_kit.quoting import class_name, quoted
from rerank_kit.reranker import Reranker


class DecisionFields(ApiFields):
    """Asks a decision model about the documents. See `rerank_kit.decide.DecisionReranker`."""

    decision_model: SkipValidation[Any] = Field(
        default=None,
        exclude=True,
        repr=False,
        description="Any decision model of the framework or of `rerank_kit.decide`; by default the one that `api` and "
        "`model` name.",
    )
    api: Literal["openai", "system_one"] = Field(
        default="openai", description='How it is asked when there is no `decision_model`: `"openai"` or `"system_one"`.'
    )
    model: str | None = Field(
        default=None, description='Its name, such as `"jev-latest"`; by default `"gpt-6-luna"`, where it is OpenAI\'s.'
    )
    base_url: str | None = Field(default=None, description="Where its API is, if not at OpenAI or TypeSafe.")
    ask: Ask = Field(default="score", description='`"score"`, `"yes-no"` or `"choice"`.')
    criterion: str = Field(
        default=CRITERION, description='What makes a document a good one, as the end of "the document …".'
    )
    levels: Sequence[str] = Field(
        default=list(LEVELS), description='What each level means with `ask="score"`, from the lowest to the highest.'
    )
    pairwise: bool = Field(default=False, description="Ask about each document in a call of its own.")
    concurrency: int = Field(default=8, description="How many calls are made side by side, where it takes several.")
    max_tokens_per_doc: int | None = Field(default=2000, ge=1, description="How many tokens of a document are sent.")
    too_long: Literal["cut", "raise"] = Field(
        default="cut", description='What a longer document does: `"cut"` cuts it, `"raise"` raises.'
    )
    max_calls: int | None = Field(default=None, description="How many calls one query may take.")
    max_cost: float | None = Field(default=None, description="How much one query may cost, in US dollars.")
    min_answerable: float | None = Field(
        default=None, description="The least probability that any document answers; by default they are ranked anyway."
    )
    unanswerable: Unanswerable = Field(
        default="none",
        description='What comes out where it is less: `"none"` gives nothing, `"flag"` says so in `rerank_degraded`.',
    )
    on_failed_call: Literal["keep", "raise"] = Field(
        default="keep",
        description='What a document without an answer does: `"keep"` keeps it unjudged, `"raise"` raises. What '
        "becomes of an error that is raised is another matter: `on_error` of LlamaIndex's class, or of `with_rerank`.",
    )
    top_n: int | None = Field(default=None, ge=1, description="How many to return at most; by default all of them.")

    _wanted: ClassVar[str] = (
        "a decision model of rerank_kit.decide, such as SystemOne(…), or your own with a method decide and limits"
    )

    @override
    def _build(self) -> Reranker:
        decider = self._client() if self.decision_model is None else self._given()
        taken = inspect.signature(DecisionReranker).parameters.keys() & DecisionFields.model_fields.keys() - {"model"}
        return DecisionReranker(decider, on_error=self.on_failed_call, **{name: getattr(self, name) for name in taken})

    def _client(self) -> DecisionModel:
        """The model behind an API."""
        if self.api == "openai":
            return OpenAIDecisions(self.model or "gpt-6-luna", base_url=self.base_url, **self._requests())
        if self.model is None:
            msg = "model must be named with api='system_one', where there is none by default: such as 'jev-latest'"
            raise ConfigurationError(msg)
        return SystemOne(self.model, base_url=self.base_url, **self._requests())

    def _given(self) -> DecisionModel:
        """The `decision_model`, checked.

        Raises:
            ConfigurationError: It is none, or there is something beside it that would have no effect.
        """
        decider = self._decider()
        is_one = callable(getattr(decider, "decide", None)) and isinstance(
            getattr(decider, "limits", None), DecisionLimits
        )
        if isinstance(decider, type) or not is_one:
            named = isinstance(decider, str)
            shown = f"{quoted(decider)}: a model's name goes to model=" if named else class_name(decider)
            msg = f"decision_model must be {self._wanted}, not {shown}"
            raise ConfigurationError(msg)
        self._check_unused("decision_model", ["api", "model", "base_url"])
        return decider

    def _decider(self) -> DecisionModel:
        """The `decision_model` as a reranker needs it. Adapters do that for those of their framework."""
        given: DecisionModel = self.decision_model
        return given
