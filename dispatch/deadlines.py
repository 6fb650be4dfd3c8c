"""Time limits and the calendar they run by: when is something due, how much of its time is left.

Four kinds of time, as the field counts them (domain notes, "Categories" and "Calendars"), and minutes of two
of them for the clocks of stages:

* ``eh``, clock hours, and ``em``, minutes: they run through nights and holidays.
* ``ed``, calendar days: the same local time so many days later, whatever daylight saving does in between.
* ``wh``, working hours, and ``wm``, minutes: only working time counts; the limit ends at the earliest moment
  at which it is spent.
* ``wd``, working days: a start outside working time first moves forward to the next working moment; the
  limit ends at the same local time so many working days later. Where that is no working time (the hour that
  comes twice can do this to a night shift), it ends with the working range before it.

The end of one working range and the start of the next are the same moment of work. Hours and minutes end at
the earlier, days at the later, also when what was left goes on after a pause: a working day that began when
the doors opened at 08:00 ends at 08:00, not at 18:00 the day before.

A local time that does not exist (clocks go forward) moves forward to the first moment that does; one that
comes twice (clocks go back) is taken the first time. All is reckoned in the calendar's zone and given in UTC.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo

from dispatch.calendar_checks import MIDNIGHT, hours_problems, zone_problems
from dispatch.errors import BadLimit, BadRules, CalendarTooShort, NaiveTime

#: How far ahead an end is looked for. The longest pause is a year and 97 % of limits are five working days or
#: less, so what is not found in five years is a mistake in the calendar.
YEARS_AHEAD: Final = 5
#: How far back, and between which two moments, working time is counted: no register is older.
YEARS_APART: Final = 100

_WEEK: Final = frozenset(range(7))
_ZERO: Final = timedelta(0)
_SECOND: Final = timedelta(seconds=1)
_DAY: Final = timedelta(days=1)


class Unit(StrEnum):
    """What a limit is given in: the four units of case standards, and minutes for the clocks of stages."""

    EM = "em"
    EH = "eh"
    ED = "ed"
    WM = "wm"
    WH = "wh"
    WD = "wd"


UNIT_ZH: Final = {
    Unit.EM: "分钟",
    Unit.EH: "小时",
    Unit.ED: "日",
    Unit.WM: "工作分钟",
    Unit.WH: "工作小时",
    Unit.WD: "工作日",
}
#: Units of time that runs through nights and holidays; the others are of working time.
ELAPSED: Final = frozenset({Unit.EM, Unit.EH, Unit.ED})

#: Units that are as long wherever they lie; days are not.
LENGTH: Final = {
    Unit.EM: timedelta(minutes=1),
    Unit.WM: timedelta(minutes=1),
    Unit.EH: timedelta(hours=1),
    Unit.WH: timedelta(hours=1),
}
_LIMIT: Final = re.compile(r"([1-9][0-9]{0,3})(em|eh|ed|wm|wh|wd)")
_LONGEST: Final = 9999


@dataclass(frozen=True, slots=True)
class Limit:
    """How long something may take: an amount from 1 to 9999 of one unit; raises BadLimit."""

    amount: int
    unit: Unit

    def __post_init__(self) -> None:
        if type(self.amount) is not int or not 1 <= self.amount <= _LONGEST:
            raise BadLimit(_not_a_limit(f"{self.amount}{self.unit}"), limit=f"{self.amount}{self.unit}")

    @classmethod
    def parse(cls, text: str) -> Limit:
        """The limit that is written so; raises BadLimit.

        >>> Limit.parse("4wh")
        Limit(amount=4, unit=<Unit.WH: 'wh'>)
        >>> str(Limit.parse("2wd"))
        '2wd'
        """
        found = _LIMIT.fullmatch(text)
        if found is None:
            raise BadLimit(_not_a_limit(text[:40]), limit=text[:40])
        return cls(int(found[1]), Unit(found[2]))

    def __str__(self) -> str:
        return f"{self.amount}{self.unit}"


def _not_a_limit(text: str) -> str:
    return (
        f"{text!r} is no time limit: write a whole number from 1 to {_LONGEST} "
        "and one of eh, ed, wh, wd (em or wm for minutes), such as 4wh"
    )


#: 08:00-12:00 and 14:00-18:00 local time (domain notes, "Categories").
OFFICE_HOURS: Final = ((time(8), time(12)), (time(14), time(18)))


@dataclass(frozen=True, slots=True)
class _Year:
    """The working time of one local year, in order, so that any question about it is one bisection."""

    days: list[date]
    begins: list[datetime]
    ends: list[datetime]
    before: list[timedelta]
    total: timedelta

    def worked(self, moment: datetime) -> timedelta:
        """Working time of this year that lies before the moment."""
        i = bisect_right(self.begins, moment) - 1
        if i < 0:
            return _ZERO
        return self.before[i] + (min(moment, self.ends[i]) - self.begins[i])

    def when(self, worked: timedelta) -> datetime:
        """The earliest moment at which so much (more than none, at most ``total``) is worked."""
        i = bisect_left(self.before, worked) - 1
        return self.begins[i] + (worked - self.before[i])


@dataclass(frozen=True)
class Calendar:
    """When a city works, in its own zone (IANA name).

    ``hours``: working ranges of a working day, in order; an end of 00:00 is the midnight that ends the day.
    ``week``: the weekdays that work, Monday is 0. ``days_off`` and ``workdays`` are the exceptions to it:
    holidays and make-up workdays (调休). ``confirmed_years``: the years whose exceptions are published and
    complete. Raises BadRules.
    """

    zone: str
    hours: tuple[tuple[time, time], ...] = OFFICE_HOURS
    week: frozenset[int] = frozenset(range(5))
    days_off: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()
    confirmed_years: frozenset[int] = frozenset()
    _years: dict[int, _Year] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        problems = [*zone_problems(self.zone), *hours_problems(self.hours)]
        if wrong := sorted(self.week - _WEEK):
            problems.append(f"weekdays are 0 (Monday) to 6 (Sunday), not {wrong}")
        if both := sorted(self.days_off & self.workdays):
            problems.append(f"both a day off and a make-up workday: {', '.join(map(str, both))}")
        if problems:
            raise BadRules(problems)

    @cached_property
    def tz(self) -> ZoneInfo:
        """The zone itself."""
        return ZoneInfo(self.zone)

    @cached_property
    def works_every_day(self) -> bool:
        """Is no day off, whatever anybody publishes?"""
        return not self.days_off and len(self.week) == len(_WEEK)

    def is_workday(self, day: date) -> bool:
        """Is this local day worked?

        >>> city = Calendar("Asia/Shanghai", workdays=frozenset({date(2026, 2, 14)}))
        >>> city.is_workday(date(2026, 2, 14)), city.is_workday(date(2026, 2, 21))
        (True, False)
        """
        return day in self.workdays or (day.weekday() in self.week and day not in self.days_off)

    def is_working(self, moment: datetime) -> bool:
        """Does the city work at this moment? A range's first moment belongs to it, its end does not."""
        table = self._year(self._local_year(moment))
        i = bisect_right(table.begins, moment) - 1
        return i >= 0 and moment < table.ends[i]

    def working_ranges(self, day: date) -> tuple[tuple[datetime, datetime], ...]:
        """From when to when the city works on a local day, in UTC; what clocks that jump leave of it."""
        if not self.is_workday(day):
            return ()
        ranges = (
            (
                _utc(datetime.combine(day, begin), self.tz),
                _utc(datetime.combine(day + _DAY if end == MIDNIGHT else day, end), self.tz),
            )
            for begin, end in self.hours
        )
        return tuple((opens, closes) for opens, closes in ranges if opens < closes)

    def whole_day(self, day: date) -> tuple[datetime, datetime]:
        """From one midnight to the next, in UTC; clocks that jump make it shorter or longer than 24 hours."""
        return _utc(datetime.combine(day, MIDNIGHT), self.tz), _utc(
            datetime.combine(day + _DAY, MIDNIGHT), self.tz
        )

    def confirmed(self, moment: datetime) -> bool:
        """Is the list of holidays of its local year known? Who works every day waits for none."""
        return self.works_every_day or self._local_year(moment) in self.confirmed_years

    def _local_year(self, moment: datetime) -> int:
        # No zone is a day off UTC: only around New Year can the years differ.
        if moment.tzinfo is UTC and (1, 1) < (moment.month, moment.day) < (12, 31):
            return moment.year
        return _aware(moment).astimezone(self.tz).year

    def _year(self, number: int) -> _Year:
        found = self._years.get(number)
        if found is None:
            found = self._years[number] = _lay_out(self, number)
        return found


