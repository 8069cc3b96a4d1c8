"""Which of a classifier's labels stands for "relevant": told by their names; of two without one, it is the second."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rerank_kit.errors import ConfigurationError

_RELEVANT = {"1", "label 1", "match", "positive", "relevant", "true", "yes"}
_IRRELEVANT = {
    *("0", "label 0", "no match", "negative", "irrelevant", "non relevant", "nonrelevant", "not relevant", "false"),
    "no",
}
_INFERENCE = {"contradiction", "entailment", "neutral", "not entailment"}
_NAMELESS = ("LABEL_1", "LABEL_0")  # what transformers calls them, the one that is taken first
_MOST = 2


def labels_of(config: Mapping[str, Any]) -> dict[int, str]:
    """The names of a model's values by their places, as its `config.json` has them; it may have none."""
    named: Mapping[object, object] = config.get("id2label") or {}
    return {int(str(place)): str(name) for place, name in named.items() if str(place).isdecimal()}


def counts_alone(config: Mapping[str, Any], count: int, model: str) -> bool:
    """Whether the value for "relevant" says all by itself; otherwise how far it lies above the other one does.

    Args:
        config: The model's `config.json`.
        count: How many values the model gives for a pair.
        model: What the user called it.

    Raises:
        ConfigurationError: There are several that were trained to be any numbers.
    """
    kind = config.get("problem_type")
    if kind == "regression" and count > 1:
        msg = (
            f"model={model!r} gives {count} values for a pair, and its config.json says problem_type='regression': two "
            "grades of any size are no score. Pass a reranker that gives one"
        )
        raise ConfigurationError(msg)
    return kind == "multi_label_classification"


def relevant_label(labels: Mapping[int, str], count: int, model: str) -> int:
    """The place of the value that stands for "relevant", among 1 or 2.

    Args:
        labels: The names of the values, where they are known.
        count: How many values the model gives for a pair.
        model: What the user called it.

    Raises:
        ConfigurationError: There are more, or their names are those of another task, or of none that is known.
    """
    called = [labels.get(place, f"LABEL_{place}") for place in range(count)]
    names = [" ".join(re.split(r"[\s_-]+", name.strip().lower())) for name in called]
    if count > 1 and _INFERENCE.intersection(names):
        msg = (
            f"model={model!r} tells {', '.join(map(repr, called))} apart: it judges what follows from a text, not what "
            "answers a query. Pass a reranker"
        )
        raise ConfigurationError(msg)
    if not 1 <= count <= _MOST:
        named = f" ({', '.join(map(repr, called[:5]))})" if labels else ""
        msg = f"model={model!r} gives {count} values for a pair{named}: a reranker gives 1, or 2 (irrelevant, relevant)"
        raise ConfigurationError(msg)
    if count == 1:
        return 0
    relevant = [place for place, name in enumerate(names) if name in _RELEVANT]
    irrelevant = [place for place, name in enumerate(names) if name in _IRRELEVANT]
    if len(relevant) == 1 and len(irrelevant) <= 1:
        return relevant[0]
    if len(irrelevant) == 1 and not relevant:
        return 1 - irrelevant[0]
    msg = (
        f"model={model!r} has the labels {called[0]!r} and {called[1]!r}, and which of them stands for relevant cannot "
        'be told: name them "irrelevant" and "relevant" in id2label of its config.json'
    )
    raise ConfigurationError(msg)


def logit_of(labels: Mapping[int, str], count: int, relevant: int, *, alone: bool) -> str:
    """What the logit of a pair is, in words; nothing where the model gives one value.

    Args:
        labels: The names of the values, where they are known.
        count: How many values the model gives for a pair.
        relevant: The place of the one that stands for "relevant".
        alone: Whether that one says all by itself.
    """
    if count != _MOST:
        return ""
    one, other = (labels.get(place, f"LABEL_{place}") for place in (relevant, 1 - relevant))
    guessed = ", the second being taken for relevant, since no name says which is" * ((one, other) == _NAMELESS)
    if alone:
        return f"that of the label {one!r} alone{guessed}"
    return f"that of the label {one!r} less that of {other!r}, so that the score is the softmax of the two{guessed}"
