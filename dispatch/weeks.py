"""The week as 10,080 minutes from Monday's midnight: when a rule's days and hours hold, as bits of a number.

Bit ``m`` of such a number is minute ``m``. Where working time matters too there are twice as many bits: the
first 10,080 for minutes outside working time, the others for the same minutes within it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time
from functools import lru_cache
from typing import Final

from dispatch.deadlines import Calendar

#: Minutes.
DAY: Final = 24 * 60
WEEK: Final = 7 * DAY
#: Every minute of the week.
EVERY: Final = (1 << WEEK) - 1

WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

Hours = tuple[tuple[time, time], ...]


def minute_of(local: datetime) -> int:
    """The minute of the week that a clock on the wall shows.

    >>> minute_of(datetime(2026, 3, 3, 0, 1))
    1441
    """
    return local.weekday() * DAY + local.hour * 60 + local.minute


@lru_cache(maxsize=4096)
def minutes(days: frozenset[int], hours: Hours) -> int:
    """The minutes within the hours of these days; empty: all days, all day.

    A range whose end is not after its begin ends on the next day, and is its begin's: the night of Sunday
    goes on into Monday.

    >>> night = minutes(frozenset({6}), ((time(18), time(8)),))
    >>> night.bit_count(), bool(night >> minute_of(datetime(2026, 3, 2, 7, 59)) & 1)
    (840, True)
    """
    return _laid(days or range(7), hours or ((time(0), time(0)),))


@lru_cache(maxsize=4096)
def held(days: frozenset[int], hours: Hours, working: bool | None) -> int:
    """The minutes as :func:`minutes` gives them, outside working time and within it."""
    week = minutes(days, hours)
    outside = 0 if working else week
    return outside if working is False else outside | week << WEEK


@lru_cache(maxsize=100)
def possible(calendar: Calendar | None) -> int:
    """The minutes there are outside working time and within it.

    Any day may be a day off and any weekday made up for (调休), in years whose list is not known yet too: so
    all minutes may lie outside working time, and within it those of the calendar's hours, whatever the day.
    Without a calendar nothing asks for the time: all is the same.
    """
    return EVERY if calendar is None else EVERY | _laid(range(7), calendar.hours) << WEEK


def _laid(days: Iterable[int], hours: Hours) -> int:
    found = 0
    for begin, end in hours:
        first = begin.hour * 60 + begin.minute
        last = end.hour * 60 + end.minute + bool(end.second or end.microsecond)
        block = (1 << ((last - first) % DAY or DAY)) - 1
        for day in days:
            found |= block << (day * DAY + first)
    return (found | found >> WEEK) & EVERY
