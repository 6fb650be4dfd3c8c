"""Enclaves and islands for a made-up district: holes, grids in several parts, and exact tiling all the same.

Both are drawn as a jagged ring around the site of a Voronoi cell, so small that no bent side comes near it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon

Floats = NDArray[np.float64]

CORNERS = 12
ROOM = 0.75
"""Of the way from a site to the nearest place that a bent side of its cell may come to."""


def rings(
    rng: np.random.Generator, around: Sequence[int], sites: Floats, heights: Floats, bend: float
) -> list[Floats]:
    """A jagged ring around each of some sites, in metres, shape (CORNERS, 2), counter-clockwise.

    `heights` are the distances from each site to the nearest side of its cell. Sides bend towards the site by
    less than the share `bend` of that distance, which leaves the rest free.
    """
    angles = np.arange(CORNERS) * 2 * math.pi / CORNERS
    found = []
    for site in around:
        reach = heights[site] * (1 - bend) * ROOM * rng.uniform(0.5, 1.0, CORNERS)
        found.append(sites[site] + np.column_stack([reach * np.cos(angles), reach * np.sin(angles)]))
    return found


def heights(sites: Floats) -> Floats:
    """The distance from each site to the nearest side of its Voronoi cell: half that to the nearest site."""
    points = np.array(shapely.points(sites), dtype=object)
    (asked, _), away = shapely.STRtree(points).query_nearest(points, exclusive=True, return_distance=True)
    nearest = np.zeros(len(sites))
    nearest[asked] = away / 2
    return nearest


def give(
    polygons: NDArray[np.object_], holes: Mapping[int, Floats], parts: Mapping[int, Sequence[Floats]]
) -> NDArray[np.object_]:
    """The polygons, some with a ring cut out (`holes`), some with more rings as parts of their own (`parts`);
    rings in degrees, shape (n, 2).
    """
    changed = polygons.copy()
    for number, ring in holes.items():
        changed[number] = Polygon(shapely.get_coordinates(polygons[number]), [ring])
    for number, extra in parts.items():
        changed[number] = shapely.multipolygons([changed[number], *map(Polygon, extra)])
    return changed
