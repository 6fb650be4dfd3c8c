"""What entries add up to: stage, owner, clocks and counters, read off as small tables."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dispatch import decisions
from dispatch.entries import Closed, Dispatched, Entry, Noted, Reopened
from dispatch.errors import BrokenHistory, NotInThisStage
from dispatch.incidents import Incident, extend, fold
from dispatch.lifecycle import Act, Stage
from dispatch.permissions import open_to
from tests.dispatch import scene
from tests.dispatch.scene import CLERK, DISPATCHER, LEADER, NORTH, TRAY
from tests.dispatch.strategies import LAMP, NOISE, at, local, rules, units

PLACED = NORTH.path


def row(incident: Incident) -> tuple[object, ...]:
    """Stage, owner, lead, due time, hours left while paused."""
    due = local(incident.due_at)[5:] if incident.due_at else None
    left = None if incident.remaining_s is None else incident.remaining_s / 3600
    return (str(incident.stage), incident.department, incident.lead, due, left)


def test_the_main_line_as_a_table() -> None:
    file, table = scene.reported(LAMP.key, "2026-03-05 09:00"), []
    table.append(row(file.now))
    file.add(
        decisions.file(rules(), file.now, CLERK, units(PLACED), at("2026-03-05 09:10")),
        at("2026-03-05 09:10"),
    )
    table.append(row(file.now))
    table.append(row(scene.dispatch(file, "2026-03-05 09:30")))
    table.append(row(scene.handle(file, "2026-03-05 11:00")))
    table.append(row(scene.check(file, "2026-03-05 11:30")))
    file.add(decisions.close(file.now, DISPATCHER), at("2026-03-05 11:40"))
    table.append(row(file.now))
    assert table == [
        ("intake", "north", None, None, None),
        ("dispatch", "north", None, None, None),
        ("handling", "north", "north", "03-05 15:30", None),
        ("checking", "north", "north", "03-05 15:30", None),
        ("closing", "north", "north", "03-05 15:30", None),
        ("closed", "north", "north", "03-05 15:30", None),
    ]
    done = file.now
    times = [
        done.reported_at,
        done.filed_at,
        done.dispatched_at,
        done.handled_at,
        done.closed_at,
        done.updated_at,
    ]
    assert [local(moment)[11:] for moment in times if moment] == [
        "09:00",
        "09:10",
        "09:30",
        "11:00",
        "11:40",
        "11:40",
    ]
    assert (done.dispatches, done.returns, done.reworks, done.reopenings, done.number) == (1, 0, 0, 0, 6)
    assert (done.reported_by, done.handled_by, done.case_number) == ("ins", "han", "N-1")


def test_a_return_pauses_and_the_same_department_resumes_its_remaining_time() -> None:
    file = scene.dispatched(LAMP.key, "2026-03-05 16:00")
    assert row(file.now) == ("handling", "north", "north", "03-06 10:00", None)
    assert row(scene.return_(file, "2026-03-05 17:00")) == ("dispatch", "north", None, None, 3.0)
    assert file.now.last_lead == "north"
    assert row(scene.dispatch(file, "2026-03-06 11:00")) == (
        "handling",
        "north",
        "north",
        "03-06 16:00",
        None,
    )
    last = file.entries[-1].fact
    assert isinstance(last, Dispatched)
    assert (last.resumed, last.limit) == (True, "4wh")
    assert (file.now.dispatches, file.now.returns) == (2, 1)


def test_another_department_gets_a_fresh_limit() -> None:
    file = scene.dispatched(LAMP.key, "2026-03-05 16:00")
    scene.return_(file, "2026-03-05 17:00")
    assert row(scene.dispatch(file, "2026-03-06 11:00", "lamps")) == (
        "handling",
        "lamps",
        "lamps",
        "03-06 17:00",
        None,
    )
    last = file.entries[-1].fact
    assert isinstance(last, Dispatched)
    assert not last.resumed


def test_after_another_department_the_first_starts_afresh_too() -> None:
    file = scene.dispatched(LAMP.key, "2026-03-05 14:00")
    scene.return_(file, "2026-03-05 15:00")
    scene.dispatch(file, "2026-03-05 15:00", "lamps")
    scene.return_(file, "2026-03-05 16:00")
    assert row(scene.dispatch(file, "2026-03-06 08:00", "north"))[3] == "03-06 12:00"


def test_what_is_resumed_overdue_stays_overdue_by_as_much() -> None:
    file = scene.dispatched(LAMP.key, "2026-03-05 08:00")
    assert row(scene.return_(file, "2026-03-05 15:00"))[4] == -1.0
    assert row(scene.dispatch(file, "2026-03-06 10:00"))[3] == "03-06 09:00"


def test_a_pause_across_a_holiday_costs_nothing() -> None:
    file = scene.dispatched(LAMP.key, "2026-02-14 16:00")
    assert row(file.now)[3] == "02-24 10:00"
    assert row(scene.return_(file, "2026-02-14 17:00"))[4] == 3.0
    assert row(scene.dispatch(file, "2026-02-25 08:00"))[3] == "02-25 11:00"


def test_a_resumed_limit_outlives_a_change_of_the_citys_rules() -> None:
    """The department keeps the limit it was given; what it had left is counted in that limit's kind of time."""
    file = scene.dispatched(LAMP.key, "2026-03-05 16:00")
    scene.return_(file, "2026-03-05 17:00")
    shorter = [
        replace(c, limit=type(c.limit).parse("1eh")) if c.key == LAMP.key else c for c in rules().categories
    ]
    changed = replace(rules(2), categories=type(rules().categories)(shorter))
    fact = decisions.dispatch(changed, file.now, DISPATCHER, at("2026-03-06 08:00"))
    assert (fact.resumed, fact.limit, local(fact.due_at)) == (True, "4wh", "2026-03-06 11:00")


