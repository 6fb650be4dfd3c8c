"""The datums that phones and map services in China send: WGS-84, GCJ-02, BD-09, CGCS2000; there and back.

GCJ-02 is not published; the formula here is the one in general use, as in the public package `eviltransform`.
It is applied on the mainland only. How near it comes to a given map service was not measured.

A phone that speaks GCJ-02 says where it is in Bao'an; 606 m from there it is in WGS-84:

>>> lon, lat = to_wgs84(113.8848987, 22.6569733, Datum.gcj02)
>>> f"{lon:.6f} {lat:.6f}"
'113.880000 22.660000'
>>> to_wgs84(114.158, 22.282, Datum.gcj02)  # in Hong Kong nothing is shifted
(114.158, 22.282)
>>> to_wgs84(113.88, 22.66, "gcj-02")
Traceback (most recent call last):
geodata.errors.UnknownDatum: no datum 'gcj-02'; the datums are wgs84, gcj02, bd09, cgcs2000
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry import MultiPolygon, Polygon

from geodata.errors import BadPoint, UnknownDatum, check_point


class Datum(StrEnum):
    """What longitude and latitude are counted from; CGCS2000 (EPSG:4490) is WGS-84 for our purpose."""

    wgs84 = "wgs84"
    gcj02 = "gcj02"
    bd09 = "bd09"
    cgcs2000 = "cgcs2000"


_AXIS = 6378245.0
_FLATTENING_E2 = 0.00669342162296594323
"""Axis (m) and squared eccentricity of the Krasovsky 1940 ellipsoid, as in the formula in general use."""
_BAIDU = math.pi * 3000 / 180
_ENOUGH = 1e-11
"""Degrees, a thousandth of a millimetre; reached in four or five steps."""
_MOST_STEPS = 20
_HAIR = 1e-9
"""Degrees, a tenth of a millimetre: more than the inverse errs by. A point found this little across the edge
of the mainland came from the mainland, or its last bit would decide over 600 m."""

_BOX = (72.004, 0.8293, 137.8347, 55.8271)
"""West, south, east, north of what the formula in general use takes for China; outside it, no shift."""
_MOST_SHIFT = 0.05
"""Degrees, more than the formula moves any point of that box in any datum (0.02): what lies farther outside
was never shifted, and near the poles the formula itself ends."""

# Drawn by hand from the known places on either side, through sea and river; compared with no survey. Within
# about a kilometre of the border the side may be wrong; in doubt the mainland is favoured.
_HONG_KONG = Polygon(
    [
        (113.818, 22.300), (113.840, 22.420), (113.935, 22.440), (113.996, 22.483), (114.029, 22.500),
        (114.057, 22.510), (114.068, 22.512), (114.078, 22.516), (114.090, 22.521), (114.100, 22.527),
        (114.113, 22.529), (114.125, 22.534), (114.138, 22.540), (114.150, 22.545), (114.158, 22.557),
        (114.175, 22.556), (114.200, 22.553), (114.224, 22.546), (114.235, 22.550), (114.290, 22.556),
        (114.350, 22.565), (114.440, 22.560), (114.455, 22.500), (114.510, 22.440), (114.510, 22.140),
        (113.835, 22.140), (113.818, 22.300),
    ]
)  # fmt: skip
_MACAU = Polygon(
    [
        (113.5290, 22.2050), (113.5400, 22.2125), (113.5495, 22.2150), (113.5580, 22.2130),
        (113.6330, 22.2130), (113.6330, 22.0760), (113.5480, 22.0760), (113.5480, 22.1450),
        (113.5320, 22.1700), (113.5290, 22.1850), (113.5290, 22.2050),
    ]
)  # fmt: skip
_TAIWAN = Polygon(
    [
        (119.2, 23.0), (119.2, 23.9), (119.9, 24.7), (121.0, 25.7), (122.4, 25.9), (122.4, 21.5),
        (120.3, 21.5), (119.2, 23.0),
    ]
)  # fmt: skip
NOT_SHIFTED = MultiPolygon([_HONG_KONG, _MACAU, _TAIWAN])
"""Where map services show WGS-84 although the usual box counts them in (domain README, Coordinates)."""
_SURELY_NOT_SHIFTED = NOT_SHIFTED.buffer(-_HAIR, join_style="mitre")
for _area in (NOT_SHIFTED, _SURELY_NOT_SHIFTED):
    # A prepared polygon completes its index when first asked; asked here, no two threads do so at once.
    shapely.prepare(_area)
    shapely.intersects_xy(_area, 114.17, 22.3)


def is_shifted(lon: float, lat: float) -> bool:
    """Whether GCJ-02 differs from WGS-84 here: on the mainland, not in Hong Kong, Macau, Taiwan or abroad.

    "Abroad" is outside a box around China: neighbours within it (Mongolia, much of Korea and Vietnam) count
    as China, as in the formula in general use. The islands off Fujian (Kinmen, Matsu) count as mainland.
    """
    return _in_box(lon, lat) and not bool(shapely.intersects_xy(NOT_SHIFTED, lon, lat))


def _in_box(lon: Any, lat: Any, margin: float = 0.0) -> Any:
    west, south, east, north = _BOX
    across = (west - margin <= lon) & (lon <= east + margin)
    return across & (south - margin <= lat) & (lat <= north + margin)


def _known(datum: Datum | str) -> Datum:
    if datum not in _DATUMS:
        raise UnknownDatum(datum, _DATUMS)
    return Datum(datum)


_DATUMS = tuple(str(datum) for datum in Datum)
_PLAIN = (Datum.wgs84, Datum.cgcs2000)


def from_wgs84(lon: float, lat: float, datum: Datum | str) -> tuple[float, float]:
    """A WGS-84 point in another datum; degrees (longitude, latitude). Raises BadPoint, UnknownDatum.

    >>> lon, lat = from_wgs84(113.88, 22.66, Datum.gcj02)
    >>> f"{lon:.6f} {lat:.6f}"
    '113.884899 22.656973'
    """
    check_point(lon, lat)
    datum = _known(datum)
    if datum in _PLAIN or not is_shifted(lon, lat):
        return lon, lat
    shifted: tuple[float, float] = _shift(lon, lat)
    return shifted if datum is Datum.gcj02 else _to_baidu(*shifted)


def to_wgs84(lon: float, lat: float, datum: Datum | str) -> tuple[float, float]:
    """A point of the given datum in WGS-84; degrees (longitude, latitude). Raises BadPoint, UnknownDatum.

    The formula has no inverse of its own: the point is sought whose image this is, to a thousandth of a
    millimetre. Along the border of a part that is not shifted, two points can have one image (in GCJ-02
    within some 600 m, in BD-09 1,200 m): then the one on the mainland is meant.
    """
    check_point(lon, lat)
    datum = _known(datum)
    if datum in _PLAIN or not _in_box(lon, lat, _MOST_SHIFT):
        return lon, lat
    marked = (lon, lat) if datum is Datum.gcj02 else _solve(_to_baidu, (lon, lat))
    found = _solve(_shift, marked)
    return found if _came_from_mainland(*found) else (lon, lat)


def to_wgs84_many(lons: ArrayLike, lats: ArrayLike, datum: Datum | str) -> tuple[Degrees, Degrees]:
    """Points of one datum in WGS-84; shape (n,) as the input.

    Each is what :func:`to_wgs84` makes of it, to 1e-12 degrees, a ten-thousandth of a millimetre: numpy may
    round the last bit of a sine otherwise than the C library.
    Raises BadPoint naming the first bad position, UnknownDatum, ValueError where the shapes differ.

    >>> lons, lats = to_wgs84_many([113.8848987, 114.158], [22.6569733, 22.282], "gcj02")
    >>> lons.round(6).tolist(), lats.round(6).tolist()
    ([113.88, 114.158], [22.66, 22.282])
    """
    x, y = _arrays(lons, lats)
    datum = _known(datum)
    if datum in _PLAIN:
        return x, y
    near = np.flatnonzero(_in_box(x, y, _MOST_SHIFT))
    found = x[near], y[near]
    for forward in (_shift,) if datum is Datum.gcj02 else (_to_baidu, _shift):
        found = _solve_many(forward, found)
    moved = _came_from_mainland(*found)
    x[near[moved]], y[near[moved]] = found[0][moved], found[1][moved]
    return x, y


def from_wgs84_many(lons: ArrayLike, lats: ArrayLike, datum: Datum | str) -> tuple[Degrees, Degrees]:
    """WGS-84 points in another datum, as :func:`from_wgs84` has them one by one; shape (n,) as the input.

    Raises as :func:`to_wgs84_many`, and is as near to the other as that.
    """
    x, y = _arrays(lons, lats)
    datum = _known(datum)
    if datum in _PLAIN:
        return x, y
    moved = np.flatnonzero(_in_box(x, y))
    moved = moved[~shapely.intersects_xy(NOT_SHIFTED, x[moved], y[moved])]
    for forward in (_shift,) if datum is Datum.gcj02 else (_shift, _to_baidu):
        x[moved], y[moved] = forward(x[moved], y[moved], np)
    return x, y


def _arrays(lons: ArrayLike, lats: ArrayLike) -> tuple[Degrees, Degrees]:
    """The points as new arrays, checked."""
    x, y = np.array(lons, np.float64), np.array(lats, np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"longitudes and latitudes are two rows of one length, not {x.shape} and {y.shape}")
    # Written so that NaN counts as bad: every comparison with NaN is false.
    bad = np.flatnonzero(~((np.abs(x) <= 180) & (np.abs(y) <= 90)))
    if len(bad):
        raise BadPoint(float(x[bad[0]]), float(y[bad[0]]), int(bad[0]))
    return x, y


def _came_from_mainland(lon: Any, lat: Any) -> Any:
    return _in_box(lon, lat, _HAIR) & ~shapely.intersects_xy(_SURELY_NOT_SHIFTED, lon, lat)


# One formula for a point (`of` is math) and for arrays of them (`of` is numpy).
def _shift(lon: Any, lat: Any, of: Any = math) -> tuple[Any, Any]:
    """The mainland's shift from WGS-84 to GCJ-02."""
    sin, pi = of.sin, math.pi
    x, y = lon - 105, lat - 35
    root = of.sqrt(abs(x))
    wave = 20 * sin(6 * x * pi) + 20 * sin(2 * x * pi)
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + wave * 2 / 3
    north += (20 * sin(y * pi) + 40 * sin(y / 3 * pi)) * 2 / 3
    north += (160 * sin(y / 12 * pi) + 320 * sin(y / 30 * pi)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + wave * 2 / 3
    east += (20 * sin(x * pi) + 40 * sin(x / 3 * pi)) * 2 / 3
    east += (150 * sin(x / 12 * pi) + 300 * sin(x / 30 * pi)) * 2 / 3
    level = of.radians(lat)
    magic = 1 - _FLATTENING_E2 * sin(level) ** 2
    metres_north = _AXIS * (1 - _FLATTENING_E2) / (magic * of.sqrt(magic))
    metres_east = _AXIS / of.sqrt(magic) * of.cos(level)
    return lon + of.degrees(east / metres_east), lat + of.degrees(north / metres_north)


def _to_baidu(lon: Any, lat: Any, of: Any = math) -> tuple[Any, Any]:
    """The step from GCJ-02 to BD-09."""
    radius = of.sqrt(lon * lon + lat * lat) + 0.00002 * of.sin(lat * _BAIDU)
    angle = of.atan2(lat, lon) + 0.000003 * of.cos(lon * _BAIDU)
    return radius * of.cos(angle) + 0.0065, radius * of.sin(angle) + 0.006


Forward = Callable[..., tuple[Any, Any]]
Degrees = NDArray[np.float64]


def _solve(forward: Forward, target: tuple[float, float]) -> tuple[float, float]:
    """The point that `forward` moves to `target`, by taking off what the last guess was out by."""
    lon, lat = target
    for _ in range(_MOST_STEPS):
        image = forward(lon, lat)
        out = image[0] - target[0], image[1] - target[1]
        lon, lat = lon - out[0], lat - out[1]
        if max(abs(out[0]), abs(out[1])) < _ENOUGH:
            break
    return lon, lat


def _solve_many(forward: Forward, target: tuple[Degrees, Degrees]) -> tuple[Degrees, Degrees]:
    """The same for arrays; a point that is found is left alone, as it is by itself."""
    lon, lat = target[0].copy(), target[1].copy()
    at = np.arange(len(lon))
    for _ in range(_MOST_STEPS):
        image = forward(lon[at], lat[at], np)
        east, north = image[0] - target[0][at], image[1] - target[1][at]
        lon[at] -= east
        lat[at] -= north
        at = at[np.maximum(np.abs(east), np.abs(north)) >= _ENOUGH]
        if not len(at):
            break
    return lon, lat
