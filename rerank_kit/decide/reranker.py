"""`DecisionReranker`: typed questions about all documents in one call, answered with probabilities."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from itertools import chain
from typing import Literal

from rerank_kit.arguments import named
from rerank_kit.checks import (
    WHOLE,
    check_choice,
    check_count,
    check_documents,
    check_instance,
    check_query,
    check_whole,
)
from rerank_kit.decide.decision_calls import DecisionCalls, Sheet, wording
from rerank_kit.decide.model import DecisionModel
from rerank_kit.decide.questions import Questionnaire
from rerank_kit.decide.settings import check_criterion, check_decider, check_levels, check_seed
from rerank_kit.decide.sharing import fullness, room, shares
from rerank_kit.decide.ways import LEVELS, Ask, OneOfAll, Scores, Way, YesOrNo
from rerank_kit.errors import BackendError, ConfigurationError
from rerank_kit.flow import Flow, gather
from rerank_kit.judge.abstention import Abstention, Unanswerable
from rerank_kit.judge.chat import NEVER
from rerank_kit.judge.injection import harmless, shortened
from rerank_kit.judge.prompts import CRITERION
from rerank_kit.judge.spending import Estimate, Spending, check_max_cost, estimated
from rerank_kit.judge.verdicts import OnError, Verdict, VerdictOrReason, Verdicts
from rerank_kit.pricing import Prices, known_prices
from rerank_kit.quoting import whole
from rerank_kit.ranking import Ranking
from rerank_kit.reranker import Reranker
from rerank_kit.settled import Settled
from rerank_kit.texts import estimated_tokens, is_blank
from rerank_kit.values import Deadline, Document, Usage

TooLong = Literal["cut", "raise"]


class DecisionReranker(Settled, Reranker):
    """Asks a decision model about the documents.

    - `ask="score"`: how far each one answers, in levels. Scores are the expected level as a share of the highest.
    - `ask="yes-no"`: whether each one does. Scores are the probabilities of yes.
    - `ask="choice"`: which one does best, or none. Scores are the probabilities of being chosen.

    All documents go into one call, as far as they fit. Answers in one call depend on each other, so that a ranking is
    of its documents together; `pairwise=True` asks about each by itself, in as many calls. Documents with equal scores
    keep their order.

    In the same call it is asked whether any document answers: `ranking.answerable` is the probability, of several calls
    the highest. Pair by pair, it is the best score. Where one is not known it is `None`, unless another reaches
    `min_answerable`. Documents without text do not answer.

    Documents without an answer, because the call failed, came too late or would have cost too much, or because the
    answer was a refusal, was left out or cannot be meant, are kept, in their order, after the others. Their verdict is
    `"unjudged"`, their score 0.0, `hit.why` says why, `usage.unjudged` counts them, and the ranking is degraded. If
    there is none on any, its `failure` says so: for a `Fallback`, that is a failure.

    Attributes:
        decider: The decision model.
        ask: What it is asked.
        criterion: What makes a document a good one, as the end of "the document …".
        levels: What the levels mean, from the lowest to the highest.
        pairwise: Whether each document is asked about in a call of its own.
    """

    @named
    def __init__(
        self,
        model: DecisionModel,
        *,
        ask: Ask = "score",
        criterion: str = CRITERION,
        levels: Sequence[str] = LEVELS,
        pairwise: bool = False,
        concurrency: int = 8,
        max_tokens_per_doc: int | None = 2000,
        too_long: TooLong = "cut",
        max_calls: int | None = None,
        max_cost: float | None = None,
        on_error: OnError = "keep",
        min_answerable: float | None = None,
        unanswerable: Unanswerable = "none",
        prices: Prices | None = None,
        seed: int | None = None,
    ) -> None:
        """Check the settings; nothing is asked yet.

        Args:
            model: The decision model: `SystemOne(…)`, `OpenAIDecisions(…)`, or your own `DecisionModel`.
            ask: `"score"`, `"yes-no"` or `"choice"`.
            criterion: No question, such as `"answers the query and can be quoted to a customer"`. It stands in place of
                relevance, so it has to speak of the query.
            levels: What each level means, for `ask="score"` alone: at least two, from the lowest to the highest.
            pairwise: Ask about each document in a call of its own. Not for `ask="choice"`.
            concurrency: How many calls are made side by side, where it takes several.
            max_tokens_per_doc: How many tokens of a document are sent at most; `None` is as many as fit into a call.
            too_long: What a longer document does: `"cut"` cuts it, which counts in `usage.truncated`, `"raise"` raises.
            max_calls: How many calls one query may take.
            max_cost: How much one query may cost, in US dollars. What a call may cost is guessed before it is made.
            on_error: What a document without a verdict does: `"keep"` keeps it unjudged, `"raise"` raises, as it does
                where `min_answerable` needs an answer that there is not. A wrong key or setting always raises.
            min_answerable: The least that `ranking.answerable` has to be; `None` is to rank in any case. Where it is
                not known, the ranking stands, degraded.
            unanswerable: What becomes of a ranking where it is less: `"none"` gives no hits, `"flag"` says so in a
                ranking that is degraded.
            prices: What costs are computed by; by default the rows that come with the package.
            seed: Makes labels the same every time, for tests. Documents could then know them.

        Raises:
            ConfigurationError: An argument is wrong.
        """
        check_decider(model)
        check_choice("ask", ask, ("score", "yes-no", "choice"))
        check_choice("too_long", too_long, ("cut", "raise"))
        check_choice("on_error", on_error, ("keep", "raise"))
        check_instance("pairwise", pairwise, bool, "True or False")
        check_instance("prices", prices, (Prices, type(None)), "rerank_kit.pricing.Prices")
        self.decider = model
        name: object = getattr(model, "model", None)
        self.model = name if isinstance(name, str) else None
        self.ask: Ask = ask
        self.criterion = check_criterion(criterion)
        self.levels = check_levels(levels, ask, model.limits)
        self.pairwise = self.pointwise = pairwise
        self._concurrency = check_whole("concurrency", concurrency)
        self._max_tokens_per_doc = check_count("max_tokens_per_doc", max_tokens_per_doc, none=WHOLE)
        self._too_long: TooLong = too_long
        self._max_calls = check_count("max_calls", max_calls)
        self._prices = prices
        self._max_cost = check_max_cost(max_cost, self.model, self._price_list)
        self._on_error: OnError = on_error
        self._seed = check_seed(seed)
        self._abstention = Abstention(min_answerable, unanswerable, on_error)
        if ask == "choice" and pairwise:
            msg = "pairwise must be False with ask='choice': there is no choice among one document"
            raise ConfigurationError(msg)
        self._settle(DecisionReranker)

    @property
    def fingerprint(self) -> str | None:
        """The model and all that it is asked, where it is asked about each document by itself."""
        whose: object = getattr(self.decider, "fingerprint", None)
        if not self.pairwise or not isinstance(whose, str) or self._abstention.least is not None:
            return None
        limits = self.decider.limits
        cut = self._max_tokens_per_doc, limits.tokens, limits.state_tokens
        return ":".join(map(str, (whose, wording(self._way()), *cut)))

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        """Ask about the documents."""
        verdicts = yield from self.deciding(query, documents, deadline)
        return self._abstention.of(verdicts.ranking())

    def nothing_to_read(self, ranking: Ranking) -> Ranking:
        """Documents without text do not answer."""
        return self._abstention.of_blanks(ranking, self.decider, self.model)

    def deciding(self, query: str, documents: Sequence[Document], deadline: Deadline = NEVER) -> Flow[Verdicts]:
        """What can be found out about each document. There must be some, none of them blank.

        Raises:
            ConfigurationError: A document is too long, and `too_long="raise"` was asked for, or the query is; or there
                are more documents than one choice can have.
            RerankError: There is no verdict on one, and `on_error="raise"` was asked for.
        """
        started = time.perf_counter()
        sheet, standing, truncated = self._sheet(query, documents)
        groups = self._groups(sheet)
        spending = Spending(self.model, self._price_list(), self._max_calls, self._max_cost)
        calls = DecisionCalls(self.decider, sheet, spending, deadline, self._on_error)
        answered = yield from gather(*(calls.ask(places) for places in groups), limit=self._concurrency)
        known = dict[int, VerdictOrReason](chain.from_iterable(each.verdicts.items() for each in answered))
        found = [known[place] for place in standing]
        usage = Usage(
            pairs=sum(isinstance(each, Verdict) for each in known.values()),
            truncated=truncated,
            duplicates=len(standing) - len(known),
            splits=0 if self.pairwise else max(0, spending.begun - 1),
        )
        answerable = self._abstention.likeliest(each.answerable for each in answered)
        return Verdicts.of(
            found, self.decider, spending, name=self.model, usage=usage, started=started, answerable=answerable
        )

    def cost(self, usage: Usage) -> float | None:
        """What that usage costs, in US dollars; `None` when that is not known."""
        return self._price_list().cost(self.model, usage)

    @named
    def estimate(self, query: str, documents: Sequence[Document | str]) -> Estimate:
        """What asking about these documents would take, without asking anything.

        Raises:
            ConfigurationError: An argument is wrong.
        """
        given = [each for each in check_documents(documents) if not is_blank(each.text)]
        sheet, _, _ = self._sheet(check_query(query), given)
        asked = [sheet.asked(places) for places in self._groups(sheet)[: self._max_calls]]
        usages = [Usage(calls=1, input_tokens=each.tokens) for each in asked]
        return estimated(usages, [self.cost(each) for each in usages])

    def _sheet(self, query: str, documents: Sequence[Document]) -> tuple[Sheet, list[int], int]:
        """The texts as they are shown, each once; where each document's is; and how many had to be cut."""
        asked, way = harmless(query), self._way()
        draw = partial(Sheet.drawn, way, asked, seed=self._seed, together=not self.pairwise)
        left = self._room(query, draw([""]).asked([0]))
        most = min((each for each in (self._max_tokens_per_doc, left) if each is not None), default=None)
        shown = [_shown(each.text, most, left) for each in documents]
        truncated = sum(shorter for _, shorter in shown)
        if truncated and self._too_long == "raise":
            longest = max(estimated_tokens(each.text) for each in documents)
            msg = (
                f"{truncated} of {len(documents)} documents have more than {most} tokens, the longest about {longest}: "
                "cut them, pass too_long='cut', or raise max_tokens_per_doc= as far as limits= allow"
            )
            raise ConfigurationError(msg)
        places: dict[str, int] = {}
        standing = [places.setdefault(text, len(places)) for text, _ in shown]
        return draw(list(places)), standing, truncated

    def _room(self, query: str, empty: Questionnaire) -> int | None:
        """The most tokens that a document may have to be asked about at all.

        Raises:
            ConfigurationError: Criterion and levels leave none.
            BackendError: The query leaves none: it is data, and another reranker may take it.
        """
        try:
            return room(empty, self.decider.limits)
        except ConfigurationError as error:
            if query:
                alone = Sheet.drawn(self._way(), "", [""], seed=self._seed, together=not self.pairwise)
                self._room("", alone.asked([0]))
                msg = f"the query is too long: {error}"
                raise BackendError(msg) from None
            raise

    def _groups(self, sheet: Sheet) -> list[list[int]]:
        """The places of the documents that are asked about together.

        Raises:
            ConfigurationError: They do not fit into one choice, which cannot be split.
        """
        count, limits = len(sheet.texts), self.decider.limits
        if self.pairwise or count < 2:  # noqa: PLR2004 - one cannot be split
            return [[place] for place in range(count)]
        if self.ask == "choice":
            whole = list(range(count))
            if fullness(sheet.asked(whole), limits) > 1:
                msg = (
                    f"ask='choice' is one question, so {count} documents cannot be split to fit {limits}: rerank "
                    "fewer, cut them shorter with max_tokens_per_doc=, or use ask='score'"
                )
                raise ConfigurationError(msg)
            return [whole]
        return shares(count, sheet.asked, limits)

    def _way(self) -> Way:
        if self.ask == "choice":
            return OneOfAll(self.criterion)
        return Scores(self.criterion, self.levels) if self.ask == "score" else YesOrNo(self.criterion)

    def _price_list(self) -> Prices:
        return known_prices() if self._prices is None else self._prices

    @whole
    def __repr__(self) -> str:
        """Say which model is asked, and what."""
        return f"{type(self).__name__}({self.decider!r}, ask={self.ask!r})"


def _shown(text: str, most: int | None, left: int | None) -> tuple[str, bool]:
    """What a model is shown of a text that may have so many tokens, and whether that is less than all of it.

    What takes control tokens apart makes it longer, but not longer than what is left of a call.
    """
    shown, shorter = shortened(text, most)
    shown, again = shortened(shown, left)
    return shown, shorter or again
