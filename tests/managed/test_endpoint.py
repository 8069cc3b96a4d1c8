"""One class for every server: formats named or found out, limits learned, several servers used in turn."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from typing import Any, get_args

import pytest

from rerank_kit import AuthenticationError, ConfigurationError, Ranking, StatusError
from rerank_kit.api.exchange import Response
from rerank_kit.managed import Backoff, Cohere, Endpoint, FormatName, Jina, Limits, Voyage
from rerank_kit.managed.formats import FORMATS
from rerank_kit.managed.served_formats import SERVED_FORMATS
from rerank_kit.testing import Fault, RerankServer, slow, status
from rerank_kit.testing.served_formats import PAGES, read
from tests.apis import DOCUMENTS, KEY, ORDER, QUERY, answered
from tests.conftest import Colour, tasks_left_by_cancelling

FOUND_OUT = ["tei", "infinity", "vllm", "llama.cpp", "sglang"]


def order(ranking: Ranking) -> list[int]:
    return [hit.index for hit in ranking]


def test_a_server_that_answers_only_posts_needs_a_format(server: RerankServer, colour: Colour) -> None:
    server.fail(status(501), times=None)  # as Python's http.server answers a GET for which there is no do_GET
    address = server.base_url("vllm")
    with pytest.raises(ConfigurationError, match=rf"{address} does not say what it is.*pass format=, one of cohere"):
        colour(Endpoint(address), "rerank", QUERY, DOCUMENTS)
    server.recover()
    assert order(colour(Endpoint(address, model="m", format="vllm"), "rerank", QUERY, DOCUMENTS)) == ORDER


@pytest.mark.parametrize("name", get_args(FormatName))
def test_every_format_is_spoken(server: RerankServer, name: FormatName, colour: Colour) -> None:
    reranker = Endpoint(server.base_url(name), model="some-model", format=name, api_key=KEY)
    ranking = colour(reranker, "rerank", QUERY, DOCUMENTS)
    assert order(ranking) == ORDER
    assert [hit.score for hit in ranking] == [1.0, 0.5, 0.5, 0.0]
    sent = server.received[-1]
    assert sent.body.get("model") == (None if name == "tei" else "some-model")
    assert KEY in (sent.headers.get("api-key", ""), sent.headers.get("authorization", "").removeprefix("Bearer "))


@pytest.mark.parametrize("name", get_args(FormatName))
def test_an_instruction_is_sent_where_there_is_a_field_for_it(
    server: RerankServer, name: FormatName, colour: Colour
) -> None:
    field = {"contextual": "instruction", "sglang": "instruct", "vllm": "instruction", "vllm-score": "instruction"}
    options: dict[str, Any] = {"model": "m", "format": name, "api_key": KEY, "instruction": "Which animals?"}
    if name in field:
        reranker = Endpoint(server.base_url(name), **options)
        assert order(colour(reranker, "rerank", QUERY, DOCUMENTS)) == ORDER
        assert server.received[-1].body[field[name]] == "Which animals?"
        del options["instruction"]
        plain = Endpoint(server.base_url(name), **options)
        colour(plain, "rerank", QUERY, DOCUMENTS)
        assert field[name] not in server.received[-1].body
        assert plain.fingerprint != reranker.fingerprint
        return
    with pytest.raises(ConfigurationError, match=rf"cannot be sent in the format {name}.*are contextual, sglang, vllm"):
        Endpoint(server.base_url(name), **options)


def test_a_server_that_turns_out_to_read_no_instruction_is_refused(server: RerankServer, colour: Colour) -> None:
    reranker = Endpoint(server.base_url("tei"), instruction="Which animals?")
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="cannot be sent in the format tei"):
            colour(reranker, "rerank", QUERY, DOCUMENTS)
    found = Endpoint(server.base_url("sglang"), instruction="Which animals?")
    assert order(colour(found, "rerank", QUERY, DOCUMENTS)) == ORDER
    assert server.received[-1].body["instruct"] == "Which animals?"


def test_voyage_has_a_class_of_its_own_for_instructions() -> None:
    with pytest.raises(ConfigurationError, match=r"Voyage\(instruction=\) puts it before the query"):
        Endpoint("http://host", model="m", format="voyage", api_key=KEY, instruction="Which animals?")


def test_tei_has_no_top_n_and_is_told_to_cut(server: RerankServer) -> None:
    Endpoint(server.base_url("tei"), format="tei").rerank(QUERY, DOCUMENTS)
    assert server.received[-1].body == {"query": QUERY, "texts": DOCUMENTS, "truncate": True}


def test_pinecone_has_its_own_headers_and_documents(server: RerankServer) -> None:
    Endpoint(server.base_url("pinecone"), model="m", format="pinecone", api_key=KEY).rerank(QUERY, ["cat"])
    sent = server.received[-1]
    assert (sent.headers["api-key"], sent.headers["x-pinecone-api-version"]) == (KEY, "2024-10")
    assert sent.body["documents"] == [{"text": "cat"}]
    assert "authorization" not in sent.headers


@pytest.mark.parametrize("name", FOUND_OUT)
def test_a_server_is_asked_once_what_it_is(server: RerankServer, name: str, colour: Colour) -> None:
    reranker = Endpoint(server.base_url(name))
    for _ in range(2):
        assert order(colour(reranker, "rerank", QUERY, DOCUMENTS)) == ORDER
    assert (reranker.format, reranker.model) == (name, "served")
    posted = [each for each in server.received if each.body is not None]
    assert len(posted) == 2
    assert [each.body is None for each in server.received][-2:] == [False, False]


def test_half_a_surrogate_pair_in_a_models_name_is_replaced(server: RerankServer, colour: Colour) -> None:
    pages: dict[str, dict[str, Any]] = {
        "tei": {"model_id": "m\ud83d", "max_client_batch_size": 32},
        "vllm": {"data": [{"id": "m\ud83d", "owned_by": "vllm"}]},
    }
    for name, page in pages.items():
        server.fail(Fault("odd name", text=json.dumps(page)), times=1 if name == "tei" else 2)
        reranker = Endpoint(server.base_url(name))
        assert order(colour(reranker, "rerank", QUERY, DOCUMENTS)) == ORDER
        assert (reranker.format, reranker.model) == (name, "m\ufffd")
        reranker.close()


def test_a_name_that_cannot_be_sent_is_refused() -> None:
    makes: list[Callable[..., Any]] = [
        Cohere,
        Voyage,
        Jina,
        lambda model, **more: Endpoint("http://a", model=model, **more),
    ]
    for make in makes:
        with pytest.raises(ConfigurationError, match=r"^model has half a surrogate pair"):
            make("m\ud83d", api_key=KEY)


def test_a_model_that_was_named_is_kept(server: RerankServer) -> None:
    reranker = Endpoint(server.base_url("vllm"), model="mine")
    reranker.rerank(QUERY, DOCUMENTS)
    assert server.received[-1].body["model"] == "mine"
    served = Endpoint(server.base_url("tei"), model="mine")
    served.rerank(QUERY, DOCUMENTS)
    assert served.model == "mine"


def test_a_server_that_does_not_say_what_it_is_needs_a_format(server: RerankServer, colour: Colour) -> None:
    with pytest.raises(ConfigurationError, match=r"does not say what it is.*pass format=, one of cohere"):
        colour(Endpoint(server.base_url("mixedbread")), "rerank", QUERY, DOCUMENTS)


@pytest.mark.parametrize("page", ['{"data": []}', '{"data": [{"owned_by": "nobody"}]}', "[]", "hello"])
def test_an_introduction_that_means_nothing_is_none(server: RerankServer, page: str) -> None:
    server.fail(Fault("odd page", text=page), times=None)
    with pytest.raises(ConfigurationError, match="does not say what it is"):
        Endpoint(server.base_url("vllm") + "/v1").rerank(QUERY, DOCUMENTS)


def test_an_ailing_server_is_not_taken_for_one_without_a_name(server: RerankServer, colour: Colour) -> None:
    server.fail(status(503), times=None)
    with pytest.raises(StatusError, match="503"):
        colour(Endpoint(server.base_url("vllm"), backoff=Backoff(first=0.001)), "rerank", QUERY, DOCUMENTS)


def test_a_page_that_the_server_refuses_to_show_is_none(server: RerankServer) -> None:
    server.fail(status(400))
    assert order(Endpoint(server.base_url("vllm")).rerank(QUERY, DOCUMENTS)) == ORDER


def test_a_wrong_key_is_said_while_asking(colour: Colour) -> None:
    with RerankServer(api_key="another") as server, pytest.raises(AuthenticationError):
        colour(Endpoint(server.base_url("tei"), api_key=KEY), "rerank", QUERY, DOCUMENTS)


def test_a_batch_size_is_learned_from_the_server(server: RerankServer, colour: Colour) -> None:
    ranking = colour(Endpoint(server.base_url("tei")), "rerank", "cat", ["cat"] * 100)
    assert (len(ranking), ranking.usage.requests, ranking.usage.splits) == (100, 4, 3)


def test_a_batch_size_is_learned_from_a_refusal(server: RerankServer, colour: Colour) -> None:
    server.fail(Fault("hidden", status=404))
    reranker = Endpoint(server.base_url("tei"), format="tei")
    reranker.limits = Limits(documents=50)
    ranking = colour(reranker, "rerank", "cat", ["cat"] * 50)
    assert len(ranking) == 50
    assert reranker.limits.documents == 32


def test_limits_that_were_given_are_kept(server: RerankServer, colour: Colour) -> None:
    reranker = Endpoint(server.base_url("tei"), format="tei", limits=Limits(documents=40))
    assert len(colour(reranker, "rerank", "cat", ["cat"] * 10)) == 10
    assert len(server.received) == 1
    with pytest.raises(StatusError, match="maximum allowed batch size 32"):
        colour(reranker, "rerank", "cat", ["cat"] * 40)
    auto = Endpoint(server.base_url("tei"), limits=Limits(documents=7))
    colour(auto, "rerank", "cat", ["cat"] * 10)
    assert auto.limits == Limits(documents=7)


def test_a_listwise_model_on_a_server_is_not_split(server: RerankServer, colour: Colour) -> None:
    reranker = Endpoint(server.base_url("tei"), pointwise=False)
    with pytest.raises(ConfigurationError, match="cannot be split"):
        colour(reranker, "rerank", "cat", ["cat"] * 40)


def test_documents_longer_than_the_server_takes_are_cut_and_counted(server: RerankServer, colour: Colour) -> None:
    reranker = Endpoint(server.base_url("infinity"), format="infinity")
    ranking = colour(reranker, "rerank", "cat", ["cat " * 40_000, "cat"])
    assert [len(text) for text in server.received[-1].body["documents"]] == [122_880, 3]
    assert ranking.usage.truncated == 1


SPELLINGS = [
    *("", "/", "//", "/v1", "/v1/", "/v1/rerank", "/v1/rerank/", "//v1//rerank", "/rerank", "/rerank/", "/v2/rerank"),
    *("/v2", "/api/v1/", "/api/v1/rerank", "/v1/models", "/score", "/v1/chat/completions"),
]


def served(name: str) -> Callable[[str], Response]:
    """A server of one format, behind a gateway, which answers at its own paths alone."""
    wire = SERVED_FORMATS[name]
    asked = read(wire, {wire.query: QUERY, wire.documents: DOCUMENTS})
    pages = {path: page for (of, path), page in PAGES.items() if of == name}
    pages[wire.path] = wire.answer(asked.answered([(place, 1 - rank / 10) for rank, place in enumerate(ORDER)]))

    def answer(address: str) -> Response:
        path = address.removeprefix("http://host/gateway")
        return Response(200, pages[path]) if path in pages else Response(404, {"detail": "Not Found"})

    return answer


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("name", FOUND_OUT)
def test_a_server_is_found_out_however_its_address_is_spelt(name: str, spelling: str) -> None:
    reranker = answered(Endpoint, served(name), base_url=f"http://host/gateway{spelling}")
    assert order(reranker.rerank(QUERY, DOCUMENTS)) == ORDER
    assert (reranker.format, reranker.model) == (name, "served")


@pytest.mark.parametrize("rerank", ["/v1/rerank", "/rerank"])
@pytest.mark.parametrize(
    "spelling", ["", "/", "/v1", "/v1/rerank", "/rerank", "/v2", "/score", "/reranking", "/v1/models"]
)
def test_infinity_is_found_where_its_list_of_models_is(spelling: str, rerank: str) -> None:
    plain = served("infinity")

    def answer(address: str) -> Response:
        known = {"/v1/models": "/models", rerank: "/rerank"}.get(address.removeprefix("http://host"))
        return plain(f"http://host/gateway{known}")

    reranker = answered(Endpoint, answer, base_url=f"http://host{spelling}")
    for _ in range(2):
        assert order(reranker.rerank(QUERY, DOCUMENTS)) == ORDER
    assert reranker.format == "infinity"


@pytest.mark.parametrize("name", get_args(FormatName))
def test_every_format_is_spoken_however_its_address_is_spelt(name: FormatName) -> None:
    own = FORMATS[name].path
    for spelling in (*SPELLINGS, own, f"{own}/", own.rpartition("/")[0], own.replace("/", "//")):
        url = f"http://host/gateway{spelling}"
        reranker = answered(Endpoint, served(name), base_url=url, format=name, model="m", api_key=KEY)
        assert order(reranker.rerank(QUERY, DOCUMENTS)) == ORDER


@pytest.mark.parametrize("name", FOUND_OUT)
def test_a_real_server_is_found_out_by_the_whole_address(server: RerankServer, name: str, colour: Colour) -> None:
    reranker = Endpoint(server.base_url(name) + "//v1/rerank/")
    assert order(colour(reranker, "rerank", QUERY, DOCUMENTS)) == ORDER
    assert (reranker.format, reranker.model) == (name, "served")


def test_the_address_that_was_right_is_asked_alone_from_then_on(server: RerankServer, colour: Colour) -> None:
    reranker = Endpoint(server.base_url("vllm") + "/rerank", format="vllm")
    rankings = [colour(reranker, "rerank", QUERY, DOCUMENTS) for _ in range(3)]
    assert [each.path for each in server.received] == ["/rerank", *["/v1/rerank"] * 3]
    assert [each.usage.requests for each in rankings] == [2, 1, 1]
    server.fail(status(404))
    with pytest.raises(
        ConfigurationError, match=r"at http://127\.0\.0\.1:\d+/vllm/v1/rerank: check base_url and model"
    ):
        colour(reranker, "rerank", QUERY, DOCUMENTS)
    assert len(server.received) == 5


def test_every_address_that_was_asked_is_named_with_the_first_complaint(server: RerankServer, colour: Colour) -> None:
    server.fail(Fault("no model", status=404, text='{"error": {"message": "no such model"}}'))
    base = server.url + "/nowhere"
    with pytest.raises(ConfigurationError) as caught:
        colour(Endpoint(base + "/v2/rerank", format="vllm"), "rerank", QUERY, DOCUMENTS)
    assert f"at {base}/v2/rerank, {base}/v1/rerank: check base_url and model" in str(caught.value)


def test_hosted_apis_are_known_by_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, spoken in FORMATS.items():
        for host in spoken.hosts:
            monkeypatch.setenv(str(spoken.key_variable), KEY)
            known = Endpoint(f"https://{host}")
            assert known.format == name
            assert KEY in " ".join(known.auth().values())


def test_several_servers_are_used_in_turn(colour: Colour) -> None:
    with RerankServer() as one, RerankServer() as two:
        reranker = Endpoint([one.base_url("vllm"), two.base_url("vllm")], format="vllm")
        for _ in range(6):
            colour(reranker, "rerank", QUERY, DOCUMENTS)
        assert (len(one.received), len(two.received)) == (3, 3)
        reranker.close()


def test_a_server_that_fails_is_set_aside_at_once_and_tried_again_later(colour: Colour) -> None:
    with RerankServer() as one, RerankServer() as two:
        one.fail(status(503), times=None)
        reranker = Endpoint([one.base_url("vllm"), two.base_url("vllm")], format="vllm", set_aside=1000)
        rankings = [colour(reranker, "rerank", QUERY, DOCUMENTS) for _ in range(5)]
        assert [order(each) for each in rankings] == [ORDER] * 5
        assert (len(one.received), len(two.received)) == (1, 5)
        assert sum(each.usage.retries for each in rankings) == 1
        one.recover()
        reranker._circuits[0]._clock = lambda: 1e12  # much later
        for _ in range(4):
            colour(reranker, "rerank", QUERY, DOCUMENTS)
        assert len(one.received) == 3
        reranker.close()


def test_when_all_servers_ail_one_is_asked_all_the_same(colour: Colour) -> None:
    with RerankServer() as one, RerankServer() as two:
        for each in (one, two):
            each.fail(status(503), times=1)
        reranker = Endpoint([one.base_url("vllm"), two.base_url("vllm")], format="vllm", backoff=Backoff(first=0.001))
        assert order(colour(reranker, "rerank", QUERY, DOCUMENTS)) == ORDER
        assert len(one.received) + len(two.received) == 3
        reranker.close()


def test_as_many_servers_are_asked_as_it_takes(colour: Colour) -> None:
    with RerankServer() as one:
        with RerankServer() as gone:
            down = gone.base_url("vllm")
        urls = [*(down.replace("127.0.0.1", f"127.0.0.{number}") for number in range(2, 7)), one.base_url("vllm")]
        reranker = Endpoint(urls, format="vllm", max_retries=1)
        assert order(colour(reranker, "rerank", QUERY, DOCUMENTS)) == ORDER
        assert len(one.received) == 1
        reranker.close()


def test_a_server_that_was_set_aside_is_tried_by_the_next_when_the_one_who_tried_it_was_cancelled() -> None:
    with RerankServer() as one, RerankServer() as two:
        reranker = Endpoint([one.base_url("vllm"), two.base_url("vllm")], format="vllm")
        reranker._circuits[0].failed()
        reranker._circuits[0]._clock = lambda: 1e12  # much later
        one.fail(slow(60))
        left = tasks_left_by_cancelling(lambda: reranker.arerank(QUERY, DOCUMENTS), lambda: one.most_at_once > 0)
        assert left == 1
        assert reranker._circuits[0].ready
        one.closing.set()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"base_url": "localhost:8080"}, "starts with http://"),
        ({"base_url": "http://host:port"}, "starts with http://"),
        ({"base_url": 7}, "starts with http://"),
        ({"base_url": []}, "differ only in their hosts"),
        ({"base_url": ["http://a/v1", "http://b"]}, "differ only in their hosts"),
        ({"base_url": "http://host", "format": "teii"}, "format must be 'auto', 'cohere'.*did you mean 'tei'"),
        ({"base_url": "http://host", "instruction": " "}, "instruction must be a str with something in it"),
        ({"base_url": "http://host", "timeout": 0}, "timeout must be"),
        ({"base_url": "http://host", "timeout": None}, "not None: a request without one can hang"),
        ({"base_url": "http://host", "max_retries": -1}, "max_retries must be"),
        ({"base_url": "http://host", "concurrency": 0}, "concurrency must be"),
        ({"base_url": "http://host", "max_tokens_per_doc": 0}, "max_tokens_per_doc must be"),
        ({"base_url": "http://host", "set_aside": 0}, "timeout must be|seconds"),
    ],
)
def test_a_wrong_setting_is_an_error_before_anything_is_sent(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        Endpoint(**arguments)


def test_it_survives_a_trip_between_processes(server: RerankServer) -> None:
    reranker = Endpoint(server.base_url("tei"))
    reranker.rerank(QUERY, DOCUMENTS)
    there: Endpoint = pickle.loads(pickle.dumps(reranker))
    assert (there.format, there.limits) == ("tei", reranker.limits)
    assert order(there.rerank(QUERY, DOCUMENTS)) == ORDER
    assert repr(there) == repr(reranker) == f"Endpoint('served', base_url='{server.base_url('tei')}')"
    assert Endpoint(server.base_url("tei")).fingerprint is None
