"""A Shadow's answers are the live reranker's; what the candidate would have said is kept beside them."""

from __future__ import annotations

import asyncio
import copy
import logging
import pickle
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rerank_kit import (
    BackendError,
    Cascade,
    ConfigurationError,
    Deadline,
    Document,
    Hit,
    Ranking,
    Reranker,
    Rules,
    Shadow,
    Span,
    Stage,
    Usage,
    WrongArguments,
)
from rerank_kit.combine import ShadowRun, shadow_report
from rerank_kit.combine.shadow_runs import ShadowSide
from rerank_kit.errors import Abandoned
from rerank_kit.flow import Flow, run
from rerank_kit.observe import explaining
from rerank_kit.observe.watching import Part, watching
from rerank_kit.user_warnings import hearing
from tests.conftest import Colour
from tests.doubles import Answering, Failing, Scripted

DOCUMENTS = ["low 1", "high 3", "middle 2"]
QUERY = "Who owns the harbour?"


@dataclass
class Recording:
    """Keeps runs in a list."""

    runs: list[ShadowRun] = field(default_factory=list[ShadowRun])

    def record(self, run: ShadowRun) -> None:
        self.runs.append(run)


@dataclass
class Hanging(Reranker):
    """Sleeps in its thread until it is let go, whatever its deadline says."""

    gate: threading.Event = field(default_factory=threading.Event)
    begun: int = 0

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Ranking:
        self.begun += 1
        assert self.gate.wait(60)
        return Ranking.by_score([float(place) for place in range(len(documents))])


@dataclass
class Paid(Reranker):
    """Costs something, or nobody knows what."""

    price: float | None = 1.0
    asked: int = 0

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Ranking:
        self.asked += 1
        return Ranking.by_score([1.0] * len(documents), Usage(requests=1))

    def cost(self, usage: Usage) -> float | None:
        return self.price


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "shadow.sqlite")


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    candidate = Hanging()
    yield candidate
    candidate.gate.set()


def runs(shadow: Shadow) -> list[ShadowRun]:
    """All that was kept, once it is."""
    assert shadow.wait(60)
    kept: Any = shadow.record
    return list(kept.runs)


LIVE: dict[str, Callable[[], Reranker]] = {
    "one": Scripted,
    "a cascade": lambda: Cascade(Stage(Scripted(), top_n=2, name="first"), Scripted(), keep_rest=True),
    "rules": lambda: Rules(prefer=[lambda query, document: 0.5]),
    "nothing ranked": lambda: Answering(Ranking((Hit(1, 0.0), Hit(0, 0.0)), failure="down")),
    "abstained": lambda: Answering(Ranking((), abstained=True, answerable=0.1)),
    "paid": Paid,
}


def said(ranking: Ranking) -> Any:
    """All of a ranking but how long it took."""
    spans = [(each.backend, each.model, each.outcome, each.problem, each.cost, each.usage) for each in ranking.spans]
    return ranking.hits, ranking.usage, ranking.failure, ranking.dropped, ranking.abstained, ranking.cost, spans


@pytest.mark.parametrize("name", LIVE)
@pytest.mark.parametrize("candidate", [Scripted(len), Failing(SystemExit(3)), Answering(Ranking((Hit(9, 1.0),)))])
def test_the_answer_is_the_live_rerankers(name: str, candidate: Reranker, colour: Colour) -> None:
    shadow = Shadow(LIVE[name](), candidate, Recording())
    calls: list[dict[str, Any]] = [{}, {"top_n": 1}, {"threshold": 1.5}]
    for call in calls:
        ranking = colour(shadow, "rerank", "query", DOCUMENTS, **call)
        plain = LIVE[name]().rerank("query", DOCUMENTS, **call)
        assert said(ranking) == said(plain)
        assert ranking.explain(DOCUMENTS).rows == plain.explain(DOCUMENTS).rows
    assert shadow.wait(60)


