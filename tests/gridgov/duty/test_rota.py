"""What may be written into a rota: rules as a table of cases, laws over any days."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.lifecycle import Role
from gridgov.accounts import Person
from gridgov.duty.errors import (
    AlreadyOnDuty,
    BadDuty,
    NobodyToStandInFor,
    NotForDuty,
    PastDuty,
    StoodInFor,
)
from gridgov.duty.rota import Asked, Rota, Shift
from gridgov.errors import ServiceError
from gridgov.scope import Assignment
from tests.gridgov.scene import LONG_AGO, MONDAY

N, S, N1, S1 = ("D", "N"), ("D", "S"), ("D", "N", "N1"), ("D", "S", "S1")


def hours(number: float) -> datetime:
    """So many hours after ten o'clock on Monday, which is now."""
    return MONDAY + timedelta(hours=number)


def somebody(name: str, role: Role = Role.INSPECTOR, path=N, ends_at=None, active=True) -> Person:
    department = "water" if role is Role.HANDLER else None
    held = Assignment(f"as-{name}", role, path, department, LONG_AGO, ends_at)
    return Person(name, name, name.title(), (held,), active)


WANG, LI, ZHAO = somebody("wang"), somebody("li"), somebody("zhao", path=S)
PEOPLE = {person.id: person for person in (WANG, LI, ZHAO, somebody("chen", Role.SHIFT_LEADER, ()))}


def asked(person: str, path=N1, since: float | None = 0, until: float = 8, stand_in_for=None) -> Asked:
    starts_at = None if since is None else hours(since)
    return Asked(f"{person}-{since}-{until}", person, path, starts_at, hours(until), stand_in_for)


def write(rota: Rota, *wanted: Asked, people=PEOPLE) -> Shift:
    for one in wanted:
        shift = rota.add(one, people[one.person], "leader", MONDAY)
    return shift


REFUSED = [
    # what is tried, what is there before, what is asked, why not
    ("twice at once", [asked("wang")], asked("wang", N, 7, 9), AlreadyOnDuty),
    ("in two grids at once", [asked("chen", S1)], asked("chen", N1, 4, 5), AlreadyOnDuty),
    ("in a grid of others", [], asked("wang", S1), NotForDuty),
    ("above one's own grid", [], asked("wang", ("D",)), NotForDuty),
    ("nowhere", [], asked("wang", ()), BadDuty),
    ("ending before it begins", [], asked("wang", N1, 5, 5), BadDuty),
    ("for longer than a week", [], asked("wang", N1, 0, 24 * 7 + 1), BadDuty),
    ("in the past", [], asked("wang", N1, -1, 2), PastDuty),
    ("standing in for nobody", [], asked("li", N1, 0, 8, "wang"), NobodyToStandInFor),
    ("in another grid than they are", [asked("wang", N)], asked("li", N1, 0, 8, "wang"), NobodyToStandInFor),
    ("for longer than they are", [asked("wang")], asked("li", N1, 4, 9, "wang"), NobodyToStandInFor),
    ("for oneself", [asked("wang")], asked("wang", N1, 8, 9, "wang"), NobodyToStandInFor),
    (
        "where another stands in",
        [asked("wang"), asked("li", N1, 1, 3, "wang")],
        asked("chen", N1, 2, 4, "wang"),
        StoodInFor,
    ),
    ("while on duty oneself", [asked("wang"), asked("li", N)], asked("li", N1, 2, 4, "wang"), AlreadyOnDuty),
]


