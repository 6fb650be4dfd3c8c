"""Closure counts: facts about incidents are counted; `dispatch.figures` divides one count by another.

The formulas are those of the domain notes, "Closure figures". Where an incident stands:

* The **cohort** of a period is what was reported in it. ``reported = open + closed + rejected + cancelled +
  joined`` always holds. Imported history counts by the times its source states; what is open in it is open.
* A **cancelled** incident leaves every denominator, and so does a **joined** one: it is in no count but
  ``reported`` and its own, for its outcome is its leader's. A **rejected** one stays in ``reported`` and,
  never having had a handling limit, is never due.
* What was **self-handled** is closed and counted apart: nobody had to file, dispatch or handle it. Reopened,
  it is an incident like any other.
* **Due for closure** in a period is what has its limit, with the extensions granted, in the period, or had it
  before and was not closed before the period. **Due for handling** likewise, with the department's word that
  it is handled instead of the closing. A clock that pauses after a return or a correction has no end and so
  is not due. For a period that still runs, end it now to leave out what is not due yet.
* What stands **suspended** has a clock that is stopped, and so is not due. Figures "with suspended" add it,
  as due and not closed, to every period before whose end it was dispatched: its clock might have run out
  there, had it run. Once it resumes it is due when its clock then says, in both.
* The **last closing** counts: a reopened incident is open. A closing whose time the source does not state is
  closed, but never on time, and is not carried over as a backlog.
* An appeal that was granted makes a late closing **exempt**: it stays late in every figure but the one "with
  exemptions". It is the department's that appealed: where another handles it later, there is none.
* **Overdue open** is as of the period's end, or now while it still runs.
* An incident needed **no human hand** until it was handled, where a rule filed and dispatched it with its
  report, and nobody has since taken that back, returned it, reopened it or dispatched it again. What a rule
  only filed was dispatched by somebody; what was rejected was never filed.
* A **dispatch** was accurate where the incident was never given to another department afterwards, also not
  after it was reopened; returned and given to the same department again, it was. A dispatch that its author
  took back never was one. What a correction of the place or category sent elsewhere was not accurate.
* The **last call-back** of an incident counts, also after it was reopened because of it. It is valid for a
  question where that was answered: whether somebody was reached always is, the others are where they were
  reached and would say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from dispatch.errors import BadPeriod, NaiveTime
from dispatch.incidents import Incident
from dispatch.lifecycle import Stage


@dataclass(frozen=True, slots=True)
class Period:
    """From ``start`` up to, not including, ``end``; None is without end. Raises BadPeriod, NaiveTime."""

    start: datetime | None = None
    end: datetime | None = None

    def __post_init__(self) -> None:
        for moment in (self.start, self.end):
            if moment is not None and moment.tzinfo is None:
                raise NaiveTime(moment)
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise BadPeriod(f"a period from {self.start} to {self.end} holds no time: its end must be later")

    def __contains__(self, moment: datetime) -> bool:
        return not self.is_after(moment) and self.reaches(moment)

    def is_after(self, moment: datetime) -> bool:
        """Does the period start after this moment?"""
        return self.start is not None and moment < self.start

    def reaches(self, moment: datetime) -> bool:
        """Does the period end after this moment?"""
        return self.end is None or moment < self.end


#: How an appeal ends well (`dispatch.lifecycle`: the outcome of deciding it).
GRANTED: Final = "granted"


@dataclass(frozen=True, slots=True)
class IncidentFacts:
    """What the figures need to know of one incident."""

    stage: Stage
    reported_at: datetime
    filed_at: datetime | None = None
    dispatched_at: datetime | None = None
    handled_at: datetime | None = None
    closed_at: datetime | None = None
    due_at: datetime | None = None
    dispatches: int = 0
    returns: int = 0
    reworks: int = 0
    reopenings: int = 0
    imported: bool = False
    redirected: int = 0
    auto_dispatched: bool = False
    self_handled: bool = False
    extensions: int = 0
    appeal: str | None = None
    contacted: bool | None = None
    solved: bool | None = None
    satisfied: bool | None = None

    @property
    def is_self_handled(self) -> bool:
        """Was it put right on the spot, and has stayed so?"""
        return self.self_handled and self.stage is Stage.CLOSED


#: What the last call-back told.
_TOLD: Final = ("contacted", "solved", "satisfied")
_OWN: Final = tuple(f.name for f in fields(IncidentFacts) if f.name not in _TOLD)


def facts(incident: Incident) -> IncidentFacts:
    """What the figures need to know of this incident."""
    known: dict[str, Any] = {name: getattr(incident, name) for name in _OWN}
    known |= {name: getattr(incident.call_back, name, None) for name in _TOLD}
    return IncidentFacts(**known)


@dataclass(slots=True)
class Tally:
    """Counts that add up: the tally of a whole is the sum of the tallies of its parts.

    Of the cohort (reported in the period): ``reported`` to ``satisfied``. ``self_handled`` is of ``closed``,
    ``suspended`` of ``open``. ``to_file`` leaves out what was cancelled, joined or self-handled, and imported
    history that was never ours to file; ``automatic``, of ``filed``, needed no human hand until it was
    handled; ``never_redirected``, of ``dispatched``, went to one department only. ``with_limit`` and
    ``without_limit`` part what is open or closed; ``closed_within_limit`` is of ``with_limit``. Somebody was
    ``contacted`` of those ``called_back``; ``told_solved`` and ``told_satisfied`` are those who said whether
    it is, ``solved`` and ``satisfied`` who said yes.

    Of what is due for closure: ``due`` = ``due_closed`` + ``overdue_open`` + ``due_later``;
    ``due_closed_on_time`` and ``due_exempt``, closed late and exempted, are of ``due_closed``;
    ``due_reworks`` are the reworks of ``due``; ``due_suspended``, not of ``due``, stands suspended. Of what
    is due for handling, ``handling_due``: ``handling_done`` in the period or before, ``handling_on_time``
    within the limit, and ``handling_extended`` at least once.
    """

    reported: int = 0
    open: int = 0
    closed: int = 0
    rejected: int = 0
    cancelled: int = 0
    joined: int = 0
    self_handled: int = 0
    suspended: int = 0
    to_file: int = 0
    filed: int = 0
    automatic: int = 0
    with_limit: int = 0
    without_limit: int = 0
    closed_within_limit: int = 0
    dispatched: int = 0
    never_redirected: int = 0
    called_back: int = 0
    contacted: int = 0
    told_solved: int = 0
    solved: int = 0
    told_satisfied: int = 0
    satisfied: int = 0
    due: int = 0
    due_closed: int = 0
    due_closed_on_time: int = 0
    overdue_open: int = 0
    due_later: int = 0
    due_reworks: int = 0
    due_exempt: int = 0
    due_suspended: int = 0
    handling_due: int = 0
    handling_done: int = 0
    handling_on_time: int = 0
    handling_extended: int = 0

    @property
    def standing(self) -> int:
        """Reported, and neither cancelled nor joined."""
        return self.reported - self.cancelled - self.joined

    @property
    def due_on_time_or_exempt(self) -> int:
        """Closed within the limit, or late and exempted."""
        return self.due_closed_on_time + self.due_exempt

    @property
    def due_with_suspended(self) -> int:
        """Due for closure, and what stands suspended."""
        return self.due + self.due_suspended

    def __add__(self, other: Tally) -> Tally:
        return Tally(**{name: getattr(self, name) + getattr(other, name) for name in COUNTERS})


#: The names of all counters of a tally.
COUNTERS: Final = tuple(f.name for f in fields(Tally))


def count(rows: Iterable[IncidentFacts], period: Period, now: datetime) -> Tally:
    """Count the incidents for a period, as things stand at ``now``; raises NaiveTime."""
    if now.tzinfo is None:
        raise NaiveTime(now)
    as_of = now if period.end is None else min(now, period.end)
    tally = Tally()
    for row in rows:
        if row.reported_at in period:
            _count_cohort(tally, row)
        _count_due(tally, row, period, as_of)
    return tally


def is_counted(row: IncidentFacts, period: Period) -> bool:
    """Is the incident in any count of the period: reported in it, or due in it?"""
    closed = row.stage is Stage.CLOSED
    return (
        row.reported_at in period
        or _due(row, period, closed, row.closed_at) is not None
        or _stands_suspended(row, period)
    )


_NOT_DUE: Final = frozenset({Stage.CANCELLED, Stage.REJECTED, Stage.JOINED, Stage.SUSPENDED})


def _due(row: IncidentFacts, period: Period, done: bool, done_at: datetime | None) -> datetime | None:
    """When the incident is due, where that makes it due in the period; ``done``: closed, or handled."""
    if row.due_at is None or row.stage in _NOT_DUE or row.is_self_handled or not period.reaches(row.due_at):
        return None
    carried_over = period.is_after(row.due_at)
    if carried_over and done and (done_at is None or period.is_after(done_at)):
        return None
    return row.due_at


def _stands_suspended(row: IncidentFacts, period: Period) -> bool:
    """Is its clock stopped until a date, where it might have run out by the end of the period?"""
    return (
        row.stage is Stage.SUSPENDED and row.dispatched_at is not None and period.reaches(row.dispatched_at)
    )


def _count_cohort(tally: Tally, row: IncidentFacts) -> None:
    tally.reported += 1
    if row.stage is Stage.CANCELLED:
        tally.cancelled += 1
        return
    if row.stage is Stage.JOINED:
        tally.joined += 1
        return
    _count_call_back(tally, row)
    if row.is_self_handled:
        tally.self_handled += 1
    else:
        _count_course(tally, row)
    if row.stage is Stage.REJECTED:
        tally.rejected += 1
        return
    if row.stage is Stage.CLOSED:
        tally.closed += 1
    else:
        tally.open += 1
        tally.suspended += row.stage is Stage.SUSPENDED
    if row.due_at is None:
        tally.without_limit += 1
    else:
        tally.with_limit += 1
        tally.closed_within_limit += _by(row.due_at, row.stage is Stage.CLOSED, row.closed_at)


def _count_course(tally: Tally, row: IncidentFacts) -> None:
    """Was it ours to file, did a rule do it all, how was it dispatched?"""
    if not row.imported or row.filed_at is not None or row.stage in (Stage.INTAKE, Stage.REJECTED):
        tally.to_file += 1
        tally.filed += row.filed_at is not None
        tally.automatic += row.filed_at is not None and row.auto_dispatched and row.returns == 0
    if row.stage is not Stage.REJECTED:
        tally.dispatched += row.dispatches > 0
        tally.never_redirected += row.dispatches > 0 and row.redirected == 0


def _count_call_back(tally: Tally, row: IncidentFacts) -> None:
    tally.called_back += row.contacted is not None
    tally.contacted += row.contacted is True
    tally.told_solved += row.solved is not None
    tally.solved += row.solved is True
    tally.told_satisfied += row.satisfied is not None
    tally.satisfied += row.satisfied is True


def _count_due(tally: Tally, row: IncidentFacts, period: Period, as_of: datetime) -> None:
    tally.due_suspended += _stands_suspended(row, period)
    closed = row.stage is Stage.CLOSED
    due_at = _due(row, period, closed, row.closed_at)
    if due_at is not None:
        tally.due += 1
        tally.due_reworks += row.reworks
        if closed and (row.closed_at is None or period.reaches(row.closed_at)):
            on_time = _by(due_at, closed, row.closed_at)
            tally.due_closed += 1
            tally.due_closed_on_time += on_time
            tally.due_exempt += not on_time and row.appeal == GRANTED
        elif due_at < as_of:
            tally.overdue_open += 1
        else:
            tally.due_later += 1
    _count_handling(tally, row, period)


def _count_handling(tally: Tally, row: IncidentFacts, period: Period) -> None:
    """What another system closed was handled when it was closed: more it does not say."""
    handled_at = row.closed_at if row.handled_at is None and row.stage is Stage.CLOSED else row.handled_at
    handled = handled_at is not None or row.stage is Stage.CLOSED
    due_at = _due(row, period, handled, handled_at)
    if due_at is None:
        return
    tally.handling_due += 1
    tally.handling_extended += row.extensions > 0
    if handled and (handled_at is None or period.reaches(handled_at)):
        tally.handling_done += 1
        tally.handling_on_time += _by(due_at, handled, handled_at)


def _by(due_at: datetime, done: bool, done_at: datetime | None) -> bool:
    """Was it done by then?"""
    return done and done_at is not None and done_at <= due_at
