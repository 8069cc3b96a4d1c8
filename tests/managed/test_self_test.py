"""The self-test of a server says what is wrong with it, and what that most likely comes from."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import pytest

from rerank_kit import AuthenticationError, ConfigurationError, ConnectionFailed
from rerank_kit.managed import Backoff, Check, Endpoint, FormatName, SelfTestWarning
from rerank_kit.managed.formats import FORMATS
from rerank_kit.managed.self_test import PARTINGS, QUERY
from rerank_kit.testing import (
    Fault,
    RerankServer,
    constant_scores,
    invalid_json,
    slow,
    status,
    unsorted,
    wrong_count,
)
from tests.conftest import Colour


class Heeding(RerankServer):
    """A server whose model reads the instruction, as if it were a part of the query."""

    def answer(self, name: str, path: str, headers: Mapping[str, str], body: Any, fault: Fault) -> tuple[int, str]:
        (spoken,) = (each for key, each in FORMATS.items() if key == name)
        query, instruction = spoken.query, body.get(spoken.instruction)
        asked = body if instruction is None else {**body, query: f"{body[query]} {instruction}"}
        return super().answer(name, path, headers, asked, fault)


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
    assert failed(report) == ["the answer ranks first", "scores are spread out", "query and document are kept apart"]
    assert "needs a prompt template, such as Qwen3-Reranker, is served without it" in str(report)


def answered_in(text: str) -> float:
    """How far what follows the first question answers it, for all that the words tell: the end of the query is lost."""
    question, _, rest = text.lower().partition("?")
    return len({*question.split()} & {*rest.split()}) / 10


def test_a_model_that_is_not_told_where_the_query_ends_is_found_out_though_it_ranks_well(colour: Colour) -> None:
    with RerankServer(lambda query, text: answered_in(query + text)) as server:
        report = colour(Endpoint(server.base_url("vllm"), format="vllm"), "check")
    assert failed(report) == ["query and document are kept apart"]
    assert "one text, parted at two places, scores" in str(report)


def test_scores_at_the_end_of_their_range_say_nothing_of_how_the_query_is_put() -> None:
    with RerankServer(lambda query, text: float("Mars" in text)) as server:
        assert Endpoint(server.base_url("vllm"), format="vllm").check().ok


@pytest.mark.parametrize("name", [name for name, each in FORMATS.items() if each.instruction is not None])
def test_an_instruction_that_is_not_heeded_is_found_out(name: FormatName, server: RerankServer, colour: Colour) -> None:
    asked: dict[str, Any] = {"model": "served", "format": name, "api_key": "key", "instruction": "Mars is wanted"}
    report = colour(Endpoint(server.base_url(name), **asked), "check")
    assert failed(report) == ["the instruction is heeded"]
    assert "it changes scores by up to 0: most likely the model reads no instruction" in str(report)
    with Heeding() as heeding:
        report = colour(Endpoint(heeding.base_url(name), **asked), "check")
    assert report.ok
    assert "it changes scores by up to 0." in str(report)


@pytest.mark.parametrize("fine", [2, 4])
def test_a_later_answer_that_cannot_be_read_is_told(server: RerankServer, fine: int) -> None:
    for _ in range(fine):
        server.fail(Fault("fine"))
    server.fail(invalid_json())
    report = Endpoint(server.base_url("vllm"), format="vllm", instruction="Mars").check()
    assert failed(report)[0] == ("query and document are kept apart" if fine == 2 else "the instruction is heeded")
    assert "most likely a wrong format=" in str(report)


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
    server.fail(ignoring, times=2)
    report = Endpoint(server.base_url("llama.cpp"), format="llama.cpp").check()
    assert report.ok
    told = str(report)
    assert "the model's raw numbers" in told
    assert "ignored (4 results)" in told
    assert "in another order" in told
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


def test_the_first_call_tests_the_server_and_warns_once_when_asked(server: RerankServer, colour: Colour) -> None:
    server.fail(constant_scores(), times=None)
    reranker = Endpoint(server.base_url("vllm"), check="warn")
    with pytest.warns(
        SelfTestWarning, match="'the answer ranks first' does not hold .* is served without it"
    ) as warned:
        ranking = colour(reranker, "rerank", "cat", ["a cat"])
    assert [hit.score for hit in ranking] == [0.5]
    assert len(warned) == 1
    sent = len(server.received)
    colour(reranker, "rerank", "cat", ["a cat"])
    assert len(server.received) == sent + 1


def test_a_filter_that_makes_errors_of_warnings_loses_no_ranking(server: RerankServer, colour: Colour) -> None:
    server.fail(constant_scores(), times=None)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("error")
        ranking = colour(Endpoint(server.base_url("vllm"), check="warn"), "rerank", "cat", ["a cat"])
    assert [hit.score for hit in ranking] == [0.5]
    assert [each.category for each in told] == [SelfTestWarning]


def test_a_sound_server_is_tested_without_a_word(server: RerankServer, colour: Colour) -> None:
    colour(Endpoint(server.base_url("vllm"), check="warn"), "rerank", "cat", ["a cat"])
    asked = [each.body["query"] for each in server.received if each.body is not None]
    assert asked == ["cat", QUERY, QUERY, *(query for query, _ in PARTINGS)]


def test_nothing_is_tested_unasked(server: RerankServer) -> None:
    Endpoint(server.base_url("vllm"), format="vllm").rerank("cat", ["a cat"])
    assert [each.body["query"] for each in server.received] == ["cat"]


def test_a_test_that_cannot_be_finished_does_the_ranking_no_harm(server: RerankServer, colour: Colour) -> None:
    server.fail(Fault("fine"))
    server.fail(status(400), times=None)
    reranker = Endpoint(server.base_url("vllm"), format="vllm", check="warn")
    with pytest.warns(SelfTestWarning, match=r"the self-test of Endpoint\(.*could not be finished: .*400"):
        ranking = colour(reranker, "rerank", "cat", ["a cat"])
    assert [hit.score for hit in ranking] == [1.0]


def test_a_test_that_takes_too_long_does_the_ranking_no_harm(server: RerankServer, colour: Colour) -> None:
    server.fail(Fault("fine"))
    server.fail(slow(1.5), times=None)
    reranker = Endpoint(server.base_url("vllm"), format="vllm", check="warn")
    with pytest.warns(SelfTestWarning, match=r"could not be finished: .*the time allowed is over"):
        ranking = colour(reranker, "rerank", "cat", ["a cat"], timeout=1.0)
    assert [hit.score for hit in ranking] == [1.0]


def test_there_is_one_kind_of_testing() -> None:
    with pytest.raises(ConfigurationError, match="check must be None or 'warn', not 'raise'"):
        Endpoint("http://host", check="raise")  # type: ignore[arg-type]
