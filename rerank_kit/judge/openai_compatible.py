"""`OpenAICompatible`: any server that speaks OpenAI's chat completions: vLLM, llama.cpp, Ollama, SGLang, gateways."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, Unpack
from urllib.parse import urlsplit

from rerank_kit.api.answer_size import longest_answer
from rerank_kit.api.client import ApiClient, ClientOptions
from rerank_kit.api.exchange import Request
from rerank_kit.api.json_values import is_list, is_mapping, shown
from rerank_kit.api.secret import Secret
from rerank_kit.checks import check_choice, check_instance, check_text
from rerank_kit.errors import ConfigurationError, InvalidResponse
from rerank_kit.flow import Flow
from rerank_kit.judge.chat import NEVER, Completion, Prompt, Stop
from rerank_kit.judge.usage import stop_of, usage_of
from rerank_kit.quoting import quoted, whole
from rerank_kit.values import Deadline

_GRAMMAR_PER_REQUEST = frozenset({1234, 11434})  # the ports of LM Studio and Ollama
_PATH = "/v1/chat/completions"
_LIMITS = ("max_tokens", "max_completion_tokens")  # what models that think call it


class OpenAICompatible(ApiClient):
    """A chat model behind an OpenAI-compatible URL.

    Attributes:
        model: The model's name, as the server knows it.
        structured: How the server is asked for JSON.
    """

    model: str | None = None
    bare = True

    def __init__(
        self,
        base_url: str,
        *,
        model: str,
        api_key: object = None,
        structured: Literal["json_schema", "json_object", "none"] = "json_schema",
        extra: Mapping[str, Any] | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        """Check the settings; nothing is sent yet.

        Args:
            base_url: Where the API is, such as `"http://localhost:8000/v1"`; with or without the rest of its path.
            model: The model's name.
            api_key: The key, if one is needed.
            structured: `"json_schema"` holds the model to the form of the answer; `"json_object"` is for servers that
                only know that; `"none"` leaves it to the prompt.
            extra: Further fields of the request, such as `{"temperature": 0}` or, for models that think,
                `{"chat_template_kwargs": {"enable_thinking": False}}`. They win over ours, and one that is `None` is
                left out: `{"max_tokens": None, "max_completion_tokens": 2000}` is what OpenAI's own models ask for.
            **options: See `ClientOptions`.

        Raises:
            ConfigurationError: An argument is wrong.
        """
        check_choice("structured", structured, ("json_schema", "json_object", "none"))
        self.model = check_text("model", model)
        self.structured = structured
        self._extra = {} if extra is None else _plain(extra)
        self._is_llama_cpp = False
        super().__init__(base_url=base_url, api_key=Secret(api_key, required=False), **options)
        self._settle_but_what_is_read(OpenAICompatible)

    @property
    def grammar_per_request(self) -> bool:
        """Whether the server is known to make a grammar of the schema for every request.

        That is known of Ollama and LM Studio by their ports, and of llama.cpp by its name in the first answer.
        """
        return self._is_llama_cpp or makes_grammars(self.base_url)

    def complete(self, prompt: Prompt, deadline: Deadline = NEVER) -> Flow[Completion]:
        """Ask the model."""
        body = self._body(prompt)
        written = [prompt.max_tokens, *(body.get(name) for name in _LIMITS)]
        tokens = max(each for each in written if isinstance(each, int))
        longest = longest_answer(tokens=tokens, characters=prompt.characters)
        response, requests = yield from self.exchange(Request(_PATH, body, longest), deadline)
        # https://github.com/ggml-org/llama.cpp/blob/master/tools/server/server-http.cpp
        self._is_llama_cpp = self._is_llama_cpp or response.headers.get("server") == "llama.cpp"
        return self.understood(response, lambda body: self._read(body, requests))

    def _read(self, body: Any, requests: int) -> Completion:
        choices = body.get("choices") if is_mapping(body) else None
        first = choices[0] if is_list(choices) and choices else None
        message = first.get("message") if is_mapping(first) else None
        if not is_mapping(body) or not is_mapping(first) or not is_mapping(message):
            msg = f"the answer is no chat completion but {shown(body)}"
            raise InvalidResponse(msg, backend=type(self).__name__)
        stop: Stop = "refusal" if message.get("refusal") else stop_of(first.get("finish_reason"))
        text, took = message.get("content"), usage_of(body.get("usage"), requests)
        return Completion(self.without_keys(text) if isinstance(text, str) else "", stop, took)

    def _body(self, prompt: Prompt) -> dict[str, Any]:
        schema = {"name": "answer", "schema": dict(prompt.schema), "strict": True}
        form = {
            "json_schema": {"type": "json_schema", "json_schema": schema},
            "json_object": {"type": "json_object"},
            "none": None,
        }
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [
                *({"role": "system", "content": text} for text in prompt.instructions),
                {"role": "user", "content": "\n".join(prompt.parts)},
            ],
            "max_tokens": prompt.max_tokens,
            "response_format": form[self.structured] if prompt.schema else None,
        }
        return {name: value for name, value in (body | self._extra).items() if value is not None}

    @whole
    def __repr__(self) -> str:
        """Say which model this is, and where."""
        return f"{type(self).__name__}({self.base_url!r}, model={self.model!r})"


def _plain(extra: Mapping[str, Any]) -> dict[str, Any]:
    """Further fields, if they can be sent as JSON."""
    check_instance("extra", extra, Mapping, "a mapping of further fields")
    try:
        json.dumps(dict(extra), allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        msg = f"extra must hold what JSON can: {quoted(str(error))}"
        raise ConfigurationError(msg) from None
    return dict(extra)


def makes_grammars(url: object) -> bool:
    """Whether the server at an address is known, by its port, to make a grammar of the schema for every request."""
    try:
        return urlsplit(str(url)).port in _GRAMMAR_PER_REQUEST
    except ValueError:
        return False
