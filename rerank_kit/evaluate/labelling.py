"""From labels to judgements: what is not in the corpus, and quotes as the documents that hold them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.dataset import Judgements, some
from rerank_kit.evaluate.labels import Held, Passages, quote_of
from rerank_kit.evaluate.questions import Question
from rerank_kit.evaluate.text_files import Place
from rerank_kit.evaluate.trec_files import Grades
from rerank_kit.quoting import quoted
from rerank_kit.texts import counted, folded

FEW = 20
"""Of so many labels, one may be wrong and is told in a note; where more are, the data are not what they should be."""
_MANY = 20  # documents that hold one quote: it says too little


def check_missing(path: Path, judgements: Judgements, documents: Collection[str], remedy: str = "") -> tuple[str, ...]:
    """Refuse labels of which more than one in twenty is no document; fewer are told in a note.

    They stay among the judgements: what cannot be found counts as not found.

    Args:
        path: Where the labels stand.
        judgements: They.
        documents: The ids that there are.
        remedy: What else may be said of the first one that is missing.

    Raises:
        ConfigurationError: Too many are missing.
    """
    pairs = [(query, each) for query, grades in judgements.items() for each, grade in grades.items() if grade > 0]
    missing = [(query, each) for query, each in pairs if each not in documents]
    shown = some(list(dict.fromkeys(each for _, each in missing)))
    if len(missing) * FEW > len(pairs):
        known = f"Its ids are such as {some(list(documents)[:3])}: is it the corpus of these labels?"
        msg = (
            f"{path}: {len(missing):,} of {len(pairs):,} relevant documents are not in the corpus, among "
            f"them {shown}. {remedy or known}"
        )
        raise ConfigurationError(msg)
    if not missing:
        return ()
    return (
        f"{len(missing):,} of {len(pairs):,} relevant documents are not in the corpus and count as not found: {shown}",
    )


def unreachable(path: Path, judgements: Judgements, documents: Collection[str]) -> tuple[str, ...]:
    """Notes where there is no corpus: the relevant documents that are among no query's candidates.

    Args:
        path: Where the labels stand.
        judgements: They.
        documents: The ids of all candidates; empty where only a retriever knows the documents.

    Raises:
        ConfigurationError: All of them are missing, so that the ids are others than those of the candidates.
    """
    relevant = {each for grades in judgements.values() for each, grade in grades.items() if grade > 0}
    missing = [each for each in relevant if each not in documents]
    if not documents:
        return ("no corpus: whether the relevant documents are there was not checked",)
    if relevant and len(missing) == len(relevant):
        msg = (
            f"{path}: no relevant document is among the candidates. Labels are such as {some(sorted(relevant))}, and "
            f"the candidates {some(list(documents))}: give both the same ids"
        )
        raise ConfigurationError(msg)
    number = f"{len(missing):,} of {len(relevant):,} relevant documents"
    return (f"{number} among no candidates, so that no reranker can bring them",) if missing else ()


def quotes_of(questions: Iterable[Question], sources: Mapping[str, str]) -> dict[str, list[str]]:
    """All labels of questions that are texts, as quotes.

    Raises:
        ConfigurationError: A range is none.
    """
    quotes: dict[str, list[str]] = {}
    for each in questions:
        found = [*each.quotes, *each.texts, *(_quote(place, given, sources) for place, given in each.ranges)]
        if found:
            quotes[each.id] = list(dict.fromkeys(found))
    return quotes


def _quote(place: Place, given: object, sources: Mapping[str, str]) -> str:
    if not sources:
        place.refuse("a range needs the document that it is of: pass the corpus, or quote the text")
    try:
        return quote_of(given, sources)
    except ConfigurationError as error:
        place.refuse(str(error))


def add_quoted(
    grades: Grades,
    questions: Mapping[str, Question],
    quotes: Mapping[str, list[str]],
    documents: Mapping[str, str],
    *,
    complete: bool,
) -> tuple[str, ...]:
    """Add what quotes come to in some documents to the judgements; what is known by its id keeps its grade.

    Args:
        grades: The judgements.
        questions: Whose the quotes are.
        quotes: Texts by query.
        documents: Where to look.
        complete: Whether these are all documents that there are; else a quote may be in another one.

    Returns:
        Notes on quotes that were not copied word by word, that many documents hold, or that few of all are not found.

    Raises:
        ConfigurationError: More than one quote in twenty is found nowhere, and the documents are complete.
    """
    passages = Passages(documents if quotes else {})
    whole = _by_text(documents if any(each.texts for each in questions.values()) else {})
    number = sum(map(len, quotes.values()))
    lost: list[str] = []
    inexact: list[str] = []
    vague: list[str] = []
    for query, texts in quotes.items():
        known, entire = grades.judgements.get(query, {}), set(questions[query].texts)
        for text in texts:
            same = whole.get(folded(text), ()) if text in entire else ()
            held = Held(tuple(same), exact=True) if same else passages.holding(text)
            if not held.documents:
                lost.append(f"{questions[query].place}: {quoted(text)}")
            elif not held.exact:
                inexact.append(text)
            elif len(held.documents) > _MANY:
                vague.append(text)
            for each in held.documents:
                known.setdefault(each, 1)
        if known:
            grades.judgements[query] = known
    return (*_not_found(lost, number, complete=complete), *_odd(inexact, vague))


def _by_text(documents: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each, text in documents.items():
        found.setdefault(folded(text), []).append(each)
    return found


def _not_found(lost: list[str], number: int, *, complete: bool) -> tuple[str, ...]:
    if not lost:
        return ()
    said = f"{len(lost):,} of {number:,} quotes are in no document, such as that of {lost[0]}"
    if complete and len(lost) * FEW > number:
        msg = f"{said}. Copy quotes from the documents as they are: one sentence is enough"
        raise ConfigurationError(msg)
    return (said,)


def _odd(inexact: list[str], vague: list[str]) -> tuple[str, ...]:
    notes: list[str] = []
    if inexact:
        notes.append(f"{counted(len(inexact), 'quote')} found by half of the words: {some(inexact)}")
    if vague:
        notes.append(f"{counted(len(vague), 'quote')} in more than {_MANY} documents each: {some(vague)}")
    return tuple(notes)
