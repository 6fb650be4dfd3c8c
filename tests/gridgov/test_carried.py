"""Assignments to grids that are no more: carried to their successors, at once or when somebody confirms."""

from __future__ import annotations

import pytest
import shapely

from dispatch.lifecycle import Role
from geodata.errors import UnacceptedFindings
from geodata.grids import Hierarchy, measured
from gridgov import accounts
from gridgov.errors import (
    AlreadyDecided,
    UnknownCarried,
)
from gridgov.redrawing import preview
from gridgov.scope import Assignment
from gridgov.service import Service
from gridgov.succession import carried, decide_carried
from tests.gridgov import scene
from tests.gridgov.redrawn import FRIDAY, hold, import_, report, set_clock


def test_assignments_are_carried_to_successors_at_once_within_and_to_be_confirmed_beyond(
    service: Service,
) -> None:
    hold(service, "inspector_s", Role.INSPECTOR, ("D", "S", "S1"))
    hold(service, "inspector_n", Role.INSPECTOR, ("D", "N", "N1"))
    import_(service, scene.redrawn(), effective_at=FRIDAY)
    with service.reader.connect() as connection:
        assert carried(connection) == []
    set_clock(service, FRIDAY)
    report(service, scene.at("N1"))
    with service.reader.connect() as connection:
        found = {tuple(one["to"]): one for one in carried(connection)}
        split = {a.path for a in accounts.find_person(connection, "inspector_s").assignments}
        merged = {a.path for a in accounts.find_person(connection, "inspector_n").assignments}
    assert {path: one["state"] for path, one in found.items()} == {
        ("D", "S", "S3"): "running",
        ("D", "S", "S4"): "running",
        ("D", "N", "N3"): "waiting",
    }
    assert found["D", "N", "N3"]["of_old"] == pytest.approx(1, abs=1e-3)
    assert found["D", "N", "N3"]["of_new"] == pytest.approx(0.5, abs=1e-3)
    assert {("D", "S", "S1"), ("D", "S", "S3"), ("D", "S", "S4")} < split
    assert ("D", "N", "N3") not in merged

    assert (
        service.writer.run(decide_carried(found["D", "N", "N3"]["id"], "administrator", confirmed=True))
        == "inspector_n"
    )
    assert (
        service.writer.run(decide_carried(found["D", "S", "S4"]["id"], "administrator", confirmed=False))
        == "inspector_s"
    )
    with pytest.raises(AlreadyDecided):
        service.writer.run(decide_carried(found["D", "S", "S4"]["id"], "administrator", confirmed=True))
    with pytest.raises(UnknownCarried):
        service.writer.run(decide_carried("nothing", "administrator", confirmed=True))
    now = service.clock()
    with service.reader.connect() as connection:
        split = {a.path for a in accounts.find_person(connection, "inspector_s").assignments if a.runs(now)}
        merged = {a.path for a in accounts.find_person(connection, "inspector_n").assignments if a.runs(now)}
        left = [tuple(one["to"]) for one in carried(connection, open_only=True)]
    assert ("D", "S", "S3") in split
    assert ("D", "S", "S4") not in split
    assert ("D", "N", "N3") in merged
    assert left == [("D", "S", "S3")]


def test_an_assignment_that_ended_does_not_stand_in_for_one_that_is_carried(service: Service) -> None:
    hold(service, "inspector_s", Role.INSPECTOR, ("D", "S", "S1"))
    ended = Assignment("as-past", Role.INSPECTOR, ("D", "S", "S3"), None, scene.LONG_AGO, scene.MONDAY)
    service.writer.run(accounts.assign("inspector_s", ended))
    set_clock(service, FRIDAY)
    import_(service, scene.redrawn())
    with service.reader.connect() as connection:
        to = {tuple(one["to"]) for one in carried(connection)}
    assert to == {("D", "S", "S3"), ("D", "S", "S4")}


def test_what_an_earlier_edition_carried_over_is_not_told_again(service: Service) -> None:
    """The assignment to a grid that is no more stays, for what was recorded there; the next drawing does not
    concern it.
    """
    hold(service, "inspector_s", Role.INSPECTOR, ("D", "S", "S1"))
    import_(service, scene.redrawn())
    third = scene.redrawn(N5=("N", (114.02, 22.51, 114.03, 22.52)))
    with service.reader.connect() as connection:
        _, touched = preview(connection, third, service.clock())
    assert touched.assignments == ()
    import_(service, third, "third")
    with service.reader.connect() as connection:
        assert {one["edition"] for one in carried(connection)} == {2}


def test_an_assignment_to_a_code_that_stands_for_another_place_ends_and_is_carried(service: Service) -> None:
    """Else the inspector of a square would be that of a square across the town, because nobody asked."""
    hold(service, "inspector_s", Role.INSPECTOR, ("D", "S", "S2"))
    moved = scene.redrawn(S2=("S", (114.02, 22.50, 114.03, 22.51)), S6=("S", (114.01, 22.50, 114.02, 22.51)))
    with pytest.raises(UnacceptedFindings) as refused:
        import_(service, moved)
    accepted = [found.to_dict() | {"accepted": "numbered anew"} for found in refused.value.findings]
    import_(service, moved, findings=accepted)
    now = service.clock()
    with service.reader.connect() as connection:
        held = {a.path for a in accounts.find_person(connection, "inspector_s").assignments if a.runs(now)}
        (one,) = carried(connection)
    assert ("D", "S", "S6") in held
    assert ("D", "S", "S2") not in held
    assert (one["to"], one["state"]) == (["D", "S", "S6"], "running")


def test_what_waits_to_be_confirmed_waits_on_when_its_grid_is_redrawn_too(service: Service) -> None:
    """N1 is merged into N3, which nobody confirms before N3 is split: both halves wait then."""
    hold(service, "inspector_n", Role.INSPECTOR, ("D", "N", "N1"))
    import_(service, scene.redrawn())
    west, east = (114.00, 22.51, 114.005, 22.52), (114.005, 22.51, 114.02, 22.52)
    halves = scene.redrawn(N3=("N", west), N7=("N", east))
    squares = [grid for grid in halves.grids if grid.code != "N3"]
    squares.append(measured("N8", "网格N8", 2, "N", shapely.box(*west)))
    import_(service, Hierarchy.build(halves.levels, squares), "third")
    with service.reader.connect() as connection:
        found = {(one["edition"], one["to"][-1]): one for one in carried(connection)}
        waiting = {tuple(one["to"]) for one in carried(connection, open_only=True)}
    assert {key: one["state"] for key, one in found.items()} == {
        (2, "N3"): "declined",
        (3, "N7"): "waiting",
        (3, "N8"): "waiting",
    }
    assert waiting == {("D", "N", "N7"), ("D", "N", "N8")}
    service.writer.run(decide_carried(found[3, "N8"]["id"], "administrator", confirmed=True))
    now = service.clock()
    with service.reader.connect() as connection:
        held = {a.path for a in accounts.find_person(connection, "inspector_n").assignments if a.runs(now)}
    assert ("D", "N", "N8") in held
    assert ("D", "N", "N7") not in held