@pytest.mark.parametrize("error", [BackendError("down"), ValueError("broken"), KeyboardInterrupt()])
def test_errors_are_the_live_rerankers_and_nothing_is_compared(error: BaseException, colour: Colour) -> None:
    candidate = Scripted()
    shadow = Shadow(Failing(error), candidate, Recording())
    with pytest.raises(type(error)):
        colour(shadow, "rerank", "query", DOCUMENTS)
    assert (runs(shadow), candidate.sent) == ([], [])


@pytest.mark.parametrize("wrong", [{"documents": None}, {"query": ""}, {"top_n": 0}, {"query": 3, "documents": "text"}])
def test_wrong_arguments_are_refused_as_without(wrong: dict[str, Any], colour: Colour) -> None:
    call = {"query": "query", "documents": DOCUMENTS, **wrong}
    told: list[str] = []
    for reranker in (Scripted(), Shadow(Scripted(), Scripted(), Recording())):
        with pytest.raises(ConfigurationError) as caught:
            colour(reranker, "rerank", **call)
        told.append(str(caught.value))
    assert told[0] == told[1]


def test_both_rankings_are_kept_with_what_they_took(colour: Colour) -> None:
    shadow = Shadow(Paid(0.5), Scripted(), Recording())
    documents = [Document("low 1", id="a"), Document("high 3", id="b" * 101), Document("middle 2")]
    colour(shadow, "rerank", "query", documents, top_n=2)
    (kept,) = runs(shadow)
    assert kept.live.hits == ((0, 1.0), (1, 1.0))
    assert kept.candidate.hits == ((1, 3.0), (2, 2.0), (0, 1.0))
    assert (kept.live.model, kept.candidate.model) == ("Paid", "scripted")
    assert (kept.live.usage, kept.candidate.usage) == ({"requests": 1}, {"pairs": 3})
    assert (kept.live.cost, kept.candidate.cost) == (0.5, None)
    assert kept.live.seconds > 0
    assert (kept.documents, kept.names[0], len(kept.names[1]), len(kept.names[2])) == (3, "a", 16, 16)
    assert ShadowRun.from_dict(kept.to_dict()) == kept


def test_queries_that_are_ranked_together_are_so_by_the_candidate(colour: Colour) -> None:
    candidate = Scripted(len)
    shadow = Shadow(Scripted(), candidate, Recording())
    rankings = colour(shadow, "rerank_many", ["one", "two", "none"], [DOCUMENTS, ["a 1", "b 2"], []])
    assert [len(each) for each in rankings] == [3, 2, 0]
    assert [len(each.live.hits) for each in runs(shadow)] == [3, 2]
    assert [query for query, _ in candidate.sent] == ["one", "two"]
    assert run(shadow.flow_many([], Deadline())) == []


def test_it_may_stand_in_other_rerankers(colour: Colour) -> None:
    shadow = Shadow(Scripted(), Scripted(len), Recording())
    ranking = colour(Cascade(Stage(shadow, top_n=1)), "rerank", "query", DOCUMENTS)
    assert [hit.index for hit in ranking] == [1]
    assert len(runs(shadow)) == 1

    class Own(Reranker):
        def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Any:
            return (yield from shadow.flow(query, documents, deadline))

    assert [hit.index for hit in colour(Own(), "rerank", "query", DOCUMENTS)] == [1, 2, 0]
    assert len(runs(shadow)) == 2


@pytest.mark.parametrize(
    "error",
    [
        ValueError(QUERY),
        SystemExit(1),
        KeyboardInterrupt(),
        GeneratorExit(),
        UserWarning("w"),
        MemoryError(),
        BaseException(),
    ],
    ids=lambda each: type(each).__name__,
)
def test_whatever_the_candidate_raises_stays_with_it(
    error: BaseException, colour: Colour, caplog: pytest.LogCaptureFixture
) -> None:
    shadow = Shadow(Scripted(), Failing(error), Recording())
    for _ in range(3):
        assert len(colour(shadow, "rerank", QUERY, DOCUMENTS)) == 3
        assert shadow.wait(60)
    assert {run.candidate.problem for run in runs(shadow)} == {type(error).__name__}
    assert [record.message.partition(":")[0] for record in caplog.records] == ["Shadow"]  # once


