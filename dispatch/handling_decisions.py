"""The decisions of dispatch and handling beside the main line; each returns the next fact, or raises."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from dispatch.actors import Actor
from dispatch.building import ACCEPTED, OPEN
from dispatch.clocks import Clock, extended, resumed
from dispatch.deadlines import Limit, remaining
from dispatch.entries import Started
from dispatch.errors import (
    BadDate,
    BrokenHistory,
    CannotGo,
    NoMore,
    SamePerson,
    TooLate,
    UnknownCrew,
)
from dispatch.handling_facts import (
    Accepted,
    Answered,
    Applied,
    Assigned,
    Declined,
    Enforced,
    Granted,
    Involved,
    PartDone,
    Refused,
    Resumed,
    Supervised,
    Wish,
)
from dispatch.incidents import Incident
from dispatch.lifecycle import Act
from dispatch.permissions import part_of, permit
from dispatch.results import reason_in_words, stage_clock
from dispatch.rules import Rules

#: Domain notes, "From report to closure": two extensions at most, a suspension once and for a year at most.
MOST_EXTENSIONS: Final = 2
MOST_SUSPENSIONS: Final = 1
LONGEST_SUSPENSION: Final = timedelta(days=366)


def accept(incident: Incident, by: Actor, department: str | None = None) -> Accepted:
    """Take up one's department's part (签收), the lead's or a co-handler's. Raises NotYours, AlreadyDone."""
    permit(incident, Act.ACCEPT, by)
    lead = incident.accepted_by is None
    return Accepted(part_of(incident, by, (OPEN,), department, lead=lead))


def decline(incident: Incident, by: Actor, reason: str, department: str | None = None) -> Declined:
    """Have no part in it (谢绝协办), as a co-handler. Raises NotYours, AlreadyDone, ReasonMissing."""
    permit(incident, Act.DECLINE, by)
    theirs = part_of(incident, by, (OPEN, ACCEPTED), department, lead=False)
    return Declined(theirs, reason_in_words(Act.DECLINE, reason))


def assign(
    rules: Rules,
    incident: Incident,
    by: Actor,
    crew: str | None,
    person: str | None,
    person_may: bool,
    reason: str = "",
    department: str | None = None,
) -> Assigned:
    """Hand it to a crew, a person, or both, inside one's department (分办). ``person_may``: is the person a
    handler of that department there? Raises NotYours, UnknownCrew, CannotGo, also where neither is named, and
    SamePerson for who reported, verified or checked it.
    """
    permit(incident, Act.ASSIGN, by)
    theirs = part_of(incident, by, (OPEN, ACCEPTED), department)
    if crew is not None:
        known = rules.routing.departments.get(theirs)
        crews = () if known is None else tuple(one.code for one in known.crews)
        if crew not in crews:
            raise UnknownCrew(theirs, crew, crews)
    if person is not None and not person_may:
        raise CannotGo(f"this person is no handler of {theirs} there", department=theirs)
    if person in incident.eyes:
        raise SamePerson(Act.HANDLE, "reported, verified or checked")
    if crew is None and person is None:
        raise CannotGo("say which crew or which person it is handed to", department=theirs)
    return Assigned(theirs, crew, person, reason.strip())


def involve(
    rules: Rules, incident: Incident, by: Actor, co_handlers: Sequence[str], reason: str = ""
) -> Involved:
    """Say who has a part in it beside the lead, from now on (协办调整). Raises UnknownDepartment."""
    permit(incident, Act.INVOLVE, by)
    codes = dict.fromkeys(rules.routing.department(code) for code in co_handlers)
    return Involved(tuple(code for code in codes if code != incident.lead), reason.strip())


def report_part(
    incident: Incident,
    by: Actor,
    result: str,
    photos: tuple[str, ...] = (),
    department: str | None = None,
) -> PartDone:
    """Report that a co-handler's part is done (协办反馈). Raises NotYours, AlreadyDone, SamePerson,
    ReasonMissing where no result is told.
    """
    permit(incident, Act.REPORT_PART, by)
    theirs = part_of(incident, by, (OPEN, ACCEPTED), department, lead=False)
    return PartDone(theirs, reason_in_words(Act.REPORT_PART, result), photos)


def apply(
    incident: Incident, by: Actor, wish: Wish, reason: str, now: datetime, until: datetime | None = None
) -> Applied:
    """Ask for more time (延期), or that the clock stands still until a date (挂账).

    An extension is asked for before the limit is over, and granted twice at most; a suspension is once and
    for a year at most. Raises NotYours, AlreadyApplied, TooLate, NoMore, BadDate, ReasonMissing.
    """
    permit(incident, Act.APPLY, by)
    if wish is Wish.EXTENSION:
        if incident.extended >= MOST_EXTENSIONS:
            raise NoMore(f"at most {MOST_EXTENSIONS} extensions are granted", granted=incident.extended)
        if incident.due_at is None or now >= incident.due_at:
            raise TooLate("an extension is asked for before the limit is over", due_at=incident.due_at)
        return Applied(wish, reason_in_words(Act.APPLY, reason))
    if incident.suspensions >= MOST_SUSPENSIONS:
        raise NoMore("it was suspended before, and that is possible once", suspensions=incident.suspensions)
    end = _until(until, now)
    return Applied(wish, reason_in_words(Act.APPLY, reason), end)


def _until(until: datetime | None, now: datetime) -> datetime:
    if until is None or until <= now or until - now > LONGEST_SUSPENSION:
        raise BadDate(until=until, latest=now + LONGEST_SUSPENSION)
    return until


def grant(rules: Rules, incident: Incident, by: Actor, now: datetime, reason: str = "") -> Granted:
    """Give what was asked for (批准). Raises NothingApplied, and BadDate where that date has come."""
    permit(incident, Act.GRANT, by)
    asked, clock = incident.application, _handling(incident)
    assert asked is not None, "the permission asked"
    calendar, due_at = rules.calendar_of(clock.calendar), clock.due_at
    if asked.wish == Wish.EXTENSION:
        starts = extended(clock, calendar, now, incident.extended + 1, rules.clocks.warn_percent)
        return Granted(asked.wish, reason.strip(), starts=starts)
    left = remaining(calendar, Limit.parse(clock.limit).unit, now, due_at)
    until = _until(asked.until, now)
    return Granted(asked.wish, reason.strip(), until, left.total_seconds())


def _handling(incident: Incident) -> Started:
    if incident.handling is None:
        raise BrokenHistory(f"incident {incident.id} is being handled without a limit")
    return incident.handling


def refuse(incident: Incident, by: Actor, reason: str) -> Refused:
    """Not give what was asked for (不批准). Raises NothingApplied, ReasonMissing."""
    permit(incident, Act.REFUSE, by)
    assert incident.application is not None, "the permission asked"
    return Refused(incident.application.wish, reason_in_words(Act.REFUSE, reason))


def resume(rules: Rules, incident: Incident, by: Actor, now: datetime, reason: str = "") -> Resumed:
    """End a suspension before its date (恢复): the clock goes on with what was left. Raises NotYours."""
    permit(incident, Act.RESUME, by)
    return resumption(rules, incident, now, reason.strip())


def resumption(rules: Rules, incident: Incident, now: datetime, reason: str = "") -> Resumed:
    """The fact of :func:`resume`, whoever does it; at its date nobody does."""
    clock = _handling(incident)
    if incident.remaining_s is None:
        raise BrokenHistory(f"incident {incident.id} is suspended with nothing left of its limit")
    left = timedelta(seconds=incident.remaining_s)
    calendar = rules.calendar_of(clock.calendar)
    return Resumed(resumed(clock, calendar, now, left, rules.clocks.warn_percent), reason)


def supervise(rules: Rules, incident: Incident, by: Actor, reason: str, now: datetime) -> Supervised:
    """Want to know how it goes (督办); it has to be answered. Raises AlreadySupervised, ReasonMissing."""
    permit(incident, Act.SUPERVISE, by)
    starts = stage_clock(rules, Clock.SUPERVISION, incident.number + 1, now)
    return Supervised(reason_in_words(Act.SUPERVISE, reason), starts)


def answer(incident: Incident, by: Actor, told: str) -> Answered:
    """Say what has become of it (督办回复). Raises NotSupervised, NotYours, ReasonMissing."""
    permit(incident, Act.ANSWER, by)
    return Answered(reason_in_words(Act.ANSWER, told))


def enforce(
    incident: Incident, by: Actor, measure: str, legal_basis: str, document: str, words: str
) -> Enforced:
    """Put down a measure taken against somebody (执法): what, by which law, under which document's number;
    ``words`` refers to against whom. Raises NotYours, ReasonMissing where one of them is blank.
    """
    permit(incident, Act.ENFORCE, by)
    what, law, number = (reason_in_words(Act.ENFORCE, text) for text in (measure, legal_basis, document))
    return Enforced(what, law, number, words)
