"""`ModelCalls`: the calls for one query, each one read, repeated once if nothing could be read, and accounted for."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

from rerank_kit.errors import BudgetExceeded, ConfigurationError, MissingExtra, RerankError, StatusError
from rerank_kit.flow import Flow
from rerank_kit.judge.answers import Outcome, Reading, Vote, read
from rerank_kit.judge.chat import ChatModel, Completion, GrammarPerRequest, Prompt
from rerank_kit.judge.injection import Draw
from rerank_kit.judge.prompts import USUAL_ANSWER, prompt
from rerank_kit.judge.spending import Spending
from rerank_kit.judge.verdicts import check_judged
from rerank_kit.observe.hooks import logger
from rerank_kit.quoting import class_name
from rerank_kit.values import Deadline

_WHY: Mapping[Outcome, str] = {
    "missing": "the model left it out of its answer",
    "duplicate": "the model gave two different verdicts",
    "refusal": "the model refused to answer",
    "unparsable": "the model's answer could not be read",
}


@dataclass(frozen=True, slots=True)
class CallResult:
    """What a call said, by the places of the documents.

    Attributes:
        votes: Of those that could be judged.
        problems: Why not, of the others.
    """

    votes: Mapping[int, Vote] = field(default_factory=dict[int, Vote])
    problems: Mapping[int, str] = field(default_factory=dict[int, str])


class ModelCalls:
    """One query and its documents, and how to ask a model about them.

    Attributes:
        model: The LLM.
        mode: What it is asked for.
        texts: The documents, as it gets them.
        spending: What the calls have taken.
    """

    def __init__(
        self,
        model: ChatModel,
        mode: str,
        instructions: str,
        query: str,
        texts: Sequence[str],
        *,
        seed: int | None,
        spending: Spending,
        deadline: Deadline,
        on_error: Literal["keep", "raise"],
        verdicts_at_once: bool,
        label_enum: bool | None,
    ) -> None:
        """Draw the code of the query."""
        self.model = model
        self.mode = mode
        self.texts = texts
        self.spending = spending
        self._deadline = deadline
        self._instructions = instructions
        self._query = query
        self._seed = seed
        self._on_error = on_error
        self._verdicts_at_once = verdicts_at_once
        self._label_enum = label_enum
        self._code = self.draw("code").code((query, *texts))

    def draw(self, *key: object) -> Draw:
        """Where labels and orders come from: for a seed the same ones again, whatever order the calls run in."""
        return Draw() if self._seed is None else Draw(self._seed, *key)

    def question(self, places: Sequence[int], *key: object) -> tuple[Prompt, dict[str, int]]:
        """The prompt for the documents at these places, and where each label stands."""
        shown = [self.texts[place] for place in places]
        labels = self.draw("labels", *places, *key).labels(len(places), (self._query, *shown))
        documents = dict(zip(labels, shown, strict=True))
        enum = self._makes_grammars() if self._label_enum is None else self._label_enum
        question = prompt(self.mode, self._instructions, self._code, self._query, documents, label_enum=enum)
        return question, dict(zip(labels, places, strict=True))

    def _makes_grammars(self) -> bool:
        return isinstance(self.model, GrammarPerRequest) and self.model.grammar_per_request

    def ask(self, places: Sequence[int], *key: object) -> Flow[CallResult]:
        """Ask about the documents at these places. What fails becomes the reason why they are not judged."""
        try:
            reading, standing = yield from self._read(places, *key)
        except (ConfigurationError, MissingExtra):
            raise
        except Exception as error:
            if self._on_error == "raise":
                raise
            return CallResult(problems=dict.fromkeys(places, f"{type(error).__name__}: {error}"))
        problems = {standing[label]: _WHY[outcome] for label, outcome in reading.problems.items()}
        if self._verdicts_at_once:
            check_judged(list(problems.values()), len(places), type(self.model).__name__)
        return CallResult({standing[label]: vote for label, vote in reading.votes.items()}, problems)

    def _read(self, places: Sequence[int], *key: object) -> Flow[tuple[Reading, Mapping[str, int]]]:
        """Ask, and ask once more where nothing could be read, under new labels and with more room."""
        question, standing = self.question(places, *key, "first")
        reading = yield from self._once(question, list(standing))
        if reading.worth_asking_again:
            again, new = self.question(places, *key, "second")
            again = replace(again, max_tokens=2 * again.max_tokens)
            try:
                return (yield from self._once(again, list(new))), new
            except BudgetExceeded as error:
                logger.info("a question whose answer could not be read is not repeated: %s", error)
        return reading, standing

    def _complete(self, question: Prompt) -> Flow[Completion]:
        """Ask, and check that it is a completion that comes."""
        flow: Any = self.model.complete(question, self._deadline)
        completion: Any = flow
        if isinstance(flow, Generator):
            completion = yield from cast("Flow[Any]", flow)
        if not isinstance(completion, Completion):
            msg = (
                f"{class_name(self.model)}.complete(…) gave {class_name(completion)}: a model must be a ChatModel, "
                "whose complete is a generator that returns a rerank_kit.judge.Completion, or gives one"
            )
            raise ConfigurationError(msg)
        return completion

    def _once(self, question: Prompt, labels: list[str]) -> Flow[Reading]:
        self._deadline.check()
        itself, each = USUAL_ANSWER[self.mode]
        guess = self.spending.reserve(question, itself + each * len(labels))
        try:
            completion = yield from self._complete(question)
        except BaseException as error:
            sent = error.requests if isinstance(error, RerankError) else None
            turned_away = isinstance(error, StatusError | ConfigurationError)
            self.spending.failed(guess, 1 if sent is None else sent, free=turned_away)
            raise
        reading = read(self.mode, completion, labels)
        self.spending.answered(guess, completion.usage + reading.tally)
        return reading
