"""What keeps failing is left alone for a while, then tried with a single call."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.api.circuit import Circuit


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_it_opens_after_failures_in_a_row_and_not_before() -> None:
    circuit = Circuit(failures=2, seconds=10, clock=Clock())
    circuit.failed()
    circuit.succeeded()
    circuit.failed()
    assert (circuit.closed, circuit.allows()) == (True, True)
    circuit.failed()
    assert (circuit.closed, circuit.allows()) == (False, False)


def test_after_a_while_one_call_decides() -> None:
    clock = Clock()
    circuit = Circuit(failures=1, seconds=10, clock=clock)
    circuit.failed()
    clock.now = 10
    assert [circuit.allows(), circuit.allows()] == [True, False]
    circuit.failed()
    clock.now = 19
    assert not circuit.allows()
    clock.now = 20
    assert circuit.allows()
    circuit.succeeded()
    assert [circuit.allows(), circuit.allows()] == [True, True]


def test_a_deciding_call_that_never_ends_is_followed_by_another() -> None:
    clock = Clock()
    circuit = Circuit(failures=1, seconds=10, clock=clock)
    circuit.failed()
    clock.now = 10
    assert circuit.allows()
    clock.now = 20
    assert circuit.allows()


def test_whether_it_is_ready_can_be_asked_without_using_up_the_call_that_decides() -> None:
    clock = Clock()
    circuit = Circuit(failures=1, seconds=10, clock=clock)
    ready = [circuit.ready]
    circuit.failed()
    assert [*ready, circuit.ready] == [True, False]
    clock.now = 10
    assert [circuit.ready, circuit.ready, circuit.allows(), circuit.ready] == [True, True, True, False]


def test_a_deciding_call_that_says_nothing_leaves_it_to_the_next() -> None:
    clock = Clock()
    circuit = Circuit(failures=1, seconds=10, clock=clock)
    circuit.undecided()
    circuit.failed()
    circuit.undecided()  # of a call from before it opened
    assert not circuit.allows()
    clock.now = 10
    assert [circuit.allows(), circuit.allows()] == [True, False]
    circuit.undecided()
    assert [circuit.allows(), circuit.allows()] == [True, False]
    circuit.succeeded()
    circuit.undecided()
    assert circuit.closed


@pytest.mark.parametrize("arguments", [{"failures": 0}, {"failures": None}, {"seconds": 0}, {"seconds": None}])
def test_a_circuit_that_makes_no_sense_is_an_error(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Circuit(**arguments)


def test_copies_start_closed() -> None:
    circuit = Circuit(failures=1, seconds=5)
    circuit.failed()
    assert repr(circuit) == "Circuit(1 failures, 5 s, open)"
    assert repr(pickle.loads(pickle.dumps(circuit))) == "Circuit(1 failures, 5 s, closed)"
