"""An LLM as the last judge of nodes: Claude, or any LlamaIndex LLM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.llms import LLM
from pydantic import Field, SkipValidation
from typing_extensions import override

from llama_rerank_kit.managed import ManagedRerank
from rerank_kit import Deadline, Reranker
from rerank_kit.flow import Flow
from rerank_kit.judge import Anthropic, ChatModel, Completion, LLMJudge, Mode, Prompt
from rerank_kit.judge.chat import NEVER
from rerank_kit.judge.counted import counted, stopped
from rerank_kit.judge.foreign import foreign
from rerank_kit.judge.judge import PLAIN_SETTINGS
from rerank_kit.judge.prompts import CRITERION
from rerank_kit.managed.answers import is_list, is_mapping


class LlamaIndexChat:
    """Any LlamaIndex LLM, for `rerank_kit.judge.LLMJudge`.

    Its own settings hold: temperature, most tokens, timeout, retries. The form of the answer is left to the prompt.

    Attributes:
        model: The model's name, by which its price is found.
    """

    def __init__(self, llm: LLM) -> None:
        """Take an LLM."""
        self.model: str | None = llm.metadata.model_name
        self._llm = llm

    def complete(self, prompt: Prompt, deadline: Deadline = NEVER) -> Flow[Completion]:
        """Ask the model."""
        messages = [
            ChatMessage(role=MessageRole.SYSTEM, content=prompt.system),
            ChatMessage(role=MessageRole.USER, content="\n".join(prompt.parts)),
        ]
        llm = self._llm
        answer: Any = yield from foreign(
            type(llm).__name__, lambda: llm.chat(messages), lambda: llm.achat(messages), deadline
        )
        raw = _plain(answer.raw)
        choices = raw.get("choices")
        first = _plain(choices[0] if is_list(choices) and choices else None)
        stop = stopped(raw.get("stop_reason") or first.get("finish_reason"))
        usage = _plain(raw.get("usage")) or answer.additional_kwargs
        return Completion(answer.message.content or "", stop, counted(usage))

    def __repr__(self) -> str:
        """Say which model this is; what else the LLM holds may be secret."""
        return f"{type(self).__name__}({type(self._llm).__name__}, model={self.model!r})"


def _plain(value: Any) -> Mapping[str, Any]:
    """What an SDK answered, or a part of it, as a mapping; empty where it is none."""
    dumped: Any = value.model_dump() if hasattr(value, "model_dump") else value
    return dumped if is_mapping(dumped) else {}


class LLMJudgeRerank(ManagedRerank):
    """Has an LLM decide whether nodes answer the query. See `rerank_kit.judge.LLMJudge`.

    The verdict is in `relevance_verdict`, the reason in `relevance_reason`.

    Attributes:
        llm: Any LlamaIndex LLM, or a chat model of `rerank_kit.judge`; by default the Claude model of that name.
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
        top_n: How many nodes to return at most; by default all that the judge lets through.
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
        if isinstance(self.llm, LLM):
            return LlamaIndexChat(self.llm)
        if self.llm is not None:
            given: ChatModel = self.llm
            return given
        return Anthropic(self.model, base_url=self.base_url, **self._requests())
