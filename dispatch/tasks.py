"""Who is sent to verify or to check: of those on duty, whose grid holds the incident, else who is nearest."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from math import inf, isfinite

from dispatch.errors import DispatchError
from dispatch.task_facts import Because


class BadCandidate(DispatchError):
    """somebody on duty is so many whole levels deep, and so many metres away, neither below nought"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody on duty, as seen from one incident.

    ``depth`` is how many codes of the incident's path their duty grid has where it holds the incident, 0
    where it does not; ``distance_m`` metres from where they were last known to be, None where that is not
    known; ``stand_in_for`` whose place they take. Raises BadCandidate.
    """

    person: str
    depth: int
    distance_m: float | None
    stand_in_for: str | None = None

    def __post_init__(self) -> None:
        distance = self.distance_m
        if self.depth < 0 or (distance is not None and not (isfinite(distance) and distance >= 0)):
            raise BadCandidate(person=self.person, depth=self.depth, distance_m=distance)


def choose(candidates: Iterable[Candidate], not_these: Collection[str] = ()) -> Candidate | None:
    """Who goes (派单)? None where all are among ``not_these``, who declined, let it expire or handled it.

    Whose grid holds the incident goes before all others, the deepest grid first: a micro-grid's own inspector
    before one of its street. Among equals the nearest goes, whose place is not known last; equals in that too
    go by their id, so that the same question always has the same answer.

    >>> near, own = Candidate("li", 0, 40.0), Candidate("wang", 4, 900.0)
    >>> choose([near, own]).person
    'wang'
    >>> choose([near, own], not_these={"wang"}).person
    'li'
    """
    return min((one for one in candidates if one.person not in not_these), key=_order, default=None)


def because(chosen: Candidate) -> Because:
    """Why them: on duty in a grid that holds the incident, or the nearest of those on duty elsewhere.

    >>> because(Candidate("li", 0, 40.0)).value
    'nearest'
    """
    return Because.ON_DUTY if chosen.depth else Because.NEAREST


def _order(one: Candidate) -> tuple[int, float, str, str]:
    distance = inf if one.distance_m is None else one.distance_m
    return -one.depth, distance, one.person, one.stand_in_for or ""
