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
        "9999-12-31",
        "0000",
        "0001",
        "0001-01-01..",
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


@pytest.mark.parametrize(
    ("asked", "shortest"),
    [
        ("2026-07..2026-09", "2026-Q3"),
        ("2026-07-01..2026-08-31", "2026-07..2026-08"),
        ("2025-01..2026-12", "2025..2026"),
        ("2025-10..2026-03", "2025-Q4..2026-Q1"),
        ("2026-07-27..2026-08-09", "2026-W31..2026-W32"),
        ("2026-07-01..", "2026-Q3.."),
        ("..2025-12-31", "..2025"),
        ("2026-07..2026-08-02", "2026-07-01..2026-08-02"),
    ],
)
def test_the_shortest_name(asked: str, shortest: str) -> None:
    for zone in (SHANGHAI, NEW_YORK):
        assert name_of(period_of(asked, zone), zone) == shortest
        assert period_of(shortest, zone) == period_of(asked, zone)


def test_what_ends_at_no_midnight_is_called_by_its_moments() -> None:
    period = Period(datetime(2026, 11, 1, 5, 30, tzinfo=UTC), datetime(2026, 11, 1, 6, 30, 0, 5, tzinfo=UTC))
    assert name_of(period, NEW_YORK) == "2026-11-01 01:30:00-04:00..2026-11-01 01:30:00.000005-05:00"
    assert name_of(Period(None, period.end), NEW_YORK) == "..2026-11-01 01:30:00.000005-05:00"


def test_midnights_are_midnights_in_whatever_zone_they_are_written() -> None:
    # At Havana clocks run through the first hour of 1 November twice.
    for day, zone in (("2026-11-01", "America/Havana"), ("2026-03-08..2026-03-10", NEW_YORK)):
        period = period_of(day, zone)
        assert period.start is not None
        assert period.end is not None
        in_utc = Period(period.start.astimezone(UTC), period.end.astimezone(UTC))
        assert name_of(in_utc, zone) == day
        for compared in (previous, year_before):
            assert name_of(compared(in_utc, zone), zone) == name_of(compared(period, zone), zone)


def test_a_day_that_the_calendar_left_out_has_no_time() -> None:
    """Samoa crossed the date line: the 30th of December 2011 was not."""
    samoa = "Pacific/Apia"
    with pytest.raises(BadInput, match="left '2011-12-30' out"):
        period_of("2011-12-30", samoa)
    found = buckets(period_of("2011-12-29..2011-12-31", samoa), "day", samoa)
    assert [one.name for one in found] == ["2011-12-29", "2011-12-31"]
    assert found[0].period.end == found[1].period.start


@pytest.mark.parametrize("year", [1, 9999])
def test_moments_at_the_ends_of_time_are_refused(year: int) -> None:
    period = Period(datetime(year, 1, 1, tzinfo=UTC), datetime(year, 12, 31, tzinfo=UTC))
    for ask in (name_of, previous, year_before):
        with pytest.raises(BadInput, match="too far away"):
            ask(period, SHANGHAI)
    with pytest.raises(BadInput, match="too far away"):
        buckets(period, "year", SHANGHAI)


def test_no_other_parts_than_these() -> None:
    with pytest.raises(BadInput, match="day, week, month, quarter, year"):
        buckets(period_of("2026", SHANGHAI), "hour", SHANGHAI)


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
        ("2024-02-28", "2024-02-27", "2023-02-28"),
        ("2024-02-29", "2024-02-28", "2023-02-28"),
        ("2024-02", "2024-01", "2023-02"),
        ("2025-02", "2025-01", "2024-02"),
        ("2024-02-20..2024-02-28", "2024-02-11..2024-02-19", "2023-02-20..2023-02-28"),
        ("2026-03-07..2026-03-10", "2026-03-03..2026-03-06", "2025-03-07..2025-03-10"),
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


@given(moments, st.timedeltas(timedelta(seconds=1), timedelta(days=800)), zones)
def test_every_period_can_be_compared(start: datetime, length: timedelta, zone: str) -> None:
    """The period before ends where this one begins; that a year before is as long, give or take a leap day
    and the hours of clock changes.
    """
    period = Period(start, start + length)
    before, a_year_ago = previous(period, zone), year_before(period, zone)
    assert before.end == period.start
    assert before.start is not None
    assert a_year_ago.start is not None
    assert a_year_ago.end is not None
    assert timedelta(days=364) < start - a_year_ago.start < timedelta(days=368)
    assert abs(a_year_ago.end - a_year_ago.start - length) <= timedelta(days=1, hours=2)


@given(days, st.integers(0, 400), zones)
def test_whole_days_are_compared_with_whole_days(day: date, more: int, zone: str) -> None:
    period = period_of(f"{day}..{day + timedelta(days=more)}", zone)
    for compared in (previous(period, zone), year_before(period, zone)):
        assert period_of(name_of(compared, zone), zone) == compared


def test_the_hour_that_clocks_run_through_twice_is_compared_too() -> None:
    second = Period(datetime(2026, 11, 1, 6, 30, tzinfo=UTC), datetime(2026, 11, 1, 7, 30, tzinfo=UTC))
    assert second.start is not None
    assert previous(second, NEW_YORK) == Period(second.start - timedelta(hours=1), second.start)
    twice = Period(second.start - timedelta(hours=1), second.start)  # 01:30 until 01:30
    then = datetime(2025, 11, 1, 5, 30, tzinfo=UTC)
    assert year_before(twice, NEW_YORK) == Period(then, then + timedelta(hours=1))
