"""The endpoint on two replicas: it answers as it does alone, and one that dies takes along what it had in hand."""

from __future__ import annotations

import inspect
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from rerank_kit.errors import ConfigurationError
from rerank_kit.managed import Endpoint
from rerank_kit.scale import app, deployment
from rerank_kit.scale.serving import AppOptions
from rerank_kit.serve import hashed, rerank_app
from tests.scale.workshop import Failing, Noting

ray = pytest.importorskip("ray")
serve = pytest.importorskip("ray.serve")
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.unmeasured]
KEY = "a key"
BODY = {"query": "which?", "documents": ["low 1", "high 9"]}


@pytest.fixture(scope="module")
def url(cluster: Any) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(deployment(Slow, replicas=2, cpus=0.5, max_queued_requests=20, keys=[hashed(KEY)]))
    yield f"http://127.0.0.1:{port}"
    serve.shutdown()


class Slow(Noting):
    """One whose scores also say which process gave them."""

    def __init__(self) -> None:
        super().__init__(pause=0.05)

    def _scored(self, text: str) -> float:
        given = super()._scored(text)
        return os.getpid() / 10_000_000 if text == "who" else given


def client(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"authorization": f"Bearer {KEY}"}, timeout=30, trust_env=False)


def who(asking: httpx.Client) -> int:
    answer = asking.post("/v2/rerank", json={"query": "who?", "documents": ["who"]})
    score: float = answer.json()["results"][0]["relevance_score"]
    return round(score * 10_000_000)


def replicas(asking: httpx.Client, gone: int = 0) -> set[int]:
    """The processes that answer several who ask at a time, once there are two."""
    until, found = time.monotonic() + 60, set[int]()
    with ThreadPoolExecutor(24) as callers:
        while len(found) < 2:
            assert time.monotonic() < until
            found |= set(callers.map(lambda _: who(asking), range(24))) - {gone}
    return found


def test_it_answers_as_without_ray(url: str) -> None:
    with client(url) as asking:
        answer = asking.post("/v2/rerank", json=BODY)
        assert [each["index"] for each in answer.json()["results"]] == [1, 0]
        assert asking.post("/rerank", json={"query": "?", "texts": ["low 1"]}).json()[0]["index"] == 0
        assert asking.get("/health").status_code == 200
        assert "rerank_kit_serve_requests_total" in asking.get("/metrics").text
        assert asking.post("/v2/rerank", json={"query": "?"}).status_code == 400
        assert asking.post("/v2/rerank", json=BODY, headers={"authorization": "Bearer no"}).status_code == 401


def test_clients_need_a_base_url_alone(url: str) -> None:
    assert Endpoint(url, api_key=KEY).rerank("which?", ["low 1", "high 9"])[0].index == 1


def test_a_deadline_holds_and_what_nobody_waits_for_is_not_done(url: str) -> None:
    slow = {"query": "?", "documents": [f"text {number}" for number in range(60)]}  # three seconds
    with client(url) as asking:
        late = asking.post("/v2/rerank", json=slow, headers={"x-request-timeout": "0.2"})
        assert late.status_code == 504
        with pytest.raises(httpx.ReadTimeout):
            asking.post("/v2/rerank", json=slow, timeout=0.5)
        began = time.monotonic()
        assert asking.post("/v2/rerank", json=BODY).status_code == 200
        assert time.monotonic() - began < 30


def test_what_is_too_much_is_refused_at_once_with_429(url: str) -> None:
    slow = {"query": "?", "documents": [f"text {number}" for number in range(40)]}
    with client(url) as asking, ThreadPoolExecutor(60) as callers:
        answers = list(callers.map(lambda _: asking.post("/v2/rerank", json=slow), range(60)))
        assert {each.status_code for each in answers} == {200, 429}
        refused = [each for each in answers if each.status_code == 429]
        assert all(each.headers["retry-after"] == "1" for each in refused)
        assert asking.post("/v2/rerank", json=BODY).status_code == 200


