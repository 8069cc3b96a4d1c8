"""What a ranking costs: dated rows of prices, which the user can override. What is not known is `None`, never 0."""

from rerank_kit.pricing.backends import Speed
from rerank_kit.pricing.planning import Plan, plan
from rerank_kit.pricing.prices import Price, Prices, known_prices

__all__ = ["Plan", "Price", "Prices", "Speed", "known_prices", "plan"]
