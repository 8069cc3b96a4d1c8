"""`read_dataset`: test collections, questions with their labels, and what a first stage brought, from files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from rerank_kit.arguments import named
from rerank_kit.checks import check_count, check_flag, check_text
from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.corpus import NOTES, Corpus, read_corpus
from rerank_kit.evaluate.dataset import Dataset, some
from rerank_kit.evaluate.labelling import FEW, add_quoted, check_missing, quotes_of, unreachable
from rerank_kit.evaluate.origin import read_origin
from rerank_kit.evaluate.questions import Question, read_questions
from rerank_kit.evaluate.text_files import check_encoding, field_of, objects, path_of
from rerank_kit.evaluate.trec_files import read_judgements, read_run
from rerank_kit.quoting import quoted
from rerank_kit.texts import counted, is_blank

PASSAGE = 1200
"""Characters of a passage of a note at most: about 300 tokens of English, which every reranker reads whole."""

_EMPTY = Corpus({}, {})


@dataclass(frozen=True)
class _Asked:
    """What was asked for, checked."""

    path: Path
    corpus: Path | None
    candidates: Path | None
    split: str | None
    passages: int | None
    encoding: str
    name: str
    labelled: bool

    def read_corpus(self, default: Path | None = None) -> Corpus:
        """The documents, where they are told."""
        path = self.corpus or default
        return _EMPTY if path is None else read_corpus(path, self.encoding, self.passages)


@named
def read_dataset(
    path: str | Path,
    *,
    corpus: str | Path | None = None,
    candidates: str | Path | None = None,
    split: str | None = None,
    passages: int | None = PASSAGE,
    encoding: str = "utf-8",
    name: str | None = None,
    labelled: bool = True,
) -> Dataset:
    """Read what systems are to be measured on.

    Args:
        path: A folder in BEIR's layout, with `corpus.jsonl`, `queries.jsonl` and `qrels/*.tsv`; or a file of questions:
            a JSONL file with a line for each, such as `{"query": "…", "quotes": ["…"]}`, or a table (`.csv`, `.tsv`)
            with the columns question and quote. Labels are `relevant_ids` (ids, or ids with grades), `relevant_texts`,
            `quotes`, or `ranges` of characters; `candidates` are what a first stage brought, best first, as texts, as
            `{"id", "text"}` or as ids. All files may be packed (`.gz`).
        corpus: Where the documents of the questions are: a JSONL file with `id`, `text` and perhaps `title`, or a
            folder of notes. Without it only a retriever knows them, or they are the candidates.
        candidates: What a first stage brought, as a run file of TREC's.
        split: Which judgements of a BEIR folder: those in `qrels/<split>.tsv`. By default the only ones, or `test`.
        passages: The most characters of a passage that notes are cut into, at paragraphs; `None` keeps files whole.
        encoding: Of all files.
        name: What tables call it; by default the name of the file or folder.
        labelled: Whether labels are needed; `False` keeps queries without any, to have them labelled by `label`.

    Raises:
        ConfigurationError: Something cannot be read or makes no sense. The message names the file, the line and the
            remedy.
    """
    where = path_of("path", path)
    asked = _Asked(
        where,
        None if corpus is None else path_of("corpus", corpus),
        None if candidates is None else path_of("candidates", candidates),
        None if split is None else check_text("split", split),
        check_count("passages", passages, least=100, none="to keep files whole"),
        check_encoding(encoding),
        check_text("name", (where.resolve().name if where.is_dir() else where.stem) if name is None else name),
        check_flag("labelled", labelled),
    )
    found = (_read_beir if where.is_dir() else _read_questions)(asked)
    return found.labelled() if labelled else found


def _read_beir(asked: _Asked) -> Dataset:
    """A folder in BEIR's layout."""
    queries_file, corpus_file = _file(asked.path, "queries"), _file(asked.path, "corpus")
    if queries_file is None or (corpus_file is None and asked.corpus is None):
        _no_collection(asked.path)
    queries = _queries(queries_file, asked.encoding)
    if not asked.labelled and asked.split is None and not (asked.path / "qrels").is_dir():
        corpus = asked.read_corpus(corpus_file)
        found, told = _given(asked, queries, corpus.documents)
        return Dataset(asked.name, queries, {}, corpus.documents, found, notes=(*corpus.notes, *told))
    judged_file, notes = _chosen(asked.path, asked.split)
    judgements, odd = read_judgements(judged_file, asked.encoding)
    unknown = [query for query in judgements if query not in queries]
    if len(unknown) * FEW > len(judgements):
        msg = (
            f"{judged_file}: {len(unknown):,} of {len(judgements):,} queries are not in "
            f"{queries_file.name}, among them {some(unknown)}: do the two belong together?"
        )
        raise ConfigurationError(msg)
    kept = {query: text for query, text in queries.items() if query in judgements or not asked.labelled}
    left_out = (
        f"{counted(len(queries) - len(kept), 'query', 'queries')} without judgements in {judged_file.name} left out"
    )
    without = f"{counted(len(unknown), 'judged query', 'judged queries')} without a text left out: {some(unknown)}"
    corpus = asked.read_corpus(corpus_file)
    judgements = {query: judgements[query] for query in kept if query in judgements}
    missing = check_missing(judged_file, judgements, corpus.documents)
    said = [note for number, note in ((len(queries) - len(kept), left_out), (len(unknown), without)) if number]
    found, told = _given(asked, kept, corpus.documents)
    origin = read_origin(asked.path, asked.encoding)
    by = origin.get("labelled_by", {})
    return Dataset(
        asked.name,
        kept,
        judgements,
        corpus.documents,
        found,
        notes=(*origin.get("notes", ()), *notes, *odd, *said, *corpus.notes, *missing, *told),
        labelled_by={query: by[query] for query in kept if query in by},
        synthetic=origin.get("synthetic"),
    )


