"""The decisions: each takes the incident, who acts, and the rules, and returns the next fact, or raises.

Nothing here asks the time, reads, or writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from dispatch.categories import Urgency
from dispatch.deadlines import Limit, advance, due, remaining
from dispatch.entries import (
    Adopted,
    Attached,
    Cancelled,
    Checked,
    Closed,
    Dispatched,
    Filed,
    Handled,
    Noted,
    Place,
    Placed,
    Rejected,
    Relocated,
    Reopened,
    Reported,
    Returned,
    Route,
)
from dispatch.errors import BrokenHistory, NotForThisRole, ReasonMissing, UnknownUrgency
from dispatch.incidents import Incident
from dispatch.lifecycle import Act, Role, Stage, require, step
from dispatch.routing import route
from dispatch.rules import Rules

#: A phone's clock may run this much ahead of the server's before the report is marked: two minutes is
#: more than network time keeps a phone off, and less than any time limit here.
CLOCK_TOLERANCE = timedelta(minutes=2)

_URGENCIES = tuple(str(urgency) for urgency in Urgency)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a person's id and the roles that their assignments give them **on this incident**."""

    person: str
    roles: frozenset[Role]


@dataclass(frozen=True, slots=True)
class Draft:
    """What a reporter sends, located: everything a report needs but its case number and time.

    ``territorial``: the department that answers for the place (属地), None outside every grid.
    """

    channel: str
    category: str
    urgency: str | None
    place: Place
    territorial: str | None
    words: str | None
    photos: tuple[str, ...]
    happened_at: datetime
    specialised: tuple[str, ...] = ()


def report(rules: Rules, draft: Draft, by: Actor, case_number: str, now: datetime) -> Reported:
    """Take a report in (上报). It is kept wherever it lies; a clock that runs ahead is marked, not refused.

    Raises UnknownCategory, UnknownUrgency, NotForThisRole.
    """
    require(None, Act.REPORT, by.roles)
    category = rules.categories.get(draft.category)
    ahead = draft.happened_at - now
    return Reported(
        case_number=case_number,
        channel=draft.channel,
        category=category.key,
        urgency=_urgency(draft.urgency) or category.urgency,
        place=draft.place,
        route=_routed(rules, category.key, draft.place, draft.territorial),
        rules=rules.version,
        words=draft.words,
        photos=draft.photos,
        clock_ahead_s=ahead.total_seconds() if ahead > CLOCK_TOLERANCE else None,
        specialised=draft.specialised,
    )


def place(
    rules: Rules,
    incident: Incident,
    by: Actor,
    where: Place,
    territorial: str | None,
    specialised: tuple[str, ...] = (),
) -> Placed:
    """Say where it is (定位), as intake does with what lies in the unlocated tray; it is routed again."""
    require(incident.stage, Act.PLACE, by.roles)
    return Placed(where, _routed(rules, incident.category, where, territorial), rules.version, specialised)


def relocate(
    rules: Rules,
    incident: Incident,
    where: Place,
    territorial: str | None,
    specialised: tuple[str, ...] = (),
) -> Relocated:
    """Locate what is open in boundaries that have come into force (重新定位). No person does this.

    What still waits for its department is routed again, if the rules know its category; what a department
    has already stays with it. Raises NotInThisStage where it has ended.
    """
    step(incident.stage, Act.RELOCATE)
    waits = incident.stage in (Stage.INTAKE, Stage.DISPATCH) and incident.category in rules.categories
    return Relocated(
        where,
        rules.version,
        incident.place.path,
        incident.place.edition,
        _routed(rules, incident.category, where, territorial) if waits else None,
        specialised,
    )


def file(
    rules: Rules,
    incident: Incident,
    by: Actor,
    territorial: str | None,
    category: str | None = None,
    urgency: str | None = None,
    specialised: tuple[str, ...] | None = None,
) -> Filed:
    """Accept it as ours (立案), in this category or, corrected, in another.

    A new category brings its own urgency, unless one is given. Raises UnknownCategory, UnknownUrgency.
    """
    require(incident.stage, Act.FILE, by.roles)
    found = rules.categories.get(category or incident.category)
    raised = _urgency(urgency) or (incident.urgency if category is None else found.urgency)
    route = _routed(rules, found.key, incident.place, territorial)
    matter = incident.specialised if specialised is None else specialised
    return Filed(found.key, raised, route, rules.version, matter)


def reject(incident: Incident, by: Actor, reason: str) -> Rejected:
    """Refuse to file it (不予立案); raises ReasonMissing."""
    require(incident.stage, Act.REJECT, by.roles)
    return Rejected(_reason(Act.REJECT, reason))


