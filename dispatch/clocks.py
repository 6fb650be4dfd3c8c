"""The clocks of an incident: which stage has to be done by when, and how far each has come.

Every clock starts when the server recorded the entry that starts it (``recorded_at``), never when somebody
says it happened (``happened_at``): nobody can be late for what they could not see. So a report that waited a
day in a phone without network has its fifteen minutes of intake from the moment it arrives.

| clock    | starts with                                              | ends with                          |
|----------|----------------------------------------------------------|------------------------------------|
| intake   | the report, adopting; coming back to intake: verified,   | filing, rejection, asking          |
|          | undone, reopened after a rejection                       |                                    |
| verify   | asking for verification                                  | the verification, filing,          |
|          |                                                          | rejection                          |
| dispatch | filing, a return, reopening after closure                | dispatching, undoing               |
| handling | dispatching                                              | the department says it is done,    |
|          |                                                          | undoing; a return, a suspension    |
|          |                                                          | and a correction pause it          |
| check    | handling                                                 | the check                          |
| closing  | a check that passed                                      | closing                            |

Beside them runs that of supervision (督办), from the order to its answer.

Cancelling and joining end whatever runs. What is taken back (撤回) has never stopped or started a clock.
Every start is a new run, named by the number of its entry, but for four cases in which the clock of handling
goes on with the same run:

* Dispatched again to the department that returned it, it has what it had left; the pause costs it nothing.
  A pause in which none of its kind of time went by does not move its end at all.
* After a suspension (挂账) likewise.
* An extension (延期) moves its end by one original limit.
* After a failed check its end stands: what the department said was done was not, so its time never stopped.

The limit of handling is the case standard's. The others are the city's: 15 minutes for intake and dispatch,
30 to verify and to check, unless it says otherwise (domain notes, "From report to closure"). They are minutes
of working time, for a desk that is closed at night cannot file; a city whose desk never closes says so with
``em``, or with a calendar of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from dispatch.deadlines import ELAPSED, LENGTH, Calendar, Limit, Unit, advance, due, remaining
from dispatch.entries import Started


class Clock(StrEnum):
    """What is timed (时限环节)."""

    INTAKE = "intake"
    VERIFY = "verify"
    DISPATCH = "dispatch"
    HANDLING = "handling"
    CHECK = "check"
    CLOSING = "closing"
    SUPERVISION = "supervision"


CLOCK_ZH: Final = {
    Clock.INTAKE: "受理",
    Clock.VERIFY: "核实",
    Clock.DISPATCH: "派遣",
    Clock.HANDLING: "处置",
    Clock.CHECK: "核查",
    Clock.CLOSING: "结案",
    Clock.SUPERVISION: "督办回复",
}


@dataclass(frozen=True, slots=True)
class StageLimit:
    """How long a stage may take; ``calendar`` is the key of the one it runs by, empty for the city's."""

    limit: Limit
    calendar: str = ""


@dataclass(frozen=True, slots=True)
class Clocks:
    """The limits of the stages that the city sets once for all categories; ``warn_percent`` of any limit is
    where it turns yellow (domain notes, "From report to closure": 80 %). ``task`` is how long a task to look
    waits for an answer before it goes on to somebody else. The domain notes give no limit for closing, for
    answering a supervision, or for a task: those are the city's to set.
    """

    intake: StageLimit = StageLimit(Limit(15, Unit.WM))
    verify: StageLimit = StageLimit(Limit(30, Unit.WM))
    dispatch: StageLimit = StageLimit(Limit(15, Unit.WM))
    check: StageLimit = StageLimit(Limit(30, Unit.WM))
    closing: StageLimit = StageLimit(Limit(30, Unit.WM))
    supervision: StageLimit = StageLimit(Limit(1, Unit.WD))
    task: StageLimit = StageLimit(Limit(10, Unit.WM))
    warn_percent: int = 80

    def of(self, clock: Clock) -> StageLimit:
        """The limit of a stage; that of handling is the case standard's, and is asked there (KeyError)."""
        return {
            Clock.INTAKE: self.intake,
            Clock.VERIFY: self.verify,
            Clock.DISPATCH: self.dispatch,
            Clock.CHECK: self.check,
            Clock.CLOSING: self.closing,
            Clock.SUPERVISION: self.supervision,
        }[clock]


