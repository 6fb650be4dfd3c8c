"""The decisions: each takes the incident, who acts, and the rules, and returns the next fact, or raises.

Nothing here asks the time, reads, or writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from dispatch.actors import Actor
from dispatch.clocks import Clock
from dispatch.deadlines import Limit, remaining
from dispatch.entries import (
    Adopted,
    Asked,
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
    Undone,
    Verified,
)
from dispatch.errors import (
    BrokenHistory,
    NothingToUndo,
)
from dispatch.incidents import Incident
from dispatch.lifecycle import Act, Stage, require, step
from dispatch.permissions import permit
from dispatch.results import (
    dispatched,
    evidence,
    filed,
    reason_in_words,
    routed,
    routed_again,
    stage_clock,
    urgency_of,
)
from dispatch.routing import Situation, Units
from dispatch.rules import Rules

#: A phone's clock may run this much ahead of the server's before the report is marked: two minutes is
#: more than network time keeps a phone off, and less than any time limit here.
CLOCK_TOLERANCE = timedelta(minutes=2)

#: Where it waits for the department that the rules give it.
_WAITS = frozenset({Stage.INTAKE, Stage.VERIFYING, Stage.DISPATCH})


@dataclass(frozen=True, slots=True)
class Draft:
    """What a reporter sends, located: everything a report needs but its case number and time.

    ``units``: the territorial units (属地) of the grids it lies in, widest first. ``standard``: the code of
    the case standard that the reporter names.
    """

    channel: str
    category: str
    urgency: str | None
    place: Place
    units: Units
    words: str | None
    photos: tuple[str, ...]
    happened_at: datetime
    specialised: tuple[str, ...] = ()
    standard: str | None = None


def report(rules: Rules, draft: Draft, by: Actor, case_number: str, now: datetime) -> Reported:
    """Take a report in (上报). It is kept wherever it lies; a clock that runs ahead is marked, not refused.

    Raises UnknownCategory, UnknownStandard, UnknownUrgency, NotForThisRole.
    """
    require(None, Act.REPORT, by.roles)
    category = rules.categories.get(draft.category)
    standard = category.standard_of(draft.standard)
    urgency = urgency_of(draft.urgency) or standard.urgency or category.urgency
    where, ahead = draft.place, draft.happened_at - now
    case = Situation(
        category,
        where.path,
        draft.units,
        draft.specialised,
        urgency,
        draft.channel,
        now,
        standard.department,
    )
    return Reported(
        case_number=case_number,
        channel=draft.channel,
        category=category.key,
        urgency=urgency,
        place=where,
        route=routed(rules, case),
        rules=rules.version,
        words=draft.words,
        photos=draft.photos,
        clock_ahead_s=ahead.total_seconds() if ahead > CLOCK_TOLERANCE else None,
        specialised=draft.specialised,
        standard=draft.standard,
        starts=stage_clock(rules, Clock.INTAKE, 1, now),
    )


def place(
    rules: Rules,
    incident: Incident,
    by: Actor,
    where: Place,
    units: Units,
    now: datetime,
    specialised: tuple[str, ...] = (),
) -> Placed:
    """Say where it is (定位), as intake does with what lies in the unlocated tray; it is routed again."""
    permit(incident, Act.PLACE, by)
    case = routed_again(rules, incident, where, units, specialised, now)
    return Placed(where, routed(rules, case), rules.version, specialised)


def relocate(
    rules: Rules,
    incident: Incident,
    where: Place,
    units: Units,
    now: datetime,
    specialised: tuple[str, ...] = (),
) -> Relocated:
    """Locate what is open in boundaries that have come into force (重新定位). No person does this.

    What still waits for its department is routed again, if the rules know its category; what a department
    has already stays with it. Raises NotInThisStage where it has ended.
    """
    step(incident.stage, Act.RELOCATE)
    waits = incident.stage in _WAITS and incident.category in rules.categories
    return Relocated(
        where,
        rules.version,
        incident.place.path,
        incident.place.edition,
        routed(rules, routed_again(rules, incident, where, units, specialised, now)) if waits else None,
        specialised,
    )


def file(
    rules: Rules,
    incident: Incident,
    by: Actor,
    units: Units,
    now: datetime,
    category: str | None = None,
    urgency: str | None = None,
    specialised: tuple[str, ...] | None = None,
    standard: str | None = None,
) -> Filed:
    """Accept it as ours (立案), in this category and under this case standard or, corrected, in others.

    A new category or standard brings its own urgency, unless one is given. Raises UnknownCategory,
    UnknownStandard, UnknownUrgency, and EvidenceMissing where the standard demands photos of what was
    reported: whoever files it attaches them, or asks somebody to look.
    """
    permit(incident, Act.FILE, by)
    fact = filed(rules, incident, units, now, category, urgency, specialised, standard)
    evidence(rules, fact.category, fact.standard, Act.REPORT, incident.photos)
    return fact


def ask(rules: Rules, incident: Incident, by: Actor, now: datetime, reason: str = "") -> Asked:
    """Ask somebody to look whether it is there (请求核实), before it is filed or refused."""
    permit(incident, Act.ASK, by)
    return Asked(reason.strip(), stage_clock(rules, Clock.VERIFY, incident.number + 1, now))


def verify(
    rules: Rules,
    incident: Incident,
    by: Actor,
    found: bool,
    now: datetime,
    reason: str = "",
    photos: tuple[str, ...] = (),
) -> Verified:
    """Say whether it is there (核实); intake decides what becomes of it. What is not found needs a reason.

    Whoever handled it before does not verify it. Raises ReasonMissing, EvidenceMissing.
    """
    permit(incident, Act.VERIFY, by)
    evidence(rules, incident.category, incident.standard, Act.VERIFY, photos)
    why = reason.strip() if found else reason_in_words(Act.VERIFY, reason)
    return Verified(found, why, photos, stage_clock(rules, Clock.INTAKE, incident.number + 1, now))


def reject(incident: Incident, by: Actor, reason: str) -> Rejected:
    """Refuse to file it (不予立案); raises ReasonMissing."""
    permit(incident, Act.REJECT, by)
    return Rejected(reason_in_words(Act.REJECT, reason))


def dispatch(
    rules: Rules,
    incident: Incident,
    by: Actor,
    now: datetime,
    department: str | None = None,
    co_handlers: tuple[str, ...] | None = None,
) -> Dispatched:
    """Give it to its department, or to the one named, under the case standard's time limit (派遣).

    ``co_handlers`` None: those it was routed to, if the rules still have them. The department that returned
    it resumes its remaining time; another gets a fresh limit: where the rules do not have its case standard
    or category any more, its category's or a default, and the reason says so. Raises UnknownDepartment.
    """
    permit(incident, Act.DISPATCH, by)
    lead = rules.routing.department(department or incident.department)
    chosen = department is not None and department != incident.department
    known = rules.routing.departments
    others = (code for code in incident.co_handlers if code in known) if co_handlers is None else co_handlers
    return dispatched(
        rules,
        incident,
        now,
        lead,
        "chosen by the dispatcher" if chosen else incident.rule,
        f"chosen instead of {incident.department}" if chosen else "as routed",
        tuple(rules.routing.department(code) for code in dict.fromkeys(others) if code != lead),
    )


def undo(rules: Rules, incident: Incident, by: Actor, reason: str, now: datetime) -> Undone:
    """Take back what a rule did by itself (撤销自动处理); it waits at intake again.

    Raises ReasonMissing, and NothingToUndo where a person did it, or somebody has built on it.
    """
    permit(incident, Act.UNDO, by)
    if incident.automatic is None:
        raise NothingToUndo(incident=incident.id)
    starts = stage_clock(rules, Clock.INTAKE, incident.number + 1, now)
    return Undone(incident.automatic, reason_in_words(Act.UNDO, reason), starts)


def return_(rules: Rules, incident: Incident, by: Actor, reason: str, now: datetime) -> Returned:
    """Not ours (退回): back to the dispatch desk, the handling clock pauses.

    Raises NotYours, ReasonMissing.
    """
    permit(incident, Act.RETURN, by)
    why = reason_in_words(Act.RETURN, reason)
    if incident.lead is None or incident.due_at is None or incident.limit is None:
        raise BrokenHistory(f"incident {incident.id} is being handled by nobody")
    calendar = rules.calendar_of("" if incident.handling is None else incident.handling.calendar)
    left = remaining(calendar, Limit.parse(incident.limit).unit, now, incident.due_at)
    starts = stage_clock(rules, Clock.DISPATCH, incident.number + 1, now)
    return Returned(incident.lead, why, left.total_seconds(), starts)


def handle(
    rules: Rules, incident: Incident, by: Actor, result: str, now: datetime, photos: tuple[str, ...] = ()
) -> Handled:
    """Report that it is put right (处置), all parts of it; whoever looked for it does not put it right.

    Raises NotYours, SamePerson, PartsOpen, EvidenceMissing, and ReasonMissing where no result is told.
    """
    permit(incident, Act.HANDLE, by)
    if incident.lead is None:
        raise BrokenHistory(f"incident {incident.id} is being handled by nobody")
    evidence(rules, incident.category, incident.standard, Act.HANDLE, photos)
    starts = stage_clock(rules, Clock.CHECK, incident.number + 1, now)
    return Handled(incident.lead, reason_in_words(Act.HANDLE, result), photos, starts)


def check(
    rules: Rules,
    incident: Incident,
    by: Actor,
    passed: bool,
    now: datetime,
    reason: str = "",
    photos: tuple[str, ...] = (),
) -> Checked:
    """Say whether it has been put right (核查). A failed check needs a reason and sends it back: rework.

    Whoever handled it, or a part of it, does not check it. Raises SamePerson, ReasonMissing, EvidenceMissing.
    """
    permit(incident, Act.CHECK, by)
    evidence(rules, incident.category, incident.standard, Act.CHECK, photos)
    why = reason.strip() if passed else reason_in_words(Act.CHECK, reason)
    starts = stage_clock(rules, Clock.CLOSING, incident.number + 1, now) if passed else None
    return Checked(passed, why, photos, starts)


def close(incident: Incident, by: Actor) -> Closed:
    """Nothing is left to do (结案). Raises SupervisionOpen while a supervision was not answered."""
    permit(incident, Act.CLOSE, by)
    return Closed()


def reopen(rules: Rules, incident: Incident, by: Actor, reason: str, now: datetime) -> Reopened:
    """It was not over (重新立案): a leader says so, or a call-back did. Raises ReasonMissing."""
    permit(incident, Act.REOPEN, by)
    clock = Clock.INTAKE if step(incident.stage, Act.REOPEN) is Stage.INTAKE else Clock.DISPATCH
    return Reopened(reason_in_words(Act.REOPEN, reason), stage_clock(rules, clock, incident.number + 1, now))


def cancel(incident: Incident, by: Actor, reason: str) -> Cancelled:
    """Take it off the books (作废); raises ReasonMissing."""
    permit(incident, Act.CANCEL, by)
    return Cancelled(reason_in_words(Act.CANCEL, reason))


def adopt(rules: Rules, incident: Incident, by: Actor, units: Units, now: datetime) -> Adopted:
    """Make an open incident of imported history one of ours (接管): its clocks start now.

    Raises UnknownCategory.
    """
    permit(incident, Act.ADOPT, by)
    case = routed_again(rules, incident, incident.place, units, incident.specialised, now)
    starts = stage_clock(rules, Clock.INTAKE, incident.number + 1, now)
    return Adopted(routed(rules, case), rules.version, starts)


def note(incident: Incident, by: Actor, words: str) -> Noted:
    """Write a remark beside it (备注); ``words`` is the reference to what was written."""
    permit(incident, Act.NOTE, by)
    return Noted(words)


def attach(incident: Incident, by: Actor, photos: tuple[str, ...]) -> Attached:
    """Put photos beside it (附件), by the SHA-256 of their content."""
    permit(incident, Act.ATTACH, by)
    return Attached(photos)
