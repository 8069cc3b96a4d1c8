"""First stages to widen, over the same hundred and twenty notes, and models that need no network."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Sequence
from functools import cache
from typing import Any, cast

from llama_index.core import (
    Document,
    DocumentSummaryIndex,
    KnowledgeGraphIndex,
    SimpleKeywordTableIndex,
    StorageContext,
    SummaryIndex,
    VectorStoreIndex,
)
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.base_selector import BaseSelector, SelectorResult, SingleSelection
from llama_index.core.base.llms.types import CompletionResponse, CompletionResponseGen, LLMMetadata
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.graph_stores import SimplePropertyGraphStore
from llama_index.core.graph_stores.types import EntityNode, Relation
from llama_index.core.llms import CustomLLM
from llama_index.core.node_parser import TokenTextSplitter
from llama_index.core.prompts.mixin import PromptDictType
from llama_index.core.response_synthesizers import TreeSummarize
from llama_index.core.retrievers import QueryFusionRetriever, VectorIndexAutoRetriever
from llama_index.core.schema import BaseNode, NodeWithScore, QueryBundle, TextNode
from llama_index.core.tools import ToolMetadata
from llama_index.core.vector_stores import SimpleVectorStore, VectorStoreInfo, VectorStoreQuery, VectorStoreQueryResult
from llama_index.retrievers.bm25 import BM25Retriever
from pydantic import Field
from typing_extensions import override

from llama_rerank_kit import widen
from tests.conftest import Colour

SIZE = 120
RECALL = 50


class Words(BaseEmbedding):
    """An embedding that counts words: texts are alike when they share some."""

    size: int = 64

    def _embed(self, text: str) -> list[float]:
        vector = [0.01] * self.size
        for word in re.findall(r"\w+", text.lower()):
            vector[zlib.crc32(word.encode()) % self.size] += 1.0
        return vector

    @override
    def _get_text_embedding(self, text: str) -> list[float]:
        return self._embed(text)

    @override
    def _get_query_embedding(self, query: str) -> list[float]:
        return self._embed(query)

    @override
    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._embed(query)


class Says(CustomLLM):
    """A language model that always says the same, and remembers what it was asked."""

    answer: str = "It is so."
    asked: list[str] = Field(default_factory=list[str])

    @property
    @override
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(context_window=200_000)

    @override
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        self.asked.append(prompt)
        return CompletionResponse(text=self.answer)

    @override
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        self.asked.append(prompt)
        yield CompletionResponse(text=self.answer, delta=self.answer)


class Choosing(BaseSelector):
    """Chooses those of that place, whatever the question."""

    places: list[int]

    def __init__(self, *places: int) -> None:
        self.places = list(places)

    def _chosen(self) -> SelectorResult:
        return SelectorResult(selections=[SingleSelection(index=place, reason="because") for place in self.places])

    @override
    def _select(self, choices: Sequence[ToolMetadata], query: QueryBundle) -> SelectorResult:
        return self._chosen()

    @override
    async def _aselect(self, choices: Sequence[ToolMetadata], query: QueryBundle) -> SelectorResult:
        return self._chosen()

    @override
    def _get_prompts(self) -> PromptDictType:
        return {}

    @override
    def _update_prompts(self, prompts_dict: PromptDictType) -> None:
        pass


class Hybrid(SimpleVectorStore):
    """A store that keeps to the fields of hybrid search, as Qdrant's does: each part has a limit of its own."""

    @override
    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        limits = (query.similarity_top_k, query.sparse_top_k, query.hybrid_top_k)
        query.similarity_top_k = min(limit for limit in limits if limit is not None)
        return super().query(query, **kwargs)


def notes(size: int = SIZE) -> list[BaseNode]:
    return [TextNode(text=f"note {number}", id_=str(number)) for number in range(size)]


@cache
def index() -> VectorStoreIndex:
    """The one index that every test may read and none may add to."""
    return VectorStoreIndex(notes(), embed_model=Words())


@cache
def hybrid_index() -> VectorStoreIndex:
    return VectorStoreIndex(
        notes(), storage_context=StorageContext.from_defaults(vector_store=Hybrid()), embed_model=Words()
    )


@cache
def summary_index() -> SummaryIndex:
    return SummaryIndex(notes())


@cache
def keyword_index() -> SimpleKeywordTableIndex:
    return SimpleKeywordTableIndex(notes(), llm=Says())


