"""Borders that are straight on a survey's plane stay straight, and shared, in longitude and latitude."""

from __future__ import annotations

from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import affinity
from shapely.geometry import MultiPolygon, Point, Polygon, box

from geodata.check import Severity, check
from geodata.crs import Claim, to_lonlat
from geodata.drawing import Drawing
from geodata.read import read
from geodata.straight import LONGEST_M, with_points_between

NEAR_SHENZHEN = (485_000.0, 2_504_000.0)
"""In EPSG:4547, metres."""


def array(*geometries: object) -> np.ndarray:
    return np.array(geometries, dtype=object)


def a_net(folder: Path, crs: str) -> Drawing:
    """A community of 2 km by 250 m, drawn by its four corners, and its unit grids of 125 m."""
    x, y = NEAR_SHENZHEN
    corners = [(x + 125 * n, y + 125 * m) for n in range(16) for m in range(2)]
    squares = [box(west, south, west + 125, south + 125) for west, south in corners]
    codes = [f"1{n:02d}" for n in range(32)]
    frame = geopandas.GeoDataFrame({"code": codes, "above": ["1"] * 32}, geometry=squares, crs=4547)
    frame.to_crs(crs).to_file(folder / "units.gpkg")
    whole = geopandas.GeoDataFrame({"code": ["1"]}, geometry=[box(x, y, x + 2000, y + 250)], crs=4547)
    whole.to_crs(crs).to_file(folder / "communities.gpkg")
    levels = [
        {"key": "community", "file": "communities.gpkg", "code": "code"},
        {"key": "unit", "file": "units.gpkg", "code": "code", "parent": "above"},
    ]
    return read({"levels": levels}, folder)


def test_a_net_of_unit_grids_fits_the_straight_border_of_its_community(tmp_path: Path) -> None:
    drawing = a_net(tmp_path, "EPSG:4547")
    found = check(drawing)
    assert {one.severity for one in found} == {Severity.info}
    assert max(one.measure for one in found) < 0.05
    assert drawing.sources[0].remarks[-1] == (
        "edges longer than 50 m have 86 points more, to stay as straight as they are drawn in EPSG:4547"
    )


def test_brought_over_by_its_corners_alone_it_would_not(tmp_path: Path) -> None:
    """So do other programs, and what they wrote in degrees is taken as it is drawn there."""
    found = check(a_net(tmp_path, "EPSG:4490"))
    assert {one.code for one in found if one.severity is Severity.error} == {"OUTSIDE_PARENT"}
    bent = sum(one.measure for one in found if one.code == "OUTSIDE_PARENT")
    assert 20 < bent < 60, "2 km bend by 3.2 cm"


def test_corners_stay_and_no_edge_is_longer() -> None:
    shapes = array(
        box(0, 0, 120, 30),
        MultiPolygon([box(0, 0, 1, 1), box(500, 0, 777, 60).difference(box(510, 5, 700, 50))]),
    )
    found, inserted = with_points_between(shapes, 50)
    points = [shapely.get_num_coordinates(one) for one in (shapes, found)]
    assert inserted == int(points[1].sum() - points[0].sum()) > 0
    for before, after in zip(shapes, found, strict=True):
        assert after.equals(before)
        assert after.geom_type == before.geom_type
        assert {tuple(one) for one in shapely.get_coordinates(before)} <= {
            tuple(one) for one in shapely.get_coordinates(after)
        }
        for ring in shapely.get_rings(shapely.get_parts(after)):
            assert np.hypot(*np.diff(shapely.get_coordinates(ring), axis=0).T).max() <= 50 + 1e-9


def test_what_has_no_long_edge_is_the_very_same() -> None:
    shapes = array(box(0, 0, 10, 10), None, Point(1, 1), Polygon())
    found, inserted = with_points_between(shapes, LONGEST_M)
    assert inserted == 0
    assert found is shapes
    mixed, inserted = with_points_between(array(box(0, 0, 60, 10), None, Point(1, 1), Polygon()), LONGEST_M)
    assert inserted == 2
    assert mixed[1] is None
    assert mixed[2] == Point(1, 1)


@given(st.floats(-170, 170), st.floats(20, 160), st.integers(1, 5))
def test_a_shared_edge_has_the_same_points_in_both_polygons(
    angle: float, spread: float, longest: int
) -> None:
    """A coverage stays one, to the last bit: neighbours run along their border in opposite directions."""
    quarter = box(0, 0, 173.3, 91.7), box(173.3, 0, 290.1, 91.7), box(0, 91.7, 173.3, 140.9)
    turned = array(*[affinity.rotate(one, angle, origin=(0, 0)) for one in quarter])
    moved = array(*[affinity.translate(one, 485_000 + spread, 2_504_000) for one in turned])
    rotated = shapely.set_precision(moved, 1e-3)
    assert shapely.coverage_is_valid(rotated)
    found, inserted = with_points_between(rotated, 10.0 * longest)
    assert inserted > 0
    assert shapely.coverage_is_valid(found)


@pytest.mark.parametrize("crs", ["EPSG:4490", "EPSG:4326"])
def test_edges_in_degrees_are_left_alone(crs: str) -> None:
    """They are drawn straight in degrees: nothing bends."""
    placed, way = to_lonlat(Claim("x", crs), array(box(113.8, 22.5, 114.0, 22.7)))
    assert way.inserted == 0
    assert shapely.get_num_coordinates(placed[0]) == 5


def test_feet_are_counted_as_feet() -> None:
    placed, way = to_lonlat(Claim("x", "EPSG:2249"), array(box(770_000, 2_950_000, 770_000 + 160, 2_950_160)))
    assert way.inserted == 0, "160 US survey feet are 48.8 m"
    placed, way = to_lonlat(Claim("x", "EPSG:2249"), array(box(770_000, 2_950_000, 770_000 + 170, 2_950_160)))
    assert way.inserted == 2
    assert shapely.get_num_coordinates(placed[0]) == 7
