"""Documents with chunks, for tests of contexts."""

from __future__ import annotations

from rerank_kit.contextual import ChunkedDocument

NUMBERS = ("one", "two", "three", "four", "five", "six")


def report(name: str, *, chunks: int = 4, words: int = 0) -> ChunkedDocument:
    """A document of so many chunks, and, if so many words are wanted, with an appendix that makes it longer."""
    parts = [
        f"Part {number} says that the sum of {name} was {place} in the year."
        for place, number in enumerate(NUMBERS[:chunks])
    ]
    appendix = "\n\n" + "and so on " * (words // 3) if words else ""
    return ChunkedDocument(f"Report of {name}\n\n" + "\n\n".join(parts) + appendix, parts, id=name, title=f"{name}.md")
