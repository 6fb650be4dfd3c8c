"""Does an act still mean what it meant when its author saw the incident, or is it about something else?

An act made without network is decided when it arrives, on the present state. Where nothing that matters for
what it says has changed since its author looked, it means the same and is done. Else it may say another thing
than they meant: "it is put right", said of the first handling, is not an answer to the second. What matters
for which act stands in one table, :data:`MATTERS`; a remark and a photo mean the same whatever happened.

This says only whether the meaning changed. Whether the act is allowed now, its decision says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dispatch.incidents import Incident
from dispatch.lifecycle import Act


class Aspect(StrEnum):
    """What of an incident can matter for the meaning of an act; the values compared are in `_TOLD`."""

    #: Where it stands.
    STAGE = "stage"
    #: Which time round it stands there: how often it was dispatched, returned, reworked, reopened, which
    #: entry started the clock that runs, when it was handled and closed.
    ROUND = "round"
    #: To which other incident it was joined.
    JOINED = "joined"
    #: Whose it is: the lead, before dispatch the department that it was routed to.
    DEPARTMENT = "department"
    #: Who has a part in it beside the lead.
    CO_HANDLERS = "co_handlers"
    #: How far each of them has come.
    PARTS = "parts"
    #: The crew or person to whom each department handed it.
    HOLDERS = "holders"
    #: What it is: category and case standard.
    CATEGORY = "category"
    URGENCY = "urgency"
    #: In which grid it lies.
    PLACE = "place"
    #: The point itself, as somebody sent it: other boundaries leave it as it is.
    POINT = "point"
    #: Which application waits for an answer.
    APPLICATION = "application"
    #: How often it was extended and suspended.
    GRANTED = "granted"
    #: Until when it is suspended.
    SUSPENSION = "suspension"
    #: Which supervision waits for an answer.
    SUPERVISION = "supervision"
    APPEAL = "appeal"
    #: What came of ringing back.
    CALL_BACK = "call_back"
    #: Who is sent to look, and whether they go.
    TASK = "task"
    #: Which step of the ladder is asked, and who answered.
    ESCALATION = "escalation"
    #: What a rule did by itself.
    AUTOMATIC = "automatic"
    #: The last act: what taking back is about.
    LAST = "last"


ASPECT_ZH: Final = {
    Aspect.STAGE: "环节",
    Aspect.ROUND: "轮次",
    Aspect.JOINED: "并案",
    Aspect.DEPARTMENT: "责任部门",
    Aspect.CO_HANDLERS: "协办部门",
    Aspect.PARTS: "协办进度",
    Aspect.HOLDERS: "承办人",
    Aspect.CATEGORY: "类别",
    Aspect.URGENCY: "紧急程度",
    Aspect.PLACE: "所属网格",
    Aspect.POINT: "位置",
    Aspect.APPLICATION: "申请",
    Aspect.GRANTED: "已批准的延期与挂账",
    Aspect.SUSPENSION: "挂账期限",
    Aspect.SUPERVISION: "督办",
    Aspect.APPEAL: "申诉",
    Aspect.CALL_BACK: "回访",
    Aspect.TASK: "派单",
    Aspect.ESCALATION: "升级",
    Aspect.AUTOMATIC: "自动处理",
    Aspect.LAST: "最后操作",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that matters for an act and is not any more what it was, each as text; None where there was,
    or is, no such thing.
    """

    what: Aspect
    then: str | None
    now: str | None


def changes(then: Incident, now: Incident, act: Act) -> tuple[Change, ...]:
    """What is different in ``now`` from ``then`` that matters for the meaning of ``act``, in the order of
    :class:`Aspect`; empty: it means the same.

    ``then`` is the incident as its author saw it, ``now`` as it is, of the same history. What is another
    round is told only where the stage is the same: another stage says it already.
    """
    matters = MATTERS[act]
    found = []
    for what in Aspect:
        if what not in matters:
            continue
        was, is_ = _TOLD[what](then), _TOLD[what](now)
        if was != is_ and not (what is Aspect.ROUND and then.stage is not now.stage):
            found.append(Change(what, was, is_))
    return tuple(found)


