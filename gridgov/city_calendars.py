"""When a city works and how long things may take, from its file: calendars, clocks and the ladder."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import time
from types import MappingProxyType
from typing import Final

from dispatch.clocks import Clock, Clocks, StageLimit
from dispatch.deadlines import Calendar
from dispatch.errors import BadRules
from dispatch.escalation import Ladder, Step
from dispatch.lifecycle import Role
from gridgov.calendars import YEARS, Overrides, UnknownCountry, calendar
from gridgov.city_tables import CalendarTable, ClocksTable, EscalationTable, OtherCalendarTable, StepTable
from gridgov.city_text import Reader, Where
from gridgov.city_values import days, hours, limit, no_two, several_of, there

#: An administrator sees no incidents, and a handler answers for a department, not for a ground.
ASKED: Final = tuple(role for role in Role if role not in (Role.ADMINISTRATOR, Role.HANDLER))
#: Stands in for a calendar that cannot be read, so that the rest of the file is looked at.
STAND_IN: Final = Calendar("UTC", hours=((time(0), time(0)),), week=frozenset(range(7)))


@dataclass(frozen=True, slots=True)
class Calendars:
    """The city's calendar, None where it cannot be read, and the others by key.

    ``countries``: whose holidays each has, "" for the city's own; ``keys``: of all others that the file has,
    those too that cannot be read.
    """

    city: Calendar | None
    others: Mapping[str, Calendar]
    countries: Mapping[str, str]
    keys: frozenset[str]

    def key(self, reader: Reader, where: Where, name: str | None) -> str:
        """The key of a calendar that the file names; empty, the city's, where there is no such one."""
        return there(reader, where, name, self.keys, "calendar in [[calendars]]") or ""


def calendars(reader: Reader, zone: str | None) -> Calendars:
    """`[calendar]` and `[[calendars]]`; ``zone`` None: it cannot be read."""
    countries: dict[str, str] = {}
    told = reader.table(("calendar",), reader.section("calendar"), CalendarTable)
    city = None if told is None else _calendar(reader, ("calendar",), told, zone)
    if told is not None and told.country:
        countries[""] = told.country
    tables = reader.several(("calendars",), reader.data.get("calendars", []))
    others: dict[str, Calendar] = {}
    for where, raw in tables:
        other = reader.table(where, raw, OtherCalendarTable)
        found = None if other is None else _calendar(reader, where, other, zone)
        if other is not None and found is not None:
            others.setdefault(other.key, found)
            if other.country:
                countries.setdefault(other.key, other.country)
    keys = no_two(reader, tables, "key", "calendars")
    return Calendars(city, MappingProxyType(others), MappingProxyType(countries), keys)


def _calendar(reader: Reader, where: Where, told: CalendarTable, zone: str | None) -> Calendar | None:
    before = len(reader.problems)
    ranges, week = hours(reader, (*where, "hours"), told.hours), days(reader, (*where, "week"), told.week)
    if told.subdivision and not told.country:
        reader.wrong((*where, "subdivision"), "a subdivision of which country? Name it too")
    confirmed = frozenset(told.confirmed_years)
    if isinstance(told, OtherCalendarTable) and not told.country:
        # Without holidays there is no list to wait for: what the file says is all there is.
        confirmed |= frozenset(YEARS)
    overrides = Overrides(frozenset(told.days_off), frozenset(told.workdays), confirmed, ranges, week)
    if len(reader.problems) > before and len(ranges) < len(told.hours):
        return None
    try:
        return calendar(zone or "UTC", told.country, told.subdivision, overrides=overrides)
    except UnknownCountry as error:
        reader.wrong((*where, "country"), error.message)
    except BadRules as error:
        for problem in error.problems:
            if "zone" not in problem:
                reader.wrong(where, problem)
            elif where == ("calendar",):
                reader.wrong(("city", "zone"), problem)
    return None


#: Beside the clocks: how long somebody who is sent to look may take to answer.
_TASK: Final = "task"


def clocks(reader: Reader, known: Calendars) -> Clocks:
    """`[clocks]`: what it leaves out stays as `dispatch.clocks` has it."""
    told = reader.table(("clocks",), reader.section("clocks"), ClocksTable)
    if told is None:
        return Clocks()
    stages = [clock for clock in Clock if clock is not Clock.HANDLING]
    by: dict[str, str] = {}
    for name, key in told.calendars.items():
        where = ("clocks", "calendars", name)
        if name == Clock.HANDLING:
            reader.wrong(
                where,
                "handling runs by its case standard's calendar: name it there, or in [categories.calendars]",
            )
        elif there(reader, where, name, [*stages, _TASK], "stage with a clock"):
            by[name] = known.key(reader, where, key)
    usual = Clocks()
    return Clocks(
        **{stage: _stage(reader, told, stage, usual.of(stage), by) for stage in stages},
        task=_stage(reader, told, _TASK, usual.task, by),
        warn_percent=told.warn_percent,
    )


def _stage(
    reader: Reader, told: ClocksTable, stage: str, usual: StageLimit, by: Mapping[str, str]
) -> StageLimit:
    said = limit(reader, ("clocks", str(stage)), getattr(told, stage))
    return StageLimit(said or usual.limit, by.get(stage, ""))


def ladder(reader: Reader, known: Calendars) -> Ladder:
    """`[escalation]` and its steps, the nearest first."""
    section = dict(reader.section("escalation"))
    tables = reader.several(("escalation", "steps"), section.pop("steps", []))
    told = reader.table(("escalation",), section, EscalationTable) or EscalationTable()
    if "escalation" in reader.data and isinstance(reader.data["escalation"], dict) and not tables:
        reader.wrong(("escalation",), "a ladder has steps: add [[escalation.steps]], or leave it out")
    found = [_step(reader, where, raw, known) for where, raw in tables]
    timed = frozenset(Clock)
    if told.clocks is not None:
        timed = several_of(reader, ("escalation", "clocks"), told.clocks, Clock)
    return Ladder(tuple(step for step in found if step is not None), timed)


def _step(reader: Reader, where: Where, raw: object, known: Calendars) -> Step | None:
    told = reader.table(where, raw, StepTable)
    if told is None:
        return None
    names: Collection[str] = [str(role) for role in ASKED]
    for number, role in enumerate(told.roles):
        there(reader, (*where, "roles", number), role, names, "role that can be asked")
    within = limit(reader, (*where, "answer_within"), told.answer_within)
    key = known.key(reader, (*where, "calendar"), told.calendar)
    if within is None:
        return None
    return Step(
        told.level, frozenset(Role(role) for role in told.roles if role in names), StageLimit(within, key)
    )
