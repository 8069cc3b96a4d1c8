"""Contexts in batches: submitted once, collected by whatever run comes next, at the price of batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rerank_kit import ConfigurationError, Deadline
from rerank_kit.contextual import ChunkedDocument, Contexts, Contextualizer, IncompleteContexts
from rerank_kit.contextual import batches as batches_of
from rerank_kit.contextual.batches import BatchWriter
from rerank_kit.contextual.store import ContextStore
from rerank_kit.errors import BackendError, BudgetExceeded, DeadlineExceeded
from rerank_kit.flow import sleep
from rerank_kit.judge import Anthropic
from rerank_kit.pricing import Price, known_prices
from rerank_kit.testing import ChatServer, Reply, status
from tests.conftest import Colour
from tests.contextual.texts import report
from tests.judge.conftest import KEY, anthropic, openai

DOCUMENTS = [report("Ada"), report("Bob", chunks=2)]


def batched(model: Anthropic, store: Path, **options: Any) -> Contextualizer:
    given: dict[str, Any] = {"batch": True, "store": store / "contexts.sqlite", "poll_every": 0.01, **options}
    return Contextualizer(model, **given)


def submitted(server: ChatServer) -> int:
    return sum("requests" in (each.body or {}) for each in server.received)


@pytest.mark.parametrize("per_call", [1, 3])
def test_all_contexts_come_of_one_batch_at_its_price(
    server: ChatServer, tmp_path: Path, colour: Colour, per_call: int
) -> None:
    with anthropic(server) as model:
        made = batched(model, tmp_path, chunks_per_call=per_call, max_cost=1.0)
        contexts: Contexts = colour(made, "contextualize", DOCUMENTS)
        assert [[each.text for each in row] for row in contexts.rows] == [["Report of Ada"] * 4, ["Report of Bob"] * 2]
        assert (submitted(server), contexts.reused, contexts.usage.cache_write_tokens) == (1, 0, 0)
        assert contexts.cost == pytest.approx(known_prices().cost("claude-haiku-5-5", contexts.usage, batch=True))
        again: Contexts = colour(made, "contextualize", DOCUMENTS)
    assert (again.reused, again.usage.calls, submitted(server)) == (6, 0, 1)


def test_a_run_that_ends_before_its_batch_is_gone_on_with(server: ChatServer, tmp_path: Path, colour: Colour) -> None:
    server.batch_polls = None
    with anthropic(server) as model:
        with pytest.raises(
            DeadlineExceeded, match=r"batch msgbatch_0001 is still being worked on: call it again later"
        ):
            colour(batched(model, tmp_path), "contextualize", DOCUMENTS, timeout=0.5)
        server.batch_polls = 0
        contexts: Contexts = colour(batched(model, tmp_path), "contextualize", [*DOCUMENTS, report("Cy", chunks=1)])
    assert (contexts.failures, contexts.usage.calls) == ((), 7)
    assert submitted(server) == 2  # of which the second holds what is new alone


def test_what_was_collected_of_documents_that_are_gone_is_kept(server: ChatServer, tmp_path: Path) -> None:
    server.batch_polls = None
    with anthropic(server) as model:
        with pytest.raises(DeadlineExceeded):
            batched(model, tmp_path).contextualize(DOCUMENTS, timeout=0.3)
        server.batch_polls = 0
        assert batched(model, tmp_path).contextualize([]).usage.calls == 6
        assert batched(model, tmp_path).contextualize(DOCUMENTS).reused == 6
    assert submitted(server) == 1


def test_what_a_batch_did_not_answer_is_told_and_submitted_again_by_the_next_run(
    server: ChatServer, tmp_path: Path
) -> None:
    server.on("Part two says that the sum of Ada", Reply(result="errored"))
    server.on("Part three says that the sum of Ada", Reply(result="expired"))
    with anthropic(server) as model:
        with pytest.raises(IncompleteContexts) as raised:
            batched(model, tmp_path).contextualize(DOCUMENTS)
        assert [(each.document, each.chunk) for each in raised.value.failures] == [("Ada", 1), ("Ada", 2)]
        assert "was not worked on to the end" in raised.value.failures[1].why
        with pytest.raises(IncompleteContexts):
            batched(model, tmp_path).contextualize(DOCUMENTS)
    sizes = [len(each.body["requests"]) for each in server.received if "requests" in (each.body or {})]
    assert sizes == [6, 2]


def test_what_cannot_be_read_is_asked_for_alone(server: ChatServer, tmp_path: Path) -> None:
    server.on("Part one says that the sum of Bob", Reply(change=lambda text: "" if len(server.contexts) < 8 else text))
    with anthropic(server) as model:
        contexts = batched(model, tmp_path).contextualize(DOCUMENTS, timeout=60)
    assert [each.text for each in contexts.rows[1]].count(None) <= 1
    assert contexts.usage.calls >= 7


def test_a_batch_that_is_gone_is_submitted_again(server: ChatServer, tmp_path: Path) -> None:
    server.batch_polls = None
    with anthropic(server) as model, pytest.raises(DeadlineExceeded):
        batched(model, tmp_path).contextualize(DOCUMENTS, timeout=0.3)
    server._batches._known.clear()  # which the API forgets after some weeks
    server.batch_polls = 0
    with anthropic(server) as model:
        assert batched(model, tmp_path).contextualize(DOCUMENTS).failures == ()
    assert submitted(server) == 2


def test_a_run_waits_for_no_batch_but_its_own(server: ChatServer, tmp_path: Path) -> None:
    with anthropic(server) as model:
        batched(model, tmp_path).contextualize(DOCUMENTS)
        server.batch_polls = None
        with pytest.raises(DeadlineExceeded, match=r"batch msgbatch_0002 is still"):
            batched(model, tmp_path).contextualize([report("Cy")], timeout=0.3)
        assert batched(model, tmp_path).contextualize(DOCUMENTS, timeout=20).reused == 6
        with pytest.raises(DeadlineExceeded, match=r"batch msgbatch_0003 is still"):
            batched(model, tmp_path).contextualize([report("Di")], timeout=0.3)
    assert submitted(server) == 3


def test_what_the_batch_cost_leaves_less_for_the_repeats(tmp_path: Path) -> None:
    documents = [report(name, chunks=2, words=3000) for name in ("Ada", "Bob", "Cy", "Di")]
    half = ChatServer(context=lambda document, chunk: "" if "two" in chunk else "A context.", api_key=KEY)
    with half as server, anthropic(server) as model:
        most = (batched(model, tmp_path).expected_cost(documents) or 0) * 1.01
        contexts = batched(model, tmp_path, max_cost=most, on_error="keep").contextualize(documents)
    assert contexts.cost is not None
    assert contexts.cost <= most
    assert len(contexts.failures) == 4


def test_a_batch_of_another_address_stays_noted(server: ChatServer, tmp_path: Path) -> None:
    server.batch_polls = None
    with anthropic(server) as model, pytest.raises(DeadlineExceeded):
        batched(model, tmp_path).contextualize(DOCUMENTS, timeout=0.3)
    with ChatServer(api_key=KEY) as other, anthropic(other) as elsewhere:
        batched(elsewhere, tmp_path).contextualize([report("Cy")])
    server.batch_polls = 0
    with anthropic(server) as model:
        assert batched(model, tmp_path).contextualize(DOCUMENTS).failures == ()
    assert submitted(server) == 1


def test_a_batch_that_cannot_be_written_down_is_named(
    server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = BatchWriter._note

    def full(self: BatchWriter, store: ContextStore, batches: dict[str, Any]) -> None:
        if batches:
            msg = "store='x' cannot be written: database or disk is full"
            raise ConfigurationError(msg)
        noted(self, store, batches)

    monkeypatch.setattr(BatchWriter, "_note", full)
    with anthropic(server) as model, pytest.raises(ConfigurationError, match="the batch msgbatch_0001 was submitted"):
        batched(model, tmp_path).contextualize(DOCUMENTS)


def test_a_look_that_comes_to_no_end_in_time_is_told_of_its_batch(
    server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(batch: str, deadline: Deadline) -> Any:
        yield from sleep(deadline.remaining() or 0.0)
        msg = "no answer in the time allowed"
        raise DeadlineExceeded(msg)

    with anthropic(server) as model:
        monkeypatch.setattr(model, "collect", late)
        with pytest.raises(DeadlineExceeded, match=r"batch msgbatch_0001 is still being worked on"):
            batched(model, tmp_path).contextualize(DOCUMENTS, timeout=0.5)


def test_polls_that_fail_are_made_again_and_not_forever(server: ChatServer, tmp_path: Path) -> None:
    with anthropic(server, max_retries=0) as model:
        server.batch_polls = None
        with pytest.raises(DeadlineExceeded):
            batched(model, tmp_path).contextualize(DOCUMENTS, timeout=0.3)
        server.batch_polls = 0
        server.fail(status(500), times=3)
        assert batched(model, tmp_path).contextualize(DOCUMENTS).failures == ()
        server.batch_polls = None
        with pytest.raises(DeadlineExceeded):
            batched(model, tmp_path).contextualize([report("Cy")], timeout=0.3)
        server.fail(status(500), times=20)
        with pytest.raises(BackendError, match="500"):
            batched(model, tmp_path).contextualize([report("Cy")])


def test_a_refused_key_is_raised_where_a_batch_is_waited_for(server: ChatServer, tmp_path: Path) -> None:
    server.batch_polls = None
    with anthropic(server) as model, pytest.raises(DeadlineExceeded):
        batched(model, tmp_path).contextualize(DOCUMENTS, timeout=0.3)
    with anthropic(server, api_key="wrong") as model, pytest.raises(ConfigurationError, match=r"401|key"):
        batched(model, tmp_path).contextualize(DOCUMENTS)


def test_large_batches_are_parted(server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches_of, "_QUESTIONS", 4)
    with anthropic(server) as model:
        batched(model, tmp_path).contextualize(DOCUMENTS)
    assert submitted(server) == 2
    monkeypatch.setattr(batches_of, "_CHARACTERS", 1_000)
    with anthropic(server) as model:
        batched(model, tmp_path).contextualize([report("Cy", words=300)])
    assert submitted(server) == 6


def test_a_batch_that_would_be_too_dear_is_not_submitted(server: ChatServer, tmp_path: Path) -> None:
    with anthropic(server) as model:
        with pytest.raises(BudgetExceeded, match=r"the batch would cost about .*, and max_cost=1e-06: nothing was"):
            batched(model, tmp_path, max_cost=1e-6).contextualize(DOCUMENTS)
        prices = known_prices().override(Price("claude-haiku-5-5", "chat", 0.1, 1_000_000, output=0.5))
        with pytest.raises(
            ConfigurationError, match=r"what batches of claude-haiku-5-5 cost is not known: pass prices="
        ):
            batched(model, tmp_path, max_cost=1.0, prices=prices).contextualize(DOCUMENTS)
        assert batched(model, tmp_path, prices=prices).contextualize(DOCUMENTS).cost is None
    assert submitted(server) == 1


def test_another_run_on_the_store_is_waited_for(server: ChatServer, tmp_path: Path) -> None:
    other = ContextStore(tmp_path / "contexts.sqlite")
    assert other.claim("batches of claude-haiku-5-5")
    with anthropic(server) as model, pytest.raises(DeadlineExceeded):
        batched(model, tmp_path).contextualize(DOCUMENTS, timeout=0.6)
    other.release("batches of claude-haiku-5-5")
    twin = ChunkedDocument(DOCUMENTS[0].text, DOCUMENTS[0].chunks, id="twin")
    with anthropic(server) as model:
        contexts = batched(model, tmp_path).contextualize([*DOCUMENTS, twin])
    other.close()
    assert (contexts.failures, contexts.usage.calls, submitted(server)) == ((), 6, 1)


def test_batches_need_a_store_and_a_model_that_knows_them(server: ChatServer, tmp_path: Path) -> None:
    with anthropic(server) as model, pytest.raises(ConfigurationError, match="batch=True needs store="):
        Contextualizer(model, batch=True)
    with openai(server) as local, pytest.raises(ConfigurationError, match="batch=True needs a model that can be asked"):
        Contextualizer(local, batch=True, store=tmp_path / "contexts.sqlite")
    with anthropic(server) as model, pytest.raises(ConfigurationError, match="batch must be True or False"):
        Contextualizer(model, batch="yes")  # type: ignore[arg-type]
    with anthropic(server) as model, pytest.raises(ConfigurationError, match="poll_every"):
        Contextualizer(model, batch=True, store=tmp_path / "contexts.sqlite", poll_every=-1)