#: The departments it was given to, one after another, returned each time: how often to another than before.
REDIRECTED = [
    (("north",), 0),
    (("north", "north"), 0),
    (("north", "lamps"), 1),
    (("north", "lamps", "lamps"), 1),
    (("north", "lamps", "north"), 2),
]


@pytest.mark.parametrize(("given", "times"), REDIRECTED, ids=["-".join(given) for given, _ in REDIRECTED])
def test_how_often_it_went_to_another_department_than_before(given: tuple[str, ...], times: int) -> None:
    file = scene.dispatched(LAMP.key, "2026-03-05 09:00")
    assert file.now.lead == given[0]
    for department in given[1:]:
        scene.return_(file, "2026-03-05 10:00")
        scene.dispatch(file, "2026-03-05 10:00", department)
    assert (file.now.redirected, file.now.dispatches) == (times, len(given))
    assert fold(file.entries) == file.now


@pytest.mark.parametrize(("department", "times"), [("north", 0), ("lamps", 1)])
def test_what_goes_to_another_department_once_reopened_was_redirected(department: str, times: int) -> None:
    file = scene.closed()
    assert file.now.lead == "north"
    file.add(Reopened("dark again"), at("2026-03-09 09:00"))
    assert scene.dispatch(file, "2026-03-09 10:00", department).redirected == times


def test_rework_keeps_the_clock_running() -> None:
    file = scene.dispatched(LAMP.key, "2026-03-05 09:00")
    before = file.now.due_at
    scene.handle(file, "2026-03-05 10:00")
    again = scene.check(file, "2026-03-05 11:00", passed=False)
    assert (again.stage, again.due_at, again.reworks) == (Stage.HANDLING, before, 1)
    assert (again.handled_at, again.handled_by, again.lead) == (None, None, "north")
    assert again.dispatches == 1


def test_a_reopened_incident_is_open_and_starts_afresh() -> None:
    file = scene.closed()
    opened = file.add(Reopened("dark again"), at("2026-03-09 09:00"))
    assert row(opened) == ("dispatch", "north", None, None, None)
    assert (opened.closed_at, opened.handled_at, opened.limit, opened.last_lead) == (None, None, None, None)
    assert (opened.reopenings, opened.filed_at) == (1, at("2026-03-05 09:00"))
    assert row(scene.dispatch(file, "2026-03-09 09:00"))[3] == "03-09 15:00"
    assert opened.is_open


def test_a_rejected_report_is_over_until_it_is_reopened() -> None:
    file = scene.reported()
    assert not file.add(decisions.reject(file.now, CLERK, "private ground"), at("2026-03-05 09:05")).is_open
    back = file.add(
        decisions.reopen(rules(), file.now, LEADER, "it is not", at("2026-03-05 09:10")),
        at("2026-03-05 09:10"),
    )
    assert row(back) == ("intake", "north", None, None, None)


