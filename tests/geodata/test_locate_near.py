"""The grids near a point, its distance to borders in bulk, and the grids of every level: as the slow way finds them."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box

from geodata.borders import Borders
from geodata.errors import BadPoint
from geodata.grids import Hierarchy
from geodata.locate import Locator, Near, locate_layers
from geodata.synthetic import district
from tests.geodata.drawings import CITY, a_grid, one_level, tile
from tests.geodata.points import lats, lons, mosaics, shapes, telling_points

THREE = one_level([tile(1, 0), tile(0, 0), tile(0, 2)], ["a", "b", "c"])
reaches = st.one_of(st.just(0.0), st.floats(0, 2000), st.floats(0, 2e7))


def measure_all(locator, shapes_by_code, lon, lat, metres):
    """The slow, obvious way: every polygon but the point's own, each measured for itself."""
    own = locator.index(lon, lat)
    found = []
    for number, shape in enumerate(shapes_by_code):
        alone = Borders(np.array([shape], dtype=object))
        away = 0.0 if shapely.intersects_xy(shape, lon, lat) else alone.distance(0, lon, lat)
        if number != own and away <= metres:
            found.append((away, number))
    return tuple(Near(locator.paths[number], away) for away, number in sorted(found))


#: So many metres are the last bits of a distance: what is this close to the reach may be told or not.
BITS_M = 1e-6


def told(near, metres):
    """The grids that are within reach whichever way the last bits go."""
    return sorted(one.path for one in near if abs(one.metres - metres) > BITS_M)


@given(st.one_of(mosaics(), st.lists(shapes, min_size=1, max_size=5)), st.data(), reaches)
def test_near_finds_what_measuring_every_grid_finds(polygons, data, metres):
    """Inside, on borders and outside, alone and in bulk, where grids share borders and where they overlap."""
    hierarchy = one_level(polygons)
    locator = Locator(hierarchy)
    around = telling_points(hierarchy, strewn=100)
    chosen = data.draw(st.lists(st.integers(0, around.shape[1] - 1), min_size=1, max_size=6))
    x, y = around[:, chosen]
    expected = [
        measure_all(locator, polygons, *point, metres) for point in zip(x.tolist(), y.tolist(), strict=True)
    ]
    for point, near in zip(zip(x.tolist(), y.tolist(), strict=True), expected, strict=True):
        # A border is measured alone in another order than among others: the last bits may differ.
        found = locator.near(*point, metres)
        assert told(found, metres) == told(near, metres)
        away = {one.path: one.metres for one in near}
        assert all(one.metres == pytest.approx(away.get(one.path, metres), abs=BITS_M) for one in found)
    at, number, away = locator.near_many(x, y, metres)
    assert at.tolist() == [place for place, near in enumerate(expected) for _ in near]
    # Many at once are measured in another order: the last bits may differ, and with them which of two is nearer.
    for place, near in enumerate(expected):
        mine = [
            Near(locator.paths[one], apart)
            for one, apart in zip(number[at == place].tolist(), away[at == place].tolist(), strict=True)
        ]
        assert told(mine, metres) == told(near, metres)
        measured = {one.path: one.metres for one in near}
        assert all(one.metres == pytest.approx(measured.get(one.path, metres), abs=BITS_M) for one in mine)


@given(st.lists(shapes, min_size=1, max_size=5), lons, lats)
def test_distances_in_bulk_are_those_of_single_points(polygons, lon, lat):
    """Inside and outside."""
    hierarchy = one_level(polygons)
    locator = Locator(hierarchy)
    x, y = telling_points(hierarchy, strewn=20)
    x, y = np.append(x[-40:], lon), np.append(y[-40:], lat)
    singly = [locator.border_distance(*point) for point in zip(x.tolist(), y.tolist(), strict=True)]
    assert locator.border_distances(x, y) == pytest.approx(singly, abs=1e-6)


def test_a_point_far_from_its_border_has_nobody_near():
    made_up = district(2, [("1", "一")], communities=2, micro_grids=40, area_km2=4)
    locator = Locator(made_up)
    middle = made_up.lowest[7].geometry.representative_point()
    border = locator.border_distance(middle.x, middle.y)
    assert locator.near(middle.x, middle.y, border - 0.5) == ()
    beyond = locator.near(middle.x, middle.y, border + 0.5)
    assert beyond
    assert locator.paths[7] not in [one.path for one in beyond]


def test_a_grid_within_another_is_near_however_far_the_border():
    """Overlapping grids: the point lies in both, and is filed under the smaller code."""
    locator = Locator(one_level([tile(0, 0, 9, 9), tile(4, 4)]))
    assert locator.near(10.045, 50.045, 1) == (Near(("001",), 0.0),)
    assert locator.near(10.005, 50.005, 1) == ()


def test_on_a_shared_edge_the_neighbour_is_no_metre_away():
    assert Locator(THREE).near(10.01, 50.005, 0) == (Near(("b",), 0.0),)


