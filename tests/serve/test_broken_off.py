"""Rerankers that break off, never end, or begin what nobody can stop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest

from rerank_kit import BackendError, Reranker
from rerank_kit.serve import rerank_app, running
from tests.serve.conftest import Serving, counts
from tests.serve.talking import asking, becomes, beside, ranking
from tests.servers import eventually


@pytest.mark.parametrize("error", [asyncio.CancelledError("text"), BaseExceptionGroup("text", [KeyboardInterrupt()])])
def test_a_reranker_that_breaks_off_fails_one_request(
    serving: Serving, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    async def breaks_off(query: str, texts: list[str]) -> list[float]:
        if query == "which?":
            raise error
        return [0.5] * len(texts)

    client = serving(Reranker.of(breaks_off))
    failed = ranking(client, ["x"])
    assert (failed.status_code, failed.json()["detail"]) == (500, "the reranker failed (BackendError)")
    assert client.post("/rerank", json={"query": "another", "texts": ["x"]}).status_code == 200
    now = counts(client)
    assert (now['requests_total{format="jina",status="500"}'], now["in_flight"], now["held_bytes"]) == (1, 0, 0)
    assert "text" not in caplog.text


def test_a_server_that_a_reranker_ends_says_so_and_keeps_nobody_waiting() -> None:
    async def ends(query: str, texts: list[str]) -> list[float]:
        raise SystemExit(3)

    def asked(url: str) -> httpx.Response:
        return httpx.post(f"{url}/rerank", json={"query": "q", "texts": ["x"]}, trust_env=False, timeout=20)

    def is_gone(url: str) -> bool:
        with suppress(httpx.TransportError):
            return asked(url).status_code == 0
        return True

    def served() -> None:
        with running(rerank_app(Reranker.of(ends), warm_up=False)) as url:
            assert asked(url).status_code == 503
            assert eventually(lambda: is_gone(url))

    with pytest.raises(BackendError, match=r"the app ended by itself: SystemExit\(3\)"):
        served()


class Stuck:
    """Blocking code that is at work until it is let go."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.gate = threading.Event()

    def __call__(self, query: str, texts: list[str]) -> list[float]:
        self.begun.append(query)
        assert self.gate.wait(30)
        return [0.5] * len(texts)

    def has_begun(self, times: int) -> bool:
        return eventually(lambda: len(self.begun) == times)


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    scoring = Stuck()
    yield scoring
    scoring.gate.set()


def test_what_nobody_can_break_off_is_counted_and_no_more_of_it_begun(serving: Serving, stuck: Stuck) -> None:
    client = serving(Reranker.of(stuck), in_flight=2, queue=1)
    for number in range(3):
        with asking(client, ["x"]):
            assert stuck.has_begun(number + 1)
            assert becomes(client, in_flight=1, abandoned=number)
        assert becomes(client, in_flight=0, abandoned=number + 1)
    for _ in range(5):
        refused = ranking(client, ["x"])
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert refused.json()["detail"] == "what was asked before has not ended yet: try again later"
    assert stuck.has_begun(3)
    assert (client.get("/health").status_code, client.get("/health").json()) == (503, {"status": "stuck"})
    stuck.gate.set()
    assert becomes(client, abandoned=0)
    assert client.get("/health").status_code == 200
    assert ranking(client, ["x"]).status_code == 200


def test_who_waits_for_a_turn_meanwhile_is_refused_too(serving: Serving, stuck: Stuck) -> None:
    client = serving(Reranker.of(stuck), in_flight=1, queue=1)
    with asking(client, ["x"]):
        assert stuck.has_begun(1)
    assert becomes(client, in_flight=0, abandoned=1)
    with asking(client, ["x"]):
        assert stuck.has_begun(2)
        waiting = beside(lambda: ranking(client, ["x"]))
        assert becomes(client, in_flight=1, queue_depth=1)
    assert waiting.result(20).status_code == 429
    assert becomes(client, abandoned=2, in_flight=0, queue_depth=0)
    assert stuck.has_begun(2)


@pytest.mark.parametrize("score", [1.0000000000000002, 1.0000005, -1e-9])
def test_a_score_that_only_arithmetic_took_out_of_0_to_1_changes_no_other(serving: Serving, score: float) -> None:
    told: Any = ranking(serving(Reranker.of(lambda query, texts: [score, 0.25])), ["x", "y"]).json()
    assert sorted(row["relevance_score"] for row in told["results"]) == sorted([min(1.0, max(0.0, score)), 0.25])


def test_an_app_serves_one_loop_after_another_under_load_and_not_two_at_a_time() -> None:
    async def scores(query: str, texts: list[str]) -> list[float]:
        await asyncio.sleep(0.01)
        return [0.5] * len(texts)

    app = rerank_app(Reranker.of(scores), in_flight=1)
    for _ in range(2):
        with running(app) as url, httpx.Client(base_url=url, trust_env=False, timeout=20) as client:
            asked = [beside(lambda: ranking(client, ["x"])) for _ in range(5)]
            assert [each.result(20).status_code for each in asked] == [200] * 5
            with pytest.raises(BackendError, match="the app runs already"), running(app):
                pass
