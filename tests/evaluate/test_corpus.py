"""The documents of a dataset: folders of notes and their passages, and files of any origin."""

from __future__ import annotations

import gzip
import random
import re
from pathlib import Path

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.evaluate import read_dataset
from rerank_kit.evaluate.corpus import passages_of, read_corpus
from rerank_kit.evaluate.text_files import LONGEST
from tests.evaluate.files import beir, corpus, jsonl
from tests.test_linear import NASTY, check_linear

TAX = "# Taxes\r\n\r\nThe yearly allowance is 4,000 crowns.\r\n\r\n\r\nClaims are made in March.\r\n"


def notes(folder: Path) -> Path:
    for name, text in {
        "tax.md": TAX,
        "house/dogs.TXT": "Dogs are let in.",
        "house/empty.rst": " \n",
        ".hidden/old.md": "Old.",
        "house/.draft.md": "Draft.",
        "node_modules/readme.md": "Not of the house.",
        "photo.jpg": "\0\xff",
        "LICENSE": "None.",
    }.items():
        path = folder / "notes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("latin-1"))
    return folder / "notes"


def test_a_folder_of_notes_as_passages(tmp_path: Path) -> None:
    read = read_corpus(notes(tmp_path), "utf-8", 100)
    assert read.documents == {
        "notes/house/dogs.TXT#1": "Dogs are let in.",
        "notes/tax.md#1": TAX.replace("\r\n", "\n").strip(),
    }
    assert list(read.sources) == ["notes/tax.md", "notes/house/dogs.TXT"]
    assert re.fullmatch(r"2 files of .+ as 2 passages", read.notes[0])
    assert read.notes[1] == "files left alone: 1 LICENSE, 1 .jpg, 1 empty"


def test_a_folder_of_notes_as_whole_files(tmp_path: Path) -> None:
    read = read_corpus(notes(tmp_path), "utf-8", None)
    assert read.documents == read.sources
    assert read.documents["notes/tax.md"] == TAX.replace("\r\n", "\n")
    assert read.notes[0].endswith("as 2 documents")


def test_questions_over_notes(tmp_path: Path) -> None:
    asked = jsonl(
        tmp_path / "asked.jsonl",
        [
            {"query": "How much?", "quotes": ["4,000 crowns"]},
            {"query": "When?", "ranges": [{"document": "notes/tax.md", "start": 60, "end": 65}]},
            {"query": "Dogs?", "relevant_ids": ["notes/house/dogs.TXT#1"]},
        ],
    )
    read = read_dataset(asked, corpus=notes(tmp_path), passages=100)
    assert read.judgements == {
        "q1": {"notes/tax.md#1": 1},
        "q2": {"notes/tax.md#1": 1},
        "q3": {"notes/house/dogs.TXT#1": 1},
    }
    whole = jsonl(tmp_path / "asked.jsonl", [{"query": "How much?", "relevant_ids": ["notes/tax.md"]}])
    assert read_dataset(whole, corpus=notes(tmp_path), passages=None).judgements == {"q1": {"notes/tax.md": 1}}
    with pytest.raises(
        ConfigurationError, match=r"'notes/tax.md' was cut into passages: quote the one that answers, or"
    ):
        read_dataset(whole, corpus=notes(tmp_path))


def test_a_folder_without_notes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"has no notes with text in them: a folder's files are read that end"):
        read_corpus(tmp_path, "utf-8", 100)


def test_passages_are_paragraphs_as_many_as_fit() -> None:
    text = f"  # Title\n\n{'a' * 50}\n \t\n{'b' * 60}\n\n\n{'c' * 20}\n\n"
    assert list(passages_of(text, 100)) == [f"# Title\n\n{'a' * 50}", f"{'b' * 60}\n\n\n{'c' * 20}"]
    assert list(passages_of(f"{'a' * 49}\n\n{'b' * 49}", 100)) == [f"{'a' * 49}\n\n{'b' * 49}"]
    assert list(passages_of(f"{'a' * 50}\n\n{'b' * 49}", 100)) == ["a" * 50, "b" * 49]
    assert list(passages_of("", 100)) == []
    assert list(passages_of(" \n\n ", 100)) == []


def test_long_paragraphs_are_cut_at_sentences_else_at_spaces_else_anywhere() -> None:
    sentences = "This is one. " * 20
    assert [len(each) for each in passages_of(sentences, 100)] == [90, 90, 77]
    assert all(each.endswith("one.") for each in passages_of(sentences, 100))
    spaced = "word " * 50
    assert {part for each in passages_of(spaced, 100) for part in each.split()} == {"word"}
    assert [len(each) for each in passages_of("x" * 250, 100)] == [100, 100, 50]
    assert list(passages_of(f"short\n\n{'x' * 150}\n\nend", 100)) == ["short", "x" * 100, f"{'x' * 50}\n\nend"]


def test_passages_hold_all_of_a_text_and_are_no_longer_than_asked() -> None:
    draw = random.Random(3)
    for _ in range(200):
        text = "".join(draw.choices(["word", " ", "\n\n", ". ", "\n", "longer" * 5, "\t"], k=draw.randint(0, 300)))
        cut = list(passages_of(text, 100))
        assert "".join("".join(cut).split()) == "".join(text.split())
        assert all(each and len(each) <= 100 and each == each.strip() for each in cut)
        assert len(cut) <= 2 * len(text) / 100 + text.count("\n\n") + 1


