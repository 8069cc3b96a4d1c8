"""Where two bills cross is where their dollars say so."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank_kit.pricing.bills import Bill, Machines, Metered, dollars, points, together, turns

CHEAP: Bill = (Metered(0.001),)
MACHINE: Bill = (Machines(50.0, 80_000),)


def crossings(one: Bill, other: Bill) -> list[float]:
    """The volumes behind which the cheaper of two bills is the dearer one."""
    return [volume for volume, _ in turns(one, other)][1:]


def test_a_machine_pays_from_its_price_divided_by_that_of_a_query() -> None:
    assert crossings(CHEAP, MACHINE)[0] == pytest.approx(50_000)
    assert crossings(MACHINE, CHEAP) == crossings(CHEAP, MACHINE)
    assert [sign for _, sign in turns(CHEAP, MACHINE)] == [-1, 1, -1, 1]
    assert [sign for _, sign in turns(MACHINE, CHEAP)] == [1, -1, 1, -1]


def test_where_one_more_machine_is_needed_the_order_changes_back() -> None:
    first, second, third, *rest = crossings(CHEAP, MACHINE)
    assert [first, second, third] == pytest.approx([50_000, 80_000, 100_000])
    assert rest == []  # two machines serve 160,000, and from there on they are cheaper for good: three cost 150 dollars


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (CHEAP, CHEAP),
        (CHEAP, (Metered(0.002),)),
        (CHEAP, (Machines(81.0, 80_000),)),  # full, it costs more than the queries that it serves
        ((Metered(0.0),), (Metered(0.0),)),
        ((), ()),
    ],
)
def test_where_one_is_never_dearer_nothing_crosses(one: Bill, other: Bill) -> None:
    assert crossings(one, other) == []


def test_which_one_is_cheaper_at_first_is_known_though_both_cost_the_same_later() -> None:
    contract: Bill = (Metered(0.001, minimum=30.0),)
    assert list(turns(CHEAP, contract)) == [(0.0, -1)]
    assert list(turns(contract, CHEAP)) == [(0.0, 1)]
    larger: Bill = (Metered(0.002, minimum=30.0),)
    assert list(turns(contract, larger)) == [(0.0, -1)]  # which cost the same up to 15,000
    assert list(turns(contract, contract)) == []


@given(st.floats(1e-7, 10.0), st.floats(1e-3, 1e6))
def test_a_minimum_of_any_size_ends_somewhere(per_query: float, minimum: float) -> None:
    contract, dearer = (Metered(per_query, minimum),), (Metered(per_query * 2),)
    ((start, first), (volume, second)) = turns(dearer, contract)
    assert (start, first, second) == (0.0, -1, 1)
    assert volume == pytest.approx(minimum / per_query / 2)


def test_a_minimum_is_paid_until_queries_cost_more() -> None:
    contract: Bill = (Metered(0.0005, minimum=30.0),)
    assert crossings(CHEAP, contract) == [pytest.approx(30_000)]
    assert dollars(contract, 59_000) == 30.0
    assert dollars(contract, 80_000) == 40.0
    assert crossings((Metered(0.0, minimum=30.0),), CHEAP) == [pytest.approx(30_000)]


BILLS = st.lists(
    st.builds(Metered, st.floats(1e-5, 0.01), st.sampled_from([0.0, 20.0, 500.0]))
    | st.builds(Machines, st.floats(1.0, 500.0), st.floats(1_000, 1_000_000)),
    min_size=1,
    max_size=2,
).map(tuple)


@given(BILLS, BILLS)
def test_between_two_crossings_the_same_one_is_cheaper(one: Bill, other: Bill) -> None:
    found = [0.0, *crossings(one, other)[:6]]
    assert found == sorted(found)
    for left, right in pairwise(found):
        inside = [left + (right - left) * part for part in (0.25, 0.5, 0.75)]
        signs = {
            math.copysign(1, gap) for each in inside if abs(gap := dollars(one, each) - dollars(other, each)) > 1e-6
        }
        assert len(signs) <= 1, (left, right)


def test_a_line_has_its_bends() -> None:
    assert points(MACHINE, 100_000) == [(0.0, 50.0), (80_000, 50.0), (80_000, 100.0), (100_000, 100.0)]
    assert points(CHEAP, 10_000) == [(0.0, 0.0), (10_000, pytest.approx(10.0))]
    many = points((Machines(1.0, 1.0),), 1_000.0)
    assert len(many) == 200
    assert many[-1] == (1_000.0, 1_000.0)


def test_what_is_paid_by_one_price_is_one_part_with_one_minimum() -> None:
    queries, contexts = Metered(0.01, 100.0, model="a"), Metered(0.0, 100.0, fixed=40.0, model="a")
    bill = together([(queries,), (contexts, Metered(0.01, 100.0, model="b")), (Machines(60.0, 1_000.0),)])
    assert dollars(bill, 100) == 60 + 100 + 100
    assert dollars(bill, 6_000) == 6 * 60 + 100 + 100  # 40 and 60 of the first price reach its minimum
    assert dollars(bill, 7_000) == 7 * 60 + 110 + 100
    dear: Bill = (Metered(0.02),)
    assert [*turns(together([(queries,), (contexts,)]), dear)] == [(0.0, 1), (5_000.0, -1)]
    assert points((Metered(0.01, 100.0, fixed=40.0),), 10_000) == [
        (0.0, 100.0),
        (6_000.0, 100.0),
        (6_000.0, 100.0),
        (10_000, 140.0),
    ]


def test_what_does_not_depend_on_queries_counts_towards_no_minimum_that_is_lower() -> None:
    bill: Bill = (Metered(0.01, 30.0, fixed=40.0),)
    assert points(bill, 1_000) == [(0.0, 40.0), (1_000, 50.0)]
