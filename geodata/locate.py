"""Points to grid paths, exactly: a point belongs to the micro-grid that it meets, on a shared edge to the one
with the smallest code. The answer does not depend on the order of the polygons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from geodata import raster, saved_index, wedges
from geodata.borders import TOO_LONG, Borders, spheres
from geodata.errors import BadPoint, check_point
from geodata.grids import GridPath, Hierarchy
from geodata.saved_index import Index


@dataclass(frozen=True, slots=True)
class Located:
    """The micro-grid a point lies in, and the metres to its border (None when not asked for)."""

    path: GridPath
    border_m: float | None


@dataclass(frozen=True, slots=True)
class Outside:
    """The point lies in no micro-grid; the nearest one, and the metres to it."""

    nearest: GridPath
    distance_m: float


@dataclass(frozen=True, slots=True)
class Near:
    """Another micro-grid that a point may lie in if it is not exact, and the metres to it."""

    path: GridPath
    metres: float


class Locator:
    """Locates points in the lowest grids of a hierarchy; built once, then safe to ask from any thread.

    `paths` are those of the lowest grids, smallest code first; `index` and `index_many` count in them.
    """

    def __init__(self, hierarchy: Hierarchy, cells: int | None = None) -> None:
        """Build the raster index; `cells` is about how many cells to make (default: 800 a polygon)."""
        polygons = _polygons(hierarchy)
        _prepare(polygons)
        index = Index(raster.build(polygons, cells), spheres(polygons))
        self._take(hierarchy, polygons, index)

    @classmethod
    def load(cls, hierarchy: Hierarchy, file: Path) -> Self:
        """The locator of a hierarchy with the index that :meth:`save` wrote for it, which takes no building.

        Its answers are those of `Locator(hierarchy)`. Raises UnusableIndex where the file is not there, cut,
        damaged, of another format, or written for other polygons or codes.
        """
        polygons = _polygons(hierarchy)
        codes = (grid.code for grid in hierarchy.lowest)
        index = saved_index.read(file, polygons, saved_index.digest(polygons, codes))
        _prepare(polygons)
        made = cls.__new__(cls)
        made._take(hierarchy, polygons, index)
        return made

    def save(self, file: Path) -> None:
        """Write the index to a file, all of it or nothing; makes the folder. Raises OSError."""
        digest = saved_index.digest(self._polygons, (path[-1] for path in self.paths))
        saved_index.write(file, Index(self._raster, self._borders.spheres), digest)

    def _take(self, hierarchy: Hierarchy, polygons: NDArray[np.object_], index: Index) -> None:
        self._hierarchy = hierarchy
        self.paths: tuple[GridPath, ...] = hierarchy.paths
        self._polygons = polygons
        self._raster = index.raster
        self._first = self._raster.first.data
        self._starts = self._raster.starts.data
        self._candidates = self._raster.candidates.data
        self._sides = self._raster.wedges.sides.reshape(-1).data
        self._lines = self._raster.wedges.lines.reshape(-1).data
        self._frame = (
            self._raster.west,
            self._raster.south,
            self._raster.per_degree_x,
            self._raster.per_degree_y,
        )
        self._columns, self._rows = self._raster.columns, self._raster.rows
        self._borders = Borders(polygons, index.spheres)

    @property
    def index_bytes(self) -> int:
        """The memory that the raster index takes, without the polygons themselves."""
        made = self._raster
        held = (made.first, made.starts, made.candidates, made.wedges.sides, made.wedges.lines)
        return sum(array.nbytes for array in held)

    def index(self, lon: float, lat: float) -> int:
        """The number (in `paths`) of the micro-grid that a point lies in, or -1; raises BadPoint."""
        west, south, per_x, per_y = self._frame
        across, up = (lon - west) * per_x, (lat - south) * per_y
        if not (0 <= across < self._columns and 0 <= up < self._rows):
            check_point(lon, lat)
            return raster.OUTSIDE
        number = self._first[int(up) * self._columns + int(across)]
        return number if number >= raster.OUTSIDE else self._among(-2 - number, lon, lat)

    def _among(self, slot: int, lon: float, lat: float) -> int:
        told = wedges.one_in_first(self._sides, self._lines, slot, lon, lat)
        if told is not None:
            first, nobodys = told
            at: int = self._starts[slot]
            if nobodys:
                return raster.OUTSIDE
            found: int = self._candidates[at] if first else -1 - self._candidates[at + 1]
            return found
        for number in self._candidates[self._starts[slot] : self._starts[slot + 1]]:
            if number < 0:
                return -1 - number
            if shapely.intersects_xy(self._polygons[number], lon, lat):
                return number
        return raster.OUTSIDE

    def index_many(self, lons: ArrayLike, lats: ArrayLike) -> NDArray[np.int32]:
        """The numbers (in `paths`) of many points at once, -1 outside, shape (n,) as the input.

        Raises BadPoint naming the first bad position; ValueError where the shapes differ.
        """
        x, y = _rows(lons, lats)
        west, south, per_x, per_y = self._frame
        with np.errstate(over="ignore"):
            across, up = (x - west) * per_x, (y - south) * per_y
        if len(x) and self._covers(across.min(), up.min()) and self._covers(across.max(), up.max()):
            return self._resolve(self._cells(across, up), x, y)
        inside = self._covers(across, up)
        _check_points(x, y, ~inside)
        answer = np.full(len(x), raster.OUTSIDE, np.int32)
        answer[inside] = self._resolve(self._cells(across[inside], up[inside]), x[inside], y[inside])
        return answer

    def _covers(self, across: Any, up: Any) -> Any:
        """Whether the raster has such cells; of NaN it has none."""
        return (across >= 0) & (across < self._columns) & (up >= 0) & (up < self._rows)

    def _cells(self, across: NDArray[np.float64], up: NDArray[np.float64]) -> NDArray[np.int32]:
        cell = up.astype(np.int64)
        cell *= self._columns
        cell += across.astype(np.int64)
        # Every cell is one that is there: clipping changes none, and asks least.
        return self._raster.first.take(cell, mode="clip")

    def _resolve(
        self, answer: NDArray[np.int32], x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> NDArray[np.int32]:
        """Ask the candidates of the points in mixed cells, in order of their numbers; changes `answer`."""
        starts, candidates = self._raster.starts, self._raster.candidates
        point = np.flatnonzero(answer < raster.OUTSIDE)
        slot = -2 - answer.take(point)
        first, nobodys, sure = wedges.in_first(self._raster.wedges, slot, x.take(point), y.take(point))
        second = ~(first | nobodys)
        number = candidates.take(starts.take(slot) + second, mode="clip")
        number = np.where(second, -1 - number, number)
        number[nobodys] = raster.OUTSIDE
        answer[point[sure]] = number[sure]
        point, slot = point[~sure], slot[~sure]
        answer[point] = raster.OUTSIDE
        at, end = starts[slot], starts[slot + 1]
        while len(point):
            # Polygon by polygon, each one's own index stays in the processor's cache: 3 times faster.
            order = np.argsort(candidates[at], kind="stable")
            point, at, end = point[order], at[order], end[order]
            number = candidates[at]
            told = int(np.searchsorted(number, 0))
            answer[point[:told]] = -1 - number[:told]
            point, at, end, number = point[told:], at[told:], end[told:], number[told:]
            met = shapely.intersects_xy(self._polygons[number], x[point], y[point])
            answer[point[met]] = number[met]
            further = ~met & (at + 1 < end)
            point, at, end = point[further], at[further] + 1, end[further]
        return answer

    def levels_many(self, lons: ArrayLike, lats: ArrayLike) -> tuple[NDArray[np.int32], ...]:
        """The grids of every level that many points lie in, located once: a row for each level, widest first,
        of numbers in `hierarchy.at(level)`, -1 outside. Raises as `index_many` does.
        """
        return self.levels_of(self.index_many(lons, lats))

    def levels_of(self, numbers: NDArray[np.int32]) -> tuple[NDArray[np.int32], ...]:
        """The grids of every level above micro-grids given by number (-1: none), as :meth:`levels_many`."""
        return tuple(above[numbers] for above in self._above)

    @cached_property
    def _above(self) -> tuple[NDArray[np.int32], ...]:
        """For each level the grid that each micro-grid lies in; the last item, at -1, is that of outside."""
        rows = []
        for level, codes in enumerate(zip(*self.paths, strict=True)):
            number = {grid.code: at for at, grid in enumerate(self._hierarchy.at(level))}
            rows.append(np.array([*(number[code] for code in codes), raster.OUTSIDE], np.int32))
        return tuple(rows)

    def locate(self, lon: float, lat: float, *, border: bool = True) -> Located | Outside:
        """The path of the micro-grid that a point lies in, with the distance to its border unless `border` is
        False; outside all of them, the nearest one and its distance. Raises BadPoint.
        """
        number = self.index(lon, lat)
        if number >= 0:
            return Located(self.paths[number], self._borders.distance(number, lon, lat) if border else None)
        nearest, metres = self._borders.nearest(lon, lat)
        return Outside(self.paths[nearest], metres)

    def border_distance(self, lon: float, lat: float) -> float:
        """Metres from a point to the nearest border of its own micro-grid (outside all: to the nearest one).

        Raises BadPoint.
        """
        number = self.index(lon, lat)
        if number < 0:
            return self._borders.nearest(lon, lat)[1]
        return self._borders.distance(number, lon, lat)

    def border_distances(self, lons: ArrayLike, lats: ArrayLike) -> NDArray[np.float64]:
        """:meth:`border_distance` of many points at once, shape (n,). Raises as `index_many` does.

        Points outside all grids are measured one by one.
        """
        x, y = _rows(lons, lats)
        return self._border_distances(self.index_many(x, y), x, y)

    def _border_distances(
        self, numbers: NDArray[np.int32], x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        metres = np.empty(len(x))
        inside = numbers >= 0
        metres[inside] = self._borders.distances(numbers[inside], x[inside], y[inside])
        for at in np.flatnonzero(~inside).tolist():
            metres[at] = self._borders.nearest(float(x[at]), float(y[at]))[1]
        return metres

    def near(self, lon: float, lat: float, metres: float) -> tuple[Near, ...]:
        """The other micro-grids that reach within `metres` of a point, nearest first, then by code.

        Where a point is only good to `metres`, it may as well lie in these. Raises BadPoint, and ValueError
        for a number of metres below zero.
        """
        number = self.index(lon, lat)
        if not metres >= 0:
            raise ValueError(f"expected a distance of 0 m or more, not {metres!r}")
        # What is farther than its own border is another grid's only where grids overlap.
        if (
            number >= 0
            and self._borders.distance(number, lon, lat) > metres + TOO_LONG
            and not self._borders.overlapped(number)
        ):
            return ()
        found = self._borders.within(lon, lat, metres)
        return tuple(Near(self.paths[other], away) for away, other in found if other != number)

    def near_many(
        self, lons: ArrayLike, lats: ArrayLike, metres: ArrayLike
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """:meth:`near` of many points at once; `metres` is one number, or one a point.

        Returns three rows, an item for each point and micro-grid: the point's place in the input, the
        micro-grid's number in `paths`, the metres; by point, then as `near` orders them.
        """
        x, y = _rows(lons, lats)
        reach = np.broadcast_to(np.asarray(metres, np.float64), x.shape)
        numbers = self.index_many(x, y)
        if not np.all(reach >= 0):
            raise ValueError("expected distances of 0 m or more")
        asked = numbers < 0
        inside = np.flatnonzero(~asked)
        border = self._borders.distances(numbers[inside], x[inside], y[inside])
        overlaps = {
            number: self._borders.overlapped(number) for number in np.unique(numbers[inside]).tolist()
        }
        overlapped = np.array([overlaps[number] for number in numbers[inside].tolist()], bool)
        asked[inside] = (border <= reach[inside] + TOO_LONG) | overlapped
        at = np.flatnonzero(asked)
        point, number, away = self._borders.within_many(x[at], y[at], reach[at])
        others = numbers[at[point]] != number
        return at[point[others]], number[others], away[others]


def locate_layers(
    locators: Mapping[str, Locator], lons: ArrayLike, lats: ArrayLike
) -> dict[str, NDArray[np.int32]]:
    """The numbers of many points in several layers of polygons at once, each by its own locator: editions of
    the grids, specialised grids with borders of their own. Raises as `Locator.index_many` does.
    """
    x, y = _rows(lons, lats)
    return {name: locator.index_many(x, y) for name, locator in locators.items()}


def _rows(lons: ArrayLike, lats: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y = np.asarray(lons, np.float64), np.asarray(lats, np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"longitudes and latitudes are two rows of one length, not {x.shape} and {y.shape}")
    return x, y


def _polygons(hierarchy: Hierarchy) -> NDArray[np.object_]:
    return np.array([grid.geometry for grid in hierarchy.lowest], dtype=object)


def _prepare(polygons: NDArray[np.object_]) -> None:
    """Give every polygon an index of its own, of use to all later questions."""
    shapely.prepare(polygons)
    # A prepared polygon completes its index when first asked; asked here, no two threads do so at once.
    low_x, low_y, high_x, high_y = shapely.bounds(polygons).T
    shapely.intersects_xy(polygons, (low_x + high_x) / 2, (low_y + high_y) / 2)


def _check_points(x: NDArray[np.float64], y: NDArray[np.float64], suspects: NDArray[np.bool_]) -> None:
    at = np.flatnonzero(suspects)
    # Written so that NaN counts as bad: every comparison with NaN is false.
    bad = at[~((np.abs(x[at]) <= 180) & (np.abs(y[at]) <= 90))]
    if len(bad):
        raise BadPoint(float(x[bad[0]]), float(y[bad[0]]), int(bad[0]))
