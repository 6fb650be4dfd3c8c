"""The decisions: each takes the incident, who acts, and the rules, and returns the next fact, or raises.

Nothing here asks the time, reads, or writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

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
    NotForThisRole,
    NothingToUndo,
    ReasonMissing,
)
from dispatch.incidents import Incident
from dispatch.lifecycle import Act, Role, Stage, require, step
from dispatch.results import (
    dispatched,
    filed,
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
class Actor:
    """Who acts: a person's id and the roles that their assignments give them **on this incident**."""

    person: str
    roles: frozenset[Role]


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
    require(incident.stage, Act.PLACE, by.roles)
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
    UnknownStandard, UnknownUrgency.
    """
    require(incident.stage, Act.FILE, by.roles)
    return filed(rules, incident, units, now, category, urgency, specialised, standard)


def ask(rules: Rules, incident: Incident, by: Actor, now: datetime, reason: str = "") -> Asked:
    """Ask somebody to look whether it is there (请求核实), before it is filed or refused."""
    require(incident.stage, Act.ASK, by.roles)
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

    Raises ReasonMissing.
    """
    require(incident.stage, Act.VERIFY, by.roles)
    why = reason.strip() if found else _reason(Act.VERIFY, reason)
    return Verified(found, why, photos, stage_clock(rules, Clock.INTAKE, incident.number + 1, now))


def reject(incident: Incident, by: Actor, reason: str) -> Rejected:
    """Refuse to file it (不予立案); raises ReasonMissing."""
    require(incident.stage, Act.REJECT, by.roles)
    return Rejected(_reason(Act.REJECT, reason))


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
    require(incident.stage, Act.DISPATCH, by.roles)
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
    require(incident.stage, Act.UNDO, by.roles)
    if not incident.undoable or incident.automatic is None:
        raise NothingToUndo(incident=incident.id)
    starts = stage_clock(rules, Clock.INTAKE, incident.number + 1, now)
    return Undone(incident.automatic, _reason(Act.UNDO, reason), starts)


def return_(rules: Rules, incident: Incident, by: Actor, reason: str, now: datetime) -> Returned:
    """Not ours (退回): back to the dispatch desk, the handling clock pauses. Raises ReasonMissing."""
    require(incident.stage, Act.RETURN, by.roles)
    why = _reason(Act.RETURN, reason)
    if incident.lead is None or incident.due_at is None or incident.limit is None:
        raise BrokenHistory(f"incident {incident.id} is being handled by nobody")
    calendar = rules.calendar_of("" if incident.handling is None else incident.handling.calendar)
    left = remaining(calendar, Limit.parse(incident.limit).unit, now, incident.due_at)
    starts = stage_clock(rules, Clock.DISPATCH, incident.number + 1, now)
    return Returned(incident.lead, why, left.total_seconds(), starts)


def handle(
    rules: Rules, incident: Incident, by: Actor, result: str, now: datetime, photos: tuple[str, ...] = ()
) -> Handled:
    """Report that it is put right (处置); raises ReasonMissing where no result is told."""
    require(incident.stage, Act.HANDLE, by.roles)
    if incident.lead is None:
        raise BrokenHistory(f"incident {incident.id} is being handled by nobody")
    starts = stage_clock(rules, Clock.CHECK, incident.number + 1, now)
    return Handled(incident.lead, _reason(Act.HANDLE, result), photos, starts)


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


def reopen(rules: Rules, incident: Incident, by: Actor, reason: str, now: datetime) -> Reopened:
    """It was not over (重新立案); raises ReasonMissing."""
    require(incident.stage, Act.REOPEN, by.roles)
    clock = Clock.INTAKE if step(incident.stage, Act.REOPEN) is Stage.INTAKE else Clock.DISPATCH
    return Reopened(_reason(Act.REOPEN, reason), stage_clock(rules, clock, incident.number + 1, now))


def cancel(incident: Incident, by: Actor, reason: str) -> Cancelled:
    """Take it off the books (作废); raises ReasonMissing."""
    require(incident.stage, Act.CANCEL, by.roles)
    return Cancelled(_reason(Act.CANCEL, reason))


def adopt(rules: Rules, incident: Incident, by: Actor, units: Units, now: datetime) -> Adopted:
    """Make an open incident of imported history one of ours (接管): its clocks start now.

    Raises UnknownCategory.
    """
    require(incident.stage, Act.ADOPT, by.roles)
    case = routed_again(rules, incident, incident.place, units, incident.specialised, now)
    starts = stage_clock(rules, Clock.INTAKE, incident.number + 1, now)
    return Adopted(routed(rules, case), rules.version, starts)


def note(incident: Incident, by: Actor, words: str) -> Noted:
    """Write a remark beside it (备注); ``words`` is the reference to what was written."""
    require(incident.stage, Act.NOTE, by.roles)
    return Noted(words)


def attach(incident: Incident, by: Actor, photos: tuple[str, ...]) -> Attached:
    """Put photos beside it (附件), by the SHA-256 of their content."""
    require(incident.stage, Act.ATTACH, by.roles)
    return Attached(photos)


def _reason(act: Act, reason: str) -> str:
    if not reason.strip():
        raise ReasonMissing(act)
    return reason.strip()
