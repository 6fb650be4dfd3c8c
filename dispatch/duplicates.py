"""How far apart two incidents are, in space and in time: what speaks for their being the same (并案)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import cos, hypot, radians, sin, sqrt
from typing import Final

from dispatch.deadlines import LENGTH, Limit, Unit
from dispatch.entries import Place
from dispatch.incidents import Incident
from dispatch.lifecycle import ENDED, Stage

#: Units that are as long wherever they lie, by night too: the time between two reports is told in them.
APART: Final = (Unit.EM, Unit.EH)


@dataclass(frozen=True, slots=True)
class Likeness:
    """So near (metres) and so soon after each other two reports may be of the same thing, both ends included.

    Of one category, with ``whole_class`` of one class. As it is here, the domain notes have it ("From report
    to closure", duplicate: within 50 m and 24 h in the same category); a city may say otherwise. The unit of
    ``within`` is one of APART.
    """

    within_m: float = 50.0
    within: Limit = field(default_factory=lambda: Limit(24, Unit.EH))
    whole_class: bool = False

    @property
    def span(self) -> timedelta:
        """``within`` as time.

        >>> Likeness().span
        datetime.timedelta(days=1)
        """
        return self.within.amount * LENGTH[self.within.unit]


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


_USUAL: Final = Likeness()


@dataclass(frozen=True, slots=True)
class Sight:
    """What was reported, where and when: all that decides whether two reports may be of the same thing.

    ``at`` is an aware moment; ``place`` may have no point. ``category`` and ``category_class`` are keys.
    """

    category: str
    place: Place
    at: datetime
    category_class: str = ""


def alike(one: Sight, other: Sight, like: Likeness = _USUAL) -> bool:
    """May two reports be of the same thing? Of one category or class, so near and so soon, the ends included.

    Never so where one has no point: nobody knows how far apart they are.

    >>> from datetime import UTC
    >>> eight = datetime(2026, 11, 23, 8, tzinfo=UTC)
    >>> hole = Sight("manhole", Place(lon=114.0, lat=22.5), eight)
    >>> alike(hole, Sight("manhole", Place(lon=114.0, lat=22.5004), eight + timedelta(hours=24)))
    True
    >>> alike(hole, Sight("lamp", Place(lon=114.0, lat=22.5), eight))
    False
    """
    same_class = like.whole_class and one.category_class == other.category_class != ""
    if one.category != other.category and not same_class:
        return False
    apart = distance_m(one.place, other.place)
    return abs(other.at - one.at) <= like.span and apart is not None and apart <= like.within_m


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
