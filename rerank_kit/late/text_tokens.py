"""The tokens of a query and of a document, as a model of late interaction reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

from rerank_kit.checks import check_count
from rerank_kit.errors import ConfigurationError
from rerank_kit.late.late_files import LateFiles
from rerank_kit.late.layouts import Layout, read_object
from rerank_kit.local.batching import BLANKS, blank_head, reaches
from rerank_kit.local.control_tokens import ControlTokens
from rerank_kit.local.pair_tokenizer import LONGEST_WORD, cut_side, tokenizer_in
from rerank_kit.local.reading import WORDS, check_vocabulary
from rerank_kit.local.tokenizer_classes import class_of
from rerank_kit.quoting import quoted
from rerank_kit.values import Deadline

_NEVER = Deadline()
_SHORTEST = 8  # tokens: below this there is no room for a text beside what stands around it
_FILLS = ("mask_token", "eos_token", "pad_token")  # in this order, as PyLate takes them
_SPELLED = ("[MASK]", "<mask>")  # where no file says what the mask token is


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text as the model reads it.

    Attributes:
        ids: Token ids, the marker, special ones and mask tokens included.
        mask: For each, whether the others look at it, as 1 or 0.
        kept: The places of those whose vectors count.
        read: How many were read of the text itself, with the marker and special ones.
        cut: Whether the text has more.
    """

    ids: list[int]
    mask: list[int]
    kept: list[int]
    read: int
    cut: bool


