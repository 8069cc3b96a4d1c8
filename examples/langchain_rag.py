"""A LangChain RAG chain that names its sources, with BM25 alone and reranked, over Python's own documentation.

python examples/langchain_rag.py               # the LLM is a stand-in that quotes the first source it is given
python examples/langchain_rag.py --live MODEL  # a model of OpenAI's, with the key in OPENAI_API_KEY

pip install "rerank-kit[langchain,embedded]" langchain-openai

It prints both answers to each question, and the passages that they name as their sources.
"""

import argparse
import re
from typing import Any

from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableLambda, RunnablePassthrough
from langchain_openai import ChatOpenAI
from passages import standard_library
from stand_in import chat_model

from langchain_rerank_kit import BM25Retriever, with_rerank

QUESTIONS = (
    "How can I tell whether two files have the same contents?",
    "How do I find which files match a pattern?",
    "How do I stop a thread until another one is done?",
)
PROMPT = ChatPromptTemplate.from_messages(
    [
        ("system", "Answer from the sources alone, and name those that you used by their numbers, such as [1]."),
        ("user", "{sources}\n\nQuestion: {question}"),
    ]
)


def rag(retriever: Runnable[str, list[Document]], model: ChatOpenAI) -> Runnable[str, Any]:
    """From a question to `question`, `documents` and `answer`."""
    sources = RunnableLambda[dict[str, Any], str](lambda found: numbered(found["documents"]))
    answer = RunnablePassthrough.assign(sources=sources) | PROMPT | model | StrOutputParser()
    return {"documents": retriever, "question": RunnablePassthrough()} | RunnablePassthrough.assign(answer=answer)


def numbered(documents: list[Document]) -> str:
    """What the LLM reads."""
    return "\n\n".join(f"[{number}] {each.page_content}" for number, each in enumerate(documents, start=1))


def named(answer: str, documents: list[Document]) -> list[str]:
    """The titles of the sources that an answer names; a number that there is not is none."""
    numbers = sorted({int(each) for each in re.findall(r"\[(\d+)\]", answer)})
    return [documents[each - 1].metadata["title"] for each in numbers if 0 < each <= len(documents)]


def main() -> None:
    """Ask both chains."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--live", metavar="MODEL", help="ask this model, rather than a stand-in")
    documents = [Document(each.text, metadata={"title": each.title}) for each in standard_library()]
    bm25 = BM25Retriever.from_documents(documents, k=3)
    with chat_model(parser.parse_args().live) as settings:
        model = ChatOpenAI(**settings)
        chains = {"BM25 alone": rag(bm25, model), "with_rerank": rag(with_rerank(bm25, top_n=3), model)}
        for question in QUESTIONS:
            print(f"\n{question}")
            for name, chain in chains.items():
                found = chain.invoke(question)
                print(f"  {name}\n    {found['answer']}")
                for title in named(found["answer"], found["documents"]):
                    print(f"    from {title}")


if __name__ == "__main__":
    main()
