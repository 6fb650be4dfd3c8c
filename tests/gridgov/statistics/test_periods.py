"""Periods by the names that people give them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.closure import Period
from gridgov.errors import BadInput
from gridgov.statistics.periods import MOST, UNITS, buckets, name_of, period_of, previous, year_before

SHANGHAI, NEW_YORK = "Asia/Shanghai", "America/New_York"
zones = st.sampled_from([SHANGHAI, NEW_YORK, "America/Santiago"])
days = st.dates(min_value=date(2000, 1, 10), max_value=date(2090, 1, 1))
moments = st.integers(978_307_200, 3_471_292_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("2026", "2026-01-01", "2027-01-01"),
        ("2026-Q3", "2026-07-01", "2026-10-01"),
        ("2026-Q4", "2026-10-01", "2027-01-01"),
        ("2026-02", "2026-02-01", "2026-03-01"),
        ("2026-12", "2026-12-01", "2027-01-01"),
        ("2026-W01", "2025-12-29", "2026-01-05"),
        ("2020-W53", "2020-12-28", "2021-01-04"),
        ("2024-02-29", "2024-02-29", "2024-03-01"),
        ("2026-07..2026-08", "2026-07-01", "2026-09-01"),
        ("2025-Q4..2026-02-03", "2025-10-01", "2026-02-04"),
    ],
)
def test_a_name_is_from_local_midnight_to_local_midnight(name: str, start: str, end: str) -> None:
    found = period_of(name, SHANGHAI)
    assert found.start is not None
    assert found.end is not None
    assert (found.start.isoformat(" "), found.end.isoformat(" ")) == (
        f"{start} 00:00:00+08:00",
        f"{end} 00:00:00+08:00",
    )


def test_one_end_may_be_open() -> None:
    assert period_of("2026-Q3..", SHANGHAI) == Period(period_of("2026-Q3", SHANGHAI).start, None)
    assert period_of("..2026-Q3", SHANGHAI) == Period(None, period_of("2026-Q3", SHANGHAI).end)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        "2026-Q5",
        "2026-13",
        "2026-00",
        "2026-W54",
        "2025-W53",
        "2026-02-29",
        "26",
        "2026-7",
        "q3",
        "2026-Q3 ",
        "2026-Q3..2026-Q1",
        "2026..2025",
        "9999",
        "0000",
        "２０２６",
        "2026-08..2026-09..2026-10",
        "2026-Q3\n",
    ],
)
def test_what_is_no_period_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match=r"2026-Q3|ends before"):
        period_of(name, SHANGHAI)


def test_days_of_23_and_25_hours() -> None:
    for name, hours in (("2026-03-08", 23), ("2026-11-01", 25), ("2026-11-02", 24)):
        day = period_of(name, NEW_YORK)
        assert day.start is not None
        assert day.end is not None
        assert day.end.astimezone(UTC) - day.start.astimezone(UTC) == timedelta(hours=hours)


@given(days, zones, st.sampled_from(UNITS))
def test_a_period_is_called_what_it_was_asked_as(day: object, zone: str, unit: str) -> None:
    (first, *_) = buckets(period_of(f"{day}", zone), unit, zone)
    assert name_of(period_of(first.name, zone), zone) == first.name


@given(moments, st.timedeltas(timedelta(seconds=1), timedelta(days=300)), zones, st.sampled_from(UNITS))
def test_parts_tile_the_period(start: datetime, length: timedelta, zone: str, unit: str) -> None:
    period = Period(start, start + length)
    found = buckets(period, unit, zone)
    assert (found[0].period.start, found[-1].period.end) == (period.start, period.end)
    assert all(one.period.end == other.period.start for one, other in pairwise(found))
    assert len({one.name for one in found}) == len(found)
    for one in found:
        whole = period_of(one.name, zone)
        assert whole.start is not None
        assert one.period.start is not None
        assert whole.start <= one.period.start


@given(days, st.integers(0, 400), zones)
def test_any_days_are_called_what_they_can_be_asked_as(day: date, more: int, zone: str) -> None:
    period = period_of(f"{day}..{day + timedelta(days=more)}", zone)
    assert period_of(name_of(period, zone), zone) == period


def test_too_many_parts_are_refused() -> None:
    assert len(buckets(period_of("2026", SHANGHAI), "day", SHANGHAI)) == 365
    with pytest.raises(BadInput, match=str(MOST)):
        buckets(period_of("2025..2026", SHANGHAI), "day", SHANGHAI)
    with pytest.raises(BadInput, match="start and an end"):
        buckets(Period(None, datetime(2026, 1, 1, tzinfo=UTC)), "day", SHANGHAI)


@pytest.mark.parametrize(
    ("name", "before", "a_year_ago"),
    [
        ("2026", "2025", "2025"),
        ("2026-Q1", "2025-Q4", "2025-Q1"),
        ("2026-03", "2026-02", "2025-03"),
        ("2026-W01", "2025-W52", "2025-W01"),
        ("2020-W53", "2020-W52", "2019-W52"),
        ("2026-03-09", "2026-03-08", "2025-03-09"),
    ],
)
def test_what_a_period_is_compared_with(name: str, before: str, a_year_ago: str) -> None:
    for zone in (SHANGHAI, NEW_YORK):
        period = period_of(name, zone)
        assert name_of(previous(period, zone), zone) == before
        assert name_of(year_before(period, zone), zone) == a_year_ago


def test_what_is_no_unit_is_compared_with_as_long_a_time() -> None:
    period = period_of("2026-07-03..2026-07-05", SHANGHAI)
    assert name_of(previous(period, SHANGHAI), SHANGHAI) == "2026-06-30..2026-07-02"
    assert name_of(year_before(period, SHANGHAI), SHANGHAI) == "2025-07-03..2025-07-05"
