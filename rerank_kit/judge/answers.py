"""Reading what a model answers. Pure: no network, no model.

Only what names a label that was in the question counts, so nothing that a document could have had the model repeat
can pass for a verdict: it cannot know its label. Reading takes time that grows with the length of the answer alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from rerank_kit.api.json_values import is_list, is_mapping
from rerank_kit.judge.chat import Completion
from rerank_kit.texts import encodable
from rerank_kit.values import Usage

Outcome: TypeAlias = Literal["ok", "repaired", "missing", "duplicate", "unknown label", "refusal", "unparsable"]
"""What became of an answer, or of a document in it."""

LONGEST = 200_000  # characters of an answer that are read, after its thoughts; that is room for a thousand reasons
_REASON = 200  # characters of a reason that are kept
_PATIENCE = 25  # times the length of a text: what may be read in vain, in search of objects
GRADES = range(4)
_BESIDE_LABELS = frozenset({"ranking", "json"})
_THOUGHTS = re.compile(r"\s*+<think>.*?</think>", re.DOTALL)
_OBJECT = re.compile(r"\{(?=\s*+\")")
_LAST_COMMA = re.compile(r",(?=\s*+[\]}])")
_EDGES = "\"'`<>[](){}#.:; \t\n"


@dataclass(frozen=True, slots=True)
class Vote:
    """What an answer says of one document.

    Attributes:
        value: 1 or 0 for a verdict, the grade, or minus the place in an order.
        reason: Why, in one line.
    """

    value: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read from an answer.

    Attributes:
        outcome: What became of the answer as a whole.
        votes: By label, what it says.
        problems: By label, why nothing is known of the others.
        tally: The same as counters.
    """

    outcome: Outcome
    votes: Mapping[str, Vote]
    problems: Mapping[str, Outcome]
    tally: Usage

    @property
    def worth_asking_again(self) -> bool:
        """Whether nothing could be read, though the model did answer."""
        return not self.votes and self.outcome != "refusal"


def read(mode: str, completion: Completion, labels: Sequence[str]) -> Reading:
    """What an answer says of the documents with these labels.

    Of one that is longer than `LONGEST`, the beginning counts, as of one that was cut off.
    """
    if completion.stop == "refusal":
        return Reading("refusal", {}, dict.fromkeys(labels, "refusal"), Usage(refused=1))
    thoughts = _THOUGHTS.match(completion.text)
    start = thoughts.end() if thoughts else 0
    text = completion.text[start : start + LONGEST]
    clean, values = _parsed(text)
    said = [entry for value in values for entry in _entries(mode, value)]
    if not said and mode == "listwise":
        clean, said = False, _order(text, labels)
    if not said:
        return Reading("unparsable", {}, dict.fromkeys(labels, "unparsable"), Usage(unparsable=1))
    found = _Found(labels, first_counts=mode == "listwise")
    for place, each in enumerate(said):
        label = found.label(each.label)
        vote, tidy = (Vote(-place), True) if mode == "listwise" else _vote(mode, each.row)
        clean = clean and tidy and each.tidy and label in (each.label, None)
        if label is not None:
            found.take(label, vote)
    missing: dict[str, Outcome] = dict.fromkeys(found.left_out(), "missing")
    outcome: Outcome = "ok" if clean else "repaired"
    if not found.votes:
        outcome = "unknown label" if found.unknown else "unparsable"
    tally = Usage(
        repaired=int(outcome == "repaired"),
        unparsable=int(outcome == "unparsable"),
        missing=len(missing),
        repeated=len(found.repeated),
        unknown_labels=len(found.unknown),
    )
    return Reading(outcome, found.votes, found.problems | missing, tally)


class _Found:
    """What has been found so far, by label."""

    def __init__(self, labels: Sequence[str], *, first_counts: bool) -> None:
        self.labels = dict.fromkeys(labels)
        self.first_counts = first_counts
        self.votes: dict[str, Vote] = {}
        self.problems: dict[str, Outcome] = {}
        self.repeated: set[str] = set()
        self.unknown: set[str] = set()

    def label(self, given: object) -> str | None:
        """The label that is meant, if it is one of those in the question."""
        word = _word(given)
        tidied = word.strip(_EDGES).upper()
        if tidied in self.labels:
            return tidied
        self.unknown.add(word)
        return None

    def take(self, label: str, vote: Vote | None) -> None:
        """Take what is said of a label. Two different values for one are none; in an order the first place counts."""
        known = self.votes.get(label)
        if known is None and label not in self.problems:
            if vote is None:
                self.problems[label] = "unparsable"
            else:
                self.votes[label] = vote
            return
        self.repeated.add(label)
        same = known is not None and vote is not None and vote.value == known.value
        if not same and not self.first_counts:
            self.votes.pop(label, None)
            self.problems[label] = "duplicate"

    def left_out(self) -> Iterator[str]:
        """The labels of which nothing was said."""
        return (each for each in self.labels if each not in self.votes and each not in self.problems)


