"""Why something is due when it is: every day from the start to the end, and what of it counted.

For a clerk who is asked, and for a department that contests a deadline.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final

from dispatch.clocks import Clock, StageLimit, started
from dispatch.deadlines import ELAPSED, Calendar, Limit, Unit, remaining

_ZERO: Final = timedelta(0)
_DAY: Final = timedelta(days=1)
_WEEKEND: Final = 5


class DayKind(StrEnum):
    """What sort of day it is in the calendar; ``closed``: a weekday on which the city does not work."""

    WORKDAY = "workday"
    MAKE_UP = "make_up_workday"
    WEEKEND = "weekend"
    CLOSED = "closed"
    DAY_OFF = "day_off"


DAY_ZH: Final = {
    DayKind.WORKDAY: "工作日",
    DayKind.MAKE_UP: "调休上班",
    DayKind.WEEKEND: "周末",
    DayKind.CLOSED: "不上班",
    DayKind.DAY_OFF: "节假日",
}


@dataclass(frozen=True, slots=True)
class Day:
    """One local day: the ``stretches`` of it that counted, in UTC, in all ``counted``; ``spent`` with it."""

    date: date
    kind: DayKind
    confirmed: bool
    stretches: tuple[tuple[datetime, datetime], ...]
    counted: timedelta
    spent: timedelta


@dataclass(frozen=True, slots=True)
class Reckoning:
    """A due time with how it comes about. ``whole``: how much of its own kind of time the limit is.

    ``counts_from``: the first moment that counts; later than the start where that is outside working time.
    """

    limit: Limit
    start: datetime
    counts_from: datetime
    warn_at: datetime
    due_at: datetime
    whole: timedelta
    working: bool
    unconfirmed_year: bool
    days: tuple[Day, ...]


def explain_due(calendar: Calendar, limit: Limit, start: datetime, warn_percent: int = 80) -> Reckoning:
    """When a limit that starts now is due, when it turns yellow, and what of each local day counted.

    What counted adds up to the whole limit. Raises CalendarTooShort, NaiveTime.

    Two working hours from Friday at 17:00:

    >>> city = Calendar("Asia/Shanghai")
    >>> told = explain_due(city, Limit.parse("2wh"), datetime(2026, 3, 6, 17, tzinfo=city.tz))
    >>> for day in told.days:
    ...     print(day.date, day.kind, day.counted, day.spent)
    2026-03-06 workday 1:00:00 1:00:00
    2026-03-07 weekend 0:00:00 1:00:00
    2026-03-08 weekend 0:00:00 1:00:00
    2026-03-09 workday 1:00:00 2:00:00
    """
    clock = started(Clock.HANDLING, StageLimit(limit), calendar, start, 1, warn_percent)
    days = _days(calendar, limit.unit, start.astimezone(UTC), clock.due_at)
    counted = [stretch for day in days for stretch in day.stretches]
    return Reckoning(
        limit=limit,
        start=start.astimezone(UTC),
        counts_from=counted[0][0],
        warn_at=clock.warn_at,
        due_at=clock.due_at,
        whole=remaining(calendar, limit.unit, start, clock.due_at),
        working=limit.unit not in ELAPSED,
        unconfirmed_year=clock.unconfirmed_year,
        days=days,
    )


def day_kind(calendar: Calendar, day: date) -> DayKind:
    """What sort of day it is.

    >>> city = Calendar("Asia/Shanghai", workdays=frozenset({date(2026, 2, 14)}))
    >>> str(day_kind(city, date(2026, 2, 14))), str(day_kind(city, date(2026, 2, 15)))
    ('make_up_workday', 'weekend')
    """
    if calendar.is_workday(day):
        return DayKind.WORKDAY if day.weekday() in calendar.week else DayKind.MAKE_UP
    if day in calendar.days_off:
        return DayKind.DAY_OFF
    return DayKind.WEEKEND if day.weekday() >= _WEEKEND else DayKind.CLOSED


def _days(calendar: Calendar, unit: Unit, start: datetime, ends: datetime) -> tuple[Day, ...]:
    day, last = start.astimezone(calendar.tz).date(), ends.astimezone(calendar.tz).date()
    found, spent = [], _ZERO
    while day <= last:
        stretches = tuple(
            (max(opens, start), min(closes, ends))
            for opens, closes in (
                [calendar.whole_day(day)] if unit in ELAPSED else calendar.working_ranges(day)
            )
            if opens < ends and closes > start
        )
        counted = sum((closes - opens for opens, closes in stretches), _ZERO)
        spent += counted
        known = calendar.works_every_day or day.year in calendar.confirmed_years
        found.append(Day(day, day_kind(calendar, day), known, stretches, counted, spent))
        day += _DAY
    return tuple(found)
