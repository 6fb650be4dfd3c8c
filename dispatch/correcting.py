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
    units_before: Units | None = None,
) -> Corrected:
    """Put right what was wrong (更正): located and routed again.

    ``units`` and ``specialised`` are those of the place and category as they will be, ``units_before`` those
    of the place as it was (None: the same, where it stays). While a department
    handles it, it stays there if neither whose it is nor its time limit is another now; else it goes back to
    dispatch, its clock paused. Whoever had it before goes on with what was left where the limit is the same;
    another limit is fresh, also where it waits for dispatch already. Raises NothingToCorrect,
    UnknownCategory, UnknownStandard, UnknownUrgency, ReasonMissing.
    """
    permit(incident, Act.CORRECT, by)
    category = rules.categories.get(wanted.category or incident.category)
    norm = _norm(category, incident, wanted)
    urgency = _urgency(category, norm, incident, wanted)
    place = wanted.place or incident.place
    before = (incident.category, incident.standard or "", incident.urgency, incident.place)
    if (category.key, norm.code, str(urgency), place) == before:
        raise NothingToCorrect()
    why = reason_in_words(Act.CORRECT, reason)
    case = Situation(
        category, place.path, units, specialised, urgency, incident.channel, now, norm.department
    )
    route = routed(rules, case)
    same_limit, same, remaining_s = _same_limit(incident, norm), True, incident.remaining_s
    if incident.stage is Stage.HANDLING:
        here = units if place.path == incident.place.path else units_before
        same = same_limit and _stays(rules, incident, route, here, now)
        remaining_s = None if same else _left(rules, incident, now)
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
        remaining_s if same_limit else None,
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


def _same_limit(incident: Incident, norm: CaseStandard) -> bool:
    """Has handling the limit that its clock ran by before?"""
    clock = incident.handling
    return clock is not None and (str(norm.limit), norm.calendar) == (clock.limit, clock.calendar)


def _stays(rules: Rules, incident: Incident, route: Route, units: Units | None, now: datetime) -> bool:
    """Does whoever handles it go on handling it? A department that somebody chose against the rules keeps it
    as long as the rules say the same as before, with the ``units`` of the place as it was.
    """
    if route.department == incident.lead:
        return True
    if incident.category not in rules.categories or units is None:
        return False
    was = routed_again(rules, incident, incident.place, units, incident.specialised, now)
    return routed(rules, was).department == route.department


def _left(rules: Rules, incident: Incident, now: datetime) -> float:
    clock = incident.handling
    assert clock is not None, "whatever is handled has a limit"
    calendar = rules.calendar_of(clock.calendar)
    return remaining(calendar, Limit.parse(clock.limit).unit, now, clock.due_at).total_seconds()
