"""Who is told of an entry: the pure question, on entries made by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from dispatch.building import OFFERED, Task
from dispatch.entries import (
    Closed,
    Entry,
    Escalated,
    Fact,
    Filed,
    Imported,
    Noted,
    Noticed,
    PassedOn,
    Place,
    Reported,
    Route,
)
from dispatch.incidents import Incident, fold
from dispatch.lifecycle import Role, Stage
from gridgov.accounts import Person
from gridgov.outbox.rules import Kind, Notice, Target, Telling
from gridgov.outbox.telling import Delivery, event_of, told
from gridgov.scope import Assignment
from gridgov.storage.ledger import Committed
from tests.gridgov import scene

LEVELS = ("district", "street", "grid")
ROUTE = Route("water", "rule", "why")
N1 = Place(path=("D", "N", "N1"))
REPORTED = Reported("D-1", "hotline", scene.COVER, "urgent", N1, ROUTE, 1)
HOOK = Target("bureau", Kind.WEBHOOK, "https://x.example/")
LATE = scene.MONDAY + timedelta(hours=4)
ASKED = Escalated(1, "street", ("shift_leader", "manager"), "handling", 3, "overdue", LATE)


def committed(
    fact: Fact, incident: Incident | None = None, by: str = "clerk", position: int = 7
) -> Committed:
    """An entry with its incident after it."""
    after = incident or fold([Entry("i", 1, scene.MONDAY, scene.MONDAY, "inspector", REPORTED)])
    entry = Entry("i", after.number, scene.MONDAY, scene.MONDAY, by, fact)
    return Committed("main", position, entry, None, after, 1, None)


def incident(**more: object) -> Incident:
    return replace(committed(REPORTED).after, **more)  # type: ignore[arg-type]


def somebody(
    name: str, role: Role, path: tuple[str, ...] = (), department: str | None = None, **more: object
) -> Person:
    held = Assignment(f"as-{name}", role, path, department, scene.LONG_AGO)
    return replace(Person(name, name, name, (held,), True, f"{name}@example.org"), **more)  # type: ignore[arg-type]


def tell(target: Target, about: Committed, *people: Person, **filters: object) -> tuple[str, ...]:
    """The recipients of one target that is told of everything."""
    notice = Notice("all", frozenset({event_of(about.entry.fact)}), (target.name,), **filters)  # type: ignore[arg-type]
    return tuple(one.recipient for one in told(Telling((target,), (notice,)), about, people, LEVELS, "e"))


@pytest.mark.parametrize(
    ("fact", "event"),
    [
        (REPORTED, "reported"),
        (Noticed("handling", 3, "warning", LATE), "warning"),
        (Noticed("handling", 3, "overdue", LATE), "overdue"),
        (ASKED, "escalated"),
        (PassedOn(1, "why"), "passed_on"),
        (Closed(), "closed"),
    ],
)
def test_what_an_entry_is_called(fact: Fact, event: str) -> None:
    assert event_of(fact) == event


@pytest.mark.parametrize(
    ("filters", "passes"),
    [
        ({}, True),
        ({"categories": frozenset({scene.COVER})}, True),
        ({"categories": frozenset({scene.NOISE})}, False),
        ({"under": (("D", "N"),)}, True),
        ({"under": (("D", "S"), ("D", "N", "N1"))}, True),
        ({"under": (("D", "S"),)}, False),
        ({"departments": frozenset({"water"})}, True),
        ({"departments": frozenset({"cleaning"})}, False),
        ({"urgencies": frozenset({"urgent"})}, True),
        ({"urgencies": frozenset({"ordinary"})}, False),
        ({"stages": frozenset({"intake"})}, True),
        ({"stages": frozenset({"closed"})}, False),
        ({"channels": frozenset({"hotline"})}, True),
        ({"channels": frozenset({"inspector"})}, False),
        ({"channels": frozenset({"hotline"}), "urgencies": frozenset({"ordinary"})}, False),
    ],
)
def test_every_filter_has_to_let_it_pass(filters: dict[str, object], passes: bool) -> None:
    assert tell(HOOK, committed(REPORTED), **filters) == (("",) if passes else ())


def test_a_department_that_has_a_part_in_it_counts() -> None:
    shared = committed(Closed(), incident(lead="water", co_handlers=("cleaning",)))
    assert tell(HOOK, shared, departments=frozenset({"cleaning"})) == ("",)


def test_what_lies_nowhere_lies_under_no_grid() -> None:
    nowhere = committed(REPORTED, incident(place=Place()))
    assert tell(HOOK, nowhere, under=(("D",),)) == ()
    assert tell(HOOK, nowhere) == ("",)


def test_roles_are_told_where_they_answer_for_the_place() -> None:
    target = Target("leaders", Kind.EMAIL, roles=("manager",))
    people = [
        somebody("all", Role.MANAGER),
        somebody("north", Role.MANAGER, ("D", "N")),
        somebody("south", Role.MANAGER, ("D", "S")),
        somebody("other", Role.SUPERVISOR),
        somebody("left", Role.MANAGER, active=False),
        somebody("mute", Role.MANAGER, email=None),
    ]
    assert tell(target, committed(REPORTED), *people) == ("all@example.org", "north@example.org")


def test_an_assignment_counts_while_it_runs() -> None:
    target = Target("leaders", Kind.EMAIL, roles=("manager",))
    ended = Assignment("a", Role.MANAGER, (), None, scene.LONG_AGO, scene.MONDAY)
    assert tell(target, committed(REPORTED), somebody("x", Role.MANAGER, assignments=(ended,))) == ()


def test_a_department_means_its_handlers_and_those_who_have_a_part() -> None:
    target = Target("d", Kind.EMAIL, roles=("department",))
    people = [
        somebody("water", Role.HANDLER, (), "water"),
        somebody("water_s", Role.HANDLER, ("D", "S"), "water"),
        somebody("cleaning", Role.HANDLER, (), "cleaning"),
        somebody("office", Role.HANDLER, (), "office"),
    ]
    led = incident(lead="water", co_handlers=("cleaning",))
    assert tell(target, committed(Closed(), led), *people) == ("water@example.org", "cleaning@example.org")
    # Before it is dispatched nobody handles it, and nobody who does could see it.
    assert tell(target, committed(REPORTED), *people) == ()


def test_nobody_is_sent_a_link_to_what_they_may_not_see() -> None:
    """Before dispatch nobody has a part yet; who is sent to look is told wherever their own grid lies."""
    cleaning = somebody("cleaning", Role.HANDLER, (), "cleaning")
    department = Target("departments", Kind.EMAIL, roles=("department",))
    waiting = committed(
        Filed(scene.COVER, "urgent", ROUTE, 1), incident(co_handlers=("cleaning",), lead=None)
    )
    assert tell(department, waiting, cleaning) == ()
    inspectors = Target("inspectors", Kind.EMAIL, roles=("inspector",))
    here, sent = somebody("here", Role.INSPECTOR, ("D", "N")), somebody("sent", Role.INSPECTOR, ("D", "S"))
    task = Task("check", "sent", OFFERED, "nearest")
    assert tell(inspectors, waiting, here, sent) == ("here@example.org",)
    asked = committed(waiting.entry.fact, replace(waiting.after, task=task))
    assert tell(inspectors, asked, here, sent) == ("here@example.org", "sent@example.org")


def test_an_escalation_reaches_its_roles_at_its_level_and_above() -> None:
    target = Target("asked", Kind.EMAIL, roles=("escalated",))
    people = [
        somebody("street", Role.SHIFT_LEADER, ("D", "N")),
        somebody("district", Role.MANAGER, ("D",)),
        somebody("all", Role.MANAGER),
        somebody("grid", Role.MANAGER, ("D", "N", "N1")),
        somebody("south", Role.SHIFT_LEADER, ("D", "S")),
        somebody("inspector2", Role.INSPECTOR, ("D", "N")),
    ]
    asked = ("street@example.org", "district@example.org", "all@example.org")
    assert tell(target, committed(ASKED, incident(escalated=ASKED)), *people) == asked
    assert tell(target, committed(PassedOn(1, "why"), incident(escalated=ASKED)), *people) == asked
    assert tell(target, committed(Closed()), *people) == ()


def test_nobody_is_told_what_they_did_themselves() -> None:
    target = Target("leaders", Kind.EMAIL, roles=("manager",))
    assert tell(target, committed(REPORTED, by="m"), somebody("m", Role.MANAGER)) == ()


def test_an_address_is_told_once_whatever_its_capitals() -> None:
    target = Target("leaders", Kind.EMAIL, addresses=("A@example.org",), roles=("manager",))
    people = [somebody("a", Role.MANAGER), somebody("b", Role.MANAGER)]
    assert tell(target, committed(REPORTED), *people) == ("A@example.org", "b@example.org")


def test_the_first_notice_that_asks_for_it_tells_and_no_other() -> None:
    def notice(name: str) -> Notice:
        return Notice(name, frozenset({"reported"}), ("bureau",))

    found = told(Telling((HOOK,), (notice("one"), notice("two"))), committed(REPORTED), [], LEVELS, "e")
    assert [one.notice for one in found] == ["one"]


def test_imported_history_is_silent_until_it_is_adopted() -> None:
    old = Imported("D-1", "old", "7", "phone", scene.COVER, "water", N1, "open", False, scene.LONG_AGO)
    assert tell(HOOK, committed(old)) == ()
    assert tell(HOOK, committed(Noted("ref"), incident(stage=Stage.IMPORTED))) == ()
    assert tell(HOOK, committed(Filed(scene.COVER, "urgent", ROUTE, 1), incident(imported=True))) == ("",)


def test_an_id_is_the_same_for_the_same_and_another_for_all_else() -> None:
    def ids(position: int = 7, epoch: str = "e", address: str = "a@example.org") -> list[str]:
        target = Target("t", Kind.EMAIL, addresses=(address,))
        telling = Telling((target, HOOK), (Notice("n", frozenset({"reported"}), ("t", "bureau")),))
        found: tuple[Delivery, ...] = told(telling, committed(REPORTED, position=position), [], LEVELS, epoch)
        return [one.id for one in found]

    assert ids() == ids()
    # The webhook's is the same whoever gets e-mail.
    assert len({*ids(), *ids(8), *ids(epoch="f"), *ids(address="b@example.org")}) == 7
