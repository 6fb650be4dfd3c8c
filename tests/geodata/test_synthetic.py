"""A made-up district tiles exactly at every level, is in one piece, and is the same for the same seed."""

import time

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Polygon

from geodata.synthetic import district

BAOAN = [(f"440306{number:03d}", f"第{number}街道") for number in range(1, 11)]


def polygons(hierarchy, level):
    return np.array([grid.geometry for grid in hierarchy.at(level)], dtype=object)


def assert_tiles(hierarchy, in_one_piece=True):
    """Neighbours share their edges exactly, nothing is left out, and all levels cover the same ground."""
    whole = hierarchy.at(0)[0].geometry
    for level in range(4):
        shapes = polygons(hierarchy, level)
        assert shapely.is_valid(shapes).all()
        assert shapely.coverage_is_valid(shapes)
        merged = shapely.coverage_union_all(shapes)
        assert merged.equals(whole)
        assert sum(shape.area for shape in shapes) == pytest.approx(whole.area, rel=1e-12)
    if in_one_piece:
        assert whole.geom_type == "Polygon"
        assert not whole.interiors


def assert_codes_follow_the_list(hierarchy, streets):
    assert [(grid.code, grid.name) for grid in hierarchy.at("street")] == sorted(streets)
    for grid in hierarchy.grids:
        assert len(grid.code) == 6 + 3 * grid.level
        assert grid.parent is None or grid.code.startswith(grid.parent)
    for level in range(1, 3):
        for grid in hierarchy.at(level):
            serials = [int(child.code[-3:]) for child in hierarchy.children(hierarchy.path(grid))]
            assert serials == list(range(1, len(serials) + 1))


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(0, 6), st.integers(0, 60))
def test_any_district_tiles_and_is_numbered_through(seed, streets, more_communities, more_grids):
    """For any seed and any numbers that fit each other."""
    named = [(f"440306{number:03d}", "街道") for number in range(1, streets + 1)]
    communities = streets + more_communities
    made_up = district(seed, named, communities, communities + more_grids, area_km2=3)
    assert [len(made_up.at(level)) for level in range(4)] == [
        1,
        streets,
        communities,
        communities + more_grids,
    ]
    assert_tiles(made_up)
    assert_codes_follow_the_list(made_up, named)


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.integers(0, 12), st.integers(0, 4))
def test_enclaves_and_islands_tile_too(seed, enclaves, islands):
    """Each enclave is a hole in one micro-grid that a part of another fills; each island is a part off the coast."""
    made_up = district(seed, BAOAN[:2], 4, 24, area_km2=3, enclaves=enclaves, islands=islands)
    assert_tiles(made_up, in_one_piece=False)
    lowest = polygons(made_up, 3)
    parts = shapely.get_parts(lowest)
    assert len(parts) == 24 + enclaves + islands
    assert shapely.get_num_interior_rings(parts).sum() == enclaves
    assert shapely.get_num_geometries(made_up.at(0)[0].geometry) == 1 + islands
    holes = [Polygon(ring) for part in parts for ring in part.interiors]
    small = parts[shapely.area(parts) < shapely.area(lowest).min() / 2]
    assert all(any(hole.equals(part) for part in small) for hole in holes)


def test_without_enclaves_and_islands_borders_are_as_they_were():
    """What they take of chance is taken last."""
    plain = district(7, BAOAN[:2], 4, 40)
    scattered = district(7, BAOAN[:2], 4, 40, enclaves=3, islands=2)
    shapes = {grid.geometry.wkb for grid in plain.lowest}
    assert len([grid for grid in scattered.lowest if grid.geometry.wkb in shapes]) >= 40 - 2 * 3 - 2


def test_borders_are_as_fine_as_wanted():
    coarse, fine = (district(1, BAOAN[:1], 2, 200, vertices_a_side=bends) for bends in (3, 10.6))
    assert shapely.get_num_coordinates(polygons(coarse, 3)).mean() < 25
    assert 55 < shapely.get_num_coordinates(polygons(fine, 3)).mean() < 65
    assert_tiles(fine)


