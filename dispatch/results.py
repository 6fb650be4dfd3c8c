"""What filing, dispatching and routing come to, whoever does them: a person, or a rule by itself."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from dispatch.categories import CaseStandard, Category, Urgency
from dispatch.clocks import Clock, StageLimit, resumed, started
from dispatch.entries import Dispatched, Filed, Place, Route, Started
from dispatch.errors import (
    CalendarTooShort,
    EvidenceMissing,
    ReasonMissing,
    UnknownStandard,
    UnknownUrgency,
)
from dispatch.incidents import Incident
from dispatch.lifecycle import Act
from dispatch.routing import Situation, Units, route
from dispatch.rules import Rules

_URGENCIES = tuple(str(urgency) for urgency in Urgency)


def filed(
    rules: Rules,
    incident: Incident,
    units: Units,
    now: datetime,
    category: str | None = None,
    urgency: str | None = None,
    specialised: tuple[str, ...] | None = None,
    standard: str | None = None,
    automatic: str | None = None,
) -> Filed:
    """The fact of :func:`file`, whoever does it; ``automatic`` names the rule where no person does."""
    found = rules.categories.get(category or incident.category)
    chosen = standard or (incident.standard if found.key == incident.category else None)
    norm = found.standard_of(standard) if standard else standard_in_force(found, chosen)
    corrected = (category and found.key != incident.category) or (standard and standard != incident.standard)
    raised = urgency_of(urgency) or ((norm.urgency or found.urgency) if corrected else incident.urgency)
    matter = incident.specialised if specialised is None else specialised
    where = incident.place
    case = Situation(
        found, where.path, units, matter, Urgency(raised), incident.channel, now, norm.department
    )
    return Filed(
        found.key,
        raised,
        routed(rules, case),
        rules.version,
        matter,
        norm.code or None,
        automatic,
        stage_clock(rules, Clock.DISPATCH, incident.number + 1, now),
    )


def dispatched(
    rules: Rules,
    incident: Incident,
    now: datetime,
    lead: str,
    rule: str,
    reason: str,
    co_handlers: tuple[str, ...],
    automatic: str | None = None,
) -> Dispatched:
    """The fact of :func:`dispatch`, whoever does it; ``automatic`` names the rule where no person does."""
    percent, before = rules.clocks.warn_percent, incident.handling
    goes_on = incident.remaining_s is not None and incident.last_lead == lead
    if goes_on and before is not None and incident.remaining_s is not None:
        left = timedelta(seconds=incident.remaining_s)
        clock = resumed(before, rules.calendar_of(before.calendar), now, left, percent)
    else:
        norm, gone = _limit_of(rules, incident)
        reason = f"{reason}; {gone}" if gone else reason
        stage = StageLimit(norm.limit, norm.calendar)
        calendar = rules.calendar_of(norm.calendar)
        clock = started(Clock.HANDLING, stage, calendar, now, incident.number + 1, percent)
    return Dispatched(
        department=lead,
        rule=rule,
        reason=reason,
        limit=clock.limit,
        due_at=clock.due_at,
        resumed=goes_on,
        rules=rules.version,
        unconfirmed_year=clock.unconfirmed_year,
        co_handlers=co_handlers,
        automatic=automatic,
        warn_at=clock.warn_at,
        run=clock.run,
        calendar=clock.calendar,
    )


def _limit_of(rules: Rules, incident: Incident) -> tuple[CaseStandard, str]:
    """The case standard whose limit handling has, and what the rules do not have any more that it was filed
    under, empty where they have all of it: what was filed has to be handled all the same.
    """
    if incident.category not in rules.categories:
        return CaseStandard(""), f"the rules have no category {incident.category} now: the limit is a default"
    category = rules.categories.get(incident.category)
    norm = standard_in_force(category, incident.standard)
    if norm.code == (incident.standard or ""):
        return norm, ""
    return norm, f"the rules have no case standard {incident.standard} now: the limit is the category's"


def standard_in_force(category: Category, code: str | None) -> CaseStandard:
    """The case standard of this code, or the category's own where the rules do not have it any more: what was
    filed under it has to go on.
    """
    try:
        return category.standard_of(code)
    except UnknownStandard:
        return category.standard_of(None)


def routed_again(
    rules: Rules,
    incident: Incident,
    where: Place,
    units: Units,
    specialised: tuple[str, ...],
    now: datetime,
) -> Situation:
    """The situation of an incident that is routed once more; raises UnknownCategory."""
    category = rules.categories.get(incident.category)
    usual = standard_in_force(category, incident.standard).department
    urgency = Urgency(incident.urgency)
    return Situation(category, where.path, units, specialised, urgency, incident.channel, now, usual)


def routed(rules: Rules, case: Situation) -> Route:
    """Whose a situation is by the rules in force, as it is written down."""
    found = route(rules.routing, case)
    return Route(found.department, found.rule, found.reason, found.co_handlers)


def stage_clock(rules: Rules, clock: Clock, run: int, now: datetime) -> Started | None:
    """The clock of a stage that starts with the entry of this number; None where its calendar has no end for
    it: no report is refused, and nobody kept from acting, because a calendar never works.
    """
    limit = rules.clocks.of(clock)
    calendar = rules.calendar_of(limit.calendar)
    try:
        return started(clock, limit, calendar, now, run, rules.clocks.warn_percent)
    except CalendarTooShort:
        return None


def reason_in_words(act: Act, reason: str) -> str:
    """The reason without the blanks around it; raises ReasonMissing where nothing is left."""
    if not any(character.isprintable() and not character.isspace() for character in reason):
        raise ReasonMissing(act)
    return reason.strip()


def evidence(rules: Rules, category: str, standard: str | None, act: Act, photos: Collection[str]) -> None:
    """Return where there are as many photos of an act as its case standard demands; raises EvidenceMissing.

    A category that the rules do not have any more demands none.
    """
    if category not in rules.categories:
        return
    found = rules.categories.get(category)
    norm = standard_in_force(found, standard)
    needed = dict(norm.photos).get(str(act), 0)
    if len(photos) < needed:
        raise EvidenceMissing(act, f"case standard {norm.code} of {found.name_zh}", needed, len(photos))


def urgency_of(wanted: str | None) -> Urgency | None:
    """The urgency that is wanted, None where none is; raises UnknownUrgency."""
    if not wanted:
        return None
    if wanted not in _URGENCIES:
        raise UnknownUrgency(wanted, _URGENCIES)
    return Urgency(wanted)
