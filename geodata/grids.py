"""The grid hierarchy as values: levels, grids, and the paths that name a grid from the widest level down."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon

from geodata.errors import BadCode, BadHierarchy, UnknownGrid, UnknownLevel

WGS84 = pyproj.Geod(ellps="WGS84")
LONGEST_CODE = 64
"""Codes go into keys, addresses and file names; no published code list comes near this length."""

SLACK = 1e-6
"""Degrees: a reprojected border at longitude 180 may come out beyond it by rounding."""

GridPath = tuple[str, ...]
"""Codes from the widest level down: `("440306", "440306017")`."""


@dataclass(frozen=True, slots=True)
class Level:
    """One depth of the hierarchy: district, street, community, micro-grid or whatever the city has."""

    key: str
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Grid:
    """A polygon somebody answers for.

    `level` counts from 0, the widest; `parent` is the code of the grid one level up. `geometry` is in degrees
    (longitude, latitude, EPSG:4326); `area_m2` is geodesic, on the WGS 84 ellipsoid.
    """

    code: str
    name: str
    level: int
    parent: str | None
    geometry: Polygon | MultiPolygon
    area_m2: float
    responsible_unit: str | None = None


class GridRow(TypedDict):
    """A grid as a store keeps it; `geometry` is WKB."""

    level: int
    code: str
    name: str
    parent: str | None
    geometry: bytes
    area_m2: float
    responsible_unit: str | None


def check_code(code: object, where: str = "grid") -> str:
    """Return `code` if it may name a grid, else raise BadCode; `where` says in the message what it was for.

    >>> check_code("440306017")
    '440306017'
    """
    if not isinstance(code, str) or not 1 <= len(code) <= LONGEST_CODE or "/" in code or code != code.strip():
        raise BadCode(code, where)
    if any(unicodedata.category(character).startswith("C") for character in code):
        raise BadCode(code, where)
    return code


def area_m2(geometry: Polygon | MultiPolygon) -> float:
    """The geodesic area in m² (Karney's method, through pyproj), whatever way round the rings run."""
    area, _ = WGS84.geometry_area_perimeter(shapely.orient_polygons(geometry))
    return abs(float(area))


def measured(
    code: str,
    name: str,
    level: int,
    parent: str | None,
    geometry: Polygon | MultiPolygon,
    responsible_unit: str | None = None,
) -> Grid:
    """A grid with its area measured and its rings put counter-clockwise outside (RFC 7946)."""
    oriented = shapely.orient_polygons(geometry)
    return Grid(code, name, level, parent, oriented, area_m2(oriented), responsible_unit)


def merged(polygons: NDArray[np.object_]) -> Polygon | MultiPolygon:
    """The area that the polygons cover together; raises ValueError where they cover none.

    Where they fit together without overlap, only shared edges are dropped: quick, and no vertex moves.
    """
    tiles = bool(shapely.coverage_is_valid(polygons))
    whole = shapely.coverage_union_all(polygons) if tiles else shapely.union_all(polygons)
    if whole.is_empty or not isinstance(whole, Polygon | MultiPolygon):
        raise ValueError("there is no area to merge")
    return whole


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """All grids of one edition, each with its parent one level up; `grids` is sorted by level, then code.

    Sound in structure by construction: codes unique within a level, every parent there, no level empty.
    Whether the polygons lie well (overlaps, gaps) is asked of the drawing before, in geodata.check.
    """

    levels: tuple[Level, ...]
    grids: tuple[Grid, ...]
    _at: tuple[tuple[Grid, ...], ...] = field(repr=False, compare=False)
    _by_code: Mapping[tuple[int, str], Grid] = field(repr=False, compare=False)
    _children: Mapping[tuple[int, str], tuple[Grid, ...]] = field(repr=False, compare=False)

    @classmethod
    def build(cls, levels: Sequence[Level], grids: Iterable[Grid]) -> Hierarchy:
        """Put grids in order under their parents.

        Raises BadCode, or BadHierarchy naming every duplicate code, missing parent and empty level at once.
        """
        ordered = tuple(sorted(grids, key=lambda grid: (grid.level, grid.code)))
        for grid in ordered:
            check_code(grid.code, f"level {grid.level}")
        problems = [*_level_problems(levels, ordered), *_grid_problems(len(levels), ordered)]
        if problems:
            raise BadHierarchy(problems)
        children: dict[tuple[int, str], list[Grid]] = {}
        for grid in ordered:
            if grid.parent is not None:
                children.setdefault((grid.level - 1, grid.parent), []).append(grid)
        return cls(
            tuple(levels),
            ordered,
            tuple(tuple(grid for grid in ordered if grid.level == number) for number in range(len(levels))),
            {(grid.level, grid.code): grid for grid in ordered},
            {key: tuple(found) for key, found in children.items()},
        )

    def level_number(self, level: int | str) -> int:
        """The number of a level given by number or key; raises UnknownLevel."""
        keys = [one.key for one in self.levels]
        if isinstance(level, str):
            if level not in keys:
                raise UnknownLevel(level, keys)
            return keys.index(level)
        if not 0 <= level < len(keys):
            raise UnknownLevel(level, keys)
        return level

    def at(self, level: int | str) -> tuple[Grid, ...]:
        """The grids of one level, by number (0 is the widest) or key, sorted by code; raises UnknownLevel."""
        return self._at[self.level_number(level)]

    @property
    def lowest(self) -> tuple[Grid, ...]:
        """The grids of the lowest level, the micro-grids, sorted by code."""
        return self.at(len(self.levels) - 1)

    @property
    def paths(self) -> tuple[GridPath, ...]:
        """The paths of the lowest grids, in the order of `lowest`."""
        return tuple(self.path(grid) for grid in self.lowest)

    def path(self, grid: Grid) -> GridPath:
        """The codes from the widest level down to this grid; raises UnknownGrid if it is not here."""
        codes: list[str] = []
        step: Grid | None = self._by_code.get((grid.level, grid.code))
        if step is None:
            raise UnknownGrid((grid.code,), f"not at level {grid.level} of this hierarchy")
        while step is not None:
            codes.append(step.code)
            step = None if step.parent is None else self._by_code[step.level - 1, step.parent]
        return tuple(reversed(codes))

    def grid(self, path: Sequence[str]) -> Grid:
        """The grid that a path names; raises UnknownGrid where the path breaks off, saying at which code."""
        parent: str | None = None
        found: Grid | None = None
        for level, code in enumerate(path):
            found = self._by_code.get((level, code))
            if found is None:
                raise UnknownGrid(path, f"{code!r} is no code of {self._level_name(level)}")
            if found.parent != parent:
                raise UnknownGrid(path, f"{code!r} lies in {found.parent!r}, not in {parent!r}")
            parent = code
        if found is None:
            raise UnknownGrid(path, "a path has at least one code")
        return found

    def find(self, level: int | str, code: str) -> Grid:
        """The grid with this code at this level; raises UnknownLevel or UnknownGrid."""
        number = self.level_number(level)
        found = self._by_code.get((number, code))
        if found is None:
            raise UnknownGrid((code,), f"{code!r} is no code of {self._level_name(number)}")
        return found

    def children(self, path: Sequence[str] = ()) -> tuple[Grid, ...]:
        """The grids one level below a path, sorted by code; of the empty path, the widest grids."""
        if not path:
            return self.at(0)
        grid = self.grid(path)
        return self._children.get((grid.level, grid.code), ())

    def under(self, path: Sequence[str], level: int | str) -> tuple[Grid, ...]:
        """The grids of a level that lie in the grid named by `path` (or are it), sorted by code."""
        number = self.level_number(level)
        if not path:
            return self.at(number)
        found: list[Grid] = [self.grid(path)]
        if found[0].level > number:
            return ()
        while found and found[0].level < number:
            found = [child for grid in found for child in self._children.get((grid.level, grid.code), ())]
        return tuple(sorted(found, key=lambda grid: grid.code))

    def to_rows(self) -> list[GridRow]:
        """One row a grid, for a store; `from_rows` gives the same hierarchy back."""
        wkb = shapely.to_wkb([grid.geometry for grid in self.grids])
        return [
            GridRow(
                level=grid.level,
                code=grid.code,
                name=grid.name,
                parent=grid.parent,
                geometry=bytes(geometry),
                area_m2=grid.area_m2,
                responsible_unit=grid.responsible_unit,
            )
            for grid, geometry in zip(self.grids, wkb, strict=True)
        ]

    @classmethod
    def from_rows(cls, levels: Sequence[Level], rows: Iterable[GridRow]) -> Hierarchy:
        """The hierarchy whose rows these are; areas are taken as stored. Raises as `build` does."""
        kept = list(rows)
        geometries = shapely.from_wkb([row["geometry"] for row in kept])
        return cls.build(
            levels,
            (
                Grid(
                    row["code"],
                    row["name"],
                    row["level"],
                    row["parent"],
                    geometry,
                    row["area_m2"],
                    row["responsible_unit"],
                )
                for row, geometry in zip(kept, geometries, strict=True)
            ),
        )

    def _level_name(self, number: int) -> str:
        return f"level {self.levels[number].key!r}" if number < len(self.levels) else "any level"


def _level_problems(levels: Sequence[Level], grids: Sequence[Grid]) -> list[str]:
    keys = [level.key for level in levels]
    problems = [] if levels else ["there is no level"]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    problems += [f"level key {key!r} is used twice" for key in twice]
    used = {grid.level for grid in grids}
    problems += [f"level {key!r} has no grid" for number, key in enumerate(keys) if number not in used]
    return problems


def _grid_problems(depth: int, grids: Sequence[Grid]) -> list[str]:
    problems: list[str] = []
    known: set[tuple[int, str]] = set()
    for grid in grids:
        where = (grid.level, grid.code)
        named = f"grid {grid.code!r} of level {grid.level}"
        if not 0 <= grid.level < depth:
            problems.append(f"{named}: there is no such level")
        if where in known:
            problems.append(f"{named} is there twice")
        known.add(where)
        if grid.geometry.is_empty or grid.geometry.geom_type not in ("Polygon", "MultiPolygon"):
            problems.append(f"{named} has no polygon")
        if (grid.parent is None) != (grid.level == 0):
            problems.append(f"{named} has " + ("a parent, yet is widest" if grid.level == 0 else "no parent"))
        elif grid.parent is not None and (grid.level - 1, grid.parent) not in known:
            problems.append(f"{named} has the parent {grid.parent!r}, which is not there")
    return problems + _places_off_earth(grids)


def _places_off_earth(grids: Sequence[Grid]) -> list[str]:
    """Grids drawn in metres, or with the axes swapped: no point on earth could be located in them."""
    bounds = shapely.bounds(np.array([grid.geometry for grid in grids], dtype=object)).reshape(-1, 4)
    off = np.flatnonzero((np.abs(bounds) > np.array([180, 90, 180, 90]) + SLACK).any(axis=1))
    if not len(off):
        return []
    west, south, east, north = bounds[off[0]].tolist()
    run = f"from {west:,.6g} to {east:,.6g} and from {south:,.6g} to {north:,.6g}"
    first = f"the first, {grids[off[0]].code!r}, runs {run}"
    many = "1 grid lies" if len(off) == 1 else f"{len(off)} grids lie"
    return [f"{many} beyond longitude -180..180 or latitude -90..90 degrees: {first}"]
