"""The laws of closure counts and figures: they add up, whatever the incidents, the period and the moment."""

from collections.abc import Callable
from datetime import datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dispatch.closure import COUNTERS, IncidentFacts, Period, Tally, count
from dispatch.figures import figures
from dispatch.lifecycle import Stage
from tests.dispatch.test_closure import day

days = st.integers(-40, 80).map(day)
optional_days = st.none() | days
few = st.integers(0, 3)
incident_facts = st.builds(
    IncidentFacts,
    *(st.sampled_from(Stage), days),
    *(optional_days, optional_days, optional_days, optional_days, optional_days),
    *(few, few, few, few, st.booleans(), few, st.booleans()),
    *(st.booleans(), few, st.sampled_from([None, "open", "granted", "refused"])),
    *(st.none() | st.booleans(), st.none() | st.booleans(), st.none() | st.booleans()),
)
rows_of = st.lists(incident_facts, max_size=30)
periods = (
    st.tuples(optional_days, optional_days)
    .filter(lambda p: None in p or p[0] < p[1])
    .map(lambda p: Period(*p))
)


@given(rows_of, periods, days)
def test_every_report_is_somewhere(rows: list[IncidentFacts], period: Period, now: datetime) -> None:
    """reported = open + closed + rejected + cancelled + joined."""
    t = count(rows, period, now)
    assert t.reported == t.open + t.closed + t.rejected + t.cancelled + t.joined
    assert t.self_handled <= t.closed
    assert t.suspended <= t.open
    assert t.with_limit + t.without_limit == t.open + t.closed


@given(rows_of, periods, days)
def test_everything_due_is_closed_overdue_or_due_later(
    rows: list[IncidentFacts], period: Period, now: datetime
) -> None:
    """due = closed + overdue open + due later; nothing is late and in time, nor handled without being due."""
    t = count(rows, period, now)
    assert t.due == t.due_closed + t.overdue_open + t.due_later
    assert t.due_closed_on_time + t.due_exempt <= t.due_closed
    assert t.handling_on_time <= t.handling_done <= t.handling_due


@given(rows_of, periods, days)
def test_no_rate_but_rework_exceeds_one(rows: list[IncidentFacts], period: Period, now: datetime) -> None:
    for figure in figures(count(rows, period, now)):
        assert figure.numerator >= 0
        if figure.key != "rework":
            assert figure.numerator <= figure.denominator


@given(rows_of, rows_of, periods, days)
def test_the_parts_add_up_to_the_whole(
    some: list[IncidentFacts], others: list[IncidentFacts], period: Period, now: datetime
) -> None:
    """count(a + b) = count(a) + count(b), and nothing added changes nothing."""
    assert count(some + others, period, now) == count(some, period, now) + count(others, period, now)
    assert count(some, period, now) + Tally() == count(some, period, now)
    assert sum((count([row], period, now) for row in some), Tally()) == count(some, period, now)


@given(rows_of, periods, days)
def test_what_is_cancelled_or_joined_leaves_every_figure(
    rows: list[IncidentFacts], period: Period, now: datetime
) -> None:
    """The figures are the same as if the cancelled and the joined had never been."""
    kept = [row for row in rows if row.stage not in (Stage.CANCELLED, Stage.JOINED)]
    assert figures(count(rows, period, now)) == figures(count(kept, period, now))


@given(rows_of, st.integers(-39, 79), days)
def test_cohorts_of_neighbouring_periods_add_up(rows: list[IncidentFacts], cut: int, now: datetime) -> None:
    """Before and after a moment are together all of time, for everything that is counted by its report."""
    before, after = count(rows, Period(None, day(cut)), now), count(rows, Period(day(cut), None), now)
    whole = count(rows, Period(), now)
    for name in COUNTERS:
        if not name.startswith(("due", "overdue", "handling")):
            assert getattr(before + after, name) == getattr(whole, name), name


@given(rows_of, st.lists(st.integers(-40, 80), min_size=2, max_size=6, unique=True), days)
def test_whatever_has_a_limit_is_due_in_some_month(
    rows: list[IncidentFacts], cuts: list[int], now: datetime
) -> None:
    """Nothing falls between two periods: what all of time calls due, one of its parts does too."""
    bounds = [None, *map(day, sorted(cuts)), None]
    for row in rows:
        whole = count([row], Period(), now).due
        parts = [count([row], Period(*pair), now).due for pair in pairwise(bounds)]
        assert max(parts) == whole


