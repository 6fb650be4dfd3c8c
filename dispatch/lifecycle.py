"""Everything that moves an incident, in one table: stages, acts, who may do each, and where it leads.

The table is total: a pair of stage and act that has no row is refused. It is drawn by :func:`mermaid`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dispatch.errors import NotForThisRole, NotInThisStage


class Stage(StrEnum):
    """Where an incident stands (环节)."""

    # That of text: an enumeration's own is a Python function, and every entry is looked up by it twice.
    __hash__ = str.__hash__

    INTAKE = "intake"
    VERIFYING = "verifying"
    DISPATCH = "dispatch"
    HANDLING = "handling"
    SUSPENDED = "suspended"
    CHECKING = "checking"
    CLOSING = "closing"
    CLOSED = "closed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    JOINED = "joined"
    IMPORTED = "imported"


STAGE_ZH: Final = {
    Stage.INTAKE: "受理",
    Stage.VERIFYING: "核实",
    Stage.DISPATCH: "派遣",
    Stage.HANDLING: "处置",
    Stage.SUSPENDED: "挂账",
    Stage.CHECKING: "核查",
    Stage.CLOSING: "待结案",
    Stage.CLOSED: "已结案",
    Stage.REJECTED: "不予立案",
    Stage.CANCELLED: "作废",
    Stage.JOINED: "已并案",
    Stage.IMPORTED: "历史导入",
}

#: Stages in which nobody has anything left to do, unless somebody reopens the incident.
ENDED: Final = frozenset({Stage.CLOSED, Stage.REJECTED, Stage.CANCELLED, Stage.JOINED})


class Role(StrEnum):
    """What a person may be (任职); the Chinese terms are the field's own."""

    INSPECTOR = "inspector"
    INTAKE_CLERK = "intake_clerk"
    DISPATCHER = "dispatcher"
    HANDLER = "handler"
    SHIFT_LEADER = "shift_leader"
    SUPERVISOR = "supervisor"
    MANAGER = "manager"
    ADMINISTRATOR = "administrator"


ROLE_ZH: Final = {
    Role.INSPECTOR: "网格员",
    Role.INTAKE_CLERK: "受理员",
    Role.DISPATCHER: "派遣员",
    Role.HANDLER: "处置部门",
    Role.SHIFT_LEADER: "值班长",
    Role.SUPERVISOR: "督查员",
    Role.MANAGER: "领导",
    Role.ADMINISTRATOR: "管理员",
}


class Act(StrEnum):
    """What can happen to an incident: what people do, and what happens by itself (no role may do that)."""

    __hash__ = str.__hash__

    REPORT = "report"
    IMPORT = "import"
    PLACE = "place"
    RELOCATE = "relocate"
    CORRECT = "correct"
    SELF_HANDLE = "self_handle"
    JOIN = "join"
    FOLLOW = "follow"
    FILE = "file"
    ASK = "ask"
    VERIFY = "verify"
    REJECT = "reject"
    DISPATCH = "dispatch"
    UNDO = "undo"
    ACCEPT = "accept"
    DECLINE = "decline"
    ASSIGN = "assign"
    INVOLVE = "involve"
    REPORT_PART = "report_part"
    RETURN = "return"
    APPLY = "apply"
    GRANT = "grant"
    REFUSE = "refuse"
    RESUME = "resume"
    SUPERVISE = "supervise"
    ANSWER = "answer"
    ENFORCE = "enforce"
    HANDLE = "handle"
    CHECK = "check"
    CLOSE = "close"
    APPEAL = "appeal"
    DECIDE = "decide"
    CALL_BACK = "call_back"
    REOPEN = "reopen"
    CANCEL = "cancel"
    ADOPT = "adopt"
    TASK = "task"
    ACCEPT_TASK = "accept_task"
    DECLINE_TASK = "decline_task"
    EXPIRE_TASK = "expire_task"
    TAKE_BACK = "take_back"
    NOTICE = "notice"
    ESCALATE = "escalate"
    ACKNOWLEDGE = "acknowledge"
    PASS_ON = "pass_on"  # noqa: S105
    NOTE = "note"
    ATTACH = "attach"


