"""Locating gives what a plain scan gives (the smallest code among the polygons a point meets), only faster."""

import math
from concurrent.futures import ThreadPoolExecutor

import geopandas
import numpy as np
import pandas
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Point, Polygon, box

from geodata.errors import BadPoint
from geodata.grids import WGS84, Hierarchy
from geodata.locate import Located, Locator, Outside
from geodata.read import read
from geodata.synthetic import district
from tests.geodata.drawings import CITY, WARDS, a_grid, one_level, tile
from tests.geodata.points import (
    assert_equals_scan,
    fringed,
    lats,
    lons,
    mosaics,
    scan,
    shapes,
    telling_points,
)

NEIGHBOURS = one_level([tile(1, 0), tile(0, 0), tile(0, 2)], ["a", "b", "c"])


# --- laws, on drawings made up by Hypothesis -----------------------------------------------------------------


@given(st.lists(shapes, min_size=1, max_size=6), st.sampled_from([None, 1, 16 * 16, 200 * 200]))
def test_equals_a_scan_whatever_the_polygons(polygons, cells):
    """Overlapping or apart, with holes, in parts, on any raster: the answer is the scan's for every vertex, edge
    midpoint, point a hair beside a vertex, and point strewn around."""
    hierarchy = one_level(polygons)
    assert_equals_scan(hierarchy, *telling_points(hierarchy, strewn=300), cells, one_by_one=200)


@given(fringed(), st.sampled_from([None, 1, 64 * 64, 200 * 200]))
def test_equals_a_scan_where_borders_go_to_and_fro(polygons, cells):
    """Several pieces of one border in a cell, joined or not: no side of a single one tells."""
    hierarchy = one_level(polygons)
    assert_equals_scan(hierarchy, *telling_points(hierarchy, strewn=600), cells, one_by_one=200)


@given(mosaics(), st.sampled_from([None, 1, 16 * 16, 200 * 200]))
def test_equals_a_scan_where_polygons_share_their_borders(polygons, cells):
    """In parts, with holes that others fill, meeting in corners: and whatever lies in the area that they cover lies in
    exactly one of them."""
    hierarchy = one_level(polygons)
    x, y = telling_points(hierarchy, strewn=300)
    assert_equals_scan(hierarchy, x, y, cells, one_by_one=200)
    together = np.array([shapely.intersects_xy(shape, x, y) for shape in polygons]).any(axis=0)
    assert np.array_equal(Locator(hierarchy, cells).index_many(x, y) >= 0, together)


@given(mosaics(), st.floats(1e-9, 1e-4))
def test_equals_a_scan_where_neighbours_share_pieces_and_overlap_elsewhere(polygons, shift):
    """A piece of border that two polygons share says nothing of a third that lies across it."""
    hierarchy = one_level([*polygons, *(shapely.affinity.translate(shape, shift) for shape in polygons[:2])])
    assert_equals_scan(hierarchy, *telling_points(hierarchy, strewn=300), one_by_one=200)


