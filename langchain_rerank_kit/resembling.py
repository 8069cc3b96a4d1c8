"""Arguments of a call that resemble ours: they would go on to the first stage, where they mean nothing or fail."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from rerank_kit.errors import ConfigurationError
from rerank_kit.quoting import quoted

_MEANT = {
    **{name: name for name in ("recall", "top_n", "threshold")},
    **dict.fromkeys(("top_k", "limit", "n_results", "num_results", "max_results"), "top_n"),
}
_ALIKE = 0.85  # score_threshold, which vector stores take, is 0.75 of threshold


def refuse_resembling(names: Iterable[str]) -> None:
    """Refuse what is most likely one of ours, misspelt.

    Raises:
        ConfigurationError: There is such a name.
    """
    for name in names:
        for alike in get_close_matches(name.lower(), _MEANT, n=1, cutoff=_ALIKE):
            msg = (
                f"a call of this retriever takes recall, top_n, k and threshold, not {quoted(name)}: did you mean "
                f"{_MEANT[alike]}? What is meant for the first stage can be bound to it"
            )
            raise ConfigurationError(msg)
