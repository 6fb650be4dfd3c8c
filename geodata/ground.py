"""How much ground polygons cover the way they are drawn: their edges straight in longitude and latitude.

A geodesic between two corners on one latitude runs beside the edge as drawn, 0.09 m off in the middle of 2 km
at latitude 50. Measured along geodesics, a border with a corner in its middle on one side and none on the
other leaves a sliver of 94 m² that no map shows. What a check compares is what is drawn.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geodata.grids import WGS84

Floats = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(3)
"""Three nodes integrate over a degree of latitude to 1e-12 of it: the integrand is close to a cosine."""


def ground_m2(geometry: BaseGeometry | None) -> float:
    """The m² that whatever in a geometry has an area covers on the WGS 84 ellipsoid; 0 for nothing."""
    return float(grounds_m2(np.array([geometry], dtype=object))[0])


def grounds_m2(geometries: NDArray[np.object_]) -> Floats:
    """The m² that each geometry covers (shape (n,)); lines and points in it count for nothing.

    The area under an edge, down to the lowest latitude of its polygon, is the difference in longitude times
    the mean over the edge of that of a strip one radian wide (Snyder, Map Projections, 1987, eq. 3-12, is
    its closed form; integrated here, so that a sliver does not drown in the rounding of large numbers).
    """
    total = np.zeros(len(geometries))
    parts, owner = shapely.get_parts(geometries, return_index=True)
    inner, of_part = shapely.get_parts(parts, return_index=True)  # a collection may hold multipolygons
    owner = owner[of_part]
    polygons = np.flatnonzero(shapely.get_type_id(inner) == shapely.GeometryType.POLYGON)
    if not len(polygons):
        return total
    polygon = shapely.orient_polygons(inner[polygons])
    rings, of_polygon = shapely.get_rings(polygon, return_index=True)
    points, of_ring = shapely.get_coordinates(rings, return_index=True)
    lon, lat = np.radians(points).T
    low = np.radians(shapely.bounds(polygon)[:, 1])
    edges = np.flatnonzero(of_ring[1:] == of_ring[:-1])
    base = low[of_polygon[of_ring[edges]]]
    start, end = lat[edges], lat[edges + 1]
    height = np.zeros(len(edges))
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        height += weight / 2 * _strip(base, (start + end) / 2 + node * (end - start) / 2)
    under = (lon[edges] - lon[edges + 1]) * height
    np.add.at(total, owner[polygons][of_polygon[of_ring[edges]]], under)
    return np.abs(total)


def _strip(low: Floats, high: Floats) -> Floats:
    """The m² between two latitudes of a strip one radian of longitude wide."""
    area = np.zeros(len(low))
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        at = (low + high) / 2 + node * (high - low) / 2
        area += weight * np.cos(at) / (1 - WGS84.es * np.sin(at) ** 2) ** 2
    strip: Floats = WGS84.a**2 * (1 - WGS84.es) * (high - low) / 2 * area
    return strip
