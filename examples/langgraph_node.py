"""Reranking as a node of a LangGraph graph, with a branch for questions to which nothing relevant was found.

python examples/langgraph_node.py

pip install "rerank-kit[langchain,embedded]" langgraph

It prints for each question which nodes ran, and the passages that an LLM would answer from, or that there are none.
"""

import asyncio
from typing import TypedDict

from langchain_core.documents import Document
from langgraph.graph import END, START, StateGraph
from passages import standard_library

from langchain_rerank_kit import BM25Retriever, CrossEncoderRerank, widen

QUESTIONS = ("How do I stop a thread until another one is done?", "How do I renew my passport?")
ENOUGH = 0.5  # a threshold of this model on these texts: have yours found on your own questions, `rerank-kit calibrate`


class State(TypedDict, total=False):
    """What the nodes hand on."""

    question: str
    candidates: list[Document]
    documents: list[Document]
    answer: str


def search_graph(documents: list[Document]) -> StateGraph[State, None, State, State]:
    """Find, rerank, and answer or admit that nothing was found."""
    first_stage = widen(BM25Retriever.from_documents(documents), 50).widened
    reranker = CrossEncoderRerank(top_n=3, threshold=ENOUGH)

    async def find(state: State) -> State:
        return {"candidates": await first_stage.ainvoke(state["question"])}

    async def rerank(state: State) -> State:
        best = await reranker.acompress_documents(state["candidates"], state["question"])
        return {"documents": list(best)}

    def answer(state: State) -> State:  # here an LLM would read the documents
        titles = [f"{each.metadata['relevance_score']:.2f} {each.metadata['title']}" for each in state["documents"]]
        return {"answer": "\n".join(titles)}

    def admit(state: State) -> State:  # or ask for another question, or search the web
        return {"answer": f"None of the {len(state['candidates'])} candidates answers that."}

    graph = StateGraph(State)
    for node in (find, rerank, answer, admit):
        graph.add_node(node.__name__, node)
    graph.add_edge(START, "find")
    graph.add_edge("find", "rerank")
    graph.add_conditional_edges(
        "rerank", lambda state: "answer" if state["documents"] else "admit", ["answer", "admit"]
    )
    graph.add_edge("answer", END)
    graph.add_edge("admit", END)
    return graph


def enough(state: State) -> str:
    """Where to go from the reranker: to an answer, if it left anything."""
    return "answer" if state["documents"] else "admit"


async def main() -> None:
    """Ask both questions."""
    documents = [Document(each.text, metadata={"title": each.title}) for each in standard_library()]
    graph = search_graph(documents).compile()
    for question in QUESTIONS:
        print(f"\n{question}")
        async for update in graph.astream({"question": question}, stream_mode="updates"):
            for node, change in update.items():
                print(f"  {node}")
                if "answer" in change:
                    print("    " + change["answer"].replace("\n", "\n    "))


if __name__ == "__main__":
    asyncio.run(main())