def due(calendar: Calendar, limit: Limit, start: datetime) -> datetime:
    """When a limit that starts now ends, in UTC; the rules stand at the head of this module.

    Raises CalendarTooShort where the calendar has not enough working time in the next five years, NaiveTime.

    Reported on a Friday at 17:55, two working days:

    >>> city = Calendar("Asia/Shanghai")
    >>> friday = datetime(2026, 3, 6, 17, 55, tzinfo=city.tz)
    >>> due(city, Limit.parse("2wd"), friday).astimezone(city.tz).isoformat(" ", "minutes")
    '2026-03-10 17:55+08:00'
    >>> due(city, Limit.parse("4wh"), friday).astimezone(city.tz).isoformat(" ", "minutes")
    '2026-03-09 11:55+08:00'
    """
    _aware(start)
    if limit.unit is Unit.WD:
        return _working_days_later(calendar, limit.amount, start)
    if limit.unit is Unit.ED:
        wall = start.astimezone(calendar.tz).replace(tzinfo=None)
        return _utc(wall + timedelta(days=limit.amount), calendar.tz)
    return advance(calendar, limit.unit, start, limit.amount * LENGTH[limit.unit])


def advance(calendar: Calendar, unit: Unit, start: datetime, left: timedelta) -> datetime:
    """The moment, in UTC, at which ``left`` of the unit's own kind of time is spent after ``start``.

    Elapsed time for em, eh and ed, working time for wm, wh and wd: what :func:`remaining` gave when the clock
    paused. Of equal moments the earliest; for wd the last, at which work begins again.
    A negative ``left`` (it was overdue) gives the moment so much before; nothing left, ``start`` itself.
    Raises CalendarTooShort, NaiveTime.
    """
    moment = _aware(start).astimezone(UTC)
    if unit in ELAPSED or not left:
        return moment + left
    ends = _worked_after(calendar, moment, left)
    return _next_working_moment(calendar, ends) if unit is Unit.WD else ends


