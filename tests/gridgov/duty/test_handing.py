"""The hand-over: who goes is off duty, who comes is on it and has what was not done; the rest is said."""

import uuid

import pytest
from sqlalchemy import func, select

from dispatch.lifecycle import Act, Role
from gridgov import accounts
from gridgov.accounts import Person
from gridgov.duty import handing, keeping
from gridgov.duty.errors import AlreadyOnDuty, CannotTakeOver, NotForDuty, NotOnDuty
from gridgov.duty.handing import SentHandOver
from gridgov.duty.reading import Duty
from gridgov.errors import OutsideScope
from gridgov.scope import Assignment
from gridgov.storage.duty_tables import WhereaboutsRow
from gridgov.storage.errors import IdReused, StoreBusy
from tests.gridgov import scene
from tests.gridgov.duty import shifts
from tests.gridgov.duty.shifts import GRIDS, act, asked_to_look, hours, may, put, says, told


@pytest.fixture
def town(service):
    """The town's service, with li, wang and zhao: three more inspectors of the north."""
    for name in ("li", "wang", "zhao"):
        held = Assignment(f"as-{name}", Role.INSPECTOR, ("D", "N"), None, scene.LONG_AGO)
        service.writer.run(accounts.add(Person(name, name, name.title(), (held,)), "x"))
    return service


def hand(service, from_="wang", to="li", by=None, remark="井盖还没看", id_=None, may=may):
    sent = SentHandOver(id_ or str(uuid.uuid4()), from_, to, remark)
    return handing.hand_over(service.writer, shifts.who(service, by or from_), sent, may)


def present(service):
    with service.reader.connect() as connection:
        return {
            s.person: (s.path[-1], s.ends_at) for s in Duty(connection, "main", service.clock.now).present
        }


def read(service, person="nobody", led=((),)):
    with service.reader.connect() as connection:
        return handing.hand_overs(connection, person, led)


def test_tasks_move_with_duty(town) -> None:
    put(town, "wang", "N1")
    offered, accepted, done = (asked_to_look(town) for _ in range(3))
    act(town, "wang", Act.ACCEPT_TASK, accepted)
    act(town, "wang", Act.VERIFY, done, found=False, reason="没有")
    says(town, "wang", "N1")
    over = hand(town)
    assert ({m.incident for m in over.moved}, over.left) == ({offered, accepted}, ())
    for id_ in (offered, accepted):
        task = shifts.now(town, id_).task
        assert (task.person, task.state, task.because) == ("li", "offered", "on_duty")
    assert shifts.now(town, done).task is None
    assert told(town, accepted)[-2:] == [("decline_task", "wang", None), ("task", "system", "li")]
    declined = shifts.entries(town, accepted)[-2].fact
    assert declined.reason == "交接班 hand-over: 井盖还没看"
    # wang is off duty, nobody knows where they are any more, and li has the rest of that duty.
    assert present(town) == {"li": ("N1", hours(8))}
    with town.reader.connect() as connection:
        assert connection.execute(select(func.count()).select_from(WhereaboutsRow.__table__)).scalar() == 0


def test_both_see_the_record(town) -> None:
    put(town, "wang", "N1")
    asked_to_look(town)
    over = hand(town)
    assert read(town, "wang", ()) == read(town, "li", ()) == read(town) == [over]
    assert read(town, "x", [("D", "N")]) == [over]
    assert read(town, "x", [("D", "S")]) == []
    assert (over.path, over.by, over.remark) == (GRIDS["N1"], "wang", "井盖还没看")
    assert read(town, "zhao", ()) == []


def test_who_comes_is_on_duty_elsewhere_already(town) -> None:
    put(town, "wang", "N1")
    put(town, "li", "N2")
    id_ = asked_to_look(town)
    hand(town)
    assert present(town) == {"li": ("N2", hours(8))}
    assert (shifts.now(town, id_).task.person, shifts.now(town, id_).task.because) == ("li", "nearest")