@cache
def document_summary_index() -> DocumentSummaryIndex:
    """Its model chooses each of the ten documents that it is shown at a time."""
    choices = "\n".join(f"Doc: {number}, Relevance: {number}" for number in range(1, 11))
    return DocumentSummaryIndex.from_documents(
        [Document(text=f"note {number}", id_=str(number)) for number in range(SIZE)],
        llm=Says(answer=choices),
        embed_model=Words(),
        response_synthesizer=TreeSummarize(llm=Says()),
        transformations=[TokenTextSplitter()],
    )


def knowledge_graph_index() -> KnowledgeGraphIndex:
    return KnowledgeGraphIndex(
        notes(),
        llm=Says(answer="KEYWORDS: note"),
        embed_model=Words(),
        kg_triplet_extract_fn=lambda text: [("note", "has", text.split()[-1])],
    )


@cache
def property_graph() -> SimplePropertyGraphStore:
    """One thing, related to a hundred and twenty others."""
    store = SimplePropertyGraphStore()
    store.upsert_nodes([EntityNode(name="Note"), *(EntityNode(name=str(number)) for number in range(SIZE))])
    store.upsert_relations([Relation(label="HAS", source_id="Note", target_id=str(n)) for n in range(SIZE)])
    return store


def similar(**options: Any) -> BaseRetriever:
    return index().as_retriever(**options)


def bm25(**options: Any) -> BM25Retriever:
    return BM25Retriever(nodes=notes(), **options)


def fusion(*retrievers: BaseRetriever, **options: Any) -> QueryFusionRetriever:
    given = list(retrievers) if retrievers else [similar(), bm25()]
    settings: dict[str, Any] = {"llm": Says(answer="note one\nnote two"), "num_queries": 3, **options}
    return QueryFusionRetriever(given, **settings)


def auto(top_k: int | None = None, query: str = "note", **options: Any) -> VectorIndexAutoRetriever:
    """A retriever whose model reads that query and that top_k out of every question."""
    spec = json.dumps({"query": query, "filters": [], "top_k": top_k})
    info = VectorStoreInfo(content_info="Notes", metadata_info=[])
    return VectorIndexAutoRetriever(index(), info, llm=Says(answer=f"```json\n{spec}\n```"), **options)


def answer(colour: Colour, retriever: BaseRetriever, query: str = "note") -> list[NodeWithScore]:
    """What a retriever brings for a question that every note suits."""
    return cast("list[NodeWithScore]", colour(retriever, "retrieve", query))


def brought(colour: Colour, retriever: BaseRetriever, recall: int = RECALL) -> int:
    """How many nodes a retriever really brings once it is widened."""
    return len(answer(colour, widen(retriever, recall).widened))


def changes(retriever: BaseRetriever, recall: int = RECALL) -> list[str]:
    return [str(change) for change in widen(retriever, recall).changes]


def settings(thing: Any) -> Any:
    """All that a retriever is set to, however deep, to compare it with later. Opaque things count by identity."""
    parts: Any = thing
    if isinstance(thing, BaseRetriever):
        return type(thing).__name__, {name: settings(value) for name, value in vars(thing).items()}
    if isinstance(thing, dict):
        return {key: settings(value) for key, value in parts.items()}
    if isinstance(thing, list | tuple):
        return [settings(part) for part in parts]
    return thing if isinstance(thing, str | int | float | None) else id(thing)


class Numbers(BaseRetriever):
    """A user's own retriever with a count, in the blocking colour only. Brings "document 0", "document 1", …"""

    def __init__(self, top_k: int = 4) -> None:
        self.top_k = top_k
        super().__init__()

    @override
    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [
            NodeWithScore(node=TextNode(text=f"document {number}", id_=str(number)), score=1 - number / 1000)
            for number in range(self.top_k)
        ]


class Both(BaseRetriever):
    """A user's own wrapper, as LlamaIndex's documentation teaches it."""

    def __init__(self, vectors: BaseRetriever, words: BaseRetriever) -> None:
        self._vectors = vectors
        self._words = words
        super().__init__()

    @override
    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = [*self._vectors.retrieve(query_bundle), *self._words.retrieve(query_bundle)]
        return list({each.node_id: each for each in found}.values())


class Fixed(BaseRetriever):
    """A retriever of somebody's own, whose limit is nowhere to be found."""

    def __init__(self, *nodes: BaseNode) -> None:
        self._found = [NodeWithScore(node=node) for node in nodes]
        super().__init__()

    @override
    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return list(self._found)
