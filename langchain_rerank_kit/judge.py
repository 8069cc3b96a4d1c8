"""An LLM as the last judge of documents: Claude, or any LangChain chat model."""

from __future__ import annotations

import json
from typing import Any, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from pydantic import Field, SkipValidation
from typing_extensions import override

from langchain_rerank_kit.managed import ManagedRerank
from rerank_kit import Deadline, InvalidResponse, Reranker
from rerank_kit.flow import Flow
from rerank_kit.judge import Anthropic, ChatModel, Completion, LLMJudge, Mode, Prompt
from rerank_kit.judge.chat import NEVER
from rerank_kit.judge.counted import counted, stopped
from rerank_kit.judge.foreign import foreign
from rerank_kit.judge.judge import PLAIN_SETTINGS
from rerank_kit.judge.prompts import CRITERION
from rerank_kit.managed.answers import is_mapping


class LangChainChat:
    """Any LangChain chat model, for `rerank_kit.judge.LLMJudge`.

    Its own settings hold: temperature, most tokens, timeout, retries. Its runs appear below that of the reranking.

    Attributes:
        model: The model's name, by which its price is found.
    """

    def __init__(self, llm: BaseChatModel, *, structured: bool | None = None) -> None:
        """Take a chat model.

        Args:
            llm: The chat model.
            structured: Hold it to the form of the answer by its `with_structured_output`; by default if it has one.
        """
        name = getattr(llm, "model_name", None) or getattr(llm, "model", None)
        self.model = name if isinstance(name, str) else None
        self._llm = llm
        self._structured = _has_structured_output(llm) if structured is None else structured

    def complete(self, prompt: Prompt, deadline: Deadline = NEVER) -> Flow[Completion]:
        """Ask the model."""
        messages = [SystemMessage(prompt.system), HumanMessage("\n".join(prompt.parts))]
        asked: Any = self._llm
        if self._structured and prompt.schema:
            schema = {"title": "answer", "description": "The answer.", **prompt.schema}
            asked = self._llm.with_structured_output(schema, include_raw=True)
        name = type(self._llm).__name__
        answer: Any = yield from foreign(
            name, lambda: asked.invoke(messages), lambda: asked.ainvoke(messages), deadline
        )
        whole = answer if is_mapping(answer) else {"raw": answer}
        parsed, message = whole.get("parsed"), whole.get("raw")
        if not isinstance(message, BaseMessage):
            msg = f"{name} answered with no message but with {type(message).__name__}"
            raise InvalidResponse(msg, backend=name)
        text = str(message.text) if parsed is None else json.dumps(parsed, ensure_ascii=False)
        told = message.response_metadata
        stop = stopped(told.get("stop_reason") or told.get("finish_reason"))
        usage: Any = getattr(message, "usage_metadata", None) or {}
        return Completion(text, stop, counted({"input_token_details": {}, **usage}))

    def __repr__(self) -> str:
        """Say which model this is; what else the chat model holds may be secret."""
        return f"{type(self).__name__}({type(self._llm).__name__}, model={self.model!r})"


def _has_structured_output(llm: BaseChatModel) -> bool:
    own = type(llm)
    return (
        own.with_structured_output is not BaseChatModel.with_structured_output
        or own.bind_tools is not BaseChatModel.bind_tools
    )


class LLMJudgeRerank(ManagedRerank):
    """Has an LLM decide whether documents answer the query. See `rerank_kit.judge.LLMJudge`.

    The verdict is in `metadata["relevance_verdict"]`, the reason in `metadata["relevance_reason"]`.

    Attributes:
        llm: Any LangChain chat model, or a chat model of `rerank_kit.judge`; by default the Claude model of that name.
        model: The Claude model that judges when there is no `llm`.
        api_key: Its key; by default from `ANTHROPIC_API_KEY`.
        mode: `"filter"`, `"grade"` or `"listwise"`.
        criterion: What makes a document a good one, as the end of "the document …".
        instructions: The system prompt, if not the one that comes along.
        concurrency: How many calls are made side by side.
        documents_per_call: How many documents go into a call, in mode `"grade"`.
        window: How many documents are put in order at a time, in mode `"listwise"`.
        step: By how many documents the window moves; by default by half of it.
        min_keep: How many documents a filter returns at least; 0 lets it return none.
        keep_order: Whether a filter keeps the order of what it lets through.
        samples: How often each question is asked; the majority counts.
        max_calls: How many calls one query may take.
        max_cost: How much one query may cost, in US dollars.
        max_tokens_per_doc: Longer documents are cut.
        on_failed_call: What a call that fails does: `"keep"` keeps the documents unjudged, `"raise"` raises.
        top_n: How many documents to return at most; by default all that the judge lets through.
    """

    llm: SkipValidation[Any] = Field(default=None, exclude=True, repr=False)
    model: str = "claude-haiku-5-5"
    mode: Mode = "filter"
    criterion: str = CRITERION
    instructions: str | None = None
    concurrency: int = 8
    documents_per_call: int = 10
    window: int = 20
    step: int | None = None
    min_keep: int = 1
    keep_order: bool = True
    samples: int = 1
    max_calls: int | None = None
    max_cost: float | None = None
    max_tokens_per_doc: int | None = Field(default=2000, ge=1)
    on_failed_call: Literal["keep", "raise"] = "keep"
    top_n: int | None = Field(default=None, ge=1)

    @override
    def _build(self) -> Reranker:
        settings = {name: getattr(self, name) for name in PLAIN_SETTINGS}
        return LLMJudge(self._chat(), on_error=self.on_failed_call, **settings)

    def _chat(self) -> ChatModel:
        if isinstance(self.llm, BaseChatModel):
            return LangChainChat(self.llm)
        if self.llm is not None:
            given: ChatModel = self.llm
            return given
        return Anthropic(self.model, base_url=self.base_url, **self._requests())
