"""`SystemOne`: `POST /v1/systemone`, the API of TypeSafe, which others sell and serve as well."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Unpack

from rerank_kit.api.exchange import Request
from rerank_kit.api.json_values import is_mapping, pairs_of, repeats
from rerank_kit.api.secret import Secret
from rerank_kit.decide.answers import Said, said
from rerank_kit.decide.client import DecisionClient, DecisionOptions, no_answers
from rerank_kit.decide.limits import DecisionLimits
from rerank_kit.decide.questions import Choice, Question, Questionnaire, YesNo

_HOME = "https://api.typesafe.ai"
# What is told of TypeSafe's limits, by others: 64K tokens in all, 32K for the state and the longest question.
_LIMITS = DecisionLimits(tokens=64_000, state_tokens=32_000)


class SystemOne(DecisionClient):
    """A decision model behind `/v1/systemone`: TypeSafe's, or that of a server that speaks likewise."""

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: object = None,
        **options: Unpack[DecisionOptions],
    ) -> None:
        """Check the settings; nothing is sent yet.

        Args:
            model: The model's name, such as `"jev-latest"`.
            base_url: Where the API is; by default what `TYPESAFE_BASE_URL` says, else TypeSafe.
            api_key: The key, also as pydantic's `SecretStr`. Without `base_url`, it is by default that in
                `TYPESAFE_API_KEY`, which goes to nobody else.
            **options: See `DecisionOptions`.

        Raises:
            ConfigurationError: An argument is wrong, or there is no key for TypeSafe.
        """
        options.setdefault("limits", _LIMITS)
        theirs = base_url is None
        key = Secret(api_key, variables=("TYPESAFE_API_KEY",) if theirs else (), required=theirs)
        url = (os.environ.get("TYPESAFE_BASE_URL") or _HOME) if base_url is None else base_url
        super().__init__(model, base_url=url, api_key=key, **options)

    def encode(self, asked: Questionnaire) -> Request:
        """The body of the API, which knows no roles."""
        questions = {name: _question(each) for name, each in asked.questions.items()}
        return Request("/v1/systemone", {"model": self.model, "state": asked.state, "questions": questions})

    def decode(self, body: Any, asked: Questionnaire) -> Iterator[Said]:
        """The answers, by name."""
        answers = body.get("answers") if is_mapping(body) else None
        if not is_mapping(answers) or repeats(body):
            raise no_answers(body, "object")
        for name, row in pairs_of(answers):
            yield said(name, row, row.get("probabilities") if is_mapping(row) else None)


def _question(question: Question) -> dict[str, Any]:
    if isinstance(question, YesNo):
        return {"type": "noul", "instructions": question.instructions}
    if isinstance(question, Choice):
        return {"type": "choice", "instructions": question.instructions, "criteria": dict(question.options)}
    return {"type": "score", "instructions": question.instructions, "criteria": list(question.levels)}
