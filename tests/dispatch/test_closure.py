"""Closure figures: which incident counts where, the laws that hold for every tally."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from dispatch.closure import COUNTERS, IncidentFacts, Period, Tally, count, facts
from dispatch.ending_facts import CalledBack
from dispatch.errors import BadPeriod, NaiveTime
from dispatch.figures import Figure, figures
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


def self_handled(stage: Stage = Stage.CLOSED, **more: object) -> IncidentFacts:
    """Closed by whoever reported it: nobody filed, dispatched or handled it, and it has no limit."""
    row = IncidentFacts(stage, day(2), closed_at=day(2), self_handled=True)
    return replace(row, **more)


def suspended(dispatched: int, reported: int = 2) -> IncidentFacts:
    return still(Stage.SUSPENDED, reported=reported, dispatched_at=day(dispatched), dispatches=1)


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
    ("joined to another after its limit", still(Stage.JOINED, due=10), "joined"),
    ("put right on the spot", self_handled(), "closed self_handled"),
    ("put right on the spot and reopened", self_handled(Stage.DISPATCH, closed_at=None), "open"),
    ("suspended: it is not due", suspended(dispatched=3), "open suspended due_suspended"),
    ("suspended, dispatched in February", suspended(dispatched=-3, reported=-4), "due_suspended"),
    ("suspended, reported in March, dispatched in April", suspended(dispatched=33), "open suspended"),
    (
        "resumed: due when its clock says",
        still(Stage.HANDLING, due=30, dispatched_at=day(3)),
        "open due due_later",
    ),
    ("extended into April", still(Stage.HANDLING, due=33, extensions=1), "open"),
    (
        "closed late and exempted",
        closed(7, due=6, appeal="granted"),
        "closed due due_closed due_exempt",
    ),
    ("closed late, its appeal refused", closed(7, due=6, appeal="refused"), "closed due due_closed"),
    ("closed late, its appeal not decided", closed(7, due=6, appeal="open"), "closed due due_closed"),
    (
        "closed in time: nothing to exempt",
        closed(5, due=6, appeal="granted"),
        "closed due due_closed due_closed_on_time",
    ),
    (
        "exempted, but reopened",
        still(Stage.HANDLING, due=30, appeal="granted", reopenings=1),
        "open due due_later",
    ),
]
_PLACES = (
    *("open", "closed", "rejected", "cancelled", "joined", "self_handled", "suspended"),
    *("due", "due_closed", "due_closed_on_time", "overdue_open", "due_later", "due_exempt", "due_suspended"),
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
        row.due_at is not None and row.stage not in (Stage.CANCELLED, Stage.REJECTED, Stage.JOINED)
        for row in rows
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
    ("ours, joined", still(Stage.JOINED), 0, 0),
    ("ours, filed and joined", still(Stage.JOINED, filed_at=day(3)), 0, 0),
    ("put right on the spot", self_handled(), 0, 0),
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


#: Is it due for handling in March, was it handled, in time, extended?
HANDLING = [
    ("handled in time", closed(5, due=6), "handling_due handling_done handling_on_time"),
    ("handled late", closed(7, due=6), "handling_due handling_done"),
    (
        "waits for its check",
        still(Stage.CHECKING, 9, handled_at=day(8)),
        "handling_due handling_done handling_on_time",
    ),
    ("its check failed", still(Stage.HANDLING, 9, reworks=1), "handling_due"),
    ("February's, handled then, closed in March", closed(3, 0, -5, handled_at=day(0)), ""),
    ("February's, handled in March", closed(3, 0, -5, handled_at=day(2)), "handling_due handling_done"),
    ("handled in April", closed(40, 30, handled_at=day(33)), "handling_due"),
    (
        "extended and handled",
        closed(8, 9, extensions=2),
        "handling_due handling_done handling_on_time handling_extended",
    ),
    ("extended, and due in April now", still(Stage.HANDLING, 33, extensions=1), ""),
    ("suspended", suspended(dispatched=3), ""),
    ("put right on the spot", self_handled(due_at=day(6)), ""),
    (
        "imported and closed in time",
        closed(5, 6, imported=True, handled_at=None),
        "handling_due handling_done handling_on_time",
    ),
    (
        "imported, closed at no known time",
        closed(5, 6, imported=True, handled_at=None, closed_at=None),
        "handling_due handling_done",
    ),
]


@pytest.mark.parametrize(("row", "counts"), [row[1:] for row in HANDLING], ids=[row[0] for row in HANDLING])
def test_what_is_due_for_handling(row: IncidentFacts, counts: str) -> None:
    tally = count([row], MARCH, NOW)
    assert [
        name for name in COUNTERS if name.startswith("handling") and getattr(tally, name)
    ] == counts.split()


def test_figures_are_given_with_suspended_ones_and_without() -> None:
    """One of two closed in time, one overdue, and one suspended: it is in the denominators of two figures."""
    rows = [closed(5, due=6), still(Stage.HANDLING, due=7), suspended(dispatched=3)]
    told = by_key(count(rows, MARCH, NOW))
    shown = {key: (one.numerator, one.denominator) for key, one in told.items()}
    assert shown["closure"] == shown["on_time_closure"] == (1, 2)
    assert shown["closure_with_suspended"] == shown["on_time_with_suspended"] == (1, 3)


def test_an_exemption_is_read_by_one_figure_alone() -> None:
    rows = [closed(5, due=6), closed(9, due=6), closed(9, due=6, appeal="granted")]
    told, plain = (by_key(count(some, MARCH, NOW)) for some in (rows, [*rows[:2], closed(9, due=6)]))
    assert (told["on_time_closure"].percent(), told["on_time_with_exemptions"].percent()) == (
        "33.33",
        "66.67",
    )
    assert [key for key in told if told[key] != plain[key]] == ["on_time_with_exemptions"]


#: What the last call-back told (reached, solved, satisfied), and what it counts for: numerator, denominator.
CALLED = [
    ("nobody rang", (None, None, None), (0, 0), (0, 0), (0, 0)),
    ("nobody was there", (False, None, None), (0, 1), (0, 0), (0, 0)),
    ("reached, and would not say", (True, None, None), (1, 1), (0, 0), (0, 0)),
    ("solved, and satisfied", (True, True, True), (1, 1), (1, 1), (1, 1)),
    ("solved, but not well", (True, True, False), (1, 1), (1, 1), (0, 1)),
    ("not solved", (True, False, None), (1, 1), (0, 1), (0, 0)),
]


@pytest.mark.parametrize("stage", [Stage.CLOSED, Stage.HANDLING])
@pytest.mark.parametrize(
    ("told", "wanted"), [(row[1], row[2:]) for row in CALLED], ids=[row[0] for row in CALLED]
)
def test_what_a_call_back_counts_for(
    told: tuple[bool | None, ...], wanted: tuple[tuple[int, int], ...], stage: Stage
) -> None:
    """Also after it was reopened because of it: else those who were content would be all that is counted."""
    row = still(stage, contacted=told[0], solved=told[1], satisfied=told[2])
    found = by_key(count([row], MARCH, NOW))
    shown = [found[key] for key in ("response", "solution", "satisfaction")]
    assert tuple((one.numerator, one.denominator) for one in shown) == wanted


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


def test_the_facts_are_named_as_the_incident_and_its_call_back_name_them() -> None:
    told = {f.name for f in fields(Incident)} | {f.name for f in fields(CalledBack)}
    assert {f.name for f in fields(IncidentFacts)} <= told


def test_the_facts_of_an_incident_are_its_own() -> None:
    names = {f.name for f in fields(Incident)}
    values = dict.fromkeys(names, None) | {"stage": Stage.CLOSED, "reported_at": day(1), "reworks": 4}
    told = facts(Incident(**values))
    assert (told.stage, told.reported_at, told.reworks, told.contacted) == (Stage.CLOSED, day(1), 4, None)
    rung = facts(Incident(**values | {"call_back": CalledBack(contacted=True, solved=False)}))
    assert (rung.contacted, rung.solved, rung.satisfied) == (True, False, None)
