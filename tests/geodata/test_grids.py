"""The hierarchy as a value: paths lead down and back up, and a broken structure is refused as a whole."""

import pickle
from dataclasses import FrozenInstanceError

import pytest
from shapely.geometry import Polygon, box

from geodata.errors import BadCode, BadHierarchy, UnknownGrid, UnknownLevel
from geodata.grids import Hierarchy, area_m2, check_code, measured
from geodata.synthetic import district
from tests.geodata.drawings import CITY, a_grid, one_level, tile

STREETS = [("440306001", "甲街道"), ("440306002", "乙街道")]
MADE_UP = district(3, STREETS, communities=4, micro_grids=20)
CITY_OF_TWO = Hierarchy.build(
    CITY,
    [a_grid("2", tile(1, 0), 1, "C"), a_grid("1", tile(0, 0), 1, "C"), a_grid("C", tile(0, 0, 2), 0)],
)


def test_grids_are_sorted_by_level_then_code():
    assert [grid.code for grid in CITY_OF_TWO.grids] == ["C", "1", "2"]


def test_every_path_names_its_own_grid():
    """path and grid undo each other, for every grid of every level."""
    for grid in MADE_UP.grids:
        assert MADE_UP.grid(MADE_UP.path(grid)) is grid
        assert len(MADE_UP.path(grid)) == grid.level + 1


def test_paths_are_those_of_the_lowest_grids_in_order_of_code():
    assert [path[-1] for path in MADE_UP.paths] == sorted(grid.code for grid in MADE_UP.lowest)


def test_children_add_up_to_the_level_below():
    for level in range(3):
        below = [child for grid in MADE_UP.at(level) for child in MADE_UP.children(MADE_UP.path(grid))]
        assert sorted(child.code for child in below) == [grid.code for grid in MADE_UP.at(level + 1)]
    assert MADE_UP.children(MADE_UP.paths[0]) == ()
    assert MADE_UP.children() == MADE_UP.at(0)


def test_under_finds_the_grids_of_a_level_within_another():
    street = MADE_UP.path(MADE_UP.at("street")[0])
    found = MADE_UP.under(street, "micro_grid")
    assert found
    assert all(MADE_UP.path(grid)[:2] == street for grid in found)
    assert MADE_UP.under(street, "street") == (MADE_UP.grid(street),)
    assert MADE_UP.under(street, "district") == ()
    assert MADE_UP.under((), 3) == MADE_UP.lowest


@pytest.mark.parametrize(
    ("path", "part_of_message"),
    [
        ((), "at least one code"),
        (("X",), "'X' is no code of level 'city'"),
        (("C", "9"), "'9' is no code of level 'ward'"),
        (("C", "1", "1"), "'1' is no code of any level"),
    ],
)
def test_an_unknown_path_is_refused_where_it_breaks_off(path, part_of_message):
    with pytest.raises(UnknownGrid, match=part_of_message) as caught:
        CITY_OF_TWO.grid(path)
    assert caught.value.path == path


def test_a_path_through_the_wrong_parent_is_refused():
    child = MADE_UP.lowest[0]
    right = MADE_UP.path(child)
    wrong = (*right[:2], MADE_UP.at(2)[-1].code, right[3])
    with pytest.raises(UnknownGrid, match="lies in"):
        MADE_UP.grid(wrong)


@pytest.mark.parametrize("level", ["nowhere", -1, 2])
def test_an_unknown_level_is_refused(level):
    with pytest.raises(UnknownLevel, match="the levels are city, ward"):
        CITY_OF_TWO.at(level)


def test_find_takes_a_level_and_a_code():
    assert CITY_OF_TWO.find("ward", "2").geometry.equals(tile(1, 0))
    with pytest.raises(UnknownGrid):
        CITY_OF_TWO.find("ward", "C")


