"""How the facts of handling beside the main line change an incident; see `dispatch.applying`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from dispatch.building import (
    ACCEPTED,
    DONE,
    OFFERED,
    UNASSIGNED,
    Builder,
    Task,
    parts_of,
    routed,
    runs,
    with_name,
)
from dispatch.entries import Entry, Fact
from dispatch.handling_facts import (
    Accepted,
    Answered,
    Applied,
    Assigned,
    Corrected,
    Declined,
    Enforced,
    Granted,
    Involved,
    PartDone,
    Refused,
    Resumed,
    Supervised,
    Wish,
)
from dispatch.lifecycle import Stage
from dispatch.task_facts import Because, TaskAccepted, TaskDeclined, Tasked, TaskExpired


def _corrected(b: Builder, entry: Entry, fact: Corrected) -> None:
    b.category, b.urgency, b.standard = fact.category, fact.urgency, fact.standard
    b.place, b.specialised = fact.place, fact.specialised
    if b.stage is Stage.HANDLING:
        # Whom the dispatcher chose to have a part in it still has.
        b.rule = fact.route.rule
        return
    routed(b, fact.route)
    b.remaining_s = fact.remaining_s
    if fact.elsewhere:
        b.lead = b.due_at = b.accepted_by = b.crew = b.assignee = b.application = None
        b.undoable = False
        runs(b, entry, fact.starts)


def _accepted(b: Builder, entry: Entry, fact: Accepted) -> None:
    if fact.department == b.lead:
        b.accepted_by = entry.by
    else:
        _part(b, fact.department, state=ACCEPTED, accepted_by=entry.by)


def _part(b: Builder, department: str, **changed: Any) -> None:
    b.parts = tuple(replace(part, **changed) if part.department == department else part for part in b.parts)


def _declined(b: Builder, _entry: Entry, fact: Declined) -> None:
    b.co_handlers = tuple(code for code in b.co_handlers if code != fact.department)
    b.parts = tuple(part for part in b.parts if part.department != fact.department)


def _assigned(b: Builder, _entry: Entry, fact: Assigned) -> None:
    if fact.department == b.lead:
        b.crew, b.assignee = fact.crew, fact.person
    else:
        _part(b, fact.department, crew=fact.crew, assignee=fact.person)


def _involved(b: Builder, _entry: Entry, fact: Involved) -> None:
    b.co_handlers, b.parts = fact.co_handlers, parts_of(b, fact.co_handlers)


def _part_done(b: Builder, entry: Entry, fact: PartDone) -> None:
    _part(b, fact.department, state=DONE)
    b.photos += fact.photos
    b.hands = with_name(b.hands, entry.by)


def _applied(b: Builder, _entry: Entry, fact: Applied) -> None:
    b.application = fact


def _granted(b: Builder, entry: Entry, fact: Granted) -> None:
    b.application = None
    if fact.wish == Wish.EXTENSION:
        _extended(b, fact)
        return
    b.suspensions += 1
    b.suspended_until, b.remaining_s, b.due_at = fact.until, fact.remaining_s, None
    runs(b, entry, None)


def _extended(b: Builder, fact: Granted) -> None:
    """The same run with another end: what was noticed of the old one, and asked because of it, is void."""
    started = fact.starts
    assert started is not None
    b.extensions, b.extended = b.extensions + 1, b.extended + 1
    b.clock = b.handling = started
    b.due_at = started.due_at
    run = f"{started.clock}/{started.run}/"
    b.noticed = tuple(notice for notice in b.noticed if not notice.startswith(run))
    b.escalated = b.answered_by = b.set_aside = None


def _refused(b: Builder, _entry: Entry, _fact: Refused) -> None:
    b.application = None


def _resumed(b: Builder, entry: Entry, fact: Resumed) -> None:
    b.suspended_until = b.remaining_s = None
    b.handling, b.due_at = fact.starts, fact.starts.due_at
    runs(b, entry, fact.starts)


def _supervised(b: Builder, _entry: Entry, fact: Supervised) -> None:
    b.supervision, b.supervisions = fact, b.supervisions + 1


def _answered(b: Builder, _entry: Entry, _fact: Answered) -> None:
    b.supervision = None


def _enforced(b: Builder, _entry: Entry, _fact: Enforced) -> None:
    b.enforcements += 1


def _tasked(b: Builder, _entry: Entry, fact: Tasked) -> None:
    state = UNASSIGNED if fact.person is None else OFFERED
    b.task = Task(fact.task, fact.person, state, fact.because, fact.distance_m, fact.answer_by)


def _task_accepted(b: Builder, _entry: Entry, _fact: TaskAccepted) -> None:
    assert b.task is not None
    b.task = replace(b.task, state=ACCEPTED, answer_by=None)


def _task_lies(b: Builder, _entry: Entry, _fact: TaskDeclined | TaskExpired) -> None:
    task = b.task
    assert task is not None
    assert task.person is not None
    b.passed_over = with_name(b.passed_over, task.person)
    b.task = Task(task.kind, None, UNASSIGNED, Because.NOBODY)


APPLY: Final[Mapping[type[Fact], Callable[[Builder, Entry, Any], None]]] = {
    Corrected: _corrected,
    Accepted: _accepted,
    Declined: _declined,
    Assigned: _assigned,
    Involved: _involved,
    PartDone: _part_done,
    Applied: _applied,
    Granted: _granted,
    Refused: _refused,
    Resumed: _resumed,
    Supervised: _supervised,
    Answered: _answered,
    Enforced: _enforced,
    Tasked: _tasked,
    TaskAccepted: _task_accepted,
    TaskDeclined: _task_lies,
    TaskExpired: _task_lies,
}
