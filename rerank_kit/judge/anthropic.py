"""`Anthropic`: Claude models, on the official SDK."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal, Unpack

from rerank_kit.api.addresses import root_of
from rerank_kit.api.answer_size import longest_answer
from rerank_kit.api.base_url import base_url_or
from rerank_kit.api.client import ApiClient, ClientOptions
from rerank_kit.api.exchange import Request, Response, Transport
from rerank_kit.api.hiding import without_frames
from rerank_kit.api.json_values import is_list, is_mapping, shown
from rerank_kit.api.secret import Secret, held_headers
from rerank_kit.api.user_clients import UserClients
from rerank_kit.checks import check_choice, check_flag, check_text
from rerank_kit.errors import ConfigurationError, InvalidResponse, RerankError
from rerank_kit.flow import Flow
from rerank_kit.judge import anthropic_batches as batches
from rerank_kit.judge.anthropic_sdk import MESSAGES, AnthropicSdk
from rerank_kit.judge.chat import NEVER, Completion, Prompt
from rerank_kit.judge.usage import stop_of, usage_of
from rerank_kit.optional import optional
from rerank_kit.quoting import whole
from rerank_kit.values import Deadline

Effort = Literal["low", "medium", "high", "xhigh", "max"]
Lifetime = Literal["5m", "1h"]

# Tokens; what is shorter is not cached, without a word. https://platform.claude.com/docs/en/build-with-claude/prompt-caching
_SHORTEST_CACHED = {"claude-haiku-5-5": 512, "claude-haiku-4-5": 4096}
_BYTES_PER_TOKEN = 3  # the least for English; a prefix guessed too long is not cached, which costs nothing
_ALWAYS_THINKS = frozenset({"xhigh", "max"})
_NOT_FOUND = 404
_ROOM_FOR_THOUGHTS = 4000  # tokens, beside those of the answer: a model that has to break off has answered nothing
_CUSTOM = "ANTHROPIC_CUSTOM_HEADERS"
_CLIENT = "the anthropic SDK, with a method messages.create"


class Anthropic(ApiClient):
    """Claude models. Their answers are held to a JSON schema, and they do not think unless asked to.

    No sampling arguments are sent: current models reject them.

    Attributes:
        model: The model's name.
        effort: How much effort the model puts into an answer; `None` leaves it at the model's own.
        thinking: Whether the model thinks before it answers.
        cache: Whether what comes again in every call is put into the prompt cache, where it is long enough, and for how
            long.
    """

    model: str | None = None

    def __init__(
        self,
        model: str = "claude-haiku-5-5",
        *,
        api_key: object = None,
        base_url: str | None = None,
        client: Any = None,
        async_client: Any = None,
        effort: Effort | None = None,
        thinking: bool = False,
        cache: bool | Lifetime = True,
        **options: Unpack[ClientOptions],
    ) -> None:
        """Check the settings; nothing is sent yet.

        Args:
            model: The model's name.
            api_key: The key, also as pydantic's `SecretStr`; by default from `ANTHROPIC_API_KEY`.
            base_url: Where the API is, if not at Anthropic; by default from `ANTHROPIC_BASE_URL`.
            client: A client of the SDK to use instead of making one, such as `anthropic.AnthropicBedrock()`. An async
                one goes here too. Its retries are turned off, for ours know the deadline. It belongs to you: close it.
            async_client: An async client beside a blocking one. Without, async callers use the blocking one in a
                worker thread.
            effort: `"low"` to `"max"`. With `"xhigh"` and `"max"` models always think.
            thinking: Leave it to the model whether it thinks. What it thinks is paid for like what it writes.
            cache: Use the prompt cache: `True` and `"5m"` keep what comes again for five minutes, `"1h"` for an hour,
                which is dearer to write. Each time it is read, the time begins anew.
            **options: See `ClientOptions`.

        Raises:
            ConfigurationError: An argument is wrong, or there is no key.
            MissingExtra: The SDK is not installed.
        """
        optional("anthropic", extra="anthropic", why="Anthropic")
        check_choice("effort", effort, ("low", "medium", "high", "xhigh", "max", None))
        self.model = check_text("model", model)
        self.effort = effort
        self.thinking = check_flag("thinking", thinking)
        if not isinstance(cache, bool):
            check_choice("cache", cache, (True, False, "5m", "1h"))
        self.cache = cache
        given = client is not None or async_client is not None
        self._own = (
            UserClients(client, async_client, method=lambda each: each.messages.create, what=_CLIENT) if given else None
        )
        variables = () if given else ("ANTHROPIC_API_KEY",)
        key = Secret(None if given else api_key, variables=variables, required=not given)
        if not given:  # one without a value can be sent
            held_headers(
                {name: value or "-" for name, value in _custom_headers()}, f"the environment variable {_CUSTOM}"
            )
        url = base_url_or(base_url, "ANTHROPIC_BASE_URL", "https://api.anthropic.com")
        super().__init__(base_url=root_of(url, MESSAGES), api_key=key, **options)
        self._settle_but_what_is_read(Anthropic, "base_url")

    def transport(self) -> Transport:
        """The SDK."""
        return AnthropicSdk(self.base_url, self._own)

    def auth(self) -> dict[str, str]:
        """The headers that carry the key, and those the user gave."""
        return {**self.key_header("x-api-key"), **self.given_headers()}

    def secrets(self) -> Iterator[str]:
        """What must not be seen: also the headers that the SDK reads from the environment."""
        yield from super().secrets()
        yield from (value for _, value in _custom_headers())

    def error_of(self, response: Response) -> RerankError:
        """The error that a response stands for. A client of the user's own asks at an address of its own."""
        return super().error_of(response if self._own is None else replace(response, address=""))

    def complete(self, prompt: Prompt, deadline: Deadline = NEVER) -> Flow[Completion]:
        """Ask the model."""
        body = self._body(prompt)
        longest = longest_answer(tokens=body["max_tokens"], characters=prompt.characters)
        response, requests = yield from self.exchange(Request(MESSAGES, body, longest), deadline)
        return self.understood(response, lambda body: self._read(body, requests))

    def submit(self, prompts: Mapping[str, Prompt], deadline: Deadline = NEVER) -> Flow[str]:
        """Have many prompts worked on together, within a day and at half the price: `Prices.cost(…, batch=True)`.

        A submission is repeated only where it surely was not taken (429, 503, 529), so that nothing is paid for twice.

        Args:
            prompts: The prompts, by names of 1 to 64 letters, digits, `-` or `_`; at most 100,000, and 256 MB.
            deadline: For the submission alone.

        Returns:
            The batch's id, for `collect`, here or in another process.

        Raises:
            ConfigurationError: They cannot be one batch; or the server knows no such key, address or model.
            DeadlineExceeded: The time ran out.
            BackendError: There was no answer, or one that is an error. The error says where the batch may have been
                taken all the same.
        """
        named = batches.check_prompts(prompts)
        request = batches.submission({name: self._body(prompt) for name, prompt in named.items()})
        try:
            response, _ = yield from self.exchange(request, deadline)
            return self.understood(response, batches.id_of)
        except RerankError as error:
            batches.perhaps_taken(error)
            raise

    def collect(self, batch: str, deadline: Deadline = NEVER) -> Flow[Mapping[str, Completion | RerankError] | None]:
        """Ask for the answers to a batch, which stay there for 29 days: see `BatchChatModel.collect`."""
        path = batches.path_of(batch)
        try:
            response, _ = yield from self.exchange(Request(path), deadline)
        except ConfigurationError as error:
            raise (batches.unknown(batch, error) if error.status == _NOT_FOUND else error) from None
        request = self.understood(response, lambda body: batches.asking_for_results(body, batch))
        if request is None:
            return None
        response, _ = yield from self.exchange(request, deadline)
        results = self.understood(response, batches.results_of)
        return {name: self._answer_of(result) for name, result in results.items()}

    def _answer_of(self, result: Mapping[str, Any]) -> Completion | RerankError:
        """What became of one request of a batch."""
        try:
            return self.understood(
                Response(200, result),
                lambda body: batches.answer_of(body, lambda message: self._read(message, 0), self._error_of),
            )
        except InvalidResponse as error:
            without_frames(error)
            return error

    def _read(self, body: Any, requests: int) -> Completion:
        if not is_mapping(body) or not is_list(body.get("content")):
            msg = f"the answer is no message of Claude but {shown(body)}"
            raise InvalidResponse(msg, backend=type(self).__name__)
        took = usage_of(body.get("usage"), requests)
        text = self.without_keys("".join(_texts(body["content"])))
        return Completion(text, stop_of(body.get("stop_reason")), took)

    def caches(self, prompt: Prompt) -> bool:
        """Whether this prompt begins with enough that comes again for the cache to be used."""
        return bool(self.cache) and bool(prompt.stable) and self._long_enough(prompt.prefix)

    @property
    def shortest_cached(self) -> int:
        """Tokens that what comes again must have to be cached; of a model that is not known, the most of any."""
        return _SHORTEST_CACHED.get(str(self.model), max(_SHORTEST_CACHED.values()))

    def _long_enough(self, text: str) -> bool:
        return len(text.encode()) >= self.shortest_cached * _BYTES_PER_TOKEN

    def _body(self, prompt: Prompt) -> dict[str, Any]:
        system, parts = list(map(_block, prompt.instructions)), list(map(_block, prompt.parts))
        mark = {"type": "ephemeral", **({"ttl": self.cache} if self.cache == "1h" else {})}
        if self.cache and self._long_enough(prompt.system):
            system[0]["cache_control"] = mark
        if self.caches(prompt):
            parts[prompt.stable - 1]["cache_control"] = mark
        output: dict[str, Any] = {} if self.effort is None else {"effort": self.effort}
        if prompt.schema:
            output["format"] = {"type": "json_schema", "schema": dict(prompt.schema)}
        off = not self.thinking and self.effort not in _ALWAYS_THINKS
        return {
            "model": self.model,
            "max_tokens": prompt.max_tokens + (0 if off else _ROOM_FOR_THOUGHTS),
            **({"system": system} if system else {}),
            "messages": [{"role": "user", "content": parts}],
            **({"output_config": output} if output else {}),
            **({"thinking": {"type": "disabled"}} if off else {}),
        }

    @whole
    def __repr__(self) -> str:
        """Say which model this is, and where."""
        return f"{type(self).__name__}({self.model!r}, base_url={self.base_url!r})"


def _custom_headers() -> Iterator[tuple[str, str]]:
    """The headers that the SDK reads from the environment, as it reads them."""
    for line in os.environ.get(_CUSTOM, "").split("\n"):
        name, colon, value = line.partition(":")
        if colon:
            yield name.strip(), value.strip()


def _block(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _texts(content: list[Any]) -> Iterator[str]:
    """The text blocks, wherever they stand: a thinking block may come first."""
    for block in content:
        if is_mapping(block) and block.get("type", "text") == "text" and isinstance(block.get("text"), str):
            yield block["text"]
