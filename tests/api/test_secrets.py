"""A key never shows and never leaves the process: every class of the core and of both adapters is searched for one."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import langchain_core.load
import pytest
from llama_index.core.schema import BaseComponent, NodeWithScore, TextNode
from pydantic import SecretStr

import langchain_rerank_kit as lc
import llama_rerank_kit as li
from rerank_kit import AuthenticationError, ConfigurationError, Reranker, RerankError, WrongArguments
from rerank_kit.api.secret import Secret
from rerank_kit.managed import Cohere, Endpoint, Jina, Voyage
from rerank_kit.testing import Fault, RerankServer
from tests.apis import DOCUMENTS, KEY, QUERY

Made = Callable[[RerankServer, Any], Any]

CORE: dict[str, Made] = {
    "Cohere": lambda server, key: Cohere("rerank-v3.5", api_key=key, base_url=server.base_url("cohere")),
    "Voyage": lambda server, key: Voyage("rerank-3", api_key=key, base_url=server.base_url("voyage")),
    "Jina": lambda server, key: Jina("jina-reranker-m0", api_key=key, base_url=server.base_url("jina")),
    "Endpoint": lambda server, key: Endpoint(server.base_url("vllm"), api_key=key, format="vllm"),
    "headers": lambda server, key: Endpoint(
        server.base_url("vllm"), headers={"authorization": f"Bearer {key}"}, format="vllm"
    ),
}


def adapters(package: Any) -> dict[str, Made]:
    """The classes of an adapter."""
    made: dict[str, Made] = {
        "CohereRerank": lambda server, key: package.CohereRerank(
            model="rerank-v3.5", api_key=key, base_url=server.base_url("cohere")
        ),
        "VoyageRerank": lambda server, key: package.VoyageRerank(
            model="rerank-3", api_key=key, base_url=server.base_url("voyage")
        ),
        "JinaRerank": lambda server, key: package.JinaRerank(
            model="jina-reranker-m0", api_key=key, base_url=server.base_url("jina")
        ),
        "EndpointRerank": lambda server, key: package.EndpointRerank(
            base_url=server.base_url("vllm"), api_key=key, format="vllm"
        ),
    }
    return {f"{package.__name__}.{name}": make for name, make in made.items()}


EVERYTHING = CORE | adapters(lc) | adapters(li)
VARIABLES = {
    "Cohere": "CO_API_KEY",
    "CohereRerank": "COHERE_API_KEY",
    "Voyage": "VOYAGE_API_KEY",
    "VoyageRerank": "VOYAGE_API_KEY",
    "Jina": "JINA_API_KEY",
    "JinaRerank": "JINA_API_KEY",
}


@pytest.fixture(autouse=True)
def no_keys_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES.values():
        monkeypatch.delenv(name, raising=False)


def work(made: Any) -> None:
    """Rank something, whatever it is."""
    if isinstance(made, Reranker):
        made.rerank(QUERY, DOCUMENTS)
    elif hasattr(made, "compress_documents"):
        made.compress_documents([lc_document(text) for text in DOCUMENTS], QUERY)
    else:
        made.postprocess_nodes([NodeWithScore(node=TextNode(text=text)) for text in DOCUMENTS], query_str=QUERY)


def lc_document(text: str) -> Any:
    from langchain_core.documents import Document

    return Document(page_content=text)


@pytest.mark.parametrize("make", EVERYTHING.values(), ids=EVERYTHING)
def test_a_key_is_sent_and_seen_nowhere_else(
    server: RerankServer, make: Made, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    made: Any = make(server, KEY)
    work(made)
    assert KEY in json.dumps([dict(each.headers) for each in server.received])
    shown = [repr(made), str(made), f"{made!s}", repr(pickle.dumps(made)), caplog.text]
    if not isinstance(made, Reranker):
        shown += [repr(made.loaded), repr(made.model_dump()), made.model_dump_json()]
        shown += [langchain_core.load.dumps(made), repr(made.__dict__)]
    if isinstance(made, BaseComponent):
        shown += [repr(made.to_dict()), made.to_json()]
    assert [text for text in shown if KEY in text] == []


@pytest.mark.parametrize("make", EVERYTHING.values(), ids=EVERYTHING)
def test_a_key_that_the_server_echoes_does_not_reach_the_error(make: Made, caplog: pytest.LogCaptureFixture) -> None:
    with RerankServer(api_key="another") as server:
        made: Any = make(server, KEY)
        with pytest.raises(AuthenticationError, match=r"invalid api key.*\*\*\*.*check api_key") as caught:
            work(made)
        told = "".join(traceback.format_exception(caught.value))
        assert KEY not in told + repr(caught.value) + caplog.text
        getattr(made, "loaded", made).close()


@pytest.mark.parametrize("make", CORE.values(), ids=CORE)
def test_a_key_in_an_answer_that_cannot_be_read_is_hidden_too(make: Made) -> None:
    with RerankServer() as server:
        server.fail(Fault("echo", text=f'{{"told": "you sent {KEY}"}}'))
        made = make(server, KEY)
        with pytest.raises(RerankError, match=r"you sent .*\*\*\*") as caught:
            work(made)
        assert KEY not in "".join(traceback.format_exception(caught.value))
        made.close()


@pytest.mark.parametrize("make", EVERYTHING.values(), ids=EVERYTHING)
def test_a_pickle_reads_the_key_where_it_arrives(
    server: RerankServer, make: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make(server, KEY)
    there = pickle.loads(pickle.dumps(made))
    name = type(made).__name__
    if name in VARIABLES:
        with pytest.raises(ConfigurationError, match=f"api_key is missing.*{VARIABLES[name]}"):
            work(there)
        monkeypatch.setenv(VARIABLES[name], "key-of-the-other-machine")
        work(there)
        assert "key-of-the-other-machine" in repr(server.received[-1].headers)
    elif not isinstance(made, Endpoint) or not made._headers:
        work(there)  # a server that needs no key
        assert KEY not in repr(server.received[-1].headers)
    else:
        with pytest.raises(ConfigurationError, match=r"headers\['authorization'\] is missing"):
            work(there)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
@pytest.mark.parametrize("make", EVERYTHING.values(), ids=EVERYTHING)
def test_copies_in_this_process_keep_the_key(server: RerankServer, make: Made, copied: Callable[[Any], Any]) -> None:
    work(copied(make(server, KEY)))
    assert KEY in repr(server.received[-1].headers)


@pytest.mark.parametrize("name", [name for name in VARIABLES if "Rerank" not in name])
def test_keys_come_from_the_environment(server: RerankServer, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match=f"api_key is missing.*{VARIABLES[name]}"):
        CORE[name](server, None)
    monkeypatch.setenv(VARIABLES[name], KEY)
    work(CORE[name](server, None))
    assert KEY in repr(server.received[-1].headers)


@pytest.mark.parametrize("package", [lc, li])
def test_a_wrong_field_is_named_without_its_value(package: Any) -> None:
    with pytest.raises(WrongArguments, match="'api_kye': did you mean api_key") as caught:
        package.VoyageRerank(model="rerank-3", api_kye=KEY)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("key", [KEY, SecretStr(KEY), Secret(KEY), f" {KEY}\n"])
def test_a_key_may_come_in_any_wrapping(key: Any) -> None:
    assert Secret(key).reveal() == KEY


@pytest.mark.parametrize("key", ["sk-\n-in-the-middle", "kéy", "key\x00"])
def test_a_key_that_no_header_can_hold_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(ConfigurationError, match="characters that an HTTP header cannot") as caught:
        Secret(key)
    assert key not in str(caught.value)


def test_a_key_of_the_environment_that_no_header_can_hold_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JINA_API_KEY", "abc\ndef")
    with pytest.raises(ConfigurationError, match=r"^the environment variable JINA_API_KEY has characters"):
        Jina("jina-reranker-m0")


@pytest.mark.parametrize(("key", "told"), [("", "is empty"), (" ", "is empty"), (7, "must be a str or a SecretStr")])
def test_a_key_that_is_none_is_an_error(key: Any, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        Secret(key)


def test_a_secret_without_a_key_hides_nothing_and_shows_nothing() -> None:
    secret = Secret(required=False)
    assert copy.copy(secret) is secret
    assert secret.reveal() is None
    assert secret.hide("text") == "text"
    assert repr(secret) == "Secret('**********')"
    arrived: Secret = pickle.loads(pickle.dumps(Secret(KEY)))
    assert arrived.hide(KEY) == KEY  # it does not know it any more


@pytest.mark.parametrize("url", [f"http://me:{KEY}@host", f"https://host/v1?key={KEY}", f"https://host/#{KEY}"])
def test_a_url_with_a_secret_in_it_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match="where they stay hidden") as caught:
        Endpoint(url)
    assert KEY not in str(caught.value)