def dispatch(
    rules: Rules, incident: Incident, by: Actor, now: datetime, department: str | None = None
) -> Dispatched:
    """Give it to its department, or to the one named, under the category's time limit (派遣).

    The department that returned it resumes its remaining time; another gets a fresh limit. Raises
    UnknownDepartment.
    """
    require(incident.stage, Act.DISPATCH, by.roles)
    lead = rules.routing.department(department or incident.department)
    chosen = department is not None and department != incident.department
    limit = rules.categories.get(incident.category).limit
    resumed = incident.remaining_s is not None and incident.last_lead == lead
    if resumed and incident.remaining_s is not None and incident.limit is not None:
        limit = Limit.parse(incident.limit)
        ends = advance(rules.calendar, limit.unit, now, timedelta(seconds=incident.remaining_s))
    else:
        ends = due(rules.calendar, limit, now)
    return Dispatched(
        department=lead,
        rule="chosen by the dispatcher" if chosen else incident.rule,
        reason=f"chosen instead of {incident.department}" if chosen else "as routed",
        limit=str(limit),
        due_at=ends,
        resumed=resumed,
        rules=rules.version,
        unconfirmed_year=not rules.calendar.confirmed(ends),
    )


def return_(rules: Rules, incident: Incident, by: Actor, reason: str, now: datetime) -> Returned:
    """Not ours (退回): back to the dispatch desk, the handling clock pauses. Raises ReasonMissing."""
    require(incident.stage, Act.RETURN, by.roles)
    why = _reason(Act.RETURN, reason)
    if incident.lead is None or incident.due_at is None or incident.limit is None:
        raise BrokenHistory(f"incident {incident.id} is being handled by nobody")
    left = remaining(rules.calendar, Limit.parse(incident.limit).unit, now, incident.due_at)
    return Returned(incident.lead, why, left.total_seconds())


def handle(incident: Incident, by: Actor, result: str, photos: tuple[str, ...] = ()) -> Handled:
    """Report that it is put right (处置); raises ReasonMissing where no result is told."""
    require(incident.stage, Act.HANDLE, by.roles)
    if incident.lead is None:
        raise BrokenHistory(f"incident {incident.id} is being handled by nobody")
    return Handled(incident.lead, _reason(Act.HANDLE, result), photos)


def check(
    incident: Incident, by: Actor, passed: bool, reason: str = "", photos: tuple[str, ...] = ()
) -> Checked:
    """Say whether it has been put right (核查). A failed check needs a reason and sends it back: rework.

    Who handled it may not check it: patrol and handling are separate people. Raises NotForThisRole,
    ReasonMissing.
    """
    require(incident.stage, Act.CHECK, by.roles)
    if by.person == incident.handled_by:
        raise NotForThisRole(Act.CHECK, ["an inspector who did not handle it"], ["the person who handled it"])
    return Checked(passed, reason.strip() if passed else _reason(Act.CHECK, reason), photos)


def close(incident: Incident, by: Actor) -> Closed:
    """Nothing is left to do (结案)."""
    require(incident.stage, Act.CLOSE, by.roles)
    return Closed()


def reopen(incident: Incident, by: Actor, reason: str) -> Reopened:
    """It was not over (重新立案); raises ReasonMissing."""
    require(incident.stage, Act.REOPEN, by.roles)
    return Reopened(_reason(Act.REOPEN, reason))


def cancel(incident: Incident, by: Actor, reason: str) -> Cancelled:
    """Take it off the books (作废); raises ReasonMissing."""
    require(incident.stage, Act.CANCEL, by.roles)
    return Cancelled(_reason(Act.CANCEL, reason))


def adopt(rules: Rules, incident: Incident, by: Actor, territorial: str | None) -> Adopted:
    """Make an open incident of imported history one of ours (接管); raises UnknownCategory."""
    require(incident.stage, Act.ADOPT, by.roles)
    category = rules.categories.get(incident.category)
    return Adopted(_routed(rules, category.key, incident.place, territorial), rules.version)


def note(incident: Incident, by: Actor, words: str) -> Noted:
    """Write a remark beside it (备注); ``words`` is the reference to what was written."""
    require(incident.stage, Act.NOTE, by.roles)
    return Noted(words)


def attach(incident: Incident, by: Actor, photos: tuple[str, ...]) -> Attached:
    """Put photos beside it (附件), by the SHA-256 of their content."""
    require(incident.stage, Act.ATTACH, by.roles)
    return Attached(photos)


def _routed(rules: Rules, category: str, where: Place, territorial: str | None) -> Route:
    found = route(rules.routing, rules.categories.get(category), where.path, territorial)
    return Route(found.department, found.rule, found.reason)


def _urgency(wanted: str | None) -> Urgency | None:
    """The urgency that is wanted, None where none is; raises UnknownUrgency."""
    if not wanted:
        return None
    if wanted not in _URGENCIES:
        raise UnknownUrgency(wanted, _URGENCIES)
    return Urgency(wanted)


def _reason(act: Act, reason: str) -> str:
    if not reason.strip():
        raise ReasonMissing(act)
    return reason.strip()
