"""Contextual Retrieval: chunks that do not say what they are about, with and without a context in front of them.

python examples/contextual_retrieval.py

pip install "rerank-kit[langchain,embedded]"

The documents are modules of Python's standard library, cut into small chunks; contexts are made of titles and headings,
which costs nothing. It prints for each question where the chunk that answers stands, found by a hybrid search and
reranked, without contexts and with them. A dash is where it is not among the 10 best.
"""

from collections.abc import Sequence

from embedding import SmallEmbeddings
from langchain_core.documents import Document
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_text_splitters import RecursiveCharacterTextSplitter
from passages import standard_library

from langchain_rerank_kit import RerankCompressor, contextual_retriever
from rerank_kit import Deadline
from rerank_kit.contextual import ChunkedDocument, Context, Contexts, ContextSource, HeadingContext
from rerank_kit.flow import Flow, blocking
from rerank_kit.local import OnnxCrossEncoder

MODULES = ("shutil.py", "heapq.py", "bisect.py")
QUESTIONS = {  # and words of the chunk that answers, which has no name of a function in it
    "What does rmtree do with errors?": "If ignore_errors is set, errors are ignored",
    "How does shutil.move treat symlinks?": "Symlinks are recreated under the new name",
    "Can copytree copy into a directory that exists?": "If dirs_exist_ok is false (the default)",
    "Which archive formats does make_archive know?": "format' is the archive format: one of",
}
BEST = 10


def documents() -> list[Document]:
    """A document for each module, with a heading for each function in it."""
    texts: dict[str, list[str]] = {name: [] for name in MODULES}
    for each in standard_library():
        if each.source in texts:
            title, _, text = each.text.partition("\n\n")
            texts[each.source].append(f"# {title}\n\n{text}")
    return [Document("\n\n".join(parts), metadata={"source": name}) for name, parts in texts.items()]


class NoContexts(ContextSource):
    """Leaves chunks as they are: what contexts have to be better than."""

    def flow(self, documents: Sequence[ChunkedDocument], deadline: Deadline) -> Flow[Contexts]:
        """No context for any chunk."""
        return (yield from blocking(self.none, documents))

    def none(self, documents: Sequence[ChunkedDocument]) -> Contexts:
        """A row without contexts for each document."""
        return Contexts(tuple(documents), tuple(tuple(Context(None) for _ in each.chunks) for each in documents))


def place(words: str, found: list[Document]) -> str:
    """Where the chunk with these words stands."""
    places = [rank for rank, each in enumerate(found, start=1) if words in " ".join(each.page_content.split())]
    return str(places[0]) if places else "-"


def main() -> None:
    """Index the modules twice, and ask both."""
    splitter = RecursiveCharacterTextSplitter(chunk_size=300, chunk_overlap=0, separators=["\n# ", "\n\n", "\n", " "])
    reads_all = RerankCompressor(reranker=OnnxCrossEncoder(), text="{page_content}")  # by default the chunk alone
    print(f"{'':48}{'hybrid':>8}{'reranked':>10}")
    for name, contexts in (("without contexts", NoContexts()), ("with contexts", HeadingContext())):
        store = InMemoryVectorStore(SmallEmbeddings())
        retriever = contextual_retriever(
            documents(), store, reads_all, contexts=contexts, splitter=splitter, recall=30, top_n=BEST
        )
        print(name)
        for question, words in QUESTIONS.items():
            found = retriever.first_stage.invoke(question, k=BEST), retriever.invoke(question)
            print(f"  {question:46}{place(words, found[0]):>8}{place(words, found[1]):>10}")
    question, words = next(iter(QUESTIONS.items()))
    (chunk,) = (each for each in retriever.invoke(question) if words in " ".join(each.page_content.split()))
    print(f"\n{chunk.metadata['context']!r} stands in front of {chunk.metadata['original_text'][:60]!r} …")


if __name__ == "__main__":
    main()
