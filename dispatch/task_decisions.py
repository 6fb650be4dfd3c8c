"""The decisions about who goes and looks; `dispatch.tasks` chooses among those on duty."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from dispatch.actors import Actor
from dispatch.deadlines import due
from dispatch.errors import CalendarTooShort, CannotGo, SamePerson
from dispatch.incidents import Incident
from dispatch.lifecycle import Act, Stage
from dispatch.permissions import permit
from dispatch.results import reason_in_words
from dispatch.rules import Rules
from dispatch.task_facts import Because, TaskAccepted, TaskDeclined, Tasked, TaskExpired, TaskKind
from dispatch.tasks import Candidate, because, choose

_KIND: Final = {Stage.VERIFYING: TaskKind.VERIFY, Stage.CHECKING: TaskKind.CHECK}


def sent(
    rules: Rules, incident: Incident, candidates: Sequence[Candidate], now: datetime
) -> tuple[Tasked, ...]:
    """Who is sent to look at an incident that has just come to verification or to its check, or whose task
    somebody has just left: none where nobody at all is on duty, and a desk is told where nobody is left.
    """
    kind = _KIND.get(incident.stage)
    if kind is None or not candidates:
        return ()
    chosen = choose(candidates, {*incident.passed_over, *incident.hands})
    if chosen is None:
        waits = incident.task is not None and incident.task.person is None
        return () if waits else (Tasked(kind, Because.NOBODY),)
    return (
        Tasked(
            kind,
            because(chosen),
            chosen.person,
            chosen.distance_m,
            chosen.stand_in_for,
            _answer_by(rules, now),
        ),
    )


def give(rules: Rules, incident: Incident, by: Actor, person: str, person_may: bool, now: datetime) -> Tasked:
    """Say who goes (派单). ``person_may``: are they an inspector? Raises CannotGo, SamePerson."""
    permit(incident, Act.TASK, by)
    if not person_may:
        raise CannotGo("only an inspector is sent to look, and this person is none", person=person)
    if person in incident.hands:
        raise SamePerson(Act.TASK, "handled")
    return Tasked(_KIND[incident.stage], Because.CHOSEN, person, answer_by=_answer_by(rules, now))


def _answer_by(rules: Rules, now: datetime) -> datetime | None:
    """When the task goes on to somebody else; None where the calendar never comes to it."""
    wait = rules.clocks.task
    try:
        return due(rules.calendar_of(wait.calendar), wait.limit, now)
    except CalendarTooShort:
        return None


def accept_task(incident: Incident, by: Actor) -> TaskAccepted:
    """Go (接单). Raises NoTask where somebody else is asked."""
    permit(incident, Act.ACCEPT_TASK, by)
    return TaskAccepted()


def decline_task(incident: Incident, by: Actor, reason: str) -> TaskDeclined:
    """Not go (拒单). Raises NoTask, ReasonMissing."""
    permit(incident, Act.DECLINE_TASK, by)
    return TaskDeclined(reason_in_words(Act.DECLINE_TASK, reason))


def expired(incident: Incident) -> TaskExpired:
    """Whoever was asked has not answered in time (派单超时); nobody does this."""
    assert incident.task is not None
    assert incident.task.person is not None
    return TaskExpired(incident.task.person)
