"""Time as a newcomer would count it: step by step, looking at the calendar at each."""

from datetime import datetime, timedelta
from functools import cache

from dispatch.deadlines import Limit, Unit
from tests.dispatch.strategies import china

#: Working hours, limits and all that moves time in the plain model lie on these steps: so counting them is exact.
STEP = timedelta(minutes=5)
MINUTES = Unit.WM
DAY = timedelta(days=1)


@cache
def works(moment: datetime) -> bool:
    """Is this moment working time?"""
    return china().is_working(moment)


def own_time(unit: Unit, start: datetime, end: datetime) -> timedelta:
    """How much of the unit's kind of time passes, counted step by step; negative backwards."""
    if unit in (Unit.EM, Unit.EH, Unit.ED):
        return end - start
    if end < start:
        return -own_time(unit, end, start)
    steps = (start + n * STEP for n in range((end - start) // STEP))
    return sum(works(moment) for moment in steps) * STEP


def end_of(limit: Limit, start: datetime) -> datetime:
    """When a limit that starts then is spent: walked through, step by step or day by day.

    Shanghai has no summer time: a calendar day is 24 hours.
    """
    if limit.unit in (Unit.EM, Unit.EH, Unit.ED):
        each = {Unit.EM: timedelta(minutes=1), Unit.EH: timedelta(hours=1), Unit.ED: DAY}[limit.unit]
        return start + limit.amount * each
    moment = start
    if limit.unit is Unit.WD:
        while not works(moment):
            moment += STEP
        for _ in range(limit.amount):
            moment += DAY
            while not works(moment):
                moment += DAY
        return moment
    left = limit.amount * (timedelta(hours=1) if limit.unit is Unit.WH else timedelta(minutes=1))
    while left:
        left -= STEP * works(moment)
        moment += STEP
    return moment