class Unshown(Exception):
    def __str__(self) -> str:
        raise OSError


def test_an_error_that_cannot_be_shown_is_told_by_its_class(colour: Colour) -> None:
    class Raising(Scripted):
        def rerank_many(self, *_: Any, **__: Any) -> Any:
            raise Unshown

    shadow = Shadow(Scripted(), Raising(), Recording(), keep_texts=True)
    colour(shadow, "rerank", "query", DOCUMENTS)
    assert [run.candidate.problem for run in runs(shadow)] == ["Unshown"]


def test_work_that_python_ends_is_no_run(colour: Colour) -> None:
    shadow = Shadow(Scripted(), Failing(Abandoned()), Recording())
    colour(shadow, "rerank", "query", DOCUMENTS)
    assert runs(shadow) == []


@pytest.fixture
def soon_overdue(monkeypatch: pytest.MonkeyPatch) -> None:
    """What hangs is found out sooner than in life."""
    monkeypatch.setattr("rerank_kit.combine.shadow_beside._GRACE", 0.1)
    monkeypatch.setattr("rerank_kit.combine.shadow_beside._LOOK", 0.05)


@pytest.mark.usefixtures("soon_overdue")
def test_one_that_hangs_delays_nothing_and_is_bounded(hanging: Hanging, colour: Colour) -> None:
    shadow = Shadow(Scripted(), hanging, Recording(), max_running=2, timeout=0.01)
    for _ in range(7):
        assert [hit.index for hit in colour(shadow, "rerank", "query", DOCUMENTS)] == [1, 2, 0]
    kept = runs(shadow)
    assert {run.candidate.problem for run in kept} == {"still running after its timeout"}
    assert len(kept) == hanging.begun == 2
    hanging.gate.set()
    assert len(runs(shadow)) == 2  # what comes too late is told once


@pytest.mark.usefixtures("soon_overdue")
def test_its_place_is_free_again_once_it_ends(hanging: Hanging, colour: Colour) -> None:
    shadow = Shadow(Scripted(), hanging, Recording(), max_running=1, timeout=0.01)
    colour(shadow, "rerank", "query", DOCUMENTS)
    assert len(runs(shadow)) == 1
    hanging.gate.set()
    until = time.monotonic() + 60
    while len(runs(shadow)) < 2:
        assert time.monotonic() < until
        colour(shadow, "rerank", "query", DOCUMENTS)
    assert runs(shadow)[-1].candidate.problem is None


def test_a_loop_goes_on_while_a_candidate_blocks(hanging: Hanging) -> None:
    shadow = Shadow(Scripted(), hanging, Recording())

    async def ticking() -> int:
        for _ in range(3):
            await shadow.arerank("query", DOCUMENTS)
            await asyncio.sleep(0)
        return len(asyncio.all_tasks())

    assert asyncio.run(ticking()) == 1
    assert not hanging.gate.is_set()
    assert not shadow.wait(0.001)


def test_dropped_calls_are_counted(hanging: Hanging, path: str, colour: Colour) -> None:
    shadow = Shadow(Scripted(), hanging, path, max_running=1)
    for _ in range(4):
        colour(shadow, "rerank", "query", DOCUMENTS)
    hanging.gate.set()
    assert shadow.wait(60)
    report = shadow.report()
    assert (report.runs, report.dropped) == (1, 3)
    assert "3 calls were not handed to the candidate" in str(report)


def test_a_late_answer_counts_as_none(colour: Colour) -> None:
    class Late(Scripted):
        def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Any:
            time.sleep(0.02)
            return Ranking.by_score([1.0] * len(documents))

    shadow = Shadow(Scripted(), Late(), Recording(), timeout=0.01)
    colour(shadow, "rerank", "query", DOCUMENTS)
    assert [run.candidate.problem for run in runs(shadow)] == ["DeadlineExceeded"]


