"""Makes one polygon valid that crosses or touches itself, unless nobody can know what it was meant to be."""

from __future__ import annotations

import shapely
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from geodata.arrangement import Flat, width


def made_valid(geometry: BaseGeometry) -> tuple[Polygon | MultiPolygon | None, float]:
    """The polygon as its rings mean it, and how wide (m) the ground is of which that is in doubt.

    There are two readings: shells less holes, which is the one taken, and even-odd, by which ground enclosed
    twice is outside. Where a ring only touches itself, or makes a figure of eight, they are the same. None
    where no area is left, or its coordinates are no numbers.

    >>> eight = Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    >>> made_valid(eight)[0].area, made_valid(eight)[1]
    (0.5, 0.0)
    """
    try:
        taken = _areas(shapely.make_valid(geometry, method="structure", keep_collapsed=False))
        other = _areas(shapely.make_valid(geometry))
        doubtful = shapely.symmetric_difference(taken, other)
    except shapely.errors.GEOSException:
        return None, 0.0
    if taken.is_empty or not taken.is_valid:
        return None, 0.0
    flat = Flat.near((taken.bounds[1] + taken.bounds[3]) / 2)
    return taken, width(flat.metres(_areas(doubtful)))


def _areas(geometry: BaseGeometry) -> Polygon | MultiPolygon:
    """The polygons in a geometry, without the points and lines that a collection may hold beside them."""
    parts = shapely.get_parts(shapely.get_parts(geometry)).tolist()
    areas = [part for part in parts if isinstance(part, Polygon) and not part.is_empty]
    return areas[0] if len(areas) == 1 else MultiPolygon(areas)
