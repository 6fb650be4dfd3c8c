"""Laws of simplifying: what tiles goes on tiling, neighbours stay neighbours, nobody vanishes, nothing else moves."""

from collections.abc import Sequence

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.errors import UnknownLevel
from geodata.grids import WGS84, Grid, Hierarchy
from geodata.simplify import coverage, in_metres, simplified
from geodata.synthetic import district
from tests.geodata.drawings import one_level, tile

STREETS = [("440306001", "甲街道"), ("440306002", "乙街道")]
MADE_UP = district(3, STREETS, communities=6, micro_grids=60)
LEVELS = ["district", "street", "community", "micro_grid"]


def shapes(hierarchy: Hierarchy, level: str) -> np.ndarray:
    return np.array([grid.geometry for grid in hierarchy.at(level)], dtype=object)


def neighbours(grids: Sequence[Grid]) -> set[tuple[str, str]]:
    """The pairs that share more than a corner."""
    every = np.array([grid.geometry for grid in grids], dtype=object)
    first, second = shapely.STRtree(every).query(every, predicate="intersects")
    pairs = [(a, b) for a, b in zip(first.tolist(), second.tolist(), strict=True) if a < b]
    shared = shapely.length(shapely.intersection(every[[a for a, _ in pairs]], every[[b for _, b in pairs]]))
    return {
        (grids[a].code, grids[b].code) for (a, b), length in zip(pairs, shared, strict=True) if length > 0
    }


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("metres", [3, 60, 800, 100_000])
def test_a_simplified_level_is_a_coverage_with_the_same_neighbours(level: str, metres: float) -> None:
    simple = simplified(MADE_UP, level, metres)
    after = shapes(simple, level)
    assert shapely.coverage_is_valid(after)
    assert shapely.is_valid(after).all()
    assert not shapely.is_empty(after).any()
    assert (shapely.area(after) > 0).all()
    assert neighbours(simple.at(level)) == neighbours(MADE_UP.at(level))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), metres=st.floats(0.01, 20_000), latitude=st.floats(-70, 70))
def test_whatever_the_district_and_the_tolerance(seed: int, metres: float, latitude: float) -> None:
    """No gap, no overlap, no grid lost: the areas add up to the area of the outline."""
    made_up = district(seed, STREETS, communities=3, micro_grids=25, centre=(20.0, latitude))
    after = shapes(simplified(made_up, "micro_grid", metres), "micro_grid")
    assert shapely.coverage_is_valid(after)
    assert (shapely.area(after) > 0).all()
    assert shapely.area(after).sum() == pytest.approx(shapely.union_all(after).area, rel=1e-9)


def test_the_outer_boundary_is_simplified_too_and_nothing_but_the_level() -> None:
    simple = simplified(MADE_UP, "district", 500)
    before, after = MADE_UP.at(0)[0], simple.at(0)[0]
    assert shapely.get_num_coordinates(after.geometry) < shapely.get_num_coordinates(before.geometry) / 4
    assert (after.code, after.name, after.area_m2) == (before.code, before.name, before.area_m2)
    for level in LEVELS[1:]:
        assert simple.at(level) == MADE_UP.at(level)


def test_borders_move_by_about_the_tolerance_at_most() -> None:
    """In metres on the ground, corner by corner of the drawing to the nearest border after."""
    for metres in (100, 300, 1000):
        simple = simplified(MADE_UP, "street", metres)
        border = shapely.union_all(shapely.boundary(shapes(simple, "street")))
        corners = shapely.points(shapely.get_coordinates(shapes(MADE_UP, "street")))
        near = shapely.get_coordinates(shapely.shortest_line(corners, border)).reshape(-1, 4)
        moved = WGS84.inv(*near.T)[2]
        assert metres / 10 < moved.max() < 2 * metres


@pytest.mark.parametrize("latitude", [0.0, 45.0, 70.0])
@pytest.mark.parametrize("across", [True, False])
def test_the_tolerance_is_metres_east_and_north_alike(latitude: float, across: bool) -> None:
    """A triangle of 100 by 40 m goes at the root of its 2,000 m², 44.7 m, whichever way it points."""
    east, north = 1 / (111_320 * np.cos(np.radians(latitude))), 1 / 111_320
    bump = [(0, 0), (50, -40), (100, 0)] if across else [(0, 100), (-40, 50), (0, 0)]
    rest = [(100, 1000), (0, 1000)] if across else [(1000, 0), (1000, 100)]
    ring = [(10 + x * east, latitude + y * north) for x, y in bump + rest]
    bumpy = np.array([shapely.Polygon(ring)], dtype=object)
    count = {m: shapely.get_num_coordinates(in_metres(bumpy, m))[0] for m in (44.0, 45.5)}
    assert count == {44.0: 6, 45.5: 5}


def test_a_finer_tolerance_leaves_more_points() -> None:
    counts = [
        shapely.get_num_coordinates(shapes(simplified(MADE_UP, "community", metres), "community")).sum()
        for metres in (1, 10, 100, 1000)
    ]
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) == 4


def test_holes_and_parts_stay() -> None:
    holed = tile(0, 0, 3, 3).difference(tile(1, 1))
    island = shapely.union_all([tile(5, 0), tile(7, 0)])
    after = shapes(simplified(one_level([holed, tile(1, 1), island]), "ward", 50_000), "ward")
    assert len(after[0].interiors) == 1
    assert shapely.get_num_geometries(after[2]) == 2
    assert shapely.coverage_is_valid(after)


def test_what_does_not_tile_comes_out_valid_all_the_same() -> None:
    """Overlapping wards, and borders with corners on one side only."""
    crooked = shapely.Polygon([(10.02, 50), (10.04, 50), (10.04, 50.02), (10.02, 50.02), (10.019, 50.011)])
    drawn = np.array([tile(0, 0, 2, 2), tile(1, 1, 2, 2), crooked], dtype=object)
    for tolerance in (1e-4, 1e-2, 1.0):
        after = coverage(drawn, tolerance)
        assert shapely.is_valid(after).all()
        assert not shapely.is_empty(after).any()


@pytest.mark.parametrize("metres", [0.0, -1.0, float("nan"), float("inf"), 100_001.0])
def test_a_tolerance_has_limits(metres: float) -> None:
    with pytest.raises(ValueError, match="metres was expected"):
        simplified(MADE_UP, "street", metres)


def test_a_level_that_is_not_there() -> None:
    with pytest.raises(UnknownLevel):
        simplified(MADE_UP, "block", 10)
