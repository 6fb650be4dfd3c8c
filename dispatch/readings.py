"""How far each clock of an incident had come at a moment, now or in the past, from its entries alone.

A return, a correction that takes it from its department, and a suspension pause the clock of handling; an
extension moves its end. That of supervision runs beside whichever else runs. What is taken back leaves the
clocks, from then on, as if it had not been done; until then they show what it did.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise, takewhile
from typing import Final

from dispatch.clocks import Clock, warns_at
from dispatch.deadlines import ELAPSED, Calendar, Limit, Unit, remaining
from dispatch.ending_facts import TakenBack
from dispatch.entries import Dispatched, Entry, Started
from dispatch.errors import NaiveTime
from dispatch.handling_facts import Granted
from dispatch.incidents import Incident, extend
from dispatch.rules import Rules

_ZERO: Final = timedelta(0)


class State(StrEnum):
    """What a clock does at a moment; ``resumed``: it runs again after a pause."""

    RUNNING = "running"
    PAUSED = "paused"
    RESUMED = "resumed"
    ENDED = "ended"


STATE_ZH: Final = {
    State.RUNNING: "计时中",
    State.PAUSED: "已暂停",
    State.RESUMED: "恢复计时",
    State.ENDED: "已结束",
}


class Colour(StrEnum):
    """Below the warning, from there to the end, past it (domain notes, "From report to closure")."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


COLOUR_ZH: Final = {Colour.GREEN: "绿", Colour.YELLOW: "黄", Colour.RED: "红"}


@dataclass(frozen=True, slots=True)
class Reading:
    """One run of one clock at a moment.

    ``extensions`` were granted for this run: its length is the limit once, and once more for each of them.
    ``elapsed``, ``paused`` and ``remaining`` are of the limit's own kind of time: working time where
    ``working``, else time as it passes; ``paused_wall`` is the pauses as time passes. ``remaining`` is
    negative where it is late, ``overdue`` is that much, or nothing. ``due_at`` and ``warn_at`` are None once
    it was paused: they follow from when it goes on. ``colour``: that of the moment, or that with which it
    paused or ended. A clock that ended on its due time is not late.
    """

    clock: str
    run: int
    limit: str
    extensions: int
    calendar: str
    working: bool
    state: State
    started_at: datetime
    ended_at: datetime | None
    elapsed: timedelta
    paused: timedelta
    paused_wall: timedelta
    remaining: timedelta
    warn_at: datetime | None
    due_at: datetime | None
    colour: Colour
    overdue: timedelta
    unconfirmed_year: bool


@dataclass(slots=True, eq=False)
class _Run:
    """One run while its entries are being read: the stretches in which it ran, and what it was told last."""

    number: int
    started: Started
    stretches: list[tuple[datetime, datetime | None]] = field(default_factory=list)
    left: timedelta | None = None
    ended_at: datetime | None = None
    extensions: int = 0

    @property
    def waits(self) -> bool:
        """Does it pause?"""
        return self.left is not None and self.ended_at is None

    def goes_on(self, told: Started, at: datetime) -> None:
        """It runs from here: for the first time, after a pause, or, where it had ended, as if it had not."""
        if self.ended_at is not None:
            self.stretches[-1] = (self.stretches[-1][0], None)
        else:
            self.stretches.append((at, None))
        self.started, self.left, self.ended_at = told, None, None

    def stops(self, at: datetime) -> None:
        """It runs up to here."""
        self.stretches[-1] = (self.stretches[-1][0], at)


#: The runs of one incident by the name of the clock and the number that entries give the run.
_Runs = dict[tuple[str, int], _Run]


def readings(rules: Rules, entries: Iterable[Entry], moment: datetime) -> tuple[Reading, ...]:
    """What the clocks of one incident show at a moment, in the order in which they first started.

    ``entries``: its whole history in order; what was recorded after the moment is not looked at. ``rules``
    give the calendars, and the share of a limit after which it turns yellow where an old entry does not tell.
    What entries say of due times stands, whatever the rules are now. Raises BrokenHistory, NaiveTime,
    CalendarTooShort.
    """
    if moment.tzinfo is None:
        raise NaiveTime(moment)
    found = dict.fromkeys(_runs(entries, moment).values())
    return tuple(_read(run, rules, moment) for run in found)


