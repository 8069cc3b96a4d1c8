"""The example of a search service answers, says when an answer is not what it should be, and gives up in time."""

from __future__ import annotations

import asyncio
import runpy
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from rerank_kit import ConfigurationError, Deadline, Document, Ranking, Reranker
from rerank_kit.errors import ConnectionFailed
from rerank_kit.flow import Flow
from tests.doubles import Failing, Scripted, sleep_like_a_server
from tests.processes import EXAMPLES, as_a_script, example

fastapi = pytest.importorskip("fastapi.testclient")
pytestmark = pytest.mark.unmeasured  # of the examples it tells nothing, and takes half as long again


async def slow(query: str, texts: list[str]) -> list[float]:
    """Answers the call by which it is warmed up, and no other one within an hour."""
    await asyncio.sleep(0 if "contents" in query else 3600)
    return [1.0] * len(texts)


class Warm(Reranker):
    """Likewise, whatever its deadline is."""

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        yield from sleep_like_a_server(0 if "contents" in query else 3600)
        return Ranking.by_score([1.0] * len(documents))


@pytest.fixture
def service() -> Callable[..., Any]:
    """What makes the app."""
    path = str(EXAMPLES / "fastapi_service.py")
    with as_a_script([path], {}):
        made: Callable[..., Any] = runpy.run_path(path)["service"]
    return made


def test_it_answers_as_it_is_run() -> None:
    done = example("fastapi_service.py")
    assert done.returncode == 0, done.stderr
    question, best, *_, degraded, ranked, health = done.stdout.splitlines()
    assert question.endswith("the same contents?")
    assert "filecmp.cmp" in best
    assert "(BM25: place 6)" in best
    assert (degraded, health) == ("degraded: None", "/health: ok")
    assert ranked == "/rank/v2/rerank: document 1 is first"


def test_a_reranker_that_is_down_is_told_beside_the_first_stages_order(service: Callable[..., Any]) -> None:
    with fastapi.TestClient(service(Failing(ConnectionFailed("nobody is there")))) as client:
        answer = client.get("/search", params={"q": "two files", "top_n": 2}).json()
        assert "nobody is there" in answer["degraded"]
        assert [(each["score"], each["first_stage_rank"]) for each in answer["results"]] == [(None, 1), (None, 2)]
        assert client.get("/health").json() == {"status": "ok"}


def test_a_reranker_that_is_late_is_told_too(service: Callable[..., Any]) -> None:
    with fastapi.TestClient(service(Reranker.of(slow), rerank_seconds=0.1)) as client:
        assert "DeadlineExceeded" in client.get("/search", params={"q": "two files"}).json()["degraded"]


def test_a_request_that_takes_too_long_is_given_up(service: Callable[..., Any]) -> None:
    app = service(Warm(), seconds=0.01)
    with fastapi.TestClient(app) as client:
        answer = client.get("/search", params={"q": "two files"})
    assert (answer.status_code, answer.json()) == (504, {"detail": "not found within 0.01 seconds"})


@pytest.mark.parametrize("asked", [{}, {"q": " "}, {"q": "a", "top_n": 0}, {"q": "a", "top_n": 51}, {"q": "a" * 1001}])
def test_what_cannot_be_answered_is_refused(service: Callable[..., Any], asked: dict[str, Any]) -> None:
    with fastapi.TestClient(service(Scripted(len))) as client:
        assert client.get("/search", params=asked).status_code == 422


def test_what_only_a_person_can_mend_ends_the_start(service: Callable[..., Any]) -> None:
    broken: Reranker = Failing(ConfigurationError("the key is refused"))
    with pytest.raises(ConfigurationError, match="the key is refused"), fastapi.TestClient(service(broken)):
        pass
