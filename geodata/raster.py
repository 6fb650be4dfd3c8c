"""A raster over a set of polygons that tells exactly which of them a point meets first; built once, in numpy.

Every cell is either outside all polygons, or wholly answered by one of them, or *mixed*: a border runs
through it and the few candidates have to be asked. No cell that a border touches is ever taken for whole:
borders are walked row by row and widened by a millionth of a cell, while a cell number is rounded by less
than a billionth (coordinates are doubles, a raster has at most 8,192 cells a side).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from geodata import wedges
from geodata.wedges import Halves, Wedges

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

OUTSIDE = -1
MARGIN = 1e-6
"""Of a cell: a thousand times the worst rounding of a cell number, yet about a hundredth of a millimetre."""
FLAT = 0.01
"""Of a cell: an edge that rises less is taken to cross all its columns in each of its rows, since dividing by
so small a rise would lift the rounding of where it crosses a row above MARGIN."""
CELLS_A_POLYGON = 800
"""On 4,833 made-up polygons the index then takes 25 MB; with 1,900 a polygon 49 MB, and is no faster."""
FEWEST_CELLS, MOST_CELLS = 64 * 64, 16_000_000
"""On 100,000 polygons the index then takes 190 MB; with twice as many cells 277 MB, a tenth faster."""
MOST_ON_A_SIDE = 8192
HASH = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64)
"""Odd numbers with no pattern; a clash of hashes costs speed, never an answer."""
SMALLEST_CELL = 1e-9
"""Degrees (0.1 mm): below it, cells would come near the spacing of doubles at longitude 180 (3e-14)."""


@dataclass(frozen=True, slots=True)
class Raster:
    """The cells: `first[row * columns + column]` is a polygon's number, OUTSIDE, or -2 - slot if mixed.

    The candidates of slot s are `candidates[starts[s]:starts[s + 1]]`, smallest polygon number first; one
    written as -1 - number has all of the cell that those before it have not, and needs no test. `wedges` tell
    most points of cells with one candidate, or two, one of them so written, without asking a polygon.
    """

    west: float
    south: float
    per_degree_x: float
    per_degree_y: float
    columns: int
    rows: int
    first: NDArray[np.int32]
    starts: NDArray[np.int32]
    candidates: NDArray[np.int32]
    wedges: Wedges


@dataclass(frozen=True, slots=True)
class _Pieces:
    """Straight pieces of border: `lines` (x1, y1, x2, y2) in degrees and `ends` in cells, shape (n, 4); the
    polygons on piece p are `owners[starts[p]:starts[p] + counts[p]]`, smallest number first.
    """

    lines: Floats
    ends: Floats
    owners: Ints
    starts: Ints
    counts: Ints


def build(polygons: NDArray[np.object_], cells: int | None = None) -> Raster:
    """Rasterise polygons (with holes, in parts, overlapping or apart: all the same), numbered as they come.

    `cells` is about how many cells to make; by default 800 a polygon.
    """
    frame = _frame(shapely.total_bounds(polygons), cells or CELLS_A_POLYGON * len(polygons))
    pieces = _pieces(polygons, frame)
    piece, touched = _touched(pieces, frame)
    polygon, cell = _border_cells(pieces, piece, touched, frame)
    whole = _first_whole(polygons, frame, polygon, cell)
    free = whole[touched] == OUTSIDE
    halves = _halves(polygons, frame, pieces, piece[free], touched[free])
    first, starts, candidates = _combine(whole, halves.cell[~halves.alone], polygon, cell)
    made = wedges.build(-2 - first[halves.cell], len(starts) - 1, halves, pieces.lines)
    for fixed in (first, starts, candidates):
        fixed.flags.writeable = False
    return replace(frame, first=first, starts=starts, candidates=candidates, wedges=made)


def _frame(bounds: Floats, cells: int) -> Raster:
    """An empty raster over the bounds, and a little more, its cells about as wide as high on the ground."""
    west, south, east, north = (float(bound) for bound in bounds)
    shrink = max(math.cos(math.radians((south + north) / 2)), 0.01)
    cells = min(max(cells, FEWEST_CELLS), MOST_CELLS)
    height = max(math.sqrt((north - south) * (east - west) * shrink / cells), SMALLEST_CELL)
    columns = min(max(math.ceil((east - west) * shrink / height), 1), MOST_ON_A_SIDE)
    rows = min(max(math.ceil((north - south) / height), 1), MOST_ON_A_SIDE)
    step_x = max((east - west) / columns, SMALLEST_CELL) * 1.001
    step_y = max((north - south) / rows, SMALLEST_CELL) * 1.001
    nothing = np.empty(0, np.int32)
    return Raster(
        west - (step_x * columns - (east - west)) / 2,
        south - (step_y * rows - (north - south)) / 2,
        1 / step_x,
        1 / step_y,
        columns,
        rows,
        nothing,
        nothing,
        nothing,
        Wedges(np.empty((0, 2), np.int32), np.empty((0, 4))),
    )


def _repeat_ranges(low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """For ranges low..high (inclusive): which range each member belongs to, and the members, in order."""
    lengths = high - low + 1
    owner = np.repeat(np.arange(len(low)), lengths)
    offset = np.arange(len(owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return owner, low[owner] + offset


def _distinct(keys: Ints) -> Ints:
    """The keys sorted, each once: `np.unique`, which takes ten times as long to hash as this to sort."""
    ordered = np.sort(keys)
    distinct: Ints = ordered[np.diff(ordered, prepend=ordered[:1] - 1) != 0]
    return distinct


def _pieces(polygons: NDArray[np.object_], frame: Raster) -> _Pieces:
    """The straight pieces of all rings, outer and inner; what polygons have in common is there once."""
    parts, polygon_of_part = shapely.get_parts(polygons, return_index=True)
    rings, part_of_ring = shapely.get_rings(parts, return_index=True)
    points, ring_of_point = shapely.get_coordinates(rings, return_index=True)
    along = ring_of_point[1:] == ring_of_point[:-1]
    owner = polygon_of_part[part_of_ring[ring_of_point[1:][along]]].astype(np.int64)
    ends = np.concatenate([points[:-1][along], points[1:][along]], axis=1) + 0.0
    turned = (ends[:, 0] > ends[:, 2]) | ((ends[:, 0] == ends[:, 2]) & (ends[:, 1] > ends[:, 3]))
    ends[turned] = ends[turned][:, [2, 3, 0, 1]]
    # Equal pieces come to lie side by side, or stay apart where another one with their hash comes between.
    order = np.argsort(ends.view(np.uint64) @ HASH, kind="stable")
    ends, owner = ends[order], owner[order]
    starts = np.flatnonzero(np.append(True, (ends[1:] != ends[:-1]).any(axis=1)))
    lines = ends[starts]
    u, v = (
        (lines[:, 0::2] - frame.west) * frame.per_degree_x,
        (lines[:, 1::2] - frame.south) * frame.per_degree_y,
    )
    cells = np.column_stack([u[:, 0], v[:, 0], u[:, 1], v[:, 1]])
    return _Pieces(lines, cells, owner, starts, np.diff(starts, append=len(owner)))


def _touched(pieces: _Pieces, frame: Raster) -> tuple[Ints, Ints]:
    """Every (piece, cell) that may touch each other, by piece."""
    u1, v1, u2, v2 = pieces.ends.T
    lowest, highest = np.minimum(v1, v2), np.maximum(v1, v2)
    piece, row = _repeat_ranges(
        np.floor(lowest - MARGIN).astype(np.int64), np.floor(highest + MARGIN).astype(np.int64)
    )
    u1, v1, u2, v2 = u1[piece], v1[piece], u2[piece], v2[piece]
    bottom = np.maximum(row - MARGIN, lowest[piece])
    top = np.minimum(row + 1 + MARGIN, highest[piece])
    rise = v2 - v1
    flat = np.abs(rise) < FLAT
    slope = np.divide(u2 - u1, rise, out=np.zeros_like(rise), where=~flat)
    a = np.where(flat, u1, u1 + (bottom - v1) * slope)
    b = np.where(flat, u2, u1 + (top - v1) * slope)
    left = np.clip(np.minimum(a, b), np.minimum(u1, u2), np.maximum(u1, u2))
    right = np.clip(np.maximum(a, b), np.minimum(u1, u2), np.maximum(u1, u2))
    step, column = _repeat_ranges(
        np.floor(left - MARGIN).astype(np.int64), np.floor(right + MARGIN).astype(np.int64)
    )
    row = row[step]
    inside = (row >= 0) & (row < frame.rows) & (column >= 0) & (column < frame.columns)
    return piece[step][inside], (row * frame.columns + column)[inside]


def _border_cells(pieces: _Pieces, piece: Ints, touched: Ints, frame: Raster) -> tuple[Ints, Ints]:
    """Every (polygon, cell) whose cell a ring of the polygon may touch; sorted, each once."""
    first = pieces.starts[piece]
    touch, at = _repeat_ranges(first, first + pieces.counts[piece] - 1)
    keys = _distinct(pieces.owners[at] * (frame.rows * frame.columns) + touched[touch])
    polygon, cell = np.divmod(keys, frame.rows * frame.columns)
    return polygon, cell


def _centres(frame: Raster, cell: Ints) -> tuple[Floats, Floats]:
    row, column = np.divmod(cell, frame.columns)
    return frame.west + (column + 0.5) / frame.per_degree_x, frame.south + (row + 0.5) / frame.per_degree_y


def _first_whole(
    polygons: NDArray[np.object_], frame: Raster, polygon: Ints, cell: Ints
) -> NDArray[np.int32]:
    """For each cell the smallest polygon that fills it entirely, or OUTSIDE.

    Between two border cells of a polygon in a row, no cell touches its border: all of them lie inside or
    none, so one centre is asked for the whole run.
    """
    row = cell // frame.columns
    gap = (polygon[1:] == polygon[:-1]) & (row[1:] == row[:-1]) & (cell[1:] - cell[:-1] > 1)
    at = np.flatnonzero(gap)
    owner, start, end = polygon[at], cell[at] + 1, cell[at + 1] - 1
    filled = shapely.intersects_xy(polygons[owner], *_centres(frame, start))
    run, within = _repeat_ranges(start[filled], end[filled])
    whole = np.full(frame.rows * frame.columns, OUTSIDE, np.int32)
    # Owners go up: written backwards, the smallest number is written last and stays where polygons overlap.
    whole[within[::-1]] = owner[filled][run[::-1]]
    return whole


def _halves(
    polygons: NDArray[np.object_], frame: Raster, pieces: _Pieces, piece: Ints, touched: Ints
) -> Halves:
    """The cells, of those touched, that two polygons share out, or one and nobody.

    Two do where every piece of border in it belongs to the same two, and its centre lies in one of them only:
    whoever crosses such a piece leaves one and enters the other. One does where every piece is its own.
    """
    nobody = len(polygons)
    first = pieces.owners[pieces.starts]
    last = pieces.owners[pieces.starts + pieces.counts - 1]
    last = np.where(pieces.counts == 1, nobody, last)
    couple = np.where((pieces.counts <= 2) & (first != last), first * (nobody + 1) + last, -1)
    order = np.argsort(touched, kind="stable")
    cell, piece = touched[order], piece[order]
    starts = np.flatnonzero(np.diff(cell, prepend=-1))
    ends = np.append(starts[1:], len(cell)) - 1
    pair = couple[piece]
    lowest, highest = np.minimum.reduceat(pair, starts), np.maximum.reduceat(pair, starts)
    alike = (lowest == highest) & (lowest >= 0)
    starts, ends = starts[alike], ends[alike]
    one, other = np.divmod(lowest[alike], nobody + 1)
    x, y = _centres(frame, cell[starts])
    in_one = _inside(polygons, one, x, y)
    kept = other == nobody
    alone, two = kept.copy(), ~kept
    kept[two] = in_one[two] ^ _inside(polygons, other[two], x[two], y[two])
    starts, ends = starts[kept], ends[kept]
    few = ends - starts < 2
    return Halves(cell[starts], x[kept], y[kept], piece[starts], piece[ends], few, in_one[kept], alone[kept])


def _inside(polygons: NDArray[np.object_], number: Ints, x: Floats, y: Floats) -> NDArray[np.bool_]:
    """Whether each point meets its polygon; asked polygon by polygon, each then stays in the cache."""
    order = np.argsort(number, kind="stable")
    answer = np.empty(len(number), bool)
    answer[order] = shapely.intersects_xy(polygons[number[order]], x[order], y[order])
    return answer


def _combine(
    whole: NDArray[np.int32], halved: Ints, polygon: Ints, cell: Ints
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Give a slot of candidates to every cell that the border of a polygon before its whole one touches."""
    filler = whole[cell]
    needed = (filler == OUTSIDE) | (polygon < filler)
    mixed = _distinct(cell[needed])
    fillers = mixed[whole[mixed] != OUTSIDE]
    most = np.int64(polygon.max() + 1)
    asked = np.concatenate([cell[needed] * most + polygon[needed], fillers * most + whole[fillers]])
    where, number = np.divmod(np.sort(asked), most)
    starts = np.searchsorted(where, np.append(mixed, np.iinfo(np.int64).max)).astype(np.int32)
    last = np.append(where[1:] != where[:-1], True)
    sure = last & (whole[where] != OUTSIDE)
    sure[starts[np.searchsorted(mixed, halved) + 1] - 1] = True
    candidates = np.where(sure, -1 - number, number).astype(np.int32)
    first = whole.copy()
    first[mixed] = -2 - np.arange(len(mixed), dtype=np.int32)
    return first, starts, candidates
