"""The laws of a repair, on drawings whose shared borders were drawn twice."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from geodata.arrangement import Flat, width
from geodata.check import check
from geodata.drawing import Drawing, Drawn
from geodata.grids import Level
from geodata.ground import ground_m2
from geodata.repair import Repair, repair

pytestmark = pytest.mark.slow

WEST, SOUTH, CELL = 114.0, 22.5, 0.001
"""A cell is about 103 by 111 m."""
FLAT = Flat.near(SOUTH)
WARDS = (Level("ward", "区", "ward"),)

OFF = (-3.0, -0.8, -0.1, 0.002, 0.3, 0.7, 2.0)
"""Metres: within and beyond the tolerances tried."""
SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=12)
"""A repair takes tenths of a second."""
TOLERANCES = st.sampled_from([0.05, 0.5, 1.0, 4.0])


def a_drawing(seed: int, *, shaken: bool = True) -> Drawing:
    """A tiling of quadrilaterals with bent sides; where `shaken`, some corners of single polygons are off."""
    chance = np.random.default_rng(seed)
    columns, rows = chance.integers(1, 4, 2).tolist()
    bent = chance.uniform(-0.3, 0.3, (2 * columns + 1, 2 * rows + 1, 2)).round(3)
    drawn = []
    for column in range(columns):
        for row in range(rows):
            around = [(0, 0), (1, 0), (2, 0), (2, 1), (2, 2), (1, 2), (0, 2), (0, 1)]
            if shaken:  # a side may be straight in one of its two drawings
                around = [corner for at, corner in enumerate(around) if at % 2 == 0 or chance.random() > 0.03]
            at = np.array([(2 * column + x, 2 * row + y) for x, y in around])
            points = np.array([WEST, SOUTH]) + CELL * (at / 2 + bent[at[:, 0], at[:, 1]])
            if shaken:
                off = np.where(chance.random(at.shape) < 0.25, chance.choice(OFF, at.shape), 0.0)
                points += off / [FLAT.east, FLAT.north]
            code = f"{column}{row}"
            drawn.append(Drawn(code, code, 0, (), Polygon(points), None, code))
    return Drawing(WARDS, tuple(drawn))


def metres(geometry: BaseGeometry) -> BaseGeometry:
    return FLAT.metres(geometry)


def shapes(drawing: Drawing) -> Mapping[str, BaseGeometry | None]:
    return {one.code: one.geometry for one in drawing.drawn}


@few
@given(SEEDS)
def test_a_sound_drawing_stays_as_it_is(seed: int) -> None:
    """Repairing what has no fault changes nothing."""
    drawing = a_drawing(seed, shaken=False)
    assume(not check(drawing))
    done = repair(drawing)
    assert done.drawing is drawing
    assert not done.moved
    assert not done.changes


@few
@given(SEEDS, TOLERANCES)
def test_nothing_narrow_is_left_untold(seed: int, tolerance: float) -> None:
    """Each overlap or gap found afterwards is wider than the tolerance, or told as one that stays."""
    drawing = a_drawing(seed)
    done = repair(drawing, tolerance)
    told = [place.ground for place in done.stays]
    for found in done.after:
        if found.code in ("OVERLAP", "GAP") and found.geometry is not None:
            wide = width(metres(found.geometry)) > 0.9 * tolerance
            assert wide or any(found.geometry.intersects(ground) for ground in told), found


@few
@given(SEEDS, TOLERANCES)
def test_no_border_moves_beyond_the_tolerance(seed: int, tolerance: float) -> None:
    """What a grid lost is near what it kept, what it won near what it had; and the report says how near.

    A part of it that was left apart, and went, had nothing near.
    """
    drawing = a_drawing(seed)
    done = repair(drawing, tolerance)
    farthest = {change.code: change.moved_m for change in done.changes}
    after = shapes(done.drawing)
    for code, before in shapes(drawing).items():
        now = after[code]
        strays = [place for place in done.moved if place.kind == "stray part" and place.before == (code,)]
        if before is None or now is None or not before.is_valid or strays:
            continue
        assert shapely.buffer(metres(now), tolerance * 1.02).covers(metres(before))
        assert shapely.buffer(metres(before), tolerance * 1.02).covers(metres(now))
        assert farthest.get(code, 0.0) <= tolerance


@few
@given(SEEDS, TOLERANCES)
def test_every_square_metre_is_accounted_for(seed: int, tolerance: float) -> None:
    """A grid has afterwards what it had, and what it won, less what it lost; others are untouched."""
    drawing = a_drawing(seed)
    done = repair(drawing, tolerance)
    changes = {change.code: change for change in done.changes}
    after = shapes(done.drawing)
    for code, before in shapes(drawing).items():
        change = changes.get(code)
        if change is None:
            assert after[code] is before
            continue
        assert change.m2_before == ground_m2(before)
        assert change.m2_after == ground_m2(after[code])
        told = change.m2_before + change.m2_won - change.m2_lost
        assert change.m2_after == pytest.approx(told, rel=1e-9, abs=1e-3)
    won = sum(change.m2_won - change.m2_lost for change in done.changes)
    assert total(done.drawing) - total(drawing) == pytest.approx(won, abs=1e-3)


def total(drawing: Drawing) -> float:
    return sum(ground_m2(one.geometry) for one in drawing.drawn)


@few
@given(SEEDS, TOLERANCES)
def test_a_second_repair_finds_nothing_to_do(seed: int, tolerance: float) -> None:
    """What is repaired stays as it is."""
    once = repair(a_drawing(seed), tolerance).drawing
    assert repair(once, tolerance).drawing is once


@few
@given(SEEDS)
def test_the_order_of_the_polygons_does_not_matter(seed: int) -> None:
    """The same polygons in another order are repaired the same way."""
    drawing = a_drawing(seed)
    here, there = repair(drawing), repair(Drawing(drawing.levels, drawing.drawn[::-1]))
    assert told(here) == told(there)
    for code, shape in shapes(here.drawing).items():
        assert shape is not None
        assert shapely.normalize(shape).equals_exact(shapely.normalize(shapes(there.drawing)[code]))


def told(done: Repair) -> list[tuple[object, ...]]:
    places = [*done.moved, *done.stays]
    return sorted((one.kind, one.before, one.after, round(one.m2, 3)) for one in places)
