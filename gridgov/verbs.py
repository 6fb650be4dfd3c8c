"""The acts on an incident, one function each: it brings the facts together and lets `dispatch` decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from dispatch import decisions, ending_decisions, handling_decisions, noticing, task_decisions
from dispatch.actors import Actor
from dispatch.correcting import Wanted, correct
from dispatch.entries import SYSTEM, Entry, Fact, Place
from dispatch.handling_facts import Wish
from dispatch.incidents import Incident, extend
from dispatch.lifecycle import Act
from dispatch.permissions import permit
from dispatch.routing import Units
from gridgov.errors import BadInput
from gridgov.sent import SentAct
from gridgov.siting import locate, specialised, units
from gridgov.storage.batch import Decision
from gridgov.storage.desk import Desk
from gridgov.storage.errors import UnknownIncident
from gridgov.storage.words import Words


@dataclass(frozen=True, slots=True)
class Case:
    """An act that is about to be decided: what was sent, on what, by whom, and what lies before the desk.

    ``words`` are those that stay beside the ledger; ``sees`` asks whether its author may know of another
    incident.
    """

    sent: SentAct
    incident: Incident
    by: Actor
    desk: Desk
    words: Words | None
    sees: Callable[[Incident], bool]

    @property
    def units(self) -> Units:
        """The territorial units of where it lies."""
        return units(self.desk.in_force.atlas, self.incident.place.path)

    def specialised(self, place: Place, category: str) -> tuple[str, ...]:
        """The specialised grids of a place that matter for a category."""
        return specialised(self.desk.in_force, place, category)

    @property
    def reference(self) -> str | None:
        """What the ledger keeps in the place of the words."""
        return None if self.words is None else self.words.reference()


Verb = Callable[[Case], Decision]


def decide(case: Case) -> Decision:
    """What an act comes to; raises what refuses it."""
    return _VERBS[case.sent.act](case)


def _only(fact: Fact, words: Words | None = None) -> Decision:
    return Decision((fact,), words)


def _then_sent(case: Case, fact: Fact) -> Decision:
    """An act after which somebody is sent to look, where anybody is on duty."""
    desk, incident = case.desk, case.incident
    entry = Entry(incident.id, incident.number + 1, desk.now, desk.now, case.by.person, fact)
    after = extend(incident, (entry,))
    on_duty = desk.duty.on_duty(after.place)
    told = task_decisions.sent(desk.in_force.rules, after, on_duty, desk.now)
    return Decision((fact,), by_itself=tuple((SYSTEM, fact) for fact in told))


def _place(case: Case) -> Decision:
    sent, incident, desk = case.sent, case.incident, case.desk
    where = locate(desk.in_force, sent.position)
    there = units(desk.in_force.atlas, where.path)
    matter = case.specialised(where, incident.category)
    return _only(decisions.place(desk.in_force.rules, incident, case.by, where, there, desk.now, matter))


def _correct(case: Case) -> Decision:
    sent, incident, desk = case.sent, case.incident, case.desk
    where = incident.place if sent.position is None else locate(desk.in_force, sent.position)
    wanted = Wanted(sent.category, sent.standard, sent.urgency, None if sent.position is None else where)
    there = units(desk.in_force.atlas, where.path)
    matter = case.specialised(where, sent.category or incident.category)
    rules = desk.in_force.rules
    return _only(
        correct(
            rules, incident, case.by, wanted, there, matter, sent.reason, desk.now, units_before=case.units
        )
    )


def _file(case: Case) -> Decision:
    sent, incident, desk = case.sent, case.incident, case.desk
    matter = None if sent.category is None else case.specialised(incident.place, sent.category)
    return _only(
        decisions.file(
            desk.in_force.rules,
            incident,
            case.by,
            case.units,
            desk.now,
            sent.category,
            sent.urgency,
            matter,
            sent.standard,
        )
    )


def _ask(case: Case) -> Decision:
    rules, now = case.desk.in_force.rules, case.desk.now
    return _then_sent(case, decisions.ask(rules, case.incident, case.by, now, case.sent.reason))


def _verify(case: Case) -> Decision:
    sent, rules, now = case.sent, case.desk.in_force.rules, case.desk.now
    found = bool(sent.found)
    return _only(decisions.verify(rules, case.incident, case.by, found, now, sent.reason, sent.photos))


def _reject(case: Case) -> Decision:
    return _only(decisions.reject(case.incident, case.by, case.sent.reason))


def _self_handle(case: Case) -> Decision:
    sent = case.sent
    before = sent.before or ()
    return _only(ending_decisions.self_handle(case.incident, case.by, sent.reason, sent.photos, before))


def _join(case: Case) -> Decision:
    """To an incident that its author may see: else nobody learns that there is one."""
    permit(case.incident, Act.JOIN, case.by)
    leader = case.desk.others.get(case.sent.leader or "")
    if leader is None or not case.sees(leader):
        raise UnknownIncident(incident=case.sent.leader)
    joined, followed = ending_decisions.join(case.incident, case.by, leader, case.sent.reason)
    return Decision((joined,), elsewhere=((leader.id, followed),))


def _dispatch(case: Case) -> Decision:
    sent, rules, now = case.sent, case.desk.in_force.rules, case.desk.now
    return _only(decisions.dispatch(rules, case.incident, case.by, now, sent.department, sent.co_handlers))


def _undo(case: Case) -> Decision:
    rules, now = case.desk.in_force.rules, case.desk.now
    return _only(decisions.undo(rules, case.incident, case.by, case.sent.reason, now))


def _accept(case: Case) -> Decision:
    return _only(handling_decisions.accept(case.incident, case.by, case.sent.department))


def _decline(case: Case) -> Decision:
    sent = case.sent
    return _only(handling_decisions.decline(case.incident, case.by, sent.reason, sent.department))


def _assign(case: Case) -> Decision:
    sent, incident = case.sent, case.incident
    theirs = sent.department or (incident.lead if incident.lead in case.by.departments else None)
    if theirs is None:
        theirs = next((p.department for p in incident.parts if p.department in case.by.departments), "")
    may = sent.person is not None and case.desk.duty.may_handle(sent.person, theirs, incident.place.path)
    rules = case.desk.in_force.rules
    return _only(
        handling_decisions.assign(
            rules, incident, case.by, sent.crew, sent.person, may, sent.reason, theirs or None
        )
    )


def _involve(case: Case) -> Decision:
    rules, others = case.desk.in_force.rules, case.sent.co_handlers
    if others is None:
        raise BadInput("say who has a part in it: co_handlers, an empty list for nobody")
    return _only(handling_decisions.involve(rules, case.incident, case.by, others, case.sent.reason))


def _report_part(case: Case) -> Decision:
    sent = case.sent
    return _only(
        handling_decisions.report_part(case.incident, case.by, sent.reason, sent.photos, sent.department)
    )


def _return(case: Case) -> Decision:
    rules, now = case.desk.in_force.rules, case.desk.now
    return _only(decisions.return_(rules, case.incident, case.by, case.sent.reason, now))


def _apply(case: Case) -> Decision:
    sent, now = case.sent, case.desk.now
    wish = Wish(sent.wish or "")
    return _only(handling_decisions.apply(case.incident, case.by, wish, sent.reason, now, sent.until))


def _grant(case: Case) -> Decision:
    rules, now = case.desk.in_force.rules, case.desk.now
    return _only(handling_decisions.grant(rules, case.incident, case.by, now, case.sent.reason))


def _refuse(case: Case) -> Decision:
    return _only(handling_decisions.refuse(case.incident, case.by, case.sent.reason))


def _resume(case: Case) -> Decision:
    rules, now = case.desk.in_force.rules, case.desk.now
    return _only(handling_decisions.resume(rules, case.incident, case.by, now, case.sent.reason))


def _supervise(case: Case) -> Decision:
    rules, now = case.desk.in_force.rules, case.desk.now
    return _only(handling_decisions.supervise(rules, case.incident, case.by, case.sent.reason, now))


def _answer(case: Case) -> Decision:
    return _only(handling_decisions.answer(case.incident, case.by, case.sent.reason))


def _enforce(case: Case) -> Decision:
    sent = case.sent
    fact = handling_decisions.enforce(
        case.incident,
        case.by,
        sent.measure or "",
        sent.legal_basis or "",
        sent.document or "",
        case.reference or "",
    )
    return _only(fact, case.words)


def _handle(case: Case) -> Decision:
    sent, rules, now = case.sent, case.desk.in_force.rules, case.desk.now
    return _then_sent(case, decisions.handle(rules, case.incident, case.by, sent.reason, now, sent.photos))


def _check(case: Case) -> Decision:
    sent, rules, now = case.sent, case.desk.in_force.rules, case.desk.now
    passed = bool(sent.passed)
    return _only(decisions.check(rules, case.incident, case.by, passed, now, sent.reason, sent.photos))


def _close(case: Case) -> Decision:
    return _only(decisions.close(case.incident, case.by))


def _appeal(case: Case) -> Decision:
    return _only(ending_decisions.appeal(case.incident, case.by, case.sent.reason))


def _decide(case: Case) -> Decision:
    granted = bool(case.sent.granted)
    return _only(ending_decisions.decide(case.incident, case.by, granted, case.sent.reason))


def _call_back(case: Case) -> Decision:
    sent = case.sent
    fact = ending_decisions.call_back(
        case.incident, case.by, bool(sent.contacted), sent.solved, sent.satisfied, case.reference
    )
    return _only(fact, case.words)


def _reopen(case: Case) -> Decision:
    rules, now = case.desk.in_force.rules, case.desk.now
    return _only(decisions.reopen(rules, case.incident, case.by, case.sent.reason, now))


def _cancel(case: Case) -> Decision:
    return _only(decisions.cancel(case.incident, case.by, case.sent.reason))


def _adopt(case: Case) -> Decision:
    rules, now = case.desk.in_force.rules, case.desk.now
    return _only(decisions.adopt(rules, case.incident, case.by, case.units, now))


def _task(case: Case) -> Decision:
    sent, duty, now = case.sent, case.desk.duty, case.desk.now
    may = duty.is_inspector(sent.person or "", case.incident.place.path)
    rules = case.desk.in_force.rules
    return _only(task_decisions.give(rules, case.incident, case.by, sent.person or "", may, now))


def _accept_task(case: Case) -> Decision:
    return _only(task_decisions.accept_task(case.incident, case.by))


def _decline_task(case: Case) -> Decision:
    fact = task_decisions.decline_task(case.incident, case.by, case.sent.reason)
    return _then_sent(case, fact)


def _acknowledge(case: Case) -> Decision:
    return _only(noticing.acknowledge(case.incident, case.by, case.sent.reason))


def _pass_on(case: Case) -> Decision:
    rules, now = case.desk.in_force.rules, case.desk.now
    return Decision(noticing.pass_on(rules, case.incident, case.by, case.sent.reason, now))


def _take_back(case: Case) -> Decision:
    now = case.desk.now
    return _only(ending_decisions.take_back(case.incident, case.by, now, case.sent.reason))


def _note(case: Case) -> Decision:
    return _only(decisions.note(case.incident, case.by, case.reference or ""), case.words)


def _attach(case: Case) -> Decision:
    return _only(decisions.attach(case.incident, case.by, case.sent.photos))


_VERBS: Final[Mapping[Act, Verb]] = {
    Act.PLACE: _place,
    Act.CORRECT: _correct,
    Act.SELF_HANDLE: _self_handle,
    Act.JOIN: _join,
    Act.FILE: _file,
    Act.ASK: _ask,
    Act.VERIFY: _verify,
    Act.REJECT: _reject,
    Act.DISPATCH: _dispatch,
    Act.UNDO: _undo,
    Act.ACCEPT: _accept,
    Act.DECLINE: _decline,
    Act.ASSIGN: _assign,
    Act.INVOLVE: _involve,
    Act.REPORT_PART: _report_part,
    Act.RETURN: _return,
    Act.APPLY: _apply,
    Act.GRANT: _grant,
    Act.REFUSE: _refuse,
    Act.RESUME: _resume,
    Act.SUPERVISE: _supervise,
    Act.ANSWER: _answer,
    Act.ENFORCE: _enforce,
    Act.HANDLE: _handle,
    Act.CHECK: _check,
    Act.CLOSE: _close,
    Act.APPEAL: _appeal,
    Act.DECIDE: _decide,
    Act.CALL_BACK: _call_back,
    Act.REOPEN: _reopen,
    Act.CANCEL: _cancel,
    Act.ADOPT: _adopt,
    Act.TASK: _task,
    Act.ACCEPT_TASK: _accept_task,
    Act.DECLINE_TASK: _decline_task,
    Act.ACKNOWLEDGE: _acknowledge,
    Act.PASS_ON: _pass_on,
    Act.TAKE_BACK: _take_back,
    Act.NOTE: _note,
    Act.ATTACH: _attach,
}
