"""Periods by the names that people give them, in the days of the city: 2026-Q3, 2026-08, 2026-W32."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from dispatch.closure import Period
from gridgov.errors import BadInput

EXPECTED: Final = (
    "a year (2026), a quarter (2026-Q3), a month (2026-08), a week (2026-W32), a day (2026-08-03), or two of"
    " them with two dots between (2026-07..2026-09)"
)
#: More parts than this nobody reads; ten years by week are some 520.
MOST: Final = 400
UNITS: Final = ("day", "week", "month", "quarter", "year")
#: Far enough from the first and the last moment there is that a year and 400 parts more are still moments.
_YEARS: Final = range(1000, 9000)
_NAMES: Final = (
    ("year", re.compile(r"(\d{4})", re.ASCII)),
    ("quarter", re.compile(r"(\d{4})-Q([1-4])", re.ASCII)),
    ("month", re.compile(r"(\d{4})-(\d{2})", re.ASCII)),
    ("week", re.compile(r"(\d{4})-W(\d{2})", re.ASCII)),
    ("day", re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)),
)


@dataclass(frozen=True, slots=True)
class Bucket:
    """One part of a period, by its name: that of the whole unit, also where the period cuts it."""

    name: str
    period: Period


def period_of(text: str, zone: str) -> Period:
    """The period of a name, from local midnight to local midnight, or of ``A..B``: from the start of A to the
    end of B, without an end where one is left out. Where clocks left midnight out, the day begins when they
    go on. Raises BadInput.

    >>> print(period_of("2026-Q3", "Asia/Shanghai").start)
    2026-07-01 00:00:00+08:00
    >>> print(period_of("2026-07..2026-09", "Asia/Shanghai").end)
    2026-10-01 00:00:00+08:00
    """
    first, dots, last = text.partition("..")
    if dots and (first or last):
        start = _days(first, text)[0] if first else None
        end = _days(last, text)[1] if last else None
    else:
        start, end = _days(text, text)
    if start is not None and end is not None and end <= start:
        raise BadInput(f"the period {text!r} ends before it begins", period=text)
    begins, ends = _midnight(start, zone), _midnight(end, zone)
    if begins is not None and begins == ends:
        raise BadInput(f"the calendar of {zone} left {text!r} out: ask for another day", period=text)
    return Period(begins, ends)


def _days(name: str, text: str) -> tuple[date, date]:
    """The first day of a unit, and that after its last."""
    for unit, pattern in _NAMES:
        found = pattern.fullmatch(name)
        if found is None:
            continue
        try:
            start = _first(unit, [int(part) for part in found.groups()])
        except ValueError:
            break
        if start.year in _YEARS:
            return start, _next(unit, start)
        break
    raise BadInput(f"{text!r} is no period: expected {EXPECTED}", period=text)


def _first(unit: str, numbers: list[int]) -> date:
    match unit:
        case "year":
            return date(numbers[0], 1, 1)
        case "quarter":
            return date(numbers[0], 3 * numbers[1] - 2, 1)
        case "month":
            return date(numbers[0], numbers[1], 1)
        case "week":
            return date.fromisocalendar(numbers[0], numbers[1], 1)
    year, month, day = numbers
    return date(year, month, day)


def _begins(unit: str, day: date) -> date:
    """The first day of the unit that a day is in."""
    match unit:
        case "year":
            return day.replace(month=1, day=1)
        case "quarter":
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        case "month":
            return day.replace(day=1)
        case "week":
            return day - timedelta(days=day.weekday())
    return day


_LONGER_THAN: Final = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}


def _next(unit: str, start: date) -> date:
    if unit in ("day", "week"):
        return start + timedelta(days=_LONGER_THAN[unit])
    return _begins(unit, start + timedelta(days=_LONGER_THAN[unit] + 1))


def _name(unit: str, start: date) -> str:
    named: dict[str, Callable[[], str]] = {
        "year": lambda: f"{start.year:04d}",
        "quarter": lambda: f"{start.year:04d}-Q{(start.month + 2) // 3}",
        "month": lambda: f"{start.year:04d}-{start.month:02d}",
        "week": lambda: "{:04d}-W{:02d}".format(*start.isocalendar()[:2]),
        "day": start.isoformat,
    }
    return named[unit]()


def _midnight(day: date | None, zone: str) -> datetime | None:
    if day is None:
        return None
    return _local(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)), zone)


def _local(moment: datetime, zone: str) -> datetime:
    """By way of UTC: a wall time that clocks left out is no moment, but the one at which they go on is."""
    return moment.astimezone(UTC).astimezone(ZoneInfo(zone))


def _local_day(moment: datetime, zone: str) -> date:
    if moment.year not in _YEARS:
        raise BadInput(
            f"{moment.isoformat(' ')} is too far away: expected a year from {_YEARS[0]} to {_YEARS[-1]}"
        )
    return moment.astimezone(ZoneInfo(zone)).date()


def _days_of(period: Period, zone: str) -> tuple[date | None, date | None] | None:
    """The first local day of a period and that after its last, None for an end that is open; None where an
    end is no local midnight.
    """
    found = []
    for moment in (period.start, period.end):
        day = None if moment is None else _local_day(moment, zone)
        midnight = _midnight(day, zone)
        # As moments: two wall times of one zone compare as they read, also where clocks ran twice over them.
        if moment is not None and midnight is not None and moment.astimezone(UTC) != midnight.astimezone(UTC):
            return None
        found.append(day)
    return found[0], found[1]


def _unit_of(period: Period, zone: str) -> tuple[str, date] | None:
    """The unit that a period is exactly one of, and its first day."""
    start, end = _days_of(period, zone) or (None, None)
    if start is None or end is None:
        return None
    for unit in reversed(UNITS):
        if _begins(unit, start) == start and _next(unit, start) == end:
            return unit, start
    return None


def name_of(period: Period, zone: str) -> str:
    """The shortest name of a period, which :func:`period_of` understands: that of one unit, or of two of the
    same unit. Where its ends are no midnights, its two local moments; where it has no ends, "..".

    >>> name_of(period_of("2026-07..2026-09", "Asia/Shanghai"), "Asia/Shanghai")
    '2026-Q3'
    >>> name_of(period_of("2026-07-01..2026-08-31", "Asia/Shanghai"), "Asia/Shanghai")
    '2026-07..2026-08'
    """
    days = _days_of(period, zone)
    if days is None:
        told = [None if one is None else _local(one, zone) for one in (period.start, period.end)]
        return "..".join("" if one is None else one.isoformat(" ") for one in told)
    start, end = days
    unit = next(
        unit for unit in reversed(UNITS) if all(day is None or _begins(unit, day) == day for day in days)
    )
    first = "" if start is None else _name(unit, start)
    # The last day is in the period, and so in its name.
    last = "" if end is None else _name(unit, end - timedelta(days=1))
    return first if first and first == last else f"{first}..{last}"


def buckets(period: Period, unit: str, zone: str) -> list[Bucket]:
    """The days, weeks (from Monday), months, quarters or years of a period, the first and last cut to its
    ends. Raises BadInput where there would be more than MOST, or the period has no end.

    >>> [part.name for part in buckets(period_of("2026-Q3", "Asia/Shanghai"), "month", "Asia/Shanghai")]
    ['2026-07', '2026-08', '2026-09']
    """
    if unit not in UNITS:
        raise BadInput(f"there are no parts by {unit[:40]!r}: expected {', '.join(UNITS)}", by=unit[:40])
    if period.start is None or period.end is None:
        raise BadInput(f"by {unit}, the period needs a start and an end: expected {EXPECTED}", by=unit)
    found: list[Bucket] = []
    day = _begins(unit, _local_day(period.start, zone))
    while True:
        begins, after = _midnight(day, zone), _next(unit, day)
        ends = _midnight(after, zone)
        assert begins is not None
        assert ends is not None
        if begins >= period.end:
            return found
        if len(found) == MOST:
            raise BadInput(
                f"more than {MOST} parts by {unit}: ask for a shorter period, or by longer parts", by=unit
            )
        if ends > period.start and ends != begins:  # a day that the calendar left out has no time in it
            found.append(Bucket(_name(unit, day), Period(max(begins, period.start), min(ends, period.end))))
        day = after


def previous(period: Period, zone: str) -> Period:
    """The period before of the same kind: the quarter before a quarter, else as many days before, or where
    its ends are no midnights, as long a time. Raises BadInput for one without start or end.
    """
    start, end = _closed(period)
    unit = _unit_of(period, zone)
    if unit is not None:
        kind, first = unit
        return Period(_midnight(_begins(kind, first - timedelta(days=1)), zone), start)
    first_day, after = _days_of(period, zone) or (None, None)
    if first_day is not None and after is not None:
        return Period(_midnight(first_day - (after - first_day), zone), start)
    # In UTC, where an hour that clocks run through twice is two hours.
    begins = start.astimezone(UTC)
    return Period(begins - _length(start, end), begins)


def year_before(period: Period, zone: str) -> Period:
    """The same a year before, by the calendar: of a week that of the same number, of 29 February the 28th.
    Raises BadInput for one without start or end.
    """
    start, end = _closed(period)
    unit = _unit_of(period, zone)
    if unit is not None and unit[0] == "week":
        year, week, _ = unit[1].isocalendar()
        try:
            monday = date.fromisocalendar(year - 1, week, 1)
        except ValueError:
            monday = date.fromisocalendar(year - 1, week - 1, 1)
        return Period(_midnight(monday, zone), _midnight(monday + timedelta(days=7), zone))
    first_day, after = _days_of(period, zone) or (None, None)
    if first_day is None or after is None:
        return _moments_back(start, end, zone)
    begins = _year_back(first_day) or _year_back(first_day - timedelta(days=1))
    assert begins is not None
    ends = _year_back(after) or begins + (after - first_day)
    return Period(_midnight(begins, zone), _midnight(ends, zone))


def _closed(period: Period) -> tuple[datetime, datetime]:
    if period.start is None or period.end is None:
        raise BadInput(f"a period to compare with needs a start and an end: expected {EXPECTED}")
    return period.start, period.end


def _length(start: datetime, end: datetime) -> timedelta:
    """The time that passes: two wall times of one zone subtract as they read."""
    return end.astimezone(UTC) - start.astimezone(UTC)


def _year_back(day: date) -> date | None:
    """None for 29 February."""
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return None


def _moments_back(start: datetime, end: datetime, zone: str) -> Period:
    """The same wall times a year before; where that would be no time at all, as long from the same start."""
    told = []
    for moment in (start, end):
        local = moment.astimezone(ZoneInfo(zone))
        day = _year_back(local.date()) or _year_back(local.date() - timedelta(days=1))
        assert day is not None
        told.append(local.replace(year=day.year, month=day.month, day=day.day).astimezone(UTC))
    begins, ends = told
    if ends <= begins:
        ends = begins + _length(start, end)
    return Period(begins, ends)
