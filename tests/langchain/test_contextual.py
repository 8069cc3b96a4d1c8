"""Chunks get contexts in front, and lose nothing for it."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import BaseDocumentTransformer, Document
from langchain_core.language_models import FakeListChatModel
from langchain_text_splitters import CharacterTextSplitter

from langchain_rerank_kit import ContextualChunks, LangChainChat
from rerank_kit import ConfigurationError
from rerank_kit.contextual import ChunkedDocument, Contexts, Contextualizer, HeadingContext, IncompleteContexts
from rerank_kit.judge import OpenAICompatible
from rerank_kit.testing import ChatServer, Reply
from tests.conftest import Colour
from tests.contextual.indexes import Titled

TEXT = "# Tax\n\n## Threshold\n\nIt is 75,000 dollars.\n\n## Where\n\nIt is online."
SPLITTER = CharacterTextSplitter(separator="\n\n", chunk_size=25, chunk_overlap=0)
WHOLE = Document(TEXT, metadata={"source": "tax.md", "title": "Taxes", "year": 2025})


class Page(Document):
    """A document of a user's own class."""

    number: int = 0


def transformed(colour: Colour, given: Iterable[Document], **settings: Any) -> list[Document]:
    found: list[Document] = colour(ContextualChunks(**settings), "transform_documents", given)
    return found


def test_whole_documents_are_cut_and_put_into_context(colour: Colour) -> None:
    before = copy.deepcopy(WHOLE)
    found = transformed(colour, [WHOLE], splitter=SPLITTER)
    assert [each.page_content for each in found] == [
        "Taxes › Tax\n\n# Tax\n\n## Threshold",
        "Taxes › Tax › Threshold\n\nIt is 75,000 dollars.",
        "Taxes › Tax › Where\n\n## Where\n\nIt is online.",
    ]
    assert found[1].metadata == {
        "source": "tax.md",
        "title": "Taxes",
        "year": 2025,
        "original_text": "It is 75,000 dollars.",
        "context": "Taxes › Tax › Threshold",
        "contextual_id": found[1].id,
    }
    assert before == WHOLE


def test_chunks_that_were_cut_before_are_put_into_the_context_of_their_documents(colour: Colour) -> None:
    other = Document("Other text.", id="other")
    chunks = [
        Page(page_content="It is online.", metadata={"source": "tax.md"}, number=2),
        Page(page_content="Other text.", metadata={"source": "other"}, number=3),
        Page(page_content="It is 75,000 dollars.", metadata={"source": "tax.md"}, number=1),
        Page(page_content="  ", metadata={"source": "tax.md"}),
    ]
    before = copy.deepcopy(chunks)
    found = transformed(colour, iter(chunks), documents=[WHOLE, other])
    assert [each.page_content for each in found] == [
        "Taxes › Tax › Where\n\nIt is online.",
        "Other text.",
        "Taxes › Tax › Threshold\n\nIt is 75,000 dollars.",
        "  ",
    ]
    assert [each.number for each in found if isinstance(each, Page)] == [2, 3, 1, 0]
    assert "context" not in found[1].metadata
    assert chunks == before


def test_both_ways_give_the_same_ids_which_stay_when_other_chunks_change(colour: Colour) -> None:
    whole = transformed(colour, [WHOLE], splitter=SPLITTER)
    chunks = transformed(colour, SPLITTER.split_documents([WHOLE]), documents=[WHOLE])
    longer = Document(TEXT + "\n\nAnd quick, most of the time.", metadata=WHOLE.metadata)
    grown = transformed(colour, [longer], splitter=SPLITTER)
    assert [each.id for each in whole] == [each.id for each in chunks] == [each.id for each in grown][:3]
    assert len({each.id for each in grown}) == 4


def test_chunks_find_their_document_by_its_id_or_its_source() -> None:
    whole = Document(TEXT, id="7", metadata={"path": "tax.md"})
    for name in ("7", "tax.md"):
        chunk = Document("It is online.", metadata={"path": name})
        (found,) = ContextualChunks(documents=[whole], source_key="path").transform_documents([chunk])
        assert found.metadata["context"] == "tax.md › Tax › Where"


def test_documents_without_a_name_are_known_by_their_text(colour: Colour) -> None:
    found = transformed(colour, [Document(TEXT), Document("Other.")], splitter=SPLITTER)
    assert found[1].page_content == "Tax › Threshold\n\nIt is 75,000 dollars."
    assert len({each.id for each in found}) == 4


def test_a_second_time_takes_the_place_of_the_first(colour: Colour) -> None:
    once = transformed(colour, [WHOLE], splitter=SPLITTER)
    twice = transformed(colour, once, documents=[WHOLE], contexts=HeadingContext(neighbours=3))
    assert [each.id for each in twice] == [each.id for each in once]
    assert [each.metadata["original_text"] for each in twice] == [each.metadata["original_text"] for each in once]
    plain = transformed(colour, twice, documents=[WHOLE])
    assert plain == once


def test_a_chunk_whose_context_failed_says_why(colour: Colour) -> None:
    source = Titled(failing=frozenset({"It is 75,000 dollars."}))
    found = transformed(colour, [WHOLE], splitter=SPLITTER, contexts=source)
    assert [each.metadata.get("context_failed") for each in found] == [None, "refused", None]
    assert found[1].page_content == "It is 75,000 dollars."
    again = transformed(colour, found, documents=[WHOLE], contexts=Titled())
    assert "context_failed" not in again[1].metadata


