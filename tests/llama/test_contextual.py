"""Nodes get contexts where embedding models and BM25 read them, and lose nothing for it."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from llama_index.core import Document
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.llms import MockLLM
from llama_index.core.node_parser import MarkdownNodeParser, NodeParser, SentenceSplitter
from llama_index.core.schema import BaseNode, MetadataMode, Node, NodeRelationship, RelatedNodeInfo, TextNode

from llama_rerank_kit import ContextualChunks, LlamaIndexChat
from rerank_kit import ConfigurationError
from rerank_kit.contextual import ChunkedDocument, Contexts, Contextualizer, HeadingContext, IncompleteContexts
from rerank_kit.judge import OpenAICompatible
from rerank_kit.testing import ChatServer, Reply
from tests.conftest import Colour
from tests.contextual.indexes import Titled

TEXT = "# Tax\n\n## Threshold\n\nIt is 75,000 dollars.\n\n## Where\n\nIt is online."
MARKDOWN = MarkdownNodeParser()


def whole(text: str = TEXT, name: str = "tax", **metadata: Any) -> Document:
    return Document(text=text, id_=name, metadata={"file_name": "tax.md", **metadata})


def transformed(way: str, nodes: Sequence[BaseNode], **settings: Any) -> list[BaseNode]:
    """What comes out: called, awaited, or in a pipeline of either kind."""
    made = ContextualChunks(**settings)
    if way == "called":
        return made(nodes)
    if way == "awaited":
        return asyncio.run(made.acall(nodes))
    pipeline = IngestionPipeline(transformations=[made])
    if way == "pipeline":
        return list(pipeline.run(nodes=nodes))
    return list(asyncio.run(pipeline.arun(nodes=nodes)))


@pytest.fixture(params=["called", "awaited", "pipeline", "async pipeline"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def contexts(nodes: Sequence[BaseNode]) -> list[Any]:
    return [each.metadata.get("context") for each in nodes]


# ── What comes out ──


def test_contexts_are_read_by_embedding_models_and_not_by_llms(way: str) -> None:
    found = transformed(way, [whole()], splitter=MARKDOWN)
    node = found[1]
    assert node.get_content(MetadataMode.NONE) == "## Threshold\n\nIt is 75,000 dollars."
    assert node.get_content(MetadataMode.EMBED).startswith("context: tax.md › Tax › Threshold\n")
    assert "context:" not in node.get_content(MetadataMode.LLM)
    assert "file_name: tax.md" in node.get_content(MetadataMode.LLM)


def test_nodes_that_were_cut_before_are_put_into_the_context_of_their_documents(way: str) -> None:
    given = MARKDOWN.get_nodes_from_documents([whole(), whole("Other.", "other")])
    before = copy.deepcopy(given)
    for settings in ({}, {"documents": [whole(), whole("Other.", "other")]}):
        found = transformed(way, given, **settings)
        assert contexts(found) == ["tax.md › Tax", "tax.md › Tax › Threshold", "tax.md › Tax › Where", "tax.md"]
    assert given == before


def test_nodes_of_a_splitter_know_enough_to_put_their_document_together() -> None:
    text = "# Tax\n\n" + " ".join(f"Number {n} is a sentence." for n in range(60)) + "\n\n## End\n\nIt is the end."
    nodes = SentenceSplitter(chunk_size=80, chunk_overlap=20).get_nodes_from_documents([whole(text)])
    assert contexts(ContextualChunks()(nodes[::-1])) == ["tax.md › Tax"] * len(nodes)
    assert contexts(ContextualChunks(HeadingContext(neighbours=30))(nodes))[1].endswith("is a sentence.")


def test_both_ways_give_the_same_ids_which_stay_when_other_nodes_change(way: str) -> None:
    cut = transformed(way, [whole()], splitter=MARKDOWN)
    before = transformed(way, MARKDOWN.get_nodes_from_documents([whole()]))
    grown = transformed(way, [whole(TEXT + "\n\n## When\n\nNow.")], splitter=MARKDOWN)
    assert [each.node_id for each in cut] == [each.node_id for each in before] == [each.node_id for each in grown][:3]
    assert len({each.node_id for each in grown}) == 4


def test_relationships_follow_the_new_ids(way: str) -> None:
    found = transformed(way, [whole()], splitter=MARKDOWN)
    assert [each.ref_doc_id for each in found] == ["tax"] * 3
    assert found[1].prev_node is not None
    assert found[1].next_node is not None
    assert (found[1].prev_node.node_id, found[1].next_node.node_id) == (found[0].node_id, found[2].node_id)


def test_lists_of_children_follow_too() -> None:
    parent = TextNode(text="a b", id_="p", relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id="d")})
    child = parent.model_copy(update={"id_": "c", "text": "b"})
    parent.relationships[NodeRelationship.CHILD] = [RelatedNodeInfo(node_id="c"), RelatedNodeInfo(node_id="x")]
    first, second = ContextualChunks(documents=[whole("a b", "d")])([parent, child])
    assert first.child_nodes is not None
    assert [each.node_id for each in first.child_nodes] == [second.node_id, "x"]


def test_nodes_of_any_class_keep_it_and_lose_an_embedding_of_the_text_alone() -> None:
    source = {NodeRelationship.SOURCE: RelatedNodeInfo(node_id="tax")}
    given = Node(text_resource={"text": "It is online."}, relationships=source, embedding=[1.0])  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    (found,) = ContextualChunks(documents=[whole()])([given])
    assert type(found) is Node
    assert found.embedding is None
    assert found.metadata == {"context": "tax.md › Tax › Where"}
    with pytest.raises(ConfigurationError, match="cannot be put together"):
        ContextualChunks()([given])


def test_a_second_time_takes_the_place_of_the_first(way: str) -> None:
    once = transformed(way, [whole()], splitter=MARKDOWN)
    twice = transformed(way, once, documents=[whole()], contexts=Titled())
    assert contexts(twice) == ["tax.md"] * 3
    assert [each.node_id for each in twice] == [each.node_id for each in once]
    assert transformed(way, twice, documents=[whole()]) == once


def test_a_node_whose_context_failed_says_why_to_nobody_that_reads_it(way: str) -> None:
    source = Titled(failing=frozenset({"# Tax"}))
    found = transformed(way, [whole()], splitter=MARKDOWN, contexts=source)
    assert [each.metadata.get("context_failed") for each in found] == ["refused", None, None]
    for mode in (MetadataMode.EMBED, MetadataMode.LLM):
        assert "refused" not in found[0].get_content(mode)


def test_another_key_can_be_named(way: str) -> None:
    found = transformed(way, [whole(context="mine")], splitter=MARKDOWN, key="place")
    assert found[1].metadata["place"] == "tax.md › Tax › Threshold"
    assert found[1].metadata["context"] == "mine"


def test_contexts_of_a_model_are_written_and_where_one_fails_it_is_an_error(way: str) -> None:
    with ChatServer() as server:
        source = Contextualizer(OpenAICompatible(server.base_url("openai"), model="m"))
        assert contexts(transformed(way, [whole()], splitter=MARKDOWN, contexts=source)) == ["# Tax"] * 3
        server.on("dollars", Reply(stop="refusal"))
        with pytest.raises(IncompleteContexts, match="1 chunk of 3 got no context"):
            transformed(way, [whole()], splitter=MARKDOWN, contexts=source)


# ── Pipelines ──


def test_a_pipelines_cache_knows_what_was_done_and_what_was_not(tmp_path: Path) -> None:
    pipeline = IngestionPipeline(transformations=[])
    asked: list[int] = []
    for source in (
        first := Titled(),
        Titled(),
        other := Titled(fingerprint="other"),
    ):
        pipeline.transformations = [ContextualChunks(source, splitter=MARKDOWN)]
        assert len(pipeline.run(documents=[whole()])) == 3
        asked.append(len(source.asked))
    assert asked == [3, 0, 3]
    assert first.asked == other.asked
    pipeline.persist(str(tmp_path))
    pipeline.load(str(tmp_path))
    again = Titled()
    pipeline.transformations = [ContextualChunks(again, splitter=MARKDOWN)]
    assert contexts(pipeline.run(documents=[whole()])) == ["tax.md"] * 3
    assert again.asked == []


def asking(model: str = "m", **settings: Any) -> Contextualizer:
    return Contextualizer(OpenAICompatible("http://localhost", model=model), **settings)


def test_another_model_prompt_splitter_or_document_has_another_fingerprint() -> None:
    all_of_them = [
        ContextualChunks(),
        ContextualChunks(asking()),
        ContextualChunks(asking(model="n")),
        ContextualChunks(asking(prompt="What is {chunk}?")),
        ContextualChunks(asking(), splitter=SentenceSplitter()),
        ContextualChunks(asking(), splitter=SentenceSplitter(chunk_size=100, chunk_overlap=0)),
        ContextualChunks(asking(), documents=[whole()]),
        ContextualChunks(asking(), documents=[whole("other")]),
    ]
    assert len({str(each.to_dict()) for each in all_of_them}) == len(all_of_them)
    same = ContextualChunks(asking(concurrency=1), splitter=SentenceSplitter())
    assert same.to_dict() == all_of_them[4].to_dict()


def test_copies_of_other_processes_work_and_hold_no_key() -> None:
    model = OpenAICompatible("http://localhost", model="m", api_key="sk-hidden-1234567890")
    kept = pickle.dumps(ContextualChunks(Contextualizer(model), documents=[whole()], timeout=3))
    assert b"sk-hidden" not in kept
    copied = pickle.loads(kept)
    assert (copied.timeout, copied.documents) == (3, [whole()])
    assert copied.fingerprint == ContextualChunks(asking(), documents=[whole()]).fingerprint
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        pickle.dumps(ContextualChunks(asking(progress=lambda _: None)))


@pytest.mark.unmeasured
def test_several_workers_give_what_one_gives() -> None:
    documents = [whole(name=str(number)) for number in range(4)]
    pipeline = IngestionPipeline(transformations=[MARKDOWN, ContextualChunks()], disable_cache=True)
    found = pipeline.run(documents=documents, num_workers=2)
    assert [each.node_id for each in found] == [each.node_id for each in pipeline.run(documents=documents)]
    assert contexts(found)[:3] == ["tax.md › Tax", "tax.md › Tax › Threshold", "tax.md › Tax › Where"]


def test_what_is_made_of_a_dict_has_to_be_the_same() -> None:
    made = ContextualChunks(HeadingContext(neighbours=9), key="place")
    again = ContextualChunks.from_dict(made.to_dict(), contexts=HeadingContext(neighbours=9))
    assert (again.key, again.fingerprint) == ("place", made.fingerprint)
    with pytest.raises(ConfigurationError, match="are others than those of what was kept"):
        ContextualChunks.from_dict(made.to_dict())


# ── What is refused ──


def test_nodes_that_are_not_all_of_their_document_or_do_not_fit_together_are_refused(way: str) -> None:
    nodes = MARKDOWN.get_nodes_from_documents([whole()])
    for given in ([nodes[2]], [nodes[0], nodes[2]], [nodes[0].model_copy(update={"text": "longer text"}), *nodes[1:]]):
        with pytest.raises(ConfigurationError, match=r"document 'tax' cannot be put together.*documents=…"):
            transformed(way, given)
    lying = nodes[2].model_copy(update={"text": "x" * 23, "start_char_idx": 3, "end_char_idx": 26})
    with pytest.raises(ConfigurationError, match="cannot be put together"):
        transformed(way, [*nodes[:2], lying])


def test_nodes_of_unknown_documents_are_refused(way: str) -> None:
    nodes = MARKDOWN.get_nodes_from_documents([whole()])
    with pytest.raises(ConfigurationError, match="is of document 'tax', which is none of documents="):
        transformed(way, nodes, documents=[whole(name="other")])
    with pytest.raises(ConfigurationError, match="does not say which document it is of"):
        transformed(way, [TextNode(text="x")])
    with pytest.raises(ConfigurationError, match="is not in its text"):
        transformed(way, nodes, documents=[whole("nothing of it")])


def test_two_documents_of_one_id_are_refused(way: str) -> None:
    with pytest.raises(ConfigurationError, match=r"documents\[1\] has the id 'tax'"):
        transformed(way, [whole(), whole()], splitter=MARKDOWN)


def test_own_metadata_under_the_key_are_not_lost_in_silence(way: str) -> None:
    with pytest.raises(ConfigurationError, match=r"metadata\['context'\] of node '# Tax' would be lost"):
        transformed(way, [whole(context="mine")], splitter=MARKDOWN)


@pytest.mark.parametrize("nodes", ["text", None, TextNode(text="x"), {"a": 1}, ["text"], [None]])
def test_what_is_no_list_of_nodes_is_refused(nodes: Any) -> None:
    with pytest.raises(ConfigurationError, match="nodes"):
        ContextualChunks()(nodes)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"splitter": MARKDOWN, "documents": []}, "pass one"),
        ({"splitter": "words"}, "splitter must be a node parser"),
        ({"splitter": NodeParser}, "splitter must be a node parser"),
        ({"contexts": "headings"}, "contexts must be a ContextSource"),
        ({"key": ""}, "key must be"),
        ({"timeout": -1}, "timeout must be"),
        ({"documents": "text"}, "documents must be a list"),
        ({"context": 1}, "context"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        ContextualChunks(**settings)


def test_any_llm_of_llamaindex_writes_contexts(colour: Colour) -> None:
    document = ChunkedDocument("A report. Part one. Part two.", ["Part one.", "Part two."])
    contexts: Contexts = colour(Contextualizer(LlamaIndexChat(MockLLM(max_tokens=2))), "contextualize", [document])
    assert contexts.texts() == [["text text\n\nPart one.", "text text\n\nPart two."]]
    bare: Any = MockLLM()
    with pytest.raises(ConfigurationError, match=r"wrap it, LlamaIndexChat\(llm\)"):
        Contextualizer(bare)
