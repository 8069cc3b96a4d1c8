"""How a model of late interaction is used, as its files say it: in the layout of ColBERT, or in that of PyLate.

What stands there is read as its library reads it: https://github.com/stanford-futuredata/ColBERT (`infra/config`,
`modeling/tokenization`) and https://github.com/lightonai/pylate (`models/colbert.py`, `models/Dense.py`). What would be
done otherwise than there is refused by its name.
"""

from __future__ import annotations

import json
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from rerank_kit.errors import ConfigurationError
from rerank_kit.quoting import quoted

STANFORD = "artifact.metadata"
"""The file in which ColBERT keeps its settings."""
PYLATE = "config_sentence_transformers.json"
"""The file in which PyLate does."""
MODULES = "modules.json"
WEIGHTS = "model.safetensors"

T = TypeVar("T")

_ACTIVATIONS = ("Identity", "ReLU", "Tanh")
_SAVED_AGAIN = "load it in its own library, and save it again"


@dataclass(frozen=True, slots=True)
class Layer:
    """A linear layer behind the backbone.

    Attributes:
        file: Where its weights are, relative to the model's folder.
        activation: What comes behind it: "Identity", "ReLU" or "Tanh".
        bias: Whether it has one.
        residual: Whether what went in is added to what comes out.
        outputs: Numbers of a vector that comes out; `None` where only the weights say so.
    """

    file: str
    activation: str = "Identity"
    bias: bool = False
    residual: bool = False
    outputs: int | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """How a model is used.

    Attributes:
        kind: Whose layout it is.
        query_marker: The token that stands second in a query; `None` where there is none.
        document_marker: The one of a document.
        query_length: Tokens that are read of a query, the marker and special ones included.
        document_length: The same of a document.
        expands: Whether a query is filled up to its length with mask tokens.
        attends: Whether other tokens look at these.
        skipped: Tokens of which documents keep no vector, as words.
        prompts: Texts before each query and each document.
        other_prompts: Further ones by their names, which are put before a text where somebody asks for it.
        layers: What is behind the backbone; none where the graph has all of it.
        dimension: Numbers of a token's vector.
    """

    kind: Literal["colbert", "pylate"]
    query_marker: str | None
    document_marker: str | None
    query_length: int
    document_length: int
    expands: bool
    attends: bool
    skipped: tuple[str, ...]
    prompts: tuple[str, str]
    layers: tuple[Layer, ...]
    dimension: int
    other_prompts: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def strips(self) -> bool:
        """Whether white space around a text is taken away first, as sentence-transformers does it."""
        return self.kind == "pylate"


def of_stanford(path: Path) -> Layout:
    """What `artifact.metadata` says.

    Raises:
        ConfigurationError: It cannot be read, or says what is not done here.
    """
    read = read_object(path)
    inner = read.get("config")
    told = _Told(path, cast("Mapping[str, Any]", inner) if isinstance(inner, dict) else read)
    told.only("similarity", "cosine")
    told.only("interaction", "colbert")
    skips = told.truth("mask_punctuation", default=True)
    return Layout(
        kind="colbert",
        query_marker=told.text("query_token_id", "[unused0]"),
        document_marker=told.text("doc_token_id", "[unused1]"),
        query_length=told.count("query_maxlen", 32),
        document_length=told.count("doc_maxlen", 220),
        expands=True,
        attends=told.truth("attend_to_mask_tokens", default=False),
        skipped=tuple(string.punctuation) if skips else (),
        prompts=("", ""),
        layers=(Layer(WEIGHTS),),
        dimension=told.count("dim", 128),
    )


def of_pylate(path: Path, layers: tuple[Layer, ...]) -> Layout:
    """What `config_sentence_transformers.json` says.

    Args:
        path: The file.
        layers: What `modules.json` names behind the backbone; none where there is no such file.

    Raises:
        ConfigurationError: It cannot be read, or says what is not done here.
    """
    told = _Told(path, read_object(path))
    expands = told.truth("do_query_expansion", default=True)
    prompt, others = told.prompts()
    dimension = layers[-1].outputs if layers else told.count("embedding_dim", 0)
    if not dimension:
        msg = (
            f"{path.parent} has neither {MODULES}, which names the layers behind the backbone, nor embedding_dim in "
            f"{PYLATE}, which says that the graph has them: fetch all files of the model"
        )
        raise ConfigurationError(msg)
    return Layout(
        kind="pylate",
        query_marker=told.text("query_prefix", "[Q] ") or None,
        document_marker=told.text("document_prefix", "[D] ") or None,
        query_length=told.count("query_length", 32),
        document_length=told.count("document_length", 180),
        expands=expands,
        attends=expands and told.truth("attend_to_expansion_tokens", default=False),
        skipped=told.words("skiplist_words", tuple(string.punctuation)),
        prompts=(prompt, prompt),
        layers=layers,
        dimension=dimension,
        other_prompts=others,
    )


