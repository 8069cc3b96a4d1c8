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
_FOR_A_CPU = 150  # million parameters
_SMALL, _LARGE = frozenset({"small", "fast", "cpu", "laptop"}), frozenset({"large", "gpu"})
_ASK = (
    "Words are parts of a name (bge, Qwen3), a language (English, French, multilingual), a licence (Apache, MIT), what "
    "runs it (ONNX, PyTorch, TEI, vLLM), its parameters (568M), or one for its size: small, fast, cpu or laptop for up "
    "to 150 million parameters, large or gpu for more. Any other cross-encoder runs as well, by its name on the hub"
)
_NOTHING: Mapping[str, str] = MappingProxyType({})


def described(words: str = "", here: Mapping[str, str] = _NOTHING) -> str:
    """Families in blocks of lines: all, or the models alone of which each of the words is said, or their size.

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
    """Families with the models that have all of the words, what people begin with first."""
    wanted = words.lower().split()
    models = [(family, model, _searched(family, model, here)) for family in families() for model in family.models]
    nowhere = [word for word in wanted if not any(_fits(word, *each) for each in models)]
    kept = [
        (family, model) for family, model, text in models if all(_fits(each, family, model, text) for each in wanted)
    ]
    if not kept:
        raise _not_found(words, wanted, nowhere)
    found = [_of_these(family, [model for own, model in kept if own is family]) for family in families()]
    return sorted((each for each in found if each.models), key=lambda family: family.name not in _ADVICE)


def _searched(family: Family, model: KnownModel, here: Mapping[str, str]) -> str:
    """What a word can be a part of: what the model is, not what is said of installing it."""
    languages = _own_part(family.languages, model)
    many = " multilingual" if re.match(r"over|\d", languages) else ""
    told = (family.name, model.name, model.parameters, f"{languages}{many}", _licence(family, model))
    return "\n".join((*told, _ways(family), _prompt(family), here.get(model.name, ""))).lower()


def _fits(word: str, family: Family, model: KnownModel, text: str) -> bool:
    """Whether a word is said of a model, or is one for its size."""
    there = word in text or _spelled(word) in _spelled(model.name.lower())
    if there or word not in _SMALL | _LARGE or family.refused:
        return there
    size = _millions(model)
    return size is not None and (size <= _FOR_A_CPU) == (word in _SMALL)


def _spelled(name: str) -> str:
    """A name with the number of its layers as we write it: `minilm-l-12` is `minilm-l12`."""
    return re.sub(r"\bl-(?=\d)", "l", name)


def _millions(model: KnownModel) -> float | None:
    """Its parameters."""
    if not model.parameters:
        return None
    return float(model.parameters[:-1]) * (1000 if model.parameters[-1] == "B" else 1)


def _of_these(family: Family, models: Sequence[KnownModel]) -> Family:
    """The family with some of its models alone."""
    if len(models) == len(family.models):
        return family
    licence = "; ".join(_distinct(_licence(family, each) for each in models))
    languages = "; ".join(_distinct(_own_part(family.languages, each) for each in models))
    return replace(family, models=tuple(models), licence=licence, languages=languages)


def _licence(family: Family, model: KnownModel) -> str:
    """The licence of one model."""
    return _own_part(family.licence, model)


def _own_part(text: str, model: KnownModel) -> str:
    """What of a text is said of one model, as in `MIT; v2-m3: Apache-2.0` those of the family stand."""
    parts = [part.partition(": ") for part in text.split("; ")]
    own = [told for name, _, told in parts if told and name in model.name]
    return own[0] if own else "; ".join(name for name, _, told in parts if not told)


def _not_found(words: str, wanted: Sequence[str], nowhere: Sequence[str]) -> ConfigurationError:
    names = {each.lower(): each for family in families() for each in (family.name, *(m.name for m in family.models))}
    alike = {part: name for key, name in reversed(names.items()) for part in (key, *re.split(r"[\s/,-]+", key))}
    parts = [re.split(r"[-_/]+", word) for word in wanted]
    named = [
        name for key, name in names.items() if any(all(each in key for each in part) for part in parts if part[1:])
    ]
    close = dict.fromkeys(named) | dict.fromkeys(
        alike[part] for word in wanted for part in get_close_matches(word, alike, _SHOWN, 0.75)
    )
    meant = f" Did you mean {' or '.join(list(close)[:_SHOWN])}?" if close else ""
    lost = f" ({', '.join(map(repr, nowhere))} stands at none)" if nowhere and len(wanted) > 1 else ""
    msg = f"no model of the table has all of {words!r}{lost}.{meant} {_ASK}"
    return ConfigurationError(msg)


def table() -> str:
    """A row for each family, in Markdown."""
    heads = ("family", "models", "languages", "licence", "tokens", "ways in", "prompt", "score")
    rows = [heads, ("---",) * len(heads), *map(_row, families())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def sources() -> str:
    """Where the facts on each family are from, as a list in Markdown."""
    return "\n".join(f"- {family.name}: {family.source}." for family in families())


def licences() -> str:
    """Which models have which licence, as a list in Markdown: a family by its name, or models of it by theirs."""
    found: dict[str, list[str]] = {}
    for family in families():
        kinds = _distinct(_licence(family, each) for each in family.models)
        for kind in kinds:
            own = [f"`{each.name}`" for each in family.models if _licence(family, each) == kind]
            found.setdefault(kind, []).extend(own if len(kinds) > 1 else [family.name])
    return "\n".join(f"- **{kind}**: {', '.join(names)}." for kind, names in found.items())


def unlisted(name: str, here: str) -> dict[str, Any]:
    """A row of `listed` for a model of which the table knows nothing."""
    return {**dict.fromkeys(listed()[0]), "model": name, "here": here}


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
