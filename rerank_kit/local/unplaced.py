"""Weights in a model's files that PyTorch found no place for: a part of what was trained that would go unused."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

from rerank_kit.errors import ConfigurationError
from rerank_kit.local.file_choice import torch_weights

_OF_ADAPTERS = re.compile(r"(^|\.)(lora_|lokr_|hada_|oft_|ia3_|base_layer|modules_to_save|original_module)")
_NEEDLESS = re.compile(r"(^|\.)(position_ids|token_type_ids|masked_bias|\w*inv_freq|version)$")  # computed, not learned
_HEADS = re.compile(r"^(classifier|score|classification_head|v_head)\.")
_SHOWN = 3


def check_placed(model: Any, folder: Path, name: str) -> None:
    """Refuse a model of which only a part was loaded; transformers says so in its log alone.

    What it does without by design is fine: layers for another task, a pooler, buffers that are computed anew.

    Args:
        model: A `sentence_transformers.CrossEncoder`.
        folder: Where its transformer's files are.
        name: What the user called it.

    Raises:
        ConfigurationError: There are weights of an adapter, of more layers than `config.json` says, or of another head.
    """
    inner: Any = getattr(model[0], "model", None)
    if not hasattr(inner, "base_model_prefix") or getattr(inner.config, "quantization_config", None) is not None:
        return  # the weights of what is quantised have other names
    scored_behind = len(model) > 1 and type(model[-1]).__name__ != "LogitScore"
    unplaced = _meant(inner, _names(folder), scored_behind=scored_behind)
    if unplaced:  # their names may be old ones, of which transformers knows the new: it is asked only where it matters
        told: dict[str, Any] = inner.from_pretrained(str(folder), config=inner.config, output_loading_info=True)[1]
        unplaced = _meant(inner, told["unexpected_keys"], scored_behind=scored_behind)
    if unplaced:
        raise _refusal(unplaced, name)


def _refusal(unplaced: list[str], name: str) -> ConfigurationError:
    more = f" and {len(unplaced) - _SHOWN} more" if len(unplaced) > _SHOWN else ""
    said = f"model={name!r}: its files hold the weights {', '.join(unplaced[:_SHOWN])}{more}, which go nowhere"
    if any(map(_OF_ADAPTERS.search, unplaced)):
        return ConfigurationError(
            f"{said}: they are an adapter's, and without it the scores are those of its base. Merge the adapter into "
            "its base first (merge_and_unload() of peft), save that with save_pretrained, and pass the folder"
        )
    return ConfigurationError(
        f"{said}: only a part of what was trained would be run. See that config.json is the one these weights were "
        "saved with (architectures, num_hidden_layers), or save the model with save_pretrained and pass the folder"
    )


def _meant(model: Any, names: Iterable[str], *, scored_behind: bool) -> list[str]:
    """Those of these names that are no weights of the model's, and were meant to have a part in its scores.

    A name inside a part that the model has is one of these, be it of a layer beside its layers; one beside all that it
    has is of another task's layer, unless it is called as one for scores.

    Args:
        model: A model of transformers.
        names: Names of weights.
        scored_behind: Whether modules behind it make the scores, so that it needs no head.
    """
    prefix = f"{model.base_model_prefix}."
    bodies = {"", model.base_model_prefix}
    parts = {name.removeprefix(prefix) for name, _ in model.named_modules() if name not in bodies}
    held = {name.removeprefix(prefix) for name in (*model.state_dict(), *dict(model.named_buffers()))}

    def counts(name: str) -> bool:
        own = name.removeprefix(prefix)
        if own in held or _NEEDLESS.search(own):
            return False
        inside = own.partition(".")[0] in parts
        return inside or bool(_OF_ADAPTERS.search(own)) or (not scored_behind and bool(_HEADS.match(own)))

    return sorted(filter(counts, names))


def _names(folder: Path) -> list[str]:
    """The names of all weights in a folder's files."""
    found = list[str]()
    for file in torch_weights([each.name for each in folder.iterdir()]):
        if file.endswith(".safetensors"):
            with import_module("safetensors").safe_open(folder / file, "pt") as weights:
                found += weights.keys()
        else:
            mapped = is_zipfile(folder / file)  # those that PyTorch wrote before 1.6 are not
            found += import_module("torch").load(folder / file, map_location="meta", mmap=mapped, weights_only=True)
    return found
