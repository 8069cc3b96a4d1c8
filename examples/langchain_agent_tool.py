"""A reranked retriever as the tool of a LangChain agent, which asks it before it answers.

python examples/langchain_agent_tool.py               # the LLM is a stand-in that asks its tool, and quotes the first
python examples/langchain_agent_tool.py --live MODEL  # a model of OpenAI's, with the key in OPENAI_API_KEY

pip install "rerank-kit[langchain,embedded]" langchain-openai langgraph

It prints what the agent asked for, what the tool found, with the scores that the LLM never sees, and the answer.
"""

import argparse
from typing import Any

from langchain_core.documents import Document
from langchain_core.prompts import PromptTemplate
from langchain_core.tools import create_retriever_tool
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from passages import standard_library
from stand_in import chat_model

from langchain_rerank_kit import BM25Retriever, with_rerank

QUESTION = "How do I find which files match a pattern?"


def search_tool() -> Any:
    """Searches Python's documentation; agents ask often, so few passages, and no end where the reranker fails."""
    documents = [Document(each.text, metadata={"title": each.title, "number": each.id}) for each in standard_library()]
    return create_retriever_tool(
        with_rerank(BM25Retriever.from_documents(documents), top_n=3, on_error="keep"),
        name="search_python_documentation",
        description="Finds functions and classes of Python's standard library. Ask it a whole question.",
        document_prompt=PromptTemplate.from_template("[{number}] {page_content}"),
        response_format="content_and_artifact",  # the model reads the texts, and your code gets the documents
    )


def agent(model: ChatOpenAI, tool: Any) -> Any:
    """An agent: what `langchain.agents.create_agent(model, [tool])` makes, of the parts that it is made of."""
    asking = model.bind_tools([tool])

    def think(state: MessagesState) -> dict[str, Any]:
        return {"messages": [asking.invoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("think", think)
    graph.add_node("tools", ToolNode([tool]))
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", tools_condition)
    graph.add_edge("tools", "think")
    return graph.compile()


def main() -> None:
    """Ask the agent, and show what it did."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--live", metavar="MODEL", help="ask this model, rather than a stand-in")
    with chat_model(parser.parse_args().live) as settings:
        done = agent(ChatOpenAI(**settings), search_tool()).invoke({"messages": [("user", QUESTION)]})
    for message in done["messages"]:
        for call in getattr(message, "tool_calls", []):
            print(f"asks {call['name']}: {call['args']['query']}")
        if message.type == "tool":
            for each in message.artifact:
                about = each.metadata
                was = f"(was {about['first_stage_rank']})"
                print(f"  {about['relevance_score']:.2f} {was:9} [{about['number']}] {about['title']}")
        elif message.content:
            print(f"{message.type}: {message.content}")


if __name__ == "__main__":
    main()
