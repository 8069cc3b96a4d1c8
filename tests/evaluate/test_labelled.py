"""What a person says: sheets, keys, agreement, and a dataset that is not handed out before."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.evaluate import Dataset, Labels, evaluate, label, read_dataset, review
from rerank_kit.evaluate.pooling import Pair, drawn
from tests.evaluate.files import corpus
from tests.evaluate.labelling import DATA, DOCUMENTS, judge, right


def made(store: Path | None = None, data: Dataset = DATA, depth: int = 5) -> Labels:
    by_words, _ = judge()
    return label(data, by_words, ["bm25"], store=store, depth=depth)


def answered(labels: Labels) -> list[str]:
    """The keys that a person presses who is right."""
    return ["y" if right(each.question, each.text) else "n" for each in labels.remaining]


def test_no_dataset_is_handed_out_before_a_person_has_reviewed_enough() -> None:
    found = made()
    needs = r"a person has reviewed 0 of the 20 pairs that are needed to know how far scripted can be trusted"
    with pytest.raises(ConfigurationError, match=needs):
        found.dataset()
    assert len(found.dataset(unreviewed=True).judgements) == 8
    review(found, answered(found)[:19], lambda _: None)
    with pytest.raises(ConfigurationError, match="has reviewed 19 of the 20"):
        found.dataset()
    assert len(found.dataset(least=19).judgements) == 8
    assert review(found, answered(found), lambda _: None) == 11
    data = found.dataset()
    assert found.agreement.pairs == 30
    assert data.notes[-1] == f"labels of scripted: {found.agreement}"
    assert f"judge and person agree on {found.agreement.agreement} of 30 pairs, weighted to all 40; kappa" in str(found)
    with pytest.raises(ConfigurationError, match="least must be"):
        found.dataset(least=-1)


def test_questions_that_are_left_without_a_relevant_document_are_listed() -> None:
    lost = {f"lost{number}": f"when zebra{number} eats" for number in range(22)}
    data = Dataset("animals", {**lost, "cat": "when cat eats"}, {}, DOCUMENTS)
    found = label(data, judge()[0], ["bm25"], depth=2, sample=0)
    assert found.unfound == lost
    assert found.to_dict()["unfound"] == lost
    told = str(found).splitlines()
    place = next(number for number, line in enumerate(told) if line.startswith("22 questions are left without a relev"))
    assert told[place].endswith("Where a document answers one, name the system that finds it too:")
    assert told[place + 1] == "  lost0: when zebra0 eats"
    assert told[place + 21 :] == ["  and 2 more"]
    assert "left without" not in str(made())
    kept = found.dataset(unreviewed=True)
    assert (kept.unfound(), kept.without_relevant(), kept.pooled()) == ([*lost], [], True)
    assert (DATA.unfound(), DATA.pooled()) == ([], False)
    assert (
        "Of 22, only what systems found was labelled: another document may answer them" in kept.answerable().notes[-1]
    )
    by_hand = label(data, None, ["bm25"], depth=2)
    assert by_hand.unfound == {}
    review(by_hand, ["n"] * 46, lambda _: None)
    assert by_hand.unfound == dict(data.queries)


def test_an_evaluation_says_that_recall_is_over_what_was_labelled() -> None:
    lost = {"lost": "when zebra eats"}
    data = Dataset("animals", {**lost, **DATA.queries}, {}, DOCUMENTS)
    labelled = label(data, judge()[0], ["bm25"], depth=2, sample=0).dataset(unreviewed=True)
    (finding,) = [each for each in evaluate(labelled, ["bm25"]).findings if each["kind"] == "pooled"]
    assert finding["text"].startswith("recall and ceilings are over the labels alone, which are of what the labelled")
    assert finding["text"].endswith("; nor does 1 query count for which they found nothing: lost ('when zebra eats')")
    assert finding["queries"] == []  # which were not asked, so that there is nothing to show of them
    assert "<b>Labels of what was found</b> <span><bdi>recall and ceilings" in evaluate(labelled, ["bm25"]).to_html()
    whole = label(DATA, judge()[0], ["bm25"], depth=5, sample=0).dataset(unreviewed=True)
    (finding,) = [each for each in evaluate(whole, ["bm25"]).findings if each["kind"] == "pooled"]
    assert finding["text"].endswith("what they missed has no label, and counts as not relevant")


def test_where_there_are_fewer_pairs_all_have_to_be_reviewed() -> None:
    found = made(depth=1)
    with pytest.raises(ConfigurationError, match="has reviewed 0 of the 8 pairs"):
        found.dataset()
    review(found, answered(found), lambda _: None)
    assert set(found.dataset().labelled_by["cat"].values()) == {"a person"}


def test_what_a_person_says_goes_before_the_judge_and_is_kept(tmp_path: Path) -> None:
    found = made(tmp_path / "s.sqlite")
    wrong = next(each.pair for each in found.given if each.grade > 0)
    found.keep({wrong: 0})
    again = made(tmp_path / "s.sqlite")
    assert again.reviewed == {wrong.key: 0}
    assert again.agreement.judge_alone == 1
    data = again.dataset(unreviewed=True)
    assert data.judgements[wrong.query][wrong.document] == 0
    assert data.labelled_by[wrong.query][wrong.document] == "a person"


def test_without_a_judge_a_person_labels_all() -> None:
    found = label(DATA, None, ["bm25"], depth=2, sample=5)
    assert (found.judge, len(found.sample), found.given) == (None, 5, ())
    review(found, ["y", "n", "q"], lambda _: None)
    data = found.dataset()
    assert sum(map(len, data.judgements.values())) == 2
    assert str(found).splitlines()[1] == "a person labelled 2, and 3 of the sample remain"
    assert json.loads(json.dumps(found.to_dict()))["agreement"]["pairs"] == 0


def test_without_a_judge_the_sample_is_all_there_is_and_no_label_makes_no_dataset() -> None:
    found = label(DATA, None, ["bm25"], depth=10)
    assert len(found.sample) == len(found.pairs) == 80
    assert len(label(DATA, judge()[0], ["bm25"], depth=10).sample) == 30
    assert found.failure is None
    with pytest.raises(ConfigurationError, match="there is not one label yet: label the sample, or have a judge label"):
        found.dataset()


def test_the_sample_is_blind_has_both_kinds_and_stays_as_pairs_come_in() -> None:
    yes = [Pair("q", f"y{number}", "q", f"yes {number}") for number in range(10)]
    no = [Pair("q", f"n{number}", "q", f"no {number}") for number in range(990)]
    sample = drawn(yes, no, 30, seed=1)
    kinds = [each.document[0] for each in sample]
    assert (kinds.count("y"), kinds.count("n")) == (6, 24)
    assert kinds != sorted(kinds)
    assert kinds != sorted(kinds, reverse=True)
    assert drawn(yes, no, 30, seed=1) == sample != drawn(yes, no, 30, seed=2)
    more = drawn(yes, [*no, Pair("q", "new", "q", "new")], 30, seed=1)
    assert len(set(more) & set(sample)) >= 29
    assert len(drawn(yes, [], 30, seed=1)) == 10
    assert len(drawn([], no, 30, seed=1)) == 30
    assert len(drawn(yes, no[:2], 30, seed=1)) == 12
    assert drawn([], [], 30, seed=1) == ()


def test_a_sheet_says_nothing_of_the_judge_computes_nothing_and_is_read_back(tmp_path: Path) -> None:
    data = Dataset("cells", {"=q": "cat eats"}, {}, {"+d": "=1+1 cat eats", "e": "cat\nsleeps"})
    found = made(data=data)
    path = found.write_sheet(tmp_path / "sheet.csv")
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["id", "question", "document id", "document", "grade"]
    assert sorted(row[2] for row in rows) == ["'+d", "e"]
    assert {row[4] for row in rows} == {""}
    assert all(cell[:1] not in "=+-@" or not cell for row in rows for cell in row)
    path.write_text(path.read_text("utf-8").replace("cat eats,\n", "cat eats,yes\n").replace('sleeps",', 'sleeps",0'))
    assert found.read_sheet(path) == 2
    assert found.dataset(least=2).judgements == {"=q": {"+d": 1, "e": 0}}
    with pytest.raises(ConfigurationError, match="is there already, and may have labels in it"):
        found.write_sheet(path)
    with pytest.raises(ConfigurationError, match="cannot be written: "):
        found.write_sheet(tmp_path / "none" / "sheet.csv")


@pytest.mark.parametrize(("separator", "end"), [(",", "\r\n"), (";", "\n"), ("\t", "")])
def test_a_sheet_gains_what_the_sample_has_more_and_keeps_what_stands_there(
    separator: str, end: str, tmp_path: Path
) -> None:
    found = label(DATA, None, ["bm25"], depth=1, sample=3)
    sheet = tmp_path / "sheet.csv"
    first, *others = found.sample
    names = ["grade", "mine", "document id", "id", "document"]
    mine = ["1", "a note", first.document, first.query, first.text]
    sheet.write_bytes(f"{separator.join(names)}\n{separator.join(mine)}{end}".encode())
    before = sheet.read_bytes()
    assert found.add_to_sheet(sheet) == 2
    assert sheet.read_bytes().startswith(before)
    with sheet.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=separator))
    assert [row["document id"] for row in rows] == [first.document, *(each.document for each in others)]
    assert [(row["grade"], row["mine"]) for row in rows] == [("1", "a note"), ("", ""), ("", "")]
    assert found.read_sheet(sheet) == 1
    assert found.add_to_sheet(sheet) == 0
    assert [each.name for each in tmp_path.iterdir()] == ["sheet.csv"]
    whole = label(DATA, None, ["bm25"], depth=2)
    whole.keep({next(each for each in whole.sample if each not in found.sample): 1})
    assert whole.add_to_sheet(sheet) == 13
    assert whole.read_sheet(sheet) == len(whole.reviewed) == 2


@pytest.mark.parametrize(
    ("encoding", "told"), [("cp1252", "line 2: it is no utf-8"), ("utf-16", "line 1: it is UTF-16")]
)
def test_a_sheet_in_another_encoding_is_refused_with_how_to_save_it(encoding: str, told: str, tmp_path: Path) -> None:
    found = label(DATA, None, ["bm25"], depth=1)
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("id,document id,grade\ncat,café,1\n", encoding)
    for using in (found.read_sheet, found.add_to_sheet):
        with pytest.raises(
            ConfigurationError, match=f"{told}: save it once more in your spreadsheet, and choose CSV UTF-8"
        ):
            using(sheet)


def full_disk(file: int) -> None:
    raise OSError(28, "No space left on device")


def test_a_sheet_that_cannot_be_written_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = label(DATA, None, ["bm25"], depth=1)
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("id,document id,grade\n", "utf-8")
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(ConfigurationError, match=r"sheet\.csv' cannot be written: .*: name another file"):
        found.add_to_sheet(sheet)
    assert sheet.read_text("utf-8") == "id,document id,grade\n"


def test_an_empty_sheet_gains_nothing(tmp_path: Path) -> None:
    (tmp_path / "sheet.csv").write_text("")
    with pytest.raises(ConfigurationError, match="line 1: there is nothing in it: remove the file"):
        label(DATA, None, ["bm25"], depth=1).add_to_sheet(tmp_path / "sheet.csv")


def test_a_sheet_is_a_file_of_questions_too(tmp_path: Path) -> None:
    found = made()
    review(found, answered(found), lambda _: None)
    path = found.write_sheet(tmp_path / "sheet.csv")
    data = read_dataset(path, corpus=corpus(tmp_path / "corpus.jsonl", DOCUMENTS), labelled=False)
    assert sum(map(len, data.judgements.values())) == 30
    assert "left alone: 'document'" in data.notes
    assert made().read_sheet(path) == 30


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("cat,cat eats,1\ncat,cat eats,0\n", r"line 3: 'cat' and 'cat eats' have the grade 0, and 1 in line 2"),
        ("elk,cat eats,1\n", r"line 2: there is no query 'elk': its ids are such as 'cat'"),
        ("cat,elk eats,1\n", r"line 2: there is no document 'elk eats': leave the ids as they were written"),
        ("cat,cat eats,maybe\n", r"line 2: the grade must be 1 or yes"),
    ],
)
def test_what_is_wrong_in_a_sheet_is_told_with_its_line(rows: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "sheet.csv").write_text(f"id,document id,grade\n{rows}")
    with pytest.raises(ConfigurationError, match=message):
        made().read_sheet(tmp_path / "sheet.csv")


@pytest.mark.parametrize(
    ("question", "document", "message"),
    [
        ("another question?", "", r"line 2: id 'cat' stands for another question than when .*'another question\?'"),
        ("", "another text", r"line 2: document id 'cat eats' stands for another document .*'another text'"),
    ],
)
def test_a_row_of_what_is_another_text_by_now_is_refused(
    question: str, document: str, message: str, tmp_path: Path
) -> None:
    rows = f"id,question,document id,document,grade\ncat,{question},cat eats,{document},1\n"
    (tmp_path / "sheet.csv").write_text(rows)
    with pytest.raises(ConfigurationError, match=message):
        made().read_sheet(tmp_path / "sheet.csv")


def test_a_sheet_without_a_column_is_refused_and_rows_of_ones_own_are_taken(tmp_path: Path) -> None:
    found = label(DATA, None, ["bm25"], depth=1)
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("id,document id\ncat,cat eats\n")
    with pytest.raises(ConfigurationError, match="no column is called 'grade'"):
        found.read_sheet(sheet)
    sheet.write_text("id,document id,grade\ncat,hen runs,0\ncat,cat eats,2\ncat,dog eats,\n")
    assert found.read_sheet(sheet) == 2
    assert found.dataset().judgements["cat"] == {"hen runs": 0, "cat eats": 2}


def test_contradictions_of_a_person_are_told(tmp_path: Path) -> None:
    data = Dataset("twins", {"q": "cat eats"}, {}, {"one": "cat eats", "two": "Cat  eats"})
    found = made(data=data)
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("id,document id,grade\nq,one,1\nq,two,0\n")
    found.read_sheet(sheet)
    told = "1 pair of documents with the same words labelled differently: 'q: one and two'"
    assert told in found.notes
    sheet.write_text("id,document id,grade\nq,two,1\n")
    found.read_sheet(sheet)
    assert f"1 label changed by {sheet}, the newer one counts: 'q: two'" in found.notes
    assert told not in found.notes


def test_keys_label_skip_undo_and_stop_and_a_review_goes_on(tmp_path: Path) -> None:
    found, shown = made(tmp_path / "s.sqlite"), list[str]()
    first, second, third = found.remaining[:3]
    assert review(found, "\ny n x u y s u u Yq", shown.append) == 2
    assert found.reviewed == {first.key: 1, second.key: 1}
    assert "there is no key 'x': y relevant, n not relevant, s skip, u undo, q quit" in shown
    assert shown[0].startswith(f"\n[1/30] {first.question}\n\n{first.text}\n\nDoes it answer? y relevant")
    again = made(tmp_path / "s.sqlite")
    assert again.remaining[0] == third
    assert review(again, [], shown.append) == 0
    assert review(again, "u", shown.append) == 0


def test_what_is_shown_plays_no_tricks_and_has_an_end() -> None:
    data = Dataset("odd", {"q": "cat"}, {}, {"d": f"cat \x1b[2J\nx {'y' * 5000}"})
    found, shown = made(data=data), list[str]()
    review(found, "s", shown.append)
    assert "\x1b" not in shown[0]
    assert "cat  [2J\nx yyy" in shown[0]
    assert "yyy … 1,011 more characters" in shown[0]
