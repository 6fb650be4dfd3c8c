"""Due times against a clerk who sits at the clock and watches every minute go by."""

from bisect import bisect_left
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from dispatch.deadlines import Calendar, Limit, Unit, due, remaining
from tests.dispatch.strategies import calendars, china, new_york

MINUTE = timedelta(minutes=1)
DAY = 24 * 60


class Clerk:
    """Watches the clock on the wall from one moment to another, and notes for every minute what it has shown.

    A time of the day has come once the clock has shown it or a later one on that date: so what is skipped in
    spring has come at the jump, and what comes again in autumn has come the first time.
    """

    def __init__(self, city: Calendar, start: datetime, minutes: int) -> None:
        self.city, self.start = city, start
        self.shown: list[tuple[date, int]] = []
        self.working = bytearray(minutes)
        ranges = [(_minute(b), _minute(e) or DAY) for b, e in city.hours]
        for i in range(minutes):
            wall = (start + i * MINUTE).astimezone(city.tz)
            shown = (wall.date(), wall.hour * 60 + wall.minute)
            if self.shown:
                shown = max(shown, self.shown[-1])
            self.shown.append(shown)
            workday = self.is_workday(shown[0])
            self.working[i] = workday and any(begin <= shown[1] < end for begin, end in ranges)

    def is_workday(self, day: date) -> bool:
        if day in self.city.workdays:
            return True
        return day not in self.city.days_off and day.weekday() in self.city.week

    def first_minute_showing(self, wanted: tuple[date, int]) -> int:
        return bisect_left(self.shown, wanted)

    def due(self, limit: Limit, start: datetime) -> datetime:
        return self.start + self._due(limit, (start - self.start) // MINUTE) * MINUTE

    def _due(self, limit: Limit, at: int) -> int:
        if limit.unit is Unit.EH:
            return at + limit.amount * 60
        if limit.unit is Unit.ED:
            wall = (self.start + at * MINUTE).astimezone(self.city.tz)
            return self.first_minute_showing(
                (wall.date() + timedelta(days=limit.amount), wall.hour * 60 + wall.minute)
            )
        if limit.unit is Unit.WH:
            left = limit.amount * 60
            while left:
                left -= self.working[at]
                at += 1
            return at
        while not self.working[at]:
            at += 1
        wall = (self.start + at * MINUTE).astimezone(self.city.tz)
        day, left = wall.date(), limit.amount
        while left:
            day += timedelta(days=1)
            left -= self.is_workday(day)
        ends = self.first_minute_showing((day, wall.hour * 60 + wall.minute))
        if not self.working[ends]:
            while not self.working[ends - 1]:
                ends -= 1
        return ends

    def worked_between(self, start: datetime, end: datetime) -> timedelta:
        first, last = (start - self.start) // MINUTE, (end - self.start) // MINUTE
        return sum(self.working[first:last]) * MINUTE


def _minute(wall: time) -> int:
    return wall.hour * 60 + wall.minute


#: Days on which a clock somewhere jumps, a holiday begins or a year ends, and a few days before each.
INTERESTING = [
    datetime(2024, 3, 9, tzinfo=UTC),
    datetime(2024, 11, 2, tzinfo=UTC),
    datetime(2025, 3, 29, tzinfo=UTC),
    datetime(2025, 4, 5, tzinfo=UTC),
    datetime(2025, 10, 4, tzinfo=UTC),
    datetime(2025, 12, 29, tzinfo=UTC),
    datetime(2026, 2, 12, tzinfo=UTC),
    datetime(2026, 9, 17, tzinfo=UTC),
    datetime(2026, 10, 31, tzinfo=UTC),
]
small_limits = st.one_of(
    st.builds(Limit, st.integers(1, 72), st.just(Unit.EH)),
    st.builds(Limit, st.integers(1, 5), st.just(Unit.ED)),
    st.builds(Limit, st.integers(1, 10), st.just(Unit.WH)),
    st.builds(Limit, st.integers(1, 3), st.just(Unit.WD)),
)


@pytest.mark.slow
@given(st.one_of(st.just(china()), st.just(new_york()), calendars()), st.sampled_from(INTERESTING), st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_the_clerk_at_the_clock_agrees(city: Calendar, day: datetime, data: st.DataObject) -> None:
    """Over forty days around one on which something happens: any calendar, any unit."""
    clerk = Clerk(city, day - timedelta(days=2), 40 * DAY)
    # a calendar that hardly works lets no limit end while the clerk watches
    assume(sum(clerk.working[5 * DAY :]) > 40 * 60)
    for _ in range(5):
        start = day + data.draw(st.integers(0, 3 * DAY)) * MINUTE
        limit = data.draw(small_limits)
        ends = due(city, limit, start)
        assert ends == clerk.due(limit, start)
        assert remaining(city, Unit.WH, start, ends) == clerk.worked_between(start, ends)


@pytest.mark.long
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("city", [china(), new_york()], ids=lambda city: city.zone)
def test_the_clerk_at_the_clock_agrees_for_three_years(city: Calendar) -> None:
    """2024-2026 with the official make-up days: every limit from a start in every 7th minute of three years."""
    first = datetime(2023, 12, 25, tzinfo=UTC)
    clerk = Clerk(city, first, (datetime(2027, 2, 15, tzinfo=UTC) - first) // MINUTE)
    table = [
        Limit.parse(text) for text in ("2eh", "24eh", "1ed", "3ed", "1wh", "4wh", "17wh", "1wd", "2wd", "5wd")
    ]
    start, number = datetime(2024, 1, 1, tzinfo=UTC), 0
    while start < datetime(2026, 12, 31, tzinfo=UTC):
        limit = table[number % len(table)]
        assert due(city, limit, start) == clerk.due(limit, start), (str(limit), start)
        start, number = start + 7 * MINUTE, number + 1
    assert number > 200_000