def _no_collection(folder: Path) -> NoReturn:
    notes = any(each.suffix.lower() in NOTES for each in folder.iterdir())
    remedy = (
        "for a folder of notes, write your questions into a file: read_dataset('questions.csv', corpus=folder)"
        if notes
        else "pass a file of questions, and the documents as corpus="
    )
    msg = f"{folder} has no queries.jsonl and corpus.jsonl, as in BEIR's layout: {remedy}"
    raise ConfigurationError(msg)


def _file(folder: Path, name: str) -> Path | None:
    return next((path for ending in (".jsonl", ".jsonl.gz") if (path := folder / f"{name}{ending}").is_file()), None)


def _chosen(folder: Path, split: str | None) -> tuple[Path, tuple[str, ...]]:
    """The file of judgements, and a note where it was one of several."""
    qrels = sorted((folder / "qrels").glob("*.tsv")) + sorted((folder / "qrels").glob("*.tsv.gz"))
    files = {path.name.split(".tsv")[0]: path for path in qrels}
    wanted = split if split is not None else "test" if len(files) > 1 else next(iter(files), "test")
    if wanted not in files:
        there = f"there is {some(files)}: name one with split=" if files else "there is none: add qrels/test.tsv"
        msg = f"{folder} has no judgements in qrels/{wanted}.tsv, {there}"
        raise ConfigurationError(msg)
    return files[wanted], (f"judgements of qrels/{files[wanted].name}, of {some(files)}",) if len(files) > 1 else ()


def _queries(path: Path, encoding: str) -> dict[str, str]:
    queries: dict[str, str] = {}
    for place, row in objects(path, encoding):
        query = field_of(place, row, ("_id", "id"), "a query's id")
        if query in queries:
            place.refuse(f"the id {query!r} comes twice: give each query its own")
        queries[query] = field_of(place, row, ("text", "query"), "a query's text")
        if is_blank(queries[query]):
            place.refuse("the query has nothing in it: write the question, or take the line out")
    if not queries:
        msg = f"{path} is empty: it has one query a line, with an id and a text"
        raise ConfigurationError(msg)
    return queries


def _given(
    asked: _Asked, queries: Mapping[str, str], documents: Mapping[str, str]
) -> tuple[dict[str, list[str]] | None, tuple[str, ...]]:
    """The candidates of a run file, and notes."""
    if asked.candidates is None:
        return None, ()
    run = read_run(asked.candidates, asked.encoding)
    found, notes = _known_candidates(asked.candidates, {query: run.get(query, ()) for query in queries}, documents)
    others = [query for query in run if query not in queries]
    if others:
        notes = (
            *notes,
            f"{counted(len(others), 'query', 'queries')} of {asked.candidates.name} not in the dataset left out",
        )
    return found, notes


