"""Hybrid search: BM25 and embeddings find different passages, both lists are fused, and the best reranked.

python examples/hybrid_search.py

pip install "rerank-kit[langchain,embedded]"

It prints for each question where the passage that answers stands by BM25, by embeddings, fused, and reranked. A dash is
where it is not among the 20 best.
"""

from embedding import SmallEmbeddings
from langchain_classic.retrievers import EnsembleRetriever
from langchain_core.documents import Document
from langchain_core.runnables import Runnable
from langchain_core.vectorstores import InMemoryVectorStore
from passages import standard_library

from langchain_rerank_kit import BM25Retriever, with_rerank

MODULES = ["filecmp", "fnmatch", "genericpath", "glob", "os", "pathlib", "posixpath", "shutil", "tempfile"]
QUESTIONS = {
    "How large is a file in bytes?": "genericpath.getsize",
    "How do I put a file somewhere else?": "shutil.move",
    "How do I delete a folder with everything in it?": "shutil.rmtree",
}
RECALL = 20  # of some hundred passages; with thousands it is 50 to 100


def main() -> None:
    """Ask all four."""
    documents = [
        Document(each.text, id=each.id, metadata={"title": each.title})
        for each in standard_library()
        if each.source.removesuffix(".py") in MODULES
    ]
    store = InMemoryVectorStore.from_documents(documents, SmallEmbeddings())
    words, meaning = BM25Retriever.from_documents(documents), store.as_retriever()
    fused = EnsembleRetriever(retrievers=[words, meaning], weights=[0.5, 0.5], id_key=None)
    hybrid = with_rerank(fused, recall=RECALL, top_n=RECALL)
    print(f"{len(documents)} passages\n{hybrid.widening}\n")

    searches: dict[str, Runnable[str, list[Document]]] = {
        "BM25": BM25Retriever.from_documents(documents, k=RECALL),
        "embeddings": store.as_retriever(search_kwargs={"k": RECALL}),
        "fused": hybrid.base_retriever,
        "reranked": hybrid,
    }
    print(f"{'':50}" + "".join(f"{name:>12}" for name in searches))
    for question, wanted in QUESTIONS.items():
        places = [place(wanted, search.invoke(question)) for search in searches.values()]
        print(f"{question:50}" + "".join(f"{each:>12}" for each in places) + f"  {wanted}")


def place(wanted: str, found: list[Document]) -> str:
    """Where a passage stands."""
    titles = [each.metadata["title"].partition("(")[0] for each in found]
    return str(titles.index(wanted) + 1) if wanted in titles else "-"


if __name__ == "__main__":
    main()
