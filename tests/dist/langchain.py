"""The extras `langchain` and `embedded`: a retriever is wrapped, and one document of all comes first."""

from __future__ import annotations

import asyncio

from langchain_rerank_kit import BM25Retriever, CrossEncoderRerank, with_rerank
from rerank_kit import Rules
from rerank_kit.rules import equals, tier

kinds = (str, list, dict, set)
texts = [f"{kind.__name__}.{name}: {getattr(kind, name).__doc__}" for kind in kinds for name in dir(kind)]
retriever = with_rerank(BM25Retriever.from_texts(texts))
question = "How can I put zeros in front of a number?"
for found in (retriever.invoke(question), asyncio.run(retriever.ainvoke(question))):
    assert len(found) == 5
    assert found[0].page_content.startswith("str.zfill"), found
    assert 0 < found[0].metadata["relevance_score"] < 1
assert str(retriever.widening) == "BM25Retriever.k: 4 → 50"
assert CrossEncoderRerank(top_n=None).compress_documents(found, question)[0].page_content.startswith("str.zfill")
rules = with_rerank(BM25Retriever.from_texts(texts), Rules(tiers=[tier("lists", when=equals("kind", "list"))]), top_n=3)
assert len(rules.invoke(question)) == 3