def test_who_comes_begins_a_little_early(town) -> None:
    put(town, "wang", "N1", None, 8)
    late = put(town, "li", "N1", 8, 16)
    town.clock.now = hours(7.9)
    hand(town)
    assert present(town) == {"li": ("N1", hours(16))}
    with town.reader.connect() as connection:
        assert keeping.find(connection, late.id).starts_at < hours(8)


def test_what_was_not_done_can_be_handed_over_after_duty_too(town) -> None:
    put(town, "wang", "N1", None, 2)
    id_ = asked_to_look(town)
    act(town, "wang", Act.ACCEPT_TASK, id_)
    town.clock.now = hours(3)
    with pytest.raises(CannotTakeOver, match="this duty has ended"):
        hand(town)
    put(town, "li", "N1")
    assert [m.incident for m in hand(town).moved] == [id_]
    town.clock.now = hours(6)
    with pytest.raises(NotOnDuty):
        hand(town, remark="again")


def test_what_cannot_be_moved_is_listed_and_stays(town) -> None:
    """li declined one of the two before: it is not put to them again."""
    put(town, "li", "N1", None, 1)
    id_ = asked_to_look(town)
    put(town, "wang", "N1")
    act(town, "li", Act.DECLINE_TASK, id_, reason="太远")
    other = asked_to_look(town)
    act(town, "li", Act.DECLINE_TASK, other, reason="太远")
    town.clock.now = hours(1.1)
    third = asked_to_look(town)
    over = hand(town)
    assert [m.incident for m in over.moved] == [third]
    assert {m.incident for m in over.left} == {id_, other}
    assert {m.why for m in over.left} == {"who comes has declined this before, or handled it"}
    assert shifts.now(town, id_).task.person == "wang"
    assert read(town) == [over]


def test_a_stand_in_hands_the_place_on(town) -> None:
    """Whose place it is does not come back for that."""
    put(town, "zhao", "N1")
    put(town, "wang", "N1", None, 6, for_="zhao")
    hand(town)
    assert present(town) == {"li": ("N1", hours(6))}
    with pytest.raises(NotOnDuty, match="somebody stands in"):
        hand(town, "zhao", "wang")


def test_a_shift_leader_hands_over_for_somebody(town) -> None:
    """The ledger says who said so."""
    put(town, "wang", "N1")
    id_ = asked_to_look(town)
    over = hand(town, by="leader")
    assert (over.by, [m.incident for m in over.moved]) == ("leader", [id_])
    assert told(town, id_)[-1] == ("task", "leader", "li")


def test_again_goes_on_where_it_stopped(town, monkeypatch) -> None:
    """The store was busy when the task was to move: the record says so, and sending it again moves it."""
    put(town, "wang", "N1")
    id_ = asked_to_look(town)
    run, same = town.writer.run, str(uuid.uuid4())

    def busy(work):
        if getattr(work, "incident", None) == id_:
            raise StoreBusy()
        return run(work)

    monkeypatch.setattr(town.writer, "run", busy)
    over = hand(town, id_=same)
    assert [m.incident for m in over.left] == [id_]
    monkeypatch.undo()
    assert read(town)[0].left == over.left
    over = hand(town, id_=same)
    assert ([m.incident for m in over.moved], over.left) == ([id_], ())
    assert read(town) == [over] == [hand(town, id_=same)]
    with pytest.raises(IdReused):
        hand(town, to="zhao", id_=same)


def test_what_is_refused_changes_nothing(town) -> None:
    put(town, "wang", "N1")
    put(town, "inspector_s", "S1", 4, 6)
    before = present(town)

    def may_not(path) -> None:
        raise OutsideScope(path=list(path))

    for to, why in [("wang", CannotTakeOver), ("inspector_s", NotForDuty), ("dispatcher", NotForDuty)]:
        with pytest.raises(why):
            hand(town, to=to)
    with pytest.raises(OutsideScope):
        hand(town, may=may_not)
    with pytest.raises(NotOnDuty):
        hand(town, "zhao", "wang")
    put(town, "li", "N2", 5, 6)
    with pytest.raises(AlreadyOnDuty):
        hand(town)
    assert present(town) == before
    assert read(town) == []
