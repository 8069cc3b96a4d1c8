"""The tables for those who come from other rerankers have every parameter of them, and ours does what they say."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from langchain_classic.retrievers.document_compressors import CrossEncoderReranker
from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.documents import Document

import langchain_rerank_kit as lc
import llama_rerank_kit as li
from rerank_kit import ConfigurationError
from rerank_kit.testing import RerankServer
from tests.conftest import Colour
from tests.doubles import Scripted
from tests.servers import server

__all__ = ["server"]

DOCS = Path(__file__).parents[2] / "docs"


@dataclass(frozen=True)
class Theirs:
    """A class of another package, by what its constructor took when it was read, with the version."""

    where: str
    version: str
    ours: Any
    page: str
    parameters: Sequence[str]

    @property
    def name(self) -> str:
        return self.where.rpartition(".")[2]

    @property
    def rows(self) -> list[tuple[str, str]]:
        """The rows of its table: what is there, and what is here."""
        page = (DOCS / self.page).read_text("utf-8")
        (table,) = re.findall(rf"^\| `{self.name}` \| here \|\n\|---\|---\|\n(.*?)\n\n", page, re.DOTALL | re.MULTILINE)
        cells = (row.removeprefix("| ").removesuffix(" |").split(" | ") for row in table.splitlines())
        return [(left, right) for left, right in cells]


COHERE = ("client", "top_n", "model", "cohere_api_key", "user_agent")
FLASHRANK = ("client", "top_n", "score_threshold", "model", "prefix_metadata")
VOYAGE = ("client", "aclient", "voyage_api_key", "base_url", "model", "top_k", "truncation")
TEI = ("top_n", "base_url", "text_instruction", "query_instruction", "timeout", "truncate_text", "auth_token")
SBERT = ("model", "device", "cache_folder", "top_n", "keep_retrieval_score", "cross_encoder_kwargs")
POSTPROCESSORS = "llama_index.postprocessor"
CLASSIC = "langchain_classic.retrievers.document_compressors"
COMMUNITY = "langchain_community.document_compressors"
THEM = [
    Theirs("langchain_cohere.CohereRerank", "0.6.0", lc.CohereRerank, "langchain.md", (*COHERE, "base_url")),
    Theirs(f"{CLASSIC}.CohereRerank", "1.0.8", lc.CohereRerank, "langchain.md", COHERE),
    Theirs(f"{CLASSIC}.CrossEncoderReranker", "1.0.8", lc.CrossEncoderRerank, "langchain.md", ("model", "top_n")),
    Theirs(f"{COMMUNITY}.FlashrankRerank", "0.4.2", lc.FlashRankRerank, "langchain.md", FLASHRANK),
    Theirs(
        f"{COMMUNITY}.JinaRerank",
        "0.4.2",
        lc.JinaRerank,
        "langchain.md",
        ("session", "top_n", "model", "jina_api_key", "user_agent"),
    ),
    Theirs("langchain_voyageai.VoyageAIRerank", "0.4.1", lc.VoyageRerank, "langchain.md", VOYAGE),
    Theirs(
        f"{POSTPROCESSORS}.tei_rerank.TextEmbeddingInference",
        "0.6.0",
        li.EndpointRerank,
        "llamaindex.md",
        (*TEI, "model_name"),
    ),
    Theirs(
        f"{POSTPROCESSORS}.jinaai_rerank.JinaRerank",
        "0.6.0",
        li.JinaRerank,
        "llamaindex.md",
        ("top_n", "model", "base_url", "api_key"),
    ),
    Theirs(
        f"{POSTPROCESSORS}.voyageai_rerank.VoyageAIRerank",
        "0.6.0",
        li.VoyageRerank,
        "llamaindex.md",
        ("model", "api_key", "top_n", "truncation", "top_k"),
    ),
    Theirs(
        f"{POSTPROCESSORS}.cohere_rerank.CohereRerank",
        "0.10.0",
        li.CohereRerank,
        "llamaindex.md",
        ("top_n", "model", "api_key", "base_url", "max_retries"),
    ),
    Theirs(
        f"{POSTPROCESSORS}.flashrank_rerank.FlashRankRerank",
        "0.3.0",
        li.FlashRankRerank,
        "llamaindex.md",
        ("model", "top_n", "max_length"),
    ),
    Theirs(
        f"{POSTPROCESSORS}.sbert_rerank.SentenceTransformerRerank",
        "0.6.0",
        li.CrossEncoderRerank,
        "llamaindex.md",
        SBERT,
    ),
]
each_of_them = pytest.mark.parametrize("theirs", THEM, ids=lambda theirs: theirs.where)


@each_of_them
def test_what_was_read_of_it_is_what_it_takes(theirs: Theirs) -> None:
    module = pytest.importorskip(theirs.where.rpartition(".")[0], reason="only the tables speak of it")
    try:
        kind = getattr(module, theirs.name)
    except ImportError as error:  # langchain-classic hands on what another package has
        pytest.skip(str(error))
    fields: dict[str, Any] = kind.model_fields
    own = "__init__" in vars(kind)
    names = inspect.signature(kind).parameters.keys() if own else fields.keys()
    assert set(theirs.parameters) == set(names) - {"callback_manager"}


@each_of_them
def test_the_table_has_every_parameter(theirs: Theirs) -> None:
    left = "\n".join(left for left, _ in theirs.rows)
    assert [name for name in theirs.parameters if not re.search(rf"`[^`]*\b{name}\b[^`]*`", left)] == []


VALUES: dict[str, Any] = {
    "model": "rerank-1",
    "top_n": 2,
    "top_k": 2,
    "timeout": 60.0,
    "max_retries": 10,
    "max_length": 512,
    "score_threshold": 0.5,
    "truncation": False,
    "device": "cpu",
    "auth_token": "Bearer secret",
    "model_name": "rerank-1",
}


@each_of_them
def test_ours_takes_each_or_refuses_it_with_the_remedy(theirs: Theirs, server: RerankServer) -> None:
    kind = theirs.ours
    values = {**VALUES, "base_url": server.base_url("cohere")}
    for name in theirs.parameters:
        given = {name: values.get(name, "secret")}
        needed = {each for each, field in kind.model_fields.items() if field.is_required()}
        given |= {each: values[each] for each in needed if each not in given}
        if name == "client":
            continue  # of these there are tests of their own
        if right_of(theirs, name).startswith("refused"):
            with pytest.raises(ConfigurationError, match=f"^{kind.__name__} has no field '{name}': "):
                kind(reranker=Scripted(), **given)
        else:
            kind(reranker=Scripted(), **given)


def right_of(theirs: Theirs, name: str) -> str:
    """What the table says of a parameter."""
    return next(right for left, right in theirs.rows if re.search(rf"`[^`]*\b{name}\b", left))


def test_our_defaults_are_those_of_the_tables() -> None:
    for package in (lc, li):
        kinds = [package.CohereRerank, package.VoyageRerank, package.JinaRerank, package.EndpointRerank]
        for kind in [*kinds, package.FlashRankRerank, package.CrossEncoderRerank]:
            assert kind.model_fields["top_n"].default == 3
        assert package.FlashRankRerank.model_fields["model"].default == "ms-marco-MiniLM-L-12-v2"
        assert package.VoyageRerank.model_fields["truncation"].default is True
        for kind in kinds:
            assert (kind.model_fields["max_retries"].default, kind.model_fields["request_timeout"].default) == (2, 30.0)


class Counting(BaseCrossEncoder):
    def score(self, text_pairs: list[tuple[str, str]]) -> list[float]:
        return [float(text.split()[-1]) for _, text in text_pairs]


def test_a_cross_encoder_of_langchain_ranks_as_it_does_there_and_its_scores_are_kept(colour: Colour) -> None:
    pages = [Document(page_content=f"page {number}", id=str(number)) for number in (2, 4, 1, 3)]
    theirs = CrossEncoderReranker(model=Counting(), top_n=4).compress_documents(pages, "query")
    ours = lc.CrossEncoderRerank(model=Counting(), top_n=4)
    best: list[Document] = colour(ours, "compress_documents", pages, "query")
    assert [each.page_content for each in theirs] == [each.page_content for each in best]
    assert [each.id for each in best] == ["4", "3", "2", "1"]
    assert [each.metadata["relevance_score"] for each in best] == [4.0, 3.0, 2.0, 1.0]
    assert theirs[0].metadata == {}
