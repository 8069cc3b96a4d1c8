"""What the files of a model tell of how it wants to be used."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from rerank_kit.errors import ConfigurationError
from rerank_kit.local.decoders import made_of_language_model, speaks
from rerank_kit.local.families import Family, family_of, said_first

FILE = "rerank_kit.json"
"""The file of an exported folder in which its recipe stands."""

CARD, TEMPLATE, LIBRARY = "README.md", "chat_template.jinja", "config_sentence_transformers.json"
MODULES = "modules.json"
FILES = (FILE, TEMPLATE, CARD, LIBRARY, MODULES)
"""What is read beside the settings; each may be missing."""

FOLDER = "rerank_kit_folder"
"""The attribute in which a model that PyTorch loaded from the hub has where its files are."""

_TOKENIZER = "tokenizer.json"
_SPECIAL = ("bos_token", "eos_token", "pad_token", "unk_token", "sep_token", "cls_token")
_FRONT_MATTER = re.compile(r"\A---\s*\n(.*?)\n---", re.DOTALL)
_LOADED = re.compile(r"""(?:(?<!load_dataset)\(|\bmodel\w*\s*=)\s*["']([\w.-]+/[\w.-]+)["']""")
"""The names in the code of a card that loads models, as in `CrossEncoder("owner/name")`."""
_BASE_MODEL = re.compile(r"^base_model:[ \t]*(.*)$((?:\n[ \t]*-[ \t]+.+$)*)", re.MULTILINE)


_TURN = "add_generation_prompt"


@dataclass(frozen=True, slots=True)
class Clues:
    """What is known of a model before it is used.

    Attributes:
        name: What the user called it.
        names: What it goes by outside of its files: that, and the folder's own name.
        config: `config.json`.
        chat_template: Its tokenizer's, as text, all of them where there are several.
        recipe: The content of `rerank_kit.json`, where there is one.
        bases: What it was made from, as its card says.
        loaded: The models that the code of its card loads, as a card tells how it is used.
        activation: The path of the activation that its files name; empty where they name none.
        before: What sentence-transformers puts before each query by default.
        pair_template: Of its chat templates, the one that is used by default.
        begins_turn: Whether a turn is begun behind that; `None` where no file says so.
        in_messages: Whether its files say that it takes messages, which a chat template makes a text of.
        tokens: Its tokenizer's special tokens by their names.
        speaks: Whether it is known by something else than its config to be made of a language model.
    """

    name: str
    names: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict[str, Any])
    chat_template: str = ""
    recipe: Mapping[str, Any] | None = None
    bases: tuple[str, ...] = ()
    loaded: tuple[str, ...] = ()
    activation: str = ""
    before: str = ""
    pair_template: str = ""
    begins_turn: bool | None = None
    template_options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    in_messages: bool = False
    tokens: Mapping[str, str] = field(default_factory=dict[str, str])
    speaks: bool = False

    @property
    def _said(self) -> tuple[str, ...]:
        """What its card calls it, if that is of a family."""
        found = said_first((each for each in self.loaded if each not in self.bases), self.model_type)
        return () if found is None else (found,)

    @property
    def _made_from(self) -> tuple[str, ...]:
        """What it was made from, by its config and its card; the former may also be its own name."""
        own = self.config.get("_name_or_path")
        return (*([own] if isinstance(own, str) and own else []), *self.bases)

    @property
    def all_names(self) -> tuple[str, ...]:
        """All that it goes by, the name that counts most first: its card's, its own, those of its bases."""
        return (*self._said, *(self.names or (self.name,)), *self._made_from)

    @property
    def model_type(self) -> str | None:
        """What kind of model its config says it is."""
        found = self.config.get("model_type")
        return found if isinstance(found, str) else None

    @property
    def family(self) -> Family | None:
        """Its row in the table; `None` where it is in none."""
        return family_of(self.all_names, self.model_type, self.chat_template)

    def is_made_from(self, family: Family) -> bool:
        """Whether it is no model of a family, but one that was made from such a model."""
        return any(map(family.is_called, self._made_from)) and not any(map(family.lists, self._said))

    def files_tell(self, family: Family) -> bool:
        """Whether more than a folder's name says that it is of a family: its files, or a name of the table itself."""
        told = any(map(family.is_called, (*self._said, *self._made_from)))
        return told or (family.lists(self.name) and not Path(self.name).is_dir())

    @property
    def wants_prompt(self) -> bool:
        """Whether it is a language model, or was made of one, that knows no pairs without a prompt."""
        return self.speaks or made_of_language_model(self.config)


def clues_of(
    name: str,
    folder: Path,
    config: Mapping[str, Any],
    tokenizer_config: Mapping[str, Any],
    sentence_config: Mapping[str, Any] | None = None,
) -> Clues:
    """The clues in a folder.

    Args:
        name: What the user called the model: the folder, or a name on the hub.
        folder: Where its files are.
        config: `config.json`.
        tokenizer_config: `tokenizer_config.json`.
        sentence_config: `sentence_bert_config.json`, where there is one.

    Raises:
        ConfigurationError: A file of ours in it is damaged.
    """
    library = read_json(folder / LIBRARY)
    template = tokenizer_config.get("chat_template")
    text = _text(folder / TEMPLATE) or template_text(template)
    return replace(
        of_card(name, _text(folder / CARD)),
        names=(name, folder.resolve().name) if Path(name).is_dir() else (name,),
        config=config,
        chat_template=text,
        recipe=_own(folder / FILE),
        activation=activation_named(config, library),
        before=default_prompt(library),
        pair_template=_text(folder / TEMPLATE) or default_template(template),
        begins_turn=_begins_turn(sentence_config or {}),
        template_options=_template_options(sentence_config or {}),
        in_messages="message" in _inside(sentence_config or {}, "modality_config"),
        tokens=_special(tokenizer_config),
        speaks=config.get("model_type") is None and (bool(text) or _speaks(folder / _TOKENIZER)),
    )


def of_card(name: str, card: str) -> Clues:
    """The clues in a card, of a model of which there is no more."""
    return Clues(name, bases=tuple(base_models(card)), loaded=tuple(_LOADED.findall(card)))


def activation_named(config: Mapping[str, Any], library: Mapping[str, Any]) -> str:
    """The path of the activation that a model's own files name, in one of the three places of sentence-transformers."""
    own = _inside(config, "sentence_transformers")
    named = (library.get("activation_fn"), own.get("activation_fn"), config.get("sbert_ce_default_activation_function"))
    return next((each for each in named if isinstance(each, str)), "")


def default_prompt(library: Mapping[str, Any]) -> str:
    """What the library puts before each query unless it is told otherwise, as its own configuration says."""
    found = _inside(library, "prompts").get(str(library.get("default_prompt_name")))
    return found if isinstance(found, str) else ""


def _begins_turn(sentence_config: Mapping[str, Any]) -> bool | None:
    if not sentence_config:
        return None
    return _options(sentence_config).get(_TURN) is True


def _template_options(sentence_config: Mapping[str, Any]) -> dict[str, Any]:
    """What the template is told besides, such as `enable_thinking`."""
    return {name: value for name, value in _options(sentence_config).items() if name != _TURN}


def _options(sentence_config: Mapping[str, Any]) -> Mapping[str, Any]:
    return _inside(_inside(sentence_config, "processing_kwargs"), "chat_template")


def _special(tokenizer_config: Mapping[str, Any]) -> dict[str, str]:
    texts = ((each, _inside(tokenizer_config, each).get("content", tokenizer_config.get(each))) for each in _SPECIAL)
    return {each: token for each, token in texts if isinstance(token, str)}


def _inside(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found: object = content.get(name)
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}


def _speaks(tokenizer: Path) -> bool:
    content = read_json(tokenizer)
    try:
        return bool(content) and speaks(content)
    except (AttributeError, TypeError):  # whoever else reads it says what is wrong
        return False


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
        return "\n".join(
            str(cast("Mapping[str, object]", each).get("template", "")) for each in listed if isinstance(each, Mapping)
        )
    return template if isinstance(template, str) else ""


def default_template(template: object) -> str:
    """Of several chat templates the one that is used unless another is asked for."""
    if isinstance(template, Mapping):
        return template_text(cast("Mapping[str, object]", template).get("default"))
    if isinstance(template, list):
        listed = (
            cast("Mapping[str, object]", each) for each in cast("list[object]", template) if isinstance(each, Mapping)
        )
        return next((template_text(each.get("template")) for each in listed if each.get("name") == "default"), "")
    return template_text(template)


def read_json(path: Path) -> Mapping[str, Any]:
    """The object in a file of the model's; an empty one where there is none that can be read."""
    try:
        content: Any = json.loads(_text(path) or "{}")
    except ValueError:  # whoever else reads it says what is wrong
        return {}
    return cast("Mapping[str, Any]", content) if isinstance(content, dict) else {}


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
