"""Many who ask at once are served in turn, refused at once or dropped, and the metrics say how many."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from collections.abc import Callable, Iterator, Sequence

import httpx
import pytest

from rerank_kit import Cached, Deadline, Document, Ranking, Reranker
from rerank_kit.cache import MemoryStore
from rerank_kit.flow import Flow
from rerank_kit.serve import rerank_app, running
from rerank_kit.serve.turns import Busy, Turns
from tests.doubles import Gated, Scripted
from tests.serve.conftest import Serving, counts
from tests.serve.talking import asking, becomes, beside, ranking
from tests.servers import eventually

MANY = [f"many {place / 100}" for place in range(20)]


@pytest.fixture
def gated() -> Iterator[Gated]:
    """A reranker that scores nothing before it is let through."""
    reranker = Gated()
    yield reranker
    reranker.gate.set()


@pytest.mark.parametrize(
    ("path", "field"), [("/v2/rerank", "message"), ("/v1/rerank", "detail"), ("/rerank", "message")]
)
def test_one_more_than_may_wait_is_refused_at_once_and_told_when_to_come_again(
    serving: Serving, gated: Gated, path: str, field: str
) -> None:
    client = serving(gated, in_flight=1, queue=2)
    waiting = [beside(lambda: ranking(client, MANY)) for _ in range(3)]
    assert becomes(client, in_flight=1, queue_depth=2)
    refused = ranking(client, MANY, path)
    assert refused.status_code == 429
    assert refused.json()[field] == "too many requests wait already: try again later"
    assert 1 <= int(refused.headers["retry-after"]) <= 30
    assert int(refused.headers["retry-after-ms"]) == 1000 * int(refused.headers["retry-after"])
    assert not any(each.done() for each in waiting)
    gated.gate.set()
    assert [each.result().status_code for each in waiting] == [200, 200, 200]
    assert becomes(client, in_flight=0, queue_depth=0, held_bytes=0)
    told = counts(client)
    assert told['refused_total{reason="busy"}'] == 1
    assert told["wait_seconds_count"] == told["score_seconds_count"] == 3
    assert 0 < told["wait_seconds_sum"] < told["request_seconds_sum"]
    assert told["documents_total"] == 60


def test_a_place_that_is_taken_while_a_body_comes_is_not_given_twice(gated: Gated) -> None:
    turns = Turns(1, 0)
    turns.check()
    with turns.admitting(), pytest.raises(Busy), turns.admitting():
        pass
    with turns.admitting():
        assert (turns.admitted, turns.waiting) == (1, 1)


def test_who_asks_again_is_told_by_how_long_requests_take() -> None:
    turns = Turns(1, 0)
    for _ in range(50):
        with turns.admitting() as spent:
            spent.scored = 100.0
    with turns.admitting(), pytest.raises(Busy) as caught:
        turns.check()
    assert caught.value.retry_after == 30.0


def test_a_small_request_does_not_wait_for_a_large_one(serving: Serving, gated: Gated) -> None:
    client = serving(gated, in_flight=1, part=2)
    large = beside(lambda: ranking(client, MANY))
    assert eventually(lambda: len(gated.begun) == 1)
    small = beside(lambda: ranking(client, ["few 0.5", "few 0.6"]))
    assert becomes(client, in_flight=1, queue_depth=1)
    gated.gate.set()
    assert [row["index"] for row in small.result().json()["results"]] == [1, 0]
    assert [row["index"] for row in large.result().json()["results"]] == list(reversed(range(20)))
    assert gated.begun[:4] == ["many 0.0", "many 0.01", "few 0.5", "few 0.6"]


@pytest.mark.parametrize("wrap", [lambda each: each, lambda each: Cached(each, MemoryStore())])
def test_a_cross_encoder_is_asked_in_parts_also_behind_a_cache(
    serving: Serving, gated: Gated, wrap: Callable[[Gated], Reranker]
) -> None:
    gated.gate.set()
    client = serving(wrap(gated), part=8)
    assert [row["index"] for row in ranking(client, MANY).json()["results"]] == list(reversed(range(20)))
    assert gated.ended == [MANY[0], MANY[8], MANY[16]]


def test_what_may_depend_on_all_documents_is_asked_about_all_at_once(serving: Serving) -> None:
    reranker = Scripted()
    assert ranking(serving(reranker, part=2), MANY).status_code == 200
    assert [len(documents) for _, documents in reranker.sent] == [20]


def test_nothing_more_is_scored_for_a_client_that_has_gone(serving: Serving, gated: Gated) -> None:
    client = serving(gated)
    with asking(client, MANY):
        assert eventually(lambda: len(gated.begun) == 1)
    assert becomes(client, gone_total=1, in_flight=0, queue_depth=0)
    gated.gate.set()
    assert eventually(lambda: len(gated.ended) == 1)
    assert gated.begun == MANY[:1]
    assert ranking(client, MANY).status_code == 200


def test_a_client_that_leaves_the_queue_leaves_no_gap(serving: Serving, gated: Gated) -> None:
    client = serving(gated, in_flight=1)
    first = beside(lambda: ranking(client, MANY))
    assert becomes(client, in_flight=1)
    with asking(client, ["left 0.1"]):
        assert becomes(client, in_flight=1, queue_depth=1)
    assert becomes(client, gone_total=1, queue_depth=0, in_flight=1)
    gated.gate.set()
    assert first.result().status_code == 200
    assert "left 0.1" not in gated.begun


@pytest.mark.parametrize("settings", [{"timeout": 0.2}, {"timeout": None}])
def test_a_deadline_holds_at_work_and_in_the_queue(
    serving: Serving, gated: Gated, settings: dict[str, float | None]
) -> None:
    client = serving(gated, in_flight=1, **settings)
    asked = [beside(lambda: ranking(client, MANY, headers={"x-request-timeout": "0.25"})) for _ in range(2)]
    for each in asked:
        answer = each.result(20)
        assert (answer.status_code, answer.json()["detail"]) == (504, "the ranking was not ready in the time allowed")
    assert becomes(client, in_flight=0, queue_depth=0)


def test_a_reranker_knows_the_deadline(serving: Serving) -> None:
    class Late(Scripted):
        def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
            seen.append(deadline.remaining())
            return super().flow(query, documents, deadline)

    seen: list[float | None] = []
    client = serving(Late(), timeout=50)
    assert ranking(client, MANY, headers={"x-request-timeout": "7.5"}).status_code == 200
    assert ranking(client, MANY, headers={"x-request-timeout": "99"}).status_code == 200
    assert ranking(client, MANY).status_code == 200
    assert [each is not None and most - 5 < each <= most for each, most in zip(seen, (7.5, 50, 50), strict=True)] == [
        True,
        True,
        True,
    ]


@pytest.mark.parametrize("value", ["0", "-1", "soon", "nan", "1e3", "", "9" * 40])
def test_a_deadline_that_is_none_is_refused(serving: Serving, value: str) -> None:
    answer = ranking(serving(Scripted()), MANY, headers={"x-request-timeout": value})
    assert answer.status_code == 400
    assert "X-Request-Timeout" in answer.json()["detail"]


def test_what_is_in_hand_is_answered_before_the_end(gated: Gated) -> None:
    with running(rerank_app(gated, warm_up=False)) as url:
        future = beside(lambda: httpx.post(f"{url}/rerank", json={"query": "q", "texts": MANY}, trust_env=False))
        assert eventually(lambda: len(gated.begun) == 1)
        threading.Timer(0.3, gated.gate.set).start()
    assert future.result().status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/health", trust_env=False)


def test_what_does_not_end_is_cut_off_at_the_end(gated: Gated) -> None:
    with running(rerank_app(gated, warm_up=False), shutdown_timeout=1) as url:
        future = beside(lambda: httpx.post(f"{url}/rerank", json={"query": "q", "texts": MANY}, trust_env=False))
        assert eventually(lambda: len(gated.begun) == 1)
    assert future.result().status_code == 503
    gated.gate.set()
    assert eventually(lambda: len(gated.ended) == 1)
    assert gated.begun == MANY[:1]


@pytest.mark.unmeasured
def test_memory_does_not_grow_with_requests(serving: Serving) -> None:
    client = serving(Reranker.of(lambda query, texts: [0.5] * len(texts)))

    def used(requests: int) -> int:
        for _ in range(requests):
            assert ranking(client, [f"{'word ' * 2000}{place / 100}" for place in range(20)]).status_code == 200
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = used(10)
        assert used(40) - before < 500_000  # each has 200,000
    finally:
        tracemalloc.stop()
