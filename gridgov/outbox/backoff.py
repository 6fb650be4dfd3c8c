"""When to try again what failed: later each time, and not all at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

#: The first retry after about ten seconds, then twice as long each time, at most an hour: an outage of ten
#: hours costs some twenty tries, and whoever is back waits an hour at most.
FIRST: Final = timedelta(seconds=10)
LONGEST: Final = timedelta(hours=1)
#: Nothing is ever put off for so long: what seems to be was written down by a clock that was wrong.
NEVER: Final = timedelta(days=2)


def held(until: datetime | None, now: datetime) -> bool:
    """Does something wait for this moment? Not for one so far ahead that a wrong clock wrote it down."""
    return until is not None and now < until <= now + NEVER


def wait(failures: int, chance: float) -> timedelta:
    """How long to wait after so many failures in a row (1 or more); ``chance`` is from 0 to 1.

    Half of it is sure and half by chance, so that what failed together is not tried together.

    >>> [wait(n, 1.0).total_seconds() for n in (1, 2, 3, 20)]
    [10.0, 20.0, 40.0, 3600.0]
    >>> wait(1, 0.0)
    datetime.timedelta(seconds=5)
    """
    # 512 times ten seconds is more than an hour already; larger powers would only overflow.
    whole = min(FIRST * (1 << min(failures - 1, 9)), LONGEST)
    return whole * (0.5 + chance / 2)
