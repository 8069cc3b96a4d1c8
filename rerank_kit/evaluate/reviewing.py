"""A person labels the sample with single keys, without seeing what the judge says."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rerank_kit.evaluate.labelled import Labels
from rerank_kit.evaluate.pooling import Pair

KEYS = "y relevant, n not relevant, s skip, u undo, q quit"
_SHOWN = 4000  # characters of a document
_GRADES = {"y": 1, "n": 0}


def review(labels: Labels, keys: Iterable[str], show: Callable[[str], None]) -> int:
    """Show the pairs of the sample that have no label yet, one after the other, and keep what is pressed at once.

    Args:
        labels: Whose sample it is.
        keys: What is pressed: `y`, `n`, `s`, `u` or `q`; white space is none. Where they end, the review does.
        show: Shows a text.

    Returns:
        How many pairs were labelled.

    Raises:
        ConfigurationError: The store cannot be written.
    """
    todo, place = labels.remaining, 0
    pressed = iter(keys)
    graded: set[int] = set()
    while place < len(todo):
        show(_screen(todo[place], place + 1, len(todo)))
        key = next((each for each in pressed if not each.isspace()), "q").lower()
        if key == "q":
            break
        if key in _GRADES:
            labels.keep({todo[place]: _GRADES[key]})
            graded.add(place)
            place += 1
        elif key == "s":
            place += 1
        elif key == "u":
            place = max(0, place - 1)
            if place in graded:
                labels.keep({todo[place]: None})
                graded.remove(place)
        else:
            show(f"there is no key {key!r}: {KEYS}")
    return len(graded)


def _screen(pair: Pair, number: int, count: int) -> str:
    text = _harmless(pair.text)
    rest = len(text) - _SHOWN
    shown = f"{text[:_SHOWN]} … {rest:,} more characters" if rest > 0 else text
    return f"\n[{number}/{count}] {_harmless(pair.question)}\n\n{shown}\n\nDoes it answer? {KEYS}: "


def _harmless(text: str) -> str:
    """A text without control characters, with which a document may play tricks on terminals."""
    return "".join(each if each.isprintable() or each == "\n" else " " for each in text)
