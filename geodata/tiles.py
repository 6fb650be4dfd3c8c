"""A hierarchy as vector tiles: simplified zoom by zoom, wider levels standing in where grids are too small.

A sheet is one level at one zoom, its borders simplified and put on whole units together, so that what two
grids share they still share in every tile. It is made when its first tile is asked for; tiles are cut from
it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray

from geodata.grids import Hierarchy
from geodata.mercator import EXTENT, MAX_ZOOM, PIXELS, Address, pixels, units
from geodata.simplify import coverage
from geodata.tile_encoding import Layer, encode

Polygons = NDArray[np.object_]

LEAST_PIXELS = 6.0
"""A level whose grids (the median, as a square) are narrower on a tile of 256 pixels is not drawn: borders a
few pixels apart leave nothing to colour or to click."""
SMOOTH = EXTENT / PIXELS / 2
"""Half a pixel, in units: the tolerance of simplifying. Nothing is left out at the greatest zoom, whose tiles
maps enlarge."""
BUFFER = 80
"""Units drawn beyond the tile, 5 pixels, so that nobody sees where a polygon was cut; GDAL's default too."""
ROOM = 12_000_000
"""Points kept in sheets, 200 MB at most: the five zooms that draw a city's 50,000 micro-grids. All levels and
zooms of 4,833 have 1.5 million."""
FIELDS = {
    "code": "the grid's code",
    "name": "the grid's name",
    "level": "the key of its level, also the layer's name",
    "parent": "the path of its parent, codes joined by /; left out at the widest level",
}
_TIE = 1e-6
"""Cut corners are rounded a little above the half: both sides of a border then round a tie the same way."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile as it came out: `data` is empty where no grid reaches into it.

    `levels` are the keys of those drawn, one for each that was asked for and not one twice.
    """

    levels: tuple[str, ...]
    data: bytes


def vector_layers(hierarchy: Hierarchy, zooms: Mapping[str, range]) -> list[dict[str, object]]:
    """The layers of tiles as TileJSON 3.0.0 describes them (3.3), each with the zooms where it is drawn."""
    widest = hierarchy.levels[0].key
    return [
        {
            "id": level.key,
            "description": f"{level.name_zh} {level.name_en}",
            "minzoom": zooms[level.key][0],
            "maxzoom": zooms[level.key][-1],
            "fields": {name: FIELDS[name] for name in FIELDS if name != "parent" or level.key != widest},
        }
        for level in hierarchy.levels
        if level.key in zooms
    ]


@dataclass(frozen=True, slots=True)
class _Sheet:
    """One level at one zoom: polygons on whole units of the world; `numbers` are places in that level."""

    numbers: NDArray[np.intp]
    polygons: Polygons
    bounds: NDArray[np.float64]
    tree: shapely.STRtree
    points: int


class Tiles:
    """The tiles of one hierarchy; safe to ask from several threads.

    >>> from geodata.grids import Level, measured
    >>> town = measured("T", "镇", 0, None, shapely.box(114, 22, 114.1, 22.1))
    >>> tiles = Tiles(Hierarchy.build([Level("town", "镇", "town")], [town]))
    >>> tiles.tile(["town"], Address(10, 836, 447)).levels
    ('town',)
    """

    def __init__(self, hierarchy: Hierarchy, room: int = ROOM) -> None:
        self.hierarchy = hierarchy
        self._room = room
        self._sheets: dict[tuple[int, int], _Sheet] = {}
        self._making: dict[tuple[int, int], threading.Lock] = {}
        self._lock = threading.Lock()

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north of all grids, in degrees."""
        west, south, east, north = shapely.total_bounds([grid.geometry for grid in self.hierarchy.grids])
        return float(west), float(south), float(east), float(north)

    @cached_property
    def _sides(self) -> tuple[float, ...]:
        """The side in metres of each level's median grid, taken as a square."""
        levels = range(len(self.hierarchy.levels))
        return tuple(
            float(np.sqrt(np.median([grid.area_m2 for grid in self.hierarchy.at(n)]))) for n in levels
        )

    def stand_in(self, level: int | str, zoom: int) -> int:
        """The number of the level that is drawn at a zoom where `level` (number or key) is asked for.

        The same for all tiles of a zoom, so that no two levels meet at the seam of two tiles. Raises
        UnknownLevel.
        """
        number = self.hierarchy.level_number(level)
        latitude = (self.bounds[1] + self.bounds[3]) / 2
        while number > 0 and pixels(self._sides[number], latitude, zoom) < LEAST_PIXELS:
            number -= 1
        return number

    def zooms(self, level: int | str) -> dict[str, range]:
        """The zooms at which each level is drawn where `level` is asked for; raises UnknownLevel."""
        drawn: dict[str, list[int]] = {}
        for zoom in range(MAX_ZOOM + 1):
            key = self.hierarchy.levels[self.stand_in(level, zoom)].key
            drawn.setdefault(key, []).append(zoom)
        return {key: range(at[0], at[-1] + 1) for key, at in drawn.items()}

    def tile(self, levels: Sequence[int | str], address: Address) -> Tile:
        """The tile with a layer for each of the levels asked for, or the wider one that stands in for it.

        Layers are named after the level drawn; features have FIELDS as properties and as id their place in
        their level, from 1. Raises UnknownLevel.
        """
        numbers = sorted({self.stand_in(level, address.z) for level in levels})
        layers = [layer for number in numbers if (layer := self._layer(number, address)) is not None]
        keys = tuple(self.hierarchy.levels[number].key for number in numbers)
        return Tile(keys, encode(layers) if layers else b"")

    def _layer(self, level: int, address: Address) -> Layer | None:
        sheet = self._sheet(level, address.z)
        found, cut = _cut(sheet, address)
        if not len(found):
            return None
        numbers = sheet.numbers[found].tolist()
        known = self._properties[level]
        return Layer(
            self.hierarchy.levels[level].key, cut, [n + 1 for n in numbers], [known[n] for n in numbers]
        )

    @cached_property
    def _properties(self) -> tuple[tuple[Mapping[str, str], ...], ...]:
        """The properties of each grid, level by level."""
        levels = range(len(self.hierarchy.levels))
        return tuple(tuple(self._known(n, at) for at in range(len(self.hierarchy.at(n)))) for n in levels)

    def _known(self, level: int, at: int) -> Mapping[str, str]:
        grid = self.hierarchy.at(level)[at]
        known = {"code": grid.code, "name": grid.name, "level": self.hierarchy.levels[level].key}
        parent = self.hierarchy.path(grid)[:-1]
        return known | ({"parent": "/".join(parent)} if parent else {})

    def _sheet(self, level: int, zoom: int) -> _Sheet:
        """The sheet, made once however many ask; the ones asked for longest ago make room."""
        key = (level, zoom)
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                sheet = self._sheets.pop(key, None)
            if sheet is None:
                sheet = _drawn(np.array([grid.geometry for grid in self.hierarchy.at(level)], object), zoom)
            with self._lock:
                self._sheets[key] = sheet
                while (
                    len(self._sheets) > 1 and sum(kept.points for kept in self._sheets.values()) > self._room
                ):
                    del self._sheets[next(iter(self._sheets))]
            return sheet


