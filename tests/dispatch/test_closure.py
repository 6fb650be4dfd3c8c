"""Closure figures: which incident counts where, the laws that hold for every tally."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.closure import (
    COUNTERS,
    DEFINITIONS,
    Figure,
    IncidentFacts,
    Period,
    Tally,
    count,
    facts,
    figures,
)
from dispatch.errors import BadPeriod, NaiveTime
from dispatch.incidents import Incident
from dispatch.lifecycle import Stage


def day(number: int) -> datetime:
    """A day counted from the first of March 2026."""
    return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=number - 1)


MARCH = Period(day(1), day(32))
NOW = day(21)


def closed(at: int, due: int | None, reported: int = 2, **more: object) -> IncidentFacts:
    ends = None if due is None else day(due)
    row = IncidentFacts(Stage.CLOSED, day(reported), day(reported), day(reported), day(at), day(at), ends, 1)
    return replace(row, **more)


def still(stage: Stage, due: int | None = None, reported: int = 2, **more: object) -> IncidentFacts:
    row = IncidentFacts(stage, day(reported), due_at=None if due is None else day(due))
    return replace(row, **more)


#: One incident, asked about March on the 21st: where it counts. Days before 1 are February, after 31 April.
WHERE = [
    ("closed in time", closed(5, due=6), "closed due due_closed due_closed_on_time"),
    ("closed at the very end of its limit", closed(6, due=6), "closed due due_closed due_closed_on_time"),
    ("closed late", closed(7, due=6), "closed due due_closed"),
    ("open and not yet due on the 21st", still(Stage.HANDLING, due=25), "open due due_later"),
    ("due right now is not past the limit", still(Stage.HANDLING, due=21), "open due due_later"),
    ("open and overdue", still(Stage.CHECKING, due=20), "open due overdue_open"),
    ("due in April", still(Stage.HANDLING, due=32), "open"),
    ("closed in March, due in April", closed(20, due=33), "closed"),
    ("returned: its clock pauses and it is not due", still(Stage.DISPATCH), "open"),
    ("waiting at intake", still(Stage.INTAKE), "open"),
    ("rejected", still(Stage.REJECTED), "rejected"),
    ("cancelled after its limit", still(Stage.CANCELLED, due=10), "cancelled"),
    ("reopened: open and due again later", still(Stage.HANDLING, due=30, reopenings=1), "open due due_later"),
    (
        "imported and open, past the source's limit",
        still(Stage.IMPORTED, due=9, imported=True),
        "open due overdue_open",
    ),
    ("imported and open, without a limit", still(Stage.IMPORTED, imported=True), "open"),
    ("imported, closed at no known time", replace(closed(5, due=6), closed_at=None), "closed due due_closed"),
    ("February's, closed in March", closed(3, due=0, reported=-5), "due due_closed"),
    (
        "February's, due in March, closed in February",
        closed(0, due=3, reported=-5),
        "due due_closed due_closed_on_time",
    ),
    ("February's, due and closed in February", closed(0, due=-1, reported=-5), ""),
    ("February's, due then, closed at midnight", closed(1, due=0, reported=-5), "due due_closed"),
    ("February's, due then, still open", still(Stage.HANDLING, due=-1, reported=-5), "due overdue_open"),
    ("February's, due then, closed at no known time", closed(3, due=-1, reported=-5, closed_at=None), ""),
    ("February's, cancelled", still(Stage.CANCELLED, due=3, reported=-5), ""),
    ("April's", closed(40, due=41, reported=35), ""),
]
_PLACES = (
    *("open", "closed", "rejected", "cancelled"),
    *("due", "due_closed", "due_closed_on_time", "overdue_open", "due_later"),
)


@pytest.mark.parametrize(("row", "counts"), [row[1:] for row in WHERE], ids=[row[0] for row in WHERE])
def test_where_one_incident_counts(row: IncidentFacts, counts: str) -> None:
    tally = count([row], MARCH, NOW)
    assert [name for name in _PLACES if getattr(tally, name)] == counts.split()
    assert tally.reported == (row.reported_at in MARCH)


def test_a_past_period_stands_as_it_was_at_its_end() -> None:
    """Closed in April, due in March: seen from May it was open and overdue when March ended."""
    tally = count([closed(35, due=30)], MARCH, now=day(70))
    assert (tally.due, tally.due_closed, tally.overdue_open) == (1, 0, 1)
    assert tally.closed == 1, "of the reports of March it is closed by now"


def test_a_month_without_bounds_is_all_of_time() -> None:
    rows = [row for _, row, _ in WHERE]
    tally = count(rows, Period(), NOW)
    assert tally.reported == len(rows)
    assert tally.due == sum(
        row.due_at is not None and row.stage not in (Stage.CANCELLED, Stage.REJECTED) for row in rows
    )


def test_the_pieces_of_a_period_meet_without_overlap() -> None:
    assert day(1) in MARCH
    assert day(32) not in MARCH
    assert day(32) in Period(day(32), None)
    assert day(-400) in Period(None, day(1))


#: Reported in March: filed or not, whose it was to file, how often dispatched.
FILING = [
    ("ours, at intake", still(Stage.INTAKE), 1, 0),
    ("ours, filed", still(Stage.DISPATCH, filed_at=day(3)), 1, 1),
    ("ours, rejected", still(Stage.REJECTED), 1, 0),
    ("ours, filed and cancelled", still(Stage.CANCELLED, filed_at=day(3)), 0, 0),
    ("imported, open", still(Stage.IMPORTED, imported=True), 0, 0),
    ("imported, closed", closed(5, 6, imported=True, filed_at=None), 0, 0),
    ("imported, adopted, at intake", still(Stage.INTAKE, imported=True), 1, 0),
    ("imported, adopted, filed", still(Stage.HANDLING, imported=True, filed_at=day(3)), 1, 1),
    ("imported, adopted, rejected", still(Stage.REJECTED, imported=True), 1, 0),
]


@pytest.mark.parametrize(("row", "to_file", "filed"), [r[1:] for r in FILING], ids=[r[0] for r in FILING])
def test_what_was_ours_to_file(row: IncidentFacts, to_file: int, filed: int) -> None:
    tally = count([row], MARCH, NOW)
    assert (tally.to_file, tally.filed) == (to_file, filed)


#: How often dispatched, and how often of these to another department: was the first dispatch accurate?
ACCURATE = [
    ("not dispatched yet", 0, 0, None),
    ("once", 1, 0, True),
    ("returned, and given to the same again", 2, 0, True),
    ("returned, and given to another", 2, 1, False),
    ("to another and back: A, B, A", 3, 2, False),
]


@pytest.mark.parametrize(
    ("dispatches", "redirected", "accurate"), [row[1:] for row in ACCURATE], ids=[row[0] for row in ACCURATE]
)
def test_which_dispatch_was_accurate(dispatches: int, redirected: int, accurate: bool | None) -> None:
    row = still(Stage.HANDLING, dispatches=dispatches, redirected=redirected)
    figure = by_key(count([row], MARCH, NOW))["dispatch_accuracy"]
    assert figure.rate == (None if accurate is None else Fraction(int(accurate)))


#: What a rule did by itself: does it count as needing no human hand, of those filed?
BY_RULE = [
    ("a rule filed and dispatched it", still(Stage.HANDLING, filed_at=day(2), auto_dispatched=True), 1, 1),
    ("and it was closed", closed(5, 6, auto_dispatched=True), 1, 1),
    ("and it had to be done again", closed(5, 6, auto_dispatched=True, reworks=2), 1, 1),
    (
        "but its department returned it",
        still(Stage.DISPATCH, filed_at=day(2), auto_dispatched=True, returns=1),
        0,
        1,
    ),
    ("a person did both", still(Stage.HANDLING, filed_at=day(2)), 0, 1),
    ("taken back, at intake", still(Stage.INTAKE), 0, 0),
    ("waits at intake", still(Stage.INTAKE), 0, 0),
    ("rejected", still(Stage.REJECTED), 0, 0),
    ("cancelled", still(Stage.CANCELLED, filed_at=day(2), auto_dispatched=True), 0, 0),
    ("imported and closed", closed(5, 6, imported=True, filed_at=None), 0, 0),
    ("reported in April", still(Stage.HANDLING, filed_at=day(40), auto_dispatched=True, reported=40), 0, 0),
]


@pytest.mark.parametrize(("row", "automatic", "filed"), [r[1:] for r in BY_RULE], ids=[r[0] for r in BY_RULE])
def test_what_needed_no_human_hand(row: IncidentFacts, automatic: int, filed: int) -> None:
    figure = by_key(count([row], MARCH, NOW))["automatic"]
    assert (figure.numerator, figure.denominator) == (automatic, filed)
    assert figure.name_zh == "无人工干预率"


def test_reworks_are_events_of_what_is_due() -> None:
    rows = [closed(5, 6, reworks=3), closed(5, 40, reworks=7), still(Stage.CANCELLED, 6, reworks=9)]
    assert by_key(count(rows, MARCH, NOW))["rework"].rate == Fraction(3, 1)


def test_rows_without_a_limit_are_counted_apart() -> None:
    rows = [closed(5, 6), closed(7, 6), closed(5, None), still(Stage.INTAKE), still(Stage.REJECTED)]
    tally = count(rows, MARCH, NOW)
    assert (tally.with_limit, tally.without_limit) == (2, 2)
    assert by_key(tally)["on_time_of_targeted"].rate == Fraction(1, 2)


def by_key(tally: Tally) -> dict[str, Figure]:
    return {figure.key: figure for figure in figures(tally)}


@pytest.mark.parametrize(
    ("numerator", "denominator", "places", "shown"),
    [
        (12_692, 15_893, 2, "79.86"),
        (54_570, 58_251, 2, "93.68"),
        (911, 972, 2, "93.72"),
        (0, 7, 2, "0.00"),
        (7, 7, 2, "100.00"),
        (1, 3, 0, "33"),
        (2, 3, 0, "67"),
        (1, 8, 0, "13"),
        (3, 8, 0, "38"),
        (1, 800, 2, "0.13"),
        (1_249_999_999, 10**12, 2, "0.12"),
        (5, 2, 1, "250.0"),
        (0, 0, 2, "–"),
        (1, 10**30, 2, "0.00"),
    ],
)
def test_a_rate_in_per_cent(numerator: int, denominator: int, places: int, shown: str) -> None:
    assert Figure("k", "名", "name", "a / b", numerator, denominator).percent(places) == shown


def test_nothing_to_divide_by_is_no_rate() -> None:
    for figure in figures(Tally()):
        assert figure.rate is None
        assert figure.percent() == "–"


@given(st.integers(0, 10**9), st.integers(1, 10**9), st.integers(0, 6))
def test_a_half_is_rounded_up(numerator: int, denominator: int, places: int) -> None:
    """What is shown is the one value of so many decimals within (rate - 1/2, rate + 1/2] units of the last."""
    shown = Fraction(Figure("k", "名", "name", "a / b", numerator, denominator).percent(places))
    off = (shown - Fraction(numerator * 100, denominator)) * 10**places
    assert Fraction(-1, 2) < off <= Fraction(1, 2)


def test_every_figure_says_what_it_is() -> None:
    assert list(by_key(Tally())) == list(DEFINITIONS)
    for key, definition in DEFINITIONS.items():
        assert key == definition.key
        for name in (definition.numerator, definition.denominator):
            assert isinstance(getattr(Tally(), name), int)
        assert " / " in definition.formula
    assert len({d.name_zh for d in DEFINITIONS.values()}) == len(DEFINITIONS)


def test_periods_that_cannot_be() -> None:
    for start, end in [(day(2), day(1)), (day(1), day(1))]:
        with pytest.raises(BadPeriod, match="its end must be later"):
            Period(start, end)
    naive = datetime.fromisoformat("2026-03-01")
    for bounds in [(naive, None), (None, naive)]:
        with pytest.raises(NaiveTime):
            Period(*bounds)
    with pytest.raises(NaiveTime):
        count([], MARCH, naive)


def test_the_facts_are_named_as_the_incident_names_them() -> None:
    assert {f.name for f in fields(IncidentFacts)} <= {f.name for f in fields(Incident)}


days = st.integers(-40, 80).map(day)
optional_days = st.none() | days
few = st.integers(0, 3)
incident_facts = st.builds(
    IncidentFacts,
    *(st.sampled_from(Stage), days),
    *(optional_days, optional_days, optional_days, optional_days, optional_days),
    *(few, few, few, few, st.booleans(), few, st.booleans()),
)
rows_of = st.lists(incident_facts, max_size=30)
periods = (
    st.tuples(optional_days, optional_days)
    .filter(lambda p: None in p or p[0] < p[1])
    .map(lambda p: Period(*p))
)


@given(rows_of, periods, days)
def test_every_report_is_somewhere(rows: list[IncidentFacts], period: Period, now: datetime) -> None:
    """reported = open + closed + rejected + cancelled."""
    t = count(rows, period, now)
    assert t.reported == t.open + t.closed + t.rejected + t.cancelled
    assert t.with_limit + t.without_limit == t.open + t.closed


@given(rows_of, periods, days)
def test_everything_due_is_closed_overdue_or_due_later(
    rows: list[IncidentFacts], period: Period, now: datetime
) -> None:
    """due = closed + overdue open + due later."""
    t = count(rows, period, now)
    assert t.due == t.due_closed + t.overdue_open + t.due_later


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
def test_what_is_cancelled_leaves_every_figure(
    rows: list[IncidentFacts], period: Period, now: datetime
) -> None:
    """The figures are the same as if the cancelled had never been."""
    kept = [row for row in rows if row.stage is not Stage.CANCELLED]
    assert figures(count(rows, period, now)) == figures(count(kept, period, now))


@given(rows_of, st.integers(-39, 79), days)
def test_cohorts_of_neighbouring_periods_add_up(rows: list[IncidentFacts], cut: int, now: datetime) -> None:
    """Before and after a moment are together all of time, for everything that is counted by its report."""
    before, after = count(rows, Period(None, day(cut)), now), count(rows, Period(day(cut), None), now)
    whole = count(rows, Period(), now)
    for name in COUNTERS:
        if not name.startswith(("due", "overdue")):
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


@given(rows_of, periods, days)
def test_a_slow_reading_of_the_definitions_agrees(
    rows: list[IncidentFacts], period: Period, now: datetime
) -> None:
    """Each formula, read aloud and counted by itself."""
    start = period.start or day(-1000)
    end = period.end or day(1000)
    cohort = [r for r in rows if start <= r.reported_at < end and r.stage != "cancelled"]
    is_closed = [r for r in cohort if r.stage == "closed"]
    limited = [r for r in cohort if r.due_at and r.stage != "rejected"]
    dispatched = [r for r in cohort if r.dispatches and r.stage != "rejected"]
    ours = [r for r in cohort if not r.imported or r.filed_at or r.stage in ("intake", "rejected")]

    def closed_before(row: IncidentFacts, moment: datetime) -> bool:
        return row.stage == "closed" and (row.closed_at or day(-2000)) < moment

    due = [
        r
        for r in rows
        if r.due_at
        and r.stage not in ("cancelled", "rejected")
        and (start <= r.due_at < end or (r.due_at < start and not closed_before(r, start)))
    ]
    on_time = [
        r
        for r in limited + due
        if r.stage == "closed" and r.closed_at and r.due_at and r.closed_at <= r.due_at
    ]
    expected = {
        "closed_of_reported": (len(is_closed), len(cohort)),
        "closure": (sum(closed_before(r, end) for r in due), len(due)),
        "on_time_closure": (sum(any(r is o for o in on_time) for r in due), len(due)),
        "on_time_of_targeted": (sum(any(r is o for o in on_time) for r in limited), len(limited)),
        "filing": (sum(r.filed_at is not None for r in ours), len(ours)),
        "automatic": (
            sum(r.filed_at is not None and r.auto_dispatched and not r.returns for r in ours),
            sum(r.filed_at is not None for r in ours),
        ),
        "rework": (sum(r.reworks for r in due), len(due)),
        "dispatch_accuracy": (sum(not r.redirected for r in dispatched), len(dispatched)),
        "overdue_open": (
            sum(not closed_before(r, end) and r.due_at is not None and r.due_at < min(now, end) for r in due),
            len(due),
        ),
    }
    told = {f.key: (f.numerator, f.denominator) for f in figures(count(rows, period, now))}
    assert told == expected


def test_the_facts_of_an_incident_are_its_own() -> None:
    names = {f.name for f in fields(Incident)}
    values = dict.fromkeys(names, None) | {"stage": Stage.CLOSED, "reported_at": day(1), "reworks": 4}
    told = facts(Incident(**values))
    assert (told.stage, told.reported_at, told.reworks) == (Stage.CLOSED, day(1), 4)
