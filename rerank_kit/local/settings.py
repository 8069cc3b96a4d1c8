"""The settings beside a model's weights, checked before anything reads them: both engines refuse the same, alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from rerank_kit.errors import ConfigurationError
from rerank_kit.quoting import quoted

SETTINGS = ("config.json", "tokenizer_config.json", "sentence_bert_config.json")

_Fits = Callable[[Any], bool]


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in cast("list[object]", value))


_WHOLE: tuple[_Fits, str] = _whole, "a whole number"
_LENGTH: tuple[_Fits, str] = _positive, "a number of tokens above 0"
_SIDE: tuple[_Fits, str] = lambda value: value in ("left", "right"), '"left" or "right"'
_TRUTH: tuple[_Fits, str] = lambda value: isinstance(value, bool), "true or false"
_OF: Mapping[str, Mapping[str, tuple[_Fits, str]]] = {
    "config.json": {
        "architectures": (_texts, "a list of names"),
        "id2label": (lambda value: isinstance(value, dict), 'an object such as {"0": "irrelevant", "1": "relevant"}'),
        "max_position_embeddings": _WHOLE,
        "n_positions": _WHOLE,
        "pad_token_id": _WHOLE,
        "vocab_size": _WHOLE,
    },
    "tokenizer_config.json": {
        "add_prefix_space": _TRUTH,
        "do_lower_case": _TRUTH,
        "keep_accents": _TRUTH,
        "model_max_length": _LENGTH,
        "padding_side": _SIDE,
        "split_by_punct": _TRUTH,
        "strip_accents": _TRUTH,
        "tokenize_chinese_chars": _TRUTH,
        "truncation_side": _SIDE,
    },
    "sentence_bert_config.json": {"do_lower_case": _TRUTH, "max_seq_length": _LENGTH},
}


def settings_in(folder: Path) -> list[dict[str, Any]]:
    """What each of `SETTINGS` says; nothing where there is no such file.

    Raises:
        ConfigurationError: One cannot be read, or says what it cannot mean.
    """
    return [_checked(folder / name, _OF[name]) for name in SETTINGS]


def _checked(path: Path, known: Mapping[str, tuple[_Fits, str]]) -> dict[str, Any]:
    found = _object(path)
    for name, (fits, what) in known.items():
        value = found.get(name)
        if value is not None and not fits(value):
            msg = f"{path}: {name} must be {what}, not {quoted(value)}: correct it there, or fetch the model again"
            raise ConfigurationError(msg)
    return found


def _object(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content: Any = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        msg = f"{path} is not valid JSON ({error}): fetch the model again"
        raise ConfigurationError(msg) from error
    if not isinstance(content, dict):
        msg = f"{path} must hold a JSON object, not {type(content).__name__}: fetch the model again"
        raise ConfigurationError(msg)
    return cast("dict[str, Any]", content)
