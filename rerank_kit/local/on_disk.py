"""Which models are on this machine already: the one that comes along, those in the hub's cache, and exported ones."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rerank_kit.errors import MissingExtra
from rerank_kit.local.clues import FILE, read_json
from rerank_kit.local.model_files import embedded_folder

_EMBEDDED = "cross-encoder/ms-marco-MiniLM-L12-v2"
_FOLDER = "models--"
_REPORT = "parity.json"
_DEPTHS = ("", "*/", "*/*/")


def on_disk(cache: Path | None = None, near: Path | None = None) -> Mapping[str, str]:
    """Models by their names on the hub, each with what is here of it. Nothing is fetched, and no weights are opened.

    Args:
        cache: The hub's cache; by default the one that its client uses, if that is installed.
        near: Where exported folders are looked for, two folders deep; by default the current folder.
    """
    found: dict[str, str] = {}
    with suppress(MissingExtra):
        embedded_folder()
        found[_EMBEDDED] = "onnx:embedded, int8"
    folder = _cache() if cache is None else cache
    for each in sorted(folder.glob(f"{_FOLDER}*--*")) if folder is not None and folder.is_dir() else ():
        name = each.name.removeprefix(_FOLDER).replace("--", "/")
        size = sum(file.stat().st_size for file in each.glob("blobs/*") if file.is_file())
        if size:
            _add(found, name, f"in the hub's cache, {size / 1e6:,.0f} MB")
    for place, name in exported(near).items():
        _add(found, name, f"exported to {place}")
    return found


def exported(near: Path | None = None) -> Mapping[str, str]:
    """Folders that `rerank-kit export` has made, each with the model that it was made of.

    Args:
        near: Where they are looked for, two folders deep; by default the current folder.
    """
    begin = Path() if near is None else near
    reports = sorted(path for depth in _DEPTHS for path in begin.glob(f"{depth}{_REPORT}"))
    made = {str(each.parent): read_json(each).get("model") for each in reports if (each.parent / FILE).is_file()}
    return {place: name for place, name in made.items() if isinstance(name, str)}


def _add(found: dict[str, str], name: str, told: str) -> None:
    found[name] = f"{found[name]}; {told}" if name in found else told


def _cache() -> Path | None:
    if find_spec("huggingface_hub") is None:
        return None
    constants: Any = import_module("huggingface_hub.constants")
    return Path(str(constants.HF_HUB_CACHE))