def test_a_cancelled_incident_loses_what_was_left_of_its_clock() -> None:
    file = scene.dispatched()
    scene.return_(file, "2026-03-05 10:00")
    over = file.add(decisions.cancel(file.now, LEADER, "a test"), at("2026-03-05 10:05"))
    assert row(over) == ("cancelled", "north", None, None, None)
    assert not over.is_open


def test_what_lies_in_the_tray_is_placed() -> None:
    file = scene.reported(NOISE.key, place=TRAY)
    assert (file.now.department, file.now.place.path) == ("desk", ())
    placed = file.add(
        decisions.place(rules(), file.now, CLERK, NORTH, units(PLACED), at("2026-03-05 09:05")),
        at("2026-03-05 09:05"),
    )
    assert (placed.department, placed.place, placed.stage) == ("north", NORTH, Stage.INTAKE)


def test_imported_history_counts_by_the_times_of_its_source() -> None:
    told = scene.imported(is_closed=True).now
    assert [local(t) for t in (told.reported_at, told.closed_at, told.due_at) if t] == [
        "2020-01-02 10:00",
        "2020-01-03 10:00",
        "2020-01-04 10:00",
    ]
    assert (told.stage, told.lead, told.imported, told.source_number) == (Stage.CLOSED, "water", True, "77")
    assert told.updated_at == at("2026-03-05 09:00")
    still = scene.imported().now
    assert (still.stage, still.lead, still.closed_at) == (Stage.IMPORTED, None, None)
    assert still.is_open


def test_an_adopted_incident_forgets_the_sources_limit() -> None:
    file = scene.imported()
    ours = file.add(
        decisions.adopt(rules(), file.now, LEADER, units(PLACED), at("2026-03-05 09:30")),
        at("2026-03-05 09:30"),
    )
    assert row(ours) == ("intake", "north", None, None, None)
    assert ours.imported


def test_photos_are_gathered_in_the_order_they_came() -> None:
    file = scene.File()
    sent = scene.draft(photos=("p1",))
    file.add(
        decisions.report(rules(), sent, scene.INSPECTOR, "N-1", at("2026-03-05 09:00")),
        at("2026-03-05 09:00"),
    )
    file.add(decisions.attach(file.now, scene.INSPECTOR, ("p2", "p3")), at("2026-03-05 09:01"))
    file.add(
        decisions.file(rules(), file.now, CLERK, units(PLACED), at("2026-03-05 09:02")),
        at("2026-03-05 09:02"),
    )
    scene.dispatch(file, "2026-03-05 09:03")
    file.add(
        decisions.handle(rules(), file.now, scene.HANDLER, "done", at("2026-03-05 09:04"), ("p4",)),
        at("2026-03-05 09:04"),
        "han",
    )
    file.add(
        decisions.check(rules(), file.now, scene.INSPECTOR, True, at("2026-03-05 09:05"), "", ("p5",)),
        at("2026-03-05 09:05"),
        "ins",
    )
    assert file.now.photos == ("p1", "p2", "p3", "p4", "p5")


def test_a_note_changes_nothing_but_number_and_time() -> None:
    file = scene.dispatched()
    before = file.now
    after = file.add(Noted("w1"), at("2026-03-05 09:20"))
    number = before.number + 1
    assert after == replace(
        before,
        number=number,
        updated_at=at("2026-03-05 09:20"),
        last_by="somebody",
        last_act="note",
        last_number=number,
    )


def test_clocks_start_when_the_server_recorded_not_when_a_phone_says_it_happened() -> None:
    fact = decisions.report(rules(), scene.draft(), scene.INSPECTOR, "N-1", at("2026-03-05 09:00"))
    entry = Entry("case-1", 1, at("2026-03-05 07:00"), at("2026-03-05 09:00"), "ins", fact)
    assert fold([entry]).reported_at == at("2026-03-05 09:00")


def test_folding_all_is_the_same_as_extending_step_by_step() -> None:
    for file in (scene.closed(), scene.imported(), scene.dispatched()):
        assert fold(file.entries) == file.now
        for cut in range(1, len(file.entries)):
            assert extend(fold(file.entries[:cut]), file.entries[cut:]) == file.now
        assert extend(file.now, []) is not None
        assert extend(file.now, []) == file.now


