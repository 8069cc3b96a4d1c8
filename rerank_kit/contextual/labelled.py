"""Questions with labels of any kind, as labels of chunks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rerank_kit.contextual.documents import ChunkedDocument, chunks_by_id
from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate import Dataset
from rerank_kit.evaluate.labels import Passages
from rerank_kit.texts import counted, is_blank


@dataclass(frozen=True)
class LabelledChunks:
    """Questions, and the chunks that answer them.

    Attributes:
        questions: As they were given.
        judgements: For each question the ids of the chunks that answer it, with grades.
        documents: The ids of the documents whose chunks answer questions.
        notes: What could not be used.
    """

    questions: Dataset
    judgements: dict[str, dict[str, int]]
    documents: frozenset[str]
    notes: tuple[str, ...]

    def restricted(self, documents: Iterable[ChunkedDocument]) -> Dataset:
        """The questions over the chunks of some documents."""
        asked = {query: self.questions.queries[query] for query in self.judgements}
        return replace(
            self.questions,
            queries=asked,
            judgements=self.judgements,
            documents=_with_text(documents),
            candidates=None,
            quotes={},
            labelled_by={},
        )


def labelled_chunks(questions: Dataset, documents: Sequence[ChunkedDocument]) -> LabelledChunks:
    """The labels of questions, as labels of chunks: of quotes, of chunks' ids, or of a document's for all its chunks.

    Raises:
        ConfigurationError: No chunk answers any question.
    """
    chunks = _with_text(documents)
    whole = {each.id: [name for name in each.chunk_ids if name in chunks] for each in documents}
    of = {name: each.id for each in documents for name in each.chunk_ids}
    passages = Passages(chunks)
    judgements: dict[str, dict[str, int]] = {}
    for query in questions.queries:
        found: dict[str, int] = {}
        for label, grade in questions.relevant(query).items():
            same = passages.holding(questions.documents[label]).documents if label in questions.documents else ()
            for name in (label,) if label in chunks else whole.get(label) or same:
                found[name] = max(grade, found.get(name, 0))
        for quote in questions.quotes.get(query, ()):
            found |= dict.fromkeys(passages.holding(quote).documents, 1)
        if found:
            judgements[query] = found
    lost = len(questions.queries) - len(judgements)
    if not judgements:
        msg = (
            "questions: no chunk of documents answers any of them: label them with quotes from the documents, or with "
            f"ids of documents or chunks, such as {next(iter(whole), '')!r}"
        )
        raise ConfigurationError(msg)
    notes = (f"{counted(lost, 'question')} left out, which no chunk answers",) if lost else ()
    answering = frozenset(of[name] for each in judgements.values() for name in each)
    return LabelledChunks(questions, judgements, answering, notes)


def _with_text(documents: Iterable[ChunkedDocument]) -> dict[str, str]:
    return {name: chunk for name, chunk in chunks_by_id(documents).items() if not is_blank(chunk)}
