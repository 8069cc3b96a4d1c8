"""Contexts without an LLM: the title, the headings above a chunk, and the text beside it."""

from __future__ import annotations

import pytest

from rerank_kit import ConfigurationError, DeadlineExceeded
from rerank_kit.contextual import ChunkedDocument, HeadingContext
from rerank_kit.contextual.headings import Section, sections
from tests.conftest import Colour

GUIDE = """\
Before any heading.

# Guide

Welcome.

## Install ##

Run it.

```
# no heading, in code
```

### On Linux

Use apt.

## Use

Type this.

Underlined
==========

At the top.

Lower
-----

Below that.
"""


def context_of(text: str, chunk: str, *, title: str = "", neighbours: int = 0) -> str | None:
    contexts = HeadingContext(neighbours=neighbours).contextualize([ChunkedDocument(text, [chunk], title=title)])
    return contexts.rows[0][0].text


@pytest.mark.parametrize(
    ("chunk", "path"),
    [
        ("Before any heading.", None),
        ("Welcome.", "Guide"),
        ("Run it.", "Guide › Install"),
        ("# no heading, in code", "Guide › Install"),
        ("Use apt.", "Guide › Install › On Linux"),
        ("Type this.", "Guide › Use"),
        ("At the top.", "Underlined"),
        ("Below that.", "Underlined › Lower"),
        ("### On Linux\n\nUse apt.", "Guide › Install › On Linux"),
    ],
)
def test_the_context_is_the_path_of_headings(chunk: str, path: str | None) -> None:
    assert context_of(GUIDE, chunk) == path
    assert context_of(GUIDE, chunk, title="guide.md") == " › ".join(filter(None, ["guide.md", path]))


def test_the_text_beside_a_chunk_is_taken_in_by_whole_words() -> None:
    text = "The first words are here. The chunk. And the last words are there."
    assert context_of(text, "The chunk.", neighbours=12) == "are here.\nAnd the last"[: len("are here.\nAnd the")]
    assert context_of(text, "The chunk.", neighbours=500) == "The first words are here.\nAnd the last words are there."
    assert context_of(text, "The chunk.", title="t", neighbours=500) == (
        "t\nThe first words are here.\nAnd the last words are there."
    )


def test_the_context_stands_in_front_and_the_chunk_is_as_it_was(colour: Colour) -> None:
    document = ChunkedDocument(GUIDE, ["Welcome.", "", "Run it."], title="guide.md")
    contexts = colour(HeadingContext(), "contextualize", [document])
    assert contexts.texts() == [["guide.md › Guide\n\nWelcome.", "", "guide.md › Guide › Install\n\nRun it."]]
    assert (contexts.failures, contexts.cost, contexts.reused) == ((), 0.0, 0)
    assert HeadingContext().expected_cost([document]) == 0.0


def test_sections_cover_a_text() -> None:
    found = sections(GUIDE)
    assert [each.begin for each in found] == [0, *[each.end for each in found[:-1]]]
    assert found[-1].end == len(GUIDE)
    assert sections("") == []
    assert sections("no heading") == [Section((), 0, 10)]


def test_what_stands_in_front_of_a_text_is_no_heading() -> None:
    text = "---\ntitle: A\nfront: matter\n---\n\n# Heading\n\ntext"
    assert [each.path for each in sections(text)] == [(), ("Heading",)]
    assert [each.path for each in sections("---\nnot: closed\n# Heading")] == [(), ("Heading",)]


def test_what_stands_in_a_fence_is_no_heading() -> None:
    text = "````\n```\n# no\n```\n````\n# Yes\n```python\n# no\n```python\n# no\n```\n# Too\n"
    assert [each.path for each in sections(text)] == [(), ("Yes",), ("Too",)]


def test_lines_may_end_in_any_way() -> None:
    text = "First\r\n=====\r\n\r\nText.\r\n\r\nSecond  \r\n------\r\nMore.\r\n"
    found = sections(text)
    assert [(each.path, text[each.begin :][:6].strip()) for each in found] == [
        (("First",), "First"),
        (("First", "Second"), "Second"),
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [("# A #", "A"), ("# A ## ", "A"), ("# A#", "A#"), ("# C# and F#", "C# and F#"), ("## #", "#"), ("# A  B", "A  B")],
)
def test_signs_that_close_a_heading_are_none_of_its_words(line: str, words: str) -> None:
    assert sections(f"{line}\ntext")[-1].path == (words,)


@pytest.mark.unmeasured
def test_a_hostile_heading_takes_no_longer_than_it_is() -> None:
    assert sections("# a" + " " * 200_000 + "b" + " #" * 100_000)[-1].path


def test_a_title_that_is_the_first_heading_is_told_once() -> None:
    assert context_of("# Guide\n\ntext", "text", title="Guide") == "Guide"


def test_rules_and_tables_are_no_headings() -> None:
    assert [each.path for each in sections("Text\n\n---\n\n| a |\n\n#hashtag\n\n####### seven")] == [()]


def test_neighbours_are_a_whole_number() -> None:
    with pytest.raises(ConfigurationError, match="neighbours must be a whole number"):
        HeadingContext(neighbours=-1)


def test_the_time_is_kept() -> None:
    with pytest.raises(DeadlineExceeded):
        HeadingContext().contextualize([ChunkedDocument("a", ["a"])], timeout=1e-9)


@pytest.mark.unmeasured
def test_a_long_document_takes_no_longer_than_it_is() -> None:
    text = "\n".join(f"# Heading {number}\n\nText {number}." for number in range(30_000))
    chunks = [f"Text {number}." for number in range(30_000)]
    contexts = HeadingContext(neighbours=50).contextualize([ChunkedDocument(text, chunks)])
    assert contexts.rows[0][-1].text is not None
