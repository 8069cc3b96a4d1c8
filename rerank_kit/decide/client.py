"""`DecisionClient`: a decision model behind an API."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Unpack

from rerank_kit.api.answer_size import longest_answer
from rerank_kit.api.check_report import Check
from rerank_kit.api.client import ApiClient, ClientOptions
from rerank_kit.api.exchange import Request, Response
from rerank_kit.api.json_values import is_mapping, shown
from rerank_kit.api.secret import Secret
from rerank_kit.arguments import named
from rerank_kit.checks import check_instance, check_text, check_timeout
from rerank_kit.decide.answers import Answers, Said, read
from rerank_kit.decide.limits import DecisionLimits
from rerank_kit.decide.questions import Questionnaire
from rerank_kit.decide.self_test import examining
from rerank_kit.errors import ConfigurationError, InvalidResponse, RerankError
from rerank_kit.flow import Flow, arun, run
from rerank_kit.judge.chat import NEVER
from rerank_kit.judge.usage import usage_of
from rerank_kit.quoting import whole
from rerank_kit.values import Deadline

_BAD_REQUEST = frozenset({400, 422})
_CODES = frozenset({"model_not_found", "model_not_supported", "unsupported_model", "invalid_model", "unknown_model"})
_NO_SUCH_MODEL = re.compile(
    r"\b(?:unknown|unsupported|invalid|no such) model\b"
    r"|\bmodel\b[^.]{0,100}\b(?:not found|not exist|not supported|not a decision model)\b"
    r"|\bmodel\b[^.]{0,100}\bnot support (?:decisions|this endpoint|this api)\b",
    re.IGNORECASE,
)
"""How servers say so in words, which do not say it of questions or tokens."""
_OF_OTHERS = frozenset({"object", "choices", "output", "content", "results", "data", "embeddings"})
"""What answers of chat, embedding and rerank APIs have."""


class DecisionOptions(ClientOptions, total=False):
    """What every decision API takes besides its own arguments: this, and those of `ClientOptions`.

    Attributes:
        limits: The most that goes into one call, if it is not what is known of the vendor.
    """

    limits: DecisionLimits


class DecisionClient(ApiClient):
    """A decision model behind an API. To add one, write `encode` and `decode`, both pure.

    Attributes:
        model: The model's name.
        limits: The most that goes into one call.
    """

    model: str | None = None
    bare = True

    def __init__(
        self,
        model: str,
        *,
        base_url: str,
        api_key: Secret,
        limits: DecisionLimits,
        **options: Unpack[ClientOptions],
    ) -> None:
        """Check the settings; nothing is sent yet.

        Raises:
            ConfigurationError: An argument is wrong.
        """
        self.model = check_text("model", model)
        check_instance("limits", limits, DecisionLimits, "rerank_kit.decide.DecisionLimits")
        self.limits = limits
        super().__init__(base_url=base_url, api_key=api_key, **options)

    @property
    def fingerprint(self) -> str:
        """Which model this is, and where. What is behind a model's name may change without a word."""
        return f"{type(self).__name__}:{self.base_url}:{self.model}"

    @abstractmethod
    def encode(self, asked: Questionnaire) -> Request:
        """What to send."""

    @abstractmethod
    def decode(self, body: Any, asked: Questionnaire) -> Iterable[Said]:
        """What the answer says.

        Raises:
            InvalidResponse: It is of another shape.
        """

    def error_of(self, response: Response) -> RerankError:
        """The error that a response stands for. A model that decides nothing is a wrong setting."""
        error = super().error_of(response)
        if response.status not in _BAD_REQUEST or not _about_the_model(response.body):
            return error
        wrong = ConfigurationError(f"{error}: check model, which must be a decision model, and base_url")
        wrong.status = response.status
        return wrong

    def decide(self, asked: Questionnaire, deadline: Deadline = NEVER) -> Flow[Answers]:
        """Ask the questions."""
        characters = len(asked.state) + sum(len(str(each)) for each in asked.questions.values())
        longest = longest_answer(results=len(asked.questions), characters=characters)
        tokens = 0 if self._rate_limit is None else asked.tokens
        response, requests = yield from self.exchange(
            replace(self.encode(asked), longest=longest), deadline, tokens=tokens
        )
        return self.understood(response, lambda body: self._read(body, asked, requests))

    def _read(self, body: Any, asked: Questionnaire, requests: int) -> Answers:
        answers = read(asked.questions, self.decode(body, asked))
        told = body.get("usage") if is_mapping(body) else None
        return replace(answers, usage=answers.usage + usage_of(told, requests))

    @named
    def check(self, *, timeout: float | None = 60.0) -> Check:
        """Test the model: three known questions, each with one answer among four texts, and one without an answer.

        Args:
            timeout: Seconds allowed for all of it.

        Returns:
            What was found, in words: print it. Its `ok` says whether all is well.

        Raises:
            BackendError: The server cannot be reached, or answers with an error.
            ConfigurationError: It knows no such key, address or model.
        """
        return run(examining(self, Deadline.after(check_timeout(timeout))))

    @named
    async def acheck(self, *, timeout: float | None = 60.0) -> Check:
        """Test the model: `check`, without blocking the running loop."""
        return await arun(examining(self, Deadline.after(check_timeout(timeout))))

    @whole
    def __repr__(self) -> str:
        """Say which model this is, and where."""
        return f"{type(self).__name__}({self.model!r}, base_url={self.base_url!r})"


def no_answers(body: Any, what: str) -> InvalidResponse:
    """The error for an answer of another shape."""
    other = is_mapping(body) and not body.keys().isdisjoint(_OF_OTHERS)
    asks = ", as of another API: does base_url= lead to a decision model, and does model= name one?" if other else ""
    return InvalidResponse(f"the answer has no {what} of answers but is {shown(body)}{asks}")


def _about_the_model(body: Any) -> bool:
    """Whether a server says that a model is none that it has, or none that decides."""
    told = body
    while is_mapping(told):
        if told.get("param") == "model" or str(told.get("code")).lower() in _CODES:
            return True
        told = next((told[key] for key in ("error", "detail", "message") if told.get(key)), None)
    return isinstance(told, str) and _NO_SUCH_MODEL.search(told) is not None
