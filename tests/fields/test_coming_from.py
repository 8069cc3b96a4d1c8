"""The tables for those who come from other rerankers have every parameter of them, and ours does what they say."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Iterator, Mapping, Sequence
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
from rerank_kit.fields.other_names import CLASSES
from rerank_kit.testing import RerankServer
from tests.conftest import Colour
from tests.doubles import Scripted
from tests.fields.written import Written
from tests.servers import server

__all__ = ["server"]

DOCS = Path(__file__).parents[2] / "docs"
OVERVIEW = (DOCS / "migrate.md").read_text("utf-8")
ADAPTERS = {"migrate-langchain.md": lc, "migrate-llamaindex.md": li}
INSTALLED = ("langchain_classic.", "llama_index.core.")
"""What is there wherever these tests run. All others were read in the sources of the version named."""


@dataclass(frozen=True)
class Theirs:
    """A class of another package: what its constructor took when it was read, in November 2026, with the version."""

    where: str
    package: str
    version: str
    page: str
    ours: str
    parameters: Sequence[str]
    defaults: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.where.rpartition(".")[2]

    @property
    def kind(self) -> Any:
        """Ours, where it is one of an adapter's classes."""
        kind = getattr(ADAPTERS.get(self.page), self.ours, None)
        return kind if inspect.isclass(kind) else None

    @property
    def rows(self) -> list[tuple[str, str]]:
        """The rows of its table: what is there, and what is here."""
        (rows,) = (rows for page, name, rows in tables() if (page, name) == (self.page, self.name))
        return rows

    def right_of(self, parameter: str) -> str:
        """What the table says of a parameter."""
        return next(right for left, right in self.rows if re.search(rf"`[^`]*\b{parameter}\b", left))


def tables() -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    """The tables of all pages, with the name of the class in their heads."""
    for path in DOCS.glob("migrate-*.md"):
        found = re.findall(
            r"^\| `(\w+)` \| here \|\n\|---\|---\|\n((?:\|.*\n)+)", path.read_text("utf-8"), re.MULTILINE
        )
        for name, table in found:
            cells = (row.removeprefix("| ").removesuffix(" |").split(" | ") for row in table.splitlines())
            yield path.name, name, [(left, right) for left, right in cells]


def read() -> list[Theirs]:
    found: list[dict[str, Any]] = json.loads((Path(__file__).parent / "theirs.json").read_text("utf-8"))
    return [Theirs(where=each.pop("class"), **each) for each in found]


THEM = read()
each_of_them = pytest.mark.parametrize("theirs", THEM, ids=lambda theirs: theirs.where)
each_class_of_ours = pytest.mark.parametrize(
    "theirs", [each for each in THEM if each.kind], ids=lambda theirs: theirs.where
)


@pytest.mark.filterwarnings("ignore")  # some warn that they are old
@each_of_them
def test_what_was_read_of_it_is_what_it_takes(theirs: Theirs) -> None:
    module = theirs.where.rpartition(".")[0]
    found = pytest.importorskip(module, reason="only the tables speak of it", exc_type=ImportError)
    kind = getattr(found, theirs.name)
    own = vars(kind).get("__init__") if inspect.isclass(kind) else kind
    parameters = [] if own is None else list(inspect.signature(own).parameters.values())
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    takes = {each.name: each.default for each in parameters if each.kind in named and each.name != "self"}
    if own is None or len(takes) + 1 < len(parameters):  # what else is passed is fields
        fields: dict[str, Any] = getattr(kind, "model_fields", {})
        takes = {name: fields[name].default for name in vars(kind).get("__annotations__", {}) if name in fields} | takes
    assert set(theirs.parameters) == takes.keys() - {"callback_manager"}
    assert {name: takes[name] for name in theirs.defaults} == theirs.defaults


def test_of_what_is_installed_everywhere_the_parameters_were_looked_at() -> None:
    for theirs in THEM:
        if theirs.where.startswith(INSTALLED):
            __import__(theirs.where.rpartition(".")[0])
    assert sum(each.where.startswith(INSTALLED) for each in THEM) > 12


@each_of_them
def test_the_table_has_every_parameter(theirs: Theirs) -> None:
    left = "\n".join(left for left, _ in theirs.rows)
    assert [name for name in theirs.parameters if not re.search(rf"`[^`]*\b{name}\b[^`]*`", left)] == []


@each_of_them
def test_what_the_table_shows_first_is_their_default(theirs: Theirs) -> None:
    shown: dict[str, str] = {}
    for left, _ in theirs.rows:
        for name, value in re.findall(r"`(\w+)=([^`]+)`", left):
            shown.setdefault(name, value)
    known = shown.keys() & theirs.defaults.keys()
    assert {name: ast.literal_eval(shown[name]) for name in known} == {name: theirs.defaults[name] for name in known}


@each_of_them
def test_its_page_names_the_version_and_the_overview_leads_there(theirs: Theirs) -> None:
    page = (DOCS / theirs.page).read_text("utf-8")
    package = theirs.package.removeprefix("llama-index-postprocessor-")
    assert re.search(rf"{package}`?,?\s+{re.escape(theirs.version)}\b", page)
    assert f"[`{theirs.name}`]({theirs.page}#{theirs.name.lower()}) | " in OVERVIEW


def test_no_table_is_of_a_class_of_which_nothing_was_recorded() -> None:
    known = {(each.page, each.name) for each in THEM}
    assert {(page, name) for page, name, _ in tables() if name != "rerankers"} == known


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
    "trust_remote_code": False,
    "criterion": "answers",
}


@each_class_of_ours
def test_ours_takes_what_is_the_same_and_refuses_the_rest_with_the_remedy(theirs: Theirs, server: RerankServer) -> None:
    kind, asked = theirs.kind, 0
    values = {**VALUES, "base_url": server.base_url("cohere")}
    for name in theirs.parameters:
        given = {name: values.get(name, "secret")}
        needed = {each for each, field in kind.model_fields.items() if field.is_required()}
        given |= {each: values.get(each, {}) for each in needed if each not in given}
        told = theirs.right_of(name)
        if name in ("client", "llm"):
            continue  # of these there are tests of their own
        if told.startswith("refused"):
            with pytest.raises(ConfigurationError, match=f"^{kind.__name__} has no field '{name}': "):
                kind(reranker=Scripted(), **given)
            asked += 1
        elif told.startswith(("the same", "the key")) or name in ("top_n", "model"):
            kind(reranker=Scripted(), **given)
            asked += 1
    assert asked or "top_n" not in theirs.parameters


@pytest.mark.parametrize(
    ("name", "theirs"), [(each.name, each) for each in THEM if each.kind and each.name != each.ours], ids=str
)
def test_a_class_that_goes_by_another_name_here_is_told_where_it_is_imported(name: str, theirs: Theirs) -> None:
    assert theirs.ours == "with_rerank" or CLASSES[name].startswith(theirs.ours)


WRITTEN = Written({each.name for each in THEM} | {name for each in THEM for name in each.parameters})
RIGHT = [(page, name, right) for page, name, rows in tables() for _, right in rows]


@pytest.mark.parametrize(("page", "name", "right"), RIGHT)
def test_what_is_to_be_written_here_is_there(page: str, name: str, right: str) -> None:
    codes = re.findall(r"`([^`]+)`", right)
    assert [why for code in codes if (why := WRITTEN.problem(code, ADAPTERS.get(page, lc)))] == []


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
