"""Reading what a model answers when it puts chunks into context: pure."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from rerank_kit.bm25.languages import heard_language, is_in_another
from rerank_kit.contextual.contexts import Context
from rerank_kit.judge import Completion
from rerank_kit.judge.injection import harmless
from rerank_kit.texts import is_blank
from rerank_kit.values import Usage

_OBJECT = re.compile(r"\{.*\}", re.DOTALL)
_SCRIPT = re.compile(
    "(?P<Latin>[A-Za-z\u00c0-\u024f])|(?P<Greek>[\u0370-\u03ff])|(?P<Cyrillic>[\u0400-\u052f])|(?P<Hebrew>[\u0590-\u05ff])"
    "|(?P<Arabic>[\u0600-\u06ff\u0750-\u077f])|(?P<Indic>[\u0900-\u0dff])|(?P<Thai>[\u0e00-\u0e7f])"
    "|(?P<Korean>[\u1100-\u11ff\uac00-\ud7af])|(?P<Chinese_or_Japanese>[\u3040-\u30ff\u3400-\u9fff])"
)
_LOOKED_AT = 20_000  # characters of a document
_FOREIGN = 0.02  # of a document's letters: a context in a script that has no more of them is in another language

LEFT_OUT = "the answer left it out"
OTHER_LANGUAGE = "the context is in another language than the document"
STOPS = ("end", "length", "refusal")
"""Why a model may have stopped."""
REFUSED = "the model refused to answer"
_STOPPED = {"refusal": REFUSED, "length": "the answer did not end in the room that it had"}


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read in an answer.

    Attributes:
        contexts: By label; each a text, or why there is none.
        tally: What was odd about it, for `Usage`.
    """

    contexts: Mapping[str, Context]
    tally: Usage = field(default_factory=Usage)


class Language:
    """What a document is written in, to compare contexts with."""

    def __init__(self, text: str) -> None:
        """Look at the document."""
        beginning = text[:_LOOKED_AT]
        self._letters = _scripts(beginning)
        self._heard = heard_language([beginning])

    def fits(self, context: str) -> bool:
        """Whether a context is clearly in this language, or in its script where that tells it."""
        letters = _scripts(context)
        script = max(letters, key=lambda each: letters[each], default="Latin")
        if self._letters[script] <= _FOREIGN * self._letters.total():
            return False
        return script != "Latin" if self._heard is None else not is_in_another(context, self._heard)

    def differs(self, context: str) -> bool:
        """Whether a context is clearly in another language than the document."""
        letters = _scripts(context)
        script = max(letters, key=lambda each: letters[each], default=None)
        if script is not None and self._letters and self._letters[script] <= _FOREIGN * self._letters.total():
            return True
        return self._heard is not None and is_in_another(context, self._heard)


def _scripts(text: str) -> Counter[str]:
    return Counter(str(each.lastgroup) for each in _SCRIPT.finditer(text))


def reading_of(answer: Completion, texts: Mapping[str, str], language: Language, *, alone: bool) -> Reading:
    """What an answer says.

    Args:
        answer: The answer.
        texts: What was asked about, by its labels.
        language: What the document is written in.
        alone: Whether a context is all of the answer.
    """
    return _read_one(texts, answer, language) if alone else _read_several(texts, answer, language)


def _read_one(texts: Mapping[str, str], answer: Completion, language: Language) -> Reading:
    ((label, text),) = texts.items()
    if answer.stop != "end":
        return Reading({label: Context(None, _STOPPED[answer.stop])}, Usage(refused=int(answer.stop == "refusal")))
    return Reading({label: _context(answer.text, language, text)})


def _read_several(texts: Mapping[str, str], answer: Completion, language: Language) -> Reading:
    labels = list(texts)
    if answer.stop == "refusal":
        return Reading(dict.fromkeys(labels, Context(None, _STOPPED["refusal"])), Usage(refused=1))
    entries = _entries(answer.text)
    if entries is None:
        why = _STOPPED.get(answer.stop, "nothing could be read in the answer")
        return Reading(dict.fromkeys(labels, Context(None, why)), Usage(unparsable=1))
    given: dict[str, set[str]] = {}
    for label, text in entries:
        given.setdefault(label, set()).add(text)
    known = {label: texts.pop() for label, texts in given.items() if label in labels and len(texts) == 1}
    contexts = {
        each: _context(known[each], language, texts[each]) if each in known else Context(None, LEFT_OUT)
        for each in labels
    }
    tally = Usage(
        missing=sum(each not in given for each in labels),
        repeated=sum(each in labels for each in given) - len(known),
        unknown_labels=sum(each not in labels for each in given),
    )
    return Reading(contexts, tally)


def _context(text: str, language: Language, chunk: str) -> Context:
    plain = harmless(text).strip()
    if is_blank(plain):
        return Context(None, "the answer is empty")
    foreign = language.differs(plain) and not Language(chunk).fits(plain)
    return Context(None, OTHER_LANGUAGE) if foreign else Context(plain)


def _entries(text: str) -> list[tuple[str, str]] | None:
    """Labels and contexts; `None` where there is no such list."""
    found = _OBJECT.search(text)
    try:
        given: object = json.loads(found[0]) if found else None
    except (ValueError, RecursionError):
        return None
    listed = cast("dict[str, object]", given).get("contexts") if isinstance(given, dict) else None
    if not isinstance(listed, list):
        return None
    rows = [cast("dict[str, Any]", each) for each in cast("list[object]", listed) if isinstance(each, dict)]
    pairs = [(each.get("label"), each.get("context")) for each in rows]
    return [(label, context) for label, context in pairs if isinstance(label, str) and isinstance(context, str)]
