"""Borders that moved less than can be told did not move; all other ground is counted, and quickly."""

import time
from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given
from shapely.affinity import translate
from shapely.geometry import box

from geodata.editions import Kind, compare
from geodata.grids import Hierarchy
from geodata.synthetic import district
from tests.geodata.drawings import one_level, tile
from tests.geodata.letters import drawings, drawn, full, shapes_of, told

#: About 1 m north at any latitude, in degrees.
METRE = 1 / 111_200


def test_a_border_that_moved_less_than_a_metre_did_not_move():
    old = drawn("AB")
    for metres, kept in ((0.5, ("A", "B")), (3, ())):
        shifted = [translate(grid.geometry, 0, metres * METRE) for grid in old.lowest]
        comparison = compare(old, one_level(shifted, ["A", "B"]))
        assert comparison.kept["ward"] == kept
        assert [change.kind for change in comparison.changes] == [Kind.redrawn] * (2 - len(kept))


def test_a_dent_counts_however_short_it_is_beside_the_border():
    """10 x 10 m out of a border of 3.6 km: a thousandth of the area, and a house stands on it."""
    west, south, _, _ = tile(1, 0).bounds
    dent = box(west, south, west + 15 * METRE, south + 10 * METRE)
    old, new = [tile(0, 0), tile(1, 0)], [tile(0, 0).union(dent), tile(1, 0).difference(dent)]
    comparison = compare(one_level(old, ["A", "B"]), one_level(new, ["A", "B"]))
    assert told(comparison) == {("redrawn", "A", "A"), ("redrawn", "B", "B")}
    for change in comparison.changes:
        assert shapely.Point(change.place).within(dent)


def test_the_same_ring_begun_elsewhere_and_run_backwards_is_the_same():
    shapes = {grid.code: grid.geometry for grid in drawn("AAB CCB").lowest}
    turned = [
        shapely.Polygon([*one.exterior.coords[2:], *one.exterior.coords[1:3]][::-1])
        for one in shapes.values()
    ]
    assert (
        compare(one_level(list(shapes.values()), list(shapes)), one_level(turned, list(shapes))).changes == ()
    )
    renamed = compare(one_level(list(shapes.values()), list(shapes)), one_level(turned, ["X", "Y", "Z"]))
    assert told(renamed) == {("recoded", "A", "X"), ("recoded", "B", "Y"), ("recoded", "C", "Z")}


@given(full, drawings)
def test_the_shares_of_successors_add_up(new, old):
    """To all of the old grid where the new ones tile its ground; and those of what it came from likewise."""
    comparison = compare(drawn(old), drawn(new))
    before, after = shapes_of(old), shapes_of(new)
    for code, ground in before.items():
        followers = comparison.successors((code,))
        assert sum(one.of_old for one in followers) == pytest.approx(1, abs=1e-6)
        shares = [round(one.of_old, 9) for one in followers]
        assert shares == sorted(shares, reverse=True)
        for one in followers:
            shared = ground.intersection(after[one.path[0]]).area
            assert one.of_old == pytest.approx(shared / ground.area, rel=1e-3)
            assert one.of_new == pytest.approx(shared / after[one.path[0]].area, rel=1e-3)


@given(drawings, drawings)
def test_never_more_than_all_of_a_grid_is_followed(old, new):
    comparison = compare(drawn(old), drawn(new))
    for code in shapes_of(old):
        assert sum(one.of_old for one in comparison.successors((code,))) <= 1 + 1e-9


def shaken(hierarchy, metres):
    """The same district as another survey draws it: every vertex off by up to `metres`, neighbours alike."""

    def shake(at):
        chance = np.sin(at @ [[12989.8, 39300.1], [78233.3, 11100.7]]) * 43758.5453
        return at + (chance - np.floor(chance) - 0.5) * 2 * metres * METRE / np.sqrt(2)

    shapes = shapely.transform(np.array([grid.geometry for grid in hierarchy.grids], dtype=object), shake)
    mended = [one if one.is_valid else shapely.make_valid(one, method="structure") for one in shapes]
    return Hierarchy.build(
        hierarchy.levels,
        [replace(grid, geometry=one) for grid, one in zip(hierarchy.grids, mended, strict=True)],
    )


@pytest.mark.slow
def test_two_editions_of_a_district_are_compared_in_seconds():
    old = district(1, [(f"440306{number:03d}", "街道") for number in range(1, 11)])
    for metres, fate in ((0, "kept"), (0.5, "kept"), (4, "redrawn")):
        new = shaken(old, metres)
        start = time.process_time()
        comparison = compare(old, new)
        assert time.process_time() - start < 15
        assert comparison.counts() == {fate: len(old.grids)}
