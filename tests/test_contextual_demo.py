"""Both kits, end to end on the demo's text: Python's own documentation, a document for each module."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from rerank_kit import Deadline
from rerank_kit.contextual import ChunkedDocument, Contexts, ContextSource, Contextualizer
from rerank_kit.flow import Flow
from rerank_kit.judge import Anthropic
from rerank_kit.local import OnnxCrossEncoder
from rerank_kit.testing import ChatServer
from tests.processes import EXAMPLES

pytestmark = pytest.mark.unmeasured  # all of it has tests of its own

MODULES = ("filecmp.py", "fractions.py", "random.py", "shutil.py", "statistics.py")
QUESTION = "How do I find the median of some numbers?"
SETTINGS: dict[str, Any] = {"recall": 40, "top_n": 3}


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Documents by their names, with a heading for each function."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXAMPLES))
        passages: Any = import_module("passages")
    found: dict[str, list[str]] = {name: [] for name in MODULES}
    for each in passages.standard_library():
        if each.source in found:
            title, _, text = each.text.partition("\n\n")
            found[each.source].append(f"## {title}\n\n{text}")
    assert all(found.values())
    return {name: "\n\n".join(parts) for name, parts in found.items()}


class Watched(ContextSource):
    """A source of contexts, and what it took."""

    def __init__(self, source: ContextSource) -> None:
        self.source, self.made = source, list[Contexts]()

    def flow(self, documents: Sequence[ChunkedDocument], deadline: Deadline) -> Flow[Contexts]:
        contexts = yield from self.source.flow(documents, deadline)
        self.made.append(contexts)
        return contexts


def assert_each_document_was_put_into_the_cache_once(contexts: Contexts) -> None:
    words = [len(f"<document>\n{each.text}\n</document>".split()) for each in contexts.documents]
    calls = [len(set(each.chunks)) for each in contexts.documents]
    cached = [(size, each) for size, each in zip(words, calls, strict=True) if size >= 512 and each > 1]
    assert len(cached) > 1
    usage = contexts.usage  # up to tags in the texts, which are taken apart
    assert usage.cache_write_tokens == pytest.approx(sum(size for size, _ in cached), rel=0.01)
    assert usage.cache_read_tokens == pytest.approx(sum(size * (each - 1) for size, each in cached), rel=0.01)


def test_langchains_kit_has_contexts_of_a_model(
    texts: dict[str, str], embedded: OnnxCrossEncoder, tmp_path: Path
) -> None:
    pytest.importorskip("langchain_core")
    from langchain_core.documents import Document
    from langchain_core.embeddings import DeterministicFakeEmbedding
    from langchain_core.vectorstores import InMemoryVectorStore

    from langchain_rerank_kit import contextual_retriever

    documents = [Document(text, metadata={"source": name}) for name, text in texts.items()]
    store = InMemoryVectorStore(DeterministicFakeEmbedding(size=32))
    with ChatServer() as server:
        claude = Anthropic("claude-haiku-5-5", api_key="k", base_url=server.base_url("anthropic"))
        contexts = Watched(Contextualizer(claude, store=tmp_path / "contexts.sqlite", max_cost=5))
        best = contextual_retriever(documents, store, embedded, contexts=contexts, **SETTINGS).invoke(QUESTION)
    assert best[0].metadata["source"] == "statistics.py"
    assert best[0].metadata["context"].startswith("## statistics")
    assert_each_document_was_put_into_the_cache_once(contexts.made[0])


def test_langchains_kit_finds_what_is_asked_for(
    texts: dict[str, str], embedded: OnnxCrossEncoder, tmp_path: Path
) -> None:
    pytest.importorskip("langchain_core")
    from langchain_core.documents import Document
    from langchain_core.embeddings import DeterministicFakeEmbedding
    from langchain_core.vectorstores import InMemoryVectorStore

    from langchain_rerank_kit import contextual_retriever, load_contextual_retriever

    documents = [Document(text, metadata={"source": name}) for name, text in texts.items()]
    store = InMemoryVectorStore(DeterministicFakeEmbedding(size=32))
    retriever = contextual_retriever(documents, store, embedded, **SETTINGS)
    best = retriever.invoke(QUESTION)
    assert len(best) == 3
    assert best[0].metadata["source"] == "statistics.py"
    assert "median" in best[0].metadata["original_text"]
    assert best[0].metadata["context"].startswith("statistics.py › statistics")
    retriever.remove(["statistics.py"])
    retriever.save(tmp_path)
    loaded = load_contextual_retriever(tmp_path, store, embedded, **SETTINGS)
    assert all(each.metadata["source"] != "statistics.py" for each in loaded.invoke(QUESTION))
    loaded.add(documents)
    assert [each.id for each in loaded.invoke(QUESTION)][:1] == [best[0].id]


def test_llamaindexs_kit_finds_what_is_asked_for(
    texts: dict[str, str], embedded: OnnxCrossEncoder, tmp_path: Path
) -> None:
    pytest.importorskip("llama_index.core")
    from llama_index.core import Document, MockEmbedding
    from llama_index.core.vector_stores import SimpleVectorStore

    from llama_rerank_kit import contextual_retriever, load_contextual_retriever

    documents = [Document(text=text, id_=name, metadata={"title": name}) for name, text in texts.items()]
    store = SimpleVectorStore()
    settings: dict[str, Any] = {**SETTINGS, "embed_model": MockEmbedding(embed_dim=8)}
    with ChatServer() as server:
        claude = Anthropic("claude-haiku-5-5", api_key="k", base_url=server.base_url("anthropic"))
        contexts = Watched(Contextualizer(claude, store=tmp_path / "contexts.sqlite", max_cost=5))
        retriever = contextual_retriever(documents, store, embedded, contexts=contexts, **settings)
        best = retriever.retrieve(QUESTION)
        assert len(best) == 3
        assert best[0].node.ref_doc_id == "statistics.py"
        assert "median" in best[0].node.get_content()
        assert best[0].node.metadata["context"].startswith("## statistics")
        assert_each_document_was_put_into_the_cache_once(contexts.made[0])
        asked = len(server.contexts)
        retriever.save(tmp_path)
        loaded = load_contextual_retriever(tmp_path, store, embedded, contexts=contexts, **settings)
        loaded.remove(["shutil.py"])
        loaded.add(documents)
        assert len(server.contexts) == asked
    assert [each.node_id for each in loaded.retrieve(QUESTION)][:1] == [best[0].node_id]