ACT_ZH: Final = {
    Act.REPORT: "上报",
    Act.IMPORT: "导入",
    Act.PLACE: "定位",
    Act.RELOCATE: "重新定位",
    Act.CORRECT: "更正",
    Act.SELF_HANDLE: "自行处置",
    Act.JOIN: "并案",
    Act.FOLLOW: "被并入",
    Act.FILE: "立案",
    Act.ASK: "请求核实",
    Act.VERIFY: "核实",
    Act.REJECT: "不予立案",
    Act.DISPATCH: "派遣",
    Act.UNDO: "撤销自动处理",
    Act.ACCEPT: "签收",
    Act.DECLINE: "谢绝协办",
    Act.ASSIGN: "分办",
    Act.INVOLVE: "协办调整",
    Act.REPORT_PART: "协办反馈",
    Act.RETURN: "退回",
    Act.APPLY: "申请",
    Act.GRANT: "批准",
    Act.REFUSE: "不批准",
    Act.RESUME: "恢复",
    Act.SUPERVISE: "督办",
    Act.ANSWER: "督办回复",
    Act.ENFORCE: "执法",
    Act.HANDLE: "处置",
    Act.CHECK: "核查",
    Act.CLOSE: "结案",
    Act.APPEAL: "申诉",
    Act.DECIDE: "申诉裁定",
    Act.CALL_BACK: "回访",
    Act.REOPEN: "重新立案",
    Act.CANCEL: "作废",
    Act.ADOPT: "接管",
    Act.TASK: "派单",
    Act.ACCEPT_TASK: "接单",
    Act.DECLINE_TASK: "拒单",
    Act.EXPIRE_TASK: "派单超时",
    Act.TAKE_BACK: "撤回",
    Act.NOTICE: "时限提醒",
    Act.ESCALATE: "升级",
    Act.ACKNOWLEDGE: "确认",
    Act.PASS_ON: "上交",
    Act.NOTE: "备注",
    Act.ATTACH: "附件",
}


@dataclass(frozen=True, slots=True)
class Transition:
    """One row: in ``stage`` somebody in one of ``roles`` does ``act``, with ``outcome``; it leads ``to``."""

    stage: Stage | None
    act: Act
    to: Stage
    roles: frozenset[Role]
    outcome: str = ""


def _roles(*roles: Role) -> frozenset[Role]:
    return frozenset(roles)


_INTAKE = _roles(Role.INTAKE_CLERK, Role.SHIFT_LEADER)
_DESK = _roles(Role.DISPATCHER, Role.SHIFT_LEADER)
_HANDLER = _roles(Role.HANDLER)
_CHECKER = _roles(Role.INSPECTOR, Role.SHIFT_LEADER)
_LEADER = _roles(Role.SHIFT_LEADER)
_REPORTER = _roles(Role.INSPECTOR, Role.INTAKE_CLERK, Role.SHIFT_LEADER)
_FRONT = _roles(Role.INTAKE_CLERK, Role.DISPATCHER, Role.SHIFT_LEADER)
_ANSWERABLE = _roles(Role.SHIFT_LEADER, Role.SUPERVISOR, Role.MANAGER)
_OVERSEER = _roles(Role.SUPERVISOR, Role.MANAGER)
_NOBODY: frozenset[Role] = frozenset()
_KEEPER = _roles(Role.ADMINISTRATOR)
_STAFF = frozenset(Role) - {Role.ADMINISTRATOR}

