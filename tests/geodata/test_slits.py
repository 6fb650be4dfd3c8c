"""Slits between polygons are found though they are open to the outside, and nothing else is taken for one."""

from __future__ import annotations

import pytest
from shapely import affinity
from shapely.geometry import Polygon, box

from geodata.check import Finding, Severity, check
from geodata.coverage import SLIT_M
from geodata.drawing import Drawing, Drawn
from geodata.ground import ground_m2
from geodata.synthetic import district
from tests.geodata.drawings import WARDS, tile

DEGREE_M = 111_230
"""A degree of latitude at 50° N, in m."""


def gaps(*shapes: Polygon) -> list[Finding]:
    """The gaps of a level that has nothing above it."""
    drawn = tuple(
        Drawn(str(number), "", 0, (), shape, None, "test") for number, shape in enumerate(shapes, 1)
    )
    return [one for one in check(Drawing(WARDS, drawn)) if one.code == "GAP"]


def above(metres: float, column: int = 0, columns: int = 1) -> Polygon:
    """A tile north of the first row, some metres from it."""
    return box(10 + column / 100, 50.01 + metres / DEGREE_M, 10 + (column + columns) / 100, 50.02)


def test_a_slit_open_at_both_ends_is_a_gap() -> None:
    """Two wards drawn apart by 30 cm along 715 m: the union has no hole, and yet no grid has that ground."""
    (found,) = gaps(tile(0, 0), above(0.3))
    slit = box(10, 50.01, 10.01, 50.01 + 0.3 / DEGREE_M)
    assert (found.severity, found.grids) == (Severity.warning, ("1", "2"))
    assert found.measure == pytest.approx(ground_m2(slit), rel=0.01)
    assert found.geometry is not None
    assert found.geometry.symmetric_difference(slit).area < 0.01 * slit.area


def test_a_slit_beside_borders_that_fit_nobody_is_found_too() -> None:
    """Its two sides end in corners that their other neighbours do not have."""
    found = gaps(tile(0, 0), above(0.3), tile(1, 0), tile(1, 1))
    assert [one.grids for one in found] == [("1", "2", "3", "4")]
    assert found[0].measure == pytest.approx(
        ground_m2(box(10, 50.01, 10.01, 50.01 + 0.3 / DEGREE_M)), rel=0.01
    )


def test_a_wedge_that_narrows_to_nothing_is_found() -> None:
    wedge = Polygon([(10, 50.01), (10.01, 50.01 + 0.5 / DEGREE_M), (10.01, 50.02), (10, 50.02)])
    (found,) = gaps(tile(0, 0), wedge)
    assert found.measure == pytest.approx(0.5 * 715 / 2, rel=0.02)


@pytest.mark.parametrize(("metres", "slits"), [(SLIT_M * 0.9, 1), (SLIT_M * 1.1, 0)])
def test_a_lane_is_no_slit(metres: float, slits: int) -> None:
    assert len(gaps(tile(0, 0), above(metres))) == slits


def test_a_slit_within_the_tolerance_is_information() -> None:
    """715 m by 1 mm: 0.7 m²."""
    (found,) = gaps(tile(0, 0), above(0.001))
    assert found.severity is Severity.info
    assert found.measure == pytest.approx(0.715, rel=0.05)


def test_a_narrow_hole_is_told_once() -> None:
    north = tile(0, 1, 3, 2).difference(box(10.01, 50.01, 10.02, 50.01 + 0.4 / DEGREE_M))
    assert [one.grids for one in gaps(tile(0, 0, 3), north)] == [("1", "2")]


def test_beside_an_overlap_there_is_no_gap() -> None:
    """What runs along the outer border of two overlapping wards has them on one side only."""
    assert gaps(tile(0, 0, 2), tile(1, 0, 2)) == []


def test_corners_that_do_not_meet_leave_no_gap() -> None:
    assert gaps(tile(0, 0, 2), tile(0, 1), tile(1, 1)) == []


def test_a_district_that_tiles_has_none() -> None:
    made_up = district(3, [("440306001", "甲"), ("440306002", "乙")], communities=6, micro_grids=200)
    assert gaps(*[grid.geometry for grid in made_up.lowest]) == []
    moved = [grid.geometry for grid in made_up.lowest]
    moved[17] = affinity.translate(moved[17], 2e-6, 0)
    assert gaps(*moved), "one micro-grid moved 20 cm to the east leaves a slit on its west"
