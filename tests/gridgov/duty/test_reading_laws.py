"""Who can be sent, on any rota: the same as a plain reading of all that was written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert

from dispatch.entries import Place, to_micros
from dispatch.lifecycle import Role
from geodata.distance import metres
from gridgov.duty import keeping, reading
from gridgov.duty.reading import Duty
from gridgov.duty.rota import Shift
from gridgov.storage.duty_tables import WhereaboutsRow
from gridgov.storage.engine import open_engine
from gridgov.storage.setup import init
from gridgov.storage.tables import AssignmentRow, PersonRow, path_text
from tests.gridgov.scene import MONDAY

PEOPLE = ("chen", "li", "wang", "zhao")
PATHS = (("D",), ("D", "N"), ("D", "N", "N1"), ("D", "N", "N10"), ("D", "S", "S1"))
NOW = MONDAY

shifts = st.builds(
    lambda person, path, role, began, length, other: Shift(
        "",
        person,
        path,
        role,
        NOW - timedelta(hours=began),
        NOW + timedelta(hours=length - began),
        other,
        "x",
    ),
    st.sampled_from(PEOPLE),
    st.sampled_from(PATHS),
    st.sampled_from((Role.INSPECTOR, Role.INSPECTOR, Role.SHIFT_LEADER)),
    st.integers(-2, 10),
    st.integers(1, 12),
    st.none() | st.sampled_from(PEOPLE),
)
#: Person -> active?, the grids that they are an inspector of; where they are.
held = st.fixed_dictionaries(
    {p: st.tuples(st.booleans(), st.sets(st.sampled_from(((), *PATHS)))) for p in PEOPLE}
)
points = st.dictionaries(st.sampled_from(PEOPLE), st.tuples(st.floats(113.9, 114.1), st.floats(22.4, 22.6)))
place = st.sampled_from([*PATHS[2:], ()])


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Iterator[Connection]:
    """An empty store; what a test writes is rolled back."""
    url = f"sqlite:///{tmp_path_factory.mktemp('laws') / 'g.db'}"
    init(url, "e")
    engine = open_engine(url, writes=True)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def write(connection: Connection, rota, people, where) -> None:
    for table in (keeping._duty, WhereaboutsRow.__table__, AssignmentRow.__table__, PersonRow.__table__):
        connection.execute(delete(table))
    for number, shift in enumerate(rota):
        connection.execute(
            insert(keeping._duty).values(keeping._row("main", shift, NOW) | {"id": str(number)})
        )
    for person, (active, paths) in people.items():
        row = {"id": person, "name": person, "display_name": person, "password_hash": "x", "active": active}
        connection.execute(insert(PersonRow.__table__).values(row | {"created_at": 0}))
        for path in paths:
            row = {"id": f"{person}{path}", "person": person, "role": "inspector", "path": path_text(path)}
            connection.execute(insert(AssignmentRow.__table__).values(row | {"starts_at": 0}))
    for person, (lon, lat) in where.items():
        row = {"stream": "main", "person": person, "lon": lon, "lat": lat, "at": 0}
        row["until"] = to_micros(NOW + timedelta(hours=1))
        connection.execute(insert(WhereaboutsRow.__table__).values(row))


def plainly(rota, people, where, at: Place) -> set[tuple[str, int, float | None, str | None]]:
    """Each duty by itself, without an index: does it run, is nobody in its place, may they, do they go?"""
    found = set()
    running = [s for s in rota if s.starts_at <= NOW < s.ends_at]
    for shift in running:
        active, paths = people[shift.person]
        replaced = any(s.stand_in_for == shift.person and s.path == shift.path for s in running)
        allowed = active and any(shift.path[: len(path)] == path for path in paths)
        if replaced or not allowed or shift.role is not Role.INSPECTOR or at.lon is None:
            continue
        contains = at.path[: len(shift.path)] == shift.path
        away = None
        if shift.person in where:
            lon, lat = where[shift.person]
            away = round(float(metres(at.lon, at.lat, [lon], [lat])[0]), 6)
        found.add((shift.person, len(shift.path) if contains else 0, away, shift.stand_in_for))
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(shifts, max_size=8), held, points, place)
def test_who_can_be_sent_is_what_a_plain_reading_says(store, rota, people, where, path) -> None:
    """Every duty that runs, of somebody who is still an inspector there and whom nobody stands in for, counts
    as deep as its grid holds the incident, and as far as they are from it.
    """
    write(store, rota, people, where)
    at = Place(path=path, lon=114.0, lat=22.5) if path else Place()
    found = Duty(store, "main", NOW).on_duty(at)
    told = {
        (c.person, c.depth, None if c.distance_m is None else round(c.distance_m, 6), c.stand_in_for)
        for c in found
    }
    store.rollback()
    assert told == plainly(rota, people, where, at)


def test_of_those_elsewhere_only_the_nearest_are_asked(store, monkeypatch) -> None:
    monkeypatch.setattr(reading, "MOST_ELSEWHERE", 2)
    until = NOW + timedelta(hours=1)
    rota = [Shift("", person, ("D", "S"), Role.INSPECTOR, NOW, until, None, "x") for person in PEOPLE]
    where = {person: (114.0 + number / 100, 22.5) for number, person in enumerate(PEOPLE[:3])}
    write(store, rota, dict.fromkeys(PEOPLE, (True, {()})), where)
    found = Duty(store, "main", NOW).on_duty(Place(path=("D", "N", "N1"), lon=114.0, lat=22.5))
    store.rollback()
    assert [c.person for c in found] == ["chen", "li"]
