"""Which side of a piece of border a point is on: never said with certainty where it is not so."""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from geodata import raster
from geodata.synthetic import district
from geodata.wedges import ALONE, LINE, NONE, RIGHT, SWAPPED, Wedges, in_first, left_of, one_in_first

coordinate = st.floats(-180, 180)
places = st.tuples(coordinate, coordinate)


def exactly_left(line, x, y):
    """The sign of the turn in exact arithmetic."""
    x1, y1, x2, y2 = map(Fraction, line)
    turn = (x1 - Fraction(x)) * (y2 - Fraction(y)) - (y1 - Fraction(y)) * (x2 - Fraction(x))
    return (turn > 0) - (turn < 0)


@given(st.lists(st.tuples(places, places, places), min_size=1, max_size=20))
def test_what_is_certain_is_exactly_so(cases):
    """For any line and point, near each other or far, as exact arithmetic has it."""
    lines = np.array([[*start, *end] for start, end, _ in cases])
    x, y = np.array([point for _, _, point in cases]).T
    left, sure = left_of(lines, x, y)
    for at in np.flatnonzero(sure).tolist():
        assert (1 if left[at] else -1) == exactly_left(lines[at].tolist(), x[at], y[at])


def test_near_a_line_rounding_turns_signs_and_then_nothing_is_certain():
    """Kettner and others, "Classroom examples of robustness problems in geometric computations" (2008)."""
    steps = np.arange(256) * 2.0**-53
    x, y = (0.5 + part.reshape(-1) for part in np.meshgrid(steps, steps))
    line = [12.0, 12.0, 24.0, 24.0]
    left, sure = left_of(np.tile(line, (len(x), 1)), x, y)
    exact = np.array([exactly_left(line, *point) for point in zip(x.tolist(), y.tolist(), strict=True)])
    wrong = np.where(left, 1, -1) != exact
    assert (wrong & (exact != 0)).any()
    assert not (sure & wrong).any()
    far, certain = left_of(np.array([line]), np.array([0.5]), np.array([0.6]))
    assert (far[0], certain[0]) == (True, True)


def test_denormal_products_are_not_trusted():
    tiny = 5e-324
    _, sure = left_of(np.array([[0.0, 0.0, tiny, 0.5]]), np.array([0.0]), np.array([1e-300]))
    assert not sure[0]


def test_one_point_is_told_as_many_are():
    """A wedge of two lines that meet at (1, 1): first candidate's or the rest of the cell is; the other part is the
    second candidate's or nobody's; and a cell without a wedge."""
    lines = np.array([[0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 2.0, 0.0]])
    bits = (0, SWAPPED, ALONE, SWAPPED + ALONE)
    sides = np.array([*([RIGHT + more, LINE + RIGHT] for more in bits), [NONE, NONE]], np.int32)
    wedges = Wedges(sides, lines)
    x, y = np.array([1.0, 1.0, 0.2, 1.9, 0.5]), np.array([0.5, 1.5, 0.9, 0.9, 0.5])
    flat = sides.reshape(-1).data, lines.reshape(-1).data
    for slot, more in enumerate(bits):
        expected = [bool(more & SWAPPED) != within for within in (True, False, False, False)]
        first, nobodys, sure = in_first(wedges, np.full(5, slot, np.int32), x, y)
        assert first[:4].tolist() == expected
        assert nobodys[:4].tolist() == [bool(more & ALONE) and not one for one in expected]
        assert sure.tolist() == [True] * 4 + [False]
        single = [one_in_first(*flat, slot, *point) for point in zip(x.tolist(), y.tolist(), strict=True)]
        assert single == [*zip(first[:4].tolist(), nobodys[:4].tolist(), strict=True), None]
    assert not in_first(wedges, np.full(5, 4, np.int32), x, y)[2].any()
    assert one_in_first(*flat, 4, 1.0, 0.5) is None


def test_most_mixed_cells_of_a_district_have_a_wedge():
    """Without them answers would be right and slow."""
    made_up = district(1, [("1", "一")], 4, 600, area_km2=50)
    made = raster.build(np.array([grid.geometry for grid in made_up.lowest], dtype=object))
    assert (made.wedges.sides[:, 0] != NONE).mean() > 0.8
