"""How far apart two incidents are, in space and in time: what speaks for their being the same (并案)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import cos, hypot, radians, sin, sqrt
from typing import Final

from dispatch.entries import Place
from dispatch.incidents import Incident
from dispatch.lifecycle import ENDED, Stage

#: So near and so soon after each other two reports in one category may be of the same thing; both ends are
#: included (domain notes, "From report to closure", duplicate: within 50 m and 24 h in the same category).
WITHIN_M: Final = 50.0
WITHIN: Final = timedelta(hours=24)

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


@dataclass(frozen=True, slots=True)
class Sight:
    """What was reported, where and when: all that decides whether two reports may be of the same thing.

    ``at`` is an aware moment; ``place`` may have no point.
    """

    category: str
    place: Place
    at: datetime


def alike(one: Sight, other: Sight) -> bool:
    """May two reports be of the same thing? Of one category, within 50 m and 24 h, the ends included.

    Never so where one has no point: nobody knows how far apart they are.

    >>> from datetime import UTC
    >>> eight = datetime(2026, 11, 23, 8, tzinfo=UTC)
    >>> hole = Sight("manhole", Place(lon=114.0, lat=22.5), eight)
    >>> alike(hole, Sight("manhole", Place(lon=114.0, lat=22.5004), eight + timedelta(hours=24)))
    True
    >>> alike(hole, Sight("lamp", Place(lon=114.0, lat=22.5), eight))
    False
    """
    if one.category != other.category or abs(other.at - one.at) > WITHIN:
        return False
    apart = distance_m(one.place, other.place)
    return apart is not None and apart <= WITHIN_M


def off_m(one: Place, other: Place) -> float | None:
    """So many metres a distance between two points may be off, by their stated accuracies; None where one of
    them states none.
    """
    if one.accuracy_m is None or other.accuracy_m is None:
        return None
    return one.accuracy_m + other.accuracy_m


def may_lead(stage: Stage) -> bool:
    """May others be joined to an incident of this stage? What leads is open, and ours."""
    return stage not in ENDED and stage is not Stage.IMPORTED
