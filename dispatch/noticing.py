"""What nobody does and still happens: a clock turns yellow or red, and whoever answers for it is asked.

A clock's warning and its end are noticed once for each of its runs. Past its end the ladder begins, if the
city has one for that clock: the first step is asked; whoever is asked takes it up or passes it on, and where
nobody does either within the step's time, the next step is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from dispatch.clocks import Clock
from dispatch.deadlines import Calendar, Limit, due
from dispatch.decisions import Actor
from dispatch.entries import Acknowledged, Escalated, Fact, Noticed, PassedOn
from dispatch.errors import CalendarTooShort, NotAsked, NotEscalated, NotRunning, ReasonMissing
from dispatch.incidents import OVERDUE, WARNING, Incident
from dispatch.lifecycle import Act, step
from dispatch.rules import Rules


def notice(rules: Rules, incident: Incident, levels: Sequence[str], now: datetime) -> tuple[Fact, ...]:
    """What is to be said of the incident's clock now, first the notice, then who is asked.

    ``levels``: the keys of the levels that its place lies in, widest first. Past the end only that is said,
    not that the warning passed too. Raises NotRunning where there is nothing to say: no clock runs, it is not
    time yet, or it was said.
    """
    clock, look = incident.clock, incident.next_look
    if clock is None or look is None or now < look:
        raise NotRunning(incident=incident.id)
    step(incident.stage, Act.NOTICE)
    if incident.was_noticed(clock, OVERDUE):
        return (_unanswered(rules, incident, now),)
    if now < clock.due_at:
        return (Noticed(clock.clock, clock.run, WARNING, clock.due_at),)
    told = Noticed(clock.clock, clock.run, OVERDUE, clock.due_at)
    if Clock(clock.clock) not in rules.ladder.clocks or not rules.ladder.steps:
        return (told,)
    return told, _asked(rules, incident, rules.ladder.first(levels), "overdue", now)


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