W = Aspect
#: Whoever acts means it as it stands: in this stage, this time round, as an incident of its own.
_STANDING: Final = frozenset({W.STAGE, W.ROUND, W.JOINED})
#: What somebody saw with their own eyes was this thing at this place.
_SEEN: Final = _STANDING | {W.CATEGORY, W.PLACE, W.POINT}
#: A desk weighs what it is, where, how urgent, and whose.
_WEIGHED: Final = _SEEN | {W.URGENCY, W.DEPARTMENT}
#: It belongs to its department, and the department is what it is about.
_THEIRS: Final = _STANDING | {W.DEPARTMENT}
#: What it says stays true whatever happened since.
_EVER: Final[frozenset[Aspect]] = frozenset()

#: What matters for the meaning of each act; everything else may have changed meanwhile.
#:
#: What begins an incident, and what happens by itself, nobody sends from a phone about an incident that they
#: saw: nothing was seen that could have changed.
MATTERS: Final[Mapping[Act, frozenset[Aspect]]] = {
    Act.REPORT: _EVER,
    Act.IMPORT: _EVER,
    Act.RELOCATE: _EVER,
    Act.FOLLOW: _EVER,
    Act.EXPIRE_TASK: _EVER,
    Act.NOTICE: _EVER,
    Act.ESCALATE: _EVER,
    # A remark, a photo: they are only added.
    Act.NOTE: _EVER,
    Act.ATTACH: _EVER,
    # Where it is, or what: said to put right what stood there, and not what somebody else has put right.
    Act.PLACE: _STANDING | {W.PLACE, W.POINT},
    Act.CORRECT: _WEIGHED,
    # At intake and at the desk.
    Act.SELF_HANDLE: _SEEN,
    Act.JOIN: _SEEN,
    Act.FILE: _WEIGHED,
    Act.ASK: _SEEN,
    Act.REJECT: _WEIGHED,
    Act.ADOPT: _WEIGHED,
    Act.DISPATCH: _WEIGHED | {W.CO_HANDLERS},
    Act.UNDO: _STANDING | {W.AUTOMATIC},
    Act.CANCEL: _WEIGHED,
    # On the spot: whoever was sent meanwhile, what they saw is what they saw.
    Act.VERIFY: _SEEN,
    Act.CHECK: _SEEN,
    Act.TASK: _SEEN | {W.TASK},
    Act.ACCEPT_TASK: _SEEN | {W.TASK},
    Act.DECLINE_TASK: _SEEN | {W.TASK},
    # In a department. A measure against somebody was taken, wherever it stands since.
    Act.ACCEPT: _THEIRS | _SEEN | {W.CO_HANDLERS},
    Act.DECLINE: _THEIRS | _SEEN | {W.CO_HANDLERS},
    Act.ASSIGN: _THEIRS | {W.CO_HANDLERS, W.HOLDERS},
    Act.INVOLVE: _THEIRS | {W.CO_HANDLERS, W.PARTS},
    Act.REPORT_PART: _SEEN,
    Act.RETURN: _THEIRS | _SEEN,
    Act.HANDLE: _THEIRS | _SEEN,
    Act.ENFORCE: frozenset({W.JOINED, W.DEPARTMENT, W.CATEGORY, W.PLACE, W.POINT}),
    # More time, or none for a while: about what was asked for, and what was given already.
    Act.APPLY: _THEIRS | {W.APPLICATION, W.GRANTED},
    Act.GRANT: _THEIRS | {W.APPLICATION, W.GRANTED},
    Act.REFUSE: _THEIRS | {W.APPLICATION, W.GRANTED},
    Act.RESUME: _THEIRS | {W.SUSPENSION, W.GRANTED},
    # Those above.
    Act.SUPERVISE: _THEIRS | {W.SUPERVISION},
    Act.ANSWER: _THEIRS | {W.SUPERVISION},
    Act.ACKNOWLEDGE: _STANDING | {W.ESCALATION},
    Act.PASS_ON: _STANDING | {W.ESCALATION},
    # The end, and what comes after.
    Act.CLOSE: _THEIRS,
    Act.APPEAL: _THEIRS | {W.APPEAL},
    Act.DECIDE: _STANDING | {W.APPEAL},
    Act.CALL_BACK: _STANDING | {W.CALL_BACK},
    Act.REOPEN: _STANDING | {W.CALL_BACK},
    Act.TAKE_BACK: _STANDING | {W.LAST},
}


