"""Documents and their chunks: what can be none is refused, ids stay, and every chunk is found in its document."""

from __future__ import annotations

import re
from typing import Any

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.contextual import ChunkedDocument, HeadingContext
from rerank_kit.contextual.documents import places


def test_chunks_are_found_whatever_a_splitter_does_to_white_space() -> None:
    text = "# Title\n\nFirst line\nof it.\n\n\tSecond   one.\n\nFirst line of it."
    document = ChunkedDocument(text, ["First line of it.", "Second one.", "", " \n", "First line of it.", "# Title"])
    found = places(document)
    assert [None if each is None else text[each[0] : each[1]] for each in found] == [
        *("First line\nof it.", "Second   one.", None, None),
        *("First line of it.", "# Title"),  # the second time it comes; and what stands before is found too
    ]


def test_overlapping_chunks_are_found_in_turn() -> None:
    document = ChunkedDocument("a b c d e", ["a b c", "b c d", "c d e"])
    assert places(document) == [(0, 5), (2, 7), (4, 9)]


def test_a_chunk_of_another_document_is_refused() -> None:
    document = ChunkedDocument("A text.", ["A text.", f"Another {'text ' * 40}"], id="mine")
    said = r"chunks\[1\] of the document 'mine' is not in its text: 'Another text .*…': pass the text that was split"
    with pytest.raises(ConfigurationError, match=said):
        HeadingContext().contextualize([document])


def test_the_ids_of_chunks_stay_when_others_change() -> None:
    before = ChunkedDocument("a b a c", ["a", "b", "a", "c"], id="d")
    after = ChunkedDocument("new a a c", ["new", "a", "a", "c"], id="d")
    assert len(set(before.chunk_ids)) == 4
    assert [before.chunk_ids[place] for place in (0, 2, 3)] == [after.chunk_ids[place] for place in (1, 2, 3)]
    assert all(each.startswith("d#") for each in before.chunk_ids)


def test_a_document_without_an_id_is_known_by_its_text() -> None:
    assert ChunkedDocument("a text", []).id == ChunkedDocument("a text", ["a"]).id != ChunkedDocument("b", []).id


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"text": b"bytes", "chunks": []}, "text of a ChunkedDocument must be a string"),
        ({"text": "a", "chunks": "a"}, "chunks of a ChunkedDocument must be a list of strings, not 'a'"),
        ({"text": "a", "chunks": {"a"}}, "chunks of a ChunkedDocument must be a list of strings"),
        ({"text": "a", "chunks": ["a", None]}, "chunks[1] of a ChunkedDocument must be a string, not None"),
        ({"text": "a", "chunks": [], "id": 7}, "id of a ChunkedDocument must be a string, not 7"),
        ({"text": "a", "chunks": [], "title": None}, "title of a ChunkedDocument must be a string, not None"),
    ],
)
def test_what_is_no_document_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        ChunkedDocument(**fields)


@pytest.mark.parametrize(
    ("documents", "said"),
    [
        ("text", "documents must be a list of ChunkedDocument(text, chunks), not 'text'"),
        (7, "documents must be a list of ChunkedDocument(text, chunks), not 7"),
        (ChunkedDocument("a", []), "documents must be a list of ChunkedDocument(text, chunks)"),
        (["a"], "documents[0] must be a ChunkedDocument(text, chunks), not 'a'"),
        ([ChunkedDocument("a", [], id="x"), ChunkedDocument("b", [], id="x")], "documents[1] has the id 'x'"),
    ],
)
def test_what_is_no_list_of_documents_is_refused(documents: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        HeadingContext().contextualize(documents)


def test_no_documents_have_no_contexts() -> None:
    contexts = HeadingContext().contextualize([])
    assert (contexts.texts(), str(contexts)) == ([], "0 contexts for 0 documents")


@pytest.mark.unmeasured
def test_chunks_in_any_order_are_found_in_a_moment() -> None:
    chunks = [f"Chunk {number} of a long document. " * 10 for number in range(7000)]
    document = ChunkedDocument("\n".join(chunks), [*chunks[::-1], "Chunk 3", *chunks[::7]])
    found = places(document)
    assert [None if each is None else each[0] for each in found[:2]] == [
        document.text.rindex(chunks[-1].rstrip()),
        document.text.rindex(chunks[-2].rstrip()),
    ]
    assert None not in found


def test_what_stands_before_and_what_stands_nowhere_is_told_apart() -> None:
    begin, end = "A sentence of some length, which comes first.", "Another one of some length, which comes last."
    filler = "x" * 5_000
    document = ChunkedDocument(f"{begin} {filler} {end}", [end, begin])
    assert places(document) == [(len(begin) + len(filler) + 2, len(document.text)), (0, len(begin))]
    for wrong in (begin.replace("first", "never"), "nowhere at all, though it is as long as the others"):
        with pytest.raises(ConfigurationError, match=r"chunks\[1\] of the document"):
            places(ChunkedDocument(document.text, [end, wrong]))


@pytest.mark.unmeasured
def test_chunks_of_two_megabytes_are_found_in_a_moment() -> None:
    chunks = [f"Chunk {number} of a long document. " * 10 for number in range(7000)]
    document = ChunkedDocument("\n".join(chunks), chunks)
    assert len(document.text) > 2_000_000
    assert None not in places(document)
