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
    end of B, without an end where one is left out. Raises BadInput.

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
    return Period(_midnight(start, zone), _midnight(end, zone))


def _days(name: str, text: str) -> tuple[date, date]:
    """The first day of a unit, and that after its last."""
    for unit, pattern in _NAMES:
        found = pattern.fullmatch(name)
        if found is None:
            continue
        try:
            start = _first(unit, [int(part) for part in found.groups()])
            return start, _next(unit, start)
        except (ValueError, OverflowError):
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
    moment = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    # A midnight that clocks left out is no moment: the day begins when they go on.
    return moment.astimezone(UTC).astimezone(ZoneInfo(zone))


def _local_day(moment: datetime, zone: str) -> date:
    return moment.astimezone(ZoneInfo(zone)).date()


def _unit_of(period: Period, zone: str) -> tuple[str, date] | None:
    """The unit that a period is exactly one of, and its first day."""
    if period.start is None or period.end is None:
        return None
    start = _local_day(period.start, zone)
    for unit in reversed(UNITS):
        whole = _begins(unit, start) == start
        if whole and _is(period, start, _next(unit, start), zone):
            return unit, start
    return None


def _is(period: Period, start: date, end: date, zone: str) -> bool:
    return (period.start, period.end) == (_midnight(start, zone), _midnight(end, zone))


def name_of(period: Period, zone: str) -> str:
    """The shortest name of a period, which :func:`period_of` understands; where its ends are no midnights,
    its two local moments.

    >>> name_of(period_of("2026-07..2026-09", "Asia/Shanghai"), "Asia/Shanghai")
    '2026-Q3'
    """
    unit = _unit_of(period, zone)
    if unit is not None:
        return _name(*unit)
    start, end = period.start, period.end
    days = [None if one is None else _local_day(one, zone) for one in (start, end)]
    if all(_midnight(day, zone) == one for day, one in zip(days, (start, end), strict=True)):
        # The last day is in the period, and so in its name.
        last = None if days[1] is None else days[1] - timedelta(days=1)
        return f"{days[0] or ''}..{last or ''}"
    told = [None if one is None else one.astimezone(ZoneInfo(zone)) for one in (start, end)]
    return "..".join("" if one is None else one.isoformat(" ", "seconds") for one in told)


def buckets(period: Period, unit: str, zone: str) -> list[Bucket]:
    """The days, weeks (from Monday), months, quarters or years of a period, the first and last cut to its
    ends. Raises BadInput where there would be more than MOST, or the period has no end.
    """
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
        if ends > period.start:
            found.append(Bucket(_name(unit, day), Period(max(begins, period.start), min(ends, period.end))))
        day = after


def previous(period: Period, zone: str) -> Period:
    """The period before of the same kind: the quarter before a quarter, else as long a time before. Raises
    BadInput for one without start or end.
    """
    start, end = _closed(period)
    unit = _unit_of(period, zone)
    if unit is not None:
        kind, first = unit
        return Period(_midnight(_begins(kind, first - timedelta(days=1)), zone), start)
    return Period(start - (end - start), start)


def year_before(period: Period, zone: str) -> Period:
    """The same a year before, by the calendar: of a week that of the same number, of 29 February the 28th."""
    start, end = _closed(period)
    unit = _unit_of(period, zone)
    if unit is not None and unit[0] == "week":
        year, week, _ = unit[1].isocalendar()
        try:
            first = date.fromisocalendar(year - 1, week, 1)
        except ValueError:
            first = date.fromisocalendar(year - 1, week - 1, 1)
        return Period(_midnight(first, zone), _midnight(first + timedelta(days=7), zone))
    return Period(_year_back(start, zone), _year_back(end, zone))


def _closed(period: Period) -> tuple[datetime, datetime]:
    if period.start is None or period.end is None:
        raise BadInput(f"a period to compare with needs a start and an end: expected {EXPECTED}")
    return period.start, period.end


def _year_back(moment: datetime, zone: str) -> datetime:
    local = moment.astimezone(ZoneInfo(zone))
    try:
        return local.replace(year=local.year - 1)
    except ValueError:
        return local.replace(year=local.year - 1, day=28)
