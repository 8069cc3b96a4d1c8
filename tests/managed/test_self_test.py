"""The self-test of a server says what is wrong with it, and what that most likely comes from."""

from __future__ import annotations

import pytest

from rerank_kit import AuthenticationError, ConfigurationError, ConnectionFailed
from rerank_kit.managed import Backoff, Check, Endpoint
from rerank_kit.testing import (
    Fault,
    RerankServer,
    constant_scores,
    invalid_json,
    unsorted,
    wrong_count,
)
from tests.conftest import Colour


def failed(report: Check) -> list[str]:
    return [finding.what for finding in report.findings if not finding.ok]


@pytest.mark.parametrize("name", ["tei", "vllm", "llama.cpp", "infinity", "sglang"])
def test_a_sound_server_passes(server: RerankServer, name: str, colour: Colour) -> None:
    report = colour(Endpoint(server.base_url(name)), "check")
    assert report.ok
    assert (report.format, len(report.scores)) == (name, 4)
    assert max(report.scores) == report.scores[2]
    assert report.seconds > 0
    assert str(report).startswith(f"format {name}, answered in ")
    assert ("honoured" in str(report)) == (name != "tei")


def test_a_model_without_its_template_is_found_out(server: RerankServer, colour: Colour) -> None:
    server.fail(constant_scores(), times=None)
    report = colour(Endpoint(server.base_url("vllm"), format="vllm"), "check")
    assert failed(report) == ["the answer ranks first", "scores are spread out"]
    assert "needs a prompt template, such as Qwen3-Reranker, is served without it" in str(report)


def test_a_model_that_ranks_the_wrong_way_round_is_found_out(server: RerankServer) -> None:
    turned = Fault("turned", change=lambda results: [(index, 1 - score) for index, score in results])
    server.fail(turned, times=None)
    report = Endpoint(server.base_url("vllm"), format="vllm").check()
    assert failed(report) == ["the answer ranks first"]


def test_a_wrong_format_is_found_out(server: RerankServer, colour: Colour) -> None:
    server.fail(invalid_json(), times=None)
    report = colour(Endpoint(server.base_url("vllm"), format="vllm"), "check")
    assert failed(report) == ["one result for each document"]
    assert "most likely a wrong format=" in str(report)
    assert report.scores == ()


def test_results_that_are_missing_are_found_out(server: RerankServer) -> None:
    server.fail(wrong_count())
    assert failed(Endpoint(server.base_url("vllm"), format="vllm").check()) == ["one result for each document"]


def test_a_limit_that_breaks_the_answer_is_found_out(server: RerankServer) -> None:
    server.fail(Fault("fine"))
    server.fail(invalid_json())
    assert failed(Endpoint(server.base_url("vllm"), format="vllm").check()) == ["top_n can be sent"]


def test_what_does_no_harm_is_only_told(server: RerankServer) -> None:
    ignoring = Fault(
        "ignores top_n",
        text='{"results": ['
        + ",".join(
            f'{{"index": {place}, "relevance_score": {score}}}' for place, score in enumerate([-3.5, -4.0, 6.25, -5.0])
        )
        + "]}",
    )
    server.fail(ignoring, times=None)
    report = Endpoint(server.base_url("llama.cpp"), format="llama.cpp").check()
    assert report.ok
    told = str(report)
    assert "the model's raw numbers" in told
    assert "ignored (4 results)" in told
    assert "in another order" in told
    server.recover()
    server.fail(unsorted(), times=None)
    assert Endpoint(server.base_url("vllm"), format="vllm").check().ok


def test_a_server_that_cannot_be_asked_raises(colour: Colour) -> None:
    with RerankServer(api_key="another") as server:
        with pytest.raises(AuthenticationError):
            colour(Endpoint(server.base_url("vllm"), format="vllm", api_key="wrong-key"), "check")
        with pytest.raises(ConfigurationError, match="404"):
            colour(Endpoint(server.url + "/nowhere", format="vllm"), "check")
        url = server.base_url("vllm")
    with pytest.raises(ConnectionFailed):
        colour(Endpoint(url, format="vllm", backoff=Backoff(first=0.001)), "check")
