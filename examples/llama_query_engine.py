"""A LlamaIndex query engine with and without reranking, over Python's own documentation. No key, no download.

python examples/llama_query_engine.py

pip install "rerank-kit[llama-index,embedded]"
"""

from typing import Any

from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers.no_text import NoText
from llama_index.core.schema import BaseNode, TextNode
from llama_index.retrievers.bm25 import BM25Retriever
from passages import standard_library

from llama_rerank_kit import widening_of, with_rerank

QUESTIONS = ("How do I convert a number to binary?", "How do I find the median of some numbers?")


def main() -> None:
    """Ask the engine and its reranked copy the same questions."""
    nodes: list[BaseNode] = [
        TextNode(text=each.text, id_=each.id, metadata={"title": each.title}, excluded_embed_metadata_keys=["title"])
        for each in standard_library()
    ]
    plain = RetrieverQueryEngine(
        BM25Retriever(nodes=nodes, similarity_top_k=5),
        NoText(llm=MockLLM()),  # with CompactAndRefine and a model of your own there are answers as well
    )
    reranked = with_rerank(plain)
    print(f"{len(nodes)} passages")
    print(widening_of(reranked))
    for question in QUESTIONS:
        print(f"\n{question}\n\nBM25 alone")
        show(plain.query(question).source_nodes)
        print("with_rerank")
        show(reranked.query(question).source_nodes)


def show(found: list[Any]) -> None:
    """Print scores and titles."""
    for each in found:
        print(f"  {each.score:6.2f}  {each.metadata['title']}")


if __name__ == "__main__":
    main()
