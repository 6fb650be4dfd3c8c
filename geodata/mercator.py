"""Web Mercator tiles: which tile a place lies in, and polygons in the units in which vector tiles draw them.

The formula is EPSG:3857's, spherical Mercator of geodetic degrees (EPSG Guidance Note 7-2, method 1024), cut
into 2^z by 2^z squares numbered from the north-west corner, as the TileJSON 3.0.0 scheme "xyz" says.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from geodata.errors import UnknownTile

Polygons = NDArray[np.object_]

EXTENT = 4096
"""Units in the side of a tile: the usual extent, which encoders and renderers expect."""
MOST_LAT = math.degrees(math.atan(math.sinh(math.pi)))
"""85.05 degrees, where the square world of Web Mercator ends."""
MAX_ZOOM = 16
"""Beyond it, maps enlarge: a unit is 15 cm on the equator then, finer than borders are surveyed."""
PIXELS = 256
"""A tile of 256 pixels is what zoom levels are counted by; 16 units are a pixel."""
EQUATOR_M = 2 * math.pi * 6_378_137.0


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """Which tile: zoom, column from the west, row from the north; raises UnknownTile for what is none.

    >>> Address(0, 0, 0).bounds[2]
    180.0
    >>> Address(1, 2, 0)
    Traceback (most recent call last):
    geodata.errors.UnknownTile: no tile 1/2/0: at zoom 1 columns and rows run from 0 to 1
    """

    z: int
    x: int
    y: int

    def __post_init__(self) -> None:
        if not 0 <= self.z <= MAX_ZOOM:
            raise UnknownTile(self.z, self.x, self.y, f"zooms run from 0 to {MAX_ZOOM}")
        if not (0 <= self.x < 1 << self.z and 0 <= self.y < 1 << self.z):
            why = f"at zoom {self.z} columns and rows run from 0 to {(1 << self.z) - 1}"
            raise UnknownTile(self.z, self.x, self.y, why)

    @property
    def corner(self) -> tuple[int, int]:
        """The north-west corner in units of this zoom."""
        return self.x * EXTENT, self.y * EXTENT

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees."""
        side = 1 << self.z
        north, south = (_latitude(row / side) for row in (self.y, self.y + 1))
        return self.x / side * 360 - 180, south, (self.x + 1) / side * 360 - 180, north


def units(polygons: Polygons, zoom: int) -> Polygons:
    """Polygons in degrees, in units of a zoom: east and south of the world's north-west corner.

    >>> units(np.array([shapely.box(-180, -45, 90, 0)]), 0)[0].bounds[::2]
    (0.0, 3072.0)
    """
    side = EXTENT * float(1 << zoom)

    def project(at: NDArray[np.float64]) -> NDArray[np.float64]:
        sine = np.sin(np.radians(np.clip(at[:, 1], -MOST_LAT, MOST_LAT)))
        return np.column_stack(
            [(at[:, 0] / 360 + 0.5) * side, (0.5 - np.arctanh(sine) / (2 * math.pi)) * side]
        )

    projected: Polygons = shapely.transform(polygons, project)
    return projected


def pixels(metres: float, latitude: float, zoom: int) -> float:
    """How many pixels of a 256-pixel tile a length on the ground takes; latitude in degrees.

    >>> round(pixels(1000, 0, 14), 1)
    104.7
    """
    return metres / (EQUATOR_M * math.cos(math.radians(latitude))) * PIXELS * (1 << zoom)


def addresses(bounds: tuple[float, float, float, float], zoom: int) -> list[Address]:
    """The tiles of a zoom that a box (west, south, east, north in degrees) touches, row by row.

    >>> addresses((113.9, 22.5, 114.0, 22.6), 8)
    [Address(z=8, x=208, y=111), Address(z=8, x=209, y=111)]
    """
    west, north, east, south = _columns_and_rows(bounds, zoom)
    return [Address(zoom, x, y) for y in range(north, south + 1) for x in range(west, east + 1)]


def _columns_and_rows(bounds: tuple[float, float, float, float], zoom: int) -> tuple[int, int, int, int]:
    box = units(np.array([shapely.box(*bounds)], dtype=object), zoom)[0].bounds
    last = (1 << zoom) - 1
    west, north, east, south = (min(max(int(edge // EXTENT), 0), last) for edge in box)
    return west, north, east, south


def _latitude(share: float) -> float:
    """The latitude that lies this share of the square world's height below its northern edge."""
    return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * share))))
