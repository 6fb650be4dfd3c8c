"""What can be wrong with a working calendar before it is ever used: its zone, the ranges of its day."""

from __future__ import annotations

from datetime import time
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

#: As the end of a range, the midnight that ends the day.
MIDNIGHT: Final = time(0)


def zone_problems(zone: str) -> list[str]:
    """What is wrong with the name of a time zone.

    >>> zone_problems("Asia/Shanghai"), len(zone_problems("Beijing"))
    ([], 1)
    """
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return [f"no time zone {zone!r}: write an IANA name such as Asia/Shanghai"]
    return []


def hours_problems(hours: tuple[tuple[time, time], ...]) -> list[str]:
    """What is wrong with the ranges of a working day, which stand in order and do not overlap."""
    if not hours:
        return ["no working hours: a day needs at least one range, such as 08:00-12:00"]
    starts = [begin for begin, _ in hours]
    # midnight, as an end, is later than any time of the day
    ends = [time.max if end == MIDNIGHT else end for _, end in hours]
    problems = [
        f"working hours {begin:%H:%M}-{end:%H:%M} end before they begin"
        for begin, end in zip(starts, ends, strict=True)
        if begin >= end
    ]
    problems += [
        f"working hours from {begin:%H:%M} begin before the ones to {end:%H:%M} have ended"
        for begin, end in zip(starts[1:], ends, strict=False)
        if begin < end
    ]
    return problems
