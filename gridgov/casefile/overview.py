"""What stands at the head of the file of an incident: labels and values, and what happened by subject."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from dispatch.lifecycle import ACT_ZH, STAGE_ZH, Act, Stage
from gridgov.casefile.values import CaseFile, Line
from gridgov.telling_names import Names, Said, both, joined, place, specialised, urgency

#: A label and what stands beside it.
Row = tuple[Said, Said]

#: What is told once more by subject, beside the whole history: acts by what they are about.
SUBJECTS: Final[Sequence[tuple[Said, frozenset[Act]]]] = tuple(
    (title, frozenset(acts))
    for title, acts in (
        (
            both("核实与核查任务", "Tasks to verify and to check"),
            (Act.ASK, Act.TASK, Act.ACCEPT_TASK, Act.DECLINE_TASK, Act.EXPIRE_TASK, Act.VERIFY, Act.CHECK),
        ),
        (
            both("派遣、协办与退回", "Dispatch, co-handlers and returns"),
            (
                Act.DISPATCH,
                Act.ACCEPT,
                Act.DECLINE,
                Act.ASSIGN,
                Act.INVOLVE,
                Act.REPORT_PART,
                Act.RETURN,
                Act.HANDLE,
            ),
        ),
        (both("延期与挂账", "Extension and suspension"), (Act.APPLY, Act.GRANT, Act.REFUSE, Act.RESUME)),
        (both("督办", "Supervision"), (Act.SUPERVISE, Act.ANSWER)),
        (
            both("超期与升级", "Overdue and escalation"),
            (Act.NOTICE, Act.ESCALATE, Act.ACKNOWLEDGE, Act.PASS_ON),
        ),
        (both("执法", "Enforcement"), (Act.ENFORCE,)),
        (both("回访", "Call-backs"), (Act.CALL_BACK,)),
        (both("申诉", "Appeal"), (Act.APPEAL, Act.DECIDE)),
        (both("并案", "Joining"), (Act.JOIN, Act.FOLLOW)),
    )
)


def head(file: CaseFile) -> Iterator[Row]:
    """What it is and how it stands."""
    incident, names = file.incident, file.names
    yield both("案卷号", "Case number"), both(incident.case_number)
    yield both("标识", "Id"), both(incident.id)
    yield both("环节", "Stage"), _stage(incident.stage)
    yield both("类别", "Category"), names.category(incident.category)
    standard = names.standard(incident.category, incident.standard)
    yield both("立案标准", "Case standard"), standard or both("（未按具体标准）", "(none in particular)")
    yield both("紧急程度", "Urgency"), urgency(incident.urgency)
    yield both("来源渠道", "Channel"), both(incident.channel)
    yield from _departments(file)
    yield from _moments(file)
    yield from _counts(file.row)
    if incident.leader is not None:
        yield both("并入案卷", "Joined to"), _leader(file)


def _stage(stage: Stage) -> Said:
    return both(STAGE_ZH[stage], str(stage))


def _leader(file: CaseFile) -> Said:
    if file.leader is None:
        return both("不在阅读者的管辖范围内", "outside the scope of whoever reads this")
    stage = _stage(Stage(file.leader.stage))
    number = file.leader.case_number
    return both(f"{number}（{stage.zh}；以其结果为准）", f"{number} ({stage.en}; its outcome is its own)")


def _departments(file: CaseFile) -> Iterator[Row]:
    incident, names = file.incident, file.names
    yield both("归属部门", "Belongs to"), names.department(incident.department)
    lead = incident.lead
    if lead is not None:
        inside = []
        if incident.crew is not None:
            inside.append(names.crew(lead, incident.crew))
        inside += [names.person(one) for one in (incident.accepted_by, incident.assignee) if one is not None]
        yield both("主办", "Lead"), joined(names.department(lead), *inside)
    for part in incident.parts:
        state = {
            "open": both("待签收", "open"),
            "accepted": both("已签收", "accepted"),
            "done": both("已反馈", "done"),
        }
        told = joined(names.department(part.department), state.get(part.state, both(part.state)))
        yield both("协办", "Co-handler"), told


def _moments(file: CaseFile) -> Iterator[Row]:
    incident, names = file.incident, file.names
    for label, at in (
        (both("上报", "Reported"), incident.reported_at),
        (both("立案", "Filed"), incident.filed_at),
        (both("派遣", "Dispatched"), incident.dispatched_at),
        (both("处置时限", "Limit of handling ends"), incident.due_at),
        (both("挂账至", "Suspended until"), incident.suspended_until),
        (both("处置完毕", "Handled"), incident.handled_at),
        (both("结案", "Closed"), incident.closed_at),
    ):
        if at is not None:
            yield label, both(names.moment(at))


def _counts(row: Any) -> Iterator[Row]:
    for label, name in (
        (both("退回次数", "Returns"), "returns"),
        (both("返工次数", "Reworks"), "reworks"),
        (both("重新立案次数", "Reopenings"), "reopenings"),
        (both("延期次数", "Extensions"), "extensions"),
        (both("挂账次数", "Suspensions"), "suspensions"),
        (both("督办次数", "Supervisions"), "supervisions"),
        (both("执法次数", "Enforcement records"), "enforcements"),
    ):
        if row[name]:
            yield label, both(str(row[name]))


def where(file: CaseFile) -> Iterator[Row]:
    """Where it is, and the words for that."""
    incident, names = file.incident, file.names
    yield both("网格", "Grid"), names.grid(incident.place.path)
    yield both("位置", "Place"), place(incident.place, names)
    matter = specialised(incident.specialised)
    if matter is not None:
        yield both("专业网格", "Specialised grids"), matter
    if file.row["address"]:
        yield both("地址", "Address"), both(file.row["address"])


def about(file: CaseFile, acts: frozenset[Act]) -> tuple[Line, ...]:
    """The entries of these acts, in order."""
    return tuple(line for line in file.lines if line.entry.fact.act in acts)


def act_of(line: Line) -> Said:
    """What the act of an entry is called."""
    act = line.entry.fact.act
    return both(ACT_ZH[act], str(act).replace("_", " "))


def times_of(line: Line, names: Names) -> Said:
    """When it was recorded, and when it is said to have happened where that is another time."""
    recorded, happened = names.moment(line.entry.recorded_at), names.moment(line.entry.happened_at)
    if recorded == happened:
        return both(recorded)
    return both(f"{recorded}（发生于 {happened}）", f"{recorded} (happened {happened})")
