"""Datasets without labels are read, those with labels written, and it is told whose the labels are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.evaluate import Dataset, evaluate, read_dataset, write_dataset
from rerank_kit.evaluate.kinship import families, kin
from tests.evaluate.files import CORPUS, beir, corpus, jsonl

DATA = Dataset(
    "mine",
    {"tax": "When is the allowance due?", "dog": "May dogs in?"},
    {"tax": {"tax": 2, "bus": 0}, "dog": {"dog": 1}},
    CORPUS,
    notes=("a note",),
    labelled_by={"tax": {"tax": "a person", "bus": "cohere-judge"}},
    synthetic="some-model",
)


def test_what_is_written_is_read_again_with_whose_labels_they_are(tmp_path: Path) -> None:
    folder = write_dataset(DATA, tmp_path / "new" / "mine")
    assert read_dataset(folder) == DATA
    assert sorted(path.name for path in folder.iterdir()) == ["corpus.jsonl", "labels.json", "qrels", "queries.jsonl"]
    assert read_dataset(folder).sampled(1).labelled_by.keys() <= {"tax"}


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="mine has no documents, which only a retriever knows"):
        write_dataset(Dataset("mine", {"q": "why?"}, {}), tmp_path)
    for odd in ("a\tb", "a\nb", " "):
        with pytest.raises(ConfigurationError, match="cannot stand in a table"):
            write_dataset(Dataset("mine", {"q": "why?"}, {}, {odd: "text"}), tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"folder=.*cannot be written: .*: name another one"):
        write_dataset(DATA, tmp_path / "file")


@pytest.mark.parametrize("content", ["[]", "{", '{"synthetic": null, "notes": [], "labelled_by": 1}'])
def test_a_file_that_does_not_say_whose_labels_they_are_is_refused(content: str, tmp_path: Path) -> None:
    folder = write_dataset(DATA, tmp_path)
    (folder / "labels.json").write_text(content)
    with pytest.raises(ConfigurationError, match=r"labels\.json does not say who labelled this"):
        read_dataset(folder)


def test_questions_without_labels_are_read_where_none_are_needed(tmp_path: Path) -> None:
    questions = tmp_path / "questions.csv"
    questions.write_text("question\nMay dogs in?\n")
    data = read_dataset(questions, corpus=corpus(tmp_path / "corpus.jsonl"), labelled=False)
    assert (dict(data.queries), data.judgements) == ({"q1": "May dogs in?"}, {})
    with pytest.raises(ConfigurationError, match="says of no query what answers it"):
        read_dataset(questions, corpus=tmp_path / "corpus.jsonl")
    with pytest.raises(ConfigurationError, match="labelled must be True or False"):
        read_dataset(questions, labelled="no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_folders_keep_their_queries_without_labels_where_none_are_needed(tmp_path: Path) -> None:
    folder = beir(tmp_path)
    assert list(read_dataset(folder, labelled=False).queries) == ["tax", "dog", "bus"]
    assert list(read_dataset(folder).queries) == ["tax", "dog"]
    (folder / "qrels" / "test.tsv").unlink()
    (folder / "qrels").rmdir()
    data = read_dataset(folder, labelled=False)
    assert (list(data.queries), data.judgements, len(data.documents)) == (["tax", "dog", "bus"], {}, 3)
    with pytest.raises(ConfigurationError, match=r"has no judgements in qrels/test\.tsv"):
        read_dataset(folder)


def test_a_column_of_grades_labels_the_documents_of_its_row(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("question,document id,grade\nq,tax,1\nq,dog,no\nq,bus,\np,bus,3\n")
    data = read_dataset(sheet, corpus=corpus(tmp_path / "corpus.jsonl"))
    assert data.judgements == {"q1": {"tax": 1, "dog": 0}, "q2": {"bus": 3}}
    rows = [{"query": "q", "relevant_ids": "tax", "grade": 2}, {"query": "q", "relevant_ids": "dog", "grade": None}]
    graded = read_dataset(jsonl(tmp_path / "sheet.jsonl", rows), corpus=tmp_path / "corpus.jsonl")
    assert graded.judgements == {"q1": {"tax": 2}}
    for wrong in ("perhaps", "-1", "1000"):
        sheet.write_text(f"question,document id,grade\nq,tax,{wrong}\n")
        with pytest.raises(ConfigurationError, match=r"line 2: the grade must be 1 or yes, 0 or no, or a whole number"):
            read_dataset(sheet, corpus=tmp_path / "corpus.jsonl")


def test_an_evaluation_says_that_its_questions_flatter_and_its_judge_is_kin(tmp_path: Path) -> None:
    def cohere_like(query: str, texts: list[str]) -> list[float]:
        return [float(len(text)) for text in texts]

    found = evaluate(write_dataset(DATA, tmp_path), {"cohere:rerank-v4": cohere_like})
    texts = {each["kind"]: each["text"] for each in found.findings}
    assert texts["flattering"].startswith("the questions were written by some-model, each from the document that")
    assert texts["family"].startswith(
        "judge and system of one family: cohere-judge and cohere:rerank-v4 are of Cohere."
    )
    assert {"flattering", "family"} <= {each["kind"] for each in json.loads(found.to_json())["findings"]}
    plain = Dataset("mine", DATA.queries, DATA.judgements, CORPUS, labelled_by={"tax": {"tax": "a person"}})
    kinds = {each["kind"] for each in evaluate(plain, ["bm25"]).findings}
    assert kinds.isdisjoint({"flattering", "family"})


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("claude-haiku-5-5", {"Anthropic"}),
        ("bm25@50 > cohere:rerank-v4.0-fast", {"Cohere"}),
        ("local:BAAI/bge-reranker-v2-m3", {"BAAI"}),
        ("gpt-5-mini", {"OpenAI"}),
        ("Qwen/Qwen3-Reranker-0.6B", {"Alibaba"}),
        ("voyage:rerank-2.5", {"Voyage"}),
        ("metadata > commander > nvme", set[str]()),
        ("bm25@50 > onnx:embedded", set[str]()),
    ],
)
def test_families_are_known_by_the_names_of_models(name: str, family: set[str]) -> None:
    assert families(name) == family


def test_who_is_no_kin_is_not_told_of() -> None:
    assert kin(["claude-haiku-5-5"], ["bm25", "cohere:rerank-v4.0-fast"]) is None
    assert kin([], ["cohere:rerank-v4.0-fast"]) is None


def test_a_dataset_is_written_among_no_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = Dataset("d", {"q": "a question"}, {"q": {"a": 1}}, {"a": "a text"})
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "note.md").write_text("A note.", "utf-8")
    with pytest.raises(ConfigurationError, match=r"notes' has 'note\.md' in it: name a new folder for the dataset"):
        write_dataset(data, notes)
    assert [each.name for each in notes.iterdir()] == ["note.md"]
    monkeypatch.chdir(tmp_path)
    for here in ("", "."):
        with pytest.raises(ConfigurationError, match="name a new folder"):
            write_dataset(data, here)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "corpus.jsonl").write_text("half a", "utf-8")  # of a run that was killed
    for _ in range(2):
        write_dataset(data, tmp_path / "new")
    assert sorted(each.name for each in (tmp_path / "new").iterdir()) == [
        *("corpus.jsonl", "labels.json", "qrels", "queries.jsonl"),
    ]