def test_documents_without_text_are_told(tmp_path: Path) -> None:
    read = read_corpus(corpus(tmp_path / "c.jsonl", {"a": "", "b": "B"}), "utf-8", None)
    assert read.notes == ("1 document without text",)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (b"", "c.jsonl is empty"),
        (b"\n\n", "c.jsonl is empty"),
        (b'{"id": "a", "text": "A"}\n\n{"id": "a", "text": "B"}\n', "line 3: the id 'a' is that of line 1 too"),
        (b'{"id": "a"}\n', r"line 1: a document's text is missing: it belongs under 'text'. There is \['id'\]"),
        (b'{"id": "a", "text": null}', "line 1: a document's text is missing"),
        (b'{"id": "a", "text": ["A"]}', r"line 1: text must be a text, not \['A'\]"),
        (b'{"id": "a", "text": "A", "title": 1.5}', "line 1: title must be a text, not 1.5"),
        (b'{"id": 1.5, "text": "A"}', "line 1: id must be a text, not 1.5"),
        (b'{"id": "a", "text": "A"}\n{"id": "b"', "line 2: no JSON, .* at character 11: write one JSON object a line"),
        (b'[{"id": "a",\n "text": "A"}]', "line 1: no JSON, .*write one JSON object a line"),
        (b'[{"id": "a", "text": "A"}]', "line 1: a JSON object is needed, one a line, not"),
        (b'{"id": "a", "id": "b", "text": "A"}', "line 1: the key 'id' comes twice in one object"),
        (b'{"id": "a", "text": "A", "n": ' + b"9" * 5000 + b"}", "line 1: Exceeds the limit"),
        (b'{"id": "a", "text": ' + b"[" * 100_000, "line 1: it is nested too deeply"),
        (b'{"id": "a", "text": "\0"}', "line 1: it has a NUL in it"),
        (b'{"id": "a", "text": "A"}\r\n{"id": "b", "text": "\xe4"}', "line 2: it is no utf-8"),
        (b'\xff\xfe{\0"\0', "line 1: it is UTF-16"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_line(tmp_path: Path, written: bytes, told: str) -> None:
    path = tmp_path / "c.jsonl"
    path.write_bytes(written)
    with pytest.raises(ConfigurationError, match=told):
        read_corpus(path, "utf-8", None)


def test_byte_order_marks_ends_of_windows_and_odd_characters_are_read(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    path.write_bytes(
        b'\xef\xbb\xbf{"id": 7, "text": "A\\u2028\\ud83d\\u0000"}\r\n   \r\n{"id": "b", "text": "\xe2\x80\xa8B"}'
    )
    assert read_corpus(path, "UTF-8", None).documents == {"7": "A\u2028\ufffd\0", "b": "\u2028B"}


def test_a_line_that_is_far_too_long_is_refused(tmp_path: Path) -> None:
    path = corpus(tmp_path / "c.jsonl.gz", {"a": "x" * 1_000_000})
    assert read_corpus(path, "utf-8", None).documents["a"] == "x" * 1_000_000
    path.write_bytes(gzip.compress(b"x" * LONGEST, 1))
    with pytest.raises(ConfigurationError, match="line 1: it has 67,108,864 characters or more: is this a text file"):
        read_corpus(path, "utf-8", None)


@pytest.mark.parametrize("written", [b"no gzip at all", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xffabc", b"\x1f\x8b"])
def test_a_broken_packed_file_is_refused(tmp_path: Path, written: bytes) -> None:
    path = tmp_path / "c.jsonl.gz"
    path.write_bytes(written)
    with pytest.raises(ConfigurationError, match=r"c.jsonl.gz cannot be read: "):
        read_corpus(path, "utf-8", None)


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    folder = beir(tmp_path)
    (folder / "qrels" / "test.tsv").unlink()
    (folder / "qrels" / "test.tsv").mkdir()
    with pytest.raises(ConfigurationError, match=r"test.tsv cannot be read: .*directory"):
        read_dataset(folder)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("question,quote\nWhat, then?,it is so\n", "line 2: 3 cells under 2 columns: put quotation marks around texts"),
        ('question,quote\nWhat?,"it is so\n', "line 2: unexpected end of data: save the table once more as CSV"),
        ('question,quote\n"What" then?,x\n', "line 2: .* expected after"),
        (f"question,quote\nWhat?,{'x' * 200_000}\n", "line 2: field larger than field limit"),
        ("", "asked.csv is empty"),
        ("question,quote\n", "asked.csv is empty"),
        ("question,answer\nWhat?,x\n", "says of no query what answers it: there is 'query', and 'answer', which says"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "asked.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigurationError, match=told):
        read_dataset(path)


@pytest.mark.parametrize("unit", NASTY.values(), ids=list(NASTY))
def test_notes_are_cut_in_time_by_their_length(unit: str) -> None:
    check_linear(lambda text: list(passages_of(text, 1000)), unit, 300_000)


def test_a_single_note_is_refused_and_lines_of_objects_are_read_whatever_their_name(tmp_path: Path) -> None:
    lines = tmp_path / "corpus.txt"
    lines.write_text('{"id": "a", "text": "one"}\n', "utf-8")
    assert read_corpus(lines, "utf-8", 100).documents == {"a": "one"}
    lines.write_text("", "utf-8")
    with pytest.raises(ConfigurationError, match="is empty"):
        read_corpus(lines, "utf-8", 100)
    lines.write_text("# Dogs\n", "utf-8")
    with pytest.raises(ConfigurationError, match=r"corpus='.*corpus\.txt' is a note, .*name the folder of the notes"):
        read_corpus(lines, "utf-8", 100)
