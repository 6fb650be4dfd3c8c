"""When something is due: a table that a clerk can read, what is refused, and the laws of working time."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st

from dispatch.deadlines import Calendar, Limit, Unit, advance, due, remaining
from dispatch.errors import BadLimit, BadRules, CalendarTooShort, NaiveTime
from tests.dispatch.strategies import at, calendars, china, durations, limits, local, moments, new_york

#: What happens, when it starts, the limit, when it is due; Shanghai's time.
CLERKS_TABLE = [
    ("Friday at 17:55, two working days", "2026-03-06 17:55", "2wd", "2026-03-10 17:55"),
    ("Friday at 17:55, four working hours", "2026-03-06 17:55", "4wh", "2026-03-09 11:55"),
    ("Friday at 18:00 is over: Monday morning counts", "2026-03-06 18:00", "1wd", "2026-03-10 08:00"),
    ("early, before the doors open", "2026-03-06 06:30", "1wh", "2026-03-06 09:00"),
    ("early, one working day: from eight to eight", "2026-03-05 06:30", "1wd", "2026-03-06 08:00"),
    ("ends exactly when lunch begins", "2026-03-05 10:00", "2wh", "2026-03-05 12:00"),
    ("would end in the lunch break: the rest after it", "2026-03-05 11:00", "2wh", "2026-03-05 15:00"),
    ("reported in the lunch break", "2026-03-05 12:30", "1wh", "2026-03-05 15:00"),
    ("reported in the lunch break, a working day", "2026-03-05 12:30", "1wd", "2026-03-06 14:00"),
    ("clock hours run through lunch", "2026-03-05 11:00", "2eh", "2026-03-05 13:00"),
    ("night emergency: two clock hours", "2026-03-07 23:30", "2eh", "2026-03-08 01:30"),
    ("night emergency on New Year's Eve", "2026-02-16 23:30", "2eh", "2026-02-17 01:30"),
    ("at night, four working hours", "2026-03-05 23:30", "4wh", "2026-03-06 12:00"),
    ("Friday the 13th, make-up Saturday after it", "2026-02-13 17:55", "4wh", "2026-02-14 11:55"),
    ("one working day into the make-up Saturday", "2026-02-13 09:00", "1wd", "2026-02-14 09:00"),
    ("from the make-up Saturday across Spring Festival", "2026-02-14 17:00", "2wh", "2026-02-24 09:00"),
    ("two working days across Spring Festival", "2026-02-13 09:00", "2wd", "2026-02-24 09:00"),
    ("in the middle of Spring Festival", "2026-02-18 10:00", "1wd", "2026-02-25 08:00"),
    ("calendar days do not know Spring Festival", "2026-02-13 09:00", "3ed", "2026-02-16 09:00"),
    ("the day after New Year is a make-up Sunday", "2026-01-03 10:00", "1wh", "2026-01-04 09:00"),
    ("the make-up Saturday of 28 February", "2026-02-27 10:00", "1wd", "2026-02-28 10:00"),
    ("May holidays, make-up Saturday of 9 May", "2026-05-08 10:00", "1wd", "2026-05-09 10:00"),
    ("the make-up Sunday of 20 September", "2026-09-18 10:00", "1wd", "2026-09-20 10:00"),
    ("October holidays, make-up Saturday of 10 October", "2026-10-09 10:00", "1wd", "2026-10-10 10:00"),
    ("eight working hours are a whole day", "2026-03-05 08:00", "8wh", "2026-03-05 18:00"),
    ("nine spill into the next", "2026-03-05 08:00", "9wh", "2026-03-06 09:00"),
    ("across the end of the year", "2025-12-31 17:00", "2wh", "2026-01-04 09:00"),
]

#: The same in New York, where clocks went forward on 8 March 2026 at 02:00 and back on 1 November at 02:00.
DAYLIGHT_TABLE = [
    ("three clock hours over the lost hour", "2026-03-08 00:30", "3eh", "2026-03-08 04:30"),
    ("a calendar day over it keeps the time on the wall", "2026-03-07 09:00", "1ed", "2026-03-08 09:00"),
    ("a time that does not exist moves forward", "2026-03-07 02:30", "1ed", "2026-03-08 03:00"),
    ("three clock hours over the hour that comes twice", "2026-11-01 00:30", "3eh", "2026-11-01 02:30"),
    ("a calendar day into that hour takes the first", "2026-10-31 01:30", "1ed", "2026-11-01 01:30"),
    ("working days over it keep the time on the wall", "2026-03-06 09:00", "1wd", "2026-03-09 09:00"),
    ("working hours do not notice", "2026-03-06 17:00", "2wh", "2026-03-09 09:00"),
]


@pytest.mark.parametrize(
    ("start", "limit", "ends"), [row[1:] for row in CLERKS_TABLE], ids=[r[0] for r in CLERKS_TABLE]
)
def test_a_clerk_agrees(start: str, limit: str, ends: str) -> None:
    assert local(due(china(), Limit.parse(limit), at(start))) == ends


@pytest.mark.parametrize(
    ("start", "limit", "ends"), [row[1:] for row in DAYLIGHT_TABLE], ids=[r[0] for r in DAYLIGHT_TABLE]
)
def test_a_clerk_in_new_york_agrees(start: str, limit: str, ends: str) -> None:
    city = new_york()
    assert local(due(city, Limit.parse(limit), at(start, city)), city) == ends


def test_the_hour_that_comes_twice_is_taken_the_first_time() -> None:
    city = new_york()
    ends = due(city, Limit.parse("1ed"), at("2026-10-31 01:30", city))
    assert ends == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


def test_a_report_in_the_second_of_two_equal_hours_keeps_that_hour() -> None:
    city = new_york()
    second = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
    assert local(second, city) == "2026-11-01 01:30"
    assert due(city, Limit.parse("1eh"), second) == second + timedelta(hours=1)
    assert local(due(city, Limit.parse("1ed"), second), city) == "2026-11-02 01:30"


def test_a_night_shift_that_begins_in_the_hour_that_comes_twice() -> None:
    """It began at the first 01:30, so the second 01:10 is working time; 01:10 next day is not: the shift before counts."""
    shift = Calendar("America/New_York", hours=((time(1, 30), time(4)),), week=frozenset(range(7)))
    second = datetime(2026, 11, 1, 6, 10, tzinfo=UTC)
    assert local(second, shift) == "2026-11-01 01:10"
    assert shift.is_working(second)
    assert local(due(shift, Limit.parse("1wd"), second), shift) == "2026-11-01 04:00"


def test_a_shift_on_the_lost_hour_is_shorter() -> None:
    shift = Calendar("America/New_York", hours=((time(1, 30), time(4)),), week=frozenset(range(7)))
    opens, closes = at("2026-03-08 01:30", shift), at("2026-03-08 04:00", shift)
    assert remaining(shift, Unit.WH, opens, closes) == timedelta(hours=1, minutes=30)


def test_an_around_the_clock_calendar_is_elapsed_time() -> None:
    hotline = Calendar("Asia/Shanghai", hours=((time(0), time(0)),), week=frozenset(range(7)))
    start = at("2026-03-05 23:17")
    assert due(hotline, Limit.parse("30wh"), start) == start + timedelta(hours=30)
    assert due(hotline, Limit.parse("3wd"), start) == start + timedelta(days=3)


def test_a_pause_across_a_holiday_costs_nothing() -> None:
    """Four working hours, dispatched Friday 16:00; returned on the make-up Saturday at 09:00; again after the festival."""
    ends = due(china(), Limit.parse("4wh"), at("2026-02-13 16:00"))
    assert local(ends) == "2026-02-14 10:00"
    left = remaining(china(), Unit.WH, at("2026-02-14 09:00"), ends)
    assert left == timedelta(hours=1)
    assert local(advance(china(), Unit.WH, at("2026-02-20 15:00"), left)) == "2026-02-24 09:00"
    assert local(advance(china(), Unit.WH, at("2026-02-24 11:30"), left)) == "2026-02-24 14:30"


def test_a_pause_while_overdue_stays_overdue_by_as_much() -> None:
    late = remaining(china(), Unit.WD, at("2026-03-09 09:00"), at("2026-03-06 17:00"))
    assert late == timedelta(hours=-2)
    assert local(advance(china(), Unit.WH, at("2026-03-10 10:00"), late)) == "2026-03-09 18:00"
    assert local(advance(china(), Unit.WD, at("2026-03-10 10:00"), late)) == "2026-03-10 08:00", (
        "a day's side of it"
    )


def test_overdue_since_last_year() -> None:
    late = remaining(china(), Unit.WH, at("2026-01-05 08:00"), at("2025-12-31 17:00"))
    assert late == timedelta(hours=-9), "one hour of December 31st, eight of the make-up Sunday"
    assert local(advance(china(), Unit.WH, at("2026-01-05 08:00"), late)) == "2025-12-31 17:00"


@pytest.mark.parametrize(
    "text", ["", "4", "wh", "0wh", "-1wh", "04wh", "4 wh", "4wx", "1.5wh", "10000eh", "４wh", "4wh\n"]
)
def test_what_is_no_limit(text: str) -> None:
    with pytest.raises(BadLimit, match="such as 4wh"):
        Limit.parse(text)


@pytest.mark.parametrize("amount", [0, -3, 10_000, True, 1.5])
def test_what_is_no_amount(amount: int) -> None:
    with pytest.raises(BadLimit):
        Limit(amount, Unit.WD)


@given(limits)
def test_a_limit_reads_back_as_written(limit: Limit) -> None:
    assert Limit.parse(str(limit)) == limit


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"zone": "Asia/Bao'an"}, "Asia/Bao'an"),
        ({"zone": "../etc/passwd"}, "IANA"),
        ({"zone": ""}, "IANA"),
        ({"hours": ()}, "no working hours"),
        ({"hours": ((time(12), time(8)),)}, "12:00-08:00"),
        ({"hours": ((time(8), time(12)), (time(11), time(18)))}, "11:00"),
        ({"hours": ((time(8), time(0)), (time(14), time(18)))}, "14:00"),
        ({"week": frozenset({0, 7})}, "7"),
        (
            {"days_off": frozenset({date(2026, 2, 14)}), "workdays": frozenset({date(2026, 2, 14)})},
            "2026-02-14",
        ),
    ],
)
def test_a_calendar_that_cannot_be(wrong: dict[str, object], named: str) -> None:
    with pytest.raises(BadRules, match=named):
        replace(china(), **wrong)


def test_everything_wrong_with_a_calendar_is_said_at_once() -> None:
    with pytest.raises(BadRules) as found:
        Calendar("Nowhere", hours=(), week=frozenset({9}))
    assert len(found.value.about["problems"]) == 3


@pytest.mark.parametrize("limit", ["1wh", "1wd"])
def test_a_calendar_that_never_works_is_said_to_be_too_short(limit: str) -> None:
    with pytest.raises(CalendarTooShort, match="Asia/Shanghai"):
        due(Calendar("Asia/Shanghai", week=frozenset()), Limit.parse(limit), at("2026-03-05 10:00"))


def test_a_calendar_that_stops_working_is_said_to_be_too_short() -> None:
    last_days = Calendar(
        "Asia/Shanghai", week=frozenset(), workdays=frozenset({date(2026, 3, 5), date(2026, 3, 6)})
    )
    start = at("2026-03-05 10:00")
    assert local(due(last_days, Limit.parse("1wd"), start)) == "2026-03-06 10:00"
    assert local(due(last_days, Limit.parse("14wh"), start)) == "2026-03-06 18:00"
    for limit in ("2wd", "15wh", "9999wd", "9999wh"):
        with pytest.raises(CalendarTooShort):
            due(last_days, Limit.parse(limit), start)
    with pytest.raises(CalendarTooShort):
        advance(last_days, Unit.WH, start, timedelta(hours=-3))


def test_ages_apart_are_refused_rather_than_counted() -> None:
    with pytest.raises(CalendarTooShort, match="2226"):
        remaining(china(), Unit.WH, at("2026-03-05 10:00"), at("2226-03-05 10:00"))


@pytest.mark.parametrize("unit", Unit)
def test_a_time_without_a_zone_is_refused(unit: Unit) -> None:
    naive, aware = datetime.fromisoformat("2026-03-05T10:00:00"), at("2026-03-05 10:00")
    with pytest.raises(NaiveTime, match="2026-03-05T10:00:00"):
        due(china(), Limit(1, unit), naive)
    with pytest.raises(NaiveTime):
        advance(china(), unit, naive, timedelta(hours=1))
    with pytest.raises(NaiveTime):
        remaining(china(), unit, naive, naive)
    with pytest.raises(NaiveTime):
        remaining(china(), unit, aware, naive)
    with pytest.raises(NaiveTime):
        remaining(china(), unit, naive, aware)


def test_a_year_is_confirmed_by_its_local_date() -> None:
    assert china().confirmed(at("2026-12-31 23:59"))
    assert not china().confirmed(at("2027-01-01 00:00"))
    assert at("2027-01-01 00:00").year == 2026, "still the old year in UTC"


def test_the_make_up_workdays_of_2026() -> None:
    listed = {date(2026, *day) for day in [(1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10)]}
    year = (date(2026, 1, 1) + timedelta(days=n) for n in range(365))
    assert {day for day in year if day.weekday() > 4 and china().is_workday(day)} == listed


@given(calendars(), limits, moments)
def test_nothing_is_due_before_it_starts(city: Calendar, limit: Limit, start: datetime) -> None:
    """due(start) > start, and it comes in UTC."""
    ends = due(city, limit, start)
    assert ends > start
    assert ends.tzinfo is UTC


@given(calendars(), limits, moments)
def test_more_time_is_never_due_earlier(city: Calendar, limit: Limit, start: datetime) -> None:
    """due is monotone in the amount."""
    more = replace(limit, amount=limit.amount + 1)
    assert due(city, limit, start) < due(city, more, start)


@given(calendars(), limits, moments, durations)
def test_what_starts_later_is_never_due_earlier(
    city: Calendar, limit: Limit, start: datetime, later: timedelta
) -> None:
    """due is monotone in the start, but for working and calendar days in the hour that comes twice."""
    if limit.unit in (Unit.ED, Unit.WD):
        zone = city.tz
        both = (start.astimezone(zone), (start + later).astimezone(zone))
        assume(
            not any(
                moment.fold or moment.replace(fold=1).utcoffset() != moment.utcoffset() for moment in both
            )
        )
    assert due(city, limit, start) <= due(city, limit, start + later)


@given(calendars(), st.sampled_from(Unit), moments, st.timedeltas(timedelta(days=-30), timedelta(days=30)))
def test_what_is_left_is_what_was_given(city: Calendar, unit: Unit, start: datetime, left: timedelta) -> None:
    """remaining(start, advance(start, left)) == left, also for time that is overdue."""
    try:
        ends = advance(city, unit, start, left)
    except CalendarTooShort:  # 30 days of work are more than some calendars have in all their years
        reject()
    assert remaining(city, unit, start, ends) == left


@given(calendars(), st.integers(1, 40), moments)
def test_a_limit_in_working_hours_is_that_much_working_time(
    city: Calendar, hours: int, start: datetime
) -> None:
    """remaining(start, due(n wh)) == n hours."""
    ends = due(city, Limit(hours, Unit.WH), start)
    assert remaining(city, Unit.WH, start, ends) == timedelta(hours=hours)


@given(calendars(), st.sampled_from([Unit.WH, Unit.WD]), moments, durations, durations)
def test_working_time_adds_up(
    city: Calendar, unit: Unit, start: datetime, first: timedelta, then: timedelta
) -> None:
    """remaining(a, c) == remaining(a, b) + remaining(b, c)."""
    middle, end = start + first, start + first + then
    parts = remaining(city, unit, start, middle) + remaining(city, unit, middle, end)
    assert remaining(city, unit, start, end) == parts


@given(calendars(), moments, durations)
def test_the_other_way_round_is_the_negative(city: Calendar, start: datetime, gap: timedelta) -> None:
    """remaining(a, b) == -remaining(b, a)."""
    there = remaining(city, Unit.WH, start, start + gap)
    assert there == -remaining(city, Unit.WH, start + gap, start)


@given(calendars(), limits, moments)
def test_a_calendar_answers_the_same_when_asked_again(city: Calendar, limit: Limit, start: datetime) -> None:
    """What a calendar has laid out for itself never shows: a fresh equal one answers the same."""
    warm = due(city, limit, start)
    fresh = replace(city)
    assert fresh == city
    assert hash(fresh) == hash(city)
    assert due(fresh, limit, start) == warm
