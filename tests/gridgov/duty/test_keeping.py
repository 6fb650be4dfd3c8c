"""The rota in the store: written, read, cut short, withdrawn; where people are, and when that is forgotten."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from gridgov.duty import keeping, whereabouts
from gridgov.duty.errors import AlreadyOnDuty, NotForDuty, NotOnDuty, UnknownDuty
from gridgov.duty.reading import Duty
from gridgov.errors import OutsideScope, UnknownPerson
from gridgov.storage.duty_tables import WhereaboutsRow
from gridgov.storage.errors import IdReused
from tests.gridgov.duty import shifts
from tests.gridgov.duty.shifts import N, asked, hours, may, put, says


def present(service, when=None):
    with service.reader.connect() as connection:
        return [(s.person, s.path) for s in Duty(connection, "main", when or service.clock.now).present]


def kept(service) -> int:
    with service.reader.connect() as connection:
        return connection.execute(select(func.count()).select_from(WhereaboutsRow.__table__)).scalar_one()


def test_what_is_written_is_read(service) -> None:
    first, second = put(service, "inspector_n", "N1", 0.5, 8), put(service, "inspector", ("D",), 9, 10)
    with service.reader.connect() as connection:
        assert keeping.between(connection, hours(0), hours(24)) == [first, second]
        assert keeping.between(connection, hours(0), hours(9)) == [first]
        assert keeping.between(connection, hours(8), hours(9)) == []
        assert keeping.between(connection, hours(0), hours(24), under=N) == [first]
        assert keeping.between(connection, hours(0), hours(24), {"inspector"}) == [second]
        assert keeping.find(connection, second.id) == second
        assert keeping.of_person(connection, "inspector_n", hours(7)) == [first]
        assert keeping.of_person(connection, "inspector_n", hours(8)) == []
    assert present(service, hours(0.4)) == []
    assert present(service, hours(1)) == [("inspector_n", ("D", "N", "N1"))]
    assert present(service, hours(9)) == [("inspector", ("D",))]


def test_the_same_again_changes_nothing(service) -> None:
    one = asked("inspector_n", "N1", 1, 2)
    first = service.writer.run(keeping.add(one, "leader"))
    assert service.writer.run(keeping.add(one, "leader")) == first
    with pytest.raises(IdReused):
        service.writer.run(keeping.add(replace(one, path=N), "leader"))
    service.writer.run(keeping.end(one.id, None, "leader", may))
    with pytest.raises(IdReused):
        service.writer.run(keeping.add(one, "leader"))


def test_what_is_refused_leaves_nothing(service) -> None:
    with pytest.raises(UnknownPerson):
        put(service, "nobody", "N1")
    with pytest.raises(NotForDuty):
        put(service, "inspector_s", "N1")
    put(service, "inspector_n", "N1")
    with pytest.raises(AlreadyOnDuty, match="Inspector n is on duty already in D/N/N1"):
        put(service, "inspector_n", "N2", 7, 9)
    assert present(service) == [("inspector_n", ("D", "N", "N1"))]


def test_a_duty_is_cut_short_or_withdrawn(service) -> None:
    runs, later = put(service, "inspector_n", "N1"), put(service, "inspector_s", "S1", 5, 8)
    ended = service.writer.run(keeping.end(later.id, None, "leader", may))
    assert ended.shift is None
    with service.reader.connect() as connection, pytest.raises(UnknownDuty):
        keeping.find(connection, later.id)
    cut = service.writer.run(keeping.end(runs.id, hours(4), "leader", may)).shift
    assert cut.ends_at == hours(4)
    service.clock.now = hours(3)
    assert service.writer.run(keeping.end(runs.id, None, "leader", may)).shift.ends_at > hours(3)
    assert present(service) == []


def test_whoever_may_not_changes_nothing(service) -> None:
    def may_not(path) -> None:
        raise OutsideScope(path=list(path))

    shift = put(service, "inspector_n", "N1")
    with pytest.raises(OutsideScope):
        service.writer.run(keeping.end(shift.id, None, "x", may_not))
    with pytest.raises(UnknownDuty):
        service.writer.run(keeping.end("nothing", None, "x", may))
    assert present(service) != []


def test_the_place_of_who_is_stood_in_for_is_theirs_again(service) -> None:
    put(service, "inspector_n", "N1", 0.5, 8)
    stand_in = put(service, "inspector", "N1", 2, 4, for_="inspector_n")
    grid = ("D", "N", "N1")
    assert [present(service, hours(h)) for h in (1, 3, 5)] == [
        [("inspector_n", grid)],
        [("inspector", grid)],
        [("inspector_n", grid)],
    ]
    service.writer.run(keeping.end(stand_in.id, None, "leader", may))
    assert present(service, hours(3)) == [("inspector_n", grid)]


def test_who_stands_in_for_a_stand_in_is_there_alone(service) -> None:
    put(service, "inspector_n", "N1", 0.5, 8)
    put(service, "inspector", "N1", 1, 5, for_="inspector_n")
    put(service, "leader", "N1", 2, 3, for_="inspector")
    names = [[person for person, _ in present(service, hours(h))] for h in (1.5, 2.5, 4)]
    assert names == [["inspector"], ["leader"], ["inspector"]]


def test_only_the_last_place_is_kept_and_only_on_duty(service) -> None:
    with pytest.raises(NotOnDuty):
        says(service, "inspector_n", "N1")
    put(service, "inspector_n", "N1", None, 2)
    says(service, "inspector_n", "N1")
    says(service, "inspector_n", "N2")
    assert kept(service) == 1
    with service.reader.connect() as connection:
        now = service.clock.now
        assert whereabouts.last(connection, "inspector_n", now).where.lon == pytest.approx(114.015)
        assert whereabouts.last(connection, "inspector_s", now) is None
        assert whereabouts.last(connection, "inspector_n", hours(2)) is None


def test_when_duty_ends_it_is_forgotten_where_they_were(service) -> None:
    put(service, "inspector_n", "N1", None, 2)
    put(service, "inspector_s", "S1", None, 3)
    says(service, "inspector_n", "N1")
    says(service, "inspector_s", "S1")
    service.forgetter.tend(woken=False)
    assert kept(service) == 2
    service.clock.now = hours(2)
    service.forgetter.tend(woken=False)
    assert kept(service) == 1
    service.clock.now = hours(3)
    service.forgetter.tend(woken=False)
    assert kept(service) == 0


def test_whoever_is_sent_home_is_forgotten_at_once(service) -> None:
    shift = put(service, "inspector_n", "N1", None, 8)
    says(service, "inspector_n", "N1")
    service.writer.run(keeping.end(shift.id, hours(1), "leader", may))
    assert kept(service) == 1
    service.clock.now = hours(1)
    service.forgetter.tend(woken=False)
    assert kept(service) == 0
    shift = put(service, "inspector_n", "N1", None, 8)
    says(service, "inspector_n", "N1")
    service.writer.run(keeping.end(shift.id, None, "leader", may))
    assert kept(service) == 0


def test_it_is_forgotten_where_they_were_whose_place_is_taken(service) -> None:
    """Meanwhile they are not on duty, and nothing is taken of where they are."""
    put(service, "inspector_n", "N1", None, 8)
    says(service, "inspector_n", "N1")
    put(service, "inspector", "N1", 2, 4, for_="inspector_n")
    service.clock.now = hours(2)
    service.forgetter.tend(woken=False)
    assert kept(service) == 0
    with pytest.raises(NotOnDuty):
        says(service, "inspector_n", "N1")
    says(service, "inspector", "N1")
    service.clock.now = hours(4)
    service.forgetter.tend(woken=False)
    assert kept(service) == 0
    says(service, "inspector_n", "N1")
    put(service, "inspector", "N1", 6, 7, for_="inspector_n")
    with service.reader.connect() as connection:
        assert whereabouts.last(connection, "inspector_n", service.clock.now).until == hours(6)


def test_the_forgetting_thread_goes_on_by_itself(service) -> None:
    put(service, "inspector_n", "N1", None, 2)
    says(service, "inspector_n", "N1")
    service.clock.now = hours(2)
    service.forgetter.start()
    for _ in range(100):
        if kept(service) == 0:
            break
        service.forgetter._stopped.wait(0.05)
    assert kept(service) == 0


def test_who_is_on_duty_is_a_range_of_an_index(service) -> None:
    """However much is planned or past: the plan of the query says so."""
    with service.reader.connect() as connection:
        query = select(keeping._duty).where(keeping.runs("main", hours(1)))
        text = query.compile(connection, compile_kwargs={"literal_binds": True})
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}").mappings().one()
    assert "duty_begins (stream=? AND starts_at>? AND starts_at<?)" in plan["detail"]


@pytest.mark.parametrize("moment", [timedelta(), timedelta(days=6)])
def test_a_duty_of_a_week_runs_for_all_of_it(service, moment) -> None:
    shift = put(service, "inspector_n", "N1", 1, 24 * 7 + 1)
    assert present(service, shift.starts_at + moment)
    assert present(service, shift.ends_at - timedelta(microseconds=1))
    assert not present(service, shift.ends_at)


def test_who_may_be_sent_and_who_may_handle(service) -> None:
    with service.reader.connect() as connection:
        duty = Duty(connection, "main", hours(1))
        assert duty.may_handle("water", "water", shifts.GRIDS["N1"])
        assert not duty.may_handle("water", "cleaning", shifts.GRIDS["N1"])
        assert not duty.may_handle("inspector", "water", shifts.GRIDS["N1"])
        assert duty.is_inspector("inspector_s", shifts.GRIDS["N1"])
        assert not duty.is_inspector("leader", shifts.GRIDS["N1"])
    put(service, "inspector_n", "N1", None, 8)
    put(service, "leader", "N1", None, 8, for_="inspector_n")
    with service.reader.connect() as connection:
        assert Duty(connection, "main", hours(1)).is_inspector("leader", shifts.GRIDS["N1"])