@pytest.mark.parametrize(("there", "wanted", "why"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_what_is_refused(there, wanted, why) -> None:
    rota = Rota()
    for one in there:
        write(rota, one)
    with pytest.raises(why):
        write(rota, wanted)


def test_what_is_right() -> None:
    rota = Rota()
    assert write(rota, asked("wang")).role is Role.INSPECTOR
    assert write(rota, asked("wang", N, 8, 16)).path == N
    assert write(rota, asked("chen", N, None, 2)).role is Role.SHIFT_LEADER
    assert write(rota, asked("li", N1, 1, 2, "wang"), asked("li", N1, 3, 4, "wang")).stand_in_for == "wang"


def test_whoever_stands_in_is_on_duty_as_who_they_stand_in_for() -> None:
    """A shift leader who takes an inspector's place is sent as an inspector is."""
    rota = Rota()
    write(rota, asked("wang"))
    assert write(rota, asked("chen", N1, 1, 2, "wang")).role is Role.INSPECTOR


def test_a_stand_in_can_be_stood_in_for() -> None:
    third = write(Rota(), asked("wang"), asked("li", N1, 1, 5, "wang"), asked("chen", N1, 2, 3, "li"))
    assert (third.stand_in_for, third.role) == ("li", Role.INSPECTOR)


@pytest.mark.parametrize(
    "who",
    [
        somebody("wang", active=False),
        somebody("wang", ends_at=hours(4)),
        somebody("wang", Role.HANDLER, ()),
        somebody("wang", Role.DISPATCHER, ()),
    ],
    ids=["left", "an assignment that ends too early", "handler", "dispatcher"],
)
def test_who_cannot_be_on_duty(who) -> None:
    with pytest.raises(NotForDuty):
        write(Rota(), asked("wang"), people={"wang": who})


def test_cutting_short() -> None:
    rota = Rota()
    shift = write(rota, asked("wang"))
    assert rota.shorten(shift, None, hours(3)).ends_at == hours(3)
    assert rota.shorten(shift, hours(5), hours(3)).ends_at == hours(5)
    assert rota.shorten(shift, None, hours(-1)) is None
    for at in (hours(1), hours(8), hours(9)):
        with pytest.raises(BadDuty):
            rota.shorten(shift, at, hours(3))
    with pytest.raises(PastDuty):
        rota.shorten(shift, None, hours(8))


def test_who_is_stood_in_for_stays_on_the_rota() -> None:
    """Their duty is not cut short under a stand-in: nobody would be whose place is taken."""
    rota = Rota()
    shift = write(rota, asked("wang"))
    stand_in = write(rota, asked("li", N1, 4, 6, "wang"))
    with pytest.raises(StoodInFor):
        rota.shorten(shift, hours(5), hours(3))
    with pytest.raises(StoodInFor):
        rota.shorten(shift, None, hours(3))
    assert rota.shorten(shift, hours(6), hours(3)).ends_at == hours(6)
    assert rota.shorten(stand_in, None, hours(3)) is None


wishes = st.builds(
    lambda person, path, since, length, other: asked(person, path, since, since + length, other),
    st.sampled_from(sorted(PEOPLE)),
    st.sampled_from((N, S, N1, S1)),
    st.integers(-2, 30),
    st.integers(-1, 12),
    st.none() | st.sampled_from(sorted(PEOPLE)),
)


@given(st.lists(wishes, max_size=25))
def test_at_every_moment_everybody_is_in_one_place(wanted) -> None:
    """Whatever is asked: nobody is on duty twice at once, whoever stands in does so for somebody who is on
    duty there, and nobody is stood in for twice.
    """
    rota, kept = Rota(), []
    for number, one in enumerate(wanted):
        one = Asked(str(number), one.person, one.path, one.starts_at, one.ends_at, one.stand_in_for)
        try:
            kept.append(write(rota, one))
        except ServiceError:
            continue
    for moment in (hours(quarter / 2) for quarter in range(90)):
        running = [s for s in kept if s.runs(moment)]
        assert len({s.person for s in running}) == len(running)
        stand_ins = [s for s in running if s.stand_in_for is not None]
        held = {(s.person, s.path) for s in running}
        assert all((s.stand_in_for, s.path) in held for s in stand_ins)
        assert len({(s.stand_in_for, s.path) for s in stand_ins}) == len(stand_ins)
