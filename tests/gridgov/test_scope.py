"""Who may see and do what: a drawn table, and the laws of scopes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.building import ACCEPTED, OFFERED, UNASSIGNED, Part, Task
from dispatch.incidents import Incident
from dispatch.lifecycle import Role
from gridgov.scope import (
    Assignment,
    Seen,
    actor_on,
    departments_on,
    roles_anywhere,
    roles_on,
    scope_of,
    seen_of,
)
from tests.gridgov import scene
from tests.gridgov.scene import LONG_AGO, MONDAY, assignment
from tests.gridgov.storage.conftest import Town

R = Role


@pytest.mark.parametrize(
    ("role", "under", "department", "lies", "departments", "seen"),
    [
        (R.DISPATCHER, ("D", "N"), None, ("D", "N", "N1"), (), True),
        (R.DISPATCHER, ("D", "N"), None, ("D", "S", "S1"), ("water",), False),
        (R.DISPATCHER, ("D", "N"), None, ("D", "N2"), (), False),
        (R.DISPATCHER, ("D",), None, (), (), False),
        (R.DISPATCHER, (), None, (), (), True),
        (R.INTAKE_CLERK, ("D", "N"), None, (), (), True),
        (R.SHIFT_LEADER, ("D",), None, (), ("water",), True),
        (R.INSPECTOR, ("D", "N", "N1"), None, ("D", "N", "N1"), (), True),
        (R.INSPECTOR, ("D", "N", "N1"), None, ("D", "N"), (), False),
        (R.HANDLER, ("D",), "water", ("D", "N", "N1"), ("water",), True),
        (R.HANDLER, ("D",), "water", ("D", "N", "N1"), ("cleaning",), False),
        (R.HANDLER, ("D",), "water", ("D", "N", "N1"), (), False),
        (R.HANDLER, ("D", "N"), "water", ("D", "S", "S1"), ("water",), False),
        (R.HANDLER, ("D",), "water", (), ("water",), True),
        (R.ADMINISTRATOR, (), None, ("D", "N", "N1"), (), False),
        (R.HANDLER, ("D",), "water", ("D", "N", "N1"), ("cleaning", "water"), True),
        (R.HANDLER, ("D", "N"), "water", ("D", "S", "S1"), ("cleaning", "water"), False),
        (R.HANDLER, ("D",), "water", (), ("cleaning", "water"), True),
    ],
)
def test_what_an_assignment_lets_one_see(
    role: Role,
    under: tuple[str, ...],
    department: str | None,
    lies: tuple[str, ...],
    departments: tuple[str, ...],
    seen: bool,
) -> None:
    scope = scope_of("p", [assignment(role, under, department)], MONDAY)
    assert scope.sees(Seen(lies, departments, ("somebody else",))) == seen


@pytest.mark.parametrize("place", [0, 1, 2])
def test_who_reported_it_who_is_sent_and_whom_it_was_handed_to_see_it_wherever_it_lies(place: int) -> None:
    people = ["a", "b", "c"]
    people[place] = "p"
    assert scope_of("p", [], MONDAY).sees(Seen(("X",), (), tuple(people)))
    assert not scope_of("q", [], MONDAY).sees(Seen(("X",), (), tuple(people)))


def test_an_assignment_counts_from_its_start_until_before_its_end() -> None:
    hour = timedelta(hours=1)
    one = Assignment("a", Role.DISPATCHER, (), None, MONDAY, MONDAY + hour)
    moments = [(MONDAY - hour, False), (MONDAY, True), (MONDAY + hour, False)]
    for moment, counts in moments:
        assert scope_of("p", [one], moment).sees(Seen(("D",))) == counts
        assert (roles_on([one], Seen(("D",)), moment) == {Role.DISPATCHER}) == counts


@pytest.mark.parametrize(
    ("role", "under", "department"),
    [
        (R.ADMINISTRATOR, ("D",), None),
        (R.ADMINISTRATOR, ("D", "N", "N1"), None),
        (R.ADMINISTRATOR, (), "water"),
        (R.HANDLER, (), None),
        (R.DISPATCHER, (), "water"),
    ],
)
def test_an_assignment_that_makes_no_sense_counts_for_nothing(
    role: Role, under: tuple[str, ...], department: str | None
) -> None:
    held = [assignment(role, under, department)]
    assert roles_anywhere(held, MONDAY) == frozenset()
    assert roles_on(held, Seen(("D", "N", "N1"), ("water",)), MONDAY) == frozenset()
    assert departments_on(held, Seen(("D", "N", "N1"), ("water",)), MONDAY) == frozenset()
    assert scope_of("p", held, MONDAY).claims == ()


def test_an_administrator_is_one_of_the_whole_installation() -> None:
    assert roles_anywhere([assignment(R.ADMINISTRATOR)], MONDAY) == {R.ADMINISTRATOR}


paths = st.lists(st.sampled_from("ab"), max_size=3).map(tuple)
departments = st.sampled_from([None, "water", "fire"])
assignments = st.lists(
    st.builds(
        Assignment,
        id=st.just("x"),
        role=st.sampled_from(Role),
        path=paths,
        department=departments,
        starts_at=st.just(LONG_AGO),
    ),
    max_size=5,
)


parts = st.lists(st.sampled_from(["water", "fire", "north"]), unique=True, max_size=3).map(tuple)


@given(assignments, paths, parts)
def test_a_scope_sees_exactly_what_some_assignment_covers(
    held: list[Assignment], lies: tuple[str, ...], departments: tuple[str, ...]
) -> None:
    """Leaving out claims that others contain never changes what is seen."""
    seen = Seen(lies, departments, ("x",))
    counting = [a for a in held if a.runs(MONDAY) and a.role is not Role.ADMINISTRATOR]
    assert scope_of("p", held, MONDAY).sees(seen) == any(a.covers(seen) for a in counting)


@given(assignments, paths, parts)
def test_one_acts_for_the_departments_whose_handler_one_is_there_and_sees_all_for_which_one_acts(
    held: list[Assignment], lies: tuple[str, ...], departments: tuple[str, ...]
) -> None:
    seen = Seen(lies, departments)
    mine = departments_on(held, seen, MONDAY)
    assert mine == {
        code for code in departments if Role.HANDLER in roles_on(held, Seen(lies, (code,)), MONDAY)
    }
    assert bool(mine) == (Role.HANDLER in roles_on(held, seen, MONDAY))
    assert not mine or scope_of("p", held, MONDAY).sees(seen)


@given(assignments)
def test_the_digest_depends_on_what_is_seen_not_on_how_it_was_assigned(held: list[Assignment]) -> None:
    assert scope_of("p", held, MONDAY).digest == scope_of("p", [*reversed(held), *held], MONDAY).digest


@pytest.fixture(scope="module")
def an_incident(tmp_path_factory: pytest.TempPathFactory) -> Incident:
    """One in N1, of nobody yet."""
    town = Town(f"sqlite:///{tmp_path_factory.mktemp('one') / 'town.db'}")
    town.report(scene.COVER, scene.at("N1"))
    town.close_down()
    return town.committed[0].after


def test_what_of_an_incident_decides_who_sees_it(an_incident: Incident) -> None:
    """Departments and whom they handed it to count only while one of them has it."""
    held = replace(
        an_incident,
        lead="water",
        co_handlers=("water", "cleaning"),
        assignee="w",
        parts=(Part("cleaning", "open", None, None, "c"), Part("north_office", "done", None, None, None)),
        task=task("sent", OFFERED),
    )
    path = ("D", "N", "N1")
    assert seen_of(held) == Seen(path, ("water", "cleaning"), ("inspector", "sent", "w", "c"))
    assert seen_of(replace(held, lead=None)) == Seen(path, (), ("inspector", "sent"))
    assert seen_of(replace(held, task=task(None, UNASSIGNED))).people == ("inspector", "w", "c")
    assert seen_of(replace(held, task=None, assignee="inspector")).people == ("inspector", "c")


@pytest.mark.parametrize("state", [OFFERED, ACCEPTED])
def test_who_is_sent_to_look_is_an_inspector_there(an_incident: Incident, state: str) -> None:
    """Wherever their own grid lies, and only while they are one at all; another one is not."""
    sent = replace(an_incident, task=task("p", state))
    elsewhere = [assignment(R.INSPECTOR, ("D", "S", "S1"))]
    assert actor_on("p", elsewhere, sent, MONDAY).roles == {R.INSPECTOR}
    assert actor_on("q", elsewhere, sent, MONDAY).roles == frozenset()
    assert actor_on("p", elsewhere, an_incident, MONDAY).roles == frozenset()
    assert actor_on("p", [assignment(R.HANDLER, (), "water")], sent, MONDAY).roles == frozenset()


def task(person: str | None, state: str) -> Task:
    """Who is sent to look, as an incident has it."""
    return Task("verify", person, state, "on_duty", None, None)