def _round(it: Incident) -> str:
    run = "no clock" if it.clock is None else f"{it.clock.clock}/{it.clock.run}"
    counts = (
        f"dispatched {it.dispatches}, returned {it.returns}, reworked {it.reworks}, reopened {it.reopenings}"
    )
    handled = "" if it.handled_at is None else f", handled {it.handled_at.isoformat()}"
    closed = "" if it.closed_at is None else f", closed {it.closed_at.isoformat()}"
    return f"{run}, {counts}{handled}{closed}"


def _list(items: tuple[str, ...]) -> str | None:
    return ", ".join(items) or None


def _parts(it: Incident) -> str | None:
    return _list(tuple(f"{part.department}: {part.state}" for part in it.parts))


def _holders(it: Incident) -> str | None:
    held = [(it.lead or "", it.crew, it.assignee)]
    held += [(part.department, part.crew, part.assignee) for part in it.parts]
    return _list(
        tuple(
            f"{department}: {' '.join(name for name in (crew, person) if name)}"
            for department, crew, person in held
            if crew or person
        )
    )


def _category(it: Incident) -> str:
    return it.category if it.standard is None else f"{it.category} {it.standard}"


def _point(it: Incident) -> str | None:
    place = it.place
    if place.raw_lon is None or place.raw_lat is None:
        return None
    return f"{place.raw_lon}, {place.raw_lat} {place.datum or ''}".rstrip()


def _application(it: Incident) -> str | None:
    asked = it.application
    if asked is None:
        return None
    until = "" if asked.until is None else f" until {asked.until.isoformat()}"
    return f"{asked.wish}{until}: {asked.reason}"


def _supervision(it: Incident) -> str | None:
    return None if it.supervision is None else f"{it.supervisions}: {it.supervision.reason}"


def _call_back(it: Incident) -> str | None:
    told = it.call_back
    if told is None or not it.call_back_stands:
        return None
    answers = {None: "not said", True: "yes", False: "no"}
    return (
        f"contacted {answers[told.contacted]}, solved {answers[told.solved]}, "
        f"satisfied {answers[told.satisfied]}"
    )


def _task(it: Incident) -> str | None:
    task = it.task
    return None if task is None else " ".join(w for w in (task.kind, task.person, task.state) if w)


def _escalation(it: Incident) -> str | None:
    asked = it.escalated
    if asked is None:
        return None
    answered = "" if it.answered_by is None else f", answered by {it.answered_by}"
    return f"{asked.clock}/{asked.run} step {asked.step} {asked.level}{answered}"


def _automatic(it: Incident) -> str | None:
    if it.automatic is None:
        return None
    return f"{it.automatic}{' dispatched' if it.auto_dispatched else ''}{'' if it.undoable else ', built on'}"


_TOLD: Final[Mapping[Aspect, Callable[[Incident], str | None]]] = {
    W.STAGE: lambda it: str(it.stage),
    W.ROUND: _round,
    W.JOINED: lambda it: it.leader,
    W.DEPARTMENT: lambda it: it.lead or it.department,
    W.CO_HANDLERS: lambda it: _list(it.co_handlers),
    W.PARTS: _parts,
    W.HOLDERS: _holders,
    W.CATEGORY: _category,
    W.URGENCY: lambda it: it.urgency,
    W.PLACE: lambda it: "/".join(it.place.path) or None,
    W.POINT: _point,
    W.APPLICATION: _application,
    W.GRANTED: lambda it: f"extended {it.extensions}, suspended {it.suspensions}",
    W.SUSPENSION: lambda it: None if it.suspended_until is None else it.suspended_until.isoformat(),
    W.SUPERVISION: _supervision,
    W.APPEAL: lambda it: it.appeal,
    W.CALL_BACK: _call_back,
    W.TASK: _task,
    W.ESCALATION: _escalation,
    W.AUTOMATIC: _automatic,
    W.LAST: lambda it: f"{it.last_number} {it.last_act} by {it.last_by}",
}