def test_threads_that_rank_at_once_get_their_own_answers(path: str) -> None:
    shadow, wrong = Shadow(Scripted(), Scripted(len), path, max_running=3), list[str]()

    def rank(number: int) -> None:
        for turn in range(20):
            if shadow.rerank(f"{number}", [f"a {turn}", f"b {number + turn + 1}"])[0].index != 1:
                wrong.append(f"{number} {turn}")

    threads = [threading.Thread(target=rank, args=(number,)) for number in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert shadow.wait(60)
    report = shadow.report()
    assert (wrong, report.runs + report.dropped) == ([], 120)


def test_what_the_candidate_says_and_warns_reaches_nobody_who_listens(colour: Colour) -> None:
    heard_of = list[str]()

    class Loud(Scripted):
        def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Any:
            for number in range(500):
                warnings.warn(f"number {number}", stacklevel=2)
            return Cascade(Scripted()).flow(query, documents, deadline)

    def watcher(part: Part, work: Flow[Ranking]) -> Flow[Ranking]:
        heard_of.append(part.name)
        return (yield from work)

    shadow = Shadow(Scripted(), Loud(), Recording())
    with hearing() as heard, explaining() as explained, watching(watcher):
        assert len(colour(shadow, "rerank", "query", DOCUMENTS)) == 3
        kept = runs(shadow)
    assert (heard, explained, heard_of) == ([], [], [])
    assert len(kept) == 1


def test_the_candidate_cannot_change_the_callers_documents(colour: Colour) -> None:
    class Rude(Scripted):
        def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Any:
            for each in documents:
                given: Any = each.metadata
                given.clear()
            assert isinstance(documents, list)
            documents.reverse()
            return Ranking.by_score([1.0] * len(documents))

    documents = [Document("a 1", {"page": 3}, 0.5, "x")]
    shadow = Shadow(Scripted(), Rude(), Recording())
    colour(shadow, "rerank", "query", documents)
    assert len(runs(shadow)) == 1
    assert documents == [Document("a 1", {"page": 3}, 0.5, "x")]


def test_documents_that_cannot_be_copied_cost_no_answer(colour: Colour, caplog: pytest.LogCaptureFixture) -> None:
    class Odd:
        def __getitem__(self, key: str) -> Any:
            raise OSError("closed")

        def keys(self) -> list[str]:
            return ["a"]

    metadata: Any = Odd()
    shadow = Shadow(Scripted(), Scripted(), Recording())
    assert len(colour(shadow, "rerank", "query", [Document("a 1", metadata)])) == 1
    assert runs(shadow) == []
    assert "a call was not handed to the candidate" in caplog.text


def test_off_it_costs_nothing(tmp_path: Path, colour: Colour) -> None:
    live, candidate, path, before = Scripted(), Scripted(), tmp_path / "none.sqlite", set(threading.enumerate())
    shadow = Shadow(live, candidate, path, sample=0)
    work = shadow.reranking([("query", DOCUMENTS)], deadline=Deadline())
    assert getattr(work, "gi_code", None) is Reranker.reranking.__code__  # the live reranker's own, with nothing around
    work.close()
    assert len(colour(shadow, "rerank", "query", DOCUMENTS)) == 3
    assert shadow.wait()
    assert (candidate.sent, path.exists()) == ([], False)
    assert all("shadow" not in each.name for each in set(threading.enumerate()) - before)


def test_the_sample_is_as_large_as_asked_for_and_the_same_for_a_seed() -> None:
    def sampled(seed: int | None) -> list[str]:
        candidate = Scripted()
        shadow = Shadow(Scripted(), candidate, Recording(), sample=0.25, seed=seed, max_running=500)
        for number in range(400):
            shadow.rerank(f"{number}", DOCUMENTS)
        assert shadow.wait(60)
        return sorted(query for query, _ in candidate.sent)

    first = sampled(7)
    assert first == sampled(7)
    assert 60 <= len(first) <= 140
    assert 60 <= len(sampled(None)) <= 140


def test_no_text_is_kept_unless_it_is_asked_for(path: str, colour: Colour) -> None:
    shadow = Shadow(Scripted(), Failing(ValueError(QUERY)), path)
    colour(shadow, "rerank", QUERY, ["the harbour 1"])
    assert shadow.wait(60)
    assert shadow.report().failures == {"ValueError": 1}
    content = Path(path).read_bytes()
    assert (b"arbour" in content, Path(path).stat().st_mode & 0o077) == (False, 0)
    keeping = Shadow(Scripted(), Scripted(lambda text: -len(text), model="shortest"), path, keep_texts=True)
    colour(keeping, "rerank", f"{QUERY}\ud83d", ["the harbour 1", "the pier\ud83d 2", "a hut 0"])
    assert keeping.wait(60)
    ((query, live, candidate, alike),) = keeping.report().apart
    assert (query, live.split(" ", 1)[1], candidate.split(" ", 1)[1]) == (
        f"{QUERY}\ufffd",
        "the pier\ufffd 2",
        "a hut 0",
    )
    assert alike < 1


def test_money_has_a_limit_that_outlives_the_process(
    path: str, colour: Colour, caplog: pytest.LogCaptureFixture
) -> None:
    candidate = Paid(1.0)
    shadow = Shadow(Scripted(), candidate, path, max_cost=2)
    for _ in range(4):
        assert len(colour(shadow, "rerank", "query", DOCUMENTS)) == 3
        assert shadow.wait(60)
    assert candidate.asked == 2
    colour(Shadow(Scripted(), candidate, path, max_cost=2), "rerank", "query", DOCUMENTS)
    assert candidate.asked == 2
    assert "max_cost=2 is used up" in caplog.text
    report = shadow.report()
    assert (report.candidate.cost_per_1000, report.live.cost_per_1000) == (1000.0, None)


def test_money_that_nobody_counts_has_no_limit_so_that_it_is_not_spent(
    colour: Colour, caplog: pytest.LogCaptureFixture
) -> None:
    candidate = Paid(None)
    shadow = Shadow(Scripted(), candidate, Recording(), max_cost=2)
    for _ in range(3):
        colour(shadow, "rerank", "query", DOCUMENTS)
        assert shadow.wait(60)
    assert candidate.asked == 1
    assert "does not say what it costs" in caplog.text


def test_an_object_of_your_own_gets_the_runs_and_may_fail(colour: Colour, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Recording):
        def record(self, run: ShadowRun) -> None:
            super().record(run)
            raise SystemExit(1)

    shadow = Shadow(Scripted(), Scripted(), Broken())
    for _ in range(3):
        colour(shadow, "rerank", "query", DOCUMENTS)
        assert shadow.wait(60)
    assert shadow_report(runs(shadow)).runs == 3
    assert caplog.text.count("1 runs were lost: SystemExit: 1") == 1
    with pytest.raises(ConfigurationError, match=r"pass the runs that it has to shadow_report\(runs\)"):
        shadow.report()


def test_what_python_ends_while_it_is_kept_is_not_spoken_of(caplog: pytest.LogCaptureFixture) -> None:
    class Ended(Recording):
        def record(self, run: ShadowRun) -> None:
            raise Abandoned

    shadow = Shadow(Scripted(), Scripted(), Ended())
    shadow.rerank("query", DOCUMENTS)
    assert shadow.wait(60)
    assert caplog.records == []


def test_hooks_hear_of_what_the_live_reranker_did(colour: Colour) -> None:
    spans: list[Span] = []
    shadow = Shadow(Scripted(), Scripted(), Recording(), sample=0)
    shadow.hooks = [spans.append]
    colour(shadow, "rerank", "query", DOCUMENTS)
    failing = Shadow(Failing(BackendError("down")), Scripted(), Recording())
    failing.hooks = [spans.append]
    with pytest.raises(BackendError):
        colour(failing, "rerank", "query", DOCUMENTS)
    assert [(each.backend, each.outcome, each.documents_in) for each in spans] == [
        ("Scripted", "ok", 3),
        ("Failing", "failed", 3),
    ]
    assert spans[1].problem == "BackendError: down"


def test_it_stands_for_the_live_reranker(path: str) -> None:
    rules = Rules()
    shadow = Shadow(rules, Scripted(), path)
    for name in ("model", "pointwise", "reads_text", "fingerprint", "scores_blanks", "reads_metadata"):
        assert getattr(shadow, name) == getattr(rules, name)
    assert repr(shadow) == f"Shadow({rules!r}, {Scripted()!r}, {path!r}, sample=1)"


def test_copies_and_pickles_write_to_the_same_file(path: str, colour: Colour) -> None:
    shadow = Shadow(Rules(), Rules(), path, sample=1, max_cost=3.0, keep_texts=True)
    shadow.hooks = [print]
    for again in (copy.copy(shadow), copy.deepcopy(shadow), pickle.loads(pickle.dumps(shadow))):
        assert (again.record, again.max_cost, again.keep_texts, again.hooks) == (path, 3.0, True, [print])
        colour(again, "rerank", "query", DOCUMENTS)
        assert again.wait(60)
    assert shadow.report().runs == 3


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"live": "scripted"}, "live must be"),
        ({"candidate": Scripted}, "candidate"),
        ({"sample": 1.5}, "sample must be a share from 0 to 1"),
        ({"sample": True}, "sample must be"),
        ({"seed": 0.5}, "seed must be"),
        ({"max_running": 0}, "max_running must be"),
        ({"timeout": 0}, "timeout must be"),
        ({"max_cost": -1}, "max_cost must be"),
        ({"keep_texts": "no"}, "keep_texts must be"),
        ({"max_entries": 0}, "max_entries must be"),
        ({"record": None}, "record must be a path, or an object with record"),
        ({"record": Recording}, "record must be a path"),
        ({"record": ""}, "names no file"),
        ({"record": ":memory:"}, "names no file"),
    ],
    ids=str,
)
def test_wrong_settings_are_refused(wrong: dict[str, Any], told: str) -> None:
    settings: dict[str, Any] = {"live": Scripted(), "candidate": Scripted(), "record": Recording(), **wrong}
    with pytest.raises(ConfigurationError, match=told):
        Shadow(**settings)


