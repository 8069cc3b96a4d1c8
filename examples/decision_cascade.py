"""50 candidates, the ten best by a cross-encoder, and a decision model that says which answer, and whether any does.

python examples/decision_cascade.py         # the model is a stand-in on this machine, which speaks OpenAI's API
python examples/decision_cascade.py --live  # OpenAI's own, with the key in OPENAI_API_KEY

pip install "rerank-kit[langchain,llama-index,embedded,http]"
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
from rerank_kit.testing import DecisionServer

QUESTIONS = ("How can I find the median of some numbers?", "How do I renew my passport?")


def stand_in(query: str, text: str) -> float:
    """What the stand-in thinks of a text: it answers if it is of a function that returns what the query asks for."""
    answers = re.search(r"Return the [\w ]{0,20}median [\w() ]{0,40}of [\w ]{0,20}data", " ".join(text.split()))
    return 0.95 if "median" in query and answers else 0.05


def langchain(texts: Sequence[str], model: dict[str, Any], spans: list[Span]) -> Any:
    """The cascade in LangChain."""
    decide = lc.DecisionRerank(top_n=3, min_answerable=0.5, **model)
    cascade = lc.CascadeRerank(stages=[lc.CrossEncoderRerank(top_n=10), decide])
    cascade.loaded.hooks = [spans.append]
    retriever = lc.with_rerank(lc.BM25Retriever.from_texts(list(texts)), cascade, recall=50, top_n=3)

    def ask(question: str) -> list[tuple[str, str, float | None]]:
        found = [(each.page_content, each.metadata) for each in retriever.invoke(question)]
        return [(text, each["relevance_verdict"], each.get("relevance_score")) for text, each in found]

    return ask, decide


def llama_index(texts: Sequence[str], model: dict[str, Any], spans: list[Span]) -> Any:
    """The same in LlamaIndex."""
    decide = li.DecisionRerank(top_n=3, min_answerable=0.5, **model)
    cascade = li.CascadeRerank(stages=[li.CrossEncoderRerank(top_n=10), decide])
    cascade.loaded.hooks = [spans.append]
    first_stage = BM25Retriever(nodes=[TextNode(text=text) for text in texts])
    retriever = li.with_rerank(first_stage, cascade, recall=50, top_n=3)

    def ask(question: str) -> list[tuple[str, str, float | None]]:
        found: list[Any] = list(retriever.retrieve(question))
        return [(each.text, each.relevance_verdict, each.score) for each in found]

    return ask, decide


def main() -> None:
    """Run both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--live", action="store_true", help="ask OpenAI, rather than a stand-in")
    texts = [each.text for each in standard_library()]
    with DecisionServer(stand_in) as server:
        model = {"api_key": "stand-in", "base_url": server.base_url("openai")}
        if parser.parse_args().live:
            model = {}
        print("by OpenAI" if not model else "by a stand-in, which counts words for tokens")
        for name, make in (("LangChain", langchain), ("LlamaIndex", llama_index)):
            spans: list[Span] = []
            ask, decide = make(texts, model, spans)
            print(f"\n{name}")
            for question in QUESTIONS:
                found = ask(question)
                print(f"  {question}")
                for text, verdict, score in found:
                    level = "unjudged" if score is None else f"level {verdict}, {score:.2f}"
                    print(f"    {' '.join(text.split())[:70]:70}  {level}")
                if not found:
                    print("    I don't know: probably nothing here answers that.")
                if spans[-1].problem is not None:
                    print(f"    Take care, this is not what was asked for: {spans[-1].problem}")
                told(spans[-1])
            decide.loaded.decider.close()


def told(span: Span) -> None:
    """Print what a query went through and what it cost."""
    for stage in span.children:
        print(f"    {stage.documents_in} → {stage.documents_out}  {stage.backend}({stage.model})")
    usage = span.usage
    (asked,) = [each for each in span.inner if each.backend == "OpenAIDecisions"]
    cost = "unknown" if asked.cost is None else f"${asked.cost:.6f}"
    print(f"    {usage.calls} call, {usage.input_tokens} tokens read: {cost} a query")


if __name__ == "__main__":
    main()
