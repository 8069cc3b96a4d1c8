"""What the model reads of a document: its page content, or a text made of its fields in which nothing is missing."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_classic.retrievers.document_compressors import DocumentCompressorPipeline
from langchain_core.documents import Document
from pydantic import ValidationError

from langchain_rerank_kit import (
    BM25Retriever,
    CascadeRerank,
    CrossEncoderRerank,
    RerankCompressor,
    RuleRerank,
    with_rerank,
)
from langchain_rerank_kit.text_read import reader
from rerank_kit import Cached, ConfigurationError, Hit, Ranking
from rerank_kit.local import OnnxCrossEncoder
from rerank_kit.texts import is_blank
from tests.conftest import Colour
from tests.doubles import Answering, Scripted
from tests.local.tiny_models import bert_like
from tests.rules.hostile import MAKERS

TITLED = "{title}\n{page_content}"


def page(content: str = "content", **metadata: Any) -> Document:
    return Document(page_content=content, metadata=metadata)


def shout(document: Document) -> str:
    return document.page_content.upper()


def texts(reranker: Scripted) -> list[str]:
    return [document.text for _, documents in reranker.sent for document in documents]


def text_read(text: Any, document: Document) -> str:
    return reader(text)(document)


# ── What becomes of a template ──


@pytest.mark.parametrize(
    ("template", "metadata", "text"),
    [
        (TITLED, {"title": "Title"}, "Title\ncontent"),
        (TITLED, {}, "content"),
        (TITLED, {"title": None}, "content"),
        (TITLED, {"title": " \u200b\n"}, "content"),
        (TITLED, {"title": "  Title\n"}, "Title\ncontent"),
        ("Title: {title}\n{page_content}", {}, "content"),
        ("{title} ({year})\n{page_content}", {"title": "Title", "year": 2026}, "Title (2026)\ncontent"),
        ("{title} ({year})\n{page_content}", {"title": "Title"}, "Title\ncontent"),
        ("{title} ({year})\n{page_content}", {"year": 2026}, "(2026)\ncontent"),
        ("[{source}] {title}\n{page_content}", {"source": "Wiki", "title": "Title"}, "[Wiki] Title\ncontent"),
        ("[{source}] {title}\n{page_content}", {"source": "Wiki"}, "[Wiki]\ncontent"),
        ("[{source}] {title}\n{page_content}", {"title": "Title"}, "Title\ncontent"),
        ("{author}: {title}", {"title": "Title"}, "Title"),
        ("{author}: {title}", {"author": "Ada"}, "Ada"),
        ("{page_content}\n{author}: {title}", {"title": "Title"}, "content\nTitle"),
        ("{a} > {b} > {c}", {"a": 1, "c": 3}, "1 > 3"),
        ("{a} > {b} > {c}", {"b": 2}, "2"),
        ("Title:\n{title}\n\nText:\n{page_content}\n---", {"title": "Title"}, "Title:\nTitle\n\nText:\ncontent\n---"),
        ("Title:\n{title}\n\nText:\n{page_content}\n---", {}, "Text:\ncontent\n---"),
        ("{title}\n\n{summary}\n\n{page_content}", {"title": "Title"}, "Title\n\ncontent"),
        ("\n{title}\n{page_content}\n", {"title": "Title"}, "Title\ncontent"),
        ("{{{title}}} {{x}}", {"title": "Title"}, "{Title} {x}"),
        ("{ title }", {"title": "Title"}, "Title"),
        ("{title}", {"title": "{page_content} {0} %s"}, "{page_content} {0} %s"),
        ("a {title} b", {}, ""),
        ("{company.name}", {"company": {"name": "Acme"}}, "Acme"),
        ("{company.name}", {"company.name": "Acme", "company": {"name": "Other"}}, "Acme"),
        ("{company.name}", {"company": "Acme"}, ""),
        ("{page_content}", {"page_content": "not this"}, "content"),
    ],
)
def test_a_template_is_filled_and_a_missing_field_leaves_no_hole(
    template: str, metadata: dict[str, Any], text: str
) -> None:
    assert text_read(template, page(**metadata)) == text


def test_the_id_is_the_documents_own_or_else_that_in_its_metadata() -> None:
    assert text_read("{id}", Document(page_content="x", id="own", metadata={"id": "other"})) == "own"
    assert text_read("{id}", Document(page_content="x", metadata={"id": 7})) == "7"
    assert text_read("{id}", Document(page_content="x")) == ""


def test_a_list_of_fields_is_their_values_line_by_line() -> None:
    metadata = {"title": "Title", "dc:creator": "Ada", "empty": "", "author": {"name": "Bo"}}
    document = Document(page_content="content", metadata=metadata)
    fields = ["title", "dc:creator", "empty", "missing", "author.name", "page_content"]
    assert text_read(fields, document) == "Title\nAda\nBo\ncontent"
    assert text_read(tuple(fields[:2]), document) == "Title\nAda"


def test_a_function_says_it_all() -> None:
    assert text_read(shout, page()) == "CONTENT"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "True"),
        (0, "0"),
        (1.5, "1.5"),
        (Decimal("1.50"), "1.50"),
        (date(2026, 11, 24), "2026-11-24"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (["Ada", "", None, 3, ["deep"]], "Ada, 3"),
        (("Ada",), "Ada"),
        ({"b", "a", "c"}, "a, b, c"),
        ([], ""),
        ([None], ""),
        ({"name": "x"}, ""),
        (b"bytes", ""),
        (float("nan"), ""),
        (object(), ""),
        (print, ""),
    ],
)
def test_a_value_is_written_as_python_writes_it_unless_that_says_nothing(value: object, text: str) -> None:
    assert text_read("{value}", page(value=value)) == text
    assert text_read(["value"], page(value=value)) == text


@pytest.mark.parametrize("make", MAKERS.values(), ids=list(MAKERS))
@pytest.mark.parametrize("text", ["{value}{value.name}\n{page_content}", ["value", "value.name", "page_content"]])
def test_whatever_metadata_hold_the_content_is_read_and_ranked(make: Callable[[], Any], text: Any) -> None:
    reranker = Scripted(lambda _: 0.5)
    for value in (make(), [make(), "and a text"]):
        RerankCompressor(reranker=reranker, text=text).compress_documents([page(value=value)], "query")
    for each in texts(reranker):
        assert type(each) is str
        assert each.endswith("content")
        assert " object at 0x" not in each


def test_a_value_that_goes_on_and_on_is_written_to_a_point() -> None:
    assert text_read("{value}", page(value=[1] * 10_000_000)).count("1") == 1000


@given(st.text(), st.text())
def test_the_page_content_stands_in_the_text_as_it_is(title: str, content: str) -> None:
    document = page(content, title=title)
    assert text_read("{page_content}", document) == ("" if is_blank(content) else content)
    assert text_read(TITLED, document).endswith(text_read("{page_content}", document))


# ── What is refused ──


WRONG: list[tuple[Any, str]] = [
    ("title", "names no field"),
    ("", "names no field"),
    ("{title", "no template: .*Fields stand in braces"),
    ("title}", "no template"),
    ("{a{b}}", "no template"),
    ("{}", "not just a name"),
    ("{title!r}", "not just a name"),
    ("{title:>10}", "function from a document to a str"),
    ("{title:{width}}", "not just a name"),
    ("{tags[0]}", "not just a name"),
    ("{page_content.__class__}", "not just a name"),
    ("{id.__class__}", "not just a name"),
    ([], "at least one"),
    (["title", ""], "names of fields"),
    (["title", 3], "names of fields"),
    (["{title}"], "without braces"),
    ({"title"}, "must be a template"),
    (b"{title}", "must be a template"),
    (3, "must be a template"),
    (False, "must be a template"),
]


@pytest.mark.parametrize(("wrong", "named"), WRONG)
def test_a_wrong_text_is_an_error_at_construction_that_says_what_to_write(wrong: Any, named: str) -> None:
    with pytest.raises(ConfigurationError, match=f"text=.*{named}"):
        with_rerank(BM25Retriever.from_texts(["x"]), Scripted(), text=wrong)
    with pytest.raises(ValidationError, match=f"text=.*{named}"):
        RerankCompressor(reranker=Scripted(), text=wrong)
    with pytest.raises(ValidationError, match=f"text=.*{named}"):
        BM25Retriever.from_texts(["x"], text=wrong)


def test_a_template_reaches_into_mappings_and_never_into_objects() -> None:
    class Secret:
        name = "hidden"

    for template in ("{value.name}", "{value.__class__}", "{value.__class__.__mro__}"):
        assert text_read(template, page(value=Secret())) == ""


def test_a_function_that_gives_no_text_is_an_error_that_says_so(colour: Colour) -> None:
    def title(document: Document) -> Any:
        return document.metadata.get("title")

    compressor = RerankCompressor(reranker=Scripted(), text=title)
    with pytest.raises(ConfigurationError, match=r"function given as text= must give a str for every document.*None"):
        colour(compressor, "compress_documents", [page()], "query")


# ── Where it is read ──


def test_titles_in_the_metadata_decide_when_they_are_read(embedded: OnnxCrossEncoder, colour: Colour) -> None:
    question = "How do I delete a folder with everything in it?"
    documents = [
        page("To delete a file, call os.remove with its path.", title="os.remove"),
        page("It is gone at once and cannot be brought back.", title="Deleting a folder with everything in it"),
    ]
    alone = colour(RerankCompressor(reranker=embedded), "compress_documents", documents, question)
    titled = colour(RerankCompressor(reranker=embedded, text=TITLED), "compress_documents", documents, question)
    assert alone[0].metadata["title"] == "os.remove"
    assert titled[0].metadata["title"] == "Deleting a folder with everything in it"
    assert {each.page_content for each in titled} == {each.page_content for each in documents}


@pytest.mark.parametrize("text", [TITLED, ["title", "page_content"], lambda each: f"Title\n{each.page_content}"])
def test_with_rerank_takes_it_for_a_reranker_or_a_compressor_of_ours(text: Any, colour: Colour) -> None:
    documents = [page(f"content {number}", title="Title") for number in range(3)]
    reranker = Scripted()
    mine = RerankCompressor(reranker=reranker, top_n=2)
    for second in (reranker, mine):
        retriever = with_rerank(lambda _: documents, second, widen=lambda each, _: each, text=text, top_n=5)
        with pytest.warns(UserWarning, match="brought 3"):
            best = colour(retriever, "invoke", "query")
        assert [each.page_content for each in best] == ["content 2", "content 1", "content 0"]
        assert texts(reranker)[-3:] == [f"Title\ncontent {number}" for number in range(3)]
    assert mine.text is None


def test_without_it_a_compressor_keeps_its_own() -> None:
    mine = RerankCompressor(reranker=Scripted(), text=TITLED)
    assert with_rerank(BM25Retriever.from_texts(["x"]), mine).base_compressor is mine


def test_a_compressor_of_another_make_cannot_follow_it_and_is_refused() -> None:
    theirs = DocumentCompressorPipeline(transformers=[RerankCompressor(reranker=Scripted())])
    with pytest.raises(ConfigurationError, match=r"text goes with.*DocumentCompressorPipeline reads.*inside of it"):
        with_rerank(BM25Retriever.from_texts(["x"]), theirs, text=TITLED)


def test_a_function_that_fails_is_a_failed_reranking(colour: Colour) -> None:
    retriever = with_rerank(
        lambda _: [page()], Scripted(), widen=lambda each, _: each, text=lambda each: each.metadata["title"]
    )
    with pytest.warns(UserWarning, match="brought 1"), pytest.raises(KeyError, match="title"):
        colour(retriever, "invoke", "query")
    kept = colour(retriever.model_copy(update={"on_error": "keep"}), "invoke", "query")
    assert [each.metadata["rerank_failed"] for each in kept] == ["KeyError: 'title'"]


def test_rules_still_see_the_metadata_and_contains_looks_at_what_is_read(colour: Colour) -> None:
    rules = {"prefer": [{"rule": "equals", "field": "open", "value": True}]}
    documents = [page("a", open=False, title="x"), page("b", open=True, title="y")]
    best = colour(RuleRerank(rules=rules, text=TITLED), "compress_documents", documents, "query")
    assert [each.page_content for each in best] == ["b", "a"]
    rules = {"prefer": [{"rule": "contains", "field": "text", "words": ["y"]}]}
    best = colour(RuleRerank(rules=rules, text=TITLED), "compress_documents", documents, "query")
    assert [each.page_content for each in best] == ["b", "a"]


def test_a_cascade_has_one_text_for_all_stages(colour: Colour) -> None:
    first, second = Scripted(), Scripted()
    stages = [RerankCompressor(reranker=each, top_n=None) for each in (first, second)]
    colour(CascadeRerank(stages=stages, text=["page_content", "n"]), "compress_documents", [page(n=1)], "query")
    assert texts(first) == texts(second) == ["content\n1"]
    with pytest.raises(ValidationError, match=r"stages\[1\] has a text= of its own.*pass text= to the cascade"):
        CascadeRerank(stages=[stages[0], RerankCompressor(reranker=second, text=TITLED)])


def test_what_is_blank_is_judged_by_what_is_read(colour: Colour) -> None:
    reranker = Scripted(lambda _: 1.0)
    documents = [page("text"), page("", title="Title")]
    best = colour(RerankCompressor(reranker=reranker, text="{title}"), "compress_documents", documents, "query")
    assert texts(reranker) == ["Title"]
    assert [each.page_content for each in best] == ["", "text"]


def test_a_cached_score_is_that_of_the_text_that_was_read(colour: Colour) -> None:
    inside = Scripted(lambda text: float(len(text)))
    cached = Cached(inside, fingerprint="lengths")
    documents = [page(title="Long title"), page(title="Short")]

    def scores(text: Any) -> list[float]:
        compressor = RerankCompressor(reranker=cached, text=text, distinct=None)
        best = colour(compressor, "compress_documents", documents, "query")
        return [each.metadata["relevance_score"] for each in best]

    assert scores(None) == [7.0, 7.0]
    assert scores(TITLED) == scores(["title", "page_content"]) == [18.0, 13.0]
    assert texts(inside) == ["content", "Long title\ncontent", "Short\ncontent"]


def test_the_relevant_passage_is_cut_from_what_was_read(colour: Colour) -> None:
    read = "Title\nfirst. second."
    for passage in ((0, 12), (6, 12), (13, 20)):
        reranker = Answering(Ranking((Hit(0, 0.9, passage=passage),)))
        compressor = RerankCompressor(reranker=reranker, text=TITLED)
        (best,) = colour(compressor, "compress_documents", [page("first. second.", title="Title")], "query")
        found = best.metadata["relevant_passage"]
        assert found == read[slice(*passage)]
        assert (found in best.page_content) == (passage[0] >= len("Title\n"))


# ── BM25 ──


def test_bm25_finds_what_the_text_says(colour: Colour) -> None:
    documents = [page("nothing", title="cats"), page("dogs")]
    assert colour(BM25Retriever.from_documents(documents), "invoke", "cats") == []
    several: list[Any] = [TITLED, ["title", "page_content"], lambda each: str(each.metadata)]
    for text in several:
        found = colour(BM25Retriever.from_documents(documents, text=text), "invoke", "cats")
        assert [each.page_content for each in found] == ["nothing"]


# ── Copies ──


def test_fields_dump_to_what_makes_the_same_compressor_again_and_functions_stay_behind(tmp_path: Path) -> None:
    model = str(bert_like(tmp_path).folder)
    for text in (TITLED, ["title", "page_content"]):
        dumped = json.loads(CrossEncoderRerank(model=model, text=text).model_dump_json())
        assert CrossEncoderRerank(**dumped).text == text
    shouting = CrossEncoderRerank(model=model, text=shout)
    assert json.loads(shouting.model_dump_json())["text"] is None
    assert shouting.model_dump()["text"] is None


def test_copies_and_pickles_read_the_same(tmp_path: Path) -> None:
    model = str(bert_like(tmp_path).folder)
    for text in (TITLED, shout):
        made = CrossEncoderRerank(model=model, text=text)
        for copied in (made.model_copy(deep=True), pickle.loads(pickle.dumps(made))):
            assert copied.text == text
        found = BM25Retriever.from_documents([page(title="cats")], text=text)
        assert pickle.loads(pickle.dumps(found)).text == text


def test_what_is_read_and_merged_changes_without_another_reranker_being_made() -> None:
    for made in (CrossEncoderRerank(), CrossEncoderRerank(reranker=Scripted())):
        changed = made.model_copy(update={"text": TITLED, "distinct": "text"})
        assert changed.loaded is made.loaded
        assert (changed.text, changed.distinct) == (TITLED, "text")
        made.text = TITLED
        assert made.loaded is changed.loaded
