"""An LLM as the last judge of nodes: Claude, or any LlamaIndex LLM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.llms import LLM
from typing_extensions import override

from llama_rerank_kit.postprocessor import RerankPostprocessor
from rerank_kit import Deadline, InvalidResponse
from rerank_kit.api.json_values import is_list, is_mapping
from rerank_kit.arguments import named
from rerank_kit.checks import check_instance
from rerank_kit.fields import JudgeFields
from rerank_kit.flow import Flow
from rerank_kit.judge import ChatModel, Completion, Prompt
from rerank_kit.judge.chat import NEVER
from rerank_kit.judge.framework_models import ask_framework_model
from rerank_kit.judge.usage import stop_of, usage_of
from rerank_kit.quoting import whole


class LlamaIndexChat:
    """Any LlamaIndex LLM, for `rerank_kit.judge.LLMJudge`.

    Its own settings hold: temperature, most tokens, timeout, retries. The form of the answer is left to the prompt.

    Attributes:
        model: The model's name, by which its price is found.
    """

    @named
    def __init__(self, llm: LLM) -> None:
        """Take an LLM."""
        check_instance("llm", llm, LLM, "a LlamaIndex LLM")
        name: object = llm.metadata.model_name
        self.model = name if isinstance(name, str) else None
        self._llm = llm

    def complete(self, prompt: Prompt, deadline: Deadline = NEVER) -> Flow[Completion]:
        """Ask the model."""
        messages = [
            *(ChatMessage(role=MessageRole.SYSTEM, content=text) for text in prompt.instructions),
            ChatMessage(role=MessageRole.USER, content="\n".join(prompt.parts)),
        ]
        llm = self._llm
        answer: Any = yield from ask_framework_model(
            type(llm).__name__, lambda: llm.chat(messages), lambda: llm.achat(messages), deadline, model=llm
        )
        text = answer.message.content or ""
        if not isinstance(text, str):
            msg = f"{type(llm).__name__} answered with no ChatResponse whose message has a text"
            raise InvalidResponse(msg, backend=type(llm).__name__)
        raw = _plain(answer.raw)
        choices = raw.get("choices")
        first = _plain(choices[0] if is_list(choices) and choices else None)
        stop = stop_of(raw.get("stop_reason") or first.get("finish_reason"))
        usage = _plain(raw.get("usage")) or answer.additional_kwargs
        return Completion(text, stop, usage_of(usage, requests=1))

    @whole
    def __repr__(self) -> str:
        """Say which model this is; what else the LLM holds may be secret."""
        return f"{type(self).__name__}({type(self._llm).__name__}, model={self.model!r})"


def _plain(value: Any) -> Mapping[str, Any]:
    """What an SDK answered, or a part of it, as a mapping; empty where it is none."""
    dumped: Any = value.model_dump() if hasattr(value, "model_dump") else value
    return dumped if is_mapping(dumped) else {}


class LLMJudgeRerank(JudgeFields, RerankPostprocessor):
    """Has an LLM decide whether nodes answer the query. See `rerank_kit.judge.LLMJudge`.

    The verdict is in `relevance_verdict`, the reason in `relevance_reason`.
    """

    @override
    def _chat(self) -> ChatModel:
        return LlamaIndexChat(self.llm) if isinstance(self.llm, LLM) else super()._chat()
