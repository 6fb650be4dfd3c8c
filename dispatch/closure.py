"""Closure figures: facts about incidents are counted, and every figure is a quotient of two counts.

The formulas are those of the domain notes, "Closure figures"; "closure rate" means three different things, so
each has its own key. Where an incident stands:

* The **cohort** of a period is what was reported in it. ``reported = open + closed + rejected + cancelled``
  always holds. Imported history counts by the times its source states; what is open in it is open.
* A **cancelled** incident leaves every denominator. A **rejected** one stays in ``reported`` and, never
  having had a handling limit, is never due.
* **Due for closure** in a period is what has its limit in the period, or had it before and was not closed
  before the period. A clock that pauses after a return has no end and so is not due. For a period that still
  runs, end it now to leave out what is not due yet.
* The **last closing** counts: a reopened incident is open. A closing whose time the source does not state is
  closed, but never on time, and is not carried over as a backlog.
* **Overdue open** is as of the period's end, or now while it still runs.
* An incident needed **no human hand** until it was handled, where a rule filed and dispatched it with its
  report, and nobody has since taken that back, returned it, reopened it or dispatched it again. What a rule
  only filed was dispatched by somebody; what was rejected was never filed.
* A **dispatch** was accurate where the incident was never given to another department afterwards, also not
  after it was reopened; returned and given to the same department again, it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Final

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


_FACTS: Final = tuple(f.name for f in fields(IncidentFacts))


def facts(incident: Incident) -> IncidentFacts:
    """What the figures need to know of this incident."""
    return IncidentFacts(**{name: getattr(incident, name) for name in _FACTS})


@dataclass(slots=True)
class Tally:
    """Counts that add up: the tally of a whole is the sum of the tallies of its parts.

    Of the cohort (reported in the period): ``reported`` to ``never_redirected``; ``to_file`` leaves out the
    cancelled and imported history that was never ours to file; ``automatic``, of ``filed``, needed no human
    hand until it was handled; ``never_redirected``, of ``dispatched``, went to one department only.
    ``with_limit`` and ``without_limit`` part what
    is neither cancelled nor rejected; ``closed_within_limit`` is of ``with_limit``. Of what is due for
    closure: ``due`` = ``due_closed`` + ``overdue_open`` + ``due_later``; ``due_closed_on_time`` is of
    ``due_closed``; ``due_reworks`` are the reworks of ``due``.
    """

    reported: int = 0
    open: int = 0
    closed: int = 0
    rejected: int = 0
    cancelled: int = 0
    to_file: int = 0
    filed: int = 0
    automatic: int = 0
    with_limit: int = 0
    without_limit: int = 0
    closed_within_limit: int = 0
    dispatched: int = 0
    never_redirected: int = 0
    due: int = 0
    due_closed: int = 0
    due_closed_on_time: int = 0
    overdue_open: int = 0
    due_later: int = 0
    due_reworks: int = 0

    @property
    def standing(self) -> int:
        """Reported and not cancelled."""
        return self.reported - self.cancelled

    def __add__(self, other: Tally) -> Tally:
        return Tally(**{name: getattr(self, name) + getattr(other, name) for name in COUNTERS})


#: The names of all counters of a tally.
COUNTERS: Final = tuple(f.name for f in fields(Tally))


def count(rows: Iterable[IncidentFacts], period: Period, now: datetime) -> Tally:
    """Count the incidents for a period, as things stand at ``now``; raises NaiveTime.

    A month worked out by hand. Of five reports of March one was filed, dispatched and closed a day early, one
    closed a day late, one is open and overdue, one was rejected and one cancelled:

    >>> from datetime import UTC
    >>> def march(day: int) -> datetime:
    ...     return datetime(2026, 3, day, tzinfo=UTC)
    >>> rows = [
    ...     IncidentFacts(Stage.CLOSED, march(2), march(2), march(2), march(3), march(3), march(4), 1),
    ...     IncidentFacts(
    ...         Stage.CLOSED, march(2), march(2), march(2), march(5), march(5), march(4), 2, 1, redirected=1
    ...     ),
    ...     IncidentFacts(Stage.HANDLING, march(9), march(9), march(9), None, None, march(11), 1),
    ...     IncidentFacts(Stage.REJECTED, march(10)),
    ...     IncidentFacts(Stage.CANCELLED, march(10)),
    ... ]
    >>> tally = count(rows, Period(march(1), march(31)), now=march(20))
    >>> for figure in figures(tally):
    ...     print(f"{figure.key}: {figure.numerator}/{figure.denominator} = {figure.percent()}")
    closed_of_reported: 2/4 = 50.00
    closure: 2/3 = 66.67
    on_time_closure: 1/3 = 33.33
    on_time_of_targeted: 1/3 = 33.33
    filing: 3/4 = 75.00
    automatic: 0/3 = 0.00
    rework: 0/3 = 0.00
    dispatch_accuracy: 2/3 = 66.67
    overdue_open: 1/3 = 33.33
    """
    if now.tzinfo is None:
        raise NaiveTime(now)
    as_of = now if period.end is None else min(now, period.end)
    tally = Tally()
    for row in rows:
        if row.reported_at in period:
            _count_cohort(tally, row)
        due_at = _due(row, period)
        if due_at is not None:
            _count_due(tally, row, due_at, period, as_of)
    return tally


def is_counted(row: IncidentFacts, period: Period) -> bool:
    """Is the incident in any count of the period: reported in it, or due for closure in it?"""
    return row.reported_at in period or _due(row, period) is not None


_NEVER_DUE: Final = frozenset({Stage.CANCELLED, Stage.REJECTED})


def _due(row: IncidentFacts, period: Period) -> datetime | None:
    """When the incident is due, where that makes it due for closure in the period."""
    if row.due_at is None or row.stage in _NEVER_DUE or not period.reaches(row.due_at):
        return None
    carried_over, closed = period.is_after(row.due_at), row.stage is Stage.CLOSED
    if carried_over and closed and (row.closed_at is None or period.is_after(row.closed_at)):
        return None
    return row.due_at


def _count_cohort(tally: Tally, row: IncidentFacts) -> None:
    tally.reported += 1
    if row.stage is Stage.CANCELLED:
        tally.cancelled += 1
        return
    if not row.imported or row.filed_at is not None or row.stage in (Stage.INTAKE, Stage.REJECTED):
        tally.to_file += 1
        tally.filed += row.filed_at is not None
        tally.automatic += row.filed_at is not None and row.auto_dispatched and row.returns == 0
    if row.stage is Stage.REJECTED:
        tally.rejected += 1
        return
    if row.stage is Stage.CLOSED:
        tally.closed += 1
    else:
        tally.open += 1
    if row.due_at is None:
        tally.without_limit += 1
    else:
        tally.with_limit += 1
        tally.closed_within_limit += _closed_by(row, row.due_at)
    tally.dispatched += row.dispatches > 0
    tally.never_redirected += row.dispatches > 0 and row.redirected == 0


def _count_due(tally: Tally, row: IncidentFacts, due_at: datetime, period: Period, as_of: datetime) -> None:
    closed = row.stage is Stage.CLOSED
    tally.due += 1
    tally.due_reworks += row.reworks
    if closed and (row.closed_at is None or period.reaches(row.closed_at)):
        tally.due_closed += 1
        tally.due_closed_on_time += _closed_by(row, due_at)
    elif due_at < as_of:
        tally.overdue_open += 1
    else:
        tally.due_later += 1


def _closed_by(row: IncidentFacts, due_at: datetime) -> bool:
    return row.stage is Stage.CLOSED and row.closed_at is not None and row.closed_at <= due_at


@dataclass(frozen=True, slots=True)
class Definition:
    """What a figure means. ``numerator`` and ``denominator`` name counts of a tally."""

    key: str
    name_zh: str
    name_en: str
    formula: str
    numerator: str
    denominator: str


DEFINITIONS: Final[Mapping[str, Definition]] = {
    d.key: d
    for d in (
        Definition(
            "closed_of_reported",
            "上报结案率",
            "closed of reported",
            "closed / reported in the period, without cancelled",
            "closed",
            "standing",
        ),
        Definition(
            "closure", "结案率", "closure rate", "closed / due for closure in the period", "due_closed", "due"
        ),
        Definition(
            "on_time_closure",
            "按期结案率",
            "on-time closure",
            "closed within the limit / due for closure in the period",
            "due_closed_on_time",
            "due",
        ),
        Definition(
            "on_time_of_targeted",
            "有时限案卷按期结案率",
            "closed on time of those with a limit",
            "closed within the limit / reported in the period with a limit, without rejected and cancelled",
            "closed_within_limit",
            "with_limit",
        ),
        Definition(
            "filing",
            "立案率",
            "filing",
            "filed / reported in the period, without cancelled and imported history",
            "filed",
            "to_file",
        ),
        Definition(
            "automatic",
            "无人工干预率",
            "without a human hand",
            "filed and dispatched by a rule, and since then not taken back, returned, reopened or dispatched"
            " by a person / filed, of those reported in the period",
            "automatic",
            "filed",
        ),
        Definition(
            "rework",
            "返工率",
            "rework",
            "rework events / due for closure in the period",
            "due_reworks",
            "due",
        ),
        Definition(
            "dispatch_accuracy",
            "准确派遣率",
            "dispatch accuracy",
            "never dispatched to another department afterwards / dispatched, of those reported in the period",
            "never_redirected",
            "dispatched",
        ),
        Definition(
            "overdue_open",
            "超期未结",
            "overdue open",
            "open and past the limit / due for closure in the period",
            "overdue_open",
            "due",
        ),
    )
}

#: What a figure with a zero denominator shows: neither 0 nor 100.
NO_FIGURE: Final = "–"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with the definition, numerator and denominator it must never be shown without."""

    key: str
    name_zh: str
    name_en: str
    formula: str
    numerator: int
    denominator: int

    @property
    def rate(self) -> Fraction | None:
        """The exact quotient; None where the denominator is 0."""
        return Fraction(self.numerator, self.denominator) if self.denominator else None

    def percent(self, places: int = 2) -> str:
        """The rate in per cent with so many decimals, half rounded up; "–" where there is none.

        >>> Figure("closure", "结案率", "closure rate", "closed / due", 12692, 15893).percent()
        '79.86'
        >>> Figure("closure", "结案率", "closure rate", "closed / due", 0, 0).percent()
        '–'
        """
        if not self.denominator:
            return NO_FIGURE
        # whole numbers up to the last step, so that a half is a half
        scaled = Decimal((self.numerator * 10 ** (places + 3)) // self.denominator).scaleb(-places - 1)
        return str(scaled.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))


def figures(tally: Tally) -> tuple[Figure, ...]:
    """All figures of a tally, in the order of :data:`DEFINITIONS`."""
    return tuple(
        Figure(
            d.key, d.name_zh, d.name_en, d.formula, getattr(tally, d.numerator), getattr(tally, d.denominator)
        )
        for d in DEFINITIONS.values()
    )
