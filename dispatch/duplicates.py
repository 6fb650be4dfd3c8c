"""How far apart two incidents are, in space and in time: what speaks for their being the same (并案)."""

from __future__ import annotations

from math import cos, hypot, radians, sin, sqrt
from typing import Final

from dispatch.entries import Place
from dispatch.incidents import Incident

#: The ellipsoid of WGS-84: its longer half axis in metres, and its flattening.
_AXIS_M: Final = 6_378_137.0
_FLATTENING: Final = 1 / 298.257223563


def distance_m(one: Place, other: Place) -> float | None:
    """Metres between two places along the ellipsoid; None where one has no point.

    By the radii of curvature at the middle latitude, which is right to a millimetre where places that may be
    the same are: within some kilometres. The date line is not looked over.

    >>> round(distance_m(Place(lon=114.0, lat=22.5), Place(lon=114.0, lat=22.501)), 2)
    110.74
    """
    if one.lon is None or one.lat is None or other.lon is None or other.lat is None:
        return None
    middle = radians((one.lat + other.lat) / 2)
    squared = _FLATTENING * (2 - _FLATTENING)
    bent = 1 - squared * sin(middle) ** 2
    north = _AXIS_M * (1 - squared) / (bent * sqrt(bent)) * radians(other.lat - one.lat)
    east = _AXIS_M / sqrt(bent) * cos(middle) * radians(other.lon - one.lon)
    return hypot(north, east)


def age_s(leader: Incident, follower: Incident) -> float:
    """Seconds that the leader was reported before the follower; negative where it came later."""
    return (follower.reported_at - leader.reported_at).total_seconds()
