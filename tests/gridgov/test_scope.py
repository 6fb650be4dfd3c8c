"""Who may see and do what: a drawn table, and the laws of scopes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.lifecycle import Role
from gridgov.scope import Assignment, roles_anywhere, roles_on, scope_of
from tests.gridgov.scene import LONG_AGO, MONDAY, assignment

R = Role


@pytest.mark.parametrize(
    ("role", "under", "department", "lies", "lead", "seen"),
    [
        (R.DISPATCHER, ("D", "N"), None, ("D", "N", "N1"), None, True),
        (R.DISPATCHER, ("D", "N"), None, ("D", "S", "S1"), "water", False),
        (R.DISPATCHER, ("D", "N"), None, ("D", "N2"), None, False),
        (R.DISPATCHER, ("D",), None, (), None, False),
        (R.DISPATCHER, (), None, (), None, True),
        (R.INTAKE_CLERK, ("D", "N"), None, (), None, True),
        (R.SHIFT_LEADER, ("D",), None, (), "water", True),
        (R.INSPECTOR, ("D", "N", "N1"), None, ("D", "N", "N1"), None, True),
        (R.INSPECTOR, ("D", "N", "N1"), None, ("D", "N"), None, False),
        (R.HANDLER, ("D",), "water", ("D", "N", "N1"), "water", True),
        (R.HANDLER, ("D",), "water", ("D", "N", "N1"), "cleaning", False),
        (R.HANDLER, ("D",), "water", ("D", "N", "N1"), None, False),
        (R.HANDLER, ("D", "N"), "water", ("D", "S", "S1"), "water", False),
        (R.HANDLER, ("D",), "water", (), "water", True),
        (R.ADMINISTRATOR, (), None, ("D", "N", "N1"), None, False),
    ],
)
def test_what_an_assignment_lets_one_see(
    role: Role,
    under: tuple[str, ...],
    department: str | None,
    lies: tuple[str, ...],
    lead: str | None,
    seen: bool,
) -> None:
    scope = scope_of("p", [assignment(role, under, department)], MONDAY)
    assert scope.sees(lies, lead, "somebody else") == seen


def test_reporters_see_what_they_reported_wherever_it_lies() -> None:
    assert scope_of("p", [], MONDAY).sees(("X",), None, "p")


def test_an_assignment_counts_from_its_start_until_before_its_end() -> None:
    hour = timedelta(hours=1)
    one = Assignment("a", Role.DISPATCHER, (), None, MONDAY, MONDAY + hour)
    moments = [(MONDAY - hour, False), (MONDAY, True), (MONDAY + hour, False)]
    for moment, counts in moments:
        assert scope_of("p", [one], moment).sees(("D",), None, "x") == counts
        assert (roles_on([one], ("D",), None, moment) == {Role.DISPATCHER}) == counts


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
    assert roles_on(held, ("D", "N", "N1"), "water", MONDAY) == frozenset()
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


@given(assignments, paths, departments)
def test_a_scope_sees_exactly_what_some_assignment_covers(
    held: list[Assignment], lies: tuple[str, ...], lead: str | None
) -> None:
    """Leaving out claims that others contain never changes what is seen."""
    counting = [a for a in held if a.runs(MONDAY) and a.role is not Role.ADMINISTRATOR]
    expected = any(a.covers(lies, lead) for a in counting)
    assert scope_of("p", held, MONDAY).sees(lies, lead, "x") == expected


@given(assignments)
def test_the_digest_depends_on_what_is_seen_not_on_how_it_was_assigned(held: list[Assignment]) -> None:
    assert scope_of("p", held, MONDAY).digest == scope_of("p", [*reversed(held), *held], MONDAY).digest
