"""What is published can be read back: the same polygons, each under its path, the same bytes every time."""

import json

import geopandas
import numpy as np
import pytest
import shapely

from geodata.errors import UnknownGrid, UnknownLevel
from geodata.grids import Hierarchy
from geodata.publish import feature_collection
from geodata.synthetic import district
from tests.geodata.drawings import one_level, tile

MADE_UP = district(3, [("440306001", "甲街道"), ("440306002", "乙街道")], communities=4, micro_grids=20)
SHAPES = [tile(0, 0, 3, 3).difference(tile(1, 1)), shapely.union_all([tile(5, 0), tile(7, 0)])]
ODD = one_level(SHAPES)


def shapes_in(published):
    features = json.loads(published)["features"]
    return np.array([shapely.from_geojson(json.dumps(one["geometry"])) for one in features], dtype=object)


@pytest.mark.parametrize("level", ["district", "street", "community", "micro_grid"])
def test_every_level_reads_back_as_it_was(level):
    grids = MADE_UP.at(level)
    published = feature_collection(MADE_UP, level)
    assert [one.wkb for one in shapes_in(published)] == [grid.geometry.wkb for grid in grids]
    assert [one["id"] for one in json.loads(published)["features"]] == [
        "/".join(MADE_UP.path(grid)) for grid in grids
    ]


def test_a_feature_says_which_grid_it_is():
    first = json.loads(feature_collection(MADE_UP, 1))["features"][0]
    assert first["properties"] == {
        "code": "440306001",
        "name": "甲街道",
        "level": "street",
        "parent": "440306",
        "path": ["440306", "440306001"],
        "area_m2": round(MADE_UP.at(1)[0].area_m2, 3),
        "responsible_unit": None,
    }


def test_holes_and_parts_are_published_and_gdal_reads_them(tmp_path):
    (tmp_path / "odd.geojson").write_bytes(feature_collection(ODD, 0))
    frame = geopandas.read_file(tmp_path / "odd.geojson")
    assert frame["code"].tolist() == ["000", "001"]
    assert all(read.equals(shape) for read, shape in zip(frame.geometry, SHAPES, strict=True))


def test_a_part_of_the_hierarchy():
    street = MADE_UP.path(MADE_UP.at("street")[1])
    features = json.loads(feature_collection(MADE_UP, "micro_grid", street))["features"]
    expected = [grid.code for grid in MADE_UP.lowest if MADE_UP.path(grid)[:2] == street]
    assert [one["properties"]["code"] for one in features] == expected
    with pytest.raises(UnknownGrid):
        feature_collection(MADE_UP, "micro_grid", ("440306", "nowhere"))
    with pytest.raises(UnknownLevel):
        feature_collection(MADE_UP, "block")


def test_the_same_hierarchy_gives_the_same_bytes():
    again = Hierarchy.from_rows(MADE_UP.levels, reversed(MADE_UP.to_rows()))
    assert feature_collection(again, 3) == feature_collection(MADE_UP, 3)


def test_rounded_borders_stay_shared():
    """At 6 decimals (11 cm) the neighbours still fit: rounding is the same on both sides."""
    rounded = shapes_in(feature_collection(MADE_UP, 3, decimals=6))
    assert shapely.is_valid(rounded).all()
    assert shapely.coverage_is_valid(rounded)
    assert np.array_equal(np.round(shapely.get_coordinates(rounded), 6), shapely.get_coordinates(rounded))


def test_points_that_round_together_are_written_once_as_long_as_a_ring_is_left():
    coarse = json.loads(feature_collection(one_level([tile(0, 0).buffer(1e-7)]), 0, decimals=2))
    ring = coarse["features"][0]["geometry"]["coordinates"][0]
    assert len(ring) == 5
    collapsed = json.loads(feature_collection(ODD, 0, decimals=0))
    assert all(len(ring) >= 4 for ring in collapsed["features"][0]["geometry"]["coordinates"])


@pytest.mark.parametrize("decimals", [-1, 10])
def test_decimals_have_limits(decimals):
    with pytest.raises(ValueError, match="0 to 9 decimals"):
        feature_collection(MADE_UP, 0, decimals=decimals)


def test_further_properties_are_added():
    named = feature_collection(MADE_UP, 0, properties=lambda grid: {"colour": grid.code[-1], "name": "x"})
    properties = json.loads(named)["features"][0]["properties"]
    assert (properties["colour"], properties["name"]) == ("6", "x")
