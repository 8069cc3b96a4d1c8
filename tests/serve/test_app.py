"""What an app is made of is checked before it begins, and what goes wrong later is said by kind."""

from __future__ import annotations

import math
import socket
from typing import Any

import httpx
import pytest

from rerank_kit import BackendError, ConfigurationError, DeadlineExceeded, MissingExtra, Ranking
from rerank_kit.errors import AllFailed, BudgetExceeded, ConnectionFailed, RateLimited, ShuttingDown, StatusError
from rerank_kit.serve import rerank_app, run, running
from tests.doubles import Answering, Failing, Scripted
from tests.processes import python
from tests.serve.conftest import Serving
from tests.serve.talking import ranking


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"rerankers": None}, "rerankers must be a Reranker, or a mapping"),
        ({"rerankers": {}}, "rerankers must be a Reranker, or a mapping"),
        ({"rerankers": {"x": "onnx:embedded"}}, r"rerankers\['x'\] must be a Reranker"),
        ({"rerankers": {"": Scripted()}}, "a name in rerankers"),
        ({"limits": 5}, "limits must be a rerank_kit.managed.Limits"),
        ({"in_flight": 0}, "in_flight"),
        ({"queue": -1}, "queue"),
        ({"part": 0}, "part"),
        ({"timeout": 0}, "timeout"),
        ({"body_timeout": 0}, "body_timeout"),
        ({"warm_up": "no"}, "warm_up"),
        ({"workers": 4}, "workers"),
    ],
)
def test_a_wrong_argument_is_refused_by_name(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        rerank_app(**dict[str, Any]({"rerankers": Scripted(), **settings}))


FAILURES: list[tuple[Exception, int, str | None]] = [
    (RateLimited("x", status=429, retry_after=2.5), 429, "2500"),
    (RateLimited("x", status=429), 429, "1000"),
    (RateLimited("x", retry_after=math.inf), 429, "1000"),
    (RateLimited("x", retry_after=math.nan), 429, "1000"),
    (RateLimited("x", retry_after=-5.0), 429, "1000"),
    (RateLimited("x", retry_after=1e300), 429, "86400000"),
    (ConnectionFailed("x"), 503, "1000"),
    (StatusError("x", status=500), 503, "1000"),
    (AllFailed("x"), 503, "1000"),
    (BudgetExceeded("x"), 503, "1000"),
    (ShuttingDown("x"), 503, "1000"),
    (DeadlineExceeded("x"), 504, None),
    (TimeoutError("x"), 504, None),
    (ConfigurationError("x"), 500, None),
    (BackendError("x"), 500, None),
    (RuntimeError("x"), 500, None),
]


@pytest.mark.parametrize(("error", "status", "wait"), FAILURES, ids=lambda each: type(each).__name__)
def test_a_failure_is_told_by_kind_and_whether_to_try_again(
    serving: Serving, error: Exception, status: int, wait: str | None
) -> None:
    answer = ranking(serving(Failing(error)), ["x"])
    assert (answer.status_code, answer.headers.get("retry-after-ms")) == (status, wait)
    assert ("retry-after" in answer.headers) == (wait is not None)
    assert type(error).__name__ in answer.json()["detail"] or status == 504


def test_a_ranking_in_which_nothing_was_ranked_is_none(serving: Serving) -> None:
    client = serving(Answering(Ranking((), failure="nobody answered")))
    assert ranking(client, ["x"]).status_code == 503


@pytest.mark.parametrize("reranker", [Failing(OSError("x")), Answering(Ranking((), failure="nobody answered"))])
def test_what_does_not_work_fails_at_the_start(reranker: Any) -> None:
    with pytest.raises(BackendError, match=r"the app did not start"), running(rerank_app(reranker)):
        pass


def test_an_address_that_is_taken_is_an_os_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = rf"port {port} of 127\.0\.0\.1 is in use: take another one, or 0 for one that is free"
        with pytest.raises(OSError, match=told), running(rerank_app(Scripted()), port=port):
            pass
        with pytest.raises(OSError, match="in use"):
            run(rerank_app(Scripted()), port=port)


@pytest.mark.parametrize(("settings", "named"), [({"host": ""}, "host"), ({"port": -1}, "port")])
def test_a_wrong_address_is_refused_by_name(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        run(rerank_app(Scripted()), **settings)
    with pytest.raises(ConfigurationError, match="shutdown_timeout"):
        run(rerank_app(Scripted()), port=0, shutdown_timeout=0)


def test_it_listens_without_a_word_where_none_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    listeners: list[socket.socket] = []
    monkeypatch.setattr("rerank_kit.serve.listening._serve", lambda server, listener: listeners.append(listener))
    run(rerank_app(Scripted()), port=0)
    assert [each.fileno() for each in listeners] == [-1]


def test_an_address_may_be_of_the_newer_kind() -> None:
    with running(rerank_app(Scripted(), warm_up=False), host="::1") as url:
        assert url.startswith("http://[::1]:")
        assert httpx.get(f"{url}/health", trust_env=False).status_code == 200


def test_without_the_extra_it_is_named() -> None:
    code = (
        "import importlib.util as u; real = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'uvicorn' else real(name, *rest)\n"
        "import rerank_kit.optional as o; o.find_spec = u.find_spec\n"
        "import rerank_kit.serve"
    )
    done = python("-c", code, check=False)
    assert MissingExtra.__name__ in done.stderr
    assert 'rerank_kit.serve needs the package uvicorn: pip install "rerank-kit[serve]"' in done.stderr
