"""Edges that are straight on a survey's plane, given points in between to be as straight on the earth.

Brought to longitude and latitude by its corners alone, a straight border of 2 km bends by 3 cm in Shenzhen.
Unit grids that have a corner on it every 100 m would then reach out of their community, though none does as
drawn.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

Geometries = NDArray[np.object_]
Floats = NDArray[np.float64]

LONGEST_M = 50.0
"""An edge of this length bends by 0.1 mm at most below latitude 60: its square times the tangent of the
latitude, over eight times the earth's radius."""


def with_points_between(geometries: Geometries, longest: float) -> tuple[Geometries, int]:
    """The polygons with no edge longer than `longest` (in their own units), and how many points that took.

    No corner moves. An edge that two polygons share gets the same points in both, whichever way it runs.
    """
    kinds = shapely.get_type_id(geometries)
    areas = np.isin(kinds, [shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON])
    at = np.flatnonzero(areas & ~shapely.is_empty(geometries))
    if not len(at):
        return geometries, 0
    _, points, (of_ring, of_part, of_whole) = shapely.to_ragged_array(
        np.array([_whole(one) for one in geometries[at]], dtype=object)
    )
    more, pieces = _divided(points, of_ring, longest)
    inserted = len(more) - len(points)
    if not inserted:
        return geometries, 0
    rings = np.append(0, np.cumsum(pieces))[of_ring]
    divided = shapely.from_ragged_array(shapely.GeometryType.MULTIPOLYGON, more, (rings, of_part, of_whole))
    single = kinds[at] == shapely.GeometryType.POLYGON
    divided[single] = shapely.get_geometry(divided[single], 0)
    found = geometries.copy()
    found[at] = divided
    return found, inserted


def _whole(one: shapely.Polygon | shapely.MultiPolygon) -> shapely.MultiPolygon:
    return one if isinstance(one, shapely.MultiPolygon) else shapely.MultiPolygon([one])


def _divided(
    points: Floats, of_ring: NDArray[np.integer], longest: float
) -> tuple[Floats, NDArray[np.int64]]:
    """The points of rings with those in between, and for each of the former how many it has become."""
    pieces = np.ones(len(points), dtype=np.int64)
    step = np.diff(points, axis=0)
    pieces[:-1] = np.maximum(np.ceil(np.hypot(*step.T) / longest), 1)
    pieces[of_ring[1:] - 1] = 1  # from the end of a ring to the start of the next there is no edge
    first = np.repeat(np.arange(len(points)), pieces)
    number = np.arange(len(first)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    between = number > 0
    start, end = points[first[between]], points[first[between] + 1]
    # Counted from the same end whichever way the edge runs: the last bits are then the same, too.
    turned = (start[:, 0] > end[:, 0]) | ((start[:, 0] == end[:, 0]) & (start[:, 1] > end[:, 1]))
    low, high = np.where(turned[:, None], end, start), np.where(turned[:, None], start, end)
    of = pieces[first[between]]
    steps = np.where(turned, of - number[between], number[between])
    divided = points[first]
    divided[between] = low + (high - low) * (steps / of)[:, None]
    return divided, pieces
