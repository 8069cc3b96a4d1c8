"""What users pass to the frameworks' own classes works in ours, or is refused with what to write instead."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from llama_index.core.schema import NodeWithScore, TextNode
from pydantic import SecretStr

import langchain_rerank_kit as lc
import llama_rerank_kit as li
from rerank_kit import ConfigurationError
from rerank_kit.fields.given import as_reranker
from rerank_kit.fields.other_names import CLASSES, REMEDIES
from rerank_kit.local.model_files import EMBEDDED, embedded_folder
from rerank_kit.managed import Jina
from rerank_kit.testing import RerankServer
from tests.api.leaks import leaked, seen_of
from tests.doubles import Scripted, last_numbers
from tests.servers import server

__all__ = ["server"]

KEY = "sk-planted-Q7w9Zx3LmN4pR8tV"
both = pytest.mark.parametrize("package", [lc, li], ids=["langchain", "llama"])


def classes(package: Any) -> list[Any]:
    return [getattr(package, name) for name in package.__all__ if hasattr(getattr(package, name), "_understand")]


def refused() -> Iterator[tuple[Any, str, str]]:
    """Each class of both adapters, with each name that it refuses and the remedy."""
    for kind in [*classes(lc), *classes(li)]:
        for each in kind.__mro__:
            for name, remedy in REMEDIES.get(each.__name__, {}).items():
                yield kind, name, remedy


REFUSED = list(refused())
each_refused = pytest.mark.parametrize(("kind", "name", "remedy"), REFUSED)


def test_every_row_of_the_table_is_of_a_class() -> None:
    names = {each.__name__ for kind, _, _ in REFUSED for each in kind.__mro__}
    assert set(REMEDIES) <= names


@each_refused
def test_what_ours_does_not_take_is_refused_with_the_remedy(kind: Any, name: str, remedy: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        kind(**{name: "x", "api_key": KEY})
    assert str(caught.value) == f"{kind.__name__} has no field {name!r}: {remedy}"
    shown = [text for text in seen_of(without_test(caught.value)) if leaked(text, KEY)]
    assert shown == []


@each_refused
def test_what_is_to_be_written_instead_is_there(kind: Any, name: str, remedy: str) -> None:
    twin = {each.__name__: each for each in [*classes(lc), *classes(li)]}  # what is read of a node, LlamaIndex's say
    written = set(re.findall(r"\b(?:write|or|and|as) (\w+)=", remedy)) - {"reranker"}
    assert written <= kind.model_fields.keys() | twin[kind.__name__].model_fields.keys()
    assert name not in kind.model_fields


@both
def test_a_header_of_ones_own_goes_to_the_class_that_sends_these_requests(package: Any) -> None:
    for vendor in ("Cohere", "Voyage", "Jina", "Endpoint"):
        kind = getattr(package, f"{vendor}Rerank")
        told = rf"(?m)reranker={vendor}\(\w+, headers=.*, from rerank_kit\.managed$"
        with pytest.raises(ConfigurationError, match=told):
            kind(user_agent="x")


@both
@pytest.mark.parametrize("name", CLASSES)
def test_a_class_of_the_frameworks_is_told_by_its_name_here(package: Any, name: str) -> None:
    with pytest.raises(ImportError, match=f"^{package.__name__} has no {name}: here it is \\w+") as caught:
        __import__(package.__name__, fromlist=[name])  # as "from … import …" does
    ours = str(caught.value).rpartition("here it is ")[2].partition("(")[0]
    assert ours in package.__all__
    assert name not in package.__all__


@both
def test_any_other_name_is_missing_as_in_any_module(package: Any) -> None:
    with pytest.raises(AttributeError, match=f"^module '{package.__name__}' has no attribute 'Reranker2'$"):
        _ = package.Reranker2
    assert not hasattr(package, "Reranker2")


@both
def test_without_a_field_that_has_to_be_given_there_is_an_example(package: Any) -> None:
    for kind, model in {"CohereRerank": "rerank-v4.0-fast", "VoyageRerank": "rerank-2.5"}.items():
        with pytest.raises(ConfigurationError, match=rf'(?m)^{kind} needs model=: such as "{model}"\.$'):
            getattr(package, kind)(api_key=KEY)
    with pytest.raises(ConfigurationError, match=r"^EndpointRerank needs base_url=: where the server is"):
        package.EndpointRerank()


def test_a_field_of_somebodys_own_that_has_to_be_given_is_named_too() -> None:
    class Own(lc.RerankCompressor):
        depth: int

    with pytest.raises(ConfigurationError, match=r"(?m)^Own needs depth=: it has no default$"):
        Own()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    assert Own(depth=1, reranker=Scripted()).depth == 1


def without_test(error: BaseException) -> BaseException:
    """The error without the frames of this file, which hold what they pass."""
    while error.__traceback__ is not None and error.__traceback__.tb_frame.f_code.co_filename == __file__:
        error.__traceback__ = error.__traceback__.tb_next
    return error


@both
def test_they_are_refused_where_they_are_assigned_too(package: Any) -> None:
    made = package.FlashRankRerank(reranker=Scripted())
    with pytest.raises(ConfigurationError, match=r"^FlashRankRerank has no field 'prefix_metadata': leave it out"):
        made.prefix_metadata = "x"
    with pytest.raises(ConfigurationError, match=r"(?m)no field 'score_threshold': did you mean threshold\?$"):
        made.score_threshold = 0.5
    with pytest.raises(ConfigurationError, match=r"no field 'score_treshold'"):
        made.model_copy(update={"score_treshold": 0.5})


@both
def test_a_score_threshold_is_a_threshold(package: Any) -> None:
    made = package.FlashRankRerank(reranker=Scripted(), score_threshold=1.5, top_n=5)
    assert made.threshold == 1.5
    if package is lc:
        pages = [Document(page_content=f"page {number}") for number in range(3)]
        best: list[Any] = made.compress_documents(pages, "query")
    else:
        nodes = [NodeWithScore(node=TextNode(text=f"page {number}")) for number in range(3)]
        best = made.postprocess_nodes(nodes, query_str="query")
    assert len(best) == 1


@both
@pytest.mark.parametrize("token", [f"Bearer {KEY}", KEY])
def test_an_auth_token_may_be_the_whole_header(package: Any, token: str, server: RerankServer) -> None:
    made = package.EndpointRerank(base_url=server.base_url("tei"), auth_token=token)
    assert made.api_key == SecretStr(KEY)
    made.loaded.rerank("a", ["a"])
    assert server.received[-1].headers["authorization"] == f"Bearer {KEY}"


@both
def test_a_function_for_the_auth_token_is_to_be_called(package: Any) -> None:
    with pytest.raises(ConfigurationError, match="auth_token must be a key, not a function"):
        package.EndpointRerank(base_url="http://127.0.0.1:1", auth_token=lambda url: KEY)


def test_jinas_key_may_be_where_llama_index_looks_for_it(server: RerankServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JINA_API_KEY", raising=False)
    monkeypatch.setenv("JINAAI_API_KEY", KEY)
    with Jina("jina-reranker-m0", base_url=server.base_url("jina")) as reranker:
        reranker.rerank("a", ["a"])
    assert server.received[-1].headers["authorization"] == f"Bearer {KEY}"


# ── A flashrank.Ranker as client= ──


def folder_of_flashrank(folder: Path) -> Path:
    """FlashRank's own layout of the embedded model."""
    shutil.copytree(embedded_folder(), folder / EMBEDDED)
    (folder / EMBEDDED / "model.onnx").rename(folder / EMBEDDED / "flashrank-MiniLM-L-12-v2_Q.onnx")
    (folder / EMBEDDED / "config.json").write_text('{"pad_token_id": 0}', "utf-8")
    return folder


