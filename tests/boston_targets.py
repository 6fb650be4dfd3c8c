"""Boston's own targets against ours: which fixed number of days each type of request has, row by row.

What the table itself shows of how the city reckons, in 2011:

* Some types have a number of calendar days: the same time of the day so many days later, also over the end of
  daylight saving.
* The others have a number of working days, Monday to Friday; the city's holidays do not count as days off. What
  is opened before 17:00 is due at the same time of the day, at whatever hour of the night it was opened. What
  is opened later counts from 08:30 of the next working day. What is opened at a weekend counts from Monday,
  at the same time of the day (so that a Saturday evening counts from Tuesday at 08:30).
* The target was reckoned a few seconds before ``open_dt`` was written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from dispatch.deadlines import Calendar, Limit, Unit, due

#: How much earlier than ``open_dt`` a target may have been reckoned and still be called the same.
LAG: Final = timedelta(minutes=1)
#: From how many rows a type's rule can be told.
ENOUGH: Final = 10
OPENS, CLOSES = time(8, 30), time(17)


@dataclass(frozen=True, slots=True)
class Request:
    """A row with a target: its type, when it was opened, the target, as moments in UTC."""

    type: str
    opened: datetime
    target: datetime


@dataclass(frozen=True, slots=True)
class City:
    """The city's calendar by its office hours, and the same from midnight for what is opened earlier."""

    office: Calendar
    early: Calendar

    def due(self, limit: Limit, opened: datetime) -> datetime:
        """When the city has it due: our limit, after the city's way of moving what is opened at odd times."""
        if limit.unit is not Unit.WD:
            return due(self.office, limit, opened)
        local = opened.astimezone(self.office.tz)
        while not self.office.is_workday(local.date()):
            local += timedelta(days=1)
        return due(self.early if local.time() < CLOSES else self.office, limit, local)


def city(days_off: frozenset[date] = frozenset()) -> City:
    """The city's calendar, with these days off."""
    zone = "America/New_York"
    return City(
        Calendar(zone, hours=((OPENS, CLOSES),), days_off=days_off),
        Calendar(zone, hours=((time(0), CLOSES),), days_off=days_off),
    )


class Fate(StrEnum):
    """What becomes of a row when its type's limit is reckoned by our rules."""

    SAME = "the same to the second"
    LAG = "the target was reckoned up to a minute before"
    MOVED = "our rules, after the city's way of moving a start at an odd time"
    HOLIDAY = "the same, if a public holiday of Massachusetts were a day off"
    NO_DATE = "a target beyond 2020, which means none"
    LATER_LAG = "the target was reckoned up to ten minutes before"
    OTHER_LIMIT = "a whole number of days, but another than its type's"
    SET_BY_HAND = "no number of days leads there"
    TOO_FEW = "of a type with fewer than ten rows: no rule can be told"


def rule_of(requests: Sequence[Request], ours: City) -> Limit:
    """The limit that reproduces most of the requests of one type: their commonest number of calendar or
    working days.
    """
    days: Counter[int] = Counter()
    worked: Counter[int] = Counter()
    for one in requests:
        opened, target = (m.astimezone(ours.office.tz).date() for m in (one.opened, one.target))
        days[(target - opened).days] += 1
        worked[_weekdays(opened, target)] += 1
    choice = [Limit(n, Unit.ED) for n, _ in days.most_common(2) if 0 < n < 9999]
    choice += [Limit(n, Unit.WD) for n, _ in worked.most_common(2) if 0 < n < 1200]
    return max(
        choice, key=lambda limit: sum(_same(ours.due(limit, one.opened), one.target) for one in requests)
    )


def reproduced_by(requests: Sequence[Request], type_: str, limit: Limit, ours: City) -> int:
    """How many requests of a type a limit leads to the target of."""
    return sum(_same(ours.due(limit, one.opened), one.target) for one in requests if one.type == type_)


def _weekdays(opened: date, target: date) -> int:
    weeks, rest = divmod((target - opened).days, 7)
    return weeks * 5 + sum((opened + timedelta(days=n)).weekday() < 5 for n in range(1, rest + 1))


def _same(ours: datetime, theirs: datetime, within: timedelta = LAG) -> bool:
    return timedelta(0) <= ours - theirs <= within


def fate(one: Request, limit: Limit, plain: City, observed: City) -> Fate:
    """The class that a row belongs to; ``observed``: the calendar with holidays."""
    ours = due(plain.office, limit, one.opened)
    if ours == one.target:
        return Fate.SAME
    if _same(ours, one.target):
        return Fate.LAG
    theirs = plain.due(limit, one.opened)
    if _same(theirs, one.target):
        return Fate.MOVED
    if _same(observed.due(limit, one.opened), one.target):
        return Fate.HOLIDAY
    if one.target > datetime(2021, 1, 1, tzinfo=UTC):
        return Fate.NO_DATE
    if _same(theirs, one.target, 10 * LAG):
        return Fate.LATER_LAG
    return Fate.OTHER_LIMIT if _whole_days(one, plain) else Fate.SET_BY_HAND


def _whole_days(one: Request, ours: City) -> bool:
    """Is the target some number of calendar or working days after?"""
    opened, target = (m.astimezone(ours.office.tz).date() for m in (one.opened, one.target))
    days, worked = (target - opened).days, _weekdays(opened, target)
    tried = [Limit(days, Unit.ED)] if days > 0 else []
    tried += [Limit(n, Unit.WD) for n in range(max(worked - 2, 1), min(worked + 1, 1200))]
    return any(_same(ours.due(limit, one.opened), one.target) for limit in tried)


def classified(
    requests: Sequence[Request], plain: City, observed: City
) -> tuple[Mapping[str, Limit], Mapping[str, Counter[Fate]]]:
    """The limit of each type that has enough rows; and for each limit, as it is written, how many rows have
    which fate.
    """
    by_type: dict[str, list[Request]] = {}
    for one in requests:
        by_type.setdefault(one.type, []).append(one)
    limits = {type_: rule_of(rows, plain) for type_, rows in by_type.items() if len(rows) >= ENOUGH}
    told: dict[str, Counter[Fate]] = {}
    for one in requests:
        limit = limits.get(one.type)
        found = Fate.TOO_FEW if limit is None else fate(one, limit, plain, observed)
        told.setdefault("" if limit is None else str(limit), Counter())[found] += 1
    return limits, told
