"""The extras `llama-index` and `embedded`: a retriever is wrapped, and one node of all comes first."""

from __future__ import annotations

import asyncio

from llama_index.core.schema import TextNode
from llama_index.retrievers.bm25 import BM25Retriever

from llama_rerank_kit import widening_of, with_rerank

kinds = (str, list, dict, set)
texts = [f"{kind.__name__}.{name}: {getattr(kind, name).__doc__}" for kind in kinds for name in dir(kind)]
retriever = with_rerank(BM25Retriever(nodes=[TextNode(text=text) for text in texts]))
question = "How can I put zeros in front of a number?"
for found in (retriever.retrieve(question), asyncio.run(retriever.aretrieve(question))):
    assert len(found) == 5
    assert found[0].text.startswith("str.zfill"), found
    assert 0 < (found[0].score or 0) < 1
assert str(widening_of(retriever)) == "BM25Retriever.similarity_top_k: 2 → 50"
