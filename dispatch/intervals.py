"""How sure a rate is: its Wilson score interval, and a ranking that small numbers cannot win."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import hypot, sqrt
from typing import Final

from dispatch.errors import BadCounts

#: Of the normal distribution, 95 % lies within so many standard deviations.
Z95: Final = 1.959963984540054
#: Below so many, a rate moves by more than three percentage points with a single incident.
SMALL: Final = 30


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a rate, or the difference of two, lies, with 95 % confidence unless said otherwise; shares."""

    low: float
    high: float


def wilson(numerator: int, denominator: int, z: float = Z95) -> Interval | None:
    """The score interval of a rate (Wilson 1927, "Probable inference, the law of succession, and statistical
    inference"); None where the denominator is 0.

    The interval taught first, rate plus or minus its standard error, says of 3 closed of 3 that nothing else
    is possible; this one holds for small numbers and for rates near 0 and 1. Only for shares: events per
    incident, such as reworks, have none. Raises BadCounts unless 0 <= numerator <= denominator.

    >>> wilson(3, 3)
    Interval(low=0.438..., high=1.0)
    >>> wilson(300, 300)
    Interval(low=0.987..., high=1.0)
    >>> wilson(0, 0) is None
    True
    """
    if not 0 <= numerator <= denominator:
        raise BadCounts(
            f"{numerator} of {denominator} is no share", numerator=numerator, denominator=denominator
        )
    if not denominator:
        return None
    share, spread = numerator / denominator, z * z / denominator
    middle = (share + spread / 2) / (1 + spread)
    half = z * sqrt((share * (1 - share) + spread / 4) / denominator) / (1 + spread)
    # At the ends the formula is exact, and its rounding is not.
    low = 0.0 if numerator == 0 else max(0.0, middle - half)
    return Interval(low, 1.0 if numerator == denominator else min(1.0, middle + half))


@dataclass(frozen=True, slots=True)
class Difference:
    """How much higher the first of two rates is: from -1 to 1, and where that lies with 95 % confidence."""

    rate: float
    interval: Interval

    @property
    def is_certain(self) -> bool:
        """Is it more than chance: does the interval leave 0 out?"""
        return self.interval.low > 0 or self.interval.high < 0


def difference(one: tuple[int, int], other: tuple[int, int]) -> Difference | None:
    """The difference of two shares (numerator, denominator) of different incidents, put together from the
    score interval of each (Newcombe 1998, "Interval estimation for the difference between independent
    proportions", method 10); None where a denominator is 0. Raises BadCounts.

    >>> found = difference((56, 70), (48, 80))
    >>> f"{found.rate:.4f} from {found.interval.low:.4f} to {found.interval.high:.4f}"
    '0.2000 from 0.0524 to 0.3339'
    """
    first, second = wilson(*one), wilson(*other)
    if first is None or second is None:
        return None
    share, less = one[0] / one[1], other[0] / other[1]
    low = hypot(share - first.low, second.high - less)
    high = hypot(first.high - share, less - second.low)
    return Difference(share - less, Interval(share - less - low, share - less + high))


def is_small(denominator: int) -> bool:
    """Are these so few that a rate of them should be shown with a warning?"""
    return denominator < SMALL


@dataclass(frozen=True, slots=True)
class Ranked:
    """A rate with its place among others; ``rank`` and ``interval`` None where there is nothing to rank."""

    key: str
    numerator: int
    denominator: int
    interval: Interval | None
    rank: int | None


def ranked(items: Iterable[tuple[str, int, int]], *, higher_is_better: bool = True) -> list[Ranked]:
    """Rates (key, numerator, denominator), the best first, by the bound of the interval that is worse for
    them: with 3 of 3 one is not ahead of 980 of 1,000. Equal bounds share a place, and the next one's is as
    many further on. Where the denominator is 0 there is no place: these come last, by key.
    Keys are each one's own. Raises BadCounts.

    >>> [(one.key, one.rank) for one in ranked([("few", 3, 3), ("many", 980, 1000), ("none", 0, 0)])]
    [('many', 1), ('few', 2), ('none', None)]
    """
    told = [
        (key, numerator, denominator, wilson(numerator, denominator)) for key, numerator, denominator in items
    ]
    bounds = {
        key: -interval.low if higher_is_better else interval.high
        for key, _, _, interval in told
        if interval is not None
    }
    places: dict[float, int] = {}
    for place, bound in enumerate(sorted(bounds.values()), 1):
        places.setdefault(bound, place)
    found = [
        Ranked(key, numerator, denominator, interval, places[bounds[key]] if key in bounds else None)
        for key, numerator, denominator, interval in told
    ]
    return sorted(found, key=lambda one: (one.rank is None, one.rank or 0, one.key))