@given(st.lists(shapes, min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_the_polygons_changes_nothing(polygons, chance):
    """Which grid a point belongs to depends on codes and shapes alone."""
    codes = [f"{number:03d}" for number in range(len(polygons))]
    mixed = list(zip(polygons, codes, strict=True))
    chance.shuffle(mixed)
    first, second = one_level(polygons, codes), one_level(*zip(*mixed, strict=True))
    x, y = telling_points(first, strewn=200)
    assert np.array_equal(Locator(first).index_many(x, y), Locator(second).index_many(x, y))


@given(shapes, lons, lats)
def test_the_distance_to_the_border_is_the_shortest_way_there(shape, lon, lat):
    """No point walked to along the border is nearer, by more than the centimetres that chords sag."""
    hierarchy = one_level([shape])
    border = shapely.segmentize(shape.boundary, 0.002)
    places = shapely.get_coordinates(border)
    _, _, metres = WGS84.inv(np.full(len(places), lon), np.full(len(places), lat), *places.T)
    found = Locator(hierarchy).border_distance(lon, lat)
    assert found <= metres.min() + 0.05
    assert found >= metres.min() - 0.003 * 111_320  # the walk's own steps


@given(st.lists(shapes, min_size=1, max_size=5), lons, lats)
def test_outside_names_the_nearest_grid(polygons, lon, lat):
    """The distance given outside is that to the nearest of all grids, asked one by one."""
    hierarchy = one_level(polygons)
    found = Locator(hierarchy).locate(lon, lat)
    if isinstance(found, Outside):
        each = [Locator(one_level([shape])).locate(lon, lat) for shape in polygons]
        assert found.distance_m == pytest.approx(min(one.distance_m for one in each), abs=0.05)
        nearest = hierarchy.paths.index(found.nearest)
        assert each[nearest].distance_m == found.distance_m


# --- single cases --------------------------------------------------------------------------------------------


def test_a_point_on_a_shared_edge_goes_to_the_smallest_code():
    locator = Locator(NEIGHBOURS)
    assert locator.paths == (("a",), ("b",), ("c",))
    assert locator.index(10.01, 50.005) == 0
    assert locator.index(10.005, 50.005) == 1
    assert locator.index(10.005, 50.015) == -1


def test_paths_lead_through_all_levels():
    hierarchy = Hierarchy.build(
        CITY,
        [a_grid("C", tile(0, 0, 2), 0), a_grid("2", tile(1, 0), 1, "C"), a_grid("1", tile(0, 0), 1, "C")],
    )
    assert Locator(hierarchy).locate(10.015, 50.005) == Located(("C", "2"), pytest.approx(358.6, abs=0.5))


def test_the_distance_to_the_border_counts_holes_and_is_left_out_on_request():
    ring = one_level([tile(0, 0, 9, 9).difference(tile(4, 4))])
    locator = Locator(ring)
    beside_hole = locator.locate(10.039, 50.045)
    assert isinstance(beside_hole, Located)
    assert beside_hole.border_m == pytest.approx(71.6, abs=0.2)
    assert locator.border_distance(10.039, 50.045) == beside_hole.border_m
    assert locator.locate(10.039, 50.045, border=False) == Located(("000",), None)
    in_hole = locator.locate(10.045, 50.045)
    assert in_hole == Outside(("000",), pytest.approx(358.3, abs=0.5))


def test_outside_gives_the_nearest_grid_also_from_the_other_side_of_the_earth():
    locator = Locator(NEIGHBOURS)
    near = locator.locate(10.005, 50.012)
    assert near == Outside(("b",), pytest.approx(222.4, abs=0.2))
    far = locator.locate(-170.0, -50.0)
    assert isinstance(far, Outside)
    assert 19_900_000 < far.distance_m < 20_010_000
    assert locator.border_distance(10.005, 50.012) == near.distance_m


@pytest.mark.parametrize(
    ("lon", "lat"),
    [
        (math.nan, 50),
        (10, math.nan),
        (math.inf, 50),
        (10, -math.inf),
        (180.1, 50),
        (10, 90.1),
        (50, 114),
        (1e308, 50),
        (10, -1e308),
    ],
)
def test_a_point_that_is_none_is_refused(lon, lat):
    locator = Locator(NEIGHBOURS)
    for ask in (locator.index, locator.locate, locator.border_distance):
        with pytest.raises(BadPoint) as caught:
            ask(lon, lat)
        assert str(lat) in str(caught.value)
    with pytest.raises(BadPoint, match="at position 1"):
        locator.index_many([10.0, lon], [50.0, lat])


def test_swapped_coordinates_are_recognised():
    with pytest.raises(BadPoint, match="look swapped"):
        Locator(NEIGHBOURS).index(22.6, 113.9)


def test_many_points_come_in_two_rows_of_one_length():
    locator = Locator(NEIGHBOURS)
    assert locator.index_many([], []).tolist() == []
    assert locator.index_many([10.005, 0], [50.005, 0]).tolist() == [1, -1]
    for across, up in (([1.0, 2.0], [1.0]), ([[1.0]], [[1.0]])):
        with pytest.raises(ValueError, match="two rows of one length"):
            locator.index_many(across, up)


def test_the_corners_of_the_world_are_points():
    world = Locator(one_level([box(-180, -90, 0, 90), box(0, -90, 180, 90)]))
    x = np.array([-180.0, 180.0, -180.0, 180.0, 0.0, 0.0])
    y = np.array([-90.0, -90.0, 90.0, 90.0, 0.0, 90.0])
    assert world.index_many(x, y).tolist() == [0, 1, 0, 1, 0, 0]


def test_a_hierarchy_of_one_polygon_alone():
    alone = one_level([tile(0, 0, 3, 3).difference(tile(1, 1))])
    assert_equals_scan(alone, *telling_points(alone, strewn=500))
    assert Locator(alone).locate(10.005, 50.005, border=False) == Located(("000",), None)
    assert Locator(alone).locate(10.015, 50.015) == Outside(("000",), pytest.approx(357.8, abs=0.6))


def test_polygons_of_a_millimetre_and_of_a_hairs_breadth():
    tiny = 1e-8
    small = one_level([box(10, 50, 10 + tiny, 50 + tiny), box(10 + tiny, 50, 10 + 2 * tiny, 50 + tiny)])
    assert_equals_scan(small, *telling_points(small, strewn=500))
    thin = one_level([box(10, 50, 11, 50 + tiny), box(10, 50 + tiny, 11, 50 + 2 * tiny)])
    assert_equals_scan(thin, *telling_points(thin, strewn=500))


def test_edges_that_hardly_rise_over_many_cells():
    """Where an edge is almost level, the column in which it crosses a row is the least certain."""
    shapes = []
    for at in range(40):
        tilt = 10.0 ** (-at / 4)
        shapes.append(Polygon([(0, at), (40, at + tilt * 0.4), (40, at + 1), (0, at + 1)]))
    hierarchy = one_level(shapes)
    rng = np.random.default_rng(5)
    along = rng.uniform(0, 40, 20_000)
    base = rng.integers(0, 40, 20_000)
    on_edge = base + 10.0 ** (-base / 4) * 0.4 * along / 40
    x, y = np.tile(along, 3), np.concatenate([on_edge, np.nextafter(on_edge, -1), np.nextafter(on_edge, 99)])
    assert_equals_scan(hierarchy, x, y, cells=1000 * 1000)


def test_all_threads_get_the_same_answers():
    made_up = district(4, [("1", "一")], communities=3, micro_grids=60, area_km2=5)
    x, y = telling_points(made_up)
    expected = scan(made_up, x, y)
    locator = Locator(made_up)
    with ThreadPoolExecutor(8) as pool:
        for answer in pool.map(lambda _: locator.index_many(x, y), range(32)):
            assert np.array_equal(answer, expected)


# --- whole cities --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_point_of_a_district_of_baoans_size_is_in_exactly_one_micro_grid():
    """4,833 micro-grids: as a scan for every vertex and edge midpoint; nothing inside is left without a grid."""
    made_up = district(1, [(f"440306{number:03d}", "街道") for number in range(1, 11)])
    x, y = telling_points(made_up, strewn=100_000)
    assert_equals_scan(made_up, x, y)
    whole = made_up.at(0)[0].geometry
    shapely.prepare(whole)
    inside = shapely.intersects_xy(whole, x, y)
    assert np.array_equal(Locator(made_up).index_many(x, y) >= 0, inside)


@pytest.fixture(scope="module")
def precincts(shared_data):
    read_in = read(
        {"file": "boston/precinct.geojson.gz", "levels": [{"key": "precinct", "code": "ward_precinct"}]},
        shared_data,
    )
    return Hierarchy.build(WARDS, [a_grid(one.code, one.geometry) for one in read_in.drawn])


def test_boston_with_its_overlaps_equals_a_scan(precincts):
    x, y = telling_points(precincts)
    assert_equals_scan(precincts, x, y)


def test_a_point_in_two_overlapping_precincts_goes_to_the_smaller_code(precincts):
    locator = Locator(precincts)
    lowest = precincts.lowest
    tree = shapely.STRtree([grid.geometry for grid in lowest])
    asked = 0
    for number, grid in enumerate(lowest):
        for other in tree.query(grid.geometry, predicate="intersects").tolist():
            shared = grid.geometry.intersection(lowest[other].geometry)
            if other > number and shared.area > 1e-12:
                place = shared.representative_point()
                met = [at for at, one in enumerate(lowest) if one.geometry.intersects(place)]
                assert len(met) >= 2
                assert locator.index(place.x, place.y) == min(met)
                asked += 1
    assert asked >= 44


@pytest.fixture(scope="module")
def tracts(shared_data):
    read_in = read(
        {"file": "nyc/tract2020.geojson.gz", "levels": [{"key": "tract", "code": "boroct2020"}]}, shared_data
    )
    return Hierarchy.build(WARDS, [a_grid(one.code, one.geometry) for one in read_in.drawn])


@pytest.mark.slow
def test_every_report_of_new_york_is_located_as_by_geopandas(tracts, shared_data):
    """All 23,058 points; 8 lie outside every tract, 6 of them in rows that have a status."""
    rows = pandas.read_csv(
        shared_data / "nyc" / "requests.csv.gz", usecols=["longitude", "latitude", "status"]
    )
    rows = rows.dropna(subset=["longitude", "latitude"]).reset_index(drop=True)
    assert len(rows) == 23_058
    points = geopandas.GeoDataFrame(
        geometry=geopandas.points_from_xy(rows.longitude, rows.latitude), crs="EPSG:4326"
    )
    layer = geopandas.GeoDataFrame(geometry=[grid.geometry for grid in tracts.lowest], crs="EPSG:4326")
    joined = geopandas.sjoin(points, layer, how="left", predicate="intersects")
    expected = joined["index_right"].groupby(level=0).min().fillna(-1).astype(int).to_numpy()
    locator = Locator(tracts)
    answer = locator.index_many(rows.longitude.to_numpy(), rows.latitude.to_numpy())
    assert np.array_equal(answer, expected)
    assert (answer == -1).sum() == 8
    assert (answer[rows["status"].notna()] == -1).sum() == 6
    one_by_one = [locator.index(*point) for point in zip(rows.longitude, rows.latitude, strict=True)]
    assert one_by_one == expected.tolist()


@pytest.mark.slow
def test_new_york_equals_a_scan(tracts):
    x, y = telling_points(tracts)
    assert_equals_scan(tracts, x, y)
    assert locates_own_inside(tracts)


def locates_own_inside(hierarchy):
    """Every grid is found at a point inside it (New York's tracts share no inside)."""
    locator = Locator(hierarchy)
    places: list[Point] = [grid.geometry.representative_point() for grid in hierarchy.lowest]
    return [locator.index(place.x, place.y) for place in places] == list(range(len(places)))