def dense_folders(path: Path) -> list[str]:
    """The folders of the layers that `modules.json` names, in their order.

    Raises:
        ConfigurationError: It cannot be read, or names other modules than PyLate makes.
    """
    read: object = _json(path)
    modules = cast("list[object]", read) if isinstance(read, list) else [read]
    found = list[str]()
    for place, each in enumerate(modules):
        module = _as_object(each)
        kind, folder = module.get("type"), module.get("path")
        name = kind.rpartition(".")[2] if isinstance(kind, str) else None
        if name == "Dense" and isinstance(folder, str) and folder:
            found.append(folder)
        elif name != "Transformer" or place or folder:
            msg = (
                f"{path}: {quoted(each)} is no module that is read here: a model of PyLate has a Transformer in the "
                "folder itself and Dense layers behind it"
            )
            raise ConfigurationError(msg)
    if not found:
        msg = f"{path} names no Dense layer, so that this is no model of late interaction: pass one that PyLate saved"
        raise ConfigurationError(msg)
    return found


def dense_layer(path: Path, folder: str) -> Layer:
    """What the `config.json` of a Dense layer says.

    Args:
        path: The file.
        folder: Its folder, relative to the model's.

    Raises:
        ConfigurationError: It cannot be read, or says what is not done here.
    """
    told = _Told(path, read_object(path))
    activation = told.text("activation_function", "torch.nn.modules.linear.Identity").rpartition(".")[2]
    if activation not in _ACTIVATIONS:
        told.refuse("activation_function", f"one of {', '.join(_ACTIVATIONS)}")
    return Layer(
        file=f"{folder}/{WEIGHTS}",
        activation=activation,
        bias=told.truth("bias", default=True),
        residual=told.truth("use_residual", default=False),
        outputs=told.count("out_features", 0),
    )


class _Told:
    """The settings in a file, checked as they are asked for; null is as if they were not there."""

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self._path, self._settings = path, settings

    def refuse(self, name: str, wanted: str) -> None:
        msg = f"{self._path}: {name} must be {wanted}, not {quoted(self._settings.get(name))}: {_SAVED_AGAIN}"
        raise ConfigurationError(msg)

    def only(self, name: str, value: str) -> None:
        if self._settings.get(name, value) not in (value, None):
            self.refuse(name, f"{value!r}, for nothing else is computed here")

    def text(self, name: str, default: str) -> str:
        return self._found(name, default, lambda value: isinstance(value, str), "a text")

    def truth(self, name: str, *, default: bool) -> bool:
        return self._found(name, default, lambda value: isinstance(value, bool), "true or false")

    def count(self, name: str, default: int) -> int:
        return self._found(name, default, _is_count, "a whole number above 0")

    def words(self, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(self._found(name, default, _are_texts, "a list of texts"))

    def prompts(self) -> tuple[str, Mapping[str, str]]:
        """The prompt that PyLate puts before every text unasked, and the others by their names."""
        given = self._found("prompts", dict[str, str](), _are_named_texts, "an object with texts")
        prompts = {name: text for name, text in given.items() if text}
        return prompts.pop(self.text("default_prompt_name", ""), ""), prompts

    def _found(self, name: str, default: T, fits: Callable[[Any], bool], wanted: str) -> T:
        value = self._settings.get(name)
        if value is None:
            return default
        if not fits(value):
            self.refuse(name, wanted)
        return cast("T", value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in cast("list[object]", value))


def _are_named_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(each, str) for each in cast("dict[str, object]", value).values())


def read_object(path: Path) -> Mapping[str, Any]:
    """The object in a JSON file.

    Raises:
        ConfigurationError: There is none.
    """
    read = _json(path)
    if not isinstance(read, dict):
        msg = f"{path} must hold a JSON object, not {type(read).__name__}: fetch the model again"
        raise ConfigurationError(msg)
    return cast("dict[str, Any]", read)


def _as_object(value: object) -> Mapping[str, object]:
    """An object in JSON; of anything else an empty one."""
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        msg = f"{path} is not valid JSON ({error}): fetch the model again"
        raise ConfigurationError(msg) from error
