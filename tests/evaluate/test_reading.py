"""`read_dataset`: folders in BEIR's layout, questions with labels, what a first stage brought."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.evaluate import Dataset, read_dataset
from tests.evaluate.files import CORPUS, beir, corpus, jsonl

ASKED = {"query": "How much is free of tax?", "id": "q"}


def questions(folder: Path, *rows: Any) -> Path:
    return jsonl(folder / "questions.jsonl", rows)


def read(folder: Path, *rows: Any) -> Dataset:
    """Questions over the small corpus."""
    return read_dataset(questions(folder, *rows), corpus=corpus(folder / "corpus.jsonl"))


@pytest.mark.parametrize("packed", ["", ".gz"])
def test_a_folder_in_the_layout_of_beir(tmp_path: Path, packed: str) -> None:
    read = read_dataset(beir(tmp_path / "little", packed=packed))
    assert read == Dataset(
        "little",
        {"tax": "What of the tax?", "dog": "What of the dog?"},
        {"tax": {"tax": 1}, "dog": {"dog": 2, "bus": 0}},
        {each: f"{each.title()} {text}" for each, text in CORPUS.items()},
        notes=("1 query without judgements in test.tsv left out",),
    )


def test_judgements_without_a_header_and_in_the_form_of_trec(tmp_path: Path) -> None:
    folder = beir(tmp_path)
    (folder / "qrels" / "test.tsv").write_text("tax 0 tax 1\r\ndog 0 dog 2\n\ndog 0 bus -2\ndog 0 dog 2.0\n", "utf-8")
    read = read_dataset(folder, name="ours")
    assert read.judgements == {"tax": {"tax": 1}, "dog": {"dog": 2, "bus": 0}}
    assert read.notes[:2] == ("1 judgement written twice in test.tsv", "1 grade below 0 in test.tsv counted as 0")
    assert read.name == "ours"


def test_the_test_judgements_are_taken_of_several_unless_others_are_named(tmp_path: Path) -> None:
    folder = beir(tmp_path)
    (folder / "qrels" / "dev.tsv").write_text("bus\tbus\t1\n", "utf-8")
    assert list(read_dataset(folder).queries) == ["tax", "dog"]
    assert read_dataset(folder).notes[0] == "judgements of qrels/test.tsv, of 'dev', 'test'"
    assert list(read_dataset(folder, split="dev").queries) == ["bus"]
    with pytest.raises(ConfigurationError, match=r"no judgements in qrels/train.tsv, there is 'dev', 'test'"):
        read_dataset(folder, split="train")
    (folder / "qrels" / "test.tsv").unlink()
    assert list(read_dataset(folder).queries) == ["bus"]
    (folder / "qrels" / "dev.tsv").unlink()
    with pytest.raises(ConfigurationError, match=r"there is none: add qrels/test.tsv"):
        read_dataset(folder)


def test_queries_that_nothing_answers_stay_and_no_measure_counts_them(tmp_path: Path) -> None:
    read = read_dataset(beir(tmp_path, "tax\ttax\t1\ndog\tbus\t0\n"))
    assert (list(read.queries), read.without_relevant()) == (["tax", "dog"], ["dog"])
    assert list(read.answerable().queries) == ["tax"]
    assert read.answerable().notes[-1] == "1 query without a relevant document left out of the measures: 'dog'"


def test_an_empty_list_says_that_nothing_answers_and_no_list_says_nothing(tmp_path: Path) -> None:
    none: dict[str, Any] = {"query": "May cats in?", "relevant_ids": []}
    unknown: dict[str, Any] = {"query": "May hens in?"}
    made = read(tmp_path, {**ASKED, "relevant_ids": ["tax"]}, none, unknown)
    assert (list(made.queries), made.without_relevant()) == (["q", "q2"], ["q2"])
    assert made.notes[-1] == "1 query without a label left out: 'q3'"
    with pytest.raises(ConfigurationError, match="no query has a relevant document"):
        read(tmp_path, none)


def test_labels_that_are_not_in_the_corpus_are_an_error_unless_they_are_few(tmp_path: Path) -> None:
    documents = {f"d{number}": f"Text {number}." for number in range(40)}
    where = corpus(tmp_path / "corpus.jsonl", documents)
    wrong = questions(tmp_path, {**ASKED, "relevant_ids": ["d1", "x1", "x2"]})
    with pytest.raises(ConfigurationError) as raised:
        read_dataset(wrong, corpus=where)
    assert "2 of 3 relevant documents are not in the corpus, among them 'x1', 'x2'" in str(raised.value)
    assert "Its ids are such as 'd0', 'd1', 'd2': is it the corpus of these labels?" in str(raised.value)
    few = questions(tmp_path, {**ASKED, "relevant_ids": [*documents, "x1"]}, {"query": "x?", "relevant_ids": {"x9": 0}})
    kept = read_dataset(few, corpus=where)
    assert kept.notes[0] == "1 of 41 relevant documents are not in the corpus and count as not found: 'x1'"
    assert kept.judgements["q"]["x1"] == 1


def test_judged_queries_that_are_not_among_the_queries(tmp_path: Path) -> None:
    folder = beir(tmp_path, "tax\ttax\t1\ncat\tdog\t1\n")
    with pytest.raises(ConfigurationError, match=r"1 of 2 queries are not in queries.jsonl, among them 'cat'"):
        read_dataset(folder)
    jsonl(folder / "queries.jsonl", ({"_id": f"q{number}", "text": "x"} for number in range(30)))
    judged = "".join(f"q{number}\ttax\t1\n" for number in range(30))
    (folder / "qrels" / "test.tsv").write_text(f"{judged}cat\tdog\t1\n", "utf-8")
    assert read_dataset(folder).notes == ("1 judged query without a text left out: 'cat'",)


def test_questions_with_ids_texts_quotes_and_ranges(tmp_path: Path) -> None:
    made = read_dataset(
        questions(
            tmp_path,
            {**ASKED, "relevant_ids": ["tax"]},
            {"question": "Dogs?", "Relevant-IDs": {"dog": 2, "bus": 0}, "metadata": {"by": "me"}, "quotes": None},
            {"query": "And buses?", "relevant_texts": [CORPUS["bus"].upper()]},
            {"query": "When?", "quotes": ["before the last day of March"]},
            {"query": "Where not?", "ranges": [{"document": "dog", "start": 39, "end": 51}]},
            {"query": "Which?", "relevant_id": 14, "quote": "the yearly allowance IS"},
        ),
        corpus=corpus(tmp_path / "corpus.jsonl", {**CORPUS, "14": "Fourteen."}),
    )
    assert made.judgements == {
        "q": {"tax": 1},
        "q2": {"dog": 2, "bus": 0},
        "q3": {"bus": 1},
        "q4": {"tax": 1},
        "q5": {"dog": 1},
        "q6": {"14": 1, "tax": 1},
    }
    assert made.quotes["q5"] == ["but for the reading room, where none is"]
    assert set(made.quotes) == {"q3", "q4", "q5", "q6"}
    assert made.notes == ("left alone: 'metadata'",)


def test_lines_about_one_query_are_one_query(tmp_path: Path) -> None:
    made = read(
        tmp_path,
        {"query": "What is there?", "relevant_ids": "tax\n\nbus\n"},
        {"query": "What is there?", "relevant_ids": ["dog"], "quotes": ["Bus 14"]},
        {"query": "What is there?", "id": "other", "relevant_ids": ["dog"]},
    )
    assert made.judgements == {"q1": {"tax": 1, "dog": 1, "bus": 1}, "other": {"dog": 1}}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_table_as_spreadsheets_write_it(tmp_path: Path, separator: str, ending: str) -> None:
    rows = [
        ["Question", "Answer quote", "Document ID", "comment"],
        ["When is it due?", '"before the last day\nof March"', "", "easy"],
        ["", "", "", ""],
        ["And who says so?".replace('"', '""'), "", '"dog\ntax"', ""],
        ["When is it due?", "Bus 14 leaves"],
    ]
    path = tmp_path / "asked.csv"
    path.write_bytes(b"\xef\xbb\xbf" + ending.join(separator.join(row) for row in rows).encode())
    made = read_dataset(path, corpus=corpus(tmp_path / "corpus.jsonl"))
    assert made.name == "asked"
    assert list(made.queries.values()) == ["When is it due?", "And who says so?"]
    assert made.judgements == {"q1": {"tax": 1, "bus": 1}, "q2": {"dog": 1, "tax": 1}}
    assert made.notes == ("left alone: 'comment'",)


def test_a_table_in_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "asked.csv"
    path.write_bytes("question,quote\nWie groß?,Süß\n".encode("cp1252"))
    with pytest.raises(ConfigurationError, match=r"asked.csv, line 2: it is no utf-8: .* encoding='cp1252'"):
        read_dataset(path)
    assert read_dataset(path, encoding="cp1252").quotes == {"q1": ["Süß"]}
    path.write_bytes("question,quote\nWie groß?,Süß\n".encode("utf-16"))
    with pytest.raises(ConfigurationError, match=r"line 1: it is UTF-16: .* encoding='utf-16'"):
        read_dataset(path)
    assert read_dataset(path, encoding="utf-16").quotes == {"q1": ["Süß"]}
    with pytest.raises(ConfigurationError, match="it is no utf-32"):
        read_dataset(path, encoding="utf-32")
    path.write_bytes("question,quote\nWie groß?,Süß\n".encode("utf-16-le"))
    with pytest.raises(ConfigurationError, match=r"line 1: it (has a NUL|is no utf-8)"):
        read_dataset(path)


def test_labels_without_a_corpus_wait_for_a_retriever(tmp_path: Path) -> None:
    made = read_dataset(
        questions(tmp_path, {**ASKED, "relevant_ids": ["tax"]}, {"query": "x", "quotes": ["some words"]})
    )
    assert made.documents == {}
    assert made.judgements == {"q": {"tax": 1}}
    assert made.quotes == {"q2": ["some words"]}
    assert made.notes == ("no corpus: whether the relevant documents are there was not checked",)
    with pytest.raises(ConfigurationError, match="line 1: a range needs the document that it is of"):
        read_dataset(questions(tmp_path, {**ASKED, "ranges": [{"document": "dog", "start": 0, "end": 5}]}))


def test_quotes_that_are_nowhere_are_an_error_unless_they_are_few(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        read(tmp_path, {**ASKED, "quotes": ["4,000 crowns", "The allowance was abolished."]})
    assert "1 of 2 quotes are in no document, such as that of" in str(raised.value)
    assert "questions.jsonl, line 1: 'The allowance was abolished.'. Copy quotes from the documents" in str(
        raised.value
    )
    few = [{"query": f"Question {number}?", "quotes": ["4,000 crowns"]} for number in range(30)]
    made = read(tmp_path, *few, {**ASKED, "quotes": ["Nothing.", "Bus 14"]})
    assert made.notes[0].startswith("1 of 32 quotes are in no document, such as that of ")
    assert made.judgements["q"] == {"bus": 1}
    made = read(tmp_path, *few, {**ASKED, "quotes": ["Nothing."]})
    assert made.notes[1:] == ("1 query without a label left out: 'q'",)


def test_quotes_that_are_inexact_or_say_little_are_told(tmp_path: Path) -> None:
    documents = {f"d{number}": f"This is text {number}." for number in range(30)}
    asked = [
        {"query": "Which text?", "quotes": ["this is text"]},
        {"query": "How much?", "quotes": ["The yearly allowance is 4,000 crowns, and it must be claimed in March."]},
    ]
    made = read_dataset(questions(tmp_path, *asked), corpus=corpus(tmp_path / "corpus.jsonl", documents | CORPUS))
    assert made.judgements == {"q1": dict.fromkeys(documents, 1), "q2": {"tax": 1}}
    assert made.notes == (
        "1 quote found by half of the words: 'The yearly allowance is 4,000 crowns, and it must be claimed in March.'",
        "1 quote in more than 20 documents each: 'this is text'",
    )


def test_candidates_as_texts_with_and_without_ids(tmp_path: Path) -> None:
    path = questions(
        tmp_path,
        {**ASKED, "candidates": ["A bus.", "Free are 4,000 crowns."], "quotes": ["4,000 crowns"]},
        {
            "query": "And dogs?",
            "candidates": [{"id": "dog", "text": "x", "title": "Dogs"}],
            "relevant_ids": ["dog", "cat"],
        },
        {"query": "And cats?", "candidates": [], "quotes": ["cats are not let in"]},
    )
    made = read_dataset(path)
    assert made.documents == {"q#1": "A bus.", "q#2": "Free are 4,000 crowns.", "dog": "Dogs x"}
    assert made.candidates == {"q": ["q#1", "q#2"], "q2": ["dog"], "q3": []}
    assert made.judgements == {"q": {"q#2": 1}, "q2": {"dog": 1, "cat": 1}}
    assert made.notes == (
        f"1 of 2 quotes are in no document, such as that of {path}, line 3: 'cats are not let in'",
        "1 of 3 relevant documents among no candidates, so that no reranker can bring them",
        "1 query without candidates, which count as 0: 'q3'",
    )


def test_candidates_as_ids_of_the_corpus(tmp_path: Path) -> None:
    asked = {**ASKED, "relevant_ids": ["tax"]}
    assert read(tmp_path, {**asked, "candidates": ["bus", {"_id": "tax"}]}).candidates == {"q": ["bus", "tax"]}
    for wrong, told in [
        (["bus", {"id": "cat"}], "1 of 2 candidates are not in the corpus, among them 'cat'"),
        (["bus", "tax", "bus"], "line 1: the candidate 'bus' comes twice"),
        ([{"id": "bus", "text": "another"}], "line 1: the candidate 'bus' has another text elsewhere"),
        ([7.5], "line 1: a candidate must be a text, not 7.5"),
        ([{"text": 7.5}], "line 1: text must be a text, not 7.5"),
        ([{"title": "x"}], "line 1: a document's text is missing: it belongs under 'text'"),
    ]:
        with pytest.raises(ConfigurationError, match=told):
            read(tmp_path, {**asked, "candidates": wrong})


def test_candidates_and_labels_under_other_ids(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"no relevant document is among the candidates. Labels are such as 'tax'"
    ):
        read_dataset(questions(tmp_path, {**ASKED, "relevant_ids": ["tax"], "candidates": ["Free are 4,000 crowns."]}))


def test_a_run_file(tmp_path: Path) -> None:
    folder, run = beir(tmp_path / "data"), tmp_path / "bm25.run"
    run.write_text("tax Q0 bus 2 1.5 x\ntax Q0 tax 1 7 x\ntax Q0 dog 3 1.5 x\nbus Q0 bus 1 1 x\n", "utf-8")
    made = read_dataset(folder, candidates=run)
    assert made.candidates == {"tax": ["tax", "bus", "dog"], "dog": []}
    assert made.notes[1:] == (
        "1 query without candidates, which count as 0: 'dog'",
        "1 query of bm25.run not in the dataset left out",
    )
    for wrong, told in [
        ("", "bm25.run is empty: a run has lines such as"),
        ("tax Q0 bus 1 x\n", "line 1: a run's line is: query Q0 document rank score name, not 'tax Q0 bus 1 x'"),
        ("tax Q0 bus 1 much x\n", "line 1: a run's line is"),
        ("tax Q0 bus 1 nan x\n", "line 1: a run's line is"),
        ("tax Q0 bus 1 2 x\ntax Q0 bus 2 1 x\n", "line 2: document 'bus' comes twice for query 'tax'"),
        ("cat Q0 bus 1 2 x\n", "has candidates for none of the 2 queries"),
        ("tax Q0 cat 1 2 x\n", "1 of 1 candidates are not in the corpus, among them 'cat'"),
    ]:
        run.write_text(wrong, "utf-8")
        with pytest.raises(ConfigurationError, match=told):
            read_dataset(folder, candidates=run)
    lines = [f"tax Q0 d{number} 1 {number} x" for number in range(40)]
    documents = {f"d{number}": "x" for number in range(39)} | {"tax": "x"}
    run.write_text("\n".join(lines), "utf-8")
    made = read_dataset(
        questions(tmp_path, {"query": "x", "id": "tax", "relevant_ids": ["tax"]}),
        corpus=corpus(tmp_path / "corpus.jsonl", documents),
        candidates=run,
    )
    assert made.notes == ("1 candidate not in the corpus left out: 'd39'",)
    assert made.candidates is not None
    assert made.candidates["tax"][:2] == ["d38", "d37"]


def test_candidates_in_two_places_are_refused(tmp_path: Path) -> None:
    run = tmp_path / "a.run"
    run.write_text("q Q0 tax 1 1 x\n", "utf-8")
    path = questions(tmp_path, {**ASKED, "relevant_ids": ["tax"], "candidates": ["bus"]})
    with pytest.raises(ConfigurationError, match="has candidates too: leave one of them"):
        read_dataset(path, corpus=corpus(tmp_path / "corpus.jsonl"), candidates=run)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([], "questions.jsonl is empty: it has a question and its labels a line"),
        ([{"query": "x", "answer": "y"}], "says of no query what answers it: there is 'query', and 'answer', which"),
        ([{"query": "x", "id": "q"}], "says of no query what answers it: there is 'id', 'query'. Add relevant_ids"),
        ([{"quotes": ["x"]}], "line 1: there is no query, which belongs under 'query', 'question', 'text'"),
        ([{"query": " ", "quotes": ["x"]}], "line 1: the query has nothing in it"),
        ([{"query": ["x"]}], r"line 1: query must be a text, not \['x'\]"),
        ([{"query": "x", "id": True}], "line 1: id must be a text, not True"),
        ([ASKED, {**ASKED, "query": "y"}], "line 2: the id 'q' is that of line 1 too"),
        ([{**ASKED, "question": "y"}], "line 1: 'question' says once more what query is"),
        ([{**ASKED, "quotes": ["bus", ""]}], "line 1: quotes has a text with nothing in it"),
        ([{**ASKED, "relevant_ids": {"tax": 0.5}}], "line 1: the grade of 'tax' must be a whole number"),
        ([{**ASKED, "relevant_ids": [["tax"]]}], r"line 1: relevant_ids must be a text, not \['tax'\]"),
        (
            [{**ASKED, "ranges": [{"document": "cat", "start": 0, "end": 1}]}],
            "line 1: a range is of the document 'cat'",
        ),
        (
            [{**ASKED, "relevant_ids": {"tax": 2}}, {**ASKED, "relevant_ids": ["tax"]}],
            "line 2: query 'q' and document 'tax' have the grade 1, and 2 in line 1: leave one of them",
        ),
        ([{**ASKED, "relevant_ids": {"tax": 0}}], "no query has a relevant document"),
        ([["x"]], r"line 1: a JSON object is needed, one a line, not \['x'\]"),
    ],
)
def test_questions_that_make_no_sense_are_refused_with_their_line(tmp_path: Path, rows: list[Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        read(tmp_path, *rows)


@pytest.mark.parametrize(
    ("judged", "told"),
    [
        ("tax\ttax\n", "line 2: query, document and grade are needed, with tabs between them, not 2 fields"),
        ("tax\ttax\tyes\n", "line 2: a grade must be a whole number, not 'yes'"),
        ("tax\ttax\t0.5\n", "line 2: a grade must be a whole number, not '0.5'"),
        ("tax\ttax\tinf\n", "line 2: a grade must be a whole number, not 'inf'"),
        ("tax\ttax\t1\ntax\ttax\t2\n", "line 3: query 'tax' and document 'tax' have the grade 2, and 1 in line 2"),
        ("", "test.tsv has no judgements"),
        ("tax\tcat\t1\n", "1 of 1 relevant documents are not in the corpus, among them 'cat'"),
    ],
)
def test_judgements_that_make_no_sense_are_refused_with_their_line(tmp_path: Path, judged: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        read_dataset(beir(tmp_path, judged))


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([], "queries.jsonl is empty"),
        ([{"_id": "tax"}], r"line 1: a query's text is missing: it belongs under 'text'. There is \['_id'\]"),
        ([{"text": "x"}], "line 1: a query's id is missing"),
        ([{"_id": "tax", "text": ""}], "line 1: the query has nothing in it"),
        ([{"_id": "tax", "text": "x"}, {"_id": "tax", "text": "x"}], "line 2: the id 'tax' comes twice"),
    ],
)
def test_queries_that_make_no_sense_are_refused_with_their_line(tmp_path: Path, rows: list[Any], told: str) -> None:
    folder = beir(tmp_path)
    jsonl(folder / "queries.jsonl", rows)
    with pytest.raises(ConfigurationError, match=told):
        read_dataset(folder)


def test_a_folder_that_is_no_collection_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"has no queries.jsonl and corpus.jsonl.* pass a file of questions"):
        read_dataset(tmp_path)
    (tmp_path / "tax.md").write_text("Taxes.", "utf-8")
    with pytest.raises(ConfigurationError, match=r"read_dataset\('questions.csv', corpus=folder\)"):
        read_dataset(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"path": "nowhere"}, "path='nowhere': there is no such file or folder below"),
        ({"path": ""}, "path must be a path"),
        ({"path": 7}, "path must be a path, not 7"),
        ({"path": "a\0b"}, "cannot be read|there is no such file"),
        ({"corpus": "nowhere"}, "corpus='nowhere': there is no such"),
        ({"candidates": 7}, "candidates must be a path"),
        ({"split": ""}, "split must be"),
        ({"name": ""}, "name must be"),
        ({"passages": 10}, "passages must be a whole number of at least 100, or None to keep files whole"),
        ({"encoding": "klingon"}, "encoding must be one that Python knows"),
        ({"encoding": None}, "encoding must be"),
        ({"corpora": "x"}, "read_dataset has no argument 'corpora'"),
    ],
)
def test_odd_arguments_are_refused(tmp_path: Path, arguments: dict[str, Any], told: str) -> None:
    given: dict[str, Any] = {"path": questions(tmp_path, {**ASKED, "quotes": ["x"]}), **arguments}
    with pytest.raises(ConfigurationError, match=told):
        read_dataset(**given)


COLLECTIONS = os.environ.get("RERANK_KIT_DATA")


@pytest.mark.skipif(COLLECTIONS is None, reason="RERANK_KIT_DATA names no folder of collections")
@pytest.mark.parametrize(
    ("name", "queries", "documents", "judgements"),
    [("scifact", 300, 5183, 339), ("noveleval", 21, 420, 420), ("xquad_zh", 1190, 240, 1190)],
)
def test_real_collections(name: str, queries: int, documents: int, judgements: int) -> None:
    folder = Path(str(COLLECTIONS)) / name
    if not folder.is_dir():
        pytest.skip(f"there is no {name} in RERANK_KIT_DATA")
    made = read_dataset(folder)
    assert (len(made.queries), len(made.documents)) == (queries, documents)
    assert sum(map(len, made.judgements.values())) == judgements
    assert made.notes == ()
