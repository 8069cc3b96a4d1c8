"""BM25 as a LangChain retriever: a first stage that needs no embedding model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import run_in_executor
from pydantic import ConfigDict, Field, PrivateAttr
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import override

from langchain_rerank_kit.changing import Changing
from langchain_rerank_kit.misspelt import told_of_fields
from langchain_rerank_kit.result_metadata import with_score
from langchain_rerank_kit.text_read import TextField, reader
from rerank_kit import ConfigurationError, Hit
from rerank_kit.bm25 import AUTO, BM25
from rerank_kit.checks import check_count
from rerank_kit.names import check_names
from rerank_kit.quoting import quoted

_INDEXED = frozenset({"docs", "language", "tokenizer", "text"})


class BM25Retriever(Changing, BaseRetriever):
    """Finds the documents that share the query's rarer words, on the bm25s library (Lucene's variant of BM25).

    Words are compared by their stems, so that "houses" finds "house", and names in code are found by their parts too.
    Of a query, the commonest words of the language count next to nothing, unless it has no others.

    The documents that come out are copies with the BM25 score in `metadata["relevance_score"]`. Documents that share
    no word with the query are not returned.

    A field that is assigned, or given to `model_copy`, is checked and takes effect: the collection is indexed anew
    where its index depends on it. What changes inside `docs` is not seen: assign a new list.

    Attributes:
        docs: The collection.
        k: How many documents to return at most.
        language: That of the collection, such as `"german"`, for stems and commonest words. `"auto"` tells it from the
            texts, and the retriever's `repr` says which it is; where none is clear, as in mixed collections, it is
            `None`: words as they stand, all of them.
        tokenizer: Cuts a text into terms, in place of all that.
        text: What is indexed of a document: a template of its fields, a list of them, or a function; by default the
            page content alone.
    """

    docs: list[Document] = Field(repr=False)
    k: int = Field(default=4, ge=1)
    language: str | None = AUTO
    tokenizer: SkipJsonSchema[Callable[[str], list[str]] | None] = Field(default=None, exclude=True, repr=False)
    text: TextField = None
    _index: BM25 = PrivateAttr()

    model_config = ConfigDict(extra="forbid")

    @override
    def _complete(self) -> None:
        """Index the collection.

        Raises:
            ConfigurationError: There is no such language.
            MissingExtra: bm25s or PyStemmer is not installed.
        """
        self._index_documents()

    def _index_documents(self) -> None:
        told_of_fields(self.docs, self.text, frozenset(), type(self).__name__)
        texts = list(map(reader(self.text), self.docs))
        self._index = BM25(texts, language=self.language, tokenizer=self.tokenizer)

    @override
    def _follow(self, names: frozenset[str]) -> None:
        """Index anew where the index depends on what changed."""
        if names & _INDEXED:
            self._index_documents()

    @override
    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Say in which language words are compared."""
        yield from (shown for shown in super().__repr_args__() if shown[0] != "language")
        if self.tokenizer is None:
            language = self._index.language
            yield "language", f"{AUTO}: {language}" if self.language == AUTO else language

    @classmethod
    def from_documents(cls, documents: Iterable[Document], **fields: Any) -> BM25Retriever:
        """Index documents. `fields` are those of the class, such as `k`.

        Raises:
            ConfigurationError: One of them is none.
        """
        docs = list(documents)
        for place, each in enumerate(docs):
            given: object = each
            if not isinstance(given, Document):
                msg = f"documents[{place}] must be a LangChain document, not {quoted(given)}: texts go to from_texts"
                raise ConfigurationError(msg)
        return cls(docs=docs, **fields)

    @classmethod
    def from_texts(
        cls,
        texts: Iterable[str],
        metadatas: Sequence[Mapping[str, Any]] | None = None,
        ids: Sequence[str] | None = None,
        **fields: Any,
    ) -> BM25Retriever:
        """Index texts, with metadata and ids of the same number if given.

        Raises:
            ConfigurationError: One of them is none, or the numbers differ.
        """
        if isinstance(texts, str):
            msg = f"texts must be a list of str, not {quoted(texts)}: wrap it in a list"
            raise ConfigurationError(msg)
        texts = list(texts)
        for place, each in enumerate(texts):
            given: object = each
            if not isinstance(given, str):
                msg = f"texts[{place}] must be a str, not {quoted(given)}: documents go to from_documents"
                raise ConfigurationError(msg)
        for name, given in (("metadatas", metadatas), ("ids", ids)):
            if given is not None and len(given) != len(texts):
                msg = f"{name} has {len(given)} entries for {len(texts)} texts: pass one for each, or None"
                raise ConfigurationError(msg)
        return cls.from_documents(
            (
                Document(
                    page_content=text,
                    metadata={} if metadatas is None else dict(metadatas[place]),
                    id=None if ids is None else ids[place],
                )
                for place, text in enumerate(texts)
            ),
            **fields,
        )

    @override
    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, k: int | None = None, **others: Any
    ) -> list[Document]:
        check_names("invoke", others, ["k"])
        return self._search(query, k)

    @override
    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, k: int | None = None, **others: Any
    ) -> list[Document]:
        check_names("ainvoke", others, ["k"])
        return await run_in_executor(None, self._search, query, k)

    def _search(self, query: str, k: int | None) -> list[Document]:
        limit = self.k if k is None else check_count("k", k, none="for that of the retriever")
        return [with_score(self.docs[place], Hit(place, score)) for place, score in self._index.best(query, limit)]