S, A = Stage, Act
_MAIN_LINE: Final = (
    Transition(None, A.REPORT, S.INTAKE, _REPORTER),
    Transition(None, A.IMPORT, S.IMPORTED, _KEEPER, "open"),
    Transition(None, A.IMPORT, S.CLOSED, _KEEPER, "closed"),
    Transition(S.INTAKE, A.PLACE, S.INTAKE, _INTAKE),
    Transition(S.INTAKE, A.FILE, S.DISPATCH, _INTAKE),
    Transition(S.INTAKE, A.ASK, S.VERIFYING, _INTAKE),
    Transition(S.INTAKE, A.REJECT, S.REJECTED, _INTAKE),
    Transition(S.VERIFYING, A.VERIFY, S.INTAKE, _CHECKER, "found"),
    Transition(S.VERIFYING, A.VERIFY, S.INTAKE, _CHECKER, "not_found"),
    Transition(S.VERIFYING, A.FILE, S.DISPATCH, _INTAKE),
    Transition(S.VERIFYING, A.REJECT, S.REJECTED, _INTAKE),
    Transition(S.DISPATCH, A.DISPATCH, S.HANDLING, _DESK),
    Transition(S.DISPATCH, A.UNDO, S.INTAKE, _FRONT),
    Transition(S.HANDLING, A.UNDO, S.INTAKE, _FRONT),
    Transition(S.INTAKE, A.SELF_HANDLE, S.CLOSED, _roles(Role.INSPECTOR)),
    Transition(S.INTAKE, A.JOIN, S.JOINED, _INTAKE),
    Transition(S.VERIFYING, A.JOIN, S.JOINED, _INTAKE),
    Transition(S.DISPATCH, A.JOIN, S.JOINED, _FRONT),
    Transition(S.INTAKE, A.CORRECT, S.INTAKE, _INTAKE, "here"),
    Transition(S.VERIFYING, A.CORRECT, S.VERIFYING, _INTAKE, "here"),
    Transition(S.DISPATCH, A.CORRECT, S.DISPATCH, _FRONT, "here"),
    Transition(S.HANDLING, A.CORRECT, S.HANDLING, _DESK, "here"),
    Transition(S.HANDLING, A.CORRECT, S.DISPATCH, _DESK, "elsewhere"),
    Transition(S.HANDLING, A.ACCEPT, S.HANDLING, _HANDLER),
    Transition(S.HANDLING, A.DECLINE, S.HANDLING, _HANDLER),
    Transition(S.HANDLING, A.ASSIGN, S.HANDLING, _HANDLER),
    Transition(S.HANDLING, A.INVOLVE, S.HANDLING, _DESK),
    Transition(S.HANDLING, A.REPORT_PART, S.HANDLING, _HANDLER),
    Transition(S.HANDLING, A.RETURN, S.DISPATCH, _HANDLER),
    Transition(S.HANDLING, A.APPLY, S.HANDLING, _HANDLER, "extension"),
    Transition(S.HANDLING, A.APPLY, S.HANDLING, _HANDLER, "suspension"),
    Transition(S.HANDLING, A.GRANT, S.HANDLING, _DESK, "extension"),
    Transition(S.HANDLING, A.GRANT, S.SUSPENDED, _DESK, "suspension"),
    Transition(S.HANDLING, A.REFUSE, S.HANDLING, _DESK),
    Transition(S.SUSPENDED, A.RESUME, S.HANDLING, _DESK | _HANDLER),
    Transition(S.HANDLING, A.HANDLE, S.CHECKING, _HANDLER),
    Transition(S.HANDLING, A.ENFORCE, S.HANDLING, _HANDLER),
    Transition(S.CHECKING, A.ENFORCE, S.CHECKING, _HANDLER),
    Transition(S.CHECKING, A.CHECK, S.CLOSING, _CHECKER, "passed"),
    Transition(S.CHECKING, A.CHECK, S.HANDLING, _CHECKER, "failed"),
    Transition(S.CLOSING, A.CLOSE, S.CLOSED, _DESK),
    Transition(S.CLOSED, A.APPEAL, S.CLOSED, _HANDLER),
    Transition(S.CLOSED, A.DECIDE, S.CLOSED, _OVERSEER, "granted"),
    Transition(S.CLOSED, A.DECIDE, S.CLOSED, _OVERSEER, "refused"),
    Transition(S.CLOSED, A.CALL_BACK, S.CLOSED, _INTAKE),
    # The clerk only after a call-back in which somebody said that it was not solved, or not well.
    Transition(S.CLOSED, A.REOPEN, S.DISPATCH, _INTAKE | _roles(Role.MANAGER)),
    Transition(S.REJECTED, A.REOPEN, S.INTAKE, _roles(Role.SHIFT_LEADER, Role.MANAGER)),
    Transition(S.IMPORTED, A.ADOPT, S.INTAKE, _LEADER),
)
_OURS = (S.INTAKE, S.VERIFYING, S.DISPATCH, S.HANDLING, S.SUSPENDED, S.CHECKING, S.CLOSING)
_OPEN = (*_OURS, S.IMPORTED)
#: Where an inspector is asked to go and look.
_LOOKING = (S.VERIFYING, S.CHECKING)
#: Where somebody can be made to answer for how it goes, and who has to.
_SUPERVISED = (
    (S.DISPATCH, _DESK),
    (S.HANDLING, _HANDLER),
    (S.SUSPENDED, _HANDLER),
    (S.CHECKING, _HANDLER),
)

