"""Prompts: the texts that a model wants around a query and a document, each of which is tokenised alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from rerank_kit.errors import ConfigurationError
from rerank_kit.quoting import quoted
from rerank_kit.values import Passage

_HOLES = re.compile(r"\{(query|document|instruction)\}")


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is put together for a pair.

    Attributes:
        parts: Texts with `{query}`, `{document}` and `{instruction}`. Each is tokenised alone, without special tokens.
        instructed: The parts that differ where a user gives an instruction, by their place.
        instruction: What `{instruction}` stands for.
        special: Whether the tokenizer's own special tokens go around it.
        strip: Whether white space around query and document is left out.
    """

    parts: tuple[str, ...]
    instructed: Mapping[int, str] = field(default_factory=dict[int, str])
    instruction: str | None = None
    special: bool = False
    strip: bool = False

    @classmethod
    def of_template(cls, template: object, instruction: str | None = None) -> Self:
        """The prompt that a user wrote in one text. The tokenizer's special tokens go around it, as around any text.

        Raises:
            ConfigurationError: It does not have `{query}` and `{document}`, each once, or the instruction has no place.
        """
        if not isinstance(template, str):
            msg = f"template must be a str with {{query}} and {{document}} in it, not {quoted(template)}"
            raise ConfigurationError(msg)
        found = _HOLES.findall(template)
        if sorted(found) not in (["document", "query"], ["document", "instruction", "query"]):
            msg = (
                "template must hold {query} and {document} once each, and {instruction} once or not at all, not "
                f"{quoted(template)}"
            )
            raise ConfigurationError(msg)
        if ("instruction" in found) != (instruction is not None):
            needs = "pass instruction=" if instruction is None else "put {instruction} into it, or pass none"
            msg = f"template={quoted(template)} and instruction={quoted(instruction)} do not go together: {needs}"
            raise ConfigurationError(msg)
        return cls((template,), instruction=instruction, special=True)

    @property
    def takes_instruction(self) -> bool:
        """Whether an instruction has a place in it."""
        return bool(self.instructed) or any("{instruction}" in part for part in self.parts)

    @property
    def ends_in_document(self) -> bool:
        """Whether nothing that differs from pair to pair stands behind the document."""
        return "{query}" not in "".join(self.parts).partition("{document}")[2]

    def told(self, instruction: str) -> Prompt:
        """The same with another instruction, for one that takes one."""
        parts = tuple(self.instructed.get(place, part) for place, part in enumerate(self.parts))
        return replace(self, parts=parts, instructed={}, instruction=instruction)

    def __str__(self) -> str:
        """The text with its places, in one line."""
        instruction = "{instruction}" if self.instruction is None else self.instruction
        return repr("".join(self.parts).replace("{instruction}", instruction))

    def filled(self, query: str, document: str) -> list[FilledPart]:
        """The parts for a pair."""
        if self.strip:
            query, document = query.strip(), document.strip()
        texts = {"query": query, "document": document, "instruction": self.instruction or ""}
        return [_filled(part, texts) for part in self.parts]


@dataclass(frozen=True, slots=True)
class FilledPart:
    """A part of a prompt for one pair.

    Attributes:
        text: The part, filled in.
        document: Where the document stands in it; `None` where it does not.
    """

    text: str
    document: Passage | None = None


def _filled(part: str, texts: Mapping[str, str]) -> FilledPart:
    pieces = _HOLES.split(part)  # text, name, text, name, …, text
    text, document = "", None
    for place, piece in enumerate(pieces):
        filling = piece if place % 2 == 0 else texts[piece]
        if place % 2 and piece == "document":
            document = len(text), len(text) + len(filling)
        text += filling
    return FilledPart(text, document)
