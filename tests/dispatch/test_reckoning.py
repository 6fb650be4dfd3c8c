"""A due time explained day by day: what a clerk reads out, and that it adds up."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given

from dispatch.deadlines import Calendar, Limit, due, remaining
from dispatch.reckoning import DayKind, day_kind, explain_due
from tests.dispatch.strategies import at, calendars, china, limits, local, moments, new_york

ZERO = timedelta(0)


def told(limit: str, start: str, city: Calendar | None = None) -> list[str]:
    """Each day as a line: date, kind, stretches, what counted."""
    calendar = city or china()
    return [
        " ".join(
            [
                day.date.strftime("%m-%d"),
                str(day.kind),
                *(
                    f"{local(begin, calendar)[-5:]}-{local(end, calendar)[-5:]}"
                    for begin, end in day.stretches
                ),
                str(day.counted)[:-3],
            ]
        )
        for day in explain_due(calendar, Limit.parse(limit), at(start, calendar)).days
    ]


def test_friday_at_five_to_six_before_spring_festival() -> None:
    """The make-up Saturday counts, the nine days off do not."""
    assert told("10wh", "2026-02-13 17:55") == [
        "02-13 workday 17:55-18:00 0:05",
        "02-14 make_up_workday 08:00-12:00 14:00-18:00 8:00",
        "02-15 weekend 0:00",
        *(f"02-{day} day_off 0:00" for day in range(16, 21)),
        "02-21 weekend 0:00",
        "02-22 weekend 0:00",
        "02-23 day_off 0:00",
        "02-24 workday 08:00-09:55 1:55",
    ]


def test_two_working_days_over_a_weekend() -> None:
    assert told("2wd", "2026-03-06 17:55") == [
        "03-06 workday 17:55-18:00 0:05",
        "03-07 weekend 0:00",
        "03-08 weekend 0:00",
        "03-09 workday 08:00-12:00 14:00-18:00 8:00",
        "03-10 workday 08:00-12:00 14:00-17:55 7:55",
    ]


def test_clock_hours_run_through_the_night() -> None:
    assert told("2eh", "2026-10-02 23:30") == [
        "10-02 day_off 23:30-00:00 0:30",
        "10-03 day_off 00:00-01:30 1:30",
    ]


def test_a_calendar_day_of_23_hours() -> None:
    assert told("1ed", "2026-03-07 12:00", new_york()) == [
        "03-07 weekend 12:00-00:00 12:00",
        "03-08 weekend 00:00-12:00 11:00",
    ]


def test_it_says_from_when_it_counts() -> None:
    """Reported on a Sunday: the first moment that counts is Monday's first."""
    found = explain_due(china(), Limit.parse("1wd"), at("2026-03-08 21:00"))
    assert (local(found.counts_from), local(found.due_at)) == ("2026-03-09 08:00", "2026-03-10 08:00")
    assert (local(found.warn_at), found.whole) == ("2026-03-09 16:24", timedelta(hours=8))


def test_days_of_a_year_that_nobody_published_are_marked() -> None:
    found = explain_due(china(), Limit.parse("2wd"), at("2026-12-31 09:00"))
    assert found.unconfirmed_year
    assert {day.date.year: day.confirmed for day in found.days} == {2026: True, 2027: False}
    assert not explain_due(china(), Limit.parse("5ed"), at("2026-12-31 09:00")).unconfirmed_year


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        (date(2026, 3, 6), DayKind.WORKDAY),
        (date(2026, 3, 7), DayKind.WEEKEND),
        (date(2026, 2, 14), DayKind.MAKE_UP),
        (date(2026, 10, 5), DayKind.DAY_OFF),
        (date(2026, 3, 4), DayKind.CLOSED),
    ],
)
def test_what_sort_of_day_it_is(day: date, kind: DayKind) -> None:
    """An office that is closed on Wednesdays."""
    office = replace(china(), week=frozenset({0, 1, 3, 4}))
    assert day_kind(office, day) is kind


@given(calendars(), limits, moments)
def test_the_days_add_up_to_the_limit(city: Calendar, limit: Limit, start: datetime) -> None:
    """What counted is the whole limit, in order, without a gap between days, from the start to the end."""
    found = explain_due(city, limit, start)
    assert found.due_at == due(city, limit, start)
    assert sum((day.counted for day in found.days), ZERO) == found.whole == found.days[-1].spent
    assert found.whole == remaining(city, limit.unit, start, found.due_at)
    dates = [day.date for day in found.days]
    assert dates == [dates[0] + timedelta(days=n) for n in range(len(dates))]
    edges = [edge for day in found.days for stretch in day.stretches for edge in stretch]
    assert edges == sorted(edges)
    assert start <= found.counts_from == edges[0]
    assert edges[-1] <= found.due_at
    assert found.counts_from <= found.warn_at or found.warn_at >= start
