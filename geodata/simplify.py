"""Simpler borders for maps, shared ones still shared: points are left out of both sides of a border alike.

Each level is simplified as a coverage of its own (GEOS 3.12 or newer), the outer boundary too. Dissolving
simplified micro-grids instead would keep, in the border of a street, every corner in which two of its
micro-grids meet: at a tolerance as wide as a micro-grid such a street is hardly simpler than before. The
price is that borders of two levels, laid over one another, may lie apart by about the tolerance.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray

from geodata.grids import WGS84, Hierarchy

Polygons = NDArray[np.object_]

MOST_METRES = 100_000.0
"""A tenth of a degree of latitude is 11 km: nothing finer than a province is left at this tolerance."""


def simplified(hierarchy: Hierarchy, level: int | str, metres: float) -> Hierarchy:
    """The hierarchy with simpler polygons in one level (number or key); the others stay as they are.

    A point goes where the triangle it makes with its neighbours covers less than `metres` squared
    (Visvalingam and Whyatt 1993): borders move by about `metres` at most (1.5 times that was measured). Where
    the level tiles exactly it still does, with the same neighbours; no grid vanishes: a triangle is left.
    `area_m2` stays that of the grid as drawn. Raises UnknownLevel; ValueError for a tolerance that is not
    above 0 and at most 100,000.

    >>> from geodata.grids import Level, measured
    >>> bent = shapely.Polygon([(114, 22), (114.01, 22.00001), (114.02, 22), (114.02, 22.02), (114, 22.02)])
    >>> town = Hierarchy.build([Level("town", "镇", "town")], [measured("T", "T", 0, None, bent)])
    >>> len(simplified(town, "town", 100).at("town")[0].geometry.exterior.coords)
    5
    """
    if not 0 < metres <= MOST_METRES:
        raise ValueError(
            f"a tolerance above 0 and at most {MOST_METRES:,.0f} metres was expected, not {metres}"
        )
    number = hierarchy.level_number(level)
    grids = hierarchy.at(number)
    polygons = in_metres(np.array([grid.geometry for grid in grids], dtype=object), metres)
    simpler = [
        replace(grid, geometry=polygon) for grid, polygon in zip(grids, polygons.tolist(), strict=True)
    ]
    others = (grid for grid in hierarchy.grids if grid.level != number)
    return Hierarchy.build(hierarchy.levels, [*others, *simpler])


def in_metres(polygons: Polygons, metres: float) -> Polygons:
    """Polygons in degrees, simplified as one coverage to a tolerance in metres.

    Degrees of longitude are narrower than those of latitude: both are made metres at the middle latitude of
    the polygons first, on a sphere of WGS 84's equatorial radius. Over a city that is right within 1 %.
    """
    _, south, _, north = shapely.total_bounds(polygons)
    degree = math.radians(1) * WGS84.a
    scale = np.array([degree * math.cos(math.radians((south + north) / 2)), degree])
    return shapely.transform(
        coverage(shapely.transform(polygons, lambda at: at * scale), metres), lambda at: at / scale
    )


def coverage(polygons: Polygons, tolerance: float) -> Polygons:
    """Polygons simplified as one coverage, in the units of their coordinates; each valid and not empty.

    A drawing that does not tile (overlaps, borders that do not match) is simplified all the same, where it
    tiles together and elsewhere each polygon alone; one that would not be valid then stays as it was.
    """
    simpler: Polygons = shapely.coverage_simplify(polygons, tolerance)
    lost = ~shapely.is_valid(simpler) | shapely.is_empty(simpler)
    return np.where(lost, polygons, simpler)
