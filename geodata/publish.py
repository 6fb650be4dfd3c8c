"""A hierarchy as GeoJSON (RFC 7946) for maps and other programs; the same bytes for the same hierarchy."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray

from geodata.grids import Grid, GridPath, Hierarchy

FULL_DECIMALS = 9
"""0.1 mm. At 6 decimals, 0.1-0.2 % of the answers of New York's reports change sides: they lie on borders."""


def feature_collection(
    hierarchy: Hierarchy,
    level: int | str,
    under: GridPath = (),
    properties: Callable[[Grid], Mapping[str, object]] | None = None,
    decimals: int = FULL_DECIMALS,
) -> bytes:
    """The grids of a level (number or key) within the grid named by `under`, in order of their codes.

    A feature's id is its path joined by "/"; its properties are code, name, level, parent, path, area_m2 and
    responsible_unit, and what `properties` adds for it. Coordinates are rounded to `decimals` (9 or fewer):
    a shared border is rounded alike on both sides. Raises UnknownLevel, UnknownGrid; ValueError for decimals
    outside 0..9.
    """
    if not 0 <= decimals <= FULL_DECIMALS:
        raise ValueError(f"0 to {FULL_DECIMALS} decimals can be given, not {decimals}")
    grids = hierarchy.under(under, level)
    features = [feature(hierarchy, grid, properties, decimals) for grid in grids]
    return orjson.dumps(
        {"type": "FeatureCollection", "features": features}, option=orjson.OPT_SERIALIZE_NUMPY
    )


def feature(
    hierarchy: Hierarchy,
    grid: Grid,
    properties: Callable[[Grid], Mapping[str, object]] | None = None,
    decimals: int = FULL_DECIMALS,
) -> dict[str, object]:
    """One grid as a GeoJSON feature, as `feature_collection` has it; its coordinates are numpy arrays, for
    orjson to write. Raises UnknownGrid.
    """
    path = hierarchy.path(grid)
    known: dict[str, object] = {
        "code": grid.code,
        "name": grid.name,
        "level": hierarchy.levels[grid.level].key,
        "parent": grid.parent,
        "path": list(path),
        "area_m2": round(grid.area_m2, 3),
        "responsible_unit": grid.responsible_unit,
    }
    if properties is not None:
        known |= properties(grid)
    return {
        "type": "Feature",
        "id": "/".join(path),
        "properties": known,
        "geometry": _geometry(grid, decimals),
    }


def _geometry(grid: Grid, decimals: int) -> dict[str, object]:
    parts = []
    for part in shapely.get_parts(grid.geometry).tolist():
        rings = (part.exterior, *part.interiors)
        parts.append([_rounded(shapely.get_coordinates(ring), decimals) for ring in rings])
    if grid.geometry.geom_type == "Polygon":
        return {"type": "Polygon", "coordinates": parts[0]}
    return {"type": "MultiPolygon", "coordinates": parts}


def _rounded(points: NDArray[np.float64], decimals: int) -> NDArray[np.float64]:
    """The points rounded; those that fall together are written once, if four are left to make a ring."""
    rounded = np.round(points, decimals)
    kept = rounded[np.append(True, np.any(rounded[1:] != rounded[:-1], axis=1))]
    return np.ascontiguousarray(kept if len(kept) >= 4 else rounded)