def remaining(calendar: Calendar, unit: Unit, now: datetime, due_at: datetime) -> timedelta:
    """How much of the unit's own kind of time lies between now and the end; negative where it is overdue.

    Elapsed time for em, eh and ed, working time for wm, wh and wd. Raises NaiveTime, and CalendarTooShort for
    working time between moments more than a hundred years apart.

    A clock that pauses on Friday at 16:00 with two working hours left goes on with two on Monday:

    >>> city = Calendar("Asia/Shanghai")
    >>> paused = datetime(2026, 3, 6, 16, 0, tzinfo=city.tz)
    >>> left = remaining(city, Unit.WH, paused, datetime(2026, 3, 6, 18, 0, tzinfo=city.tz))
    >>> str(left)
    '2:00:00'
    >>> again = advance(city, Unit.WH, datetime(2026, 3, 9, 8, 0, tzinfo=city.tz), left)
    >>> again.astimezone(city.tz).isoformat(" ", "minutes")
    '2026-03-09 10:00+08:00'
    """
    if unit in ELAPSED:
        return _aware(due_at).astimezone(UTC) - _aware(now).astimezone(UTC)
    if _aware(due_at) < _aware(now):
        return -_worked_between(calendar, due_at, now)
    return _worked_between(calendar, now, due_at)


