"""An LLM as the last judge of documents: Claude, or any LangChain chat model."""

from __future__ import annotations

import json
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from typing_extensions import override

from langchain_rerank_kit.compressor import RerankCompressor
from rerank_kit import Deadline, InvalidResponse
from rerank_kit.api.json_values import is_mapping
from rerank_kit.arguments import named
from rerank_kit.checks import check_instance
from rerank_kit.fields import JudgeFields
from rerank_kit.flow import Flow
from rerank_kit.judge import ChatModel, Completion, Prompt
from rerank_kit.judge.chat import NEVER
from rerank_kit.judge.framework_models import ask_framework_model
from rerank_kit.judge.openai_compatible import makes_grammars
from rerank_kit.judge.usage import stop_of, usage_of
from rerank_kit.quoting import whole

_MAKE_GRAMMARS = frozenset({"ChatOllama", "ChatLlamaCpp"})


class LangChainChat:
    """Any LangChain chat model, for `rerank_kit.judge.LLMJudge`.

    Its own settings hold: temperature, most tokens, timeout, retries. Its runs appear below that of the reranking.

    Attributes:
        model: The model's name, by which its price is found.
    """

    @named
    def __init__(self, llm: BaseChatModel, *, structured: bool | None = None) -> None:
        """Take a chat model.

        Args:
            llm: The chat model.
            structured: Hold it to the form of the answer by its `with_structured_output`; by default if it has one.
        """
        check_instance("llm", llm, BaseChatModel, "a LangChain chat model")
        name = getattr(llm, "model_name", None) or getattr(llm, "model", None)
        self.model = name if isinstance(name, str) else None
        self._llm = llm
        self._structured = _has_structured_output(llm) if structured is None else structured

    @property
    def grammar_per_request(self) -> bool:
        """Whether the server is known to make a grammar of the schema for every request, as Ollama and llama.cpp do."""
        names = {each.__name__ for each in type(self._llm).__mro__}
        return bool(names & _MAKE_GRAMMARS) or makes_grammars(getattr(self._llm, "openai_api_base", None))

    def complete(self, prompt: Prompt, deadline: Deadline = NEVER) -> Flow[Completion]:
        """Ask the model."""
        messages = [*map(SystemMessage, prompt.instructions), HumanMessage("\n".join(prompt.parts))]
        asked: Any = self._llm
        if self._structured and prompt.schema:
            schema = {"title": "answer", "description": "The answer.", **prompt.schema}
            asked = self._llm.with_structured_output(schema, include_raw=True)
        name = type(self._llm).__name__
        answer: Any = yield from ask_framework_model(
            name, lambda: asked.invoke(messages), lambda: asked.ainvoke(messages), deadline, model=self._llm
        )
        whole = answer if is_mapping(answer) else {"raw": answer}
        parsed, message = whole.get("parsed"), whole.get("raw")
        if not isinstance(message, BaseMessage):
            msg = f"{name} answered with no message but with {type(message).__name__}"
            raise InvalidResponse(msg, backend=name)
        text = _as_json(name, parsed) if parsed is not None else str(message.text)
        told = message.response_metadata
        stop = stop_of(told.get("stop_reason") or told.get("finish_reason"))
        usage: Any = getattr(message, "usage_metadata", None) or {}
        return Completion(text, stop, usage_of({"input_token_details": {}, **usage}, requests=1))

    @whole
    def __repr__(self) -> str:
        """Say which model this is; what else the chat model holds may be secret."""
        return f"{type(self).__name__}({type(self._llm).__name__}, model={self.model!r})"


def _as_json(name: str, parsed: object) -> str:
    try:
        return json.dumps(parsed, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        msg = f"{name} answered with what is no JSON: {error}"
        raise InvalidResponse(msg, backend=name) from error


def _has_structured_output(llm: BaseChatModel) -> bool:
    theirs = {"with_structured_output": BaseChatModel.with_structured_output, "bind_tools": BaseChatModel.bind_tools}
    return any(getattr(type(llm), name, method) is not method for name, method in theirs.items())


class LLMJudgeRerank(JudgeFields, RerankCompressor):
    """Has an LLM decide whether documents answer the query. See `rerank_kit.judge.LLMJudge`.

    The verdict is in `metadata["relevance_verdict"]`, the reason in `metadata["relevance_reason"]`.
    """

    @override
    def _chat(self) -> ChatModel:
        return LangChainChat(self.llm) if isinstance(self.llm, BaseChatModel) else super()._chat()
