"""First stages to widen, over the same hundred and twenty notes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, cast

from langchain_classic.chains.query_constructor.base import (
    load_query_constructor_runnable,  # pyright: ignore[reportUnknownVariableType] - the library leaves out type arguments
)
from langchain_classic.retrievers import (
    MultiVectorRetriever,
    ParentDocumentRetriever,
    SelfQueryRetriever,
    TimeWeightedVectorStoreRetriever,
)
from langchain_classic.retrievers.multi_vector import SearchType
from langchain_core.callbacks import CallbackManagerForRetrieverRun, Callbacks
from langchain_core.documents import BaseDocumentCompressor, BaseDocumentTransformer, Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.language_models import FakeListLLM
from langchain_core.retrievers import BaseRetriever, RetrieverLike
from langchain_core.stores import InMemoryStore
from langchain_core.structured_query import Comparison, Operation, StructuredQuery, Visitor
from langchain_core.vectorstores import InMemoryVectorStore, VectorStoreRetriever
from langchain_text_splitters import CharacterTextSplitter, TextSplitter
from pydantic import BaseModel, Field

from langchain_rerank_kit import BM25Retriever, widen
from tests.conftest import Colour

SIZE = 120
RECALL = 50


class Store(InMemoryVectorStore):
    """LangChain's own store in memory, with the scores between 0 and 1 that it leaves to subclasses."""

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        return lambda cosine: (cosine + 1) / 2


def notes(size: int = SIZE) -> list[Document]:
    return [Document(page_content=f"note {number}", id=str(number)) for number in range(size)]


def new_store() -> Store:
    return Store(DeterministicFakeEmbedding(size=16))


@cache
def store() -> Store:
    """The one store that every test may read and none may add to."""
    filled = new_store()
    filled.add_documents(notes())
    return filled


def similar(**search_kwargs: Any) -> VectorStoreRetriever:
    return store().as_retriever(search_kwargs=search_kwargs)


def mmr(**search_kwargs: Any) -> VectorStoreRetriever:
    return store().as_retriever(search_type="mmr", search_kwargs=search_kwargs)


def bm25() -> BM25Retriever:
    return BM25Retriever.from_documents(notes())


def search(query: str, k: int = 4) -> list[Document]:
    return notes()[:k]


async def search_in_async(query: str, k: int = 4) -> list[Document]:
    return notes()[:k]


def whatever(query: str) -> list[Document]:
    return notes()[:4]


def unchanged(documents: list[Document]) -> list[Document]:
    return documents


def parents(splitter: TextSplitter | None = None, originals: list[Document] | None = None) -> ParentDocumentRetriever:
    """Every note is a parent of its own, with one chunk, unless others are given."""
    retriever = ParentDocumentRetriever(
        vectorstore=new_store(),
        docstore=InMemoryStore(),
        child_splitter=CharacterTextSplitter() if splitter is None else splitter,
    )
    retriever.add_documents(notes() if originals is None else originals)
    return retriever


def many_vectors(search_type: str = "similarity", **fields: Any) -> MultiVectorRetriever:
    """Every note has one vector."""
    originals = InMemoryStore()
    originals.mset([(str(number), note) for number, note in enumerate(notes())])
    vectors = new_store()
    vectors.add_documents([Document(page_content=note.page_content, metadata={"doc_id": note.id}) for note in notes()])
    return MultiVectorRetriever(vectorstore=vectors, docstore=originals, search_type=SearchType(search_type), **fields)


def time_weighted() -> TimeWeightedVectorStoreRetriever:
    retriever = TimeWeightedVectorStoreRetriever(vectorstore=new_store())
    retriever.add_documents(notes())
    return retriever


class NoFilters(Visitor):
    """For questions in which there is nothing to filter by."""

    def visit_operation(self, operation: Operation) -> Any:
        raise NotImplementedError

    def visit_comparison(self, comparison: Comparison) -> Any:
        raise NotImplementedError

    def visit_structured_query(self, structured_query: StructuredQuery) -> tuple[str, dict[str, Any]]:
        return structured_query.query, {}


def self_query(*, enable_limit: bool, limit: int | None = None, **fields: Any) -> SelfQueryRetriever:
    """A retriever whose model reads that limit, or none, out of every question."""
    read = {"query": "note", "filter": "NO_FILTER"} | ({} if limit is None else {"limit": limit})
    model = FakeListLLM(responses=[f"```json\n{json.dumps(read)}\n```"])
    return SelfQueryRetriever(
        # fix_invalid: without it, the chain wants the lark package before there is a filter to parse
        llm_chain=load_query_constructor_runnable(model, "Notes", [], enable_limit=enable_limit, fix_invalid=True),
        vectorstore=store(),
        structured_query_translator=NoFilters(),
        **fields,
    )


