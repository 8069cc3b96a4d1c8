"""The vendors' packages, as they are: they talk to the server for tests, and what LangChain makes of them reranks."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from langchain_rerank_kit import DecisionRerank, LangChainDecisions
from rerank_kit.decide import DecisionReranker, OpenAIDecisions
from rerank_kit.decide.ways import Ask
from rerank_kit.testing import DecisionServer, status
from tests.decide.doubles import DOCUMENTS, ORDER, QUERY, found
from tests.langchain.recording import Recorder
from tests.langchain.test_decide import ids, pages

KEY = "planted-key-5f2c"
WAYS: list[Ask] = ["score", "yes-no", "choice"]


@pytest.fixture
def server() -> Iterator[DecisionServer]:
    with DecisionServer(api_key=KEY) as running:
        yield running


@pytest.fixture
def openai() -> Any:
    return pytest.importorskip("openai", reason="openai is not installed")


def questions() -> list[dict[str, Any]]:
    return [
        {"type": "predicate", "name": "p", "instructions": "Is there a cat?"},
        {"type": "score", "instructions": "How much?", "levels": [{"label": "none"}, {"label": "all"}]},
        {"type": "choice", "name": "c", "instructions": "Which?", "choices": [{"value": "cat"}, {"value": True}]},
    ]


def test_the_real_sdk_of_openai_talks_to_the_server_unchanged(server: DecisionServer, openai: Any) -> None:
    with openai.OpenAI(api_key=KEY, base_url=server.base_url("openai")) as client:
        asked = {"model": "gpt-6-luna", "input": "a cat", "questions": questions()}
        first, second, third = client.decisions.create(**asked).answers
        assert (first.type, second.type, third.type) == ("predicate", "score", "choice")
        assert (first.name, second.name, third.choice) == ("p", None, "cat")
        server.refuse("")
        refused = client.decisions.create(**asked).answers
        assert {each.type for each in refused} == {"refusal"}
        with pytest.raises(openai.NotFoundError, match="does not exist"):
            client.decisions.create(**{**asked, "model": "gpt-5"})
        with pytest.raises(openai.BadRequestError, match="1 to 400"):
            client.decisions.create(**{**asked, "questions": []})


def test_the_real_async_sdk_of_openai_talks_to_the_server_unchanged(server: DecisionServer, openai: Any) -> None:
    async def asking() -> Any:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=server.base_url("openai")) as client:
            messages = [{"role": "developer", "content": "Read."}, {"role": "user", "content": "a cat"}]
            return await client.decisions.create(model="gpt-6-luna", input=messages, questions=questions())

    decision = asyncio.run(asking())
    assert decision.usage.total_tokens == decision.usage.input_tokens > 0


def test_our_own_requests_are_what_the_real_sdk_would_send(server: DecisionServer, openai: Any) -> None:
    """The body that the SDK makes of our questions is the body that we send."""
    with OpenAIDecisions(api_key=KEY, base_url=server.base_url("openai")) as ours:
        DecisionReranker(ours, seed=1).rerank(QUERY, DOCUMENTS)
        DecisionReranker(ours, seed=1, ask="choice").rerank(QUERY, DOCUMENTS)
    for received in list(server.received):
        with openai.OpenAI(api_key=KEY, base_url=server.base_url("openai")) as client:
            client.decisions.create(**received.body)
        assert server.received[-1].body == received.body
        assert server.received[-1].path == received.path


class Theirs:
    """A decision model of a package for LangChain, and how its clients are closed."""

    def __init__(self, server: DecisionServer, package: str) -> None:
        module: Any = pytest.importorskip(package, reason="it is not installed")
        self.is_openai = package == "langchain_openai.decisions"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are in beta, and say so
            if self.is_openai:
                url = server.base_url("openai")
                self.model = module.OpenAIDecisions(model="gpt-6-luna", api_key=KEY, base_url=url, max_retries=0)
            else:
                self.model = module.TypeSafeClassifier(api_key=KEY, base_url=f"{server.url}/system_one")

    def using(self, thing: Any, method: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call a method, blocking."""
        try:
            return getattr(thing, method)(*args, **kwargs)
        finally:
            (self.model._client if self.is_openai else self.model.client).close()

    def using_on_a_loop(self, thing: Any, method: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call its other colour, on a loop."""

        async def asking() -> Any:
            try:
                return await getattr(thing, f"a{method}")(*args, **kwargs)
            finally:
                await (self.model._async_client.close() if self.is_openai else self.model.async_client.aclose())

        return asyncio.run(asking())


PACKAGES = ["langchain_openai.decisions", "langchain_typesafe"]
COLOURS = [Theirs.using, Theirs.using_on_a_loop]


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("using", COLOURS)
@pytest.mark.parametrize("ask", WAYS)
def test_the_models_of_langchains_packages_rerank(server: DecisionServer, package: str, using: Any, ask: Ask) -> None:
    recorder, theirs = Recorder(), Theirs(server, package)
    compressor = DecisionRerank(decision_model=theirs.model, ask=ask)
    best = using(theirs, compressor, "compress_documents", pages(), QUERY, callbacks=[recorder])
    assert ids(best) == [str(place) for place in ORDER]
    assert best[0].metadata["rerank_answerable"] == 1.0
    (run,) = [each for each in recorder.runs.values() if each.name == type(theirs.model).__name__]
    assert run.parent == recorder.id_of("DecisionReranker")
    (received,) = server.received
    assert received.status == 200


@pytest.mark.parametrize("package", PACKAGES)
def test_their_usage_counts_and_their_errors_are_ours(server: DecisionServer, package: str) -> None:
    theirs = Theirs(server, package)
    reranker = DecisionReranker(LangChainDecisions(theirs.model))
    ranking = reranker.rerank(QUERY, DOCUMENTS)
    assert (ranking.usage.calls, ranking.usage.input_tokens > 0, ranking.cost is not None) == (1, True, True)
    server.fail(status(529))
    ranking = theirs.using(reranker, "rerank", QUERY, DOCUMENTS)
    assert (found(ranking), ranking.usage.unjudged) == ([0, 1, 2, 3], 4)
    assert "answered 529" in str(ranking.failure)


def test_a_refusal_of_openais_costs_one_document(server: DecisionServer) -> None:
    theirs = Theirs(server, "langchain_openai.decisions")
    server.refuse("run")
    reranker = DecisionReranker(LangChainDecisions(theirs.model))
    ranking = theirs.using(reranker, "rerank", QUERY, DOCUMENTS)
    assert (found(ranking), ranking.usage.refused) == ([0, 3, 2, 1], 1)
