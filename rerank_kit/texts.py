"""What holds of any text: whether it is blank, what UTF-8 and NFKC make of it, when two are one, tokens, cuts.

Texts come from anywhere and have any length: what stands here takes time that grows with the length and no faster.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import TypeAlias

CountTokens: TypeAlias = Callable[[str], int]
"""Counts the tokens of a text."""

UNSPACED = "\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Chinese and Japanese characters, which are written without spaces between words: for a class of a pattern."""

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~&$])")
_PIECE = 64  # characters
_MARKS = 30  # in a row, after https://unicode.org/reports/tr15/#Stream_Safe_Text_Format

# Tags of HTML that no chat template uses.
_HTML = (
    "a|abbr|article|aside|b|blockquote|body|br|button|caption|cite|code|dd|del|details|dfn|div|dl|dt|em|figcaption|figure"
    "|footer|form|h[1-6]|head|header|hr|html|i|ins|kbd|label|li|main|nav|ol|option|p|pre|q|samp|section|select|small|span"
    "|strong|sub|summary|sup|table|tbody|td|tfoot|th|thead|title|tr|tt|u|ul|var"
)
_TEMPLATE_TOKEN = re.compile(
    r"<(?=[|｜])"  # noqa: RUF001 - <|im_start|>, <|turn>; DeepSeek's bars are full-width
    r"|<(?=[^\s<>][^<>\n]{0,63}+(?<=[|｜])>)"  # noqa: RUF001 - <turn|>
    r"|<(?=</?SYS>>)"  # <<SYS>>
    rf"|<(?=/?[\w▁][\w▁:.-]{{0,63}}+/?>)(?!/?(?:SYS|{_HTML})/?>)"  # <s>, </s>, <sep/>, <extra_id_0>, <seed:eos>
    r"|◁(?=[^\s◁▷][^◁▷\n]{0,63}+▷)"  # ◁think▷
    r"|\[(?=[|｜])|\[(?=[^\s\[\]][^\[\]\n]{0,63}+(?<=[|｜])\])"  # noqa: RUF001 - [|system|], [turn|]
    r"|\[(?=/?\w[\w :-]{1,63}+\])(?=/?(?:[A-Z]{2}|[a-z][A-Z]{3}|[a-z]+\d+\]|\w*_|[se]op\]))"  # [gMASK], [unused1]
    r"|\[(?=[a-z]~\[)|\](?=(?:~!?[a-z]|![a-z]~)[\[\]])|\](?=<\][^\[\]<>\n]{1,64}+\[>\[)"  # [e~[, ]~b], ]<]image[>[
    r"|>(?=>[A-Z_]{1,64}+<<)"  # >>QUESTION<<
)


_EMPTY_CATEGORIES = {"Cc", "Cf", "Cs", "Zs", "Zl", "Zp", "Mn", "Mc", "Me"}
"""Controls, format characters, halves of surrogate pairs, spaces, and marks, which need something to stand on."""
_FILLERS = frozenset(
    "\u115f\u1160\u3164\uffa0"  # of Hangul
    "\u2800\U00013441\U00013442\U0001d159"  # blanks of Braille, hieroglyphs and musical notation
    "\ufffc\ufffd"  # where an object or a character was lost
)
_NEVER_SHOWN = (
    *((0x2065, 0x2065), (0xFFF0, 0xFFF8), (0xE0000, 0xE0FFF)),  # to be ignored by whoever does not know them
    (0xFDD0, 0xFDEF),  # never characters, like the last two of each plane
    *((plane | 0xFFFE, plane | 0xFFFF) for plane in range(0, 0x110000, 0x10000)),
)
_BEGINNING = 64  # characters: nearly every text shows something within them


def in_a_line(text: str) -> str:
    """A text of any origin in one line, without control characters, which may play tricks on terminals."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def counted(number: int, one: str, many: str = "") -> str:
    """A number of things: "1 query", "5,183 documents"."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def in_markdown(text: str) -> str:
    """A text that Markdown shows as it is."""
    return _MARKDOWN.sub(r"\\\1", text)


def is_blank(text: str) -> bool:
    """Whether there is nothing in a text to read: such documents are never sent, and such queries are refused.

    A text is blank when all its characters are white space, controls, format characters (zero-width spaces, byte order
    marks, soft hyphens, bidirectional controls, tags), combining marks and variation selectors without anything that
    they could belong to, fillers, replacement characters, or code points that Unicode keeps free or ignores.
    """
    return not any(map(_shows, text[:_BEGINNING])) and not any(map(_shows, set(text[_BEGINNING:])))


def _shows(character: str) -> bool:
    """Whether a character can be seen where it stands alone."""
    if character.isascii():
        return "!" <= character <= "~"
    category = unicodedata.category(character)
    if category == "Cn":  # none of this Python's Unicode: perhaps a new one, unless it is to be ignored, or never one
        return not any(first <= ord(character) <= last for first, last in _NEVER_SHOWN)
    return category not in _EMPTY_CATEGORIES and character not in _FILLERS


def encodable(text: str) -> str:
    """The text, of the same length, with U+FFFD for halves of surrogate pairs, which UTF-8 cannot express.

    They come from JSON that was cut, from `surrogateescape`, and from emoji taken apart.
    """
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in text)
    return text


def nfkc(text: str) -> str:
    """The text with compatible characters made one, as `unicodedata.normalize("NFKC", text)` does it.

    That takes time by the square of a run of combining marks, so long texts are normalised in pieces, none of which
    begins with what belongs to the character before; of more than 30 marks in a row, some may keep another order.
    """
    pieces: list[str] = []
    start = 0
    while start < len(text):
        end = start + _PIECE
        while end < min(len(text), start + _PIECE + _MARKS) and _leans(text[end]):
            end += 1
        pieces.append(unicodedata.normalize("NFKC", text[start:end]))
        start = end
    return "".join(pieces)


def _leans(character: str) -> bool:
    """Whether a character may become one with that before it: a mark, or a vowel or a final consonant of Hangul."""
    first = unicodedata.normalize("NFKD", character)[0]
    return unicodedata.category(first).startswith("M") or "\u1160" <= first <= "\u11ff"


def folded(text: str) -> str:
    """A text without what does not count in a comparison: case, width, ligatures, runs of white space."""
    plain = str.__str__(text)
    if plain.isascii():
        return " ".join(plain.casefold().split())
    return " ".join(" ".join(map(_fold, plain.split())).split())


def _fold(word: str) -> str:
    return nfkc(nfkc(word).casefold())


def without_template_tokens(text: str) -> str:
    """The text with nothing in it that a server could take for a control token of a chat template.

    They are known by their shape, so that those of models to come are known too: `<|…|>`, `<…|>`, `[|…|]`, `<s>` and
    whatever else looks like a tag without attributes, but for those of HTML; `[INST]` and the like in brackets. A
    space after the first character takes each apart: nothing else is changed, and nothing is lost.
    """
    return _TEMPLATE_TOKEN.sub(r"\g<0> ", text)


def estimated_tokens(text: str) -> int:
    """Tokens of a text, guessed on the careful side: one for every three bytes of UTF-8.

    English has four to five bytes in a token, code and Chinese about three.
    """
    return -(-len(text.encode("utf-8", "surrogatepass")) // 3)


def cut(text: str, tokens: int, count: CountTokens) -> str:
    """The longest beginning of a text that has no more than so many tokens; the text itself where all of it fits."""
    if count(text) <= tokens:
        return text
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if count(text[:middle]) <= tokens:
            fits = middle
        else:
            too_long = middle
    return text[:fits]
