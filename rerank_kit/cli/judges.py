"""Judges and chat models by the names that the command line has for them."""

from __future__ import annotations

from typing import Any

from rerank_kit.errors import ConfigurationError

NAMES = (
    "anthropic:MODEL, openai:MODEL, the address of a server with its model behind a #, as in "
    "http://localhost:11434/v1#qwen3:4b, or package.module:object, a chat model or a judge of yours"
)
_OPENAI = "https://api.openai.com/v1"
_OF_OPENAI = {"max_tokens": None, "max_completion_tokens": 4000}  # their own models refuse the older name


def chat_of(name: str) -> Any:
    """The chat model that a name stands for. Keys are those of the environment, and go to their vendor alone.

    Raises:
        ConfigurationError: It stands for none, or there is no key.
        MissingExtra: A package is not installed that it needs.
    """
    from os import environ

    from rerank_kit.evaluate.systems import imported
    from rerank_kit.judge import Anthropic, OpenAICompatible

    kind, _, model = name.partition(":")
    if kind == "anthropic" and model:
        return Anthropic(model)
    if kind == "openai" and model:
        if not environ.get("OPENAI_API_KEY"):
            msg = f"--judge {name!r} needs a key: set OPENAI_API_KEY"
            raise ConfigurationError(msg)
        return OpenAICompatible(_OPENAI, model=model, api_key=environ["OPENAI_API_KEY"], extra=_OF_OPENAI)
    if kind in {"http", "https"}:
        url, _, model = name.partition("#")
        if not model:
            msg = f"--judge {name!r} names no model: write it behind a #, as in {name}#qwen3:4b"
            raise ConfigurationError(msg)
        return OpenAICompatible(url, model=model, timeout=300)
    try:
        return imported(name)
    except ConfigurationError as error:
        told = str(error).removeprefix("systems: ").partition(": write ")[0]
        msg = f"--judge: {told}: write {NAMES}"
        raise ConfigurationError(msg) from error


def judge_of(name: str, criterion: str | None) -> Any:
    """The judge that a name stands for: a chat model in mode "filter", or what it names if that is one.

    Raises:
        ConfigurationError: It stands for none, or there is no key.
        MissingExtra: A package is not installed that it needs.
    """
    from rerank_kit.decide import DecisionReranker
    from rerank_kit.judge import LLMJudge

    found = chat_of(name)
    if isinstance(found, LLMJudge | DecisionReranker):
        if criterion is not None:
            msg = f"--criterion is that of {name} already: set it there"
            raise ConfigurationError(msg)
        return found
    return LLMJudge(found) if criterion is None else LLMJudge(found, criterion=criterion)
