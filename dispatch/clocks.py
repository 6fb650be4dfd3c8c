"""The clocks of an incident: which stage has to be done by when, and how far each has come.

Every clock starts when the server recorded the entry that starts it (``recorded_at``), never when somebody says it
happened: nobody can be late for what they could not see.

| clock    | starts with                                           | ends with                        |
|----------|-------------------------------------------------------|----------------------------------|
| intake   | the report; coming back to intake                     | filing, rejection, asking        |
| verify   | asking for verification                               | the verification                 |
| dispatch | filing, a return, reopening                           | dispatching                      |
| handling | dispatching; resumed where it comes back              | the department says it is done   |
| check    | handling                                              | the check                        |

The limit of handling is the case standard's; a failed check lets its clock go on where it ended. The others are
the city's, 15 minutes for intake and dispatch, 30 to verify and to check unless it says otherwise (domain notes,
"From report to closure").
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from dispatch.deadlines import ELAPSED, Calendar, Limit, Unit, advance, due, remaining
from dispatch.entries import Started


class Clock(StrEnum):
    """What is timed (时限环节)."""

    INTAKE = "intake"
    VERIFY = "verify"
    DISPATCH = "dispatch"
    HANDLING = "handling"
    CHECK = "check"


CLOCK_ZH: Final = {
    Clock.INTAKE: "受理",
    Clock.VERIFY: "核实",
    Clock.DISPATCH: "派遣",
    Clock.HANDLING: "处置",
    Clock.CHECK: "核查",
}


@dataclass(frozen=True, slots=True)
class StageLimit:
    """How long a stage may take; ``calendar`` is the key of the one it runs by, empty for the city's."""

    limit: Limit
    calendar: str = ""


@dataclass(frozen=True, slots=True)
class Clocks:
    """The limits of the stages that the city sets once for all categories; ``warn_percent`` of any limit is
    where it turns yellow (domain notes, "From report to closure": 80 %).
    """

    intake: StageLimit = StageLimit(Limit(15, Unit.WM))
    verify: StageLimit = StageLimit(Limit(30, Unit.WM))
    dispatch: StageLimit = StageLimit(Limit(15, Unit.WM))
    check: StageLimit = StageLimit(Limit(30, Unit.WM))
    warn_percent: int = 80

    def of(self, clock: Clock) -> StageLimit:
        """The limit of a stage; that of handling is the case standard's, and is asked there (KeyError)."""
        return {
            Clock.INTAKE: self.intake,
            Clock.VERIFY: self.verify,
            Clock.DISPATCH: self.dispatch,
            Clock.CHECK: self.check,
        }[clock]


def started(
    clock: Clock, stage: StageLimit, calendar: Calendar, now: datetime, run: int, warn_percent: int
) -> Started:
    """A clock that starts now; ``run`` is the number of the entry that starts it.

    Raises CalendarTooShort, NaiveTime.
    """
    limit = stage.limit
    ends = due(calendar, limit, now)
    whole = remaining(calendar, limit.unit, now, ends)
    return Started(
        clock=str(clock),
        run=run,
        limit=str(limit),
        calendar=stage.calendar,
        due_at=ends,
        warn_at=_warning(calendar, limit.unit, now, ends, whole, warn_percent),
        unconfirmed_year=_unconfirmed(calendar, limit, ends),
    )


def resumed(
    before: Started, calendar: Calendar, now: datetime, left: timedelta, warn_percent: int
) -> Started:
    """A clock that goes on with what was left of it; the same run. Raises CalendarTooShort, NaiveTime."""
    limit = Limit.parse(before.limit)
    ends = advance(calendar, limit.unit, now, left)
    return Started(
        clock=before.clock,
        run=before.run,
        limit=before.limit,
        calendar=before.calendar,
        due_at=ends,
        warn_at=_warning(calendar, limit.unit, now, ends, _whole(calendar, limit), warn_percent),
        unconfirmed_year=_unconfirmed(calendar, limit, ends),
    )


def _whole(calendar: Calendar, limit: Limit) -> timedelta:
    """How much of its own kind of time the whole limit is; a working day is its hours."""
    minutes = {Unit.EM: 1, Unit.WM: 1, Unit.EH: 60, Unit.WH: 60, Unit.ED: 24 * 60, Unit.WD: _day(calendar)}
    return timedelta(minutes=limit.amount * minutes[limit.unit])


def _day(calendar: Calendar) -> int:
    """The minutes of a working day."""
    return sum(
        ((end.hour * 60 + end.minute) or 24 * 60) - (begin.hour * 60 + begin.minute)
        for begin, end in calendar.hours
    )


def _warning(
    calendar: Calendar, unit: Unit, now: datetime, ends: datetime, whole: timedelta, percent: int
) -> datetime:
    """When so much of the whole is spent; now, where it is already."""
    left_then = whole * (100 - percent) / 100
    left_now = remaining(calendar, unit, now, ends)
    if left_now <= left_then:
        return now
    return advance(calendar, unit, now, left_now - left_then)


def _unconfirmed(calendar: Calendar, limit: Limit, ends: datetime) -> bool:
    """May the end still move, because nobody has published the days off of its year?"""
    return limit.unit not in ELAPSED and not calendar.confirmed(ends)