class Reading:
    """Each formula, read aloud and counted by itself, slowly."""

    def __init__(self, rows: list[IncidentFacts], period: Period, now: datetime) -> None:
        self.start, self.end = period.start or day(-1000), period.end or day(1000)
        self.now, self.rows = now, rows
        self.cohort = [
            r
            for r in rows
            if self.start <= r.reported_at < self.end and r.stage not in ("cancelled", "joined")
        ]
        self.suspended = [
            r for r in rows if r.stage == "suspended" and r.dispatched_at and r.dispatched_at < self.end
        ]
        can_be_due = [
            r
            for r in rows
            if r.due_at
            and r.stage not in ("cancelled", "rejected", "joined", "suspended")
            and not (r.self_handled and r.stage == "closed")
        ]
        self.due = [r for r in can_be_due if self.is_due(r, self.closed_before)]
        self.due_for_handling = [r for r in can_be_due if self.is_due(r, self.handled_before)]

    def closed_before(self, row: IncidentFacts, moment: datetime) -> bool:
        return row.stage == "closed" and (row.closed_at or day(-2000)) < moment

    def handled_before(self, row: IncidentFacts, moment: datetime) -> bool:
        return row.handled_at < moment if row.handled_at else self.closed_before(row, moment)

    def is_due(self, row: IncidentFacts, done_before: Callable[[IncidentFacts, datetime], bool]) -> bool:
        assert row.due_at is not None
        return self.start <= row.due_at < self.end or (
            row.due_at < self.start and not done_before(row, self.start)
        )

    def of_the_cohort(self) -> dict[str, tuple[int, int]]:
        cohort = self.cohort
        others = [r for r in cohort if not (r.self_handled and r.stage == "closed")]
        limited = [r for r in cohort if r.due_at and r.stage != "rejected"]
        dispatched = [r for r in others if r.dispatches and r.stage != "rejected"]
        ours = [r for r in others if not r.imported or r.filed_at or r.stage in ("intake", "rejected")]
        filed = [r for r in ours if r.filed_at]
        rung = [r for r in cohort if r.contacted is not None]
        return {
            "closed_of_reported": (sum(r.stage == "closed" for r in cohort), len(cohort)),
            "on_time_of_targeted": (sum(closed_on_time(r) for r in limited), len(limited)),
            "filing": (len(filed), len(ours)),
            "automatic": (sum(r.auto_dispatched and not r.returns for r in filed), len(filed)),
            "dispatch_accuracy": (sum(not r.redirected for r in dispatched), len(dispatched)),
            "response": (sum(r.contacted is True for r in rung), len(rung)),
            "solution": yes_of([r.solved for r in cohort]),
            "satisfaction": yes_of([r.satisfied for r in cohort]),
        }

    def of_what_is_due(self) -> dict[str, tuple[int, int]]:
        due, handling = self.due, self.due_for_handling
        closed = sum(self.closed_before(r, self.end) for r in due)
        on_time = sum(closed_on_time(r) for r in due)
        exempt = [r for r in due if r.appeal == "granted" and self.closed_before(r, self.end)]
        overdue = [
            r
            for r in due
            if not self.closed_before(r, self.end) and r.due_at and r.due_at < min(self.now, self.end)
        ]
        all_due = len(due) + len(self.suspended)
        return {
            "closure": (closed, len(due)),
            "on_time_closure": (on_time, len(due)),
            "rework": (sum(r.reworks for r in due), len(due)),
            "overdue_open": (len(overdue), len(due)),
            "closure_with_suspended": (closed, all_due),
            "on_time_with_suspended": (on_time, all_due),
            "on_time_with_exemptions": (
                on_time + sum(not closed_on_time(r) for r in exempt),
                len(due),
            ),
            "handling": (sum(self.handled_before(r, self.end) for r in handling), len(handling)),
            "on_time_handling": (sum(handled_on_time(r) for r in handling), len(handling)),
            "extension": (sum(bool(r.extensions) for r in handling), len(handling)),
        }


def closed_on_time(row: IncidentFacts) -> bool:
    at, due_at = row.closed_at, row.due_at
    return row.stage == "closed" and at is not None and due_at is not None and at <= due_at


def handled_on_time(row: IncidentFacts) -> bool:
    at = row.handled_at
    return closed_on_time(row) if at is None else row.due_at is not None and at <= row.due_at


def yes_of(answers: list[bool | None]) -> tuple[int, int]:
    """How many said yes, of those who said."""
    return sum(one is True for one in answers), sum(one is not None for one in answers)


@given(rows_of, periods, days)
def test_a_slow_reading_of_the_definitions_agrees(
    rows: list[IncidentFacts], period: Period, now: datetime
) -> None:
    """Each formula, read aloud and counted by itself."""
    reading = Reading(rows, period, now)
    told = {f.key: (f.numerator, f.denominator) for f in figures(count(rows, period, now))}
    assert told == reading.of_the_cohort() | reading.of_what_is_due()
