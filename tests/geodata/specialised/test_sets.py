"""Polygons made into sets of micro-grids, sets carried to another edition, and what both lose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Polygon

from geodata.specialised.layers import FieldLayer
from geodata.specialised.sets import Loss, Points, as_sets, rederive, with_points
from tests.geodata.specialised import town

TOWN = town.edition()


def members(layer: FieldLayer) -> dict[str, str]:
    return {one.code: " ".join(one.micro_grids) for one in layer.grids}


def test_a_micro_grid_goes_to_what_it_overlaps_most_and_the_rest_is_lost() -> None:
    """The border runs at 0.3 of column B: three tenths of B1 and B2 fall to the other side."""
    borders = town.polygons({"w": town.tile(0, 0, 1.3, 2), "e": town.tile(1.3, 0, 2.7, 2)})
    sets, loss = as_sets(borders, TOWN.hierarchy)
    assert members(sets) == {"w": "A1 A2", "e": "B1 B2 C1 C2 D1 D2"}
    assert loss.area_share == pytest.approx(2 * 0.3 / 8, abs=1e-4)
    assert [one.team for one in sets.grids] == ["team e", "team w"]


def test_of_equal_overlaps_the_smallest_code_wins() -> None:
    borders = town.polygons({"w": town.tile(0, 0, 1.5, 2), "e": town.tile(1.5, 0, 2.5, 2)})
    sets, _ = as_sets(borders, town.edition({"A1": town.tile(0, 0), "B1": town.tile(1, 0)}).hierarchy)
    narrow = town.polygons({"2": town.tile(0, 0, 1, 1), "1": town.tile(0, 0, 1, 1)})
    assert members(as_sets(narrow, TOWN.hierarchy)[0])["1"] == "A1"
    assert members(sets)["w"].startswith("A1")


def test_what_no_polygon_covers_is_in_no_set_and_slivers_cover_nothing() -> None:
    """A strip of a hundred-thousandth of a square, some 0.6 m wide, is 8 m²: it counts; a millionth does not."""
    borders = town.polygons({"w": town.tile(0, 0, 1 + 1e-5, 2), "n": town.tile(2, 2 - 1e-7, 2, 1)})
    assert members(as_sets(borders, TOWN.hierarchy)[0]) == {"w": "A1 A2 B1 B2", "n": ""}


def test_points_are_lost_that_another_set_has_or_none() -> None:
    borders = town.polygons({"w": town.tile(0, 0, 1.3, 2), "e": town.tile(1.3, 0, 2, 2)})
    sets, loss = as_sets(borders, TOWN.hierarchy)
    points = Points([10.005, 10.012, 10.02, 10.035, 11.0], [50.005, 50.005, 50.005, 50.005, 50.0])
    counted = with_points(loss, sets, borders, TOWN.locator, points)
    assert (counted.points, counted.of_points, counted.points_share) == (1, 3, pytest.approx(1 / 3))
    assert counted.area_m2 == loss.area_m2


def test_nothing_has_no_share() -> None:
    assert (Loss().area_share, Loss().points_share) == (None, None)
    assert Loss(1.0, 4.0).to_dict()["area_share"] == 0.25


LAYER = town.sets({"w": "A1 A2 B1", "e": "B2 C1 C2", "far": "D1"})


def test_the_same_edition_again_changes_and_loses_nothing() -> None:
    past = Points([10.005, 10.015, 10.035], [50.005, 50.005, 50.015])
    again = rederive(LAYER, TOWN, town.edition(), past)
    assert (again.layer, again.moved) == (LAYER, ())
    assert (again.loss.area_m2, again.loss.points, again.loss.of_points) == (0.0, 0, 2)


def test_what_is_redrawn_goes_where_most_of_its_ground_was() -> None:
    """B1 and B2 become one grid that reaches a little into A; D2, in no set, is split."""
    shapes: dict[str, Polygon] = {code: shape for code, shape in town.squares().items() if code[0] in "CD"}
    del shapes["D2"]
    shapes |= {
        "A1": town.tile(0, 0, 0.9),
        "A2": town.tile(0, 1, 0.9),
        "B": town.tile(0.9, 0, 1.1, 2),
        "D3": town.tile(3, 1, 0.5),
        "D4": town.tile(3.5, 1, 0.5),
    }
    past = Points([10.015, 10.015, 10.005], [50.005, 50.015, 50.005])
    done = rederive(LAYER, TOWN, town.edition(shapes), past)
    assert members(done.layer) == {"w": "A1 A2 B", "e": "C1 C2", "far": "D1"}
    assert [(m.micro_grid, m.before, m.after) for m in done.moved] == [
        ("B", None, "w"),
        ("B1", "w", None),
        ("B2", "e", None),
    ]
    # B2 of e is lost to w: one of the seven squares that sets cover, and one of the three points.
    assert done.loss.area_share == pytest.approx(1 / 7, abs=1e-3)
    assert (done.loss.points, done.loss.of_points) == (1, 3)


def test_a_code_with_another_polygon_is_not_the_same_micro_grid() -> None:
    shapes = town.squares()
    shapes["A1"], shapes["C1"] = shapes["C1"], shapes["A1"]
    done = rederive(LAYER, TOWN, town.edition(shapes))
    assert members(done.layer) == {"w": "A2 B1 C1", "e": "A1 B2 C2", "far": "D1"}


def test_a_layer_that_knows_no_micro_grid_stays_empty() -> None:
    nowhere = town.sets({"1": "X1"})
    shapes = {"Y": town.tile(0, 0, 4, 2)}
    assert members(rederive(nowhere, TOWN, town.edition(shapes)).layer) == {"1": ""}


@given(holders=st.lists(st.sampled_from(["", "1", "2", "3"]), min_size=8, max_size=8))
def test_splitting_every_micro_grid_keeps_its_ground_with_its_team(holders: list[str]) -> None:
    """Whatever the sets are, halves of a micro-grid belong to whom it belonged, and nothing is lost."""
    of = {code: holder for code, holder in zip(town.squares(), holders, strict=True) if holder}
    layer = town.sets({n: " ".join(code for code in of if of[code] == n) for n in "123"})
    halves = {}
    for code in town.squares():
        column, row = "ABCD".index(code[0]), int(code[1]) - 1
        halves |= {f"{code}w": town.tile(column, row, 0.5), f"{code}e": town.tile(column + 0.5, row, 0.5)}
    done = rederive(layer, TOWN, town.edition(halves))
    now = {code: one.code for one in done.layer.grids for code in one.micro_grids}
    assert now == {half: of[half[:2]] for half in halves if half[:2] in of}
    assert done.loss.area_m2 == 0.0
