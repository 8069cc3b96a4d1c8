"""The whole thing at once: the standard library's documentation, through engines, with the real embedded model."""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest
from llama_index.core import VectorStoreIndex
from llama_index.core.chat_engine import CondensePlusContextChatEngine
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.schema import MetadataMode, NodeWithScore, TextNode

from llama_rerank_kit import with_rerank
from rerank_kit.local import OnnxCrossEncoder
from tests.conftest import Colour
from tests.llama.recording import Events, recorded
from tests.llama.stores import Says, Words
from tests.processes import as_a_script

pytestmark = pytest.mark.unmeasured  # nothing here that shorter texts do not run

QUESTION = "How do I find the median of some numbers?"


@pytest.fixture(scope="module")
def passages() -> dict[str, TextNode]:
    """Real text: what the modules with few letters more than others say about themselves."""
    with as_a_script([], {}):
        found = importlib.import_module("passages").standard_library()
    wanted = [each for each in found if each.title.split(".")[0] in ("statistics", "random", "heapq", "math", "shutil")]
    return {
        each.id: TextNode(text=each.text, id_=each.id, metadata={"source": each.source, "title": each.title})
        for each in wanted
    }


@pytest.fixture(scope="module")
def index(passages: dict[str, TextNode]) -> VectorStoreIndex:
    return VectorStoreIndex(list(passages.values()), embed_model=Words())


def check(best: list[NodeWithScore], plain: list[NodeWithScore], passages: dict[str, TextNode], events: Events) -> None:
    """What both engines promise."""
    (start,), (end,) = events.starts, events.ends
    assert len(plain) == 5
    assert len(start.nodes) == 50
    assert [each.node_id for each in start.nodes[:5]] == [each.node_id for each in plain]
    assert [each.node_id for each in best] == [each.node_id for each in end.nodes]
    assert [each.node_id for each in best] != [each.node_id for each in plain]
    assert best[0].metadata["title"].startswith("statistics.median(")
    assert [each.score for each in best] == sorted((each.score for each in best), reverse=True)  # type: ignore[type-var]
    for each in best:
        original = passages[each.node_id]
        assert each.metadata == {"source": original.metadata["source"], "title": original.metadata["title"]}
        assert each.get_content(MetadataMode.ALL) == original.get_content(MetadataMode.ALL)
    json.dumps([each.to_dict() for each in best])
    json.dumps([start.model_dump(mode="json"), end.model_dump(mode="json")])


def test_a_query_engine_over_real_text(
    index: VectorStoreIndex, passages: dict[str, TextNode], embedded: OnnxCrossEncoder, colour: Colour
) -> None:
    llm = Says()
    plain = index.as_query_engine(llm=llm, similarity_top_k=5)
    before = colour(plain, "query", QUESTION).source_nodes
    with recorded() as events:
        response = colour(with_rerank(plain, embedded), "query", QUESTION)
    check(response.source_nodes, before, passages, events)
    assert response.source_nodes[0].text in llm.asked[-1]
    assert str(response) == "It is so."


def test_a_chat_engine_over_real_text(
    index: VectorStoreIndex, passages: dict[str, TextNode], embedded: OnnxCrossEncoder, colour: Colour
) -> None:
    llm = Says()

    def chat() -> Any:
        return CondensePlusContextChatEngine.from_defaults(
            index.as_retriever(similarity_top_k=5), llm=llm, memory=ChatMemoryBuffer.from_defaults(llm=llm)
        )

    before = colour(chat(), "chat", QUESTION).source_nodes
    with recorded() as events:
        response = colour(with_rerank(chat(), embedded), "chat", QUESTION)
    check(response.source_nodes, before, passages, events)
    assert response.source_nodes[0].text in llm.asked[-1]
