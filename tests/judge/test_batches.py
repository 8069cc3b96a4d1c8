"""Claude is asked in batches: what was answered comes out under its name, and nothing is lost or paid for twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import anthropic as sdk
import httpx
import pytest

from rerank_kit import (
    AuthenticationError,
    BackendError,
    ConfigurationError,
    Deadline,
    DeadlineExceeded,
    InvalidResponse,
    StatusError,
    Usage,
)
from rerank_kit.errors import ConnectionFailed, RateLimited, RerankError
from rerank_kit.flow import Flow, arun, run
from rerank_kit.judge import Anthropic, BatchChatModel, Completion, OpenAICompatible, Prompt, anthropic_batches
from rerank_kit.pricing import known_prices
from rerank_kit.testing import (
    ChatServer,
    Fault,
    Reply,
    cut_connection,
    invalid_json,
    slow,
    status,
    too_many_requests,
    wrong_shape,
)
from tests.judge.conftest import KEY, anthropic, server

__all__ = ["server"]

Asking = Callable[[Flow[Any]], Any]
DOCUMENT = "The year 2023\n" + "word " * 600


def in_a_loop(flow: Flow[Any]) -> Any:
    return asyncio.run(arun(flow))


@pytest.fixture(params=[run, in_a_loop], ids=["sync", "async"])
def asking(request: pytest.FixtureRequest) -> Asking:
    made: Asking = request.param
    return made


def about(chunk: str) -> Prompt:
    return Prompt("", (f"<document>\n{DOCUMENT}\n</document>", f"<chunk>\n{chunk}\n</chunk>"), stable=1)


PROMPTS = {f"chunk-{number}": about(f"chunk number {number}") for number in range(4)}


@pytest.fixture
def chat(server: ChatServer) -> Iterator[Anthropic]:
    with anthropic(server) as made:
        yield made


@pytest.fixture
def submitted(server: ChatServer, chat: Anthropic) -> str:
    """A batch that ends when it is asked for."""
    server.batch_polls = 0
    return run(chat.submit(PROMPTS))


def collected(asking: Asking, chat: Any, batch: str) -> dict[str, Any]:
    found = asking(chat.collect(batch))
    assert found is not None
    return dict(found)


def test_a_batch_is_submitted_waited_for_and_collected(server: ChatServer, chat: Anthropic, asking: Asking) -> None:
    server.batch_polls = 2
    batch = asking(chat.submit(PROMPTS))
    assert [asking(chat.collect(batch)) for _ in range(2)] == [None, None]
    found = collected(asking, chat, batch)
    assert {name: answer.text for name, answer in found.items()} == dict.fromkeys(PROMPTS, "The year 2023")
    assert collected(asking, chat, batch) == found


def test_claude_is_asked_the_same_in_a_batch_as_by_itself(server: ChatServer, chat: Anthropic, submitted: str) -> None:
    run(chat.complete(PROMPTS["chunk-0"]))
    requests = server.received[0].body["requests"]
    assert [each["custom_id"] for each in requests] == list(PROMPTS)
    assert requests[0]["params"] == server.received[1].body


def test_a_batch_costs_half_of_what_was_counted(chat: Anthropic, submitted: str, asking: Asking) -> None:
    answers = collected(asking, chat, submitted).values()
    usage = sum((answer.usage for answer in answers), Usage())
    assert (usage.calls, usage.requests) == (4, 0)
    assert usage.cache_read_tokens == 3 * usage.cache_write_tokens > 0
    prices = known_prices()
    whole, half = (prices.cost(chat.model, usage, batch=batch) for batch in (False, True))
    assert whole
    assert half == pytest.approx(whole / 2)


def test_only_who_can_is_asked_in_batches(chat: Anthropic) -> None:
    model: BatchChatModel = chat
    assert isinstance(model, BatchChatModel)
    assert not isinstance(OpenAICompatible("http://localhost", model="m"), BatchChatModel)


# ── What becomes of single requests ──

Case = tuple[Reply | Fault, type[Exception], str]

BECOMES: dict[str, Case] = {
    "invalid": (status(400), StatusError, "answered 400: the server was told"),
    "overloaded": (status(529), StatusError, "answered 529"),
    "too many": (status(429), RateLimited, "answered 429"),
    "an unknown model": (status(404), ConfigurationError, "check base_url and model"),
    "an error of the server's": (Reply(result="errored"), StatusError, "answered 500"),
    "a fault without a status": (slow(1), StatusError, "answered 500: the server was told: slow"),
    "canceled": (Reply(result="canceled"), BackendError, "its batch was canceled"),
    "expired": (Reply(result="expired"), BackendError, "within 24 hours: submit it again"),
    "two answers": (Reply(result="twice"), InvalidResponse, "no answer or several"),
}


@pytest.mark.parametrize("case", BECOMES.values(), ids=list(BECOMES))
def test_a_request_that_fails_is_told_under_its_name_and_costs_no_other(
    server: ChatServer, chat: Anthropic, submitted: str, asking: Asking, case: Case
) -> None:
    event, kind, why = case
    server.on("number 2", event)
    found = collected(asking, chat, submitted)
    failed = found.pop("chunk-2")
    assert isinstance(failed, kind)
    assert why in str(failed)
    assert {answer.text for answer in found.values()} == {"The year 2023"}
    assert len(found) == 3


def test_a_request_without_a_result_has_none(server: ChatServer, chat: Anthropic, submitted: str) -> None:
    server.on("number 2", Reply(result="missing"))
    assert collected(run, chat, submitted).keys() == PROMPTS.keys() - {"chunk-2"}


def test_a_prompt_that_claude_refuses_fails_alone(server: ChatServer, chat: Anthropic) -> None:
    server.batch_polls = 0
    batch = run(chat.submit({"odd": Prompt("", ("What?",)), **PROMPTS}))
    found = collected(run, chat, batch)
    assert "the first line has no code" in str(found.pop("odd"))
    assert all(isinstance(answer, Completion) for answer in found.values())


LINES: dict[str, tuple[str, str]] = {
    "a message that is none": ('{"custom_id": "a", "result": {"type": "succeeded", "message": 5}}', "no message"),
    "no message": ('{"custom_id": "a", "result": {"type": "succeeded"}}', "no message"),
    "an unknown end": ('{"custom_id": "a", "result": {"type": "forgotten"}}', "no answer or several"),
    "no end": ('{"custom_id": "a", "result": {}}', "no answer or several"),
    "an error without a word": ('{"custom_id": "a", "result": {"type": "errored", "error": 5}}', "answered 500: 5"),
    "an error of no kind": (
        '{"custom_id": "a", "result": {"type": "errored", "error": {"error": {"type": [], "message": "m"}}}}',
        "answered 500: m",
    ),
}


@pytest.mark.parametrize(("line", "why"), LINES.values(), ids=list(LINES))
def test_whatever_a_result_holds_is_an_error_of_that_request(
    server: ChatServer, chat: Anthropic, submitted: str, line: str, why: str
) -> None:
    right = '{"custom_id": "b", "result": {"type": "succeeded", "message": {"content": []}}}'
    server.fail(Fault("none"))
    server.fail(Fault("lines", text=f"{line}\n\n{right}\n{right}\n"))
    found = collected(run, chat, submitted)
    assert isinstance(found["a"], BackendError)
    assert why in str(found["a"])
    assert found["b"].text == ""


@pytest.mark.parametrize("text", ["[]", "{}", '"text"', '{"custom_id": 5, "result": {}}', '{"custom_id": "a"}', "{"])
def test_a_line_that_is_no_result_is_an_invalid_response(
    server: ChatServer, chat: Anthropic, submitted: str, text: str, asking: Asking
) -> None:
    server.fail(Fault("none"))
    server.fail(Fault("lines", text=f"{text}\n"))
    with pytest.raises(InvalidResponse, match="a line of the results is none"):
        asking(chat.collect(submitted))
    assert len(collected(asking, chat, submitted)) == 4, "they can be asked for again"


# ── The way there and back ──


@pytest.mark.parametrize("fault", [too_many_requests(retry_after="0"), status(503), status(529)])
def test_a_submission_that_was_turned_away_is_repeated(
    server: ChatServer, chat: Anthropic, fault: Fault, asking: Asking
) -> None:
    server.fail(fault, times=2)
    assert asking(chat.submit(PROMPTS)) == "msgbatch_0001"
    assert len(server.received) == 3


PERHAPS: dict[str, tuple[Fault, type[Exception]]] = {
    "no answer": (cut_connection(), ConnectionFailed),
    "a cut body": (cut_connection(sent=10), ConnectionFailed),
    "500": (status(500), StatusError),
    "504": (status(504), StatusError),
    "a page": (invalid_json(), InvalidResponse),
    "another JSON": (wrong_shape(), InvalidResponse),
    "an odd id": (Fault("id", text='{"id": "../../files"}'), InvalidResponse),
}


@pytest.mark.parametrize(("fault", "kind"), PERHAPS.values(), ids=list(PERHAPS))
def test_a_submission_that_may_have_been_taken_is_not_repeated_and_says_so(
    server: ChatServer, chat: Anthropic, fault: Fault, kind: type[Exception], asking: Asking
) -> None:
    server.fail(fault, times=None)
    with pytest.raises(kind, match="may have been taken all the same"):
        asking(chat.submit(PROMPTS))
    assert len(server.received) == 1


@pytest.mark.parametrize("fault", [status(400), status(413), status(401), too_many_requests(retry_after="3600")])
def test_a_submission_that_was_refused_was_not_taken(server: ChatServer, chat: Anthropic, fault: Fault) -> None:
    server.fail(fault)
    with pytest.raises(RerankError) as caught:
        run(chat.submit(PROMPTS))
    assert "all the same" not in str(caught.value)


def test_a_submission_that_was_never_sent_was_not_taken(server: ChatServer, chat: Anthropic) -> None:
    with pytest.raises(DeadlineExceeded) as caught:
        run(chat.submit(PROMPTS, Deadline(0.0)))
    assert "all the same" not in str(caught.value)
    assert server.received == []


AGAIN = [cut_connection(), cut_connection(sent=10), status(500), too_many_requests(retry_after="0")]


@pytest.mark.parametrize("fault", AGAIN, ids=lambda fault: fault.name)
def test_what_passes_by_itself_is_asked_again(
    server: ChatServer, chat: Anthropic, submitted: str, fault: Fault, asking: Asking
) -> None:
    for before in (0, 1):  # while the batch is looked at, and while its results are read
        server.fail(Fault("none"), times=before)
        server.fail(fault, times=2)
        assert len(collected(asking, chat, submitted)) == 4


@pytest.mark.parametrize("fault", [status(500), cut_connection(), too_many_requests(retry_after="3600")])
def test_what_stays_broken_raises_and_the_batch_can_be_collected_later(
    server: ChatServer, chat: Anthropic, submitted: str, fault: Fault, asking: Asking
) -> None:
    server.fail(fault, times=None)
    with pytest.raises(BackendError):
        asking(chat.collect(submitted))
    server.recover()
    assert len(collected(asking, chat, submitted)) == 4


def test_a_batch_that_never_ends_is_never_there(server: ChatServer, chat: Anthropic, asking: Asking) -> None:
    server.batch_polls = None
    batch = asking(chat.submit(PROMPTS))
    assert [asking(chat.collect(batch)) for _ in range(5)] == [None] * 5


def test_a_deadline_holds(server: ChatServer, chat: Anthropic, submitted: str, asking: Asking) -> None:
    server.fail(slow(1), times=None)
    with pytest.raises(DeadlineExceeded):
        asking(chat.collect(submitted, Deadline.after(0.2)))
    with pytest.raises(DeadlineExceeded, match="may have been taken all the same"):
        asking(chat.submit(PROMPTS, Deadline.after(0.2)))


def test_an_unknown_batch_is_said_to_be_one(chat: Anthropic, asking: Asking) -> None:
    with pytest.raises(
        ConfigurationError, match=r"there is no batch 'msgbatch_9999' .* any more \(29 days\)"
    ) as caught:
        asking(chat.collect("msgbatch_9999"))
    assert (caught.value.status, caught.value.requests) == (404, 1)


def told(server: ChatServer, chat: Anthropic, batch: str, **said: Any) -> Any:
    """What comes of it where the server says something else of a batch."""
    server.fail(Fault("told", edit=lambda text: json.dumps({**json.loads(text), **said})))
    return run(chat.collect(batch))


def test_a_batch_whose_results_are_gone_is_said_to_be_one(server: ChatServer, chat: Anthropic, submitted: str) -> None:
    with pytest.raises(ConfigurationError, match="there no longer: they are kept for 29 days"):
        told(server, chat, submitted, archived_at="2026-12-27T09:00:00Z", results_url=None)


def test_a_batch_that_is_being_canceled_has_not_ended(server: ChatServer, chat: Anthropic, submitted: str) -> None:
    assert told(server, chat, submitted, processing_status="canceling") is None


@pytest.mark.parametrize("odd", [None, 5, "gone", []])
def test_a_batch_in_no_known_state_is_an_invalid_response(
    server: ChatServer, chat: Anthropic, submitted: str, odd: Any
) -> None:
    with pytest.raises(InvalidResponse, match="does not say whether batch 'msgbatch_0001' has ended"):
        told(server, chat, submitted, processing_status=odd)


@pytest.mark.parametrize("counts", [None, 5, {"succeeded": "many"}])
def test_odd_counts_lose_nothing(server: ChatServer, chat: Anthropic, submitted: str, counts: Any) -> None:
    assert len(told(server, chat, submitted, request_counts=counts)) == 4


def test_results_are_asked_for_at_the_base_url_wherever_an_answer_says_they_are(
    server: ChatServer, chat: Anthropic, submitted: str
) -> None:
    with ChatServer() as other:
        assert len(told(server, chat, submitted, results_url=f"{other.url}/anthropic/v1/messages/batches/x")) == 4
        assert other.received == []


def test_a_wrong_key_is_one_and_is_not_shown(server: ChatServer, submitted: str, asking: Asking) -> None:
    with anthropic(server, api_key="another-key-77") as chat:
        for flow in (chat.submit(PROMPTS), chat.collect(submitted)):
            with pytest.raises(AuthenticationError, match="check api_key") as caught:
                asking(flow)
            assert "another-key-77" not in str(caught.value)


def test_a_key_in_the_results_is_hidden(server: ChatServer, chat: Anthropic, submitted: str) -> None:
    message = {"type": "succeeded", "message": {"content": [{"type": "text", "text": f"so {KEY}"}]}}
    error = {"type": "errored", "error": {"error": {"type": "api_error", "message": f"so {KEY}"}}}
    rows = [{"custom_id": name, "result": each} for name, each in (("a", message), ("b", error), ("c", {"type": KEY}))]
    server.fail(Fault("none"))
    server.fail(Fault("lines", text="\n".join(map(json.dumps, rows))))
    found = collected(run, chat, submitted)
    assert "so " in found["a"].text
    assert all(KEY not in str(each) for each in found.values())


# ── What cannot be a batch ──


@pytest.mark.parametrize(
    ("prompts", "why"),
    [
        ({}, "a mapping of names to 1 to 100,000 prompts, not 0 prompts"),
        ([about("x")], "a mapping of names"),
        (None, "a mapping of names"),
        ({"a b": about("x")}, "1 to 64 letters, digits, - or _, not 'a b'"),
        ({"x" * 65: about("x")}, "1 to 64 letters"),
        ({"": about("x")}, "1 to 64 letters"),
        ({"ä": about("x")}, "1 to 64 letters"),
        ({5: about("x")}, "1 to 64 letters"),
        ({"a": "What?"}, r"prompts\['a'\] must be a rerank_kit.judge.Prompt, not 'What\?'"),
        (dict.fromkeys(range(100_001), None), "not 100,001 prompts"),
    ],
)
def test_what_cannot_be_a_batch_is_refused(server: ChatServer, chat: Anthropic, prompts: Any, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        run(chat.submit(prompts))
    assert server.received == []


def test_what_is_too_long_for_a_batch_is_refused(
    server: ChatServer, chat: Anthropic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anthropic_batches, "MOST_BYTES", 1000)
    with pytest.raises(ConfigurationError, match=r"at most 1,000 bytes in a batch, not .*: submit several"):
        run(chat.submit(PROMPTS))
    assert server.received == []


@pytest.mark.parametrize("odd", [None, 5, "", "../files", "a/b", "a?b", "ä"])
def test_what_is_no_id_of_a_batch_is_refused(server: ChatServer, chat: Anthropic, odd: Any) -> None:
    with pytest.raises(ConfigurationError, match="batch must be the id that submit gave"):
        run(chat.collect(odd))
    assert server.received == []


# ── Clients of users' own ──


def test_a_client_of_the_users_own_asks_in_batches(server: ChatServer, asking: Asking) -> None:
    server.batch_polls = 0
    with sdk.Anthropic(api_key=KEY, base_url=server.base_url("anthropic")) as mine:
        chat = Anthropic(client=mine, headers={"x-team": "search"})
        assert len(collected(asking, chat, asking(chat.submit(PROMPTS)))) == 4
    assert {each.headers.get("x-team") for each in server.received} == {"search"}


def test_an_async_client_of_the_users_own_asks_in_batches(server: ChatServer) -> None:
    server.batch_polls = 0

    async def asked() -> Any:
        async with sdk.AsyncAnthropic(api_key=KEY, base_url=server.base_url("anthropic")) as mine:
            chat = Anthropic(client=mine)
            return await arun(chat.collect(await arun(chat.submit(PROMPTS))))

    assert len(asyncio.run(asked())) == 4


def result(name: str) -> Any:
    message = SimpleNamespace(content=[SimpleNamespace(type="text", text=f"about {name}")], stop_reason="end_turn")
    return SimpleNamespace(custom_id=name, result=SimpleNamespace(type="succeeded", message=message))


def double(batches: Mapping[str, Any]) -> Any:
    return SimpleNamespace(messages=SimpleNamespace(create=lambda **_: None, batches=SimpleNamespace(**batches)))


def test_a_double_of_a_client_asks_in_batches(asking: Asking) -> None:
    states = iter(["in_progress", "ended"])
    client = double(
        {
            "create": lambda **_: SimpleNamespace(id="b"),
            "retrieve": lambda batch, **_: SimpleNamespace(id=batch, processing_status=next(states)),
            "results": lambda batch, **_: iter([result("a"), result("c")]),
        }
    )
    chat = Anthropic(client=client)
    assert asking(chat.submit(PROMPTS)) == "b"
    assert asking(chat.collect("b")) is None
    assert {name: each.text for name, each in asking(chat.collect("b")).items()} == {"a": "about a", "c": "about c"}


@pytest.mark.parametrize("streamed", [True, False])
def test_a_double_of_an_async_client_asks_in_batches(streamed: bool) -> None:
    client = AsyncMock()
    client.messages.batches.create.return_value = SimpleNamespace(id="b")
    client.messages.batches.retrieve.return_value = SimpleNamespace(id="b", processing_status="ended")
    given = MagicMock()
    given.__aiter__.return_value = [result("a")]
    client.messages.batches.results.return_value = given if streamed else [result("a")]
    chat = Anthropic(client=client)
    assert in_a_loop(chat.submit(PROMPTS)) == "b"
    assert in_a_loop(chat.collect("b"))["a"].text == "about a"


def test_a_double_that_gives_no_batch_is_refused_with_what_is_wanted(asking: Asking) -> None:
    chat = Anthropic(client=MagicMock())
    for flow in (chat.submit(PROMPTS), chat.collect("b")):
        with pytest.raises(InvalidResponse, match="an object or a dict with id, a text"):
            asking(flow)


def test_a_double_that_gives_no_results_is_refused_with_what_is_wanted() -> None:
    ended = SimpleNamespace(id="b", processing_status="ended")
    chat = Anthropic(client=double({"retrieve": lambda *_, **__: ended, "results": lambda *_, **__: [object()]}))
    with pytest.raises(InvalidResponse, match="an object or a dict with custom_id, a text"):
        run(chat.collect("b"))


def test_a_client_without_batches_is_said_to_be_one(asking: Asking) -> None:
    chat = Anthropic(client=SimpleNamespace(messages=SimpleNamespace(create=lambda **_: None)))
    with pytest.raises(ConfigurationError, match=r"client= has no messages\.batches"):
        asking(chat.submit(PROMPTS))


# ── The server ──


def post(server: ChatServer, body: Any) -> tuple[int, str]:
    answer = httpx.post(f"{server.url}/anthropic/v1/messages/batches", json=body, headers={"x-api-key": KEY})
    return answer.status_code, answer.text


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ([], "1 to 100000 are needed"),
        ({"requests": []}, "1 to 100000 are needed"),
        ({"requests": [{"custom_id": "a", "params": {}}] * 2}, "must be unique"),
        ({"requests": [{"custom_id": "a b", "params": {}}]}, "must be unique"),
    ],
)
def test_the_server_refuses_what_is_no_batch(server: ChatServer, body: Any, why: str) -> None:
    code, text = post(server, body)
    assert (code, why in text) == (400, True)


def test_the_server_has_no_results_before_the_end_and_none_of_other_batches(
    server: ChatServer, chat: Anthropic
) -> None:
    batch = run(chat.submit(PROMPTS))
    url = f"{server.url}/anthropic/v1/messages/batches/{batch}"
    headers = {"x-api-key": KEY}
    assert httpx.get(f"{url}/results", headers=headers).status_code == 400
    assert httpx.get(f"{url}/others", headers=headers).status_code == 404
    assert httpx.post(url, json={}, headers=headers).status_code == 404
    assert httpx.get(url).status_code == 401
