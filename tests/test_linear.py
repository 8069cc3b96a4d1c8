"""Texts of any length and of any make cost time by their length alone: nothing that sees documents or answers hangs."""

from __future__ import annotations

import importlib
import pkgutil
import re
import time
from collections.abc import Callable
from typing import Any

import pytest

import langchain_rerank_kit
import llama_rerank_kit
import rerank_kit
from rerank_kit.bm25.index import Terms
from rerank_kit.bm25.languages import languages, told_language
from rerank_kit.bm25.words import parts, words
from rerank_kit.first_stage.near_duplicates import near_duplicates
from rerank_kit.judge.answers import read
from rerank_kit.judge.chat import Completion
from rerank_kit.judge.injection import Draw, harmless
from rerank_kit.texts import cut, encodable, estimated_tokens, folded, is_blank, nfkc

NASTY: dict[str, str] = {
    "newlines": "\n",
    "spaces": " ",
    "Windows' newlines": "\r\n",
    "any white space": " \t\n\u2028\u3000",
    "controls": "\x00\x1b",
    "zero width": "\u200b",
    "marks": "\u0301\u0323",
    "jamo": "\u1100\u1161\u11a8",
    "halves of pairs": "\ud83d",
    "one word": "a",
    "capitals": "A_",
    "Chinese": "漢",
    "digits": "1",
    "numbers": "1.1 ",
    "minuses": "-1",
    "zeros": "0.",
    "braces": "{",
    "brackets": "[",
    "angles": "<",
    "bars": "<|",
    "tags": "<a",
    "closing tags": "</a",
    "bracketed": "[A",
    "bars in brackets": "[|a",
    "odd brackets": "]<]a",
    "arrows": ">>A",
    "objects": '{"a":',
    "objects apart": '{ \n"',
    "lists of objects": '[{"a":1},',
    "objects with a key twice": '{"a":1,"a":1}',
    "commas": ", ",
    "commas and ends": ",]",
    "quotes": '"',
    "backslashes": '"\\',
    "thoughts": "<think>",
    "turns": "\n\nHuman",
    "colons": "a:",
    "slashes": "//",
    "labels": "KJ42 > ",
}
LABELS = [f"{number:04}" for number in range(100)]


def answered(mode: str) -> Callable[[str], object]:
    return lambda text: read(mode, Completion(text), LABELS)


JUDGES: dict[str, Callable[[str], object]] = {
    "a text": harmless,
    "an answer": answered("filter"),
    "grades": answered("grade"),
    "an order": answered("listwise"),
}
READERS: dict[str, Callable[[str], object]] = {
    "nfkc": nfkc,
    "folded": folded,
    "words": words,
    "parts of names": parts,
    "stems": lambda text: [Terms(language).of_query(text) for language in languages()],
    "the language": lambda text: told_language([text] * 10),
    "near duplicates": lambda text: near_duplicates([text, f"{text} x", text[::-1]], 0.5),
    "encodable": encodable,
    "is_blank": is_blank,
    "cut": lambda text: cut(text, 1000, estimated_tokens),
    "labels": lambda text: Draw(1).labels(10, [text]),
}


def check_linear(reader: Callable[[str], object], unit: str, longest: int) -> None:
    """Feed it ever longer texts, the first of them short enough for something cubic to end."""
    for length in (1_000, longest):
        text = unit * (length // len(unit))
        started = time.perf_counter()
        reader(text)
        assert time.perf_counter() - started < 10, (ascii(unit), length)


@pytest.mark.parametrize("unit", NASTY.values(), ids=list(NASTY))
def test_what_a_judge_reads_takes_time_by_its_length(unit: str) -> None:
    for reader in JUDGES.values():
        check_linear(reader, unit, 1_000_000)


@pytest.mark.parametrize("reader", READERS.values(), ids=list(READERS))
def test_what_sees_documents_takes_time_by_their_length(reader: Callable[[str], object]) -> None:
    for unit in NASTY.values():
        check_linear(reader, unit, 30_000)


def patterns() -> dict[str, re.Pattern[Any]]:
    """Every regular expression of the packages, by its name."""
    found: dict[str, re.Pattern[Any]] = {}
    for package in (rerank_kit, langchain_rerank_kit, llama_rerank_kit):
        for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if each.name.endswith("__main__"):
                continue
            module = importlib.import_module(each.name)
            found |= {
                f"{each.name}.{name}": held for name, held in vars(module).items() if isinstance(held, re.Pattern)
            }
    return found


def test_every_regular_expression_takes_time_by_the_length_of_what_it_is_compared_with() -> None:
    seen = patterns()
    assert len(seen) > 15
    for pattern in seen.values():

        def used(text: str, pattern: re.Pattern[Any] = pattern) -> None:
            read = text if isinstance(pattern.pattern, str) else text.encode(errors="surrogatepass")
            pattern.match(read)
            pattern.fullmatch(read)

        for unit in NASTY.values():
            check_linear(used, unit, 100_000)