class TextTokenizer:
    """Makes tokens of queries and documents. Threads may share it.

    Attributes:
        query_length: The most tokens of a query, the marker and special ones included.
        document_length: The same of a document.
    """

    def __init__(
        self,
        found: LateFiles,
        *,
        max_length: int | None = None,
        max_query_length: int | None = None,
        prompts: Sequence[str | None] = (None, None),
    ) -> None:
        """Load the tokenizer.

        Args:
            found: The model's files.
            max_length: Tokens of a document; by default as many as the model's files say.
            max_query_length: Tokens of a query, likewise.
            prompts: The texts before each query and each document; `None` is what the model's files say.

        Raises:
            ConfigurationError: It cannot be read, lacks a token that the model's files name, or a length is wrong.
            MissingExtra: The tokenizers package is not installed.
        """
        files, layout = found.files, found.layout
        self._layout, self._name = layout, files.name
        self._tokenizer = tokenizer_in(
            files.tokenizer,
            config=files.tokenizer_config,
            kind=class_of(files.config, files.tokenizer_config),
            lower=layout.strips and files.sentence_config.get("do_lower_case") is True,
        )
        self._side = cut_side(self._tokenizer, files.tokenizer_config)
        self._unknown = _content(files.tokenizer_config.get("unk_token"))
        self._fills_left = files.tokenizer_config.get("padding_side") == "left"
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        check_vocabulary(self._ids(WORDS), files.name)
        self.query_length = _length("max_query_length", max_query_length, layout.query_length, files.max_length)
        self.document_length = _length("max_length", max_length, layout.document_length, files.max_length)
        self.prompts = tuple(
            own if given is None else given for given, own in zip(prompts, layout.prompts, strict=True)
        )
        self._markers = [self._marker(each) for each in (layout.query_marker, layout.document_marker)]
        lengths = self.query_length, self.document_length
        self._rooms = [length - (marker is not None) for length, marker in zip(lengths, self._markers, strict=True)]
        self._around: int = self._tokenizer.num_special_tokens_to_add(is_pair=False)
        self._fill = self._filling(found) if layout.expands else None
        self._skipped = frozenset(self._skipped_ids(layout))
        self._control = self._control_tokens()
        self._skips_blanks = not self._ids(BLANKS)

    def query(self, text: str, deadline: Deadline = _NEVER) -> Tokens:
        """A query: its marker stands second, and mask tokens fill it up where the model does that.

        Raises:
            DeadlineExceeded: The time is over.
        """
        ids, cut = self._read(text, 0, deadline)
        mask, filling = [1] * len(ids), list[int]()
        if self._fill is not None:
            filling = [self._fill] * (self._rooms[0] - len(ids))
            unseen = [int(self._layout.attends)] * len(filling)
            ids, mask = (filling + ids, unseen + mask) if self._fills_left else (ids + filling, mask + unseen)
        ids, mask = self._marked(ids, 0), self._marked(mask, 0, 1)
        return Tokens(ids, mask, list(range(len(ids))), len(ids) - len(filling), cut)

    def document(self, text: str, deadline: Deadline = _NEVER) -> Tokens:
        """A document: its marker stands second, and tokens that the model skips keep no vector.

        Raises:
            DeadlineExceeded: The time is over.
        """
        ids, cut = self._read(text, 1, deadline)
        ids = self._marked(ids, 1)
        kept = [place for place, each in enumerate(ids) if each not in self._skipped]
        return Tokens(ids, [1] * len(ids), kept, len(ids), cut)

    def _read(self, text: str, which: int, deadline: Deadline) -> tuple[list[int], bool]:
        """The tokens of a text as far as there is room, special ones included, and whether there are more.

        Of a very long text only as much is looked at as can reach the model.
        """
        text = self.prompts[which] + text
        if self._layout.strips:
            text = text.strip()
        elif self._skips_blanks:
            text = text[blank_head(text) :]
        room = self._rooms[which]
        *looks, last = reaches(len(text), room)
        for reach in looks:
            deadline.check()
            ids, unread = self._cut(self._reached(text, reach), room)
            if unread >= LONGEST_WORD:
                return ids, True
        deadline.check()
        ids, unread = self._cut(self._reached(text, last), room)
        return ids, unread > 0 or last < len(text)

    def _reached(self, text: str, reach: int) -> str:
        return text[len(text) - reach :] if self._side == "left" else text[:reach]

    def _cut(self, text: str, room: int) -> tuple[list[int], int]:
        """The tokens of a text in so much room, and how much of it, in characters, is not read; at least 1 of a cut."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        if self._control.inside(encoding.ids, text):
            encoding = self._tokenizer.encode(self._control.taken_apart(text), add_special_tokens=False)
        unread, most = 0, room - self._around
        if len(encoding) > most:
            encoding.truncate(most, direction=self._side)
            places = [place for place in encoding.offsets if place != (0, 0)]
            begins, ends = [begin for begin, _ in places], [end for _, end in places]
            unread = min(begins, default=len(text)) if self._side == "left" else len(text) - max(ends, default=0)
            unread = max(unread, 1)
        ids: list[int] = self._tokenizer.post_process(encoding).ids
        return ids, unread

    def _marked(self, values: list[int], which: int, value: int | None = None) -> list[int]:
        """With the marker, or another value, in the second place, where both libraries put it."""
        marker = self._markers[which]
        return values if marker is None else [*values[:1], marker if value is None else value, *values[1:]]

    def _marker(self, token: str | None) -> int | None:
        if token is None:
            return None
        found: int | None = self._tokenizer.token_to_id(token)
        if found is None:
            msg = (
                f"model={self._name!r}: its files name the marker {quoted(token)}, and its tokenizer.json has no such "
                "token, nor the graph a vector for it: save the model anew in its own library, and export that"
            )
            raise ConfigurationError(msg)
        return found

    def _filling(self, found: LateFiles) -> int:
        """The token that fills a query up."""
        config = found.files.tokenizer_config
        more = read_object(found.special_tokens) if found.special_tokens.is_file() else dict[str, Any]()
        named = (_content(each.get(name)) for name in _FILLS for each in (config, more))
        for token in (*named, *_SPELLED):
            place: int | None = None if token is None else self._tokenizer.token_to_id(token)
            if place is not None:
                return place
        msg = (
            f"model={self._name!r}: queries are filled up with mask tokens, and neither tokenizer_config.json nor "
            "special_tokens_map.json names one that tokenizer.json has: fetch all files of the model"
        )
        raise ConfigurationError(msg)

    def _skipped_ids(self, layout: Layout) -> list[int]:
        """The tokens of which documents keep no vector: by their names for PyLate, by what is read of them for ColBERT.

        PyLate takes a word that is no token for the unknown one, as its tokenizer does.
        """
        if layout.kind == "colbert":
            return [ids[0] for each in layout.skipped if (ids := self._ids(each))]
        unknown = self._unknown_id()
        found = [self._tokenizer.token_to_id(each) for each in layout.skipped]
        return [each for each in (unknown if each is None else each for each in found) if each is not None]

    def _unknown_id(self) -> int | None:
        token = self._unknown or getattr(self._tokenizer.model, "unk_token", None)
        return self._tokenizer.token_to_id(token) if isinstance(token, str) else None

    def _control_tokens(self) -> ControlTokens:
        """The tokenizer's own, and the markers, whatever they look like: a document must not be able to write them."""
        added: dict[int, Any] = dict(self._tokenizer.get_added_tokens_decoder())
        for marker in self._markers:
            if marker is not None:
                added[marker] = SimpleNamespace(content=self._tokenizer.id_to_token(marker), special=True)

        def read(text: str) -> Any:
            encoding = self._tokenizer.encode(text, add_special_tokens=False)
            return zip(encoding.ids, encoding.offsets, strict=True)

        return ControlTokens(added, self._tokenizer.id_to_token, read, ())

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids


def _content(token: object) -> str | None:
    """A special token's text, which files give as it is or in an object."""
    if isinstance(token, Mapping):
        token = cast("Mapping[str, object]", token).get("content")
    return token if isinstance(token, str) else None


def _length(name: str, asked: object, usual: int, limit: int) -> int:
    """How many tokens are read of a text.

    Raises:
        ConfigurationError: The model cannot read that many, or there would be no room for a text.
    """
    if asked is None:
        return max(min(usual, limit), _SHORTEST)
    length = check_count(name, asked)
    if length is None or not _SHORTEST <= length <= limit:
        msg = f"{name} must be from {_SHORTEST} to {limit} tokens, not {quoted(asked)}"
        raise ConfigurationError(msg)
    return length