@both
def test_a_ranker_of_flashrank_says_which_model_is_meant(package: Any, tmp_path: Path) -> None:
    flashrank: Any = pytest.importorskip("flashrank")
    client = flashrank.Ranker(EMBEDDED, cache_dir=str(folder_of_flashrank(tmp_path)), max_length=64)
    made = package.FlashRankRerank(client=client, top_n=2)
    assert (made.model, made.cache_dir, made.max_length) == (EMBEDDED, str(tmp_path), 64)
    question, text = "a map", "The first map was made in Babylon. " * 20
    theirs = float(client.rerank(flashrank.RerankRequest(question, [{"text": text}]))[0]["score"])
    assert made.loaded.rerank(question, [text]).hits[0].score == pytest.approx(theirs, abs=1e-6)
    assert package.FlashRankRerank(client=client, model=EMBEDDED, max_length=32).max_length == 32
    with pytest.raises(ConfigurationError, match=f"client is a Ranker of '{EMBEDDED}', but model='rank-T5-flan'"):
        package.FlashRankRerank(client=client, model="rank-T5-flan")


@both
def test_a_client_that_reads_lists_says_the_model_alone(package: Any, tmp_path: Path) -> None:
    class Listwise:
        model_dir = tmp_path / "rank_zephyr_7b_v1_full"

    made = package.FlashRankRerank(client=Listwise(), reranker=Scripted())
    assert (made.model, made.max_length) == ("rank_zephyr_7b_v1_full", None)


@both
@pytest.mark.parametrize("client", [None, "ranker", object()])
def test_a_client_that_is_no_ranker_is_refused(package: Any, client: object) -> None:
    with pytest.raises(ConfigurationError, match=r"^client must be a flashrank\.Ranker, or leave it out"):
        package.FlashRankRerank(client=client)


@both
def test_a_function_is_a_reranker_and_what_is_none_says_what_to_pass(package: Any) -> None:
    kind = package.RerankCompressor if package is lc else package.RerankPostprocessor
    made = kind(reranker=last_numbers)
    assert [hit.index for hit in made.loaded.rerank("query", ["a 1", "b 2"])] == [1, 0]
    with pytest.raises(ConfigurationError, match=r"pass Endpoint\('http://127.0.0.1:8080'\), from rerank_kit.managed"):
        as_reranker("http://127.0.0.1:8080", "…")
    with pytest.raises(ConfigurationError, match=r"pass Cohere\(model\), from rerank_kit.managed"):
        as_reranker("cohere", "…")
