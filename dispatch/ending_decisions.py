"""The decisions of how an incident ends beside being closed, and of what comes after that."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from dispatch.actors import Actor
from dispatch.duplicates import age_s, distance_m, may_lead
from dispatch.ending_facts import (
    Appealed,
    CalledBack,
    Decided,
    Followed,
    Joined,
    SelfHandled,
    TakenBack,
)
from dispatch.errors import BrokenHistory, CannotJoin, EvidenceMissing, NobodyReached
from dispatch.incidents import Incident
from dispatch.lifecycle import Act
from dispatch.permissions import in_time, permit
from dispatch.results import reason_in_words

#: What putting right on the spot is proven by (domain notes, "From report to closure").
_BEFORE_AND_AFTER: Final = "putting right on the spot"


def self_handle(
    incident: Incident,
    by: Actor,
    result: str,
    after: tuple[str, ...],
    before: tuple[str, ...] = (),
) -> SelfHandled:
    """Put it right on the spot (自行处置), as whoever reported it; it is closed, and counted apart.

    ``before`` empty: the photos of the report. A photo of before is none of after. Raises NotYours,
    EvidenceMissing, ReasonMissing where no result is told.
    """
    permit(incident, Act.SELF_HANDLE, by)
    was = before or incident.photos
    then = tuple(photo for photo in after if photo not in was)
    if not was:
        raise EvidenceMissing(Act.SELF_HANDLE, f"{_BEFORE_AND_AFTER}, of before,", 1, 0)
    if not then:
        raise EvidenceMissing(Act.SELF_HANDLE, f"{_BEFORE_AND_AFTER}, of after,", 1, 0)
    return SelfHandled(reason_in_words(Act.SELF_HANDLE, result), was, then)


def join(incident: Incident, by: Actor, leader: Incident, reason: str = "") -> tuple[Joined, Followed]:
    """Make it follow another for good (并案): a fact for it, and one for its leader. Raises CannotJoin."""
    permit(incident, Act.JOIN, by)
    if leader.id == incident.id:
        raise CannotJoin("an incident cannot follow itself", leader=leader.id)
    if leader.leader is not None:
        raise CannotJoin(
            f"{leader.case_number} follows another one itself: join to that", leader=leader.leader
        )
    if not may_lead(leader.stage):
        raise CannotJoin(
            f"{leader.case_number} is {leader.stage}: only what is open and ours can lead",
            leader=leader.id,
            stage=str(leader.stage),
        )
    apart, age = distance_m(leader.place, incident.place), age_s(leader, incident)
    joined = Joined(leader.id, leader.case_number, age, apart, reason.strip())
    return joined, Followed(incident.id, incident.case_number, incident.reported_by)


def appeal(incident: Incident, by: Actor, reason: str) -> Appealed:
    """Hold that being late was not one's fault (申诉), once. Raises NotYours, NoMore, ReasonMissing."""
    permit(incident, Act.APPEAL, by)
    if incident.lead is None:
        raise BrokenHistory(f"incident {incident.id} was handled by nobody")
    return Appealed(incident.lead, reason_in_words(Act.APPEAL, reason))


def decide(incident: Incident, by: Actor, granted: bool, reason: str) -> Decided:
    """Say whether an appeal is right (申诉裁定). Raises NothingApplied, ReasonMissing."""
    permit(incident, Act.DECIDE, by)
    return Decided(granted, reason_in_words(Act.DECIDE, reason))


def call_back(
    incident: Incident,
    by: Actor,
    contacted: bool,
    solved: bool | None = None,
    satisfied: bool | None = None,
    words: str | None = None,
) -> CalledBack:
    """Put down what came of ringing back whoever reported it (回访). Raises NobodyReached."""
    permit(incident, Act.CALL_BACK, by)
    if not contacted and (solved is not None or satisfied is not None):
        raise NobodyReached()
    return CalledBack(contacted, solved, satisfied, words)


def take_back(incident: Incident, by: Actor, now: datetime, reason: str = "") -> TakenBack:
    """Take back what one did last (撤回). Raises NothingToTakeBack, TooLate."""
    permit(incident, Act.TAKE_BACK, by)
    in_time(incident, now)
    before = incident.before
    assert before is not None, "the permission asked"
    return TakenBack(incident.last_number, incident.last_act, str(before.stage), reason.strip())
