"""`rerank-kit check` says what a server is, and its exit code says whether all is well."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from rerank_kit.cli import main
from rerank_kit.testing import RerankServer, wrong_shape

CAPTURE = pytest.CaptureFixture[str]


def scored(right: float, others: float) -> Any:
    """A scorer that knows the answer of the self-test, and where its query ends."""

    def score(query: str, text: str) -> float:
        return right if "Mars" in text or len(query) < 25 else others

    return score


def test_a_server_that_is_well_is_told_with_its_limits_scale_and_the_next_step(capsys: CAPTURE) -> None:
    with RerankServer(scored(0.9, 0.125)) as server:
        url = server.base_url("tei")
        assert main(["check", url]) == 0
        shown = capsys.readouterr().out
        assert main(["check", url, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
    lines = shown.splitlines()
    assert lines[0].startswith(f"{url} speaks tei, model ")
    assert lines[1] == "limits of a request: 32 documents, 1,500,000 bytes"
    assert lines[2] == "scores: 0.125 to 0.9, between 0 and 1"
    assert all(line.startswith("ok ") for line in lines[3:-1])
    assert lines[-1] == f"next: {told['next']}"
    assert told["next"] == f"with_rerank(retriever, Endpoint({url!r}, format='tei', model={told['model']!r}))"
    assert (told["ok"], told["format"], told["limits"]["documents"]) == (True, "tei", 32)
    assert {each["cause"] for each in told["findings"]} == {""}


def test_raw_scores_are_said_and_no_limit_and_no_name_too(capsys: CAPTURE) -> None:
    with RerankServer(scored(7.5, -3.0)) as server:
        assert main(["check", server.base_url("cohere"), "--format", "cohere"]) == 0
        assert "-3 to 7.5, the model's raw numbers" in (shown := capsys.readouterr().out)
        assert "its model has no name there" in shown
        assert shown.splitlines()[-1].endswith("; choose a threshold on this server's own scores")
        assert main(["check", server.base_url("llama.cpp"), "--format", "llama.cpp", "--model", "m"]) == 0
        assert "limits of a request: none that is known" in capsys.readouterr().out


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_what_is_wrong_is_exit_code_1_with_its_cause(capsys: CAPTURE, form: list[str]) -> None:
    with RerankServer(lambda query, text: 0.5) as server:
        assert main(["check", server.base_url("tei"), *form]) == 1
    shown = capsys.readouterr().out
    if form:
        told = json.loads(shown)
        assert not told["ok"]
        assert told["next"].startswith("the answer ranks first: most likely a model that needs a prompt template")
    else:
        assert "WRONG the answer ranks first: scores 0.5, 0.5, 0.5, 0.5\n" in shown
        assert shown.splitlines()[-1].startswith("next: the answer ranks first: most likely a model")
        assert shown.count("most likely") == 1  # what several findings have in common


def test_an_answer_that_cannot_be_read_has_no_scores(capsys: CAPTURE) -> None:
    with RerankServer(scored(0.9, 0.1)) as server:
        server.fail(wrong_shape(), times=None)
        assert main(["check", server.base_url("cohere"), "--format", "cohere", "--model", "m"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("WRONG one result for each document: ")
    assert lines[3] == "next: one result for each document: most likely a wrong --format"


def test_that_a_server_has_another_model_is_noted(capsys: CAPTURE) -> None:
    with RerankServer(scored(0.9, 0.1)) as server:
        url = server.base_url("vllm")
        assert main(["check", url, "--model", "nope"]) == 0
        shown = capsys.readouterr().out
        assert main(["check", url]) == 0
    named = capsys.readouterr().out
    assert "answers with what it has" not in named
    (model,) = re.findall(r"speaks vllm, model (.*); it", named)
    told = f"no, asked for 'nope' it answers with what it has: '{model}'"
    assert f"ok the model is one that the server names: {told}\n" in shown


def test_what_a_server_does_not_say_is_asked_for_by_its_option(capsys: CAPTURE) -> None:
    with RerankServer(scored(0.9, 0.1), api_key="planted-0123456789") as server:
        assert main(["check", server.base_url("cohere")]) == 1
        assert "pass --format, one of" in capsys.readouterr().err
        assert main(["check", server.base_url("cohere"), "--format", "cohere"]) == 1
        assert "api_key" not in capsys.readouterr().err


def test_a_server_that_is_not_there_is_one_line(capsys: CAPTURE) -> None:
    with RerankServer() as server:
        url = server.url
    assert main(["check", url, "--timeout", "2"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert url in captured.err


def test_a_key_comes_from_the_variable_that_is_named_and_is_never_shown(
    capsys: CAPTURE, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RerankServer(scored(0.9, 0.1), api_key="planted-0123456789") as server:
        url = server.base_url("vllm")
        monkeypatch.delenv("OUR_KEY", raising=False)
        assert main(["check", url, "--key-from", "OUR_KEY"]) == 1
        assert "--key-from OUR_KEY: that environment variable is not set" in capsys.readouterr().err
        monkeypatch.setenv("OUR_KEY", "planted-0123456789")
        assert main(["check", url, "--format", "vllm", "--model", "m", "--key-from", "OUR_KEY"]) == 0
        captured = capsys.readouterr()
        assert "planted" not in str(captured)
        line = f"with_rerank(retriever, Endpoint({url!r}, format='vllm', model='m', api_key=os.environ[\"OUR_KEY\"]))"
        assert f"next: {line}\n" in captured.out


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["127.0.0.1"], 1, "URL must be a URL that starts with"),
        (["http://127.0.0.1:1/?key=5"], 1, "pass keys as --key-from or headers="),
        (["http://127.0.0.1:1", "--format", "vlm"], 1, "did you mean 'vllm'"),
        (["http://127.0.0.1:1", "--format", "tei", "--instruction", "x"], 1, "--instruction cannot be sent"),
        ([], 2, "URL"),
    ],
)
def test_a_wrong_command_is_told(capsys: CAPTURE, arguments: list[str], code: int, told: str) -> None:
    assert main(["check", *arguments]) == code
    assert told in capsys.readouterr().err
