r"""Templates such as `"{title}\n{page_content}"`, in which a field that is missing leaves no hole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from string import Formatter

from rerank_kit import ConfigurationError
from rerank_kit.quoting import quoted

OWN = frozenset({"page_content", "id"})
"""The fields that are a document's own; all others are in its metadata."""

_CLOSING = ")]}>»”\"'*%"  # of two fields in a line it belongs to the first, as in "[{source}] {title}"
_SEPARATING = " \t,;:.|/\\-–—·•&+>›→=~"  # noqa: RUF001 - no line begins with it where the field before is missing


@dataclass(frozen=True, slots=True)
class _Field:
    """A field with what stands before and behind it in its line, and is left out with it."""

    before: str
    name: str
    behind: str


@dataclass(frozen=True, slots=True)
class _Line:
    """A line with fields, and the lines without any that stand above it, each with its end."""

    above: str
    fields: tuple[_Field, ...]

    def filled(self, read: Callable[[str], str | None]) -> str:
        """The line; empty where all its fields are missing."""
        parts: list[str] = []
        for place, field in enumerate(self.fields):
            value = read(field.name)
            if value is not None:
                leads = place > 0 and not parts
                parts += [field.before.lstrip(_SEPARATING) if leads else field.before, value, field.behind]
        return "".join(parts)


@dataclass(frozen=True, slots=True)
class Template:
    """Text with fields in it.

    A field is `page_content`, `id` or a key of the metadata, with dots for keys of mappings in it. `{{` and `}}` are
    braces. What a field does not fill goes with all that belongs to it: the text before it in its line, as far as the
    field before; the text behind it, where it is the last of its line, or else a closing bracket or quotation mark. A
    line of which no field is left is left out, and with it the lines without fields above it.
    """

    _lines: tuple[_Line, ...]
    _below: str

    @classmethod
    def of(cls, text: str) -> Template:
        """Read a template.

        Raises:
            ConfigurationError: It is none.
        """
        lines: list[_Line] = []
        above: list[str] = []
        for literals, names in _raw_lines(text):
            if names:
                lines.append(_Line("".join(above), _fields(literals, names)))
                above = []
            else:
                above.append(f"{literals[0]}\n")
        if not lines:
            msg = f"text={quoted(text)} names no field: write one in braces, {{page_content}}, or pass a list of fields"
            raise ConfigurationError(msg)
        return cls(tuple(lines), "".join(f"\n{each}" for each in above).rstrip())

    @property
    def names(self) -> list[str]:
        """The fields that it has."""
        return [field.name for line in self._lines for field in line.fields]

    def fill(self, read: Callable[[str], str | None]) -> str:
        """The text of a document.

        Args:
            read: The value of a field; `None` where it is missing.
        """
        found: list[str] = []
        for line in self._lines:
            filled = line.filled(read)
            if filled:
                found.append((line.above if found else line.above.lstrip()) + filled)
        return "\n".join(found) + self._below if found else ""


def _raw_lines(text: str) -> Iterator[tuple[list[str], list[str]]]:
    """For each line its literal texts and its fields: one text more, before, between and behind them."""
    literals, names = [""], list[str]()
    for literal, name in _parsed(text):
        first, *others = literal.split("\n")
        literals[-1] += first
        for other in others:
            yield literals, names
            literals, names = [other], []
        if name is not None:
            names.append(name)
            literals.append("")
    yield literals, names


def _parsed(text: str) -> Iterator[tuple[str, str | None]]:
    """Literal texts, each with the field behind it."""
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        msg = f"text={quoted(text)} is no template: {error}. Fields stand in braces; write {{{{ or }}}} for a brace"
        raise ConfigurationError(msg) from None
    for literal, name, form, conversion in parts:
        yield literal, None if name is None else _checked(text, name.strip(), form, conversion)


def _checked(text: str, name: str, form: str | None, conversion: str | None) -> str:
    first = name.partition(".")[0]
    reaches = any(bracket in name for bracket in "[]") or (first in OWN and first != name)
    if not name or form or conversion or reaches:
        msg = (
            f"text={quoted(text)} has a field that is not just a name: write {{page_content}}, {{id}} or a key of the "
            "metadata, with dots for keys inside it. For keys with colons or brackets pass a list of fields, for "
            "formats a function from a document to a str"
        )
        raise ConfigurationError(msg)
    return name


def _fields(literals: Sequence[str], names: Sequence[str]) -> tuple[_Field, ...]:
    """The fields of a line, each with what belongs to it of the texts between them."""
    before, *between, last = literals
    found: list[_Field] = []
    for name, text in zip(names, between, strict=False):
        rest = text.lstrip(_CLOSING)
        found.append(_Field(before, name, text[: len(text) - len(rest)]))
        before = rest
    return (*found, _Field(before, names[-1], last))