_ASIDES: Final = (
    *(Transition(stage, A.CANCEL, S.CANCELLED, _LEADER) for stage in _OPEN),
    *(Transition(stage, A.FOLLOW, stage, _NOBODY) for stage in _OURS),
    *(Transition(stage, A.SUPERVISE, stage, _ANSWERABLE) for stage, _ in _SUPERVISED),
    *(Transition(stage, A.ANSWER, stage, roles) for stage, roles in (*_SUPERVISED, (S.CLOSING, _HANDLER))),
    *(Transition(stage, A.TASK, stage, _FRONT) for stage in _LOOKING),
    *(Transition(stage, A.ACCEPT_TASK, stage, _CHECKER) for stage in _LOOKING),
    *(Transition(stage, A.DECLINE_TASK, stage, _CHECKER) for stage in _LOOKING),
    *(Transition(stage, A.EXPIRE_TASK, stage, _NOBODY) for stage in _LOOKING),
    *(Transition(stage, A.RELOCATE, stage, _NOBODY) for stage in _OPEN),
    *(Transition(stage, A.NOTICE, stage, _NOBODY) for stage in _OURS),
    *(Transition(stage, A.ESCALATE, stage, _NOBODY) for stage in _OURS),
    *(Transition(stage, A.ACKNOWLEDGE, stage, _ANSWERABLE) for stage in _OURS),
    *(Transition(stage, A.PASS_ON, stage, _ANSWERABLE) for stage in _OURS),
    *(Transition(stage, A.ATTACH, stage, _STAFF) for stage in _OPEN),
    *(Transition(stage, A.NOTE, stage, _STAFF) for stage in Stage),
)

#: What nobody takes back: what begins an incident or ends its life of its own for good, what only adds to
#: it, and what others were told to the face.
_FOR_GOOD: Final = frozenset(
    {A.REPORT, A.IMPORT, A.JOIN, A.FOLLOW, A.NOTE, A.ATTACH, A.ENFORCE, A.CALL_BACK, A.UNDO, A.TAKE_BACK}
)
#: What its author can take back, within a short time, where nothing was built on it: all else people do.
TAKEABLE: Final = frozenset(t.act for t in (*_MAIN_LINE, *_ASIDES) if t.roles) - _FOR_GOOD


def _back() -> tuple[Transition, ...]:
    """Every act that can be taken back, the other way round: the outcome is the stage it leads back to."""
    ways = {(t.to, t.stage) for t in (*_MAIN_LINE, *_ASIDES) if t.act in TAKEABLE and t.stage is not None}
    order = list(Stage)
    found = sorted(ways, key=lambda way: (order.index(way[0]), order.index(way[1])))
    return tuple(Transition(now, A.TAKE_BACK, then, _STAFF, str(then)) for now, then in found)


TRANSITIONS: Final = (*_MAIN_LINE, *_ASIDES, *_back())

#: Where each row leads.
STEPS: Final = {(t.stage, t.act, t.outcome): t.to for t in TRANSITIONS}
_ROLES: Final = {(t.stage, t.act): t.roles for t in TRANSITIONS}
#: What somebody can do in a stage; what happens by itself is nobody's to do.
_ACTS: Final = {stage: tuple(act for act in Act if _ROLES.get((stage, act))) for stage in (None, *Stage)}
#: Acts that leave the stage as it is: not drawn.
_STILL: Final = frozenset(
    {t.act for t in TRANSITIONS} - {t.act for t in _MAIN_LINE if t.stage is not t.to} - {A.CANCEL, A.PLACE}
)


def step(stage: Stage | None, act: Act, outcome: str = "") -> Stage:
    """The stage that ``act`` leads to; raises NotInThisStage where the table has no row."""
    to = STEPS.get((stage, act, outcome))
    if to is None:
        raise NotInThisStage(act, stage or "unreported", _ACTS[stage])
    return to


def require(stage: Stage | None, act: Act, held: Collection[Role]) -> None:
    """May somebody who holds these roles on this incident do ``act`` now?

    Raises NotInThisStage or NotForThisRole, in that order, and changes nothing.
    """
    needed = _ROLES.get((stage, act))
    if needed is None:
        raise NotInThisStage(act, stage or "unreported", _ACTS[stage])
    if needed.isdisjoint(held):
        raise NotForThisRole(act, sorted(needed), sorted(held))


def open_acts(stage: Stage | None, held: Collection[Role]) -> tuple[Act, ...]:
    """What somebody who holds these roles can do now, in the order of the table.

    >>> [str(a) for a in open_acts(Stage.CHECKING, {Role.INSPECTOR})]
    ['check', 'accept_task', 'decline_task', 'take_back', 'note', 'attach']
    """
    return tuple(act for act in _ACTS[stage] if not _ROLES[stage, act].isdisjoint(held))


def mermaid() -> str:
    """The table as a Mermaid state diagram, as the README shows it."""
    lines = ["stateDiagram-v2"]
    for t in TRANSITIONS:
        if t.act in _STILL:
            continue
        label = f"{t.act} {t.outcome}".strip()
        lines.append(f"    {t.stage or '[*]'} --> {t.to}: {label} {ACT_ZH[t.act]}")
    lines += [f"    {stage} --> [*]" for stage in Stage if stage in ENDED]
    return "\n".join(lines)