@pytest.mark.long
def test_a_hundred_thousand_micro_grids_in_minutes():
    """1 + 200 + 2,500 + 100,000, at most 999 children each, exact as the small ones."""
    streets = [(f"440306{number:03d}", f"第{number}街道") for number in range(1, 201)]
    start = time.perf_counter()
    made_up = district(1, streets, 2500, 100_000, area_km2=8000)
    assert time.perf_counter() - start < 300
    assert [len(made_up.at(level)) for level in range(4)] == [1, 200, 2500, 100_000]
    assert shapely.coverage_is_valid(polygons(made_up, 3))
    assert_codes_follow_the_list(made_up, streets)


@pytest.mark.slow
def test_a_district_of_baoans_size():
    """1 + 10 + 124 + 4,833, about 400 km², 30 to 60 vertices a micro-grid on the mean, streets and communities
    in one piece each, in under 15 seconds."""
    start = time.perf_counter()
    made_up = district(1, BAOAN)
    assert time.perf_counter() - start < 15
    assert [len(made_up.at(level)) for level in range(4)] == [1, 10, 124, 4833]
    assert made_up.at(0)[0].area_m2 == pytest.approx(400e6, rel=0.01)
    assert 30 <= shapely.get_num_coordinates(polygons(made_up, 3)).mean() <= 60
    assert_tiles(made_up)
    assert_codes_follow_the_list(made_up, BAOAN)
    for level in range(4):
        assert set(shapely.get_type_id(polygons(made_up, level))) == {shapely.GeometryType.POLYGON}
    sizes = [len(made_up.children(made_up.path(grid))) for grid in made_up.at("community")]
    assert max(sizes) <= 999
    west, south, east, north = made_up.at(0)[0].geometry.bounds
    assert west < 113.88 < east
    assert south < 22.66 < north


def test_the_seed_alone_makes_the_difference():
    streets = BAOAN[:2]
    one, again, other = (district(seed, streets, 4, 40) for seed in (7, 7, 8))
    assert one == again
    assert one != other


def test_the_middle_is_denser_than_the_edge():
    made_up = district(1, BAOAN[:2], 10, 800)
    middle = made_up.at(0)[0].geometry.centroid
    areas = [(grid.geometry.centroid.distance(middle), grid.area_m2) for grid in made_up.lowest]
    ordered = [area for _, area in sorted(areas)]
    assert sum(ordered[:200]) * 1.3 < sum(ordered[-200:])


def test_names_are_given_or_numbered():
    made_up = district(1, [("440306001", "甲街道")], 2, 6, name="某区")
    assert made_up.at(0)[0].name == "某区"
    assert [grid.name for grid in made_up.at("community")] == ["第001社区", "第002社区"]
    assert made_up.lowest[0].name == "001微网格"


def test_borders_are_jagged():
    """A straight-sided cell has about six corners; these bend."""
    made_up = district(1, BAOAN[:1], 2, 30)
    assert shapely.get_num_coordinates(polygons(made_up, 3)).min() > 15


@pytest.mark.parametrize(
    ("streets", "communities", "micro_grids", "part_of_message"),
    [
        ([], 1, 1, "expected 1 <= 0 streets"),
        (BAOAN, 9, 100, "10 streets <= 9 communities"),
        (BAOAN, 20, 19, "20 communities <= 19 grids"),
        (BAOAN[:1], 1, 1000, "at most 999 children"),
        (BAOAN[:1], 1000, 2000, "at most 999 children"),
    ],
)
def test_numbers_that_make_no_district_are_refused(streets, communities, micro_grids, part_of_message):
    with pytest.raises(ValueError, match=part_of_message):
        district(1, streets, communities, micro_grids)


@pytest.mark.parametrize(
    ("more", "part_of_message"),
    [
        ({"enclaves": 41}, "room for 40 enclaves"),
        ({"enclaves": -1}, "not for -1"),
        ({"islands": 500}, "islands at most"),
        ({"vertices_a_side": 1}, "more than 1"),
        ({"vertices_a_side": float("nan")}, "more than 1"),
    ],
)
def test_extras_that_cannot_be_had_are_refused(more, part_of_message):
    with pytest.raises(ValueError, match=part_of_message):
        district(1, BAOAN[:1], 2, 40, **more)
