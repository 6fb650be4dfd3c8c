"""What happened, of facts of handling and of who goes and looks: told by `gridgov.telling_facts`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from dispatch.entries import Attached, Checked, Handled, Noted, Returned
from dispatch.handling_facts import (
    WISH_ZH,
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
)
from dispatch.task_facts import (
    BECAUSE_ZH,
    TASK_ZH,
    TaskAccepted,
    TaskDeclined,
    Tasked,
    TaskExpired,
)
from gridgov.telling_names import (
    Names,
    Said,
    both,
    joined,
    left,
    photos,
    quoted,
    reason,
    started,
    until,
)

_WISH: Final = {str(wish): zh for wish, zh in WISH_ZH.items()}
_TASK: Final = {str(task): zh for task, zh in TASK_ZH.items()}
_BECAUSE: Final = {str(why): zh for why, zh in BECAUSE_ZH.items()}
_BECAUSE_EN: Final = {
    "on_duty": "on duty in this grid",
    "nearest": "the nearest",
    "chosen": "chosen by a person",
    "nobody": "nobody is left to send",
}


def _wish(fact: Applied | Granted | Refused) -> Said:
    return both(_WISH.get(fact.wish, fact.wish), fact.wish)


def _accepted(fact: Accepted, names: Names) -> Said:
    whose = names.department(fact.department)
    return both(f"代表 {whose.zh} 签收", f"accepted it for {whose.en}")


def _declined(fact: Declined, names: Names) -> Said:
    whose = names.department(fact.department)
    return joined(both(f"{whose.zh} 谢绝协办", f"declined a part in it for {whose.en}"), reason(fact.reason))


def _assigned(fact: Assigned, names: Names) -> Said:
    whose = names.department(fact.department)
    crew, person = None, None
    if fact.crew is not None:
        name = names.crew(fact.department, fact.crew)
        crew = both(f"班组 {name.zh}", f"crew {name.en}")
    if fact.person is not None:
        who = names.person(fact.person)
        person = both(f"经办人 {who.zh}", f"to {who.en}")
    return joined(
        both(f"{whose.zh} 内部分办", f"assigned it within {whose.en}"), crew, person, reason(fact.reason)
    )


def _involved(fact: Involved, names: Names) -> Said:
    others = names.departments(fact.co_handlers)
    return joined(
        both(f"协办部门调整为 {others.zh}", f"changed the co-handlers to {others.en}"), reason(fact.reason)
    )


def _part_done(fact: PartDone, names: Names) -> Said:
    whose = names.department(fact.department)
    return joined(
        both(f"{whose.zh} 协办反馈", f"reported the part of {whose.en} as done"),
        quoted("结果", "result", fact.result),
        photos(fact.photos),
    )


def _returned(fact: Returned, names: Names) -> Said:
    whose = names.department(fact.department)
    return joined(
        both(f"{whose.zh} 退回，处置计时暂停", f"returned it from {whose.en}; the limit of handling pauses"),
        left(fact.remaining_s),
        reason(fact.reason),
        started(fact.starts, names),
    )


def _applied(fact: Applied, names: Names) -> Said:
    wish = _wish(fact)
    return joined(
        both(f"申请{wish.zh}", f"applied for {wish.en}"),
        until(fact.until, names),
        reason(fact.reason),
    )


def _granted(fact: Granted, names: Names) -> Said:
    wish = _wish(fact)
    return joined(
        both(f"批准{wish.zh}", f"granted the {wish.en}"),
        until(fact.until, names),
        left(fact.remaining_s),
        reason(fact.reason),
        started(fact.starts, names),
    )


def _refused(fact: Refused, _: Names) -> Said:
    wish = _wish(fact)
    return joined(both(f"不批准{wish.zh}", f"refused the {wish.en}"), reason(fact.reason))


def _resumed(fact: Resumed, names: Names) -> Said:
    return joined(
        both("挂账结束，处置计时恢复", "ended the suspension; the limit of handling goes on"),
        reason(fact.reason),
        started(fact.starts, names),
    )


def _supervised(fact: Supervised, names: Names) -> Said:
    return joined(both("督办", "supervised it"), reason(fact.reason), started(fact.starts, names))


def _answered(fact: Answered, _: Names) -> Said:
    return joined(both("督办回复", "answered the supervision"), quoted("回复", "answer", fact.answer))


def _enforced(fact: Enforced, _: Names) -> Said:
    return joined(
        both(f"执法：{fact.measure}", f"enforcement: {fact.measure}"),
        both(f"法律依据 {fact.legal_basis}", f"legal basis {fact.legal_basis}"),
        both(f"文书号 {fact.document}", f"document {fact.document}"),
    )


def _handled(fact: Handled, names: Names) -> Said:
    whose = names.department(fact.department)
    return joined(
        both(f"{whose.zh} 处置完毕", f"said for {whose.en} that it is put right"),
        quoted("结果", "result", fact.result),
        photos(fact.photos),
        started(fact.starts, names),
    )


def _checked(fact: Checked, names: Names) -> Said:
    passed = both("核查通过", "checked it: it is put right")
    failed = both("核查不通过，返工", "checked it: it is not put right, rework")
    return joined(
        passed if fact.passed else failed,
        reason(fact.reason),
        photos(fact.photos),
        started(fact.starts, names),
    )


def _noted(_: Noted, __: Names) -> Said:
    return both("备注", "wrote a remark")


def _attached(fact: Attached, _: Names) -> Said:
    return joined(both("附件", "attached"), photos(fact.photos))


def _tasked(fact: Tasked, names: Names) -> Said:
    what = both(_TASK.get(fact.task, fact.task), fact.task)
    why = both(_BECAUSE.get(fact.because, fact.because), _BECAUSE_EN.get(fact.because, fact.because))
    if fact.person is None:
        sent = both(f"{what.zh}派单未派出", f"sent nobody to {what.en}")
    else:
        who = names.person(fact.person)
        sent = both(f"派单：请 {who.zh} {what.zh}", f"sent {who.en} to {what.en}")
    distance, instead = None, None
    if fact.distance_m is not None:
        distance = both(f"距现场 {fact.distance_m:.0f} 米", f"{fact.distance_m:.0f} m away")
    if fact.stand_in_for is not None:
        whom = names.person(fact.stand_in_for)
        instead = both(f"替班 {whom.zh}", f"standing in for {whom.en}")
    answer = None
    if fact.answer_by is not None:
        by = names.moment(fact.answer_by)
        answer = both(f"须于 {by} 前答复", f"to be answered by {by}")
    return joined(sent, both(f"原因：{why.zh}", why.en), distance, instead, answer)


def _task_accepted(_: TaskAccepted, __: Names) -> Said:
    return both("接单", "accepted the task")


def _task_declined(fact: TaskDeclined, _: Names) -> Said:
    return joined(both("拒单", "declined the task"), reason(fact.reason))


def _task_expired(fact: TaskExpired, names: Names) -> Said:
    who = names.person(fact.person)
    return both(f"派单超时：{who.zh} 未答复", f"let the task expire: {who.en} did not answer in time")


#: Of each of these facts, what tells it.
HANDLING: Final[Mapping[type, Callable[[Any, Names], Said]]] = {
    Accepted: _accepted,
    Declined: _declined,
    Assigned: _assigned,
    Involved: _involved,
    PartDone: _part_done,
    Returned: _returned,
    Applied: _applied,
    Granted: _granted,
    Refused: _refused,
    Resumed: _resumed,
    Supervised: _supervised,
    Answered: _answered,
    Enforced: _enforced,
    Handled: _handled,
    Checked: _checked,
    Noted: _noted,
    Attached: _attached,
    Tasked: _tasked,
    TaskAccepted: _task_accepted,
    TaskDeclined: _task_declined,
    TaskExpired: _task_expired,
}
