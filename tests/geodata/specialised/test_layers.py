"""Layers of fields: what makes one, and which specialised grid a point lies in."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geodata.errors import BadCode, BadFieldLayer
from geodata.specialised.layers import FieldLayer, Form, Layers, SpecialisedGrid
from tests.geodata.specialised import town

SETS = town.sets({"1": "A1 A2 B1", "2": "B2 C2", "9": "D1"})
#: Precincts whose border runs through the middle of column B, and which overlap in half of column C.
BORDERS = town.polygons(
    {"p": town.tile(0, 0, 1.5, 2), "q": town.tile(1.5, 0, 1.5, 2), "r": town.tile(2.5, 0, 1.5, 2)}
)


def by_scan(lon: float, lat: float) -> dict[str, str]:
    """Where a point lies by asking every polygon, of several the smallest code."""
    point = shapely.Point(lon, lat)
    found = {}
    micro = sorted(code for code, shape in town.squares().items() if shape.intersects(point))
    holder = [one.code for one in SETS.grids if micro and micro[0] in one.micro_grids]
    own = [one.code for one in BORDERS.grids if one.geometry is not None and one.geometry.intersects(point)]
    if holder:
        found["fire"] = min(holder)
    if own:
        found["police"] = min(own)
    return found


#: Points within the town, on its borders and corners, and beyond it.
COORDINATES = st.one_of(
    st.tuples(st.floats(9.995, 10.045), st.floats(49.995, 50.025)),
    st.tuples(
        st.sampled_from([10 + n / 200 for n in range(10)]), st.sampled_from([50 + n / 200 for n in range(6)])
    ),
)


@pytest.fixture(scope="module")
def layers() -> Layers:
    return Layers(town.edition().locator, [BORDERS, SETS])


@given(points=st.lists(COORDINATES, min_size=1, max_size=20))
def test_a_point_lies_where_a_scan_of_all_polygons_puts_it(
    points: list[tuple[float, float]], layers: Layers
) -> None:
    """One point and many at once, in sets and in polygons, within, on borders and outside."""
    true = [by_scan(*point) for point in points]
    assert [{key: one.code for key, one in layers.locate(*point).items()} for point in points] == true
    lons, lats = np.array(points).T
    many = layers.locate_many(lons, lats)
    for layer in layers.layers:
        codes = [layer.grids[number].code if number >= 0 else None for number in many[layer.key].tolist()]
        assert codes == [one.get(layer.key) for one in true]


def test_somebody_located_already_is_looked_up_by_micro_grid_or_by_point(layers: Layers) -> None:
    police, fire = layers.layers[1], layers.layers[0]
    assert (fire.key, police.key) == ("fire", "police")
    west_of_b = (10.012, 50.005)
    assert [layers.of(fire, code, None) for code in ("C1", None, "X")] == [None, None, None]
    found = layers.of(fire, "B1", None), layers.of(police, "B1", west_of_b), layers.of(police, "B1", None)
    assert [one and one.code for one in found] == ["1", "p", None]
    assert layers.of(police, None, (9.0, 50.0)) is None


def test_a_micro_grid_in_two_sets_counts_for_the_smallest_code() -> None:
    twice = town.sets({"2": "A1 B1", "1": "B1 C1"})
    found = twice.of_micro_grid("B1")
    assert found is not None
    assert (found.code, found.team) == ("1", "team 1")


def test_the_order_of_grids_and_layers_changes_nothing() -> None:
    turned = FieldLayer.build("fire", "消防", "fire", Form.sets, reversed(SETS.grids))
    assert turned == SETS
    assert Layers(town.edition().locator, [SETS, BORDERS]).layers == (SETS, BORDERS)


@pytest.mark.parametrize(
    ("form", "grids", "said"),
    [
        (Form.sets, [], "no specialised grid"),
        (
            Form.sets,
            [SpecialisedGrid("1", "", None, ("A1",)), SpecialisedGrid("1", "")],
            "'1' is there twice",
        ),
        (Form.sets, [SpecialisedGrid("1", "", None, (), town.tile(0, 0))], "a polygon of its own"),
        (Form.polygons, [SpecialisedGrid("1", "")], "'1' has no polygon"),
        (Form.polygons, [SpecialisedGrid("1", "", None, ("A1",), town.tile(0, 0))], "micro-grids beside it"),
    ],
)
def test_what_makes_no_layer(form: Form, grids: list[SpecialisedGrid], said: str) -> None:
    with pytest.raises(BadFieldLayer, match=said):
        FieldLayer.build("fire", "消防", "fire", form, grids)


def test_keys_and_codes_go_into_paths_and_have_no_slash() -> None:
    with pytest.raises(BadCode, match="'a/b'"):
        FieldLayer.build("fire", "消防", "fire", Form.sets, [SpecialisedGrid("a/b", "")])
    with pytest.raises(BadCode, match="the key of a field"):
        FieldLayer.build("a/b", "消防", "fire", Form.sets, SETS.grids)


def test_a_field_has_one_layer() -> None:
    with pytest.raises(BadFieldLayer, match="two layers of this field"):
        Layers(town.edition().locator, [SETS, SETS])


def test_a_layer_comes_out_as_geojson_with_its_teams() -> None:
    hierarchy = town.edition().hierarchy
    features = json.loads(SETS.geojson(hierarchy))["features"]
    shapes = {one["properties"]["code"]: shapely.geometry.shape(one["geometry"]) for one in features}
    assert shapes["2"].equals(shapely.union_all([town.tile(1, 1), town.tile(2, 1)]))
    told = features[0]["properties"]
    assert (told["field"], told["team"], told["micro_grids"]) == ("fire", "team 1", ["A1", "A2", "B1"])
    assert len(json.loads(BORDERS.geojson(hierarchy))["features"]) == 3


def test_a_set_without_micro_grids_in_this_edition_has_no_polygon() -> None:
    layer = town.sets({"1": "A1", "2": "X9"})
    features = json.loads(layer.geojson(town.edition().hierarchy))["features"]
    assert [one["properties"]["code"] for one in features] == ["1"]
