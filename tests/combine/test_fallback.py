"""When one reranker is down the next one answers, the ranking says so, and what must be mended is not hidden."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from rerank_kit import (
    AllFailed,
    AuthenticationError,
    ConfigurationError,
    ConnectionFailed,
    Deadline,
    DeadlineExceeded,
    Document,
    Fallback,
    InvalidResponse,
    MissingExtra,
    Ranking,
    RateLimited,
    Span,
    StatusError,
)
from rerank_kit.flow import Call, Flow, sleep
from rerank_kit.managed import Backoff, Cohere, Endpoint, Voyage
from rerank_kit.testing import (
    RerankServer,
    constant_scores,
    cut_connection,
    duplicate_index,
    invalid_json,
    slow,
    status,
    too_many_requests,
    unsorted,
    wrong_count,
)
from tests.conftest import Colour, tasks_left_by_cancelling
from tests.doubles import Failing, Scripted

DOCUMENTS = ["low 1", "high 3", "middle 2"]


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Late(Scripted):
    """Answers when it is too late."""

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        self.sent.append((query, list(documents)))
        while True:
            yield from sleep(0.01)
            deadline.check()


def indices(ranking: Ranking) -> list[int]:
    return [hit.index for hit in ranking]


def test_the_first_answers_as_long_as_it_can(colour: Colour) -> None:
    second = Scripted()
    ranking = colour(Fallback(Scripted(), second), "rerank", "query", DOCUMENTS)
    assert indices(ranking) == [1, 2, 0]
    assert not ranking.degraded
    assert [span.backend for span in ranking.spans] == ["Scripted", "Fallback"]
    assert second.sent == []


@pytest.mark.parametrize(
    "error",
    [
        ConnectionFailed("no answer"),
        RateLimited("slow down", status=429),
        StatusError("down", status=503),
        StatusError("text too long", status=422),
        InvalidResponse("nonsense"),
        DeadlineExceeded("too late"),
        AllFailed("all failed"),
        RuntimeError("no memory"),
    ],
)
def test_the_next_answers_when_the_first_is_down_and_the_spans_say_who_and_why(
    error: Exception, colour: Colour, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Span] = []
    fallback = Fallback(Failing(error), Scripted())
    fallback.hooks = [seen.append]
    ranking = colour(fallback, "rerank", "query", DOCUMENTS)
    assert indices(ranking) == [1, 2, 0]
    assert ranking.degraded
    failed, answered, whole = ranking.spans
    assert (failed.backend, failed.outcome, failed.documents_out) == ("Failing", "failed", 0)
    assert (answered.backend, answered.outcome, answered.documents_out) == ("Scripted", "degraded", 3)
    why = f"Failing failed: {type(error).__name__}: {error}; Scripted answered instead"
    assert (answered.problem, whole.problem, whole.outcome) == (why, why, "degraded")
    assert seen == [whole]
    assert "asking the next" in caplog.text


@pytest.mark.parametrize(
    "error", [ConfigurationError("no such model"), AuthenticationError("wrong key"), MissingExtra("httpx", "http")]
)
def test_what_must_be_mended_is_not_hidden(error: Exception, colour: Colour) -> None:
    second = Scripted()
    with pytest.raises(type(error)):
        colour(Fallback(Failing(error), second), "rerank", "query", DOCUMENTS)
    assert second.sent == []


def test_when_all_fail_every_reason_is_kept(colour: Colour) -> None:
    one, two = ConnectionFailed("down"), InvalidResponse("nonsense")
    with pytest.raises(AllFailed, match=r"ConnectionFailed: down; .*InvalidResponse: nonsense") as caught:
        colour(Fallback(Failing(one), Failing(two)), "rerank", "query", DOCUMENTS)
    assert caught.value.errors == (one, two)
    assert caught.value.__cause__ is two


def test_a_late_one_leaves_time_for_the_next(colour: Colour) -> None:
    late = Late()
    ranking = colour(Fallback(late, Late(), Scripted()), "rerank", "query", DOCUMENTS, timeout=0.3)
    assert indices(ranking) == [1, 2, 0]
    assert [span.outcome for span in ranking.spans] == ["failed", "failed", "degraded", "degraded"]


def test_each_but_the_last_may_have_a_time_of_its_own(colour: Colour) -> None:
    ranking = colour(Fallback(Late(), Scripted(), timeout=0.02), "rerank", "query", DOCUMENTS)
    assert indices(ranking) == [1, 2, 0]
    ranking = colour(Fallback(Late(), Scripted(), timeout=0.02), "rerank", "query", DOCUMENTS, timeout=60)
    assert indices(ranking) == [1, 2, 0]


def test_a_deadline_that_all_of_them_miss_is_one(colour: Colour) -> None:
    with pytest.raises(DeadlineExceeded, match="ran out before any reranker answered"):
        colour(Fallback(Late(), Late()), "rerank", "query", DOCUMENTS, timeout=0.05)


def test_one_that_keeps_failing_is_left_out_and_tried_again_later(colour: Colour) -> None:
    clock = Clock()
    ailing = Scripted(score=lambda text: 1 / 0)
    fallback = Fallback(ailing, Scripted(), failures=2, pause=30, clock=clock)
    rankings = [colour(fallback, "rerank", "query", DOCUMENTS) for _ in range(5)]
    assert len(ailing.sent) == 2
    assert all(each.degraded for each in rankings)
    assert "failed several times in a row and was left out; Scripted answered" in str(rankings[-1].spans[-1].problem)
    clock.now = 30
    ailing.score = Scripted().score
    rankings = [colour(fallback, "rerank", "query", DOCUMENTS) for _ in range(2)]
    assert not any(each.degraded for each in rankings)
    assert len(ailing.sent) == 4


def test_with_all_of_them_left_out_any_is_worth_a_try(colour: Colour) -> None:
    one, two = Scripted(score=lambda text: 1 / 0), Scripted(score=lambda text: 1 / 0)
    fallback = Fallback(one, two, failures=1, pause=30, clock=Clock())
    for _ in range(2):
        with pytest.raises(AllFailed):
            colour(fallback, "rerank", "query", DOCUMENTS)
    assert (len(one.sent), len(two.sent)) == (2, 2)


def test_nobodys_deciding_call_is_used_up_by_a_ranking_that_another_answers(colour: Colour) -> None:
    clock = Clock()
    one, two, three = Scripted(), Scripted(), Scripted()
    fallback = Fallback(one, two, three, failures=1, pause=30, clock=clock)
    for circuit in fallback._circuits:
        circuit.failed()
    clock.now = 30
    colour(fallback, "rerank", "query", DOCUMENTS)  # the first is well again
    one.score = two.score = lambda text: 1 / 0
    ranking = colour(fallback, "rerank", "query", DOCUMENTS)  # and fails again, and so does the second
    assert indices(ranking) == [1, 2, 0]
    assert (len(one.sent), len(two.sent), len(three.sent)) == (2, 1, 1)


def test_before_all_have_failed_those_that_were_left_out_are_tried(colour: Colour) -> None:
    well, ailing = Scripted(), Scripted(score=lambda text: 1 / 0)
    fallback = Fallback(well, ailing, failures=1, pause=30, clock=Clock())
    fallback._circuits[0].failed()
    ranking = colour(fallback, "rerank", "query", DOCUMENTS)
    assert indices(ranking) == [1, 2, 0]
    assert [(span.backend, span.outcome) for span in ranking.spans] == [
        ("Scripted", "failed"),
        ("Scripted", "ok"),
        ("Fallback", "ok"),
    ]
    assert fallback._circuits[0].closed
    assert len(ailing.sent) == 1


@pytest.mark.parametrize(("out", "timeout"), [((0,), None), ((2,), 0.02), ((0, 1), 0.02)])
def test_whoever_was_left_out_has_time_left_when_the_others_hang(
    out: tuple[int, ...], timeout: float | None, colour: Colour
) -> None:
    rerankers = [Scripted() if place == out[0] else Late() for place in range(3)]
    fallback = Fallback(*rerankers, failures=1, timeout=timeout, clock=Clock())
    for place in out:
        fallback._circuits[place].failed()
    assert indices(colour(fallback, "rerank", "query", DOCUMENTS, timeout=0.3)) == [1, 2, 0]
    assert [len(each.sent) for each in rerankers] == [int(place == out[0] or place not in out) for place in range(3)]


def test_one_in_the_middle_that_was_left_out_says_what_became_of_the_others(colour: Colour) -> None:
    fallback = Fallback(
        Failing(ConnectionFailed("down")), Scripted(), Failing(InvalidResponse("odd")), failures=1, clock=Clock()
    )
    fallback._circuits[1].failed()
    ranking = colour(fallback, "rerank", "query", DOCUMENTS)
    assert [span.outcome for span in ranking.spans] == ["failed", "failed", "degraded", "degraded"]
    assert ranking.spans[-1].problem == "Failing failed: ConnectionFailed: down; Scripted answered instead"


def test_one_that_was_left_out_and_fails_again_is_a_failure_like_the_others(colour: Colour) -> None:
    fallback = Fallback(Failing(ConnectionFailed("down")), Failing(InvalidResponse("odd")), clock=Clock())
    for _ in range(3):
        fallback._circuits[0].failed()
    with pytest.raises(
        AllFailed, match=r"(?m)^every reranker failed: Failing failed: Inv.*odd; Failing failed: Conn.*down$"
    ):
        colour(fallback, "rerank", "query", DOCUMENTS)


def left_out_and_due(first: Scripted | Failing, clock: Clock) -> Fallback:
    """A fallback of which the first may be tried with a single call."""
    fallback = Fallback(first, Scripted(), failures=1, pause=30, clock=clock)
    fallback._circuits[0].failed()
    clock.now += 30
    return fallback


@pytest.mark.parametrize(
    "error", [ConfigurationError("no such model"), MissingExtra("httpx", "http"), KeyboardInterrupt()]
)
def test_a_deciding_call_that_ends_in_what_says_nothing_leaves_it_to_the_next(
    error: BaseException, colour: Colour
) -> None:
    fallback = left_out_and_due(Failing(error), Clock())
    with pytest.raises(type(error)):
        colour(fallback, "rerank", "query", DOCUMENTS)
    assert fallback._circuits[0].ready


def test_a_deciding_call_about_a_text_that_is_refused_leaves_it_to_the_next(colour: Colour) -> None:
    fallback = left_out_and_due(Failing(StatusError("text too long", status=422)), Clock())
    assert colour(fallback, "rerank", "query", DOCUMENTS).degraded
    assert fallback._circuits[0].ready


def test_one_that_was_left_out_and_refuses_a_text_stays_left_out(colour: Colour) -> None:
    fallback = Fallback(Failing(StatusError("text too long", status=422)), Failing(ConnectionFailed("down")))
    for _ in range(3):
        fallback._circuits[0].failed()
    with pytest.raises(AllFailed):
        colour(fallback, "rerank", "query", DOCUMENTS)
    assert not fallback._circuits[0].ready


def test_a_deciding_call_that_is_cancelled_leaves_it_to_the_next() -> None:
    late = Late()
    fallback = left_out_and_due(late, Clock())
    left = tasks_left_by_cancelling(lambda: fallback.arerank("query", DOCUMENTS), lambda: len(late.sent) > 0)
    assert left == 1
    assert fallback._circuits[0].ready


def test_who_was_not_let_in_takes_nothing_from_the_one_whose_call_decides(colour: Colour) -> None:
    fallback = left_out_and_due(Failing(ConfigurationError("no such model")), Clock())
    fallback.rerankers = (fallback.rerankers[0], Failing(ConnectionFailed("down")))
    assert fallback._circuits[0].allows()  # somebody else's call
    with pytest.raises(ConfigurationError, match="no such model"):  # tried as the last one left
        colour(fallback, "rerank", "query", DOCUMENTS)
    assert not fallback._circuits[0].ready


def test_of_callers_that_come_together_one_decides_and_the_others_have_their_answer() -> None:
    clock = Clock()
    started, go_on = asyncio.Event(), asyncio.Event()

    class Waiting(Scripted):
        def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
            started.set()
            yield from Call(sync=lambda: True, async_=go_on.wait)
            return (yield from super().flow(query, documents, deadline))

    waiting = Waiting()
    fallback = left_out_and_due(waiting, clock)

    async def together() -> tuple[Ranking, Ranking]:
        deciding = asyncio.create_task(fallback.arerank("query", DOCUMENTS))
        await started.wait()
        meanwhile = await fallback.arerank("query", DOCUMENTS)
        go_on.set()
        return await deciding, meanwhile

    decided, meanwhile = asyncio.run(together())
    assert (decided.degraded, meanwhile.degraded, len(waiting.sent)) == (False, True, 1)


def test_a_text_that_one_refuses_does_not_leave_it_out(colour: Colour) -> None:
    refusing = Failing(StatusError("text too long", status=422))
    fallback = Fallback(refusing, Scripted(), failures=1, clock=Clock())
    colour(fallback, "rerank", "query", DOCUMENTS)
    assert fallback._circuits[0].closed


def test_a_later_one_that_was_left_out_is_not_mentioned() -> None:
    fallback = Fallback(Scripted(), Failing(RuntimeError("x")), failures=1, clock=Clock())
    fallback._circuits[1].failed()
    ranking = fallback.rerank("query", DOCUMENTS)
    assert not ranking.degraded


@pytest.mark.parametrize("rerankers", [(), (Scripted(),)])
def test_there_must_be_something_to_fall_back_on(rerankers: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"(?m)at least two rerankers.*: Fallback\(first, second\)$"):
        Fallback(*rerankers)


@pytest.mark.parametrize(
    ("second", "told"),
    [
        ("a model", r"rerankers\[1\] must be a rerank_kit.Reranker, not 'a model'.*cross_encoder\(name\)"),
        (Scripted, r"rerankers\[1\] is the class Scripted: pass an object of it"),
        ([Scripted()], r"rerankers\[1\] must be.*pass them one by one"),
    ],
)
def test_what_is_no_reranker_is_told_by_its_place(second: Any, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        Fallback(Scripted(), second)


def test_it_says_who_is_asked_and_travels() -> None:
    fallback = Fallback(Scripted(), Failing(RuntimeError("x")))
    assert fallback.model == "scripted | Failing"
    assert repr(fallback).startswith("Fallback(Scripted(")
    assert copy.deepcopy(fallback).model == fallback.model
    assert Fallback(Voyage("rerank-3", api_key="k"), Cohere("rerank-v3.5", api_key="k")).pointwise
    assert pickle.loads(pickle.dumps(Fallback(Endpoint("http://a"), Endpoint("http://b")))).rerankers[1].base_url


FAULTS = [
    slow(0.005),
    slow(0.2),
    status(500),
    status(503),
    status(529),
    status(422),
    too_many_requests(retry_after="0"),
    too_many_requests(retry_after="30"),
    cut_connection(),
    cut_connection(sent=7),
    invalid_json(),
    wrong_count(),
    duplicate_index(),
    unsorted(),
    constant_scores(),
]


def managed_before_local(server: RerankServer, local: Scripted) -> Fallback:
    settings: dict[str, Any] = {"api_key": "key", "backoff": Backoff(first=0.001, longest=5.0), "timeout": 0.1}
    first = Voyage("rerank-3", base_url=server.base_url("voyage"), **settings)
    second = Cohere("rerank-v5.0-fast", base_url=server.base_url("cohere"), **settings)
    return Fallback(first, second, local, failures=5, pause=0.05)


TEXTS = ["a dog 1", "cat and dog 3", "a cat 2", ""]


@pytest.mark.unmeasured  # three times as long, for lines that other tests run too
def test_a_thousand_queries_under_random_faults_are_a_thousand_complete_rankings() -> None:
    async def asked(fallback: Fallback, ask: Callable[[int], str]) -> list[Ranking]:
        free = asyncio.Semaphore(32)

        async def one(number: int) -> Ranking:
            async with free:
                return await fallback.arerank(ask(number), TEXTS)

        return await asyncio.gather(*(one(number) for number in range(1000)))

    with RerankServer() as server:
        server.fail_at_random(FAULTS, chance=0.6, seed=7)
        fallback = managed_before_local(server, Scripted())
        rankings = asyncio.run(asked(fallback, lambda number: f"cat dog {number}"))
        assert len({each.status for each in server.received}) > 5  # many kinds of trouble really happened
    assert len(rankings) == 1000
    assert all(sorted(indices(ranking)) == [0, 1, 2, 3] for ranking in rankings)
    answered = {span.backend for ranking in rankings for span in ranking.spans if span.documents_out}
    assert answered == {"Voyage", "Cohere", "Scripted", "Fallback"}
    assert {ranking.degraded for ranking in rankings} == {True, False}
    for ranking in rankings:
        assert ranking.degraded == (ranking.spans[-2].backend != "Voyage")


@pytest.mark.unmeasured
def test_blocking_callers_lose_nothing_under_random_faults_either() -> None:
    from concurrent.futures import ThreadPoolExecutor

    with RerankServer() as server, ThreadPoolExecutor(16) as pool:
        server.fail_at_random(FAULTS, chance=0.6, seed=11)
        fallback = managed_before_local(server, Scripted())
        rankings = list(pool.map(lambda number: fallback.rerank(f"cat dog {number}", TEXTS), range(200)))
        for each in fallback.rerankers[:2]:
            assert isinstance(each, Voyage | Cohere)
            each.close()
    assert all(sorted(indices(ranking)) == [0, 1, 2, 3] for ranking in rankings)


@pytest.mark.parametrize("error", [UserWarning("made an error"), MissingExtra("missing")])
def test_what_must_be_seen_is_raised_whoever_would_answer_instead(colour: Colour, error: Exception) -> None:
    with pytest.raises(type(error), match=str(error)):
        colour(Fallback(Failing(error), Scripted()), "rerank", "query", DOCUMENTS)
