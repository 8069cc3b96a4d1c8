"""`OpenAIDecisions`: OpenAI's `POST /v1/decisions`, over HTTP."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Unpack

from rerank_kit.api.exchange import Request
from rerank_kit.api.json_values import is_list, is_mapping, repeats
from rerank_kit.api.secret import Secret
from rerank_kit.decide.answers import Said, said
from rerank_kit.decide.client import DecisionClient, DecisionOptions, no_answers
from rerank_kit.decide.limits import DecisionLimits
from rerank_kit.decide.questions import Choice, Question, Questionnaire, YesNo

_HOME = "https://api.openai.com/v1"
# As documented in the openai SDK 3.57. How many tokens fit is not said there.
_LIMITS = DecisionLimits(questions=400, options=255)


class OpenAIDecisions(DecisionClient):
    """OpenAI's decision model, or one of a server that speaks likewise."""

    def __init__(
        self,
        model: str = "gpt-6-luna",
        *,
        base_url: str | None = None,
        api_key: object = None,
        **options: Unpack[DecisionOptions],
    ) -> None:
        """Check the settings; nothing is sent yet.

        Args:
            model: The model's name.
            base_url: Where the API is; by default what `OPENAI_BASE_URL` says, else OpenAI.
            api_key: The key, also as pydantic's `SecretStr`. Without `base_url`, it is by default that in
                `OPENAI_API_KEY`, which goes to nobody else.
            **options: See `DecisionOptions`.

        Raises:
            ConfigurationError: An argument is wrong, or there is no key.
        """
        options.setdefault("limits", _LIMITS)
        theirs = base_url is None
        key = Secret(api_key, variables=("OPENAI_API_KEY",) if theirs else (), required=theirs)
        url = (os.environ.get("OPENAI_BASE_URL") or _HOME) if base_url is None else base_url
        super().__init__(model, base_url=url, api_key=key, **options)

    def encode(self, asked: Questionnaire) -> Request:
        """The body of the API: our instructions are the developer's, the request is the user's."""
        messages = [
            {"role": "developer", "content": asked.instructions},
            {"role": "user", "content": asked.request},
        ]
        questions = [{"name": name, **_question(each)} for name, each in asked.questions.items()]
        return Request("/v1/decisions", {"model": self.model, "input": messages, "questions": questions})

    def decode(self, body: Any, asked: Questionnaire) -> Iterator[Said]:
        """The answers, by the names that they carry; where they carry none, by their order, if all are there."""
        answers = body.get("answers") if is_mapping(body) else None
        if not is_list(answers) or repeats(body):
            raise no_answers(body, "array")
        names = list(asked.questions)
        for place, row in enumerate(answers):
            given = row.get("name") if is_mapping(row) else None
            name = names[place] if given is None and len(answers) == len(names) else given
            yield said(name, row, _by_value(row.get("probabilities") if is_mapping(row) else None))


def _question(question: Question) -> dict[str, Any]:
    if isinstance(question, YesNo):
        return {"type": "predicate", "instructions": question.instructions}
    if isinstance(question, Choice):
        choices = [{"value": value, "description": meant} for value, meant in question.options.items()]
        return {"type": "choice", "instructions": question.instructions, "choices": choices}
    levels = [{"label": str(number), "description": meant} for number, meant in enumerate(question.levels)]
    return {"type": "score", "instructions": question.instructions, "levels": levels}


def _by_value(rows: Any) -> object:
    """Probabilities by the names of options or numbers of levels; as they are, where one has none or comes twice."""
    if not is_list(rows) or not all(is_mapping(each) and isinstance(each.get("value"), str | int) for each in rows):
        return rows
    found = {each["value"]: each.get("probability") for each in rows}
    return found if len(found) == len(rows) else rows
