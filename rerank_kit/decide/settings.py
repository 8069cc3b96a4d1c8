"""The checks of what a `DecisionReranker` is made with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rerank_kit.checks import check_text
from rerank_kit.decide.limits import DecisionLimits
from rerank_kit.decide.ways import LEVELS, Ask
from rerank_kit.errors import ConfigurationError
from rerank_kit.quoting import quoted
from rerank_kit.wrong_kind import framework_of, is_llm


def check_decider(model: object) -> None:
    """Refuse what is no decision model.

    Raises:
        ConfigurationError: It is none. The error says what to do with it, where that is known.
    """
    given: Any = model
    if isinstance(given, type):
        msg = f"model is the class {given.__name__}: pass an object of it, such as {given.__name__}(…)"
        raise ConfigurationError(msg)
    if not callable(getattr(given, "decide", None)) or not isinstance(getattr(given, "limits", None), DecisionLimits):
        msg = (
            "model must be a decision model with a method decide and limits, such as rerank_kit.decide.SystemOne(…), "
            f"not {quoted(model)}{_instead(model)}"
        )
        raise ConfigurationError(msg)


def _instead(model: object) -> str:
    if is_llm(model):
        return ": it writes text, so it is one for rerank_kit.judge.LLMJudge"
    if framework_of(model) == "LangChain":
        return ": wrap it, langchain_rerank_kit.LangChainDecisions(model)"
    return ": pass OpenAIDecisions(name) or SystemOne(name)" if isinstance(model, str) else ""


def check_criterion(criterion: object) -> str:
    """The end of "the document …": text that is no question.

    Raises:
        ConfigurationError: It is something else.
    """
    text = check_text("criterion", criterion)
    if text.rstrip().endswith(("?", "？")):  # noqa: RUF001 - as Chinese and Japanese have it
        msg = (
            'criterion must be the end of the sentence "the document …", such as "answers the query", and no question: '
            f"{quoted(criterion)}"
        )
        raise ConfigurationError(msg)
    return text


def check_levels(levels: Sequence[str], ask: Ask, limits: DecisionLimits) -> tuple[str, ...]:
    """Levels: two texts at least, each another one, and no more than a question may have.

    Raises:
        ConfigurationError: They are something else, or what is asked has none.
    """
    if isinstance(levels, str) or not isinstance(levels, Sequence) or len(levels) < 2:  # noqa: PLR2004 - to tell apart
        msg = f"levels must be a list of at least two texts, from the lowest level to the highest, not {quoted(levels)}"
        raise ConfigurationError(msg)
    checked = tuple(check_text(f"levels[{place}]", each) for place, each in enumerate(levels))
    twice = next((each for place, each in enumerate(checked) if each in checked[:place]), None)
    if twice is not None:
        msg = f"levels has {quoted(twice)} twice: each level must mean something else"
        raise ConfigurationError(msg)
    if limits.options is not None and len(checked) > limits.options:
        msg = f"levels must be at most {limits.options}, as many as the model takes by its limits, not {len(checked)}"
        raise ConfigurationError(msg)
    if ask != "score" and checked != LEVELS:
        msg = f"levels are those of ask='score', and ask={ask!r} has none: leave them out"
        raise ConfigurationError(msg)
    return checked


def check_seed(seed: object) -> int | None:
    """What labels are drawn from: a whole number, or `None`.

    Raises:
        ConfigurationError: It is something else.
    """
    if seed is None or (isinstance(seed, int) and not isinstance(seed, bool)):
        return seed
    msg = f"seed must be a whole number, or None to draw labels that nobody can know, not {quoted(seed)}"
    raise ConfigurationError(msg)