def answer(colour: Colour, retriever: RetrieverLike, **kwargs: Any) -> list[Document]:
    """What a retriever brings for a question that every note suits."""
    return cast("list[Document]", colour(retriever, "invoke", "note", **kwargs))


def brought(colour: Colour, retriever: RetrieverLike, recall: int = RECALL) -> int:
    """How many documents a retriever really brings once it is widened."""
    return len(answer(colour, widen(retriever, recall).widened))


def settings(thing: Any) -> Any:
    """All that a retriever is set to, however deep, to compare it with later. Opaque things count by identity."""
    parts: Any = thing
    if isinstance(thing, BaseModel) and not isinstance(thing, Document):
        fields = {name: settings(getattr(thing, name)) for name in type(thing).model_fields}
        return type(thing).__name__, fields
    if isinstance(thing, Mapping):
        return {key: settings(value) for key, value in parts.items()}
    if isinstance(thing, list | tuple):
        return [settings(part) for part in parts]
    return thing if isinstance(thing, str | int | float | None) else id(thing)


class Cut(BaseRetriever):
    """What the retrievers below share: they return the first so many notes. `None` is all of them."""

    def size(self) -> int | None:
        raise NotImplementedError

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return notes()[: self.size()]


class Unknown(Cut):
    """A retriever of somebody's own, whose limit is nowhere to be found."""

    def size(self) -> int:
        return 4


class CountedByK(Cut):
    """The field of TFIDFRetriever, KNNRetriever and SVMRetriever, which live in langchain-community."""

    k: int = 4

    def size(self) -> int:
        return self.k


class CountedByTopK(Cut):
    """The field of hybrid search at Pinecone, of Vertex and of Azure, where `None` leaves it to the service."""

    top_k: int | None = 5

    def size(self) -> int | None:
        return self.top_k


class CountedByTopKResults(Cut):
    """The field of the retrievers that ask Wikipedia, arXiv and PubMed."""

    top_k_results: int = 3

    def size(self) -> int:
        return self.top_k_results


class Bounded(Cut):
    """A service that refuses to bring more than its client declares."""

    k: int = Field(default=10, ge=1, le=30)

    def size(self) -> int:
        return self.k


class CountedInSearchKwargs(Cut):
    """A retriever with search_kwargs but without a vector store, as vendors write them."""

    search_kwargs: dict[str, Any] = Field(default_factory=lambda: {"k": 4, "boost": 2.0})

    def size(self) -> int:
        return int(self.search_kwargs["k"])


class BedrockByDict(Cut):
    """Where Amazon's knowledge bases keep the number, given as the JSON of the service."""

    retrieval_config: dict[str, Any] = Field(
        default_factory=lambda: {
            "vectorSearchConfiguration": {"numberOfResults": 4, "overrideSearchType": "HYBRID"},
            "owner": "us",
        }
    )

    def size(self) -> int:
        return int(self.retrieval_config["vectorSearchConfiguration"]["numberOfResults"])


class VectorSearchConfig(BaseModel):
    numberOfResults: int = Field(default=4, le=100)  # noqa: N815 - the service's name
    overrideSearchType: str = "HYBRID"  # noqa: N815 - the service's name


class RetrievalConfig(BaseModel):
    vectorSearchConfiguration: VectorSearchConfig = Field(default_factory=VectorSearchConfig)  # noqa: N815 - as above


class BedrockByModel(Cut):
    """The same, given as the pydantic models of langchain-aws."""

    retrieval_config: RetrievalConfig | None = Field(default_factory=RetrievalConfig)

    def size(self) -> int | None:
        config = self.retrieval_config
        return None if config is None else config.vectorSearchConfiguration.numberOfResults


class FirstFew(BaseDocumentCompressor):
    """A compressor that keeps a set number, under the name that LangChain's rerankers give it."""

    top_n: int | None = 3

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        return documents[: self.top_n]


class OddOnes(BaseDocumentCompressor):
    """A compressor that drops by what documents say, like LLMChainFilter: no number would stop it."""

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        return [document for document in documents if int(document.page_content.split()[-1]) % 2]


class Redundant(BaseDocumentTransformer, BaseModel):
    """A transformer made as EmbeddingsRedundantFilter is, which lives in langchain-community."""

    similarity_threshold: float = 0.95

    def transform_documents(self, documents: Sequence[Document], **kwargs: Any) -> Sequence[Document]:
        return list({document.page_content: document for document in documents}.values())