def test_assignments_that_would_change_nothing_are_refused() -> None:
    shadow: Any = Shadow(Scripted(), Scripted(), Recording())
    for name in ("live", "candidate", "record", "sample", "max_running", "timeout", "keep_texts"):
        with pytest.raises(ConfigurationError, match=f"{name} is fixed when it is made"):
            setattr(shadow, name, None)
    with pytest.raises(WrongArguments, match="did you mean"):
        Shadow(Scripted(), Scripted(), Recording(), samples=0.5)  # type: ignore[call-arg]


def test_a_live_reranker_may_give_no_spans(colour: Colour) -> None:
    class Bare(Scripted):
        def reranking(self, requests: Any, **options: Any) -> Any:
            yield from ()
            return [Ranking.by_score([1.0] * len(documents)) for _, documents in requests]

    shadow = Shadow(Bare(), Scripted(), Recording())
    shadow.hooks = [lambda span: pytest.fail("there is none")]
    assert len(colour(shadow, "rerank", "query", DOCUMENTS)) == 3
    assert len(runs(shadow)) == 1


def test_nothing_is_logged_of_what_goes_well(colour: Colour, path: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        shadow = Shadow(Scripted(), Scripted(), path)
        colour(shadow, "rerank", "query", DOCUMENTS)
        assert shadow.wait(60)
    assert caplog.records == []


@pytest.mark.parametrize(
    ("side", "value"), [("model", None), ("seconds", "x"), ("problem", ["x"]), ("seconds", float("inf")), ("cost", "a")]
)
def test_a_side_of_other_values_is_none(side: str, value: object) -> None:
    plain = {"model": "m", "hits": [[0, 1.0]], "seconds": 0.5, "usage": {"pairs": 1}}
    assert ShadowSide.from_dict(plain).hits == ((0, 1.0),)
    with pytest.raises(ValueError, match="no values of a side"):
        ShadowSide.from_dict({**plain, side: value})
