"""Rings as files hold them, left open or turned the wrong way, made what they plainly are; each time told."""

from __future__ import annotations

from functools import reduce

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon

Geometries = NDArray[np.object_]
Remarks = tuple[str, ...]

_MISTAKEN = ("Hole lies outside shell", "Nested shells", "Nested holes")
"""What GEOS says of a polygon whose shells were taken for holes or the other way round."""


def closed(blobs: NDArray[np.object_]) -> tuple[Geometries, Remarks]:
    """The geometries of WKB, in two dimensions; rings that are left open are closed."""
    geometries = shapely.from_wkb(blobs, on_invalid="ignore")
    ajar = [at for at, blob in enumerate(blobs) if blob is not None and geometries[at] is None]
    if not ajar:
        return shapely.force_2d(geometries), ()
    geometries[ajar] = shapely.from_wkb(blobs[ajar], on_invalid="fix")
    return shapely.force_2d(geometries), (_told(ajar, "are not closed; they are closed here"),)


def sorted_out(geometries: Geometries) -> tuple[Geometries, Remarks]:
    """The polygons of a Shapefile, in which only the way a ring runs says that it is a hole, often wrongly.

    Rings that make no sense as they run are taken by what they enclose: ground within an odd number of them
    is in (the even-odd rule).
    """
    broken = np.flatnonzero(~shapely.is_valid(geometries) & ~shapely.is_missing(geometries))
    reasons = shapely.is_valid_reason(geometries[broken])
    mistaken = [at for at, why in zip(broken.tolist(), reasons, strict=True) if why.startswith(_MISTAKEN)]
    turned = []
    for at in mistaken:
        rings = np.array([Polygon(ring) for ring in shapely.get_rings(shapely.get_parts(geometries[at]))])
        if shapely.is_valid(rings).all():
            geometries[at] = reduce(shapely.symmetric_difference, rings.tolist())
            turned.append(at)
    if not turned:
        return geometries, ()
    return geometries, (_told(turned, "run the wrong way round; they are taken here by what they enclose"),)


def _told(features: list[int], what: str) -> str:
    listed = ", ".join(str(at + 1) for at in features[:5]) + (" ..." if len(features) > 5 else "")
    return f"rings of {len(features):,} polygons (features {listed}) {what}"
