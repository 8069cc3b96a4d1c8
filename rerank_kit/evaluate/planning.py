"""What a run will take, and whether it may."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from rerank_kit.errors import BudgetExceeded, ConfigurationError

_CENT = 0.01  # US dollars, below which two decimals say nothing
ROUNDED = 1 + 1e-9
"""Three times ten cents are a little more than thirty, to a computer."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will take, told from one query that each system was asked.

    Attributes:
        cost: In US dollars, of all that is not in the store yet.
        unknown: Systems that ask an API or a server whose price is not known.
        seconds: About how long, at the pace at which each system answered that query.
        pairs: About how many pairs of query and document are scored.
    """

    cost: float
    unknown: tuple[str, ...]
    seconds: float
    pairs: int = 0


def agree(plan: Plan, spent: float, most: float | None, confirm: Callable[[Plan], bool] | None) -> None:
    """Whether a run may cost what it will, and has cost already.

    Args:
        plan: What is to come.
        spent: What was paid already, in US dollars.
        most: What all of it may cost.
        confirm: Asked with the plan.

    Raises:
        BudgetExceeded: It may not.
        ConfigurationError: There is a limit, and prices are not known.
    """
    if confirm is not None and not confirm(plan):
        msg = f"the run was not wanted, at about {dollars(plan.cost)}: nothing more was asked"
        raise BudgetExceeded(msg)
    if most is not None and plan.unknown:
        msg = (
            f"max_cost={most} cannot be kept: what these cost is not known: {', '.join(plan.unknown)}: put "
            "their prices into the file that RERANK_KIT_PRICES names, or leave max_cost out"
        )
        raise ConfigurationError(msg)
    whole = spent + plan.cost
    limit = most if most is not None else 0.0 if confirm is None else math.inf
    if plan.cost and whole > limit * ROUNDED:
        told = "nothing is paid for without it" if most is None else f"max_cost={most}"
        enough = f"{whole * 1.1:.2g}" if whole < 1 else f"{math.ceil(whole * 11) / 10:g}"
        paid = f", {dollars(spent)} of it for the first queries" if spent else ""
        msg = f"the run would cost about {dollars(whole)}{paid}: pass max_cost={enough} ({told})"
        raise BudgetExceeded(msg)


def stop(told: str, most: float, kept: str) -> BudgetExceeded:
    """The error that ends a run before it is too dear.

    Args:
        told: What was spent, and what comes next.
        most: What it may cost.
        kept: What is in the store.
    """
    msg = f"{told}: max_cost={most} ends it here. What was {kept} is kept in store=, where it goes on with more"
    return BudgetExceeded(msg)


def dollars(amount: float) -> str:
    """An amount of money; two digits of what is less than a cent."""
    return f"${amount:.2f}" if amount >= _CENT else f"${amount:.2g}"