def _drawn(polygons: Polygons, zoom: int) -> _Sheet:
    """A level's polygons (degrees) at a zoom; what is narrower than a unit there falls away."""
    fine = units(polygons, zoom)
    if zoom < MAX_ZOOM:
        fine = coverage(fine, SMOOTH)
    on_units = _on_whole_units(fine, (0, 0))
    numbers = np.flatnonzero(~shapely.is_empty(on_units))
    kept = on_units[numbers]
    points = int(shapely.get_num_coordinates(kept).sum())
    return _Sheet(numbers, kept, shapely.bounds(kept), shapely.STRtree(kept), points)


def _cut(sheet: _Sheet, address: Address) -> tuple[NDArray[np.intp], Polygons]:
    """Which polygons of a sheet reach into a tile or its buffer; what of them does, in the tile's units."""
    x, y = address.corner
    west, north, east, south = x - BUFFER, y - BUFFER, x + EXTENT + BUFFER, y + EXTENT + BUFFER
    window = shapely.box(west, north, east, south)
    found = np.sort(sheet.tree.query(window, predicate="intersects"))
    cut = sheet.polygons[found]
    reach = sheet.bounds[found]
    beyond = (reach[:, :2] < (west, north)).any(axis=1) | (reach[:, 2:] > (east, south)).any(axis=1)
    cut[~beyond] = shapely.transform(cut[~beyond], lambda at: at - (x, y))
    cut[beyond] = _on_whole_units(shapely.intersection(cut[beyond], window), (x, y))
    left = ~shapely.is_empty(cut)
    return found[left], cut[left]


def _on_whole_units(polygons: Polygons, corner: tuple[int, int]) -> Polygons:
    """Polygons counted from a corner and rounded to whole units: each valid, or empty where nothing is left.

    Rounding alone keeps shared borders shared. A polygon that it makes cross itself, where it is narrower
    than a unit, is rounded again by GEOS, which moves that polygon's border by a unit at most.
    """
    local = shapely.transform(polygons, lambda at: at - corner)
    rounded = shapely.transform(local, lambda at: np.floor(at + (0.5 + _TIE)))
    odd = ~shapely.is_valid(rounded)
    if odd.any():
        sound = shapely.make_valid(local[odd], method="structure")
        rounded[odd] = shapely.set_precision(sound, 1.0)
    rounded = shapely.remove_repeated_points(rounded)
    mixed = np.flatnonzero(~np.isin(shapely.get_type_id(rounded), _AREAS) & ~shapely.is_empty(rounded))
    for at in mixed.tolist():
        rounded[at] = _areas_of(rounded[at])
    return rounded


_AREAS = (int(shapely.GeometryType.POLYGON), int(shapely.GeometryType.MULTIPOLYGON))


def _areas_of(geometry: shapely.Geometry) -> shapely.MultiPolygon:
    """What of a mixture has an area; an empty multipolygon where nothing has."""
    return shapely.MultiPolygon([part for part in shapely.get_parts(geometry) if part.geom_type == "Polygon"])