def _known_candidates(
    path: Path, run: Mapping[str, Sequence[str]], documents: Mapping[str, str]
) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """Candidates that have a text. More than one in twenty without is an error, fewer are told and left out."""
    every = [each for ids in run.values() for each in ids]
    missing = [each for each in every if each not in documents]
    if len(missing) * FEW > len(every):
        msg = (
            f"{path}: {len(missing):,} of {len(every):,} candidates are not in the corpus, among them "
            f"{some(missing)}: pass the corpus that they are of, or their texts"
        )
        raise ConfigurationError(msg)
    empty = [query for query, ids in run.items() if not ids]
    if len(empty) == len(run):
        msg = f"{path} has candidates for none of the {counted(len(run), 'query', 'queries')}: are the ids the same?"
        raise ConfigurationError(msg)
    notes = (
        (missing, f"{counted(len(missing), 'candidate')} not in the corpus left out: {some(missing)}"),
        (empty, f"{counted(len(empty), 'query', 'queries')} without candidates, which count as 0: {some(empty)}"),
    )
    found = {query: [each for each in ids if each in documents] for query, ids in run.items()}
    return found, tuple(note for there, note in notes if there)


def _read_questions(asked: _Asked) -> Dataset:
    """A file of questions, and a corpus, candidates or neither."""
    read = read_questions(asked.path, asked.encoding, labelled=asked.labelled)
    corpus = asked.read_corpus()
    documents, own = _with_candidates(read.by_id.values(), corpus.documents)
    queries = {each.id: each.text for each in read.by_id.values()}
    quotes = quotes_of(read.by_id.values(), corpus.sources)
    notes = [*read.notes, *corpus.notes]
    if documents:
        notes += add_quoted(read.grades, read.by_id, quotes, documents, complete=bool(corpus.documents))
    judgements = {query: read.grades.judgements[query] for query in queries if query in read.grades.judgements}
    if corpus.documents:
        quotes = {query: texts for query, texts in quotes.items() if any(judgements.get(query, {}).values())}
        notes += check_missing(asked.path, judgements, documents, _whole_note(judgements, corpus))
    else:
        notes += unreachable(asked.path, judgements, documents)
    found, told = _given(asked, queries, documents)
    if own:
        if found is not None:
            msg = f"candidates={str(asked.candidates)!r}, and {asked.path} has candidates too: leave one of them"
            raise ConfigurationError(msg)
        found, told = _known_candidates(asked.path, {query: own.get(query, []) for query in queries}, documents)
    return Dataset(asked.name, queries, judgements, documents, found, quotes, (*notes, *told))


def _whole_note(judgements: Mapping[str, Mapping[str, int]], corpus: Corpus) -> str:
    """What to do where a label is a whole note, of which there are passages."""
    labels = [each for grades in judgements.values() for each in grades]
    name = next((each for each in labels if each in corpus.sources and each not in corpus.documents), None)
    if name is None:
        return ""
    return (
        f"{quoted(name)} was cut into passages: quote the one that answers, or pass passages=None to keep notes whole"
    )


def _with_candidates(
    questions: Iterable[Question], documents: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """All documents, those among the candidates too, and the candidates' ids by query."""
    whole, run = dict(documents), dict[str, list[str]]()
    for each in questions:
        found = run.setdefault(each.id, []) if each.candidates else []
        seen = set[str]()
        for name, text in each.candidates:
            if name is None and text in documents:  # an id by itself
                name, text = text, None  # noqa: PLW2901
            key = name or f"{each.id}#{len(found) + 1}"
            if key in seen:
                each.place.refuse(f"the candidate {quoted(key)} comes twice: name each once, at its best place")
            if text is not None and whole.setdefault(key, text) != text:
                each.place.refuse(f"the candidate {quoted(key)} has another text elsewhere: give each text its id")
            seen.add(key)
            found.append(key)
    return whole, run
