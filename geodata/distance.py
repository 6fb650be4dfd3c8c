"""How far points are from one another on the ground, in metres."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyproj
from numpy.typing import ArrayLike, NDArray

_WGS84: Final = pyproj.Geod(ellps="WGS84")


def metres(lon: float, lat: float, lons: ArrayLike, lats: ArrayLike) -> NDArray[np.float64]:
    """From one point to each of others, along the ellipsoid; all in WGS-84 degrees, as many come back as
    there are others.

    >>> metres(113.88, 22.66, [113.88, 113.89], [22.66, 22.66]).round(1).tolist()
    [0.0, 1027.8]
    """
    there = np.asarray(lons, dtype=np.float64), np.asarray(lats, dtype=np.float64)
    here = np.full_like(there[0], lon), np.full_like(there[1], lat)
    _, _, found = _WGS84.inv(*here, *there)
    return np.asarray(found, dtype=np.float64)