@pytest.mark.parametrize(
    "code",
    ["", " 1", "1 ", "a/b", "a\nb", "a\x00b", "a\u200bb", "\ud800", "x" * 65, 7, None],
    ids=[
        "empty",
        "space before",
        "space after",
        "slash",
        "line",
        "NUL",
        "zero width",
        "half a pair",
        "long",
        "number",
        "none",
    ],
)
def test_a_code_that_cannot_name_a_grid_is_refused(code):
    with pytest.raises(BadCode):
        check_code(code)


@pytest.mark.parametrize("code", ["1", "0502A", "440306017001001", "新安", "a b", "x" * 64])
def test_a_code_of_any_country_is_taken(code):
    assert check_code(code) == code


def test_a_broken_structure_is_refused_naming_everything():
    shape = tile(0, 0)
    grids = [
        a_grid("C", shape, 0, "above"),
        a_grid("1", shape, 1, "C"),
        a_grid("1", shape, 1, "C"),
        a_grid("2", shape, 1, "D"),
        a_grid("3", shape, 1),
        a_grid("4", shape, 7, "C"),
        a_grid("5", Polygon(), 1, "C"),
    ]
    with pytest.raises(BadHierarchy) as caught:
        Hierarchy.build([*CITY, CITY[0]], grids)
    told = "\n".join(caught.value.problems)
    for problem in (
        "level key 'city' is used twice",
        "level 'city' has no grid",
        "'C' of level 0 has a parent, yet is widest",
        "'1' of level 1 is there twice",
        "'2' of level 1 has the parent 'D', which is not there",
        "'3' of level 1 has no parent",
        "'4' of level 7: there is no such level",
        "'5' of level 1 has no polygon",
    ):
        assert problem in told


@pytest.mark.parametrize(
    ("shape", "runs"),
    [
        (box(500_000, 2_500_000, 501_000, 2_501_000), "from 500,000 to 501,000"),
        (box(22.5, 113.8, 22.6, 113.9), "from 113.8 to 113.9"),
        (box(-10, -91, 10, -80), "from -91 to -80"),
    ],
)
def test_grids_that_do_not_lie_on_earth_are_refused(shape, runs):
    """A point on earth could lie in none of them, and one in them is no point on earth."""
    with pytest.raises(BadHierarchy, match=runs) as caught:
        one_level([tile(0, 0), shape])
    assert "1 grid lies beyond" in str(caught.value)
    assert "'001'" in str(caught.value)
    one_level([box(-180 - 1e-7, -90, 180 + 1e-7, 90)])


def test_no_level_is_no_hierarchy():
    with pytest.raises(BadHierarchy, match="there is no level"):
        Hierarchy.build([], [])


def test_rows_give_the_same_hierarchy_back():
    rows = MADE_UP.to_rows()
    again = Hierarchy.from_rows(MADE_UP.levels, reversed(rows))
    assert again == MADE_UP
    assert again.to_rows() == rows


def test_a_hierarchy_is_a_value():
    assert pickle.loads(pickle.dumps(CITY_OF_TWO)) == CITY_OF_TWO
    with pytest.raises(FrozenInstanceError):
        CITY_OF_TWO.levels = ()


def test_an_area_is_geodesic_whichever_way_the_rings_run():
    """A degree by a degree at the equator: 12,308.8 km² (GeographicLib's Planimeter gives 12308778361.469)."""
    square, hole = box(0, 0, 1, 1), box(0.25, 0.25, 0.75, 0.75)
    assert area_m2(square) == pytest.approx(12308778361.469, abs=0.01)
    clockwise = Polygon(list(square.exterior.coords)[::-1], [list(hole.exterior.coords)])
    counter = Polygon(square.exterior.coords, [list(hole.exterior.coords)[::-1]])
    assert area_m2(clockwise) == pytest.approx(area_m2(square) - area_m2(hole))
    assert area_m2(counter) == pytest.approx(area_m2(clockwise))


def test_rings_are_put_counter_clockwise_outside():
    grid = measured("1", "1", 0, None, Polygon(list(tile(0, 0).exterior.coords)[::-1]))
    assert grid.geometry.exterior.is_ccw
