"""What a ranking costs: dated rows of prices, which the user can override. What is not known is `None`, never 0."""

from rerank_kit.pricing.prices import Price, Prices, known_prices

__all__ = ["Price", "Prices", "known_prices"]
