"""The table of families as people read it: in a terminal, and as a table in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from rerank_kit.errors import ConfigurationError
from rerank_kit.local.families import Family, KnownModel, families

_SHOWN = 3
_ADVICE: Mapping[str, str] = MappingProxyType(
    {"Ettin reranker": "begin with this one for English; the smallest is fast"}
)
_NOTHING: Mapping[str, str] = MappingProxyType({})


def described(words: str = "", here: Mapping[str, str] = _NOTHING) -> str:
    """Families in blocks of lines; of all, or of those in whose block each of the words stands.

    Args:
        words: The words.
        here: Models that are on this machine, with what is here of each.

    Raises:
        ConfigurationError: There are none.
    """
    return "\n\n".join(_block(family, here) for family in _chosen(words, here))


def listed(words: str = "", here: Mapping[str, str] = _NOTHING) -> list[dict[str, Any]]:
    """The same as plain values, one for each model.

    Raises:
        ConfigurationError: There are none.
    """
    return [
        {
            "model": model.name,
            "family": family.name,
            "parameters": model.parameters or None,
            "languages": family.languages,
            "licence": _licence(family, model),
            "tokens": min(model.context, family.max_length or model.context),
            "runs_on": _ways(family),
            "needs": _needs(family) or None,
            "here": here.get(model.name),
        }
        for family in _chosen(words, here)
        for model in family.models
    ]


def _chosen(words: str, here: Mapping[str, str]) -> list[Family]:
    """Families with all of the words, what people begin with first; of these, the models with the licence asked for."""
    wanted = words.lower().split()
    found = [family for family in families() if all(word in _searched(family, here) for word in wanted)]
    found = [each for family in found if (each := _licensed(family, wanted)).models]
    if not found:
        raise _not_found(words, wanted)
    return sorted(found, key=lambda family: family.name not in _ADVICE)


def _searched(family: Family, here: Mapping[str, str]) -> str:
    many = re.match(r"over|\d", family.languages)
    return f"{_block(family, here)}{' multilingual' if many else ''}".lower()


def _licensed(family: Family, wanted: Sequence[str]) -> Family:
    """The family with those models alone that have the licences among the words."""
    licences = [word for word in wanted if any(word in each.licence.lower() for each in families())]
    licences = [word for word in licences if not any(word in model.name.lower() for model in family.models)]
    kept = [each for each in family.models if all(word in _licence(family, each).lower() for word in licences)]
    if len(kept) == len(family.models):
        return family
    return replace(family, models=tuple(kept), licence="; ".join(_distinct(_licence(family, each) for each in kept)))


def _licence(family: Family, model: KnownModel) -> str:
    """The licence of one model, as in `MIT; v2-m3: Apache-2.0` those of the family stand."""
    parts = [part.partition(": ") for part in family.licence.split("; ")]
    own = [licence for name, _, licence in parts if licence and name in model.name]
    return own[0] if own else "; ".join(name for name, _, licence in parts if not licence)


def _not_found(words: str, wanted: Sequence[str]) -> ConfigurationError:
    names = {each.lower(): each for family in families() for each in (family.name, *(m.name for m in family.models))}
    alike = {part: name for key, name in reversed(names.items()) for part in (key, *re.split(r"[\s/,-]+", key))}
    parts = [re.split(r"[-_/]+", word) for word in wanted]
    named = [
        name for key, name in names.items() if any(all(each in key for each in part) for part in parts if part[1:])
    ]
    close = dict.fromkeys(named) | dict.fromkeys(
        alike[part] for word in wanted for part in get_close_matches(word, alike, _SHOWN, 0.75)
    )
    meant = f". Did you mean {' or '.join(list(close)[:_SHOWN])}?" if close else "."
    msg = (
        f"no model of the table has all of {words!r}: words are parts of what it says of one, such as bge, English, "
        f"Apache, 568M, TEI{meant} Any other cross-encoder runs as well, by its name on the hub"
    )
    return ConfigurationError(msg)


def table() -> str:
    """A row for each family, in Markdown."""
    heads = ("family", "models", "languages", "licence", "tokens", "ways in", "prompt", "score")
    rows = [heads, ("---",) * len(heads), *map(_row, families())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def sources() -> str:
    """Where the facts on each family are from, as a list in Markdown."""
    return "\n".join(f"- {family.name}: {family.source}." for family in families())


def _block(family: Family, here: Mapping[str, str]) -> str:
    there = [f"{model.name} ({here[model.name]})" for model in family.models if model.name in here]
    lines = {
        "models": _models(family),
        "advice": _ADVICE.get(family.name, ""),
        "languages": family.languages,
        "licence": family.licence,
        "tokens": _tokens(family),
        "runs on": _ways(family),
        "prompt": _prompt(family),
        "score": _score(family),
        "needs": _needs(family),
        "here": ", ".join(there),
        "source": family.source,
    }
    return "\n  ".join([family.name, *(f"{name}: {value}" for name, value in lines.items() if value)])


def _row(family: Family) -> tuple[str, ...]:
    models = _models(family, mark="`")
    told = (family.languages, family.licence, _tokens(family), _ways(family), _prompt(family), _score(family))
    return (family.name, models, *told)


def _models(family: Family, *, mark: str = "") -> str:
    sizes = ((model.name, f" ({model.parameters})" if model.parameters else "") for model in family.models)
    return ", ".join(f"{mark}{name}{mark}{size}" for name, size in sizes)


def _tokens(family: Family) -> str:
    contexts = _distinct(f"{model.context:,}" for model in family.models)
    read = f"{family.max_length:,} of " if family.max_length and family.max_length < family.models[0].context else ""
    return f"{read}{' to '.join(contexts)}"


def _ways(family: Family) -> str:
    if family.refused:
        ways = [f"none here: {family.refused}"]
    elif any(model.code for model in family.models):
        ways = ["PyTorch with trust_remote_code=True, ONNX Runtime"]
    else:
        ways = ["ONNX Runtime, PyTorch"]
    return "; ".join([*ways, *([f"servers: {family.servers}"] if family.servers else [])])


def _needs(family: Family) -> str:
    """What to install."""
    if family.refused:
        return ""
    code = " and trust_remote_code=True" if any(model.code for model in family.models) else ""
    torch = f'pip install "rerank-kit[sentence-transformers]"{code}'
    return f'{torch}; or pip install "rerank-kit[export]" and rerank-kit export MODEL --to DIR, faster on a CPU'


def _prompt(family: Family) -> str:
    if family.refused:
        return ""
    if family.prompt is None:
        return "none"
    return "known, takes an instruction" if family.prompt.takes_instruction else "known"


def _score(family: Family) -> str:
    if family.refused:
        return ""
    scales = _distinct(str(model.scale) for model in family.models)
    return f"{' or '.join(scales)}, {family.calibrated or 'uncalibrated'}"


def _distinct(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))
