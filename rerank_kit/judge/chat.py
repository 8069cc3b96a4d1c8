"""What a judge asks of an LLM: a `Prompt` goes in, a `Completion` comes out."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, cast, runtime_checkable

from rerank_kit.errors import RerankError
from rerank_kit.flow import Flow
from rerank_kit.values import Deadline, Usage
from rerank_kit.wrong_kind import is_llm, no_llm

Stop: TypeAlias = Literal["end", "length", "refusal"]
"""Why the model stopped: it was done, it ran into `max_tokens`, or it would not answer."""

NEVER = Deadline()


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question to an LLM.

    Attributes:
        system: The instructions. They alone belong into the system role; where they are empty, there is none.
        parts: The user's turn, piece by piece.
        schema: The JSON schema of the answer, for models that can be held to one.
        max_tokens: The most that the model may write.
        stable: How many of the parts, from the first on, come again word for word in the next calls.
    """

    system: str
    parts: tuple[str, ...]
    schema: Mapping[str, Any] = field(default_factory=dict[str, Any])
    max_tokens: int = 1024
    stable: int = 0

    @property
    def prefix(self) -> str:
        """What comes again word for word in the next calls."""
        return "\n".join((*self.instructions, *self.parts[: self.stable]))

    @property
    def instructions(self) -> tuple[str, ...]:
        """The system prompt, if there is one: servers refuse an empty one."""
        return (self.system,) if self.system else ()

    @property
    def characters(self) -> int:
        """How long it is."""
        return len(self.system) + sum(map(len, self.parts))


@dataclass(frozen=True, slots=True)
class Completion:
    """An LLM's answer.

    Attributes:
        text: What it wrote, without its thoughts.
        stop: Why it stopped.
        usage: What it took, as its server counted it.
    """

    text: str
    stop: Stop = "end"
    usage: Usage = field(default_factory=lambda: Usage(calls=1))


def finished(made: Any) -> Flow[Any]:
    """What a model's method gives, which may be a flow or the answer at once."""
    return (yield from cast("Flow[Any]", made)) if isinstance(made, Generator) else made


class ChatModel(Protocol):
    """An LLM. To add one, write `complete`.

    Attributes:
        model: The model's name, by which its price is found.
    """

    model: str | None

    def complete(self, prompt: Prompt, deadline: Deadline = NEVER) -> Flow[Completion]:
        """Ask the model.

        Raises:
            ConfigurationError: The server knows no such key, address or model.
            DeadlineExceeded: The time ran out.
            BackendError: There was no answer, or one that is an error.
        """
        ...


def check_chat_model(name: str, value: object, wanted: str = "an LLM with a method complete") -> None:
    """Refuse what is no `ChatModel`; an LLM of a framework has to be wrapped, though it may have such a method.

    Args:
        name: The argument.
        value: What was passed.
        wanted: What can be passed, beside Claude.

    Raises:
        ConfigurationError: It is none.
    """
    if isinstance(value, type) or is_llm(value) or not callable(getattr(value, "complete", None)):
        raise no_llm(value, name, f"{wanted}, such as rerank_kit.judge.Anthropic()")


@runtime_checkable
class GrammarPerRequest(Protocol):
    """An LLM whose server makes a grammar of the schema for every request, so that a new schema costs no more.

    Attributes:
        grammar_per_request: Whether it is known to.
    """

    @property
    def grammar_per_request(self) -> bool:
        """Whether it is known to."""
        ...


@runtime_checkable
class CachingChatModel(Protocol):
    """An LLM with a prompt cache that has to be filled by one call before others can use it."""

    def caches(self, prompt: Prompt) -> bool:
        """Whether this prompt begins with enough that comes again for the cache to be used."""
        ...


@runtime_checkable
class BatchChatModel(Protocol):
    """An LLM that can be asked many questions at once, which it answers within hours.

    What that costs is `Prices.cost(model, usage, batch=True)`.
    """

    def submit(self, prompts: Mapping[str, Prompt], deadline: Deadline = NEVER) -> Flow[str]:
        """Have many prompts worked on.

        Args:
            prompts: The prompts, by names.
            deadline: For the submission alone.

        Returns:
            The batch's id, for `collect`, here or in another process.

        Raises:
            ConfigurationError: They cannot be one batch; or the server knows no such key, address or model.
            DeadlineExceeded: The time ran out.
            BackendError: There was no answer, or one that is an error.
        """
        ...

    def collect(self, batch: str, deadline: Deadline = NEVER) -> Flow[Mapping[str, Completion | RerankError] | None]:
        """Ask for the answers to a batch.

        Args:
            batch: Its id.
            deadline: For this alone.

        Returns:
            The answer to each prompt, or the error that came in its place, by the names; `None` while they are being
            worked on. A name that is not there was not answered.

        Raises:
            ConfigurationError: There is no such batch, or none any more; or the server knows no such key or address.
            DeadlineExceeded: The time ran out.
            BackendError: There was no answer, or one that is an error.
        """
        ...
