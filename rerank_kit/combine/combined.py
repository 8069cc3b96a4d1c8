"""`Combined`: what holds of every reranker that has others inside; what these are called."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from rerank_kit.reranker import Reranker
from rerank_kit.settled import Settled


class Combined(Settled, Reranker):
    """A reranker made of others, which decide for themselves what they read."""

    reads_text = False

    @property
    @abstractmethod
    def _inside(self) -> Sequence[Reranker]:
        """The rerankers inside."""

    @property
    def scores_blanks(self) -> bool:
        """Whether all of them judge documents without text."""
        return all(each.scores_blanks for each in self._inside)

    @property
    def reads_metadata(self) -> bool:
        """Whether any of them does."""
        return any(each.reads_metadata for each in self._inside)


class OneOfSeveral(Combined):
    """A reranker that hands on what one of several rerankers says, as it is."""

    @property
    def calibrated_threshold(self) -> float | None:
        """That of all of them, if it is the same: whoever answers, scores that pass mean the same."""
        found = {each.calibrated_threshold for each in self._inside}
        return found.pop() if len(found) == 1 else None

    @property
    def _to_be_calibrated(self) -> str:
        name = type(self).__name__
        return (
            f"its rerankers do not all have the same calibrated threshold. Have each cut by its own: {name}("
            f'Cascade(Stage(first, threshold="calibrated")), …)'
        )


def model_of(reranker: Reranker) -> str:
    """The model at work, or else the kind of reranker."""
    return type(reranker).__name__ if reranker.model is None else str(reranker.model)