def started(
    clock: Clock, stage: StageLimit, calendar: Calendar, now: datetime, run: int, warn_percent: int
) -> Started:
    """A clock that starts now; ``run`` is the number of the entry that starts it.

    It turns yellow when ``warn_percent`` of the limit's own kind of time is spent. Raises CalendarTooShort,
    NaiveTime.
    """
    limit = stage.limit
    ends = due(calendar, limit, now)
    length = LENGTH.get(limit.unit)
    whole = remaining(calendar, limit.unit, now, ends) if length is None else limit.amount * length
    then = _left_at_warning(whole, warn_percent)
    return Started(
        clock=str(clock),
        run=run,
        limit=str(limit),
        calendar=stage.calendar,
        due_at=ends,
        warn_at=_warning(calendar, limit.unit, now, ends, whole, then),
        unconfirmed_year=unconfirmed(calendar, limit.unit, now, ends),
    )


def resumed(
    before: Started, calendar: Calendar, now: datetime, left: timedelta, warn_percent: int
) -> Started:
    """A clock that goes on with what was left of it; the same run.

    Where none of its kind of time went by in the pause, its end stands as it was: two times on the wall may
    be the same moment of work (18:00, and 08:00 of the next working day), and nobody is told another one for
    nothing. It turns yellow with as much left as it would have before the pause; ``warn_percent`` counts only
    for clocks of old entries, which do not tell when. Raises CalendarTooShort, NaiveTime.
    """
    limit = Limit.parse(before.limit)
    unit = limit.unit
    stands = remaining(calendar, unit, now, before.due_at) == left
    ends = before.due_at if stands else advance(calendar, unit, now, left)
    if _untold(before):
        then = _left_at_warning(whole_of(calendar, limit), warn_percent)
    else:
        then = remaining(calendar, unit, before.warn_at, before.due_at)
    return Started(
        clock=before.clock,
        run=before.run,
        limit=before.limit,
        calendar=before.calendar,
        due_at=ends,
        warn_at=_warning(calendar, unit, now, ends, left, then),
        unconfirmed_year=unconfirmed(calendar, unit, now, ends),
    )


def extended(before: Started, calendar: Calendar, now: datetime, granted: int, warn_percent: int) -> Started:
    """A clock whose end moves by one original limit (延期); the same run.

    ``granted`` extensions it will have had with this one: it turns yellow by the limit and all of them
    together. Raises CalendarTooShort, NaiveTime.
    """
    limit = Limit.parse(before.limit)
    ends = due(calendar, limit, before.due_at)
    left = remaining(calendar, limit.unit, now, ends)
    then = _left_at_warning(whole_of(calendar, limit) * (granted + 1), warn_percent)
    return replace(
        before,
        due_at=ends,
        warn_at=_warning(calendar, limit.unit, now, ends, left, then),
        unconfirmed_year=unconfirmed(calendar, limit.unit, now, ends),
    )


def warns_at(clock: Started, calendar: Calendar, warn_percent: int) -> datetime:
    """When a clock turns yellow; reckoned from its end where an old entry does not tell.

    Raises CalendarTooShort.
    """
    if not _untold(clock):
        return clock.warn_at
    limit = Limit.parse(clock.limit)
    then = _left_at_warning(whole_of(calendar, limit), warn_percent)
    return min(advance(calendar, limit.unit, clock.due_at, -then), clock.due_at)


def whole_of(calendar: Calendar, limit: Limit) -> timedelta:
    """How much of its own kind of time a limit is, wherever it starts; a working day is its hours.

    A single run may be given an hour more or less where clocks go forward or back while it lasts.
    """
    if limit.unit is Unit.ED:
        return timedelta(days=limit.amount)
    if limit.unit is Unit.WD:
        return timedelta(minutes=limit.amount * _day(calendar))
    return limit.amount * LENGTH[limit.unit]


def unconfirmed(calendar: Calendar, unit: Unit, start: datetime, ends: datetime) -> bool:
    """May the end still move, because nobody has published the days off of its year?

    Only an end in working time can: the others run through days off.
    """
    return unit not in ELAPSED and not (calendar.confirmed(ends) and calendar.confirmed(start))


def _day(calendar: Calendar) -> int:
    """The minutes of a working day."""
    return sum(
        ((end.hour * 60 + end.minute) or 24 * 60) - (begin.hour * 60 + begin.minute)
        for begin, end in calendar.hours
    )


def _untold(clock: Started) -> bool:
    """Does its entry not tell when it turns yellow? Then `dispatch.applying` has put its end there."""
    return clock.warn_at == clock.due_at


def _left_at_warning(whole: timedelta, percent: int) -> timedelta:
    return whole * (100 - percent) / 100


def _warning(
    calendar: Calendar, unit: Unit, now: datetime, ends: datetime, left: timedelta, then: timedelta
) -> datetime:
    """When no more than ``then`` is left of what is left now; now, where that is so already."""
    if left <= then:
        return now
    return min(advance(calendar, unit, now, left - then), ends)
