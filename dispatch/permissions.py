"""Who may do what to an incident as it stands: the lifecycle's table, and what it cannot say by itself.

The table knows stages and roles; here is what depends on the incident: whose part it is, who has done what to
it before, what waits for an answer. The decisions ask here first, and so does whoever wants to know what is
open to somebody.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

from dispatch.actors import Actor
from dispatch.applying_ending import APPEAL_OPEN
from dispatch.building import DONE, OFFERED, OPEN
from dispatch.errors import (
    AlreadyApplied,
    AlreadyDone,
    AlreadySupervised,
    DispatchError,
    NoMore,
    NoTask,
    NotEscalated,
    NotForThisRole,
    NothingApplied,
    NothingToTakeBack,
    NothingToUndo,
    NotLate,
    NotSupervised,
    NotYours,
    PartsOpen,
    SamePerson,
    SupervisionOpen,
    TooLate,
)
from dispatch.incidents import Incident
from dispatch.lifecycle import TAKEABLE, Act, Role, Stage, require

#: So long somebody can take back what they did last. The domain notes give no time; it is long enough to see
#: a mistake, and shorter than any clock here turns yellow.
TAKE_BACK_WITHIN: Final = timedelta(minutes=5)


def permit(incident: Incident, act: Act, by: Actor) -> None:
    """Return where somebody may do this, whatever they put in it; raise why not otherwise. How long ago an
    act was is not asked here: see :func:`in_time`.

    Raises NotInThisStage, NotForThisRole, and what the incident itself has against it: NotYours, SamePerson,
    PartsOpen, SupervisionOpen and their like.
    """
    require(incident.stage, act, _roles(incident, act, by))
    condition = _CONDITIONS.get(act)
    if condition is not None:
        condition(incident, by)


def open_to(incident: Incident, by: Actor, now: datetime) -> tuple[Act, ...]:
    """What somebody can do with the incident now, in the order of the table."""
    return tuple(act for act in Act if _is_open(incident, act, by, now))


#: What whoever reported something may do with it wherever it lies, if they may do it at all.
_REPORTERS: Final = frozenset({Act.SELF_HANDLE, Act.NOTE, Act.ATTACH})


def _roles(incident: Incident, act: Act, by: Actor) -> frozenset[Role]:
    own = act in _REPORTERS and by.person == incident.reported_by
    return by.roles | by.anywhere if own else by.roles


def _is_open(incident: Incident, act: Act, by: Actor, now: datetime) -> bool:
    try:
        permit(incident, act, by)
        if act is Act.TAKE_BACK:
            in_time(incident, now)
    except DispatchError:
        return False
    return True


def part_of(
    incident: Incident,
    by: Actor,
    states: Collection[str] = (),
    named: str | None = None,
    *,
    lead: bool = True,
) -> str:
    """The department for which somebody acts on a part: the lead's (unless ``lead`` is False) before a
    co-handler's, or the one named. ``states`` are those of a co-handler's part that still allow it, empty
    for all. Raises NotYours, and AlreadyDone for a part that allows it no more.
    """
    own = [incident.lead] if lead and incident.lead is not None else []
    own += [part.department for part in incident.parts if not states or part.state in states]
    for department in own if named is None else [code for code in own if code == named]:
        if department in by.departments:
            return department
    if named in by.departments and named in (incident.lead, *(part.department for part in incident.parts)):
        raise AlreadyDone(f"{named} has done this already, or has no such part here", department=named)
    theirs = ", ".join(own) or "nobody"
    raise NotYours(f"this belongs to {theirs}, and you do not act for them here", departments=own)


def _lead(incident: Incident, by: Actor) -> None:
    if incident.lead is None or incident.lead not in by.departments:
        raise NotYours(
            f"this belongs to the lead department, {incident.lead}, and you do not act for it here",
            department=incident.lead,
        )


def _not_both(incident: Incident, act: Act, by: Actor) -> None:
    if act in (Act.VERIFY, Act.CHECK) and by.person in incident.hands:
        raise SamePerson(act, "handled")
    if act in (Act.HANDLE, Act.REPORT_PART) and by.person in incident.eyes:
        raise SamePerson(act, "reported, verified or checked")


def _self_handle(incident: Incident, by: Actor) -> None:
    if by.person != incident.reported_by:
        raise NotYours("only who reported it can have put it right on the spot")


def _accept(incident: Incident, by: Actor) -> None:
    mine = incident.lead in by.departments and incident.accepted_by is None
    own = [part for part in incident.parts if part.department in by.departments]
    if not mine and not any(part.state == OPEN for part in own):
        part_of(incident, by)
        raise AlreadyDone("your department has accepted it already")


def _co_handler(incident: Incident, by: Actor) -> None:
    parts = [part for part in incident.parts if part.department in by.departments]
    if not parts:
        raise NotYours("only a co-handler has a part of its own here; the lead returns or handles it")
    if all(part.state == DONE for part in parts):
        raise AlreadyDone("your department has reported its part already")


def _report_part(incident: Incident, by: Actor) -> None:
    _co_handler(incident, by)
    _not_both(incident, Act.REPORT_PART, by)


def _assign(incident: Incident, by: Actor) -> None:
    if incident.lead not in by.departments:
        _co_handler(incident, by)


def _apply(incident: Incident, by: Actor) -> None:
    _lead(incident, by)
    if incident.application is not None:
        raise AlreadyApplied(wish=incident.application.wish)


def _applied(incident: Incident, _by: Actor) -> None:
    if incident.application is None:
        raise NothingApplied()


def _resume(incident: Incident, by: Actor) -> None:
    if by.roles <= {Role.HANDLER} or not by.roles & {Role.DISPATCHER, Role.SHIFT_LEADER}:
        _lead(incident, by)


def _supervise(incident: Incident, _by: Actor) -> None:
    if incident.supervision is not None:
        raise AlreadySupervised()


def _answer(incident: Incident, by: Actor) -> None:
    if incident.supervision is None:
        raise NotSupervised()
    if incident.stage is not Stage.DISPATCH:
        _lead(incident, by)


def _handle(incident: Incident, by: Actor) -> None:
    _lead(incident, by)
    _not_both(incident, Act.HANDLE, by)
    if waiting := [part.department for part in incident.parts if part.state != DONE]:
        raise PartsOpen(waiting)


def _close(incident: Incident, _by: Actor) -> None:
    if incident.supervision is not None:
        raise SupervisionOpen()


def _appeal(incident: Incident, by: Actor) -> None:
    _lead(incident, by)
    if incident.appeal is not None:
        raise NoMore("an appeal is made once, and was", appeal=incident.appeal)
    due, closed = incident.due_at, incident.closed_at
    if due is None or closed is None or closed <= due:
        raise NotLate(due=due, closed=closed)


def _decide(incident: Incident, _by: Actor) -> None:
    if incident.appeal != APPEAL_OPEN:
        raise NothingApplied("no appeal waits for a decision", appeal=incident.appeal)


def _reopen(incident: Incident, by: Actor) -> None:
    """Whoever only takes calls may reopen it where somebody said in one that it is not well."""
    if by.roles & {Role.SHIFT_LEADER, Role.MANAGER}:
        return
    told = incident.call_back
    if told is None or not incident.call_back_stands or told.is_content:
        raise NotForThisRole(
            Act.REOPEN,
            [Role.SHIFT_LEADER, Role.MANAGER, "an intake clerk after a call-back that was not content"],
            sorted(by.roles),
        )


def _undo(incident: Incident, _by: Actor) -> None:
    if not incident.undoable or incident.automatic is None:
        raise NothingToUndo(incident=incident.id)


def _answerable(incident: Incident, _by: Actor) -> None:
    if incident.escalated is None or incident.answered_by is not None:
        raise NotEscalated(incident=incident.id)


def _accept_task(incident: Incident, by: Actor) -> None:
    if incident.task is None or incident.task.person != by.person or incident.task.state != OFFERED:
        raise NoTask(task=None if incident.task is None else incident.task.kind)


def _decline_task(incident: Incident, by: Actor) -> None:
    if incident.task is None or incident.task.person != by.person:
        raise NoTask(task=None if incident.task is None else incident.task.kind)


def _take_back(incident: Incident, by: Actor) -> None:
    if incident.earlier is None or incident.last_by != by.person or incident.last_act not in TAKEABLE:
        raise NothingToTakeBack(last_by=incident.last_by, last_act=incident.last_act)


def in_time(incident: Incident, now: datetime) -> None:
    """Raise TooLate where the last act is too long ago to be taken back."""
    if now - incident.updated_at > TAKE_BACK_WITHIN:
        minutes = TAKE_BACK_WITHIN // timedelta(minutes=1)
        raise TooLate(f"an act can be taken back within {minutes} minutes", minutes=minutes)


_CONDITIONS: Final[Mapping[Act, Callable[[Incident, Actor], None]]] = {
    Act.SELF_HANDLE: _self_handle,
    Act.VERIFY: lambda incident, by: _not_both(incident, Act.VERIFY, by),
    Act.CHECK: lambda incident, by: _not_both(incident, Act.CHECK, by),
    Act.ACCEPT: _accept,
    Act.DECLINE: _co_handler,
    Act.ASSIGN: _assign,
    Act.REPORT_PART: _report_part,
    Act.RETURN: _lead,
    Act.APPLY: _apply,
    Act.GRANT: _applied,
    Act.REFUSE: _applied,
    Act.RESUME: _resume,
    Act.SUPERVISE: _supervise,
    Act.ANSWER: _answer,
    Act.ENFORCE: _lead,
    Act.HANDLE: _handle,
    Act.CLOSE: _close,
    Act.APPEAL: _appeal,
    Act.DECIDE: _decide,
    Act.REOPEN: _reopen,
    Act.UNDO: _undo,
    Act.ACKNOWLEDGE: _answerable,
    Act.PASS_ON: _answerable,
    Act.ACCEPT_TASK: _accept_task,
    Act.DECLINE_TASK: _decline_task,
    Act.TAKE_BACK: _take_back,
}
