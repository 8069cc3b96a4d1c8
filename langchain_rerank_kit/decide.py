"""A decision model as a reranker: behind an API, or one of LangChain's."""

from __future__ import annotations

from importlib import import_module
from typing import Any, ClassVar

from typing_extensions import override

from langchain_rerank_kit.compressor import RerankCompressor
from rerank_kit import ConfigurationError, Deadline, InvalidResponse
from rerank_kit.api.json_values import is_mapping
from rerank_kit.arguments import named
from rerank_kit.checks import check_instance
from rerank_kit.decide import Answers, Choice, DecisionLimits, DecisionModel, Question, Questionnaire, Score
from rerank_kit.decide.answers import read, said
from rerank_kit.fields.decide import DecisionFields
from rerank_kit.flow import Flow
from rerank_kit.judge.chat import NEVER
from rerank_kit.judge.framework_models import ask_framework_model
from rerank_kit.judge.usage import usage_of
from rerank_kit.quoting import quoted, whole

# The narrowest of the limits that are known of anyone: who is behind a model of LangChain's is not.
_LIMITS = DecisionLimits(questions=400, options=255, tokens=64_000, state_tokens=32_000)
_OPENAI = "langchain_openai.decisions"
_TYPES = {  # where the types are that a model takes, by where one of its classes is defined
    "langchain_core.decisions": "langchain_core.decisions",
    "langchain_typesafe.": "langchain_typesafe",
    f"{_OPENAI}.": _OPENAI,
}


class LangChainDecisions:
    """Any decision model of LangChain's, for `rerank_kit.decide.DecisionReranker`.

    That is a `BaseDecisionModel` of langchain-core from 1.8 on, `OpenAIDecisions` of langchain-openai, or
    `TypeSafeClassifier` of langchain-typesafe. Its own settings hold: timeout, retries. Its runs appear below that of
    the reranking.

    Attributes:
        model: The model's name, by which its price is found.
        limits: The most that goes into one call.
    """

    @named
    def __init__(self, model: Any, *, limits: DecisionLimits = _LIMITS) -> None:
        """Take a decision model.

        Args:
            model: The decision model.
            limits: The most that goes into one call; by default the least that is known of any vendor.

        Raises:
            ConfigurationError: It is none.
        """
        types = _types_of(model)
        if types is None:
            msg = (
                "model must be a decision model of LangChain's: a BaseDecisionModel, langchain_openai's "
                f"OpenAIDecisions or langchain_typesafe's TypeSafeClassifier, not {quoted(model)}"
            )
            raise ConfigurationError(msg)
        check_instance("limits", limits, DecisionLimits, "rerank_kit.decide.DecisionLimits")
        name: object = getattr(model, "model", None)
        self.model = name if isinstance(name, str) else None
        self.limits = limits
        self._types = types
        self._decisions = model

    def decide(self, asked: Questionnaire, deadline: Deadline = NEVER) -> Flow[Answers]:
        """Ask the model."""
        questions = {name: self._question(each) for name, each in asked.questions.items()}
        request = {"input" if self._types == _OPENAI else "state": asked.state, "questions": questions}
        model, name = self._decisions, type(self._decisions).__name__
        response: Any = yield from ask_framework_model(
            name, lambda: model.invoke(request), lambda: model.ainvoke(request), deadline, model=model
        )
        given = getattr(response, "answers", None)
        if not is_mapping(given):
            msg = f"{name} answered with no answers but with {type(response).__name__}"
            raise InvalidResponse(msg, backend=name)
        rows = {each: _plain(answer) for each, answer in given.items()}
        answers = read(asked.questions, (said(each, row, _probabilities(row)) for each, row in rows.items()))
        told = _plain(getattr(response, "usage", None))
        counted = usage_of({"input_token_details": {}, **told} if is_mapping(told) else None, requests=1)
        return Answers(answers.found, answers.problems, answers.usage + counted)

    def _question(self, question: Question) -> Any:
        """A question of the type that the model takes."""
        types = import_module(self._types)
        openai = self._types == _OPENAI
        if isinstance(question, Score):
            levels = {"levels" if openai else "criteria": list(question.levels)}
            return types.Score(instructions=question.instructions, **levels)
        if isinstance(question, Choice):
            options = {"choices" if openai else "criteria": dict(question.options)}
            return types.Choice(instructions=question.instructions, **options)
        kind = types.Predicate if openai else types.Noul
        return kind(instructions=question.instructions)

    @whole
    def __repr__(self) -> str:
        """Say which model this is; what else it holds may be secret."""
        return f"{type(self).__name__}({type(self._decisions).__name__}, model={self.model!r})"


def _types_of(model: object) -> str | None:
    """Where the types are that a model takes; `None` of what is no decision model."""
    classes = [f"{each.__module__}.{each.__name__}" for each in type(model).__mro__]
    return next((types for where, types in _TYPES.items() if any(each.startswith(where) for each in classes)), None)


def _plain(value: Any) -> Any:
    return value.model_dump() if hasattr(value, "model_dump") else value


def _probabilities(row: Any) -> Any:
    return row.get("probabilities") if is_mapping(row) else None


class DecisionRerank(DecisionFields, RerankCompressor):
    """Asks a decision model about the documents. See `rerank_kit.decide.DecisionReranker`.

    The verdict is in `metadata["relevance_verdict"]`, the probabilities of all that there could have been in
    `metadata["relevance_probabilities"]`, and how likely it is that any document answers in
    `metadata["rerank_answerable"]`.
    """

    _wanted: ClassVar[str] = (
        "a decision model of LangChain's, such as a BaseDecisionModel, as it is and not wrapped by with_retry() or "
        "with_config(); one of rerank_kit.decide, such as SystemOne(…); or your own with a method decide and limits"
    )

    @override
    def _decider(self) -> DecisionModel:
        given = self.decision_model
        return super()._decider() if _types_of(given) is None else LangChainDecisions(given)
