"""What the files of a model tell of how it wants to be used."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from rerank_kit.errors import ConfigurationError
from rerank_kit.local.recipe import FILE, Clues

CARD, TEMPLATE = "README.md", "chat_template.jinja"
FILES = (FILE, TEMPLATE, CARD)
"""What is read beside the settings; each may be missing."""

_FRONT_MATTER = re.compile(r"\A---\s*\n(.*?)\n---", re.DOTALL)
_BASE_MODEL = re.compile(r"^base_model:[ \t]*(.*)$((?:\n[ \t]*-[ \t]+.+$)*)", re.MULTILINE)


def clues_of(name: str, folder: Path, config: Mapping[str, Any], tokenizer_config: Mapping[str, Any]) -> Clues:
    """The clues in a folder.

    Raises:
        ConfigurationError: A file of ours in it is damaged.
    """
    card = _text(folder / CARD)
    template = _text(folder / TEMPLATE) or template_text(tokenizer_config.get("chat_template"))
    names = (folder.resolve().name, *base_models(card))
    return Clues(name, names, config, template, _own(folder / FILE))


def base_models(card: str) -> Iterator[str]:
    """What a model was made from, as the head of its card says."""
    for head in _FRONT_MATTER.findall(card):
        for one, more in _BASE_MODEL.findall(head):
            listed = (line.strip().removeprefix("-") for line in more.splitlines())
            yield from (found for each in (one, *listed) if (found := each.strip(" \t\"'")))


def template_text(template: object) -> str:
    """A chat template as tokenizers have it: one text, several by name, or none."""
    if isinstance(template, Mapping):
        named = cast("Mapping[str, object]", template).values()
        return "\n".join(str(each) for each in named)
    if isinstance(template, list):
        listed = cast("list[object]", template)
        return "\n".join(str(cast("Mapping[str, object]", each).get("template", "")) for each in listed)
    return template if isinstance(template, str) else ""


def _text(path: Path) -> str:
    return path.read_text("utf-8", errors="replace") if path.is_file() else ""


def _own(path: Path) -> Mapping[str, Any] | None:
    if not path.is_file():
        return None
    try:
        content: Any = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        msg = f"{path} is not valid JSON ({error}): export the model again"
        raise ConfigurationError(msg) from error
    return cast("Mapping[str, Any]", content)
