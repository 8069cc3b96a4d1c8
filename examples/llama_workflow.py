"""Reranking as a step of a LlamaIndex workflow: many candidates in, the relevant ones out, on the event loop.

python examples/llama_workflow.py

pip install "rerank-kit[llama-index,embedded]"
"""

import asyncio
from typing import Any

from llama_index.core.schema import BaseNode, NodeWithScore, TextNode
from llama_index.core.workflow import Event, StartEvent, StopEvent, Workflow, step
from llama_index.retrievers.bm25 import BM25Retriever
from passages import standard_library

from llama_rerank_kit import CrossEncoderRerank, widen

QUESTION = "How can I tell whether two files have the same contents?"


class Candidates(Event):
    """What the first stage found."""

    question: str
    nodes: list[NodeWithScore]


class Search(Workflow):
    """Find, then rerank."""

    def __init__(self, nodes: list[BaseNode]) -> None:
        """Index the nodes, and load the model once for all runs."""
        super().__init__(timeout=60)
        self.retriever = widen(BM25Retriever(nodes=nodes), 50).widened
        self.reranker = CrossEncoderRerank(top_n=5, threshold=0.3)

    @step
    async def find(self, event: StartEvent) -> Candidates:
        """Bring 50 candidates; BM25 has no async of its own, so the widened copy searches in a worker thread."""
        return Candidates(question=event.question, nodes=await self.retriever.aretrieve(event.question))

    @step
    async def rerank(self, event: Candidates) -> StopEvent:
        """Keep at most five, and only those that answer."""
        best = await self.reranker.apostprocess_nodes(event.nodes, query_str=event.question)
        return StopEvent(result=best)


async def main() -> None:
    """Run it once."""
    nodes: list[BaseNode] = [TextNode(text=each.text, id_=each.id) for each in standard_library()]
    best: list[Any] = await Search(nodes).run(question=QUESTION)
    print(QUESTION)
    for each in best:
        print(f"  {each.score:.2f} (BM25: {each.earlier_scores[0]:.1f})  {' '.join(each.text.split())[:90]}")


if __name__ == "__main__":
    asyncio.run(main())