def test_outside_the_grids_within_reach_are_given_nearest_first():
    locator = Locator(THREE)
    assert locator.near(10.005, 50.012, 1) == ()
    near = locator.near(10.005, 50.012, 900)
    assert [one.path for one in near] == [("b",), ("a",), ("c",)]
    assert near[0].metres == pytest.approx(222.4, abs=0.2)
    assert [len(locator.near(10.005, 50.012, metres)) for metres in (300, 500, 900)] == [1, 2, 3]


def test_each_point_may_be_as_exact_as_it_is():
    locator = Locator(THREE)
    at, number, away = locator.near_many([10.005] * 4, [50.012] * 4, [1, 300, 500, 900])
    assert at.tolist() == [1, 2, 2, 3, 3, 3]
    assert number.tolist() == [1, 1, 0, 1, 0, 2]
    assert away[0] == pytest.approx(222.4, abs=0.2)
    assert [len(row) for row in locator.near_many([], [], 5)] == [0, 0, 0]


@pytest.mark.parametrize("metres", [-1, float("nan")])
def test_a_reach_below_nothing_is_refused(metres):
    with pytest.raises(ValueError, match="0 m or more"):
        Locator(THREE).near(10.005, 50.005, metres)
    with pytest.raises(ValueError, match="0 m or more"):
        Locator(THREE).near_many([10.005], [50.005], metres)


def test_points_that_are_none_have_nothing_near():
    with pytest.raises(BadPoint):
        Locator(THREE).near(200, 50, 5)
    with pytest.raises(BadPoint, match="at position 1"):
        Locator(THREE).near_many([10, 200], [50, 50], 5)
    with pytest.raises(BadPoint, match="at position 0"):
        Locator(THREE).border_distances([10], [float("nan")])


def test_what_lies_over_the_date_line_is_near():
    """Fiji's way to be drawn: cut at longitude 180. Both halves meet there, and so does what lies close to it."""
    west, east = box(179.99, -17, 180, -16.99), box(-180, -17, -179.99, -16.99)
    locator = Locator(one_level([west, east]))
    for lon, own, other in ((179.9999, "000", "001"), (-179.9999, "001", "000")):
        assert locator.locate(lon, -16.995).path == (own,)
        assert locator.near(lon, -16.995, 5) == ()
        assert locator.near(lon, -16.995, 50) == (Near((other,), pytest.approx(10.65, abs=0.1)),)
        at, number, _ = locator.near_many([lon], [-16.995], 50)
        assert (at.tolist(), number.tolist()) == ([0], [int(other)])
    assert [one.path for one in locator.near(180.0, -16.995, 50)] == [("001",)]


def test_around_a_pole_all_longitudes_are_near():
    slices = [box(lon, 89, lon + 90, 90) for lon in (-180, -90, 0, 90)]
    locator = Locator(one_level(slices))
    assert len(locator.near(45, 89.9999, 50)) == 3
    assert [one.path for one in locator.near(1, 89.5, 2000)] == [("001",)]
    # 11,170 m from the pole, and half a right angle from either meridian that bounds the slice.
    assert locator.border_distance(45, 89.9) == pytest.approx(11_170 * 0.5**0.5, rel=0.001)
    south = Locator(one_level([box(-10, -90, 10, -89.99)]))
    assert len(south.near(-170, -89.999, 500)) == 1


# --- every level, and several layers -------------------------------------------------------------------------


def test_the_grids_of_every_level_are_found_in_one_pass():
    made_up = district(3, [("1", "一"), ("2", "二")], communities=5, micro_grids=150, area_km2=9)
    locator = Locator(made_up)
    west, south, east, north = made_up.at(0)[0].geometry.bounds
    rng = np.random.default_rng(1)
    x, y = rng.uniform(west, east, 2000), rng.uniform(south, north, 2000)
    levels = locator.levels_many(x, y)
    lowest = locator.index_many(x, y)
    assert len(levels) == 4
    assert np.array_equal(levels[3], lowest)
    for level, found in enumerate(levels):
        codes = [grid.code for grid in made_up.at(level)]
        expected = [locator.paths[number][level] if number >= 0 else None for number in lowest.tolist()]
        assert [codes[number] if number >= 0 else None for number in found.tolist()] == expected
    assert (lowest < 0).any()


def test_an_upper_grid_without_any_below_it_keeps_its_number():
    hierarchy = Hierarchy.build(
        CITY,
        [
            a_grid("B", tile(0, 0, 2), 0),
            a_grid("A", tile(5, 5), 0),
            a_grid("2", tile(1, 0), 1, "B"),
            a_grid("1", tile(0, 0), 1, "B"),
        ],
    )
    upper, lower = Locator(hierarchy).levels_many([10.005, 10.015, 10.055], [50.005, 50.005, 50.055])
    assert upper.tolist() == [1, 1, -1]
    assert lower.tolist() == [0, 1, -1]


def test_several_layers_are_asked_at_once():
    layers = {"now": Locator(THREE), "before": Locator(one_level([tile(0, 0, 2)]))}
    found = locate_layers(layers, [10.005, 10.015, 10.005], [50.005, 50.005, 50.025])
    assert {name: numbers.tolist() for name, numbers in found.items()} == {
        "now": [1, 0, 2],
        "before": [0, 0, -1],
    }
    with pytest.raises(BadPoint, match="at position 1"):
        locate_layers(layers, [10, 10], [50, 91])