def _runs(entries: Iterable[Entry], moment: datetime) -> _Runs:
    """The runs as the entries up to the moment left them."""
    known = tuple(takewhile(lambda entry: entry.recorded_at <= moment, entries))
    taken = {entry.fact.number for entry in known if isinstance(entry.fact, TakenBack)}
    runs: _Runs = {}
    kept: _Runs = {}
    incident: Incident | None = None
    for entry in known:
        if entry.number in taken:
            kept = deepcopy(runs)
        before, incident = _running(incident), extend(incident, (entry,))
        if isinstance(entry.fact, TakenBack):
            runs = kept
        else:
            _follow(runs, before, incident, entry)
    return runs


def _running(incident: Incident | None) -> Sequence[Started]:
    """The clocks that run: that of the stage, and that of supervision."""
    if incident is None:
        return ()
    supervision = None if incident.supervision is None else incident.supervision.starts
    return tuple(clock for clock in (incident.clock, supervision) if clock is not None)


def _follow(runs: _Runs, before: Sequence[Started], incident: Incident, entry: Entry) -> None:
    """Let the runs do what an entry did to the clocks that ran before it."""
    after = {_key(clock): clock for clock in _running(incident)}
    for clock in before:
        if _key(clock) not in after:
            _stop(runs[_key(clock)], incident, entry.recorded_at)
        elif after[_key(clock)] != clock:
            run = runs[_key(clock)]
            run.started = after[_key(clock)]
            run.extensions += isinstance(entry.fact, Granted)
    for clock in after.values():
        if _key(clock) not in map(_key, before):
            _start(runs, clock, entry)
    if incident.remaining_s is None:
        _forget_pauses(runs, entry.recorded_at)


def _key(clock: Started) -> tuple[str, int]:
    return clock.clock, clock.run


def _stop(run: _Run, incident: Incident, at: datetime) -> None:
    """It ends, or pauses where time is kept for it: only that of handling ever does."""
    run.stops(at)
    if run.started.clock == Clock.HANDLING and incident.remaining_s is not None:
        run.left = timedelta(seconds=incident.remaining_s)
    else:
        run.ended_at = at


def _start(runs: _Runs, clock: Started, entry: Entry) -> None:
    fact, key = entry.fact, _key(clock)
    if isinstance(fact, Dispatched) and fact.resumed and key not in runs:
        # Old entries did not tell which run goes on: it is the one that pauses.
        runs.update((key, run) for run in tuple(runs.values()) if run.waits)
    runs.setdefault(key, _Run(clock.run, clock)).goes_on(clock, entry.recorded_at)


def _forget_pauses(runs: _Runs, at: datetime) -> None:
    """Nothing is kept for whoever returned it: what still pauses has ended."""
    for run in runs.values():
        if run.waits:
            run.ended_at = at


def _read(run: _Run, rules: Rules, moment: datetime) -> Reading:
    told = run.started
    calendar, unit = rules.calendar_of(told.calendar), Limit.parse(told.limit).unit
    stretches = [(begin, end or moment) for begin, end in run.stretches]
    until = stretches[-1][1]
    left = remaining(calendar, unit, until, told.due_at) if run.left is None else run.left
    warn_at = warns_at(told, calendar, rules.clocks.warn_percent)
    pauses = [(end, begin) for (_, end), (begin, _) in pairwise(stretches)]
    if run.left is not None:
        pauses.append((until, run.ended_at or moment))
    return Reading(
        clock=told.clock,
        run=run.number,
        limit=told.limit,
        extensions=run.extensions,
        calendar=told.calendar,
        working=unit not in ELAPSED,
        state=_state(run),
        started_at=stretches[0][0],
        ended_at=run.ended_at,
        elapsed=_sum(calendar, unit, stretches),
        paused=_sum(calendar, unit, pauses),
        paused_wall=sum((end - begin for begin, end in pauses), _ZERO),
        remaining=left,
        warn_at=warn_at if run.left is None else None,
        due_at=told.due_at if run.left is None else None,
        colour=colour(until, warn_at, told.due_at),
        overdue=max(_ZERO, -left),
        unconfirmed_year=told.unconfirmed_year,
    )


def _state(run: _Run) -> State:
    if run.ended_at is not None:
        return State.ENDED
    if run.left is not None:
        return State.PAUSED
    return State.RUNNING if len(run.stretches) == 1 else State.RESUMED


def colour(moment: datetime, warn_at: datetime, due_at: datetime) -> Colour:
    """The colour of a clock that runs: on its due time it is yellow still, past it red."""
    if moment > due_at:
        return Colour.RED
    return Colour.YELLOW if moment >= warn_at else Colour.GREEN


def _sum(calendar: Calendar, unit: Unit, parts: Iterable[tuple[datetime, datetime]]) -> timedelta:
    return sum((remaining(calendar, unit, begin, end) for begin, end in parts), _ZERO)
