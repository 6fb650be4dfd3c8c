"""When something is due and how its clocks stand: told the same over HTTP and on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Engine

from dispatch.clocks import CLOCK_ZH, Clock
from dispatch.deadlines import UNIT_ZH, YEARS_AHEAD, Calendar, Limit, Unit, due
from dispatch.readings import COLOUR_ZH, STATE_ZH, Reading, readings
from dispatch.reckoning import DAY_ZH, Day, Reckoning, explain_due
from dispatch.rules import Rules
from gridgov.errors import BadInput
from gridgov.scope import Scope
from gridgov.storage import incidents
from gridgov.storage.engine import snapshot
from gridgov.storage.ledger import MAIN, history

#: How each unit counts, for whoever asks why; the rules stand at the head of `dispatch.deadlines`.
COUNTS_ZH: Final[Mapping[Unit, str]] = {
    Unit.EM: "连续计时，夜间和节假日不停表",
    Unit.EH: "连续计时，夜间和节假日不停表",
    Unit.ED: "按日历日计，若干日后的同一时刻到期",
    Unit.WM: "只计工作时间，计满即到期",
    Unit.WH: "只计工作时间，计满即到期",
    Unit.WD: "非工作时间的起点顺延至下一工作时刻，若干工作日后的同一时刻到期",
}
COUNTS_EN: Final[Mapping[Unit, str]] = {
    Unit.EM: "runs through nights and days off",
    Unit.EH: "runs through nights and days off",
    Unit.ED: "calendar days: due at the same time of the day, so many days later",
    Unit.WM: "only working time counts; due as soon as it is spent",
    Unit.WH: "only working time counts; due as soon as it is spent",
    Unit.WD: "counts from the next working moment; due at the same time, so many working days later",
}


#: So far a due time is told day by day: the six years in which working time is looked for, and no more, for
#: each day costs who answers, and who asks.
FARTHEST: Final = timedelta(days=366 * (YEARS_AHEAD + 1))


@dataclass(frozen=True, slots=True)
class Asked:
    """A question when something is due: a ``limit``, or that of a ``category`` and its case ``standard``.

    ``calendar``: the key of another than the city's, or the standard's.
    """

    limit: str | None = None
    category: str | None = None
    standard: str | None = None
    calendar: str | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """The reckoning of a due time, with what it was reckoned by."""

    rules: int
    category: str | None
    standard: str | None
    limit_is_default: bool
    calendar: str
    by: Calendar
    reckoning: Reckoning


def due_time(rules: Rules, asked: Asked, start: datetime) -> Answered:
    """When something that starts then is due, and why; raises BadInput, BadLimit, UnknownCategory,
    UnknownStandard, CalendarTooShort.
    """
    if (asked.limit is None) == (asked.category is None):
        raise BadInput("ask either for a `limit` such as 2wd, or for the one of a `category`")
    if asked.standard is not None and asked.category is None:
        raise BadInput("a `standard` is one of a `category`: name that too", standard=asked.standard)
    key, code, default, usual = None, None, False, ""
    if asked.category is not None:
        category = rules.categories.get(asked.category)
        norm = category.standard_of(asked.standard)
        key, code, default, usual = category.key, norm.code or None, norm.limit_is_default, norm.calendar
        limit = norm.limit
    else:
        limit = Limit.parse(asked.limit or "")
    name = usual if asked.calendar is None else asked.calendar
    by = _calendar(rules, name)
    if due(by, limit, start) - start > FARTHEST:
        raise BadInput(
            f"{limit} from then takes longer than the {FARTHEST.days} days that are told one by one",
            limit=str(limit),
        )
    told = explain_due(by, limit, start, rules.clocks.warn_percent)
    return Answered(rules.version, key, code, default, name, by, told)


def _calendar(rules: Rules, key: str) -> Calendar:
    if key and key not in rules.calendars:
        known = ", ".join(sorted(rules.calendars)) or "it has none but the city's own: leave it out"
        raise BadInput(f"the rules have no calendar {key[:40]!r}; they have: {known}", calendar=key[:40])
    return rules.calendar_of(key)


def due_dict(told: Answered) -> dict[str, Any]:
    """The answer as programs get it: lengths of time in seconds, times in UTC, ``days`` local dates."""
    found = told.reckoning
    unit = found.limit.unit
    return {
        "rules": told.rules,
        "limit": str(found.limit),
        "unit_zh": UNIT_ZH[unit],
        "category": told.category,
        "standard": told.standard,
        "limit_is_default": told.limit_is_default,
        "calendar": told.calendar,
        "zone": told.by.zone,
        "working": found.working,
        "counts_zh": COUNTS_ZH[unit],
        "counts_en": COUNTS_EN[unit],
        "start": found.start,
        "counts_from": found.counts_from,
        "warn_at": found.warn_at,
        "due_at": found.due_at,
        "whole_s": found.whole.total_seconds(),
        "unconfirmed_year": found.unconfirmed_year,
        "days": [_day(day) for day in found.days],
    }


def _day(day: Day) -> dict[str, Any]:
    return {
        "date": day.date.isoformat(),
        "kind": str(day.kind),
        "kind_zh": DAY_ZH[day.kind],
        "confirmed": day.confirmed,
        "counted_s": day.counted.total_seconds(),
        "spent_s": day.spent.total_seconds(),
        "stretches": [{"from": begin, "to": end} for begin, end in day.stretches],
    }


def clocks_of(
    engine: Engine, scope: Scope, rules: Rules, reference: str, moment: datetime, stream: str = MAIN
) -> dict[str, Any]:
    """How every clock of an incident stood at a moment, as programs get it; raises UnknownIncident, also
    where the scope does not reach.
    """
    with snapshot(engine) as connection:
        row = incidents.one(connection, reference, scope, stream)
        entries = history(connection, [row["id"]], stream)[row["id"]]
    found = readings(rules, entries, moment)
    return {
        "incident": row["id"],
        "case_number": row["case_number"],
        "at": moment,
        "zone": rules.calendar.zone,
        "clocks": [reading_dict(one) for one in found],
    }


def reading_dict(one: Reading) -> dict[str, Any]:
    """A reading as programs get it: lengths of time in seconds of the limit's own kind of time."""
    told = asdict(one)
    for name in ("elapsed", "paused", "paused_wall", "remaining", "overdue"):
        told[f"{name}_s"] = told.pop(name).total_seconds()
    told |= {"state": str(one.state), "colour": str(one.colour)}
    return told | {
        "clock_zh": CLOCK_ZH[Clock(one.clock)],
        "state_zh": STATE_ZH[one.state],
        "colour_zh": COLOUR_ZH[one.colour],
    }


def hours(length: timedelta) -> str:
    """Hours and minutes, and seconds where there are any.

    >>> hours(timedelta(minutes=95)), hours(timedelta(minutes=-5)), hours(timedelta(seconds=20))
    ('1:35', '-0:05', '0:00:20')
    """
    seconds = round(abs(length).total_seconds())
    rest = f":{seconds % 60:02}" if seconds % 60 else ""
    return f"{'-' if length < timedelta(0) else ''}{seconds // 3600}:{seconds // 60 % 60:02}{rest}"
