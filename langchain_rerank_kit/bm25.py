"""BM25 as a LangChain retriever: a first stage that needs no embedding model."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import run_in_executor
from pydantic import Field, PrivateAttr
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import override

from langchain_rerank_kit.result_metadata import with_score
from langchain_rerank_kit.text_read import TextField, reader
from rerank_kit import ConfigurationError, Hit
from rerank_kit.checks import check_count
from rerank_kit.optional import optional
from rerank_kit.texts import UNSPACED, nfkc

_PIECES = re.compile(f"[{UNSPACED}]+|[^\\W{UNSPACED}]+")
_IS_UNSPACED = re.compile(f"[{UNSPACED}]")


def words(text: str) -> list[str]:
    """Cut text into the terms that BM25 counts.

    Words of letters and digits, case folded. Chinese and Japanese, which put no space between words, are cut into
    overlapping pairs of characters, as Lucene's CJKAnalyzer does.
    """
    terms: list[str] = []
    for piece in _PIECES.findall(nfkc(text).casefold()):
        if _IS_UNSPACED.match(piece) and len(piece) > 1:
            terms.extend(piece[at : at + 2] for at in range(len(piece) - 1))
        else:
            terms.append(piece)
    return terms


class BM25Retriever(BaseRetriever):
    """Finds the documents that share the query's rarer words, on the bm25s library (Lucene's variant of BM25).

    The documents that come out are copies with the BM25 score in `metadata["relevance_score"]`. Documents that share
    no word with the query are not returned.

    Attributes:
        docs: The collection.
        k: How many documents to return at most.
        tokenizer: Cuts a text into terms; by default `words`.
        text: What is indexed of a document: a template of its fields, a list of them, or a function; by default the
            page content alone.
    """

    docs: list[Document] = Field(repr=False)
    k: int = Field(default=4, ge=1)
    tokenizer: SkipJsonSchema[Callable[[str], list[str]]] = Field(default=words, exclude=True, repr=False)
    text: TextField = None
    _index: Any = PrivateAttr(default=None)

    @override
    def model_post_init(self, context: Any, /) -> None:
        """Index the collection.

        Raises:
            MissingExtra: bm25s is not installed.
        """
        bm25s = optional("bm25s", extra="langchain", why="BM25Retriever")
        logging.getLogger("bm25s").setLevel(logging.NOTSET)  # its import sets DEBUG, whatever the user has configured
        terms = [self.tokenizer(text) for text in map(reader(self.text), self.docs)]
        if any(terms):  # bm25s cannot index a collection without a single word
            self._index = bm25s.BM25()
            self._index.index(terms, show_progress=False)

    @classmethod
    def from_documents(cls, documents: Iterable[Document], **fields: Any) -> BM25Retriever:
        """Index documents. `fields` are those of the class, such as `k`."""
        return cls(docs=list(documents), **fields)

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
            ConfigurationError: The numbers differ.
        """
        texts = list(texts)
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
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, k: int | None = None
    ) -> list[Document]:
        return self._search(query, k)

    @override
    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, k: int | None = None
    ) -> list[Document]:
        return await run_in_executor(None, self._search, query, k)

    def _search(self, query: str, k: int | None) -> list[Document]:
        limit = self.k if k is None else check_count("k", k)
        terms = self.tokenizer(query)
        if self._index is None or not terms:
            return []
        scores: Any = self._index.get_scores(terms)
        matches = scores.nonzero()[0]
        best = matches[(-scores[matches]).argsort(kind="stable")][:limit]
        return [with_score(self.docs[place], Hit(place, float(scores[place]))) for place in map(int, best)]
