"""Putting right what an incident was reported as: where it is, what it is, how urgent; it is routed again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dispatch.actors import Actor
from dispatch.categories import CaseStandard, Category, Urgency
from dispatch.clocks import Clock
from dispatch.deadlines import Limit, remaining
from dispatch.entries import Place, Route
from dispatch.errors import NothingToCorrect
from dispatch.handling_facts import Corrected
from dispatch.incidents import Incident
from dispatch.lifecycle import Act, Stage
from dispatch.permissions import permit
from dispatch.results import (
    reason_in_words,
    routed,
    routed_again,
    stage_clock,
    standard_in_force,
    urgency_of,
)
from dispatch.routing import Situation, Units
from dispatch.rules import Rules


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be put right; None stays as it is. A category that is named, be it the same, is named
    anew: its case standard is the one beside it, or none.
    """

    category: str | None = None
    standard: str | None = None
    urgency: str | None = None
    place: Place | None = None


def correct(
    rules: Rules,
    incident: Incident,
    by: Actor,
    wanted: Wanted,
    units: Units,
    specialised: tuple[str, ...],
    reason: str,
    now: datetime,
) -> Corrected:
    """Put right what was wrong (更正): located and routed again.

    ``units`` and ``specialised`` are those of the place and category as they will be. While a department
    handles it, it stays there if neither whose it is nor its time limit is another now; else it goes back to
    dispatch, its clock paused: the same limit goes on from there, another is fresh. Raises NothingToCorrect,
    UnknownCategory, UnknownStandard, UnknownUrgency, ReasonMissing.
    """
    permit(incident, Act.CORRECT, by)
    why = reason_in_words(Act.CORRECT, reason)
    category = rules.categories.get(wanted.category or incident.category)
    norm = _norm(category, incident, wanted)
    urgency = _urgency(category, norm, incident, wanted)
    place = wanted.place or incident.place
    before = (incident.category, incident.standard or "", incident.urgency, incident.place)
    if (category.key, norm.code, str(urgency), place) == before:
        raise NothingToCorrect()
    case = Situation(
        category, place.path, units, specialised, urgency, incident.channel, now, norm.department
    )
    route = routed(rules, case)
    remaining_s, same = None, True
    if incident.stage is Stage.HANDLING:
        same, same_limit = _stays(rules, incident, route, norm, units, now)
        remaining_s = None if same or not same_limit else _left(rules, incident, now)
    return Corrected(
        category.key,
        str(urgency),
        place,
        route,
        rules.version,
        why,
        specialised,
        norm.code or None,
        not same,
        remaining_s,
        None if same else stage_clock(rules, Clock.DISPATCH, incident.number + 1, now),
    )


def _norm(category: Category, incident: Incident, wanted: Wanted) -> CaseStandard:
    if wanted.standard is not None or wanted.category is not None:
        return category.standard_of(wanted.standard)
    return standard_in_force(category, incident.standard)


def _urgency(category: Category, norm: CaseStandard, incident: Incident, wanted: Wanted) -> Urgency:
    if wanted.urgency is not None:
        found = urgency_of(wanted.urgency)
        assert found is not None
        return found
    same = category.key == incident.category and norm.code == (incident.standard or "")
    return Urgency(incident.urgency) if same else norm.urgency or category.urgency


def _stays(
    rules: Rules, incident: Incident, route: Route, norm: CaseStandard, units: Units, now: datetime
) -> tuple[bool, bool]:
    """Does whoever handles it go on handling it, and is the limit the same? A department that somebody chose
    against the rules keeps it as long as the rules say the same as before.
    """
    clock = incident.handling
    same_limit = clock is not None and (str(norm.limit), norm.calendar) == (clock.limit, clock.calendar)
    theirs = route.department == incident.lead
    if not theirs and incident.category in rules.categories:
        was = routed_again(rules, incident, incident.place, units, incident.specialised, now)
        theirs = routed(rules, was).department == route.department
    return theirs and same_limit, same_limit


def _left(rules: Rules, incident: Incident, now: datetime) -> float:
    clock = incident.handling
    assert clock is not None, "whatever is handled has a limit"
    calendar = rules.calendar_of(clock.calendar)
    return remaining(calendar, Limit.parse(clock.limit).unit, now, clock.due_at).total_seconds()
