"""Due times, warnings and pauses against a clerk who sits at the clock and watches every minute go by."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from dispatch.clocks import Clock, StageLimit, resumed, started
from dispatch.deadlines import ELAPSED, Calendar, Limit, Unit, due, remaining
from dispatch.entries import Started
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
        if limit.unit in (Unit.EH, Unit.EM):
            return at + limit.amount * (60 if limit.unit is Unit.EH else 1)
        if limit.unit is Unit.ED:
            wall = (self.start + at * MINUTE).astimezone(self.city.tz)
            return self.first_minute_showing(
                (wall.date() + timedelta(days=limit.amount), wall.hour * 60 + wall.minute)
            )
        if limit.unit in (Unit.WH, Unit.WM):
            return self.after(limit.unit, at, limit.amount * (60 if limit.unit is Unit.WH else 1))
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

    def after(self, unit: Unit, at: int, left: int) -> int:
        """The minute at which so many more have passed that count; the end of a day's work is its next beginning."""
        if unit in ELAPSED:
            return at + left
        while left > 0:
            left -= self.working[at]
            at += 1
        while unit is Unit.WD and not self.working[at]:
            at += 1
        return at

    def counted(self, unit: Unit, first: int, last: int) -> int:
        """How many minutes that count lie between two."""
        return last - first if unit in ELAPSED else sum(self.working[first:last])

    def minute(self, moment: datetime) -> int:
        """The first minute that has come at a moment or after it."""
        return -((self.start - moment) // MINUTE)

    def yellow(self, limit: Limit, at: int, ends: int, percent: int) -> int:
        """The minute in which no more than the rest is left, of what there was at ``at``."""
        whole = self.counted(limit.unit, at, ends)
        spent = -(-whole * percent // 100)
        return min(self.after(limit.unit, at, spent), ends)

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
    st.builds(Limit, st.integers(1, 400), st.sampled_from([Unit.EM, Unit.WM])),
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


@pytest.mark.slow
@given(st.one_of(st.just(china()), st.just(new_york()), calendars()), st.sampled_from(INTERESTING), st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_the_clerk_at_the_clock_agrees_on_warnings_and_pauses(
    city: Calendar, day: datetime, data: st.DataObject
) -> None:
    """Over forty days: when it turns yellow; and when it is due after as many pauses as fit before its end."""
    clerk = Clerk(city, day - timedelta(days=2), 40 * DAY)
    assume(sum(clerk.working[5 * DAY : 20 * DAY]) > 40 * 60)
    start = day + data.draw(st.integers(0, 3 * DAY)) * MINUTE
    rests = data.draw(st.lists(st.tuples(st.integers(0, DAY), st.integers(0, 2 * DAY)), max_size=3))
    agree(clerk, data.draw(small_limits), start, data.draw(st.sampled_from([1, 50, 80, 100])), rests)


def agree(
    clerk: Clerk, limit: Limit, start: datetime, percent: int, rests: Sequence[tuple[int, int]]
) -> Started:
    """Follow one clock, with the minutes that it runs and rests, beside a clerk who counts; returns it."""
    city, unit, at = clerk.city, limit.unit, clerk.minute(start)
    clock = started(Clock.HANDLING, StageLimit(limit), city, start, 1, percent)
    ends = clerk.minute(clock.due_at)
    assert clock.due_at == clerk.due(limit, start)
    same_minute(clerk, clock, clerk.yellow(limit, at, ends, percent))
    whole = clerk.counted(unit, at, ends)
    kept = whole - -(-whole * percent // 100)
    for runs, rest in rests:
        paused = at + runs
        if paused >= ends:
            break
        again, left = paused + rest, clerk.counted(unit, paused, ends)
        # Where no minute of the pause counted, the end on the wall stands.
        ends = ends if not clerk.counted(unit, paused, again) else clerk.after(unit, again, left)
        clock = resumed(clock, city, clerk.start + again * MINUTE, left * MINUTE, percent)
        assert clerk.minute(clock.due_at) == ends, (str(limit), start, rests)
        same_minute(clerk, clock, min(clerk.after(unit, again, left - kept), ends) if left > kept else again)
        at = again
    return clock


def same_minute(clerk: Clerk, clock: Started, yellow: int) -> None:
    """It turns yellow in the minute the clerk says; a night lies between two minutes that follow on each other."""
    ours = clerk.minute(clock.warn_at)
    unit = Limit.parse(clock.limit).unit
    assert ours == yellow or (
        unit not in ELAPSED and not sum(clerk.working[min(ours, yellow) : max(ours, yellow)])
    ), (clock, clerk.start + yellow * MINUTE)


#: Every unit, short and long; the resting minutes that the long proof goes through.
TABLE = tuple(
    Limit.parse(text)
    for text in (
        *("15em", "30em", "2eh", "24eh", "1ed", "3ed", "15wm", "30wm", "240wm"),
        *("1wh", "4wh", "17wh", "1wd", "2wd", "5wd"),
    )
)
RESTS = (
    (),
    ((7, 0),),
    ((60, 45),),
    ((0, DAY), (90, 0)),
    ((30, 61), (200, 1500)),
    ((1, 2 * DAY), (1, 3 * DAY)),
)


@pytest.mark.long
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("city", [china(), new_york()], ids=lambda city: city.zone)
def test_the_clerk_at_the_clock_agrees_for_three_years(city: Calendar) -> None:
    """2024-2026 with the official make-up days: every limit from a start in every 7th minute of three years, and
    in every 35th its warning and a pause or two.
    """
    clerk = watching(city)
    start, number = datetime(2024, 1, 1, tzinfo=UTC), 0
    while start < datetime(2026, 12, 31, tzinfo=UTC):
        limit = TABLE[number % len(TABLE)]
        if number % 5:
            assert due(city, limit, start) == clerk.due(limit, start), (str(limit), start)
        else:
            agree(clerk, TABLE[number // 5 % len(TABLE)], start, 80, RESTS[number // 75 % len(RESTS)])
        start, number = start + 7 * MINUTE, number + 1
    assert number > 200_000


def watching(city: Calendar) -> Clerk:
    """A clerk who watches three years, and some days before and after."""
    first = datetime(2023, 12, 25, tzinfo=UTC)
    return Clerk(city, first, (datetime(2027, 2, 15, tzinfo=UTC) - first) // MINUTE)
