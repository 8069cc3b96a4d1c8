"""The rerankers that people run, from `families.toml`: how each is known, reads a pair, and what its numbers mean."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any

from rerank_kit.local.prompts import Prompt
from rerank_kit.local.scale import Scale

_ALIKE = 0.9


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model of a family.

    Attributes:
        name: On the hub.
        parameters: How many, as its card says it; empty where it does not.
        context: Tokens that it could read of a pair.
        scale: Its scores.
        code: Whether it brings code of its own, so that PyTorch needs `trust_remote_code=True`.
    """

    name: str
    parameters: str
    context: int
    scale: Scale
    code: bool = False


@dataclass(frozen=True, slots=True)
class Family:
    """A row of the table.

    Attributes:
        name: What people call it.
        known_by: What a model's name holds, in lower case.
        model_types: The `model_type` of their configurations.
        marks: What a chat template of the family holds.
        prompt: `None` where the tokenizer's own pair is what the model reads.
        answers: The tokens whose logits are the score, by text or id: the first, less the second. Empty for a model
            with a layer for scores.
        scale: The scores of models that are not listed.
        calibrated: Whose normalisation that is; empty where the scores are sigmoids and nobody says what they mean.
        max_length: Tokens that the card reads of a pair, where that is less than the model could.
        languages: As the card says it.
        licence: Of the weights.
        servers: Which servers run it.
        models: Those on the hub.
        refused: Why no engine here runs it; empty where one does.
        source: Where all this is from.
    """

    name: str
    known_by: tuple[str, ...]
    model_types: tuple[str, ...]
    models: tuple[KnownModel, ...]
    languages: str
    licence: str
    source: str
    marks: tuple[str, ...] = ()
    prompt: Prompt | None = None
    answers: tuple[str | int, ...] = ()
    scale: Scale = field(default_factory=Scale)
    calibrated: str = ""
    max_length: int | None = None
    servers: str = ""
    refused: str = ""

    def scale_of(self, names: Iterable[str]) -> Scale:
        """The scores of a model of this family that goes by these names, the one that counts most first."""
        listed = [(_short(known.name), known.scale) for known in self.models]
        found = (scale for name in names for short, scale in listed if short in _short(name))
        return next(found, self.scale)

    def is_called(self, name: str) -> bool:
        """Whether a name is that of a model of this family."""
        return any(known in _short(name) for known in self.known_by)

    def lists(self, name: str) -> bool:
        """Whether a name is one of those in the table, as the hub has it."""
        return any(known.name.lower() == name.lower() for known in self.models)


@cache
def families() -> tuple[Family, ...]:
    """All of them, in the order of the table."""
    text = files("rerank_kit.local").joinpath("families.toml").read_text("utf-8")
    return tuple(_family(row) for row in tomllib.loads(text)["family"])


def family_of(names: Iterable[str], model_type: str | None, chat_template: str = "") -> Family | None:
    """The family of a model; `None` where it is in no row.

    What its chat template says counts most, then its names in their order. Of a path the last part alone is a name:
    what the folders around are called says nothing.

    Args:
        names: What the model is called, the name that counts most first.
        model_type: That of its config; where that is unknown, the name says it all.
        chat_template: Its tokenizer's, as text.
    """
    fitting = [each for each in families() if model_type is None or model_type in each.model_types]
    marked = (family for family in fitting if any(mark in chat_template for mark in family.marks))
    called = (family for name in names for family in fitting if family.is_called(name))
    return next(marked, None) or next(called, None)


def said_of_name(name: str) -> str:
    """What the table has to say of a name that leads to no files: a model of about that name, or why it cannot be run.

    Nothing where it is the name of a model that can, or like none.
    """
    listed = {_short(known.name): (known.name, family) for family in families() for known in family.models}
    close = get_close_matches(_short(name), listed, 1, _ALIKE)
    if not close:
        return ""
    meant, family = listed[close[0]]
    if family.refused:
        return f"{meant} cannot be run here: {family.refused}. "
    return "" if meant.lower() == name.lower() else f"Did you mean {meant!r}? "


def said_first(names: Iterable[str], model_type: str | None) -> str | None:
    """Of the models that a card loads the first, if it is of a family; `None` where it is of none.

    Models of other types are passed over: one card may be for several models, and they are not this one.
    """
    for name in names:
        called = [family for family in families() if family.is_called(name)]
        if not called or model_type is None or any(model_type in family.model_types for family in called):
            return name if called else None
    return None


def _short(name: str) -> str:
    return re.split(r"[/\\]", name.rstrip("/\\"))[-1].lower()


def _family(row: Mapping[str, Any]) -> Family:
    scale = _scale(row, Scale())
    models = tuple(
        KnownModel(
            model["name"],
            model.get("parameters", ""),
            model.get("context", row["context"]),
            _scale(model, scale),
            model.get("code", False),
        )
        for model in row["models"]
    )
    return Family(
        name=row["name"],
        known_by=tuple(row["known_by"]),
        model_types=tuple(row["model_types"]),
        models=models,
        languages=row["languages"],
        licence=row["licence"],
        source=row["source"],
        marks=tuple(row.get("marks", ())),
        prompt=_prompt(row),
        answers=tuple(row.get("answers", ())),
        scale=scale,
        calibrated=row.get("calibrated", ""),
        max_length=row.get("max_length"),
        servers=row.get("servers", ""),
        refused=row.get("refused", ""),
    )


def _scale(row: Mapping[str, Any], otherwise: Scale) -> Scale:
    return Scale(row.get("temperature", otherwise.temperature), row.get("offset", otherwise.offset))


def _prompt(row: Mapping[str, Any]) -> Prompt | None:
    if "prompt" not in row:
        return None
    return Prompt(
        parts=tuple(row["prompt"]),
        instructed={int(place): part for place, part in row.get("instructed", {}).items()},
        instruction=row.get("instruction"),
        special=row.get("special", False),
        strip=row.get("strip", False),
    )