def test_the_acts_open_to_somebody() -> None:
    held, now = scene.dispatched().now, at("2026-03-05 09:00")
    asides = (Act.NOTE, Act.ATTACH)
    assert open_to(held, scene.HANDLER, now) == (
        *(Act.ACCEPT, Act.ASSIGN, Act.RETURN, Act.APPLY, Act.ENFORCE, Act.HANDLE),
        *asides,
    )
    stranger = replace(scene.HANDLER, departments=frozenset({"water"}))
    assert open_to(held, stranger, now) == asides
    assert open_to(held, replace(stranger, roles=frozenset()), now) == ()


#: A history that cannot be, and what is said of it.
BROKEN = [
    ("nothing at all", lambda entries: [], "without entries"),
    ("begins in the middle", lambda entries: entries[1:], "cannot follow entry 0 of nothing"),
    ("one is missing", lambda entries: [*entries[:2], *entries[3:]], "entry 4 .* cannot follow entry 2"),
    ("one stands twice", lambda entries: [*entries[:2], entries[1]], "entry 2 .* cannot follow entry 2"),
    (
        "another incident's",
        lambda entries: [entries[0], replace(entries[1], incident="case-2")],
        "of incident case-2 cannot follow entry 1 of case-1",
    ),
    (
        "an act out of its stage",
        lambda entries: [entries[0], replace(entries[1], fact=Closed())],
        "entry 2 of incident case-1 does not follow: close is not possible",
    ),
]


@pytest.mark.parametrize(("damage", "said"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_broken_history_is_refused(damage: object, said: str) -> None:
    with pytest.raises(BrokenHistory, match=said):
        fold(damage(scene.closed().entries))  # type: ignore[operator]


def test_a_refused_entry_changes_nothing() -> None:
    file = scene.dispatched()
    before = file.now
    late = Entry("case-1", 4, at("2026-03-05 09:00"), at("2026-03-05 09:00"), "x", Closed())
    with pytest.raises(BrokenHistory) as refused:
        extend(before, [late])
    assert isinstance(refused.value.__cause__, NotInThisStage)
    assert refused.value.about == {"incident": "case-1", "number": 4}
    assert fold(file.entries) == before == file.now


def test_long_histories_fold_to_what_short_ones_extend_to() -> None:
    file, when = scene.dispatched(), at("2026-03-05 09:00")
    for n in range(200):
        file.add(Noted(f"w{n}"), when + timedelta(minutes=n))
    assert fold(file.entries) == file.now
    assert file.now.number == 203


def shape(incident: Incident) -> tuple[object, ...]:
    """Stage, the clock that runs with its run, since when, and what a rule did that can be taken back."""
    clock = None if incident.clock is None else f"{incident.clock.clock}/{incident.clock.run}"
    since = None if incident.clock_started_at is None else local(incident.clock_started_at)[11:]
    return (str(incident.stage), clock, since, incident.automatic, incident.undoable)


def test_clocks_where_things_go_another_way_than_the_main_line() -> None:
    """Asked about and taken off the books; redrawn while it waits and while it is handled; adopted."""
    now = at("2026-03-05 09:10")
    asked = scene.reported()
    asked.add(decisions.ask(rules(), asked.now, CLERK, now), now)
    south = replace(NORTH, path=("44", "02"))
    moved = asked.add(decisions.relocate(rules(), asked.now, south, units(south.path), now), now, "system")
    assert (shape(moved), moved.department) == (("verifying", "verify/2", "09:10", None, False), "lamps")
    gone = asked.add(decisions.cancel(asked.now, LEADER, "a test"), now)
    assert (shape(gone), gone.next_look) == (("cancelled", None, None, None, False), None)

    held = scene.dispatched()
    before = held.now
    stays = held.add(decisions.relocate(rules(), before, south, units(south.path), now), now, "system")
    assert (shape(stays), stays.department, stays.lead) == (shape(before), "north", "north")

    adopted = scene.imported()
    adopted.add(decisions.adopt(rules(), adopted.now, LEADER, units(PLACED), now), now)
    assert shape(adopted.now) == ("intake", "intake/2", "09:10", None, False)
    over = scene.reported()
    over.add(decisions.reject(over.now, CLERK, "private ground"), now)
    assert shape(over.now) == ("rejected", None, None, None, False)
    over.add(decisions.reopen(rules(), over.now, LEADER, "it is not", now), now)
    assert shape(over.now) == ("intake", "intake/3", "09:10", None, False)
    for file in (asked, held, adopted, over):
        assert fold(file.entries) == file.now
