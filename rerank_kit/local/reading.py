"""What a model reads of a pair: up to how many tokens, and whether its tokenizer makes anything of words."""

from __future__ import annotations

from collections.abc import Sequence

from rerank_kit.errors import ConfigurationError
from rerank_kit.quoting import quoted

NO_LIMIT = 1_000_000
"""Tokens: transformers writes about 1e30 where a tokenizer has no limit."""

WORDS = "The query asks for a text of 10 words: apple, word."
"""Plain words and numbers, of which every tokenizer makes several different tokens."""

OTHER_WORDS = "Nobody was there on Monday."
"""A text that does not answer `WORDS`, so that a model's logit of it is low where that of `WORDS` itself is high."""

_SHORTEST = 16  # tokens: below this there is no room for a document beside a query
_LONGEST_UNASKED = 8192  # tokens: what the cards of rerankers name at most; their base models' limits are far above


def chosen_length(asked: object, limit: int, name: str, by_card: int | None = None) -> int:
    """How many tokens are read of a pair.

    Args:
        asked: What the user wants; `None` is what the model can, but no more than the 8,192 that rerankers on models
            for far longer texts, such as Qwen3-Reranker, name on their cards.
        limit: The most tokens that the model can read.
        name: The model's name.
        by_card: The tokens that its card reads, where that is known.

    Raises:
        ConfigurationError: It cannot read that many, or there would be no room for a document.
    """
    if limit < _SHORTEST:
        msg = (
            f"model={name!r} says that it reads {limit} tokens of a pair, which leaves no room for a document: write "
            "how many it reads into model_max_length in its tokenizer_config.json, or max_position_embeddings in its "
            "config.json"
        )
        raise ConfigurationError(msg)
    if asked is None:
        return min(limit, _LONGEST_UNASKED if by_card is None else by_card)
    if not isinstance(asked, int) or isinstance(asked, bool) or not _SHORTEST <= asked <= limit:
        msg = f"max_length must be from {_SHORTEST} to {limit} tokens for {name!r}, not {quoted(asked)}"
        raise ConfigurationError(msg)
    return asked


def check_vocabulary(ids: Sequence[int], name: str) -> None:
    """Refuse a tokenizer without a vocabulary, to which all words are one: libraries make one where files are missing.

    Args:
        ids: What it makes of `WORDS` alone.
        name: The model's name.

    Raises:
        ConfigurationError: It has none.
    """
    if len(set(ids)) <= 1:
        msg = (
            f"model={name!r}: its tokenizer has no vocabulary, so that all texts are the same to it. Put the "
            "tokenizer's files beside the model, tokenizer.json first of all"
        )
        raise ConfigurationError(msg)
