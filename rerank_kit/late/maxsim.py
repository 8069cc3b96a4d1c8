"""MaxSim: how well a document's token vectors match those of a query.

For each vector of the query the largest dot product with any vector of the document, summed: Khattab and Zaharia,
"ColBERT: Efficient and Effective Passage Search via Contextualized Late Interaction over BERT" (SIGIR 2020).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rerank_kit.late.vectors import TokenVectors
from rerank_kit.optional import optional


def scorer(document: TokenVectors) -> Callable[[Any], float]:
    """What scores one document for any query: takes an array of shape (vectors, dimension), and gives the sum.

    Vectors of length 1 make each part of the sum a cosine, from -1 to 1. A document without a vector matches nothing.
    """
    numpy = optional("numpy", extra="onnx", why="LateInteraction")
    numbers = numpy.frombuffer(document.numbers, "<f2").astype(numpy.float32).reshape(-1, document.dimension)

    def score(query: Any) -> float:
        if not len(numbers):
            return -float(len(query))
        return float((query @ numbers.T).max(axis=1).sum(dtype=numpy.float64))

    return score


def relevance(total: float, vectors: int) -> float:
    """A sum of that many cosines as a number from 0 to 1, in the same order: the mean cosine, moved there."""
    return min(1.0, max(0.0, (1.0 + total / vectors) / 2.0))
