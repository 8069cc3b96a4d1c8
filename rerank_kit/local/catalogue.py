"""The table of families as people read it: in a terminal, and as a table in Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from rerank_kit.local.families import Family, families


def described(words: str = "") -> str:
    """Families in blocks of lines; of all, or of those in whose block each of the words stands."""
    wanted = words.lower().split()
    blocks = [_block(family) for family in families()]
    found = [block for block in blocks if all(word in block.lower() for word in wanted)]
    return "\n\n".join(found) or f"no model of the table has all of {words!r}"


def table() -> str:
    """A row for each family, in Markdown."""
    heads = ("family", "models", "languages", "licence", "tokens", "ways in", "prompt", "score")
    rows = [heads, ("---",) * len(heads), *map(_row, families())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def sources() -> str:
    """Where the facts on each family are from, as a list in Markdown."""
    return "\n".join(f"- {family.name}: {family.source}." for family in families())


def _block(family: Family) -> str:
    lines = {
        "models": _models(family),
        "languages": family.languages,
        "licence": family.licence,
        "tokens": _tokens(family),
        "runs on": _ways(family),
        "prompt": _prompt(family),
        "score": _score(family),
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