@dataclass(frozen=True, slots=True)
class _Said:
    """One entry of an answer: the label as it was given, all that stands beside it, and whether it is as asked for."""

    label: object
    row: Mapping[str, Any]
    tidy: bool = True


def _parsed(text: str) -> tuple[bool, list[Any]]:
    """The JSON in a text, and whether it is all there is; an object with a key twice is none."""
    try:
        return True, [json.loads(text, object_pairs_hook=_object)]
    except (ValueError, RecursionError):
        return False, list(_objects(_LAST_COMMA.sub("", text)))


def _objects(text: str) -> Iterator[Any]:
    """The JSON objects in a text, the outermost ones that are whole.

    What begins like one may break off anywhere, and what is inside of it is looked at again; so the search ends when
    too much has been read in vain.
    """
    decoder = json.JSONDecoder(object_pairs_hook=_object)
    end, patience = 0, _PATIENCE * len(text)
    for start in (found.start() for found in _OBJECT.finditer(text)):
        if start < end:
            continue
        try:
            value, end = decoder.raw_decode(text, start)
        except json.JSONDecodeError as error:
            patience -= error.pos  # up to which it counts lines
        except (ValueError, RecursionError):
            patience -= len(text)
        else:
            yield value
        if patience < 0:
            return


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        msg = "a key comes twice"
        raise ValueError(msg)
    return made


def _entries(mode: str, value: Any) -> Iterator[_Said]:
    """The entries in a parsed answer, wherever in it they are."""
    whole = {"grade": "grades", "listwise": "ranking"}.get(mode)
    inside = value.get(whole) if is_mapping(value) and whole is not None else None
    rows = inside if is_list(inside) else value if is_list(value) else [value]
    expected = rows is inside or (whole is None and rows is not value)
    for row in rows:
        if is_mapping(row) and "label" in row:
            yield _Said(row["label"], row, tidy=expected and mode != "listwise")
        elif mode == "listwise" and isinstance(row, str):
            yield _Said(row, {}, tidy=expected)


def _order(text: str, labels: Sequence[str]) -> list[_Said]:
    """An order in a text that holds nothing else, such as `[A] > [B]`, or JSON that was cut off."""
    asked = frozenset(labels)
    words = [word for word in re.findall(r"\w+", text) if word in asked or not _beside(word)]
    if words and words[-1] not in asked:
        words.pop()  # cut off
    return [_Said(word, {}) for word in words] if set(words) <= asked else []


def _beside(word: str) -> bool:
    return word.isdecimal() or word.lower() in _BESIDE_LABELS


def _vote(mode: str, row: Mapping[str, Any]) -> tuple[Vote | None, bool]:
    """What an entry says, if it does, and whether in the form that was asked for."""
    reason = row.get("reason")
    told = encodable(" ".join(reason.split())[:_REASON]) if isinstance(reason, str) and reason.strip() else None
    value, tidy = _verdict(row.get("verdict")) if mode == "filter" else _grade(row.get("grade"))
    return (None if value is None else Vote(value, told)), tidy


def _word(given: object) -> str:
    """A plain value as text; what is nested is no word."""
    return str(given) if isinstance(given, str | int | float) else f"<{type(given).__name__}>"


def _verdict(given: Any) -> tuple[int | None, bool]:
    word = _word(given).strip(_EDGES).lower()
    return {"yes": 1, "true": 1, "no": 0, "false": 0}.get(word), given in ("yes", "no")


def _grade(given: Any) -> tuple[int | None, bool]:
    if isinstance(given, int) and not isinstance(given, bool):
        return (given if given in GRADES else None), True
    word = _word(given).strip(_EDGES).removesuffix(".0")
    return (int(word) if word in {str(each) for each in GRADES} else None), False
