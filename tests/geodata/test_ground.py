"""Ground is measured as polygons are drawn: by an equal-area plane as fine as one likes, down to a sliver."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import GeometryCollection, LineString, MultiPolygon, Point, Polygon, box

from geodata.coverage import overlaps
from geodata.grids import area_m2
from geodata.ground import ground_m2, grounds_m2
from tests.geodata.drawings import a_ward

EAST_2_KM = 2000 / (111_320 * math.cos(math.radians(50)))


@pytest.mark.parametrize(
    "shape",
    [
        box(10, 50, 10.01, 50.01),
        box(113.7, 22.4, 114.2, 22.9),
        box(-74.2, 40.5, -73.7, 40.9),
        box(18, -34.5, 18.5, -33.5),
        Polygon([(10, 50), (10.5, 50.3), (10.1, 50.4)]),
        box(10, 50, 10.1, 50.1).difference(box(10.02, 50.02, 10.05, 50.06)),
        MultiPolygon([box(0, 0, 0.1, 0.1), box(1, -1, 1.2, -0.8)]),
    ],
)
def test_it_equals_the_geodesic_area_of_edges_cut_so_fine_that_a_geodesic_is_straight(shape: Polygon) -> None:
    """20 m pieces: a geodesic then leaves the edge by less than 10 µm."""
    assert ground_m2(shape) == pytest.approx(area_m2(shapely.segmentize(shape, 0.0002)), rel=1e-10)


@given(
    st.floats(-179, 179), st.floats(-80, 80), st.floats(1e-7, 0.5), st.floats(1e-7, 0.5), st.floats(0.1, 0.9)
)
def test_what_a_polygon_is_cut_into_adds_up_to_it(
    west: float, south: float, width: float, height: float, share: float
) -> None:
    """Also where a border has a corner on one side only."""
    whole = box(west, south, west + width, south + height)
    middle, cut = west + width / 2, south + height * share
    parts = [box(west, south, west + width, cut), box(west, cut, middle, south + height)]
    parts.append(box(middle, cut, west + width, south + height))
    assert grounds_m2(np.array(parts, dtype=object)).sum() == pytest.approx(ground_m2(whole), rel=1e-6)


def test_lines_points_and_nothing_cover_nothing() -> None:
    mixed = GeometryCollection(
        [Point(0, 0), LineString([(0, 0), (1, 1)]), MultiPolygon([box(10, 50, 10.01, 50.01)])]
    )
    found = grounds_m2(np.array([mixed, None, Point(0, 0), Polygon()], dtype=object))
    assert found.tolist() == [ground_m2(box(10, 50, 10.01, 50.01)), 0, 0, 0]


def test_a_corner_in_one_side_of_a_long_border_leaves_no_sliver_that_is_not_drawn() -> None:
    """2 km along a latitude, a corner on one side off by the last bit: along geodesics, that is 94 m²."""
    east = 10 + EAST_2_KM
    south = Polygon([(10, 49.99), (east, 49.99), (east, 50), (10, 50)])
    dip = (10 + EAST_2_KM / 2, np.nextafter(50, 49))
    north = Polygon([(10, 50), dip, (east, 50), (east, 50.01), (10, 50.01)])
    shared = south.intersection(north)
    assert area_m2(shared) > 90
    (found,) = overlaps("ward", [a_ward("1", south), a_ward("2", north)], 1.0)
    assert found.severity == "info"
    assert 0 < found.measure < 0.001
