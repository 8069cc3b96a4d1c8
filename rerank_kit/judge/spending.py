"""What the calls for one query may take, and what they have taken."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from rerank_kit.errors import BudgetExceeded
from rerank_kit.judge.chat import Prompt
from rerank_kit.pricing import Prices
from rerank_kit.texts import estimated_tokens
from rerank_kit.values import Usage


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


def prompt_tokens(prompt: Prompt) -> int:
    """The tokens of a prompt, guessed on the careful side."""
    return sum(map(estimated_tokens, (prompt.system, *prompt.parts)))


class Spending:
    """Counts what the calls for one query take, from any thread, and says when it is enough.

    Attributes:
        usage: What has been taken.
        cost: What that cost; `None` when it is not known of a part.
    """

    def __init__(self, model: str | None, prices: Prices, max_calls: int | None, max_cost: float | None) -> None:
        """Start with nothing taken."""
        self.usage = Usage()
        self.cost: float | None = 0.0
        self._model = model
        self._prices = prices
        self._max_calls = max_calls
        self._max_cost = max_cost
        self._begun = 0
        self._committed = 0.0  # what was paid, and the guesses for what is under way
        self._lock = threading.Lock()

    def reserve(self, prompt: Prompt, answer_tokens: int) -> float:
        """Make room for a call: what it may cost.

        Raises:
            BudgetExceeded: There is none left.
        """
        expected = Usage(calls=1, input_tokens=prompt_tokens(prompt), output_tokens=answer_tokens)
        guess = 0.0 if self._max_cost is None else self._prices.cost(self._model, expected) or 0.0
        with self._lock:
            if self._max_calls is not None and self._begun >= self._max_calls:
                msg = f"max_calls={self._max_calls} is used up"
                raise BudgetExceeded(msg)
            if self._max_cost is not None and self._committed + guess > self._max_cost:
                msg = f"max_cost={self._max_cost:g} leaves no room for another call"
                raise BudgetExceeded(msg)
            self._begun += 1
            self._committed += guess
        return guess

    def answered(self, guess: float, usage: Usage) -> None:
        """A call was answered, and this is what it took."""
        self._over(guess, usage, self._prices.cost(self._model, usage))

    def failed(self, guess: float, requests: int, *, free: bool) -> None:
        """A call failed, after so many requests. If it was not turned away, nobody knows whether it is billed."""
        self._over(guess, Usage(requests=requests, retries=max(0, requests - 1)), 0.0 if free else None)

    def _over(self, guess: float, usage: Usage, cost: float | None) -> None:
        with self._lock:
            self.usage += usage
            self.cost = None if self.cost is None or cost is None else self.cost + cost
            if cost is not None:
                self._committed += cost - guess
