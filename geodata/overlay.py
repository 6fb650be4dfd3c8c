"""How much ground the grids of one drawing share with those of another, in m² and as shares of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from geodata.grids import Grid, Hierarchy

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
Polygons = NDArray[np.object_]
Plane = Callable[[Polygons], Polygons]

TOLERANCE_M = 1.0
"""A border that moved less than a metre did not move: rounding, another program's export or a survey done
again shift it as far, and no phone knows its place as well (3 m under open sky). For the same reason a strip
that is less than a metre wide, on the mean, links no two grids."""
PART = 0.1
"""A grid of which less than a tenth goes elsewhere only had its border moved; from a tenth on, the part leads
somewhere. Hence a grid lies within another where nine tenths of it do, and a split or merger may move the
outer border a little too."""
WITHIN = 1 - PART
SOUTHERNMOST, NORTHERNMOST = -85.0, 85.0
"""An equal-area plane has no scale at the poles, and no city lies there."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """The pairs of an old and a new grid that share ground: `first` and `second` count in `old` and `new`.

    `m2` is what a pair shares, `of_old` and `of_new` that as shares (0..1) of either grid, `same` says that
    the two have the same border within TOLERANCE_M. Sorted by `first`, then `second`; all of one length.
    """

    old: Sequence[Grid]
    new: Sequence[Grid]
    old_m2: Floats
    new_m2: Floats
    first: Numbers
    second: Numbers
    m2: Floats
    same: NDArray[np.bool_]

    @property
    def of_old(self) -> Floats:
        """What a pair shares, as a share of its old grid."""
        return self.m2 / self.old_m2[self.first]

    @property
    def of_new(self) -> Floats:
        """What a pair shares, as a share of its new grid."""
        return self.m2 / self.new_m2[self.second]

    @property
    def same_code(self) -> NDArray[np.bool_]:
        """Whether the two grids of a pair have the same code."""
        old = np.array([grid.code for grid in self.old], dtype=object)
        new = np.array([grid.code for grid in self.new], dtype=object)
        return np.asarray(old[self.first] == new[self.second], bool)

    def shared_with(self, first: int) -> list[tuple[int, float]]:
        """The new grids that share ground with an old one, each with the m² they share."""
        start, end = np.searchsorted(self.first, [first, first + 1]).tolist()
        return list(zip(self.second[start:end].tolist(), self.m2[start:end].tolist(), strict=True))


def plane_of(*hierarchies: Hierarchy) -> Plane:
    """What takes polygons in degrees to a plane in metres that is true to area, around these hierarchies.

    Lambert's cylindrical projection on the WGS 84 ellipsoid; within a city lengths are true to a thousandth.
    The same point goes to the same place, so that borders that fit together still do.
    """
    drawn = np.array([grid.geometry for h in hierarchies for grid in h.at(0)], dtype=object)
    west, south, east, north = shapely.total_bounds(drawn).tolist()
    middle = min(max((south + north) / 2, SOUTHERNMOST), NORTHERNMOST)
    target = f"+proj=cea +lat_ts={middle} +lon_0={(west + east) / 2} +ellps=WGS84 +units=m"
    onto = pyproj.Transformer.from_crs("EPSG:4326", target, always_xy=True).transform

    def plane(polygons: Polygons) -> Polygons:
        laid: Polygons = shapely.transform(polygons, lambda at: np.column_stack(onto(at[:, 0], at[:, 1])))
        # Rounding may fold a spike thinner than itself, which GEOS would refuse to overlay.
        broken = ~shapely.is_valid(laid)
        laid[broken] = shapely.make_valid(laid[broken], method="structure", keep_collapsed=False)
        return laid

    return plane


def overlay(old: Sequence[Grid], new: Sequence[Grid], plane: Plane) -> Overlay:
    """Lay the grids of a level over those of another drawing.

    Where neither of two grids moved, they are not cut with each other: that takes most of the work away.
    """
    before, after = plane(_shapes(old)), plane(_shapes(new))
    old_m2, new_m2 = shapely.area(before), shapely.area(after)
    stays = _stays(old, new, before, after)
    settled = np.zeros(len(new), bool)
    settled[stays[stays >= 0]] = True
    first, second = shapely.STRtree(after).query(before)
    same = stays[first] == second
    wanted = same | (stays[first] < 0) | ~settled[second]
    first, second, same = first[wanted], second[wanted], same[wanted]
    m2, wide = _cut(before[first], after[second])
    part = (m2 >= PART * old_m2[first]) | (m2 >= PART * new_m2[second])
    kept = np.flatnonzero((m2 > 0) & (same | wide | part))
    kept = kept[np.lexsort((second[kept], first[kept]))]
    first, second, m2, same = first[kept], second[kept], m2[kept], same[kept]
    open_ones = np.flatnonzero(~same & (2 * m2 > np.maximum(old_m2[first], new_m2[second])))
    same[open_ones] = _same_border(before[first[open_ones]], after[second[open_ones]])
    return Overlay(old, new, old_m2, new_m2, first, second, m2, same)


def _shapes(grids: Sequence[Grid]) -> Polygons:
    shapes = np.empty(len(grids), dtype=object)
    shapes[:] = [grid.geometry for grid in grids]
    return shapes


def _stays(old: Sequence[Grid], new: Sequence[Grid], before: Polygons, after: Polygons) -> Numbers:
    """For each old grid the new one that plainly has the same border, or -1; none stands for two.

    That is the one with the same code, within TOLERANCE_M; else one that is the same vertex for vertex.
    """
    found = np.full(len(old), -1, np.int64)
    numbers = {grid.code: at for at, grid in enumerate(new)}
    by_code = np.array([numbers.get(grid.code, -1) for grid in old], np.int64)
    both = np.flatnonzero(by_code >= 0)
    stay = both[_same_border(before[both], after[by_code[both]])]
    found[stay] = by_code[stay]
    left = set(range(len(new))) - set(found[stay].tolist())
    there = {shapely.normalize(after[at]).wkb: at for at in sorted(left, reverse=True)}
    for number in np.flatnonzero(found < 0).tolist():
        found[number] = there.pop(shapely.normalize(before[number]).wkb, -1)
    return found


def _cut(before: Polygons, after: Polygons) -> tuple[Floats, NDArray[np.bool_]]:
    """What each pair shares in m², and whether some part of that is wider than TOLERANCE_M on the mean."""
    shared = before.copy()
    cut = np.flatnonzero(~shapely.equals_identical(before, after))
    shared[cut] = shapely.intersection(before[cut], after[cut])
    parts, pair = shapely.get_parts(shared, return_index=True)
    areas = shapely.area(parts)
    # A long strip of width w has the area w x half its outline.
    wide = 2 * areas > TOLERANCE_M * shapely.length(parts)
    found = np.zeros(len(before), bool)
    found[pair[wide & (areas > 0)]] = True
    return shapely.area(shared), found


def _same_border(before: Polygons, after: Polygons) -> NDArray[np.bool_]:
    """Whether no vertex of either border is farther than TOLERANCE_M from the other border."""
    apart = np.abs(shapely.bounds(before) - shapely.bounds(after)).max(axis=1, initial=0.0)
    same = np.asarray(apart <= TOLERANCE_M, bool)
    at = np.flatnonzero(same)
    at = at[~shapely.equals_identical(before[at], after[at])]
    one, other = shapely.boundary(before[at]), shapely.boundary(after[at])
    for here, there in ((one, other), (other, one)):
        shapely.prepare(here)
        vertices, border = shapely.get_coordinates(there, return_index=True)
        far = ~shapely.dwithin(here[border], shapely.points(vertices), TOLERANCE_M)
        same[at[np.unique(border[far])]] = False
    return same
