"""A written day at a desk: 20 incidents, every path of the lifecycle at least once, read from top to bottom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from dispatch.entries import Entry
from dispatch.lifecycle import TRANSITIONS, Act, Stage
from gridgov.settings import Settings
from gridgov.storage.ledger import history
from gridgov.storage.rebuild import differences
from tests.gridgov.desk_day import ending, handling, intake
from tests.gridgov.desk_day.desk import Day, opened

#: The week, in its order. (The clock is set by each; one takes up two from the day before.)
STORY: tuple[Callable[[Day], None], ...] = (
    intake.the_rota,
    intake.one_manhole_and_four_who_report_it,
    intake.put_right_on_the_spot,
    intake.nobody_finds_it,
    intake.not_ours,
    intake.put_right_step_by_step,
    handling.several_departments_at_once,
    handling.passed_back_and_forth,
    handling.nobody_takes_it,
    handling.more_time,
    handling.until_tomorrow,
    handling.by_hand_and_supervised,
    ending.supervised_twice,
    ending.fined_and_done_again,
    handling.the_next_morning,
    ending.late_and_exempted,
    ending.not_content,
    ending.at_night,
)
#: What comes in from another system, or moves because boundaries do, is told elsewhere.
ELSEWHERE = (Act.IMPORT, Act.ADOPT, Act.RELOCATE)


@pytest.mark.slow
def test_a_written_day_at_a_desk(settings: Settings) -> None:
    with opened(settings) as day:
        for chapter in STORY:
            chapter(day)
        assert len(day.cases) == 20
        every_act_and_outcome_has_happened(day)
        the_figures_add_up(day)
        the_returns_are_counted(day)
        nothing_differs_when_derived_again(day)


def every_act_and_outcome_has_happened(day: Day) -> None:
    """As the ledger has it, not as the story says."""
    happened = Counter((entry.fact.act, entry.fact.outcome) for entry in entries(day))
    wanted = {
        (row.act, row.outcome)
        for row in TRANSITIONS
        if row.act not in ELSEWHERE
        and row.stage is not Stage.IMPORTED
        and (row.act, row.outcome) != (Act.TAKE_BACK, "imported")
    }
    assert wanted - set(happened) == set()


def entries(day: Day) -> list[Entry]:
    with day.site.service.reader.connect() as connection:
        found = history(connection, [case.id for case in day.cases])
    return [entry for case in day.cases for entry in found[case.id]]


def the_figures_add_up(day: Day) -> None:
    """Counted by hand: twenty reports, of which three were joined, one rejected, one cancelled, one is open."""
    told = day.asks("jiang", "/api/closure")
    tally = told["total"]["tally"]
    by_hand = {"reported": 20, "closed": 14, "open": 1, "rejected": 1, "cancelled": 1, "joined": 3}
    by_hand |= {"self_handled": 2, "suspended": 0, "due_exempt": 1}
    assert {name: tally[name] for name in by_hand} == by_hand
    assert tally["reported"] == sum(
        tally[name] for name in ("closed", "open", "rejected", "cancelled", "joined")
    )
    figures: dict[str, Any] = told["total"]["figures"]
    shown = {key: (one["numerator"], one["denominator"]) for key, one in figures.items()}
    assert shown["closed_of_reported"] == (14, 16)
    assert shown["filing"] == (13, 14), "neither joined, cancelled nor put right on the spot: all but one"
    assert shown["closure"] == (12, 13)
    assert shown["on_time_closure"] == (11, 13)
    assert shown["on_time_with_exemptions"] == (12, 13)
    assert shown["extension"] == (1, 13)
    assert shown["rework"] == (1, 13)
    assert shown["dispatch_accuracy"] == (10, 13), "one corrected, one passed back and forth, one nobody took"
    assert shown["response"] == shown["solution"] == shown["satisfaction"] == (2, 2)
    for by in ("street", "department", "category"):
        groups = day.asks("jiang", "/api/closure", by=by)["groups"]
        assert {name: sum(one["tally"][name] for one in groups) for name in tally} == tally


def the_returns_are_counted(day: Day) -> None:
    """Who returned to whom, by pairs of departments (推诿)."""
    told = day.asks("jiang", "/api/returns")
    pairs = {(one["from"], one["to"]): one["count"] for one in told["pairs"]}
    assert pairs == {
        ("urban", "urban"): 1,
        ("urban", "cleaning"): 1,
        ("cleaning", "urban"): 1,
        ("water", "north_office"): 1,
    }


def nothing_differs_when_derived_again(day: Day) -> None:
    """What `gridgov rebuild --check` asks."""
    with day.site.service.reader.connect() as connection:
        assert [str(one) for one in differences(connection)] == []
