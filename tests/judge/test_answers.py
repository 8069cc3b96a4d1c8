"""Whatever a model answers, each document gets the verdict that was meant for it, or a reason why it has none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank_kit import Usage
from rerank_kit.judge.answers import Reading, read
from rerank_kit.judge.chat import Completion
from tests.judge.hostile import HOSTILE

LABELS = ["KJ42", "ZZ77", "2345"]
PLAIN = '{"label": "KJ42", "reason": "it  says\\nso", "verdict": "yes"}'


def grades(*rows: tuple[object, object]) -> str:
    return json.dumps({"grades": [{"label": label, "reason": "so", "grade": grade} for label, grade in rows]})


def values(reading: Reading) -> dict[str, int]:
    return {label: finding.value for label, finding in reading.votes.items()}


def test_an_answer_as_asked_for_is_ok() -> None:
    reading = read("filter", Completion(PLAIN), ["KJ42"])
    assert (reading.outcome, values(reading), reading.problems) == ("ok", {"KJ42": 1}, {})
    assert reading.votes["KJ42"].reason == "it says so"
    assert reading.tally == Usage()
    graded = read("grade", Completion(grades(("ZZ77", 3), ("KJ42", 0), ("2345", 1))), LABELS)
    assert (graded.outcome, values(graded)) == ("ok", {"ZZ77": 3, "KJ42": 0, "2345": 1})
    ordered = read("listwise", Completion('{"ranking": ["2345", "KJ42", "ZZ77"]}'), LABELS)
    assert (ordered.outcome, sorted(LABELS, key=lambda label: -values(ordered)[label])) == (
        "ok",
        ["2345", "KJ42", "ZZ77"],
    )


@pytest.mark.parametrize(
    "text",
    [
        f"Here is my verdict:\n```json\n{PLAIN}\n```\nI hope it helps.",
        f"<think>{{}} hm</think>{PLAIN},",
        '{"label": "KJ42", "verdict": "yes",}',
        '{"label": "kj42", "verdict": "yes"}',
        '{"label": "<KJ42>", "verdict": "yes"}',
        '{"label": "KJ42", "verdict": "YES."}',
        '{"label": "KJ42", "verdict": true}',
        '[{"label": "KJ42", "verdict": "yes"}]',
        '{"answer": 1} {"label": "KJ42", "verdict": "yes"}',
    ],
)
def test_a_verdict_in_another_form_is_repaired_and_counted(text: str) -> None:
    reading = read("filter", Completion(text), ["KJ42"])
    assert (reading.outcome, values(reading), reading.tally) == ("repaired", {"KJ42": 1}, Usage(repaired=1))


@pytest.mark.parametrize(
    "text",
    [
        grades(("KJ42", "2"), ("ZZ77", 0), ("2345", 1)),
        grades(("KJ42", 2.0), ("ZZ77", 0), ("2345", 1)),
        json.dumps([{"label": "KJ42", "grade": 2}, {"label": "ZZ77", "grade": 0}, {"label": 2345, "grade": 1}]),
    ],
)
def test_grades_in_another_form_are_repaired(text: str) -> None:
    reading = read("grade", Completion(text), LABELS)
    assert (reading.outcome, values(reading)) == ("repaired", {"KJ42": 2, "ZZ77": 0, "2345": 1})


@pytest.mark.parametrize(
    "text",
    [
        "[KJ42] > [2345] > [ZZ77]",
        "1. KJ42\n2. 2345\n3. ZZ77",
        '{"ranking": ["KJ42", "2345", "ZZ77"',
        '{"ranking": ["KJ42", "2345", "ZZ77", "ZZ',
        '["KJ42", "2345", "ZZ77"]',
        json.dumps({"ranking": [{"label": "KJ42"}, {"label": "2345"}, {"label": "ZZ77"}]}),
    ],
)
def test_an_order_in_another_form_is_repaired(text: str) -> None:
    reading = read("listwise", Completion(text), LABELS)
    assert reading.outcome == "repaired"
    assert sorted(LABELS, key=lambda label: -values(reading)[label]) == ["KJ42", "2345", "ZZ77"]


def test_an_answer_that_was_cut_off_counts_as_far_as_it_goes() -> None:
    text = grades(("KJ42", 2), ("ZZ77", 0), ("2345", 1))
    reading = read("grade", Completion(text[: text.index("2345") + 8], "length"), LABELS)
    assert values(reading) == {"KJ42": 2, "ZZ77": 0}
    assert reading.problems == {"2345": "missing"}
    assert reading.tally == Usage(repaired=1, missing=1)


def test_what_is_left_out_is_missing() -> None:
    reading = read("listwise", Completion('{"ranking": ["ZZ77"]}'), LABELS)
    assert set(values(reading)) == {"ZZ77"}
    assert reading.problems == {"KJ42": "missing", "2345": "missing"}
    assert reading.tally == Usage(missing=2)


def test_a_label_that_was_not_asked_for_is_dropped_and_counted() -> None:
    reading = read("grade", Completion(grades(("KJ42", 1), ("XXXX", 3), (0, 3))), ["KJ42"])
    assert (reading.outcome, values(reading), reading.tally) == ("ok", {"KJ42": 1}, Usage(unknown_labels=2))


def test_only_unknown_labels_are_no_answer() -> None:
    reading = read("filter", Completion(PLAIN), ["ZZ77"])
    assert (reading.outcome, reading.problems) == ("unknown label", {"ZZ77": "missing"})
    assert reading.worth_asking_again


def test_a_label_that_comes_twice_counts_once() -> None:
    reading = read("listwise", Completion('{"ranking": ["KJ42", "ZZ77", "KJ42", "2345"]}'), LABELS)
    assert sorted(values(reading), key=lambda label: -values(reading)[label]) == ["KJ42", "ZZ77", "2345"]
    assert reading.tally == Usage(repeated=1)
    same = read("grade", Completion(grades(("KJ42", 2), ("KJ42", 2))), ["KJ42"])
    assert (values(same), same.tally) == ({"KJ42": 2}, Usage(repeated=1))


@pytest.mark.parametrize("others", [[1], [2, 1], [1, 2], [9], [1, 1]])
def test_a_label_with_two_grades_has_none(others: list[int]) -> None:
    reading = read("grade", Completion(grades(("KJ42", 2), *(("KJ42", other) for other in others))), ["KJ42"])
    assert (reading.votes, reading.problems, reading.tally.repeated) == ({}, {"KJ42": "duplicate"}, 1)


def test_a_grade_after_one_that_was_none_does_not_count() -> None:
    reading = read("grade", Completion(grades(("KJ42", 9), ("KJ42", 3))), ["KJ42"])
    assert (reading.votes, reading.problems) == ({}, {"KJ42": "duplicate"})


@pytest.mark.parametrize("grade", [4, -1, True, None, "good", 1.5, [], float("nan"), 10**30])
def test_what_is_no_grade_is_none(grade: Any) -> None:
    reading = read("grade", Completion(grades(("KJ42", grade), ("ZZ77", 1))), ["KJ42", "ZZ77"])
    assert (values(reading), reading.problems) == ({"ZZ77": 1}, {"KJ42": "unparsable"})


@pytest.mark.parametrize("stop", ["refusal"])
def test_a_refusal_is_no_answer_whatever_it_says(stop: Any) -> None:
    reading = read("filter", Completion(PLAIN, stop), ["KJ42"])
    assert (reading.outcome, reading.problems) == ("refusal", {"KJ42": "refusal"})
    assert reading.tally == Usage(refused=1)
    assert not reading.worth_asking_again


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yes",
        "The document answers the query.",
        '{"verdict": "yes"}',
        '{"label": "KJ42", "verdict": "ye',
        '{"label": "KJ42", "verdict": "no", "verdict": "yes"}',
        '{"label": "KJ42", "label": "KJ42", "verdict": "yes"}',
        '{"label": "KJ42", "verdict": "perhaps"}',
        "null",
        "[" * 100_000,
        '{"a":' * 5_000,
    ],
)
def test_what_cannot_be_read_is_unparsable_and_worth_another_question(text: str) -> None:
    reading = read("filter", Completion(text), ["KJ42"])
    assert (reading.outcome, reading.votes) == ("unparsable", {})
    assert reading.tally.unparsable == 1
    assert reading.worth_asking_again


def test_prose_about_labels_is_no_order() -> None:
    reading = read("listwise", Completion("KJ42 is worse than ZZ77, and 2345 is last."), LABELS)
    assert (reading.outcome, reading.votes) == ("unparsable", {})


def test_a_long_reason_is_cut_to_a_line() -> None:
    text = json.dumps({"label": "KJ42", "reason": "because " * 99, "verdict": "no"})
    reason = read("filter", Completion(text), ["KJ42"]).votes["KJ42"].reason
    assert reason is not None
    assert len(reason) == 200


@pytest.mark.parametrize("reason", ["", "  ", 3, None])
def test_a_reason_that_is_none_is_left_out(reason: Any) -> None:
    text = json.dumps({"label": "KJ42", "reason": reason, "verdict": "no"})
    assert read("filter", Completion(text), ["KJ42"]).votes["KJ42"].reason is None


@pytest.mark.parametrize("mode", ["filter", "grade", "listwise"])
@pytest.mark.parametrize("name", HOSTILE)
def test_no_document_that_is_repeated_word_for_word_is_a_verdict(mode: str, name: str) -> None:
    assert read(mode, Completion(HOSTILE[name]), LABELS[:2]).votes == {}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_document_quoted_in_a_reason_changes_no_verdict(name: str) -> None:
    rows = [
        {"label": label, "reason": HOSTILE[name].encode("utf-8", "replace").decode(), "grade": grade}
        for label, grade in (("KJ42", 0), ("ZZ77", 1))
    ]
    whole = json.dumps({"grades": rows}, ensure_ascii=False)
    assert values(read("grade", Completion(whole), ["KJ42", "ZZ77"])) == {"KJ42": 0, "ZZ77": 1}
    cut = read("grade", Completion(whole[:-2], "length"), ["KJ42", "ZZ77"])
    assert values(cut) == {"KJ42": 0, "ZZ77": 1}


@given(st.text(), st.sampled_from(["filter", "grade", "listwise"]))
def test_no_text_whatever_breaks_the_reading(text: str, mode: str) -> None:
    reading = read(mode, Completion(text), LABELS)
    assert {*reading.votes, *reading.problems} == set(LABELS)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 4) | st.sampled_from([*LABELS, "yes", "no", "label"]),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["label", "grade", "grades", "verdict", "ranking"]), inner)
    ),
)


@given(json_values, st.sampled_from(["filter", "grade", "listwise"]))
def test_no_json_whatever_loses_or_doubles_a_label(value: Any, mode: str) -> None:
    reading = read(mode, Completion(json.dumps(value)), LABELS)
    assert {*reading.votes, *reading.problems} == set(LABELS)
    assert set(reading.votes).isdisjoint(reading.problems)
