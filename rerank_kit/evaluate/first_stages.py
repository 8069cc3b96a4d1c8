"""First stages of an evaluation: what brings candidates for a query."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol, cast

from rerank_kit.bm25 import BM25
from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.dataset import Dataset
from rerank_kit.quoting import class_name, quoted
from rerank_kit.texts import folded
from rerank_kit.wrong_kind import framework_of


@dataclass(frozen=True, slots=True)
class Found:
    """One candidate.

    Attributes:
        id: By which it is judged.
        text: What a reranker reads.
        score: The first stage's own, where it tells one.
        metadata: What business rules read.
        plain: The text by which it is judged and shown, where a reranker reads more than that.
    """

    id: str
    text: str
    score: float | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    plain: str | None = None

    @property
    def shown(self) -> str:
        """The text by which it is judged and shown."""
        return self.text if self.plain is None else self.plain


class FirstStage(Protocol):
    """What brings candidates.

    Attributes:
        name: What tables call it.
        free: Whether it asks nobody who might have a price.
        reranks: Whether it reranks by itself, and brings the best of more candidates; it need not say.
    """

    name: str
    free: bool

    def find(self, query_id: str, query: str, depth: int) -> Sequence[Found]:
        """At most so many candidates, best first."""
        ...


class BM25Stage:
    """BM25 over the dataset's own documents."""

    name = "bm25"
    free = True

    def __init__(self, dataset: Dataset) -> None:
        """Index the documents.

        Raises:
            ConfigurationError: The dataset has none.
            MissingExtra: bm25s or PyStemmer is not installed.
        """
        if not dataset.documents:
            remedy = "name their folder or file, as in corpus='notes', or pass a retriever"
            msg = f"bm25 needs the documents of the dataset, and {dataset.name} has none: {remedy}"
            raise ConfigurationError(msg)
        self._ids, self._texts = list(dataset.documents), list(dataset.documents.values())
        self._index = BM25(self._texts)

    def find(self, query_id: str, query: str, depth: int) -> Sequence[Found]:
        """Those that share words with the query."""
        found = self._index.best(query, depth)
        return [Found(self._ids[place], self._texts[place], score) for place, score in found]


class GivenStage:
    """The candidates that come with the dataset."""

    name = "given"
    free = True

    def __init__(self, dataset: Dataset) -> None:
        """Take them.

        Raises:
            ConfigurationError: There are none.
        """
        if dataset.candidates is None:
            msg = f"given needs candidates in the dataset, and {dataset.name} has none: take bm25, or a retriever"
            raise ConfigurationError(msg)
        self._candidates, self._documents = dataset.candidates, dataset.documents

    def find(self, query_id: str, query: str, depth: int) -> Sequence[Found]:
        """The first of them."""
        return [Found(each, self._documents[each]) for each in self._candidates.get(query_id, ())[:depth]]


Finder = Callable[[str, int], Sequence[tuple[str | None, str, float | None, Mapping[str, Any], str]]]
"""From a query and a depth to an id, a text, a score, metadata and the plain text of each candidate."""


class RetrieverStage:
    """A retriever of LangChain or LlamaIndex, widened by its adapter."""

    free = False

    def __init__(self, retriever: object, name: str | None = None, dataset: Dataset | None = None) -> None:
        """Take it.

        Args:
            retriever: What finds.
            name: What tables call it; by default its class.
            dataset: Whose ids are looked up by the texts, where what is found has none that it knows.

        Raises:
            ConfigurationError: It is none.
        """
        framework = framework_of(retriever)
        adapter = {"LangChain": "langchain", "LlamaIndex": "llama"}.get(framework or "")
        if adapter is None:
            wanted = "a retriever of LangChain or LlamaIndex, 'bm25' or 'given'"
            msg = f"a first stage must be {wanted}, not {quoted(retriever)}"
            raise ConfigurationError(msg)
        self.name = class_name(retriever) if name is None else name
        evaluating: Any = import_module(f"{adapter}_rerank_kit.evaluating")
        self.reranks: bool = evaluating.reranks(retriever)
        self._find: Finder = evaluating.finder(retriever)
        self._known: Mapping[str, str] = {} if dataset is None else dataset.documents
        self._ids = {folded(text): each for each, text in self._known.items()}

    def find(self, query_id: str, query: str, depth: int) -> Sequence[Found]:
        """What it brings. An id of the dataset wins, by the id or else by the text; else the id is the text's own.

        Texts are compared without metadata, and without white space, case and width.
        """
        return [
            Found(self._id(each, plain), text, score, metadata, plain)
            for each, text, score, metadata, plain in self._find(query, depth)[:depth]
        ]

    def _id(self, given: str | None, text: str) -> str:
        if given in self._known:
            return cast("str", given)
        return self._ids.get(folded(text)) or given or text
