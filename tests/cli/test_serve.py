"""`rerank-kit serve` listens where it is told, lets in whom it is told, and ends when it is told."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from rerank_kit.cli import main
from rerank_kit.serve import hashed
from tests.cli.commands import BY_LENGTH

OUTSIDE = "0.0.0.0"  # noqa: S104 - nobody listens there
CAPTURE = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """The command says where the log goes, which is for its own process."""
    loggers = [logging.getLogger(each) for each in ("rerank_kit", "uvicorn.error")]
    known = [(each, each.handlers, each.level, each.propagate) for each in loggers]
    yield
    for each, handlers, level, propagate in known:
        each.handlers, each.propagate = handlers, propagate
        each.setLevel(level)


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_server_answers_until_it_is_told_to_end(sent: signal.Signals) -> None:
    command = [sys.executable, "-m", "rerank_kit.cli", "serve", f"short={BY_LENGTH}", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        name, _, url, *_ = process.stdout.readline().split()
        assert name == f"short={BY_LENGTH}"
        body = {"query": "which?", "documents": ["nobody's business", "short"]}
        answer = httpx.post(f"{url.rstrip(':')}/v1/rerank", json=body, trust_env=False)
        assert [row["index"] for row in answer.json()["results"]] == [1, 0]
        assert answer.json()["model"] == "short"
        process.send_signal(sent)
        told = process.stderr.read()
        assert process.wait(20) == 0, told
    assert " jina 200: 2 documents in " in told
    assert "nobody's business" not in told


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the app is made with, and where it would listen."""
    told: dict[str, Any] = {}

    def made(rerankers: Any, **settings: Any) -> str:
        told.update(rerankers=rerankers, **settings)
        return "the app"

    monkeypatch.setattr("rerank_kit.serve.rerank_app", made)
    monkeypatch.setattr("rerank_kit.serve.run", lambda app, **where: told.update(where))
    return told


def test_options_become_settings(served: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_KEYS", "first-key, second-key")
    options = ["--host", OUTSIDE, "--port", "81", "--keys-from", "OUR_KEYS", "--key-hash", hashed("third-key")]
    options += ["--documents", "5", "--tokens", "6", "--megabytes", "7", "--in-flight", "8", "--queue", "0"]
    options += ["--part", "9", "--timeout", "10", "--shutdown-timeout", "11", "--no-warm-up"]
    assert main(["serve", BY_LENGTH, *options]) == 0
    assert served["rerankers"].model == "by_length"
    assert sorted(served["keys"]) == sorted(map(hashed, ["first-key", "second-key", "third-key"]))
    limits = served["limits"]
    assert (limits.documents, limits.tokens, limits.bytes) == (5, 6, 7_000_000)
    assert (served["in_flight"], served["queue"], served["part"]) == (8, 0, 9)
    assert (served["host"], served["port"]) == (OUTSIDE, 81)
    assert (served["timeout"], served["shutdown_timeout"], served["warm_up"]) == (10, 11, False)


def test_several_go_by_names(served: dict[str, Any]) -> None:
    assert main(["serve", f"rerank-v3.5={BY_LENGTH}", BY_LENGTH]) == 0
    assert isinstance(served["rerankers"], Mapping)
    assert list(served["rerankers"]) == ["rerank-v3.5", BY_LENGTH]
    assert (served["host"], served["keys"]) == ("127.0.0.1", [])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_this_machine_needs_no_key(served: dict[str, Any], host: str) -> None:
    assert main(["serve", BY_LENGTH, "--host", host]) == 0


@pytest.mark.parametrize("host", [OUTSIDE, "::", "example.org", "10.0.0.1"])
def test_others_are_let_in_with_a_key_or_when_that_is_said(served: dict[str, Any], capsys: CAPTURE, host: str) -> None:
    assert main(["serve", BY_LENGTH, "--host", host]) == 1
    assert f"--host {host} lets other machines in" in capsys.readouterr().err
    assert served == {}
    assert main(["serve", BY_LENGTH, "--host", host, "--open"]) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ([], 2, "REFERENCE"),
        (["onix:embedded"], 1, "REFERENCE: 'onix:embedded'"),
        ([f"a={BY_LENGTH}", f"a={BY_LENGTH}"], 1, "REFERENCE: 'a' is there twice"),
        ([BY_LENGTH, "--keys-from", "NOT_SET"], 1, "--keys-from NOT_SET: that environment variable is not set"),
        ([BY_LENGTH, "--key-hash", "planted-0123456789"], 1, "rerank_kit.serve.hashed"),
        ([BY_LENGTH, "--port", "70000"], 2, "--port"),
    ],
)
def test_a_wrong_command_is_told(capsys: CAPTURE, arguments: list[str], code: int, told: str) -> None:
    assert main(["serve", *arguments]) == code
    shown = capsys.readouterr().err
    assert told in shown
    assert "planted" not in shown