def test_a_reranker_that_fails_at_the_start_ends_the_start(url: str) -> None:
    with pytest.raises(RuntimeError, match="application failing failed"):
        serve.run(deployment(Failing, cpus=0.1), name="failing", route_prefix="/failing")
    assert "no such model" in serve.status().applications["failing"].deployments["Reranker"].message
    serve.delete("failing")


def test_a_replica_that_dies_takes_along_what_it_had_in_hand(url: str) -> None:

    failed: list[tuple[float, float, str]] = []
    done, stop = [0], threading.Event()

    def ask() -> None:
        with client(url) as asking:
            while not stop.is_set():
                began = time.monotonic()
                try:
                    status = str(asking.post("/v2/rerank", json=BODY).status_code)
                except httpx.HTTPError as error:
                    status = repr(error)
                if status != "200":
                    failed.append((began, time.monotonic(), status))
                done[0] += 1

    with client(url) as asking:
        lost = min(replicas(asking))
        callers = [threading.Thread(target=ask) for _ in range(12)]
        for each in callers:
            each.start()
        time.sleep(1)
        before = done[0]
        killed = time.monotonic()
        os.kill(lost, signal.SIGKILL)
        time.sleep(4)
        stop.set()
        for each in callers:
            each.join(60)
        assert all(not each.is_alive() for each in callers)
        assert before > 0
        assert done[0] > before

        assert len(failed) <= len(callers)  # no more than each one's request that was under way
        assert all(began <= killed + 0.05 for began, _, _ in failed), (killed, failed)
        assert replicas(asking, lost)  # another one has come


def test_settings_for_files_of_ray_are_the_same(cluster: Any) -> None:
    made = app({"reranker": "onnx:embedded", "replicas": [1, 4], "limits": {"documents": 10}, "gpus": 0.5})
    told = made._bound_deployment._deployment_config
    assert (told.autoscaling_config.min_replicas, told.autoscaling_config.max_replicas) == (1, 4)
    assert told.autoscaling_config.target_ongoing_requests == 4
    assert told.max_ongoing_requests == 8
    several = deployment(
        {"a": Noting, "b": "onnx:embedded"}, in_flight=2, max_ongoing_requests=5, max_queued_requests=-1
    )
    assert several._bound_deployment._deployment_config.max_ongoing_requests == 5


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"reranker": Noting()}, "is loaded here"),
        ({"reranker": {}}, "pass at least one"),
        ({"reranker": {"": Noting}}, "pass at least one"),
        ({"reranker": {"a": 7}}, r"reranker\['a'\] must be a name"),
        ({"replicas": 0}, "replicas"),
        ({"replicas": "two"}, "replicas must be a number, or the least and the most"),
        ({"replicas": (3, 1)}, "the most is less than the least"),
        ({"replicas": (0, 0)}, "the most is less than the least"),
        ({"cpus": "all"}, "cpus must be a number"),
        ({"max_queued_requests": -2}, "max_queued_requests"),
        ({"in_flight": 0}, "in_flight"),
        ({"max_ongoing_requests": 0}, "max_ongoing_requests"),
        ({"part": 0}, "part"),
        ({"keys": ["not hashed"]}, "keys"),
        ({"parts": 1}, "parts"),
    ],
)
def test_wrong_settings_are_refused_before_anything_begins(settings: dict[str, Any], told: str) -> None:
    with pytest.raises((ConfigurationError, TypeError), match=told):
        deployment(**dict[str, Any]({"reranker": Noting, **settings}))


def test_a_file_of_settings_names_a_reranker() -> None:
    with pytest.raises(ConfigurationError, match="names no reranker: write reranker: onnx:embedded below args"):
        app({"replicas": 2})


def test_the_options_are_those_of_the_app() -> None:
    assert set(AppOptions.__annotations__) == set(inspect.signature(rerank_app).parameters) - {"rerankers", "queue"}


def test_the_example_says_what_ray_reads() -> None:
    yaml = pytest.importorskip("yaml")
    told = yaml.safe_load((Path(__file__).parents[2] / "examples/serve/ray.yaml").read_text("utf-8"))
    (first,) = told["applications"]
    assert first["import_path"] == "rerank_kit.scale:app"
    assert app(first["args"]) is not None
