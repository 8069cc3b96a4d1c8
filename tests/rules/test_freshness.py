"""`newer` reads any moment that metadata hold, and says how old a document is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank_kit import ConfigurationError
from rerank_kit.rules import newer
from rerank_kit.rules.moments import moment
from tests.rules.jobs import NOW, match, value

EPOCH = NOW.timestamp()
DAY = newer("posted", within="24h")


@pytest.mark.parametrize(
    "posted",
    [
        NOW - timedelta(hours=23),
        datetime(2026, 11, 23, 13),  # noqa: DTZ001 - naive ones are UTC
        datetime(2026, 11, 23, 18, tzinfo=timezone(timedelta(hours=5))),
        date(2026, 11, 24),
        "2026-11-23T13:00:00Z",
        "2026-11-23T18:00+05:00",
        " 2026-11-24 ",
        "20261124",
        "Mon, 23 Nov 2026 13:00:00 +0000",
        EPOCH - 23 * 3600,
        int(EPOCH - 23 * 3600) * 1000,
        str(int(EPOCH - 23 * 3600)),
        np.float32(EPOCH),
        NOW + timedelta(days=3),
    ],
)
def test_every_way_to_write_a_moment_is_read(posted: Any) -> None:
    assert value(DAY, posted=posted) == 1.0


@pytest.mark.parametrize("posted", [NOW - timedelta(hours=24), "2026-11-23T13:00:00+05:00", "2026-11-22", 0, -1e9])
def test_a_day_old_is_not_within_a_day(posted: Any) -> None:
    assert value(DAY, posted=posted) == 0.0


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2022-10", at(2022, 10, 1)),
        ("2022", at(2022, 1, 1)),
        (2022, at(2022, 1, 1)),
        (2022.0, at(2022, 1, 1)),
        (np.int64(2022), at(2022, 1, 1)),
        (1000, at(1000, 1, 1)),
        (2999, at(2999, 1, 1)),
        (999, at(1970, 1, 1, 0, 16, 39)),
        (3000, at(1970, 1, 1, 0, 50)),
        (2022.5, at(1970, 1, 1, 0, 33, 42, 500_000)),
        (20221005, at(2022, 10, 5)),
        (20221305, at(1970, 8, 23, 1, 1, 45)),
        ("20221005", at(2022, 10, 5)),
        ("2022-W40", at(2022, 10, 3)),
        ("2022-W40-3", at(2022, 10, 5)),
        ("2022w403", at(2022, 10, 5)),
        ("2022-278", at(2022, 10, 5)),
        ("2022278", at(2022, 10, 5)),
        ("2024-366", at(2024, 12, 31)),
        ("20221005T0930Z", at(2022, 10, 5, 9, 30)),
        ("2022-10-05t09:30:00z", at(2022, 10, 5, 9, 30)),
        ("2022-10-05 09:30:00,25+02:00", at(2022, 10, 5, 7, 30, 0, 250_000)),
        ("2022-10-05T09:30:00.123456789Z", at(2022, 10, 5, 9, 30, 0, 123_456)),
        ("2022-10-05T09", at(2022, 10, 5, 9)),
        ("Wed, 05 Oct 2022 09:30:00 GMT", at(2022, 10, 5, 9, 30)),
        (1664962200, at(2022, 10, 5, 9, 30)),
        (1664962200000, at(2022, 10, 5, 9, 30)),
        ("1664962200", at(2022, 10, 5, 9, 30)),
        ("1664962200.000100", at(2022, 10, 5, 9, 30, 0, 100)),
        ("-1000000000", at(1938, 4, 24, 22, 13, 20)),
        (np.datetime64("2022-10"), at(2022, 10, 1)),
        (np.datetime64("2022-10-05T09:30", "ns"), at(2022, 10, 5, 9, 30)),
        ("0001-01-01", at(1, 1, 1)),
        ("9999-12-31T23:59:59-14:00", datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(-timedelta(hours=14)))),
    ],
)
def test_moments_are_read_as_they_are_meant(written: Any, meant: datetime) -> None:
    assert moment(written, "posted", UTC) == meant


@given(st.dates(min_value=date(1000, 1, 1), max_value=date(2999, 12, 31)))
def test_every_way_to_write_a_day_is_the_same_day(day: date) -> None:
    written = [
        f"{day:%Y-%m-%d}",
        f"{day:%Y%m%d}",
        f"{day:%Y-%j}",
        f"{day:%Y%j}",
        f"{day:%G-W%V-%u}",
        f"{day:%G-W%V-%u}T00",
    ]
    midnight = datetime.combine(day, datetime.min.time(), UTC)
    assert {moment(each, "posted", UTC) for each in (*written, day, midnight, int(f"{day:%Y%m%d}"))} == {midnight}


@pytest.mark.parametrize(
    "posted",
    ["2022-13", "2022-00", "0000", "2022-1", "2023-366", "2022-000", "2022-W54", "202210", "22-10-05", "10/05/2022",
     "05.10.2022", "2022-10-05T25:00", "2022-10-05" + " " * 100 + "x", "٢٠٢٢", np.bool_(True), bytearray(b"1"), 1j],
)  # fmt: skip
def test_what_could_mean_more_than_one_day_or_none_is_no_date(posted: Any) -> None:
    assert match(DAY, posted=posted).says.endswith("is no date")


def test_a_time_zone_that_says_nothing_is_none() -> None:
    class Nowhere(tzinfo):
        def utcoffset(self, moment: datetime | None, /) -> None:
            return None

        dst = tzname = utcoffset

    assert value(newer("posted", within="13h"), posted=datetime(2026, 11, 24, tzinfo=Nowhere())) == 1.0


@pytest.mark.parametrize(
    "posted",
    ["yesterday", "", "2026-13-45", True, b"2026-11-24", [NOW], {"on": NOW}, float("nan"), 1e300, 10**40, "9" * 30],
)  # fmt: skip
def test_what_is_no_moment_counts_as_missing_and_is_quoted(posted: Any) -> None:
    found = match(newer("posted", within="24h", missing="first"), posted=posted)
    assert found.value == 1.0
    assert found.says == f"posted, {posted!r}, is no date"


def test_a_moment_that_is_none_in_a_class_of_moments_counts_as_missing() -> None:
    class Nothing(datetime):
        """As pandas has one."""

        def timestamp(self) -> float:
            return float("nan")

        def replace(self, **kwargs: Any) -> Nothing:  # type: ignore[override]
            return self

    assert match(DAY, posted=Nothing(2026, 1, 1)).says.endswith("is no date")


def test_moments_without_a_time_zone_are_read_in_the_one_that_is_given() -> None:
    assert value(newer("posted", within="13h"), posted="2026-11-24") == 1.0
    assert value(newer("posted", within="13h", zone="America/New_York"), posted="2026-11-24T00:00") == 1.0
    assert value(newer("posted", within="13h", zone="Asia/Tokyo"), posted="2026-11-24") == 0.0


def test_with_a_half_life_half_the_points_are_left_after_it() -> None:
    rule = newer("posted", half_life=timedelta(days=7))
    ages = [value(rule, posted=NOW - timedelta(days=days)) for days in (-1, 0, 7, 14)]
    assert ages == [1.0, 1.0, 0.5, 0.25]
    assert value(rule, posted="0001-01-01T00:00:00+14:00") == 0.0


@pytest.mark.parametrize(
    ("age", "says"),
    [
        (timedelta(seconds=1), "posted 1 second ago"),
        (timedelta(0), "posted 0 seconds ago"),
        (timedelta(minutes=119), "posted 119 minutes ago"),
        (timedelta(hours=5, minutes=40), "posted 5 hours ago"),
        (timedelta(days=3), "posted 3 days ago"),
        (timedelta(days=30), "posted 30 days ago"),
        (timedelta(hours=-3), "posted in 3 hours"),
    ],
)
def test_the_age_is_said_as_one_says_it(age: timedelta, says: str) -> None:
    assert match(newer("posted", half_life="2w"), posted=NOW - age).says == says


def test_the_line_is_said_too() -> None:
    assert match(DAY, posted=NOW - timedelta(hours=5)).says == "posted 5 hours ago, within 24 hours"
    assert match(DAY, posted=NOW - timedelta(days=5)).says == "posted 5 days ago, not within 24 hours"
    assert match(newer("open_date", half_life="1d"), open_date=NOW.astimezone(UTC)).says == "open date 0 seconds ago"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "needs either half_life= or within="),
        ({"half_life": "1d", "within": "1d"}, "needs either"),
        ({"within": "soon"}, "within must be a time above 0 with its unit"),
        ({"within": "0h"}, "within must be"),
        ({"half_life": 7}, "half_life must be"),
        ({"half_life": timedelta(0)}, "half_life must be"),
        ({"within": "99999999999w"}, "within must be"),
        ({"within": "1d", "zone": "Mars/Olympus"}, "zone must be a time zone"),
        ({"within": "1d", "zone": 7}, "zone must be a time zone"),
        ({"within": "1d", "missing": "ignore"}, "missing must be 'last', 'first' or 'drop'"),
    ],
)
def test_a_wrong_argument_is_an_error_that_names_it(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        newer("posted", **arguments)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("1.5h", 5400), ("2 weeks", 1209600), ("1 day", 86400)])
def test_lengths_of_time_have_units(text: str, seconds: int) -> None:
    assert value(newer("posted", within=text), posted=NOW - timedelta(seconds=seconds - 1)) == 1.0
    assert value(newer("posted", within=text), posted=NOW - timedelta(seconds=seconds)) == 0.0
