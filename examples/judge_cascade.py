"""Three stages: 50 candidates, the ten best by a cross-encoder, the three of them that an LLM says answer.

python examples/judge_cascade.py         # the LLM is a stand-in on this machine, which speaks Claude's API
python examples/judge_cascade.py --live  # Claude itself, with the key in ANTHROPIC_API_KEY

pip install "rerank-kit[langchain,llama-index,embedded,anthropic]"
"""

import argparse
import re
from collections.abc import Sequence
from typing import Any

from llama_index.core.schema import TextNode
from llama_index.retrievers.bm25 import BM25Retriever
from passages import standard_library

import langchain_rerank_kit as lc
import llama_rerank_kit as li
from rerank_kit import Span
from rerank_kit.testing import ChatServer

QUESTION = "How can I find the median of some numbers?"


def stand_in(_: str, text: str) -> float:
    """What the stand-in thinks of a text: it answers if it is of a function that returns the median of data."""
    return float(
        re.search(r"Return the [\w ]{0,20}median [\w() ]{0,40}of [\w ]{0,20}data", " ".join(text.split())) is not None
    )


def langchain(texts: Sequence[str], judge: dict[str, Any], spans: list[Span]) -> list[tuple[str, str, str]]:
    """The cascade in LangChain."""
    stages = [lc.CrossEncoderRerank(top_n=10), lc.LLMJudgeRerank(top_n=3, **judge)]
    cascade = lc.CascadeRerank(stages=stages)
    cascade.loaded.hooks = [spans.append]
    retriever = lc.with_rerank(lc.BM25Retriever.from_texts(list(texts)), cascade, recall=50, top_n=3)
    found = [(each.page_content, each.metadata) for each in retriever.invoke(QUESTION)]
    close(stages[-1].loaded)
    return [(text, each["relevance_verdict"], each["relevance_reason"]) for text, each in found]


def llama_index(texts: Sequence[str], judge: dict[str, Any], spans: list[Span]) -> list[tuple[str, str, str]]:
    """The same in LlamaIndex."""
    stages = [li.CrossEncoderRerank(top_n=10), li.LLMJudgeRerank(top_n=3, **judge)]
    cascade = li.CascadeRerank(stages=stages)
    cascade.loaded.hooks = [spans.append]
    first_stage = BM25Retriever(nodes=[TextNode(text=text) for text in texts])
    found: list[Any] = li.with_rerank(first_stage, cascade, recall=50, top_n=3).retrieve(QUESTION)
    close(stages[-1].loaded)
    return [(each.text, each.relevance_verdict, each.relevance_reason) for each in found]


def close(judge: Any) -> None:
    """Close the connections to the model."""
    judge.chat.close()


def main() -> None:
    """Run both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--live", action="store_true", help="ask Claude, rather than a stand-in")
    texts = [each.text for each in standard_library()]
    with ChatServer(stand_in) as server:
        judge = {"api_key": "stand-in", "base_url": server.base_url("anthropic")}
        if parser.parse_args().live:
            judge = {}
        print(QUESTION)
        print("by Claude" if not judge else "by a stand-in, which counts words for tokens")
        for name, run in (("LangChain", langchain), ("LlamaIndex", llama_index)):
            spans: list[Span] = []
            found = run(texts, judge, spans)
            print(f"\n{name}")
            for text, verdict, reason in found:
                print(f"  {' '.join(text.split())[:70]:70}  {verdict}: {reason}")
            told(spans[-1])


def told(span: Span) -> None:
    """Print what a query went through and what it cost."""
    for stage in span.children:
        print(f"  {stage.documents_in} → {stage.documents_out}  {stage.backend}({stage.model})")
    usage = span.usage
    (asked,) = [each for each in span.inner if each.backend == "Anthropic"]
    cost = "unknown" if asked.cost is None else f"${asked.cost:.6f}"
    print(f"  {usage.calls} calls, {usage.input_tokens} tokens read, {usage.output_tokens} written: {cost} a query")


if __name__ == "__main__":
    main()
