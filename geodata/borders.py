"""How far a point is from the border of a grid, in metres on the ground, and which grid is nearest.

Borders are straight in degrees. The nearest place on one is sought along chords in space (earth-centred
coordinates) of at most 0.01 degrees, about 1.1 km, which sag less than 3 cm below the curved ground; the
distance to that place is then geodesic. So a distance is never too short, and at most centimetres too long.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geodata.grids import WGS84

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LONGEST_CHORD = 0.01
"""Degrees; see the module's sentence on sagging."""
TOO_LONG = 0.1
"""Metres: by less than this a distance may be too long."""
AT_ONCE = 200_000
"""Pairs of a point and a piece of border measured in one go: some 10 MB."""
ROUNDING = 1e-9
"""Degrees (0.1 mm): by so much boxes to search in are widened."""
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
        self._overlaps = np.full(len(polygons), -1, np.int8)

    def distance(self, number: int, lon: float, lat: float) -> float:
        """Metres from a point to the border of one polygon, outer or inner, whichever side it is on."""
        place, _ = self._nearest_place(number, lon, lat)
        return _ground_distance(lon, lat, place)

    def distances(self, numbers: NDArray[np.integer[Any]], x: Floats, y: Floats) -> Floats:
        """Metres from many points, each to the border of one polygon; all of shape (n,)."""
        order = np.argsort(numbers, kind="stable")
        space = _in_space(np.column_stack([x, y]))
        places = np.empty((len(x), 2))
        starts = np.flatnonzero(np.diff(numbers[order], prepend=-1))
        for mine in np.split(order, starts[1:]):
            if len(mine):
                segments = self._segments(int(numbers[mine[0]]))
                step = max(1, AT_ONCE // len(segments.length2))
                for at in range(0, len(mine), step):
                    part = mine[at : at + step]
                    places[part] = _nearest_places(segments, space[part])
        _, _, metres = WGS84.inv(x, y, places[:, 0], places[:, 1])
        return np.asarray(metres, np.float64)

    def nearest(self, lon: float, lat: float) -> tuple[int, float]:
        """The polygon whose border is nearest to a point, and the metres; of equally near ones the first."""
        towards = self.spheres.centres - _point_in_space(lon, lat)
        centre = np.sqrt(np.einsum("ij,ij->i", towards, towards))
        at_least = centre - self.spheres.radii
        near = np.flatnonzero(at_least <= (centre + self.spheres.radii).min())
        best, best_chord, best_place = -1, np.inf, (0.0, 0.0)
        for number in near[np.argsort(at_least[near], kind="stable")].tolist():
            if at_least[number] > best_chord:
                break
            place, chord = self._nearest_place(number, lon, lat)
            if chord < best_chord or (chord == best_chord and number < best):
                best, best_chord, best_place = number, chord, place
        return best, _ground_distance(lon, lat, best_place)

    def within(self, lon: float, lat: float, metres: float) -> list[tuple[float, int]]:
        """(metres, number) of every polygon that reaches within `metres` of a point, nearest first; a polygon
        that the point meets is 0 m away.
        """
        boxes = _boxes(np.array([lon]), np.array([lat]), np.array([metres]))[0]
        numbers = np.unique(self._tree.query(boxes)[1])
        met = shapely.intersects_xy(self._polygons[numbers], lon, lat)
        measured = [
            (0.0 if here else self.distance(number, lon, lat), number)
            for number, here in zip(numbers.tolist(), met.tolist(), strict=True)
        ]
        return sorted(one for one in measured if one[0] <= metres)

    def within_many(self, x: Floats, y: Floats, metres: Floats) -> tuple[Ints, Ints, Floats]:
        """The same for many points: for every pair the point's place in the input, the polygon's number, and
        the metres between; by point, then nearest first.
        """
        boxes, of = _boxes(x, y, metres)
        asked, found = self._tree.query(boxes)
        pairs = np.unique(np.column_stack([of[asked], found]), axis=0)
        point, number = pairs[:, 0], pairs[:, 1]
        away = np.zeros(len(point))
        apart = ~shapely.intersects_xy(self._polygons[number], x[point], y[point])
        away[apart] = self.distances(number[apart], x[point[apart]], y[point[apart]])
        kept = np.flatnonzero(away <= metres[point])
        kept = kept[np.lexsort((number[kept], away[kept], point[kept]))]
        return point[kept], number[kept], away[kept]

    def overlapped(self, number: int) -> bool:
        """Whether another polygon shares ground with this one, more than a border; remembered."""
        if self._overlaps[number] < 0:
            polygon = self._polygons[number]
            others = np.setdiff1d(self._tree.query(polygon), [number])
            shared = shapely.relate_pattern(polygon, self._polygons[others], "T********")
            self._overlaps[number] = int(shared.any())
        return bool(self._overlaps[number])

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree(self._polygons)

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


def _nearest_places(segments: _Segments, points: Floats) -> Floats:
    """The places (lon, lat) on a border that are nearest to points in space; both of shape (n, ...)."""
    towards = points[:, None, :] - segments.space_start
    share = np.einsum("pij,ij->pi", towards, segments.space_run) / segments.length2
    np.clip(share, 0, 1, out=share)
    away = towards - share[:, :, None] * segments.space_run
    at = np.einsum("pij,pij->pi", away, away).argmin(axis=1)
    places: Floats = segments.start[at] + share[np.arange(len(points)), at, None] * segments.run[at]
    return places


def _boxes(x: Floats, y: Floats, metres: Floats) -> tuple[NDArray[np.object_], Ints]:
    """Boxes in degrees around everything within `metres` of points, and the point that each box is of.

    A degree of latitude is nowhere shorter than at the equator, one of longitude than a degree of a circle of
    the equator's radius times the cosine; no way of that length leaves the latitudes that it spans. Beyond
    longitude 180 the box goes on at the other side.
    """
    tall = np.degrees(np.minimum(metres / (WGS84.a * (1 - WGS84.es)), math.pi))
    shrink = np.cos(np.radians(np.minimum(np.abs(y) + tall, 90)))
    wide = np.full(len(x), 180.0)
    np.divide(np.degrees(metres / WGS84.a), shrink, out=wide, where=np.abs(y) + tall < 90)
    wide = np.minimum(wide, 180.0) + ROUNDING
    tall = tall + ROUNDING
    every = np.arange(len(x))
    over = [every, np.flatnonzero(x - wide < -180), np.flatnonzero(x + wide > 180)]
    of = np.concatenate(over)
    shift = np.repeat([0.0, 360.0, -360.0], [len(some) for some in over])
    boxes = shapely.box(
        x[of] - wide[of] + shift, y[of] - tall[of], x[of] + wide[of] + shift, y[of] + tall[of]
    )
    return boxes, of


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
