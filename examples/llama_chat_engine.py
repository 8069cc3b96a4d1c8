"""A LlamaIndex chat engine with and without reranking: a question, and one that only makes sense after it.

python examples/llama_chat_engine.py               # the LLM is a stand-in that quotes the first source it is given
python examples/llama_chat_engine.py --live MODEL  # a model of OpenAI's, with the key in OPENAI_API_KEY

pip install "rerank-kit[llama-index,embedded]" openai

It prints the conversation with each engine, with the score of each source and, reranked, where BM25 had put it.
"""

import argparse
from typing import Any

from llama_index.core.chat_engine import CondensePlusContextChatEngine
from llama_index.core.llms import CompletionResponse, CompletionResponseGen, CustomLLM, LLMMetadata
from llama_index.core.llms.callbacks import llm_completion_callback
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.schema import BaseNode, TextNode
from llama_index.retrievers.bm25 import BM25Retriever
from passages import standard_library
from stand_in import chat_model, completed

from llama_rerank_kit import widening_of, with_rerank

CONVERSATION = ("How do I find which files match a pattern?", "And as an iterator?")


class Chat(CustomLLM):
    """An LLM on OpenAI's SDK; `OpenAI` of llama-index-llms-openai is one with more to it."""

    settings: dict[str, Any]

    @property
    def metadata(self) -> LLMMetadata:
        """What LlamaIndex wants to know of it."""
        return LLMMetadata(model_name=self.settings["model"])

    @llm_completion_callback()
    def complete(self, prompt: str, *args: Any, **kwargs: Any) -> CompletionResponse:
        """Answer a prompt."""
        return CompletionResponse(text=completed(self.settings, prompt)[0])

    @llm_completion_callback()
    def stream_complete(self, prompt: str, *args: Any, **kwargs: Any) -> CompletionResponseGen:
        """Answer in one piece."""
        yield self.complete(prompt)


def main() -> None:
    """Have the same conversation with both engines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--live", metavar="MODEL", help="ask this model, rather than a stand-in")
    nodes: list[BaseNode] = [
        TextNode(
            text=each.text,
            metadata={"number": each.id, "title": each.title},
            excluded_embed_metadata_keys=["number", "title"],  # the reranker reads the text alone,
            excluded_llm_metadata_keys=["title"],  # and the LLM the number in front of it
            text_template="[{metadata_str}] {content}",
            metadata_template="{value}",
        )
        for each in standard_library()
    ]
    first_stage = BM25Retriever(nodes=nodes, similarity_top_k=3)
    with chat_model(parser.parse_args().live) as settings:
        llm = Chat(settings=settings)
        plain, other = (
            CondensePlusContextChatEngine.from_defaults(first_stage, llm=llm, memory=ChatMemoryBuffer.from_defaults())
            for _ in range(2)  # each has a memory of its own
        )
        reranked = with_rerank(other, top_n=3)
        print(widening_of(reranked))
        for name, engine in (("BM25 alone", plain), ("with_rerank", reranked)):
            print(f"\n{name}")
            for question in CONVERSATION:
                response = engine.chat(question)
                print(f"  you: {question}\n  it:  {response}")
                for node in response.source_nodes:
                    was = getattr(node, "first_stage_rank", None)
                    place = "" if was is None else f" (was {was})"
                    print(f"         {node.score:6.2f}{place} [{node.metadata['number']}] {node.metadata['title']}")


if __name__ == "__main__":
    main()
