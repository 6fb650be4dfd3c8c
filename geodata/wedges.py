"""Cells that one straight piece of border, or two joined ones, divide: where points in them lie.

Two joined pieces bound a wedge; one bounds half the plane, a wedge too. A sign that rounding might turn is
not used: the polygons themselves are asked then, so that the answer stays exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

ROUNDING = (3 + 16 * 2.0**-53) * 2.0**-53
"""Times |a| + |b|: how far a - b, products of differences, may be off. J. R. Shewchuk, "Adaptive Precision
Floating-Point Arithmetic and Fast Robust Geometric Predicates" (1997), the first bound of ORIENT2D."""
UNDERFLOW = 1e-290
"""Smaller products lose digits, which that bound leaves out."""
NONE = -1
RIGHT, SWAPPED, ALONE, LINE = 1, 2, 4, 8
SHIFT = 3
"""Of a side: to its line's number."""


@dataclass(frozen=True, slots=True)
class Wedges:
    """`lines` are pieces of border (x1, y1, x2, y2), degrees, shape (n, 4). `sides`, shape (slots, 2), gives
    for each mixed cell the two lines that its wedge lies between, or NONE: line * LINE, with the bits RIGHT
    (the wedge lies right of the line, going from (x1, y1)) and, for the first line, SWAPPED (the wedge is not
    the first candidate's, the rest of the cell is) and ALONE (what is not the first candidate's is nobody's,
    else it is the second one's).
    """

    sides: NDArray[np.int32]
    lines: Floats


@dataclass(frozen=True, slots=True)
class Halves:
    """Cells that two polygons share out between them, or one has in part and nobody the rest (`alone`), by
    number of the `cell`: its centre (`x`, `y`), the first and last of the pieces of border in it (`piece` and
    `other`, the same where there is one), whether these are all (`few`), and whether the centre lies in the
    first of the polygons; all of shape (n,).
    """

    cell: Ints
    x: Floats
    y: Floats
    piece: Ints
    other: Ints
    few: Bools
    in_first: Bools
    alone: Bools


def build(slot: NDArray[np.int32], slots: int, halves: Halves, lines: Floats) -> Wedges:
    """The wedges of those cells whose pieces make one; `slot` is the place of each cell among `slots`."""
    piece, other = lines[halves.piece], lines[halves.other]
    single = halves.piece == halves.other
    joined, far, far_other = _joined(piece, other)
    left, sure = left_of(piece, far_other[:, 0], far_other[:, 1])
    left_other, sure_other = left_of(other, far[:, 0], far[:, 1])
    left[single] = left_other[single] = True
    centre, sure_centre = left_of(piece, halves.x, halves.y)
    centre_other, sure_centre_other = left_of(other, halves.x, halves.y)
    within = (centre == left) & (centre_other == left_other)
    useful = halves.few & (single | (joined & sure & sure_other)) & sure_centre & sure_centre_other
    swapped = within != halves.in_first
    sides = np.full((slots, 2), NONE, np.int32)
    bits = ~left * RIGHT + swapped * SWAPPED + halves.alone * ALONE
    sides[slot, 0] = np.where(useful, halves.piece * LINE + bits, NONE)
    sides[slot, 1] = np.where(useful, halves.other * LINE + ~left_other * RIGHT, NONE)
    sides.flags.writeable = lines.flags.writeable = False
    return Wedges(sides, lines)


def _joined(piece: Floats, other: Floats) -> tuple[Bools, Floats, Floats]:
    """Whether two pieces have one end in common, and the ends of each that they have not, shape (n, 2)."""
    ends, others = piece.reshape(-1, 2, 2), other.reshape(-1, 2, 2)
    common = (ends[:, :, None, :] == others[:, None, :, :]).all(axis=3)
    far = np.where(common[:, 0].any(axis=1)[:, None], ends[:, 1], ends[:, 0])
    far_other = np.where(common[:, :, 0].any(axis=1)[:, None], others[:, 1], others[:, 0])
    return common.sum(axis=(1, 2)) == 1, far, far_other


def left_of(lines: Floats, x: Floats, y: Floats) -> tuple[Bools, Bools]:
    """Whether each point lies left of its line, and whether that is certain whatever was rounded."""
    a = (lines[:, 0] - x) * (lines[:, 3] - y)
    b = (lines[:, 1] - y) * (lines[:, 2] - x)
    turn = a - b
    return turn > 0, np.abs(turn) > ROUNDING * (np.abs(a) + np.abs(b)) + UNDERFLOW


def in_first(wedges: Wedges, slot: NDArray[np.int32], x: Floats, y: Floats) -> tuple[Bools, Bools, Bools]:
    """For points in mixed cells: whether each lies in the first candidate, whether it lies in nobody's part,
    and whether that is certain. What lies in neither is the second candidate's.
    """
    # `take` copies rows ten times as fast as an index in brackets does; clipped, NONE takes any line.
    side, other = wedges.sides.take(slot, axis=0).T
    left, sure = left_of(wedges.lines.take(side >> SHIFT, axis=0, mode="clip"), x, y)
    left_other, sure_other = left_of(wedges.lines.take(other >> SHIFT, axis=0, mode="clip"), x, y)
    within = (left != (side & RIGHT)) & (left_other != (other & RIGHT))
    first = within != ((side & SWAPPED) > 0)
    return first, ~first & ((side & ALONE) > 0), (side >= 0) & sure & sure_other


def one_in_first(
    sides: memoryview, lines: memoryview, slot: int, x: float, y: float
) -> tuple[bool, bool] | None:
    """:func:`in_first` for one point, on `sides` and `lines` as flat rows; None where that is not certain."""
    side, other = sides[2 * slot], sides[2 * slot + 1]
    if side < 0:
        return None
    within = True
    for line, right in ((side >> SHIFT, side & RIGHT), (other >> SHIFT, other & RIGHT)):
        x1, y1, x2, y2 = lines[4 * line : 4 * line + 4]
        a, b = (x1 - x) * (y2 - y), (y1 - y) * (x2 - x)
        turn = a - b
        if not abs(turn) > ROUNDING * (abs(a) + abs(b)) + UNDERFLOW:
            return None
        within = within and (turn > 0) != right
    first = within != bool(side & SWAPPED)
    return first, not first and bool(side & ALONE)
