"""`ModelCalls`: the calls for one query, each one read, repeated once if nothing could be read, and accounted for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from rerank_kit.errors import BudgetExceeded, ConfigurationError
from rerank_kit.flow import Flow
from rerank_kit.judge.answers import Reading, Vote, read
from rerank_kit.judge.chat import ChatModel, Completion, GrammarPerRequest, Prompt, finished
from rerank_kit.judge.injection import Draw
from rerank_kit.judge.prompts import USUAL_ANSWER, prompt
from rerank_kit.judge.spending import Spending, prompt_tokens
from rerank_kit.judge.verdicts import WHY, OnError, check_judged, reason_of
from rerank_kit.observe.hooks import logger
from rerank_kit.quoting import class_name
from rerank_kit.values import Deadline, Usage


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
        on_error: OnError,
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
        self._on_error: OnError = on_error
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
        except Exception as error:
            reason = reason_of(error, self._on_error)
            if reason is None:
                raise
            return CallResult(problems=dict.fromkeys(places, reason))
        problems = {standing[label]: WHY[outcome] for label, outcome in reading.problems.items()}
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

    def _once(self, question: Prompt, labels: list[str]) -> Flow[Reading]:
        self._deadline.check()
        itself, each = USUAL_ANSWER[self.mode]
        answer_tokens = itself + each * len(labels)
        expected = Usage(calls=1, input_tokens=prompt_tokens(question), output_tokens=answer_tokens)
        return (yield from self.spending.paying(expected, self._answered(question, labels)))

    def _answered(self, question: Prompt, labels: list[str]) -> Flow[tuple[Reading, Usage]]:
        completion = yield from self._complete(question)
        reading = read(self.mode, completion, labels)
        return reading, completion.usage + reading.tally

    def _complete(self, question: Prompt) -> Flow[Completion]:
        """Ask, and check that it is a completion that comes."""
        completion = yield from finished(self.model.complete(question, self._deadline))
        if not isinstance(completion, Completion):
            msg = (
                f"{class_name(self.model)}.complete(…) gave {class_name(completion)}: a model must be a ChatModel, "
                "whose complete is a generator that returns a rerank_kit.judge.Completion, or gives one"
            )
            raise ConfigurationError(msg)
        return completion
