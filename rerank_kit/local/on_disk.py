"""Which models are on this machine already: the one that comes along, and those in the hub's cache."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rerank_kit.errors import MissingExtra
from rerank_kit.local.model_files import embedded_folder

_EMBEDDED = "cross-encoder/ms-marco-MiniLM-L12-v2"
_FOLDER = "models--"


def on_disk(cache: Path | None = None) -> Mapping[str, str]:
    """Models by their names on the hub, each with what is here of it. Nothing is fetched, and nothing is opened.

    Args:
        cache: The hub's cache; by default the one that its client uses, if that is installed.
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
            before = f"{found[name]}; " if name in found else ""
            found[name] = f"{before}in the hub's cache, {size / 1e6:,.0f} MB"
    return found


def _cache() -> Path | None:
    if find_spec("huggingface_hub") is None:
        return None
    constants: Any = import_module("huggingface_hub.constants")
    return Path(str(constants.HF_HUB_CACHE))
