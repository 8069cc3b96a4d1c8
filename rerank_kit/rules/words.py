"""`contains`: what says certain words comes first."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from rerank_kit.arguments import named
from rerank_kit.errors import ConfigurationError
from rerank_kit.rules.metadata import read, texts
from rerank_kit.rules.quoting import label, quoted, shown
from rerank_kit.rules.rule import Case, Match, Rule, check_field
from rerank_kit.texts import folded
from rerank_kit.values import Document

_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")  # scripts without spaces between words


@named
@dataclass(frozen=True)
class Contains(Rule):
    """Prefers documents in which a field has one of some words or phrases.

    Words are whole: "intern" is not in "internal". Case, width and white space do not count, in any script; scripts
    that are written without spaces have no whole words, and are searched as they are.

    Attributes:
        field: The field with the text, or with a list of texts; `"text"` is what the document says.
        words: Words and phrases; one is enough.
    """

    field: str
    words: Collection[str]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_field("field", self.field)
        object.__setattr__(self, "words", phrases("words", self.words))

    @cached_property
    def _phrases(self) -> list[tuple[str, str]]:
        """The words, each with what is looked for."""
        return [(word, folded(word)) for word in self.words]

    def evaluate(self, document: Document, case: Case) -> Match:
        """Look for the words."""
        name = label(self.field)
        said = [folded(text) for text in texts(read(document, self.field), name)]
        found = [word for word, phrase in self._phrases if any(has_phrase(text, phrase) for text in said)]
        if found:
            return Match(1.0, f"{name} says {quoted(found)}")
        return Match(0.0, f"{name} {'says none of' if len(self.words) > 1 else 'does not say'} {quoted(self.words)}")


def phrases(name: str, given: object) -> tuple[str, ...]:
    """Texts in an order that is always the same: as given, or sorted where that has none.

    Raises:
        ConfigurationError: There is none, or one is not a text with something in it.
    """
    each = [given] if isinstance(given, str) else in_order(given)
    found = tuple(text for text in each if isinstance(text, str) and folded(text))
    if not found or len(found) < len(each):
        msg = f"{name} must be one or more texts that are not empty, not {shown(given)}"
        raise ConfigurationError(msg)
    return found


def in_order(given: object) -> list[object]:
    """The values of a list or a set, in an order that is always the same; nothing for what is neither."""
    if isinstance(given, set | frozenset):
        return sorted(cast("Iterable[object]", given), key=repr)
    return list(cast("Iterable[object]", given)) if isinstance(given, list | tuple) else []


def has_phrase(text: str, phrase: str) -> bool:
    """Whether a folded text has a folded phrase, with no word running on at either end."""
    place = text.find(phrase)
    while place >= 0:
        end = place + len(phrase)
        if not _runs_on(text[place - 1 : place], phrase[0]) and not _runs_on(phrase[-1], text[end : end + 1]):
            return True
        place = text.find(phrase, place + 1)
    return False


def _runs_on(first: str, second: str) -> bool:
    """Whether two characters, one of which may be missing, belong to the same word."""
    return all(each and _of_a_word(each) for each in (first, second)) and not any(map(_unspaced, (first, second)))


def _of_a_word(character: str) -> bool:
    return character.isalnum() or character == "_" or unicodedata.category(character).startswith("M")


def _unspaced(character: str) -> bool:
    return unicodedata.name(character, "").startswith(_UNSPACED)
