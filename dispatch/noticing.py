"""What nobody does and still happens: a clock turns yellow or red, and whoever answers for it is asked; a
suspension ends at its date; a task that nobody answers goes on to the next; what a department returned and
nobody dispatched goes to whose ground it is.

A clock's warning and its end are noticed once for each of its runs. Past its end the ladder begins, if the
city has one for that clock: the first step is asked; whoever is asked takes it up or passes it on, and where
nobody does either within the step's time, the next step is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from dispatch.actors import Actor
from dispatch.building import OFFERED
from dispatch.clocks import Clock
from dispatch.deadlines import Calendar, Limit, due
from dispatch.entries import (
    SYSTEM,
    Acknowledged,
    Dispatched,
    Entry,
    Escalated,
    Fact,
    Noticed,
    PassedOn,
    Started,
)
from dispatch.errors import CalendarTooShort, NotAsked, NotEscalated, NotRunning, ReasonMissing
from dispatch.handling_decisions import resumption
from dispatch.incidents import OVERDUE, WARNING, Incident, extend
from dispatch.lifecycle import Act, Stage, step
from dispatch.results import dispatched
from dispatch.routing import FALLBACK, TERRITORIAL, Units
from dispatch.rules import Rules
from dispatch.task_decisions import expired, sent
from dispatch.tasks import Candidate


@dataclass(frozen=True, slots=True)
class Around:
    """What is known of an incident's place: the keys of the ``levels`` that it lies in, the territorial
    ``units`` (属地), both widest first, and who is ``on_duty``, asked for only where somebody is to be sent.
    """

    levels: Sequence[str] = ()
    units: Units = ()
    on_duty: Callable[[], Sequence[Candidate]] = tuple


def notice(rules: Rules, incident: Incident, around: Around, now: datetime) -> tuple[Fact, ...]:
    """What is to be said of an incident now: of what is due the earliest, the rest with the next look.

    The end of a suspension, a task that nobody answered, a supervision's clock, the clock that runs: its
    warning, its end and who is asked then. Past its end only that is said, not that the warning passed too.
    Raises NotRunning where there is nothing to say: no clock runs, it is not time yet, or it was said.
    """
    look = incident.next_look
    if look is None or now < look:
        raise NotRunning(incident=incident.id)
    if look == incident.suspended_until:
        return (resumption(rules, incident, now),)
    if incident.task is not None and incident.task.state == OFFERED and look == incident.task.answer_by:
        return _unanswered_task(rules, incident, around, now)
    supervised = None if incident.supervision is None else incident.supervision.starts
    if supervised is not None and look == incident.threshold(supervised):
        step(incident.stage, Act.NOTICE)
        return (_noticed(supervised, now),)
    return _of_the_clock(rules, incident, around, now)


def _of_the_clock(rules: Rules, incident: Incident, around: Around, now: datetime) -> tuple[Fact, ...]:
    clock = incident.clock
    assert clock is not None, "nothing else was due"
    step(incident.stage, Act.NOTICE)
    if incident.was_noticed(clock, OVERDUE):
        return (_unanswered(rules, incident, now),)
    told = _noticed(clock, now)
    if told.threshold == WARNING:
        return (told,)
    returned = bool(incident.handovers) and incident.handovers[-1].to_department is None
    if incident.stage is Stage.DISPATCH and returned:
        return told, _to_the_ground(rules, incident, around.units, now)
    if Clock(clock.clock) not in rules.ladder.clocks or not rules.ladder.steps:
        return (told,)
    return told, _asked(rules, incident, rules.ladder.first(around.levels), "overdue", now)


def _noticed(clock: Started, now: datetime) -> Noticed:
    return Noticed(clock.clock, clock.run, WARNING if now < clock.due_at else OVERDUE, clock.due_at)


def _unanswered_task(rules: Rules, incident: Incident, around: Around, now: datetime) -> tuple[Fact, ...]:
    """Whoever was sent did not answer: the next one goes."""
    gone = expired(incident)
    without = extend(incident, (Entry(incident.id, incident.number + 1, now, now, SYSTEM, gone),))
    return gone, *sent(rules, without, around.on_duty(), now)


def _to_the_ground(rules: Rules, incident: Incident, units: Units, now: datetime) -> Dispatched:
    """What was returned and nobody has dispatched in time goes to whose ground it is (属地兜底): the deepest
    territorial unit that is a department, or the department that takes what nobody owns.
    """
    known = rules.routing.departments
    found = next((unit for _, unit in reversed(units) if unit in known), None)
    lead, rule = (rules.routing.fallback, FALLBACK) if found is None else (found, TERRITORIAL)
    reason = f"returned, and nobody dispatched it in time: goes to {rules.routing.name(lead)}"
    others = tuple(code for code in incident.co_handlers if code in known and code != lead)
    noticed = replace(incident, number=incident.number + 1)
    return dispatched(rules, noticed, now, lead, rule, reason, others)


def acknowledge(incident: Incident, by: Actor, reason: str = "") -> Acknowledged:
    """Take up what was escalated to one's level (确认); raises NotEscalated, NotAsked.

    ``by.roles`` are those held for the grid of the level that was asked, or for a wider one.
    """
    step(incident.stage, Act.ACKNOWLEDGE)
    return Acknowledged(_waiting(incident, by).step, reason.strip())


def pass_on(rules: Rules, incident: Incident, by: Actor, reason: str, now: datetime) -> tuple[Fact, ...]:
    """Hand what was escalated to the next step (上交); raises NotEscalated, also at the last step,
    NotAsked and ReasonMissing.
    """
    step(incident.stage, Act.PASS_ON)
    asked = _waiting(incident, by)
    if not reason.strip():
        raise ReasonMissing(Act.PASS_ON)
    if asked.step >= len(rules.ladder.steps):
        raise NotEscalated(
            f"{asked.level} is the last step of the ladder: there is nobody to pass it on to", step=asked.step
        )
    told = PassedOn(asked.step, reason.strip())
    return told, _asked(rules, incident, asked.step + 1, "passed_on", now)


def _waiting(incident: Incident, by: Actor) -> Escalated:
    asked = incident.escalated
    if asked is None or incident.answered_by is not None:
        raise NotEscalated(incident=incident.id)
    if by.roles.isdisjoint(asked.roles):
        raise NotAsked(asked.level, asked.roles, sorted(by.roles))
    return asked


def _unanswered(rules: Rules, incident: Incident, now: datetime) -> Escalated:
    """The next step is asked. Where the ladder was cut short meanwhile, its last step is the end of it; where
    there is none any more, whoever was asked is asked for good.
    """
    asked, steps = incident.escalated, len(rules.ladder.steps)
    if asked is None:
        raise NotRunning(incident=incident.id)
    if not steps:
        return replace(asked, cause="unanswered", answer_by=None)
    return _asked(rules, incident, min(asked.step + 1, steps), "unanswered", now)


def _asked(rules: Rules, incident: Incident, number: int, cause: str, now: datetime) -> Escalated:
    assert incident.clock is not None
    here, last = rules.ladder.steps[number - 1], number >= len(rules.ladder.steps)
    within = here.answer_within
    calendar = rules.calendar_of(within.calendar)
    return Escalated(
        number,
        here.level,
        tuple(sorted(here.roles)),
        incident.clock.clock,
        incident.clock.run,
        cause,
        None if last else _answer_by(calendar, within.limit, now),
    )


def _answer_by(calendar: Calendar, limit: Limit, now: datetime) -> datetime | None:
    """When the next step is asked; None where the calendar never comes to it: the notice is given still."""
    try:
        return due(calendar, limit, now)
    except CalendarTooShort:
        return None
