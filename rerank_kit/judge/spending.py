"""What the calls for one query may take, and what they have taken."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rerank_kit.checks import check_positive
from rerank_kit.errors import BudgetExceeded, ConfigurationError, RerankError, StatusError
from rerank_kit.flow import Flow
from rerank_kit.judge.chat import Prompt
from rerank_kit.pricing import Prices
from rerank_kit.texts import estimated_tokens
from rerank_kit.values import Usage

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Estimate:
    """What judging would take, by guessed tokens: as a rule more than it will.

    Attributes:
        calls: Questions to the model, without repeated ones.
        input_tokens: Tokens that it would read, none of them from a cache.
        output_tokens: Tokens that it would write.
        cost: In US dollars; `None` when the model's price is not known.
    """

    calls: int
    input_tokens: int
    output_tokens: int
    cost: float | None


def estimated(usages: Sequence[Usage], costs: Sequence[float | None]) -> Estimate:
    """The estimate for calls that are expected to take so much, each with what that costs."""
    known = [each for each in costs if each is not None]
    whole = sum(usages, Usage())
    cost = sum(known) if len(known) == len(costs) else None
    return Estimate(whole.calls, whole.input_tokens, whole.output_tokens, cost)


def check_max_cost(value: object, model: str | None, prices: Callable[[], Prices]) -> float | None:
    """How much one query may cost, in US dollars, if the model's price is known; `None` is no limit."""
    most = check_positive("max_cost", value)
    if most is not None and prices().price(model) is None:
        msg = f"max_cost needs the price of {model!r}: pass prices=known_prices().override(Price(…))"
        raise ConfigurationError(msg)
    return most


def prompt_tokens(prompt: Prompt) -> int:
    """The tokens of a prompt, guessed on the careful side."""
    return sum(map(estimated_tokens, (prompt.system, *prompt.parts)))


class Spending:
    """Counts what the calls for one query take, from any thread, and says when it is enough.

    Attributes:
        usage: What has been taken.
        cost: What that cost; `None` when it is not known of a part.
        begun: How many calls there was room for.
    """

    def __init__(self, model: str | None, prices: Prices, max_calls: int | None, max_cost: float | None) -> None:
        """Start with nothing taken."""
        self.usage = Usage()
        self.cost: float | None = 0.0
        self._model = model
        self._prices = prices
        self._max_calls = max_calls
        self._max_cost = max_cost
        self.begun = 0
        self._committed = 0.0  # what was paid, and the guesses for what is under way
        self._lock = threading.Lock()

    def paying(self, expected: Usage, asking: Flow[tuple[T, Usage]]) -> Flow[T]:
        """Make a call, if there is room for it.

        Args:
            expected: What it may take.
            asking: The call, which gives its answer and what it took.

        Raises:
            BudgetExceeded: There is no room left.
        """
        guess = self._reserve(expected)
        try:
            answer, usage = yield from asking
        except BaseException as error:
            sent = error.requests if isinstance(error, RerankError) else None
            turned_away = isinstance(error, StatusError | ConfigurationError)
            self._failed(guess, 1 if sent is None else sent, free=turned_away)
            raise
        self._over(guess, usage, self._prices.cost(self._model, usage))
        return answer

    def paid(self, usage: Usage, cost: float | None) -> None:
        """Count what was paid for otherwise, which leaves less room; `None` is a cost that is not known."""
        self._over(0.0, usage, cost)

    def _reserve(self, expected: Usage) -> float:
        """Make room for a call: what it may cost."""
        guess = 0.0 if self._max_cost is None else self._prices.cost(self._model, expected) or 0.0
        with self._lock:
            if self._max_calls is not None and self.begun >= self._max_calls:
                msg = f"max_calls={self._max_calls} is used up"
                raise BudgetExceeded(msg)
            if self._max_cost is not None and self._committed + guess > self._max_cost:
                msg = f"max_cost={self._max_cost:g} leaves no room for another call"
                raise BudgetExceeded(msg)
            self.begun += 1
            self._committed += guess
        return guess

    def _failed(self, guess: float, requests: int, *, free: bool) -> None:
        """A call failed, after so many requests. If it was not turned away, nobody knows whether it is billed."""
        self._over(guess, Usage(requests=requests, retries=max(0, requests - 1)), 0.0 if free else None)

    def _over(self, guess: float, usage: Usage, cost: float | None) -> None:
        with self._lock:
            self.usage += usage
            self.cost = None if self.cost is None or cost is None else self.cost + cost
            if cost is not None:
                self._committed += cost - guess