def _worked_after(calendar: Calendar, moment: datetime, left: timedelta) -> datetime:
    """The earliest moment with so much more worked than at this one."""
    first = calendar._local_year(moment)
    target = calendar._year(first).worked(moment) + left
    if left < _ZERO:
        return _back(calendar, first, target)
    for number in range(first, first + YEARS_AHEAD + 1):
        table = calendar._year(number)
        if target <= table.total:
            return table.when(target)
        target -= table.total
    raise _too_short(calendar, f"{left} of working time", moment)


def _worked_between(calendar: Calendar, early: datetime, late: datetime) -> timedelta:
    first, last = calendar._local_year(early), calendar._local_year(late)
    if last - first > YEARS_APART:
        raise _too_short(calendar, f"an end in {last}", early)
    whole = sum((calendar._year(number).total for number in range(first, last)), _ZERO)
    return whole + calendar._year(last).worked(late) - calendar._year(first).worked(early)


def _back(calendar: Calendar, number: int, target: timedelta) -> datetime:
    """The earliest moment with ``target`` worked in year ``number``; what is not positive lies before it."""
    for year in range(number, number - YEARS_APART, -1):
        if target > _ZERO:
            return calendar._year(year).when(target)
        target += calendar._year(year - 1).total
    raise CalendarTooShort(f"calendar {calendar.zone}: not enough working time before {number}")


def _working_days_later(calendar: Calendar, amount: int, start: datetime) -> datetime:
    moment = _next_working_moment(calendar, start)
    local = moment.astimezone(calendar.tz)
    table = calendar._year(local.year)
    index = bisect_left(table.days, local.date()) + amount
    for number in range(local.year, local.year + YEARS_AHEAD + 1):
        table = calendar._year(number)
        if index < len(table.days):
            wall = datetime.combine(table.days[index], local.time().replace(fold=0))
            return _settled(table, _utc(wall, calendar.tz))
        index -= len(table.days)
    raise _too_short(calendar, f"{amount} working days", start)


def _next_working_moment(calendar: Calendar, start: datetime) -> datetime:
    first = calendar._local_year(start)
    for number in range(first, first + YEARS_AHEAD + 1):
        table = calendar._year(number)
        i = bisect_right(table.ends, start)
        if i < len(table.ends):
            return max(start, table.begins[i])
    raise _too_short(calendar, "a working moment", start)


def _settled(table: _Year, moment: datetime) -> datetime:
    """The moment, or the end of the working range before it where it lies in none."""
    i = max(bisect_right(table.begins, moment) - 1, 0)
    return min(moment, table.ends[i])


def _lay_out(calendar: Calendar, number: int) -> _Year:
    table = _Year([], [], [], [], _ZERO)
    total, day = _ZERO, date(number, 1, 1)
    for _ in range((date(number + 1, 1, 1) - day).days):
        if calendar.is_workday(day):
            table.days.append(day)
        for opens, closes in calendar.working_ranges(day):
            table.begins.append(opens)
            table.ends.append(closes)
            table.before.append(total)
            total += closes - opens
        day += _DAY
    return _Year(table.days, table.begins, table.ends, table.before, total)


def _utc(wall: datetime, tz: ZoneInfo) -> datetime:
    """The moment of a local time: not existing, it moves forward; coming twice, it is the first."""
    before = wall.replace(tzinfo=tz, fold=0).utcoffset() or _ZERO
    after = wall.replace(tzinfo=tz, fold=1).utcoffset() or _ZERO
    if before >= after:
        return (wall - before).replace(tzinfo=UTC)
    low = (wall - after).replace(microsecond=0, tzinfo=UTC)
    high = (wall - before).replace(microsecond=0, tzinfo=UTC)
    while high - low > _SECOND:
        middle = low + (high - low) // _SECOND // 2 * _SECOND
        if middle.astimezone(tz).utcoffset() == after:
            high = middle
        else:
            low = middle
    return high


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise NaiveTime(moment)
    return moment


def _too_short(calendar: Calendar, wanted: str, start: datetime) -> CalendarTooShort:
    return CalendarTooShort(
        f"calendar {calendar.zone} has not {wanted} within {YEARS_AHEAD} years from {start:%Y-%m-%d}; "
        "look at its week, its working hours and its days off",
        zone=calendar.zone,
    )