def test_contexts_of_a_model_are_written_and_kept(colour: Colour, tmp_path: Path) -> None:
    with ChatServer() as server:
        model = OpenAICompatible(server.base_url("openai"), model="m")
        source = Contextualizer(model, store=tmp_path / "contexts.db")
        found = transformed(colour, [WHOLE], splitter=SPLITTER, contexts=source)
        assert transformed(colour, [WHOLE], splitter=SPLITTER, contexts=source) == found
        assert len(server.contexts) == 3
    assert [each.metadata["context"] for each in found] == ["# Tax"] * 3


def test_where_contexts_fail_and_nothing_is_said_of_it_it_is_an_error(colour: Colour) -> None:
    with ChatServer() as server:
        server.on("dollars", Reply(stop="refusal"))
        model = OpenAICompatible(server.base_url("openai"), model="m")
        with pytest.raises(IncompleteContexts, match="1 chunk of 3 got no context"):
            transformed(colour, [WHOLE], splitter=SPLITTER, contexts=Contextualizer(model))


def test_it_is_a_transformer_of_langchain() -> None:
    assert isinstance(ContextualChunks(splitter=SPLITTER), BaseDocumentTransformer)


# ── What is refused ──


def test_own_metadata_under_a_key_of_ours_are_not_lost_in_silence(colour: Colour) -> None:
    whole = Document(TEXT, metadata={"context": "mine"})
    with pytest.raises(ConfigurationError, match=r"metadata\['context'\] of '# Tax.*rename that key"):
        transformed(colour, [whole], splitter=SPLITTER)


def test_chunks_of_unknown_documents_are_refused(colour: Colour) -> None:
    for metadata, told in (({}, "it has none there"), ({"source": "x"}, "it has 'x' there"), ({"source": 3}, "has 3")):
        with pytest.raises(ConfigurationError, match=rf"documents\[0\] must say in metadata\['source'\].*{told}"):
            transformed(colour, [Document("x", metadata=metadata)], documents=[WHOLE])


def test_a_chunk_that_is_not_in_its_document_is_refused(colour: Colour) -> None:
    with pytest.raises(ConfigurationError, match="is not in its text"):
        transformed(colour, [Document("elsewhere", metadata={"source": "tax.md"})], documents=[WHOLE])


def test_two_documents_of_one_name_are_refused(colour: Colour) -> None:
    pages = [Document("one", metadata={"source": "a.pdf"}), Document("two", metadata={"source": "a.pdf"})]
    for settings in ({"splitter": SPLITTER}, {"documents": pages}):
        with pytest.raises(
            ConfigurationError, match=r"documents\[0\] and documents\[1\] are both 'a.pdf'.*its file and"
        ):
            transformed(colour, pages, **settings)


def test_chunks_whose_document_cannot_be_told_from_others_are_refused(colour: Colour) -> None:
    pages = [Document("one", id=number, metadata={"source": "a.pdf", "page": number}) for number in ("1", "2")]
    with pytest.raises(ConfigurationError, match=r"documents\[1\] is of 'a\.pdf', and so are 2 of the whole documents"):
        transformed(colour, [WHOLE, pages[0]], documents=[WHOLE, *pages])
    found = transformed(colour, pages, documents=pages, source_key="page")
    assert len({each.id for each in found}) == 2


@pytest.mark.parametrize("documents", ["text", None, WHOLE, {"a": WHOLE}, ["text"], [None]])
def test_what_is_no_list_of_documents_is_refused(documents: Any) -> None:
    with pytest.raises(ConfigurationError, match="documents"):
        ContextualChunks(splitter=SPLITTER).transform_documents(documents)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "neither was given"),
        ({"splitter": SPLITTER, "documents": [WHOLE]}, "both were given"),
        ({"splitter": "words"}, "splitter must be a text splitter"),
        ({"splitter": CharacterTextSplitter}, "splitter must be a text splitter"),
        ({"splitter": SPLITTER, "contexts": "headings"}, "contexts must be a ContextSource"),
        ({"splitter": SPLITTER, "source_key": ""}, "source_key must be"),
        ({"splitter": SPLITTER, "timeout": -1}, "timeout must be"),
        ({"documents": "text"}, "documents must be a list"),
        ({"splitter": SPLITTER, "context": 1}, "context"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        ContextualChunks(**settings)


def test_arguments_that_there_are_not_are_refused(colour: Colour) -> None:
    with pytest.raises(ConfigurationError, match="splitter"):
        colour(ContextualChunks(splitter=SPLITTER), "transform_documents", [WHOLE], splitter=SPLITTER)


@pytest.mark.parametrize(("gives", "told"), [("text", "gave str"), (["text"], r"splitter.split_documents\(…\)\[0\]")])
def test_a_splitter_that_gives_no_documents_is_told(gives: Any, told: str) -> None:
    class Splitter:
        def split_documents(self, documents: Iterable[Document]) -> Any:
            return gives

    with pytest.raises(ConfigurationError, match=told):
        ContextualChunks(splitter=Splitter()).transform_documents([WHOLE])


def test_any_chat_model_of_langchain_writes_contexts(colour: Colour) -> None:
    document = ChunkedDocument("A report. Part one. Part two.", ["Part one.", "Part two."])
    chat = LangChainChat(FakeListChatModel(responses=["From the report."]))
    contexts: Contexts = colour(Contextualizer(chat), "contextualize", [document])
    assert contexts.texts() == [["From the report.\n\nPart one.", "From the report.\n\nPart two."]]
    bare: Any = FakeListChatModel(responses=[])
    with pytest.raises(ConfigurationError, match=r"wrap it, LangChainChat\(llm\)"):
        Contextualizer(bare)
