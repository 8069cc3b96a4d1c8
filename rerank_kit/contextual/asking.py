"""What a model is asked about one document: which calls, and what each begins with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rerank_kit.contextual.answers import Language
from rerank_kit.contextual.documents import ChunkedDocument, digest
from rerank_kit.contextual.prompts import AGAIN, Granularity, document_block, one, several
from rerank_kit.contextual.store import key_of_context
from rerank_kit.contextual.units import Unit, units
from rerank_kit.contextual.windows import Windows
from rerank_kit.judge import Prompt
from rerank_kit.judge.injection import Draw
from rerank_kit.values import Passage

CONTEXT_TOKENS = 100
"""What a context usually has, at most: 50 to 100 tokens, as published with Contextual Retrieval."""
_LABELLED = 20  # tokens of an answer beside, for each context in it, where there are several


@dataclass(frozen=True, slots=True)
class Wording:
    """What a model is asked, and how much it may write.

    Attributes:
        granularity: What gets a context.
        one: The prompt for one chunk, section or document.
        several: The prompt for several chunks in one call.
        max_tokens: The most tokens that a context may have.
        document_tokens: The most tokens of a document that are shown.
    """

    granularity: Granularity
    one: str
    several: str
    max_tokens: int
    document_tokens: int


@dataclass(frozen=True, slots=True)
class Question:
    """One call.

    Attributes:
        units: What it asks about, by labels that no text contains.
        prompt: What is sent.
        alone: Whether it asks about one, whose context is all of the answer.
    """

    units: dict[str, Unit]
    prompt: Prompt
    alone: bool

    @property
    def expected(self) -> int:
        """Tokens that the answer usually has, at most."""
        return (CONTEXT_TOKENS + (0 if self.alone else _LABELLED)) * len(self.units)


class Asked:
    """One document, and what is asked about it.

    Attributes:
        document: The document.
        units: What of it gets a context.
        language: What it is written in.
    """

    def __init__(self, document: ChunkedDocument, wording: Wording) -> None:
        """Find what gets a context."""
        self.document = document
        self._wording = wording
        self._windows = Windows(document.text, wording.document_tokens)
        self.units = units(document, wording.granularity, self._windows.around)
        self.language = Language(document.text)
        self._blocks: dict[Passage, str] = {}
        self._hashes: dict[Passage, str] = {}

    def key(self, unit: Unit, model: str, *, alone: bool) -> str:
        """The key under which a unit's context is kept."""
        asked = self._wording.one if alone else self._wording.several
        window = self._window(unit)
        if window not in self._hashes:
            begin, end = window
            self._hashes[window] = digest(self.document.text[begin:end])
        return key_of_context(model, asked, self._hashes[window], unit.text)

    @property
    def name(self) -> str:
        """By what processes tell each other that they write its contexts: documents that say the same are one."""
        return digest(self.document.text)

    def groups(
        self, wanted: Sequence[Unit], per_call: int, *, cached: bool = True, draw: Draw | None = None
    ) -> Iterator[list[Question]]:
        """The calls for some units: those that begin with the same text together, of so many units each.

        Args:
            wanted: The units.
            per_call: How many there are in a call.
            cached: Whether models with a prompt cache may use it.
            draw: Where labels come from, if not from chance.
        """
        beside: dict[Passage, list[Unit]] = {}
        for each in wanted:
            beside.setdefault(self._window(each), []).append(each)
        for window, near in beside.items():
            block = self._block(window)
            cut = [near[at : at + per_call] for at in range(0, len(near), per_call)]
            shared = cached and len(cut) > 1
            yield [self._question(block, each, draw or Draw(), alone=per_call == 1, shared=shared) for each in cut]

    def alone(self, unit: Unit, *, shared: bool) -> Question:
        """Ask about a unit once more, by itself, with more room for the answer, and for its language."""
        block = self._block(self._window(unit))
        room, asked = 2 * self._wording.max_tokens, f"{self._wording.one}{AGAIN}"
        return Question({"": unit}, one(block, asked, unit.text, room=room, shared=shared), alone=True)

    def _question(self, block: str, near: Sequence[Unit], draw: Draw, *, alone: bool, shared: bool) -> Question:
        room = self._wording.max_tokens
        if alone:
            [unit] = near
            return Question({"": unit}, one(block, self._wording.one, unit.text, room=room, shared=shared), alone=True)
        labels = draw.labels(len(near), (block, *(each.text for each in near)))
        asked = dict(zip(labels, near, strict=True))
        texts = {label: each.text for label, each in asked.items()}
        return Question(asked, several(block, self._wording.several, texts, room=room, shared=shared), alone=False)

    def _block(self, window: Passage) -> str:
        """How calls begin that show this window."""
        if window not in self._blocks:
            begin, end = window
            self._blocks[window] = document_block(self.document.text[begin:end])
        return self._blocks[window]

    def _window(self, unit: Unit) -> Passage:
        return self._windows.around(unit.place)
