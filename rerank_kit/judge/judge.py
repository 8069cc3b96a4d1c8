"""`LLMJudge`: the stage that catches what is on topic, but does not answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Literal

from rerank_kit.arguments import named
from rerank_kit.checks import (
    WHOLE,
    check_choice,
    check_count,
    check_documents,
    check_flag,
    check_instance,
    check_query,
    check_text,
    check_whole,
)
from rerank_kit.errors import ConfigurationError
from rerank_kit.flow import Flow
from rerank_kit.judge.abstention import Abstention, Unanswerable
from rerank_kit.judge.chat import NEVER, ChatModel, check_chat_model
from rerank_kit.judge.filter_and_grade import Ballot, ballots, voted
from rerank_kit.judge.injection import harmless, shortened
from rerank_kit.judge.listwise import ordered, windows
from rerank_kit.judge.model_calls import ModelCalls
from rerank_kit.judge.prompts import CRITERION, INSTRUCTIONS, USUAL_ANSWER
from rerank_kit.judge.spending import Estimate, Spending, check_max_cost, estimated, prompt_tokens
from rerank_kit.judge.verdicts import OnError, Verdicts, check_judged, score_of
from rerank_kit.pricing import Prices, known_prices
from rerank_kit.quoting import whole
from rerank_kit.ranking import Ranking
from rerank_kit.reranker import Reranker
from rerank_kit.settled import Settled
from rerank_kit.texts import is_blank
from rerank_kit.values import Deadline, Document, Usage

Mode = Literal["filter", "grade", "listwise"]


class LLMJudge(Settled, Reranker):
    """Has an LLM decide whether documents answer the query.

    - `"filter"`: yes or no, one document in a call. Documents that do not answer are left out.
    - `"grade"`: from 0 to 3, several documents in a call, shuffled. Scores are the grades, divided by 3.
    - `"listwise"`: an order, in a window that slides up from the end. Scores follow the places.

    Documents that could not be judged, because the answer could not be read, was a refusal, came too late or would
    have cost too much, are kept, in their order, after those that were. Their verdict is `"unjudged"`, their score
    0.0, `hit.why` says why, `usage.unjudged` counts them, and the ranking is degraded. If none could be judged, its
    `failure` says so: for a `Fallback`, that is a failure.

    What a document holds cannot break out of its place in the prompt, and cannot pass for an answer. A model can still
    be persuaded by what it reads.

    Attributes:
        chat: The LLM.
        mode: What it is asked for.
        criterion: What makes a document a good one, as the end of "the document …".
        instructions: The system prompt.
    """

    pointwise = False  # a filter's verdicts are, but which documents it keeps depends on all (min_keep)

    @named
    def __init__(
        self,
        model: ChatModel,
        *,
        mode: Mode = "filter",
        criterion: str = CRITERION,
        instructions: str | None = None,
        concurrency: int = 8,
        documents_per_call: int = 10,
        window: int = 20,
        step: int | None = None,
        min_keep: int = 1,
        keep_order: bool = True,
        samples: int = 1,
        max_calls: int | None = None,
        max_cost: float | None = None,
        max_tokens_per_doc: int | None = 2000,
        label_enum: bool | None = None,
        on_error: OnError = "keep",
        min_answerable: float | None = None,
        unanswerable: Unanswerable = "none",
        prices: Prices | None = None,
        seed: int | None = None,
    ) -> None:
        """Check the settings; nothing is asked yet.

        Args:
            model: The LLM: `Anthropic()`, `OpenAICompatible(…)`, or your own `ChatModel`.
            mode: `"filter"`, `"grade"` or `"listwise"`.
            criterion: What makes a document a good one, such as `"answers the query and can be quoted to a customer"`.
                It stands in place of relevance, so it has to speak of the query.
            instructions: The system prompt, if not `rerank_kit.judge.prompts.INSTRUCTIONS[mode]`. `{criterion}` in it
                is replaced. It has to say what the answer looks like.
            concurrency: How many calls are made side by side.
            documents_per_call: How many documents go into a call, in mode `"grade"`.
            window: How many documents are put in order at a time, in mode `"listwise"`.
            step: By how many documents the window moves; by default by half of it.
            min_keep: How many documents a filter returns at least, if that many came in; 0 lets it return none.
            keep_order: Whether a filter keeps the order of what it lets through, or puts first what more votes are for.
            samples: How often each question is asked; the majority counts. Not for `"listwise"`.
            max_calls: How many calls one query may take.
            max_cost: How much one query may cost, in US dollars. What a call may cost is guessed before it is made.
            max_tokens_per_doc: Longer documents are cut, and counted in `usage.truncated`; `None` sends them whole.
            label_enum: Whether the schema of an answer allows no labels but those that were asked about, for small
                models that make up others. The schema is then another one for every call, which misses the caches of
                most servers; so by default it does where a `GrammarPerRequest` model says that none is missed.
            on_error: What a document without a verdict does, after all repetitions: `"keep"` keeps it unjudged,
                `"raise"` raises, whether a call failed, the budget was used up, or the answer could not be read, was
                a refusal, was cut off before it, or left it out. A wrong key or setting always raises.
            min_answerable: The least share of votes that some document has to have, in mode `"filter"`;
                `ranking.answerable` is that of the document that most votes are for.
            unanswerable: What becomes of a ranking in which none has it: `"none"` gives no hits, whatever `min_keep`
                says, `"flag"` says so in a ranking that is degraded.
            prices: What costs are computed by; by default the rows that come with the package.
            seed: Makes labels and orders the same every time, for tests. Documents could then know them.

        Raises:
            ConfigurationError: An argument is wrong.
        """
        check_choice("mode", mode, tuple(INSTRUCTIONS))
        check_chat_model("model", model)
        check_choice("on_error", on_error, ("keep", "raise"))
        check_instance("label_enum", label_enum, (bool, type(None)), "True, False or None")
        self.chat = model
        name: object = getattr(model, "model", None)
        self.model = name if isinstance(name, str) else None
        self.mode: Mode = mode
        self.criterion = check_text("criterion", criterion)
        given = INSTRUCTIONS[mode] if instructions is None else check_text("instructions", instructions)
        self.instructions = given.replace("{criterion}", criterion)
        self._concurrency = check_whole("concurrency", concurrency)
        self._documents_per_call = check_whole("documents_per_call", documents_per_call)
        self._window = check_whole("window", window)
        self._step = check_count("step", step, none="for half the window") or max(1, self._window // 2)
        self._min_keep = check_whole("min_keep", min_keep, least=0)
        self._keep_order = check_flag("keep_order", keep_order)
        self._samples = check_whole("samples", samples)
        self._max_calls = check_count("max_calls", max_calls)
        self._max_tokens_per_doc = check_count("max_tokens_per_doc", max_tokens_per_doc, none=WHOLE)
        self._label_enum = label_enum
        self._on_error: OnError = on_error
        self._prices = prices
        self._max_cost = check_max_cost(max_cost, self.model, self._price_list)
        self._seed = seed
        self._abstention = Abstention(min_answerable, unanswerable, on_error)
        self._check_together()
        self._settle(LLMJudge)

    def _check_together(self) -> None:
        if self.mode == "listwise" and self._samples > 1:
            msg = f"samples must be 1 with mode='listwise', not {self._samples!r}: orders have no majority"
            raise ConfigurationError(msg)
        if self.mode != "filter" and self._abstention.least is not None:
            msg = f"min_answerable must be None with mode={self.mode!r}: only a filter is asked what answers"
            raise ConfigurationError(msg)
        if self._step >= self._window:
            msg = f"step must be less than window={self._window!r}, not {self._step!r}: windows have to overlap"
            raise ConfigurationError(msg)

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        """Judge the documents."""
        verdicts = yield from self.judging(query, documents, deadline)
        if self.mode == "filter":
            return self._abstention.of(verdicts.filtered(self._min_keep, keep_order=self._keep_order))
        return verdicts.ranking()

    def nothing_to_read(self, ranking: Ranking) -> Ranking:
        """Documents without text do not answer."""
        return self._abstention.of_blanks(ranking, self.chat, self.model) if self.mode == "filter" else ranking

    def judging(self, query: str, documents: Sequence[Document], deadline: Deadline = NEVER) -> Flow[Verdicts]:
        """What can be found out about each document, before any is left out. There must be some, none of them blank.

        Raises:
            RerankError: There is no verdict on one, and `on_error="raise"` was asked for.
        """
        started = time.perf_counter()
        calls, truncated = self._calls(query, documents, deadline)
        if self.mode == "listwise":
            found = yield from ordered(calls, self._window, self._step)
        else:
            found = yield from voted(calls, self._ballots(calls), self._concurrency)
        reasons = [each for each in found if isinstance(each, str)]
        if self._on_error == "raise":
            check_judged(reasons, len(found), type(self.chat).__name__)
        taken = Usage(pairs=len(found) - len(reasons), truncated=truncated)
        answerable = self._abstention.likeliest(map(score_of, found)) if self.mode == "filter" else None
        return Verdicts.of(
            found, self.chat, calls.spending, name=self.model, usage=taken, started=started, answerable=answerable
        )

    def cost(self, usage: Usage) -> float | None:
        """What that usage costs, in US dollars, by prompts of average length; `None` when that is not known."""
        return self._price_list().cost(self.model, usage)

    def estimate(self, query: str, documents: Sequence[Document | str]) -> Estimate:
        """What judging these documents would take, without asking anything.

        Raises:
            ConfigurationError: An argument is wrong.
        """
        given = [each for each in check_documents(documents) if not is_blank(each.text)]
        calls, _ = self._calls(check_query(query), given, NEVER)
        if self.mode == "listwise":
            groups = [list(each) for each in windows(len(given), self._window, self._step)]
        else:
            groups = [places for _, places in self._ballots(calls)]
        usages = [self._expected(calls, places) for places in groups[: self._max_calls]]
        costs = [self.cost(each) for each in usages]
        return estimated(usages, costs)

    def _expected(self, calls: ModelCalls, places: list[int]) -> Usage:
        itself, each = USUAL_ANSWER[self.mode]
        tokens = prompt_tokens(calls.question(places)[0])
        return Usage(calls=1, input_tokens=tokens, output_tokens=itself + each * len(places))

    def _calls(self, query: str, documents: Sequence[Document], deadline: Deadline) -> tuple[ModelCalls, int]:
        """How to ask about these documents, and how many had to be cut."""
        sent = [shortened(each.text, self._max_tokens_per_doc) for each in documents]
        calls = ModelCalls(
            self.chat,
            self.mode,
            self.instructions,
            harmless(query),
            [text for text, _ in sent],
            seed=self._seed,
            spending=Spending(self.model, self._price_list(), self._max_calls, self._max_cost),
            deadline=deadline,
            on_error=self._on_error,
            verdicts_at_once=self._on_error == "raise" and self._samples == 1 and self.mode != "listwise",
            label_enum=self._label_enum,
        )
        return calls, sum(shorter for _, shorter in sent)

    def _ballots(self, calls: ModelCalls) -> list[Ballot]:
        return ballots(calls, 1 if self.mode == "filter" else self._documents_per_call, self._samples)

    def _price_list(self) -> Prices:
        return known_prices() if self._prices is None else self._prices

    @whole
    def __repr__(self) -> str:
        """Say which model judges, and how."""
        return f"{type(self).__name__}({self.chat!r}, mode={self.mode!r})"
