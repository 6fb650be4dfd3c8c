"""How far a point is from the border of a grid, in metres on the ground, and which grid is nearest.

Borders are straight in degrees. The nearest place on one is sought along chords in space (earth-centred
coordinates) of at most 0.01 degrees, about 1.1 km, which sag less than 3 cm below the curved ground; the
distance to that place is then geodesic. So a distance is never too short, and at most centimetres too long.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import shapely
from numpy.typing import NDArray

from geodata.grids import WGS84

Floats = NDArray[np.float64]

LONGEST_CHORD = 0.01
"""Degrees; see the module's sentence on sagging."""


REMEMBERED = 8192
"""Borders kept ready for asking again, some 5 KB each: a district's 4,833 take 24 MB. With fewer than are in
use (1,024 were tried), measuring them anew took a sixth of the time of writing a report."""


@dataclass(frozen=True, slots=True)
class _Segments:
    """The straight pieces of a border: where they start and run to, in degrees and in space (m)."""

    start: Floats
    run: Floats
    space_start: Floats
    space_run: Floats
    length2: Floats


@dataclass(frozen=True, slots=True)
class Spheres:
    """A sphere in space around each border: centres, shape (n, 3), and radii, shape (n,), in m."""

    centres: Floats
    radii: Floats


def spheres(polygons: NDArray[np.object_]) -> Spheres:
    """The spheres around the borders of polygons, in their order."""
    points, owner = shapely.get_coordinates(shapely.segmentize(polygons, LONGEST_CHORD), return_index=True)
    space = _in_space(points)
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    low, high = np.minimum.reduceat(space, starts), np.maximum.reduceat(space, starts)
    centres = (low + high) / 2
    away = np.linalg.norm(space - centres[owner], axis=1)
    return Spheres(centres, np.maximum.reduceat(away, starts))


class Borders:
    """The borders of polygons (an array of Polygon or MultiPolygon, degrees), numbered as they come."""

    def __init__(self, polygons: NDArray[np.object_], around: Spheres | None = None) -> None:
        """`around` are the spheres around these borders, where they are known already."""
        self._polygons = polygons
        self.spheres = spheres(polygons) if around is None else around
        self._segments = lru_cache(REMEMBERED)(self._measure)

    def distance(self, number: int, lon: float, lat: float) -> float:
        """Metres from a point to the border of one polygon, outer or inner, whichever side it is on."""
        place, _ = self._nearest_place(number, lon, lat)
        return _ground_distance(lon, lat, place)

    def nearest(self, lon: float, lat: float) -> tuple[int, float]:
        """The polygon whose border is nearest to a point, and the metres; of equally near ones the first."""
        point = _in_space(np.array([[lon, lat]]))
        at_least = np.linalg.norm(self.spheres.centres - point, axis=1) - self.spheres.radii
        best, best_chord, best_place = -1, np.inf, (0.0, 0.0)
        for number in np.argsort(at_least, kind="stable").tolist():
            if at_least[number] > best_chord:
                break
            place, chord = self._nearest_place(number, lon, lat)
            if chord < best_chord or (chord == best_chord and number < best):
                best, best_chord, best_place = number, chord, place
        return best, _ground_distance(lon, lat, best_place)

    def _nearest_place(self, number: int, lon: float, lat: float) -> tuple[tuple[float, float], float]:
        """The place (lon, lat) on the border nearest to a point, and the straight distance to it in m."""
        segments = self._segments(number)
        towards = _point_in_space(lon, lat) - segments.space_start
        share = np.einsum("ij,ij->i", towards, segments.space_run) / segments.length2
        np.clip(share, 0, 1, out=share)
        away = towards - share[:, None] * segments.space_run
        gaps2 = np.einsum("ij,ij->i", away, away)
        at = int(gaps2.argmin())
        x, y = segments.start[at] + share[at] * segments.run[at]
        return (float(x), float(y)), math.sqrt(gaps2[at])

    def _measure(self, number: int) -> _Segments:
        rings = shapely.get_rings(shapely.get_parts(self._polygons[number]))
        points, ring = shapely.get_coordinates(shapely.segmentize(rings, LONGEST_CHORD), return_index=True)
        along = ring[1:] == ring[:-1]
        space = _in_space(points)
        run = np.diff(space, axis=0)[along]
        length2 = np.einsum("ij,ij->i", run, run)
        length2[length2 == 0] = 1
        return _Segments(points[:-1][along], np.diff(points, axis=0)[along], space[:-1][along], run, length2)


def _in_space(points: Floats) -> Floats:
    """Earth-centred coordinates in m, shape (n, 3), of (lon, lat) on the WGS 84 ellipsoid, shape (n, 2)."""
    lon, lat = np.radians(points[:, 0]), np.radians(points[:, 1])
    curve = WGS84.a / np.sqrt(1 - WGS84.es * np.sin(lat) ** 2)
    return np.column_stack(
        [
            curve * np.cos(lat) * np.cos(lon),
            curve * np.cos(lat) * np.sin(lon),
            curve * (1 - WGS84.es) * np.sin(lat),
        ]
    )


def _point_in_space(lon: float, lat: float) -> Floats:
    """The same as :func:`_in_space` for one point, shape (3,), without the cost of arrays."""
    east, north = math.radians(lon), math.radians(lat)
    curve = WGS84.a / math.sqrt(1 - WGS84.es * math.sin(north) ** 2)
    out = math.cos(north) * curve
    return np.array([out * math.cos(east), out * math.sin(east), curve * (1 - WGS84.es) * math.sin(north)])


def _ground_distance(lon: float, lat: float, place: tuple[float, float]) -> float:
    _, _, metres = WGS84.inv(lon, lat, *place)
    return float(metres)
