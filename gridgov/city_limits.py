"""Limits that would never end, for want of working time in their calendar: found before they apply."""

from __future__ import annotations

from datetime import datetime

from dispatch.clocks import StageLimit
from dispatch.deadlines import due
from dispatch.errors import CalendarTooShort
from gridgov.city_notes import timed
from gridgov.city_rules import City
from gridgov.city_text import BadCityFile, Problem


def endless(city: City, now: datetime) -> tuple[Problem, ...]:
    """The limits of a city's file that would not end if they started now, each with its calendar."""
    found: dict[StageLimit, Problem] = {}
    for key, limit in timed(city):
        stage = StageLimit(limit, key)
        if stage in found:
            continue
        try:
            due(city.rules.calendar_of(key), limit, now)
        except CalendarTooShort as error:
            where = f"calendars {key!r}" if key else "calendar"
            found[stage] = Problem(where, None, f"a limit of {limit} would never end by it: {error.message}")
    return tuple(found.values())


def require_ends(city: City, now: datetime) -> None:
    """Raise BadCityFile where a limit would never end: nothing could be dispatched under it, and what waits
    would have no clock. A version in force from before this was refused goes on without those clocks.
    """
    if problems := endless(city, now):
        raise BadCityFile(problems)
