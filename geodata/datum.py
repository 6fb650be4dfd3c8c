"""The datums that phones and map services in China send: WGS-84, GCJ-02, BD-09, CGCS2000; there and back.

GCJ-02 is not published; the formula here is the one in general use, as in the public package `eviltransform`.
It is applied on the mainland only. How near it comes to a given map service was not measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum

import shapely
from shapely.geometry import MultiPolygon, Polygon

from geodata.errors import check_point


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
shapely.prepare(NOT_SHIFTED)
shapely.intersects_xy(NOT_SHIFTED, 114.17, 22.3)


def is_shifted(lon: float, lat: float) -> bool:
    """Whether GCJ-02 differs from WGS-84 here: on the mainland, not in Hong Kong, Macau, Taiwan or abroad.

    "Abroad" is outside a box around China: neighbours within it (Mongolia, much of Korea and Vietnam) count
    as China, as in the formula in general use.
    """
    return _in_box(lon, lat) and not bool(shapely.intersects_xy(NOT_SHIFTED, lon, lat))


def _in_box(lon: float, lat: float, margin: float = 0.0) -> bool:
    west, south, east, north = _BOX
    return west - margin <= lon <= east + margin and south - margin <= lat <= north + margin


def from_wgs84(lon: float, lat: float, datum: Datum | str) -> tuple[float, float]:
    """A WGS-84 point in another datum; degrees (longitude, latitude). Raises BadPoint.

    >>> lon, lat = from_wgs84(113.88, 22.66, Datum.gcj02)
    >>> f"{lon:.6f} {lat:.6f}"
    '113.884899 22.656973'
    """
    check_point(lon, lat)
    datum = Datum(datum)
    if datum in (Datum.wgs84, Datum.cgcs2000) or not is_shifted(lon, lat):
        return lon, lat
    shifted = _shift(lon, lat)
    return shifted if datum is Datum.gcj02 else _to_baidu(*shifted)


def to_wgs84(lon: float, lat: float, datum: Datum | str) -> tuple[float, float]:
    """A point of the given datum in WGS-84; degrees (longitude, latitude). Raises BadPoint.

    The formula has no inverse of its own: the point is sought whose image this is, to a thousandth of a
    millimetre. Along the border of a part that is not shifted, two points can have one image (in GCJ-02
    within some 600 m, in BD-09 1,200 m): then the one on the mainland is meant.
    """
    check_point(lon, lat)
    datum = Datum(datum)
    if datum in (Datum.wgs84, Datum.cgcs2000) or not _in_box(lon, lat, _MOST_SHIFT):
        return lon, lat
    marked = (lon, lat) if datum is Datum.gcj02 else _solve(_to_baidu, (lon, lat))
    found = _solve(_shift, marked)
    return found if is_shifted(*found) else (lon, lat)


def _shift(lon: float, lat: float) -> tuple[float, float]:
    """The mainland's shift from WGS-84 to GCJ-02."""
    x, y = lon - 105, lat - 35
    wave = 20 * math.sin(6 * x * math.pi) + 20 * math.sin(2 * x * math.pi)
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x)) + wave * 2 / 3
    north += (20 * math.sin(y * math.pi) + 40 * math.sin(y / 3 * math.pi)) * 2 / 3
    north += (160 * math.sin(y / 12 * math.pi) + 320 * math.sin(y / 30 * math.pi)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x)) + wave * 2 / 3
    east += (20 * math.sin(x * math.pi) + 40 * math.sin(x / 3 * math.pi)) * 2 / 3
    east += (150 * math.sin(x / 12 * math.pi) + 300 * math.sin(x / 30 * math.pi)) * 2 / 3
    level = math.radians(lat)
    magic = 1 - _FLATTENING_E2 * math.sin(level) ** 2
    metres_north = _AXIS * (1 - _FLATTENING_E2) / (magic * math.sqrt(magic))
    metres_east = _AXIS / math.sqrt(magic) * math.cos(level)
    return lon + math.degrees(east / metres_east), lat + math.degrees(north / metres_north)


def _to_baidu(lon: float, lat: float) -> tuple[float, float]:
    """The step from GCJ-02 to BD-09."""
    radius = math.hypot(lon, lat) + 0.00002 * math.sin(lat * _BAIDU)
    angle = math.atan2(lat, lon) + 0.000003 * math.cos(lon * _BAIDU)
    return radius * math.cos(angle) + 0.0065, radius * math.sin(angle) + 0.006


def _solve(
    forward: Callable[[float, float], tuple[float, float]], target: tuple[float, float]
) -> tuple[float, float]:
    """The point that `forward` moves to `target`, by taking off what the last guess was out by."""
    lon, lat = target
    for _ in range(_MOST_STEPS):
        image = forward(lon, lat)
        out = image[0] - target[0], image[1] - target[1]
        lon, lat = lon - out[0], lat - out[1]
        if max(abs(out[0]), abs(out[1])) < _ENOUGH:
            break
    return lon, lat
