"""What happened, of facts from the report to dispatching and of clocks: told by `gridgov.telling_facts`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from dispatch.entries import (
    Acknowledged,
    Adopted,
    Asked,
    Dispatched,
    Escalated,
    Filed,
    Imported,
    Noticed,
    PassedOn,
    Placed,
    Rejected,
    Relocated,
    Reported,
    Undone,
    Verified,
)
from dispatch.handling_facts import Corrected
from dispatch.incidents import OVERDUE, WARNING
from dispatch.lifecycle import ROLE_ZH
from gridgov.telling_names import (
    Names,
    Said,
    both,
    by_rules,
    calendar,
    clock,
    co_handlers,
    joined,
    left,
    limit,
    photos,
    place,
    reason,
    route,
    specialised,
    started,
    unconfirmed,
    until,
    urgency,
)

_THRESHOLD: Final = {
    WARNING: both("即将到期（预警）", "came to its warning"),
    OVERDUE: both("已超期", "ran out"),
}
_CAUSE: Final = {
    "overdue": both("因超期", "because it is overdue"),
    "unanswered": both("因上一级未答复", "because the step before did not answer"),
    "passed_on": both("因上一级上交", "because the step before passed it on"),
}


def _automatic(rule: str | None) -> Said | None:
    return None if rule is None else both(f"由自动规则 {rule} 办理", f"by the automatic rule {rule}")


def _reported(fact: Reported, names: Names) -> Said:
    ahead = None
    if fact.clock_ahead_s is not None:
        seconds = f"{fact.clock_ahead_s:.0f}"
        ahead = both(f"上报设备时钟快 {seconds} 秒", f"the sender's clock was {seconds} s ahead")
    what, how_soon = names.category(fact.category), urgency(fact.urgency)
    return joined(
        both(f"上报 {what.zh}", f"reported {what.en}"),
        both(f"案卷号 {fact.case_number}", f"case number {fact.case_number}"),
        both(f"来源渠道 {fact.channel}", f"by {fact.channel}"),
        both(how_soon.zh, how_soon.en),
        names.standard(fact.category, fact.standard),
        place(fact.place, names),
        specialised(fact.specialised),
        route(fact.route, names),
        by_rules(fact.rules),
        started(fact.starts, names),
        photos(fact.photos),
        ahead,
    )


def _placed(fact: Placed, names: Names) -> Said:
    where = place(fact.place, names)
    return joined(
        both(f"定位：{where.zh}", f"said where it is: {where.en}"),
        specialised(fact.specialised),
        route(fact.route, names),
        by_rules(fact.rules),
    )


def _relocated(fact: Relocated, names: Names) -> Said:
    where, was = place(fact.place, names), names.grid(fact.was)
    before = both(f"原在 {was.zh}", f"it was in {was.en}")
    edition = None
    if fact.was_edition is not None:
        edition = both(f"原网格版次 {fact.was_edition}", f"of edition {fact.was_edition}")
    return joined(
        both(f"网格调整后重新定位：{where.zh}", f"located it again in other boundaries: {where.en}"),
        before,
        edition,
        specialised(fact.specialised),
        route(fact.route, names),
        by_rules(fact.rules),
    )


def _corrected(fact: Corrected, names: Names) -> Said:
    what, how_soon = names.category(fact.category), urgency(fact.urgency)
    elsewhere = None
    if fact.elsewhere:
        elsewhere = both("不再属原处置部门，退回待派遣", "it goes back to dispatch, for another department")
    return joined(
        both(f"更正为 {what.zh}", f"corrected it to {what.en}"),
        both(how_soon.zh, how_soon.en),
        names.standard(fact.category, fact.standard),
        place(fact.place, names),
        specialised(fact.specialised),
        route(fact.route, names),
        by_rules(fact.rules),
        elsewhere,
        left(fact.remaining_s),
        reason(fact.reason),
        started(fact.starts, names),
    )


def _filed(fact: Filed, names: Names) -> Said:
    what, how_soon = names.category(fact.category), urgency(fact.urgency)
    return joined(
        both(f"立案：{what.zh}", f"filed it as {what.en}"),
        both(how_soon.zh, how_soon.en),
        names.standard(fact.category, fact.standard),
        _automatic(fact.automatic),
        specialised(fact.specialised),
        route(fact.route, names),
        by_rules(fact.rules),
        started(fact.starts, names),
    )


def _asked(fact: Asked, names: Names) -> Said:
    return joined(
        both("请求核实", "asked for a verification"), reason(fact.reason), started(fact.starts, names)
    )


def _verified(fact: Verified, names: Names) -> Said:
    found = both("核实属实", "verified that it is there")
    missing = both("核实不属实", "verified that it is not there")
    return joined(
        found if fact.found else missing,
        reason(fact.reason),
        photos(fact.photos),
        started(fact.starts, names),
    )


def _rejected(fact: Rejected, _: Names) -> Said:
    return joined(both("不予立案", "rejected it"), reason(fact.reason))


def _dispatched(fact: Dispatched, names: Names) -> Said:
    to, rule, length = names.department(fact.department), names.rule(fact.rule), limit(fact.limit)
    again = both("恢复原剩余时限", "its remaining time goes on") if fact.resumed else None
    run = None
    if fact.run is not None:
        run = both(f"第 {fact.run} 条起算", f"run of entry {fact.run}")
    warn = None
    if fact.warn_at is not None:
        warn = both(f"预警 {names.moment(fact.warn_at)}", f"warning {names.moment(fact.warn_at)}")
    return joined(
        both(f"派遣至 {to.zh}", f"dispatched it to {to.en}"),
        both(f"处置时限 {length.zh}", f"limit of handling {length.en}"),
        until(fact.due_at, names),
        warn,
        run,
        again,
        calendar(fact.calendar),
        unconfirmed(fact.unconfirmed_year),
        co_handlers(fact.co_handlers, names),
        both(f"规则：{rule.zh}", f"by the rule {rule.en} ({fact.reason})"),
        _automatic(fact.automatic),
        by_rules(fact.rules),
    )


def _undone(fact: Undone, names: Names) -> Said:
    return joined(
        both(
            f"撤销自动规则 {fact.rule} 的处理，回到受理",
            f"undid what the automatic rule {fact.rule} did; it waits at intake",
        ),
        reason(fact.reason),
        started(fact.starts, names),
    )


def _adopted(fact: Adopted, names: Names) -> Said:
    return joined(
        both("接管历史案卷", "adopted it from the imported history"),
        route(fact.route, names),
        by_rules(fact.rules),
        started(fact.starts, names),
    )


def _imported(fact: Imported, names: Names) -> Said:
    what, whose = names.category(fact.category), names.department(fact.department)
    reported = names.moment(fact.reported_at)
    closed = None
    if fact.closed_at is not None:
        closed = both(
            f"于 {names.moment(fact.closed_at)} 结案", f"closed there {names.moment(fact.closed_at)}"
        )
    due = None
    if fact.due_at is not None:
        due = both(f"原时限至 {names.moment(fact.due_at)}", f"due there {names.moment(fact.due_at)}")
    state = both("已结", "closed") if fact.closed else both("未结", "open")
    return joined(
        both(
            f"自 {fact.source} 导入，原编号 {fact.source_number}",
            f"imported it from {fact.source}, number {fact.source_number} there",
        ),
        both(f"案卷号 {fact.case_number}", f"case number {fact.case_number}"),
        both(what.zh, what.en),
        both(f"来源渠道 {fact.channel}", f"by {fact.channel}"),
        both(f"部门 {whose.zh}", f"department {whose.en}"),
        both(f"原状态“{fact.status}”（{state.zh}）", f"its status there “{fact.status}” ({state.en})"),
        both(f"上报于 {reported}", f"reported {reported}"),
        closed,
        due,
        place(fact.place, names),
        specialised(fact.specialised),
        both(f"标记 {'、'.join(fact.marks)}", f"marks {', '.join(fact.marks)}") if fact.marks else None,
    )


def _noticed(fact: Noticed, names: Names) -> Said:
    name, came = clock(fact.clock), _THRESHOLD.get(fact.threshold, both(fact.threshold))
    due = names.moment(fact.due_at)
    return joined(
        both(f"{name.zh}{came.zh}", f"noticed that the {name.en} {came.en}"),
        both(f"应于 {due} 前完成", f"to be done by {due}"),
        both(f"第 {fact.run} 条起算", f"run of entry {fact.run}"),
    )


def _escalated(fact: Escalated, names: Names) -> Said:
    known = {str(role): zh for role, zh in ROLE_ZH.items()}
    roles = both(
        "、".join(known.get(role, role) for role in fact.roles),
        ", ".join(role.replace("_", " ") for role in fact.roles),
    )
    name, cause = clock(fact.clock), _CAUSE.get(fact.cause, both(fact.cause))
    answer = None
    if fact.answer_by is not None:
        by = names.moment(fact.answer_by)
        answer = both(f"须于 {by} 前答复", f"to be answered by {by}")
    return joined(
        both(
            f"升级第 {fact.step} 步：请 {fact.level} 级 {roles.zh} 过问",
            f"escalation, step {fact.step}: asked {roles.en} of the {fact.level}",
        ),
        both(
            f"{cause.zh}（{name.zh}，第 {fact.run} 条起算）",
            f"{cause.en} ({name.en}, run of entry {fact.run})",
        ),
        answer,
    )


def _acknowledged(fact: Acknowledged, _: Names) -> Said:
    return joined(
        both(f"确认升级第 {fact.step} 步", f"took up step {fact.step} of the escalation"), reason(fact.reason)
    )


def _passed_on(fact: PassedOn, _: Names) -> Said:
    return joined(
        both(f"将升级第 {fact.step} 步上交", f"passed step {fact.step} of the escalation on"),
        reason(fact.reason),
    )


#: Of each of these facts, what tells it.
FILING: Final[Mapping[type, Callable[[Any, Names], Said]]] = {
    Reported: _reported,
    Placed: _placed,
    Relocated: _relocated,
    Corrected: _corrected,
    Filed: _filed,
    Asked: _asked,
    Verified: _verified,
    Rejected: _rejected,
    Dispatched: _dispatched,
    Undone: _undone,
    Adopted: _adopted,
    Imported: _imported,
    Noticed: _noticed,
    Escalated: _escalated,
    Acknowledged: _acknowledged,
    PassedOn: _passed_on,
}
