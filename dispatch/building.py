"""An incident while its entries are being added up, and the small values that it is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from dispatch.categories import Urgency
from dispatch.ending_facts import CalledBack
from dispatch.entries import Entry, Escalated, Place, Route, Started
from dispatch.handling_facts import Applied, Supervised
from dispatch.lifecycle import Stage

#: How far a co-handler has come with its part, and somebody sent to look with the task.
OPEN, ACCEPTED, DONE = "open", "accepted", "done"
OFFERED, UNASSIGNED = "offered", "unassigned"


@dataclass(frozen=True, slots=True)
class Part:
    """A co-handler's part (协办): ``state`` is open, accepted or done; ``accepted_by`` is who took it up for
    the department, ``crew`` and ``assignee`` whom it was handed to.
    """

    department: str
    state: str = OPEN
    accepted_by: str | None = None
    crew: str | None = None
    assignee: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """Somebody is sent to look: ``kind`` is verify or check, ``state`` offered, accepted, or unassigned where
    nobody is left to send. The rest is as in `dispatch.task_facts.Tasked`.
    """

    kind: str
    person: str | None
    state: str
    because: str
    distance_m: float | None = None
    answer_by: datetime | None = None


class Handover(NamedTuple):
    """A department returned it, and this one took it (退回): None while nobody has."""

    from_department: str
    to_department: str | None
    returned_at: datetime
    taken_at: datetime | None = None


@dataclass(slots=True)
class Builder:
    """An incident while its entries are being added up."""

    id: str = ""
    number: int = 0
    stage: Stage | None = None
    case_number: str = ""
    channel: str = ""
    category: str = ""
    standard: str | None = None
    urgency: str = Urgency.ORDINARY
    place: Place = field(default_factory=Place)
    specialised: tuple[str, ...] = ()
    department: str = ""
    rule: str = ""
    co_handlers: tuple[str, ...] = ()
    automatic: str | None = None
    auto_dispatched: bool = False
    undoable: bool = False
    lead: str | None = None
    last_lead: str | None = None
    limit: str | None = None
    due_at: datetime | None = None
    remaining_s: float | None = None
    clock: Started | None = None
    clock_started_at: datetime | None = None
    handling: Started | None = None
    noticed: tuple[str, ...] = ()
    escalated: Escalated | None = None
    answered_by: str | None = None
    set_aside: tuple[Escalated, str | None] | None = None
    reported_at: datetime | None = None
    reported_by: str = ""
    filed_at: datetime | None = None
    dispatched_at: datetime | None = None
    handled_at: datetime | None = None
    handled_by: str | None = None
    closed_at: datetime | None = None
    updated_at: datetime | None = None
    dispatches: int = 0
    dispatched_to: str | None = None
    redirected: int = 0
    returns: int = 0
    reworks: int = 0
    reopenings: int = 0
    photos: tuple[str, ...] = ()
    clock_ahead_s: float | None = None
    imported: bool = False
    source_number: str | None = None
    source_status: str | None = None
    leader: str | None = None
    followers: tuple[str, ...] = ()
    self_handled: bool = False
    accepted_by: str | None = None
    crew: str | None = None
    assignee: str | None = None
    parts: tuple[Part, ...] = ()
    application: Applied | None = None
    extensions: int = 0
    extended: int = 0
    suspensions: int = 0
    suspended_until: datetime | None = None
    supervision: Supervised | None = None
    supervisions: int = 0
    appeal: str | None = None
    appealed_by: str | None = None
    call_back: CalledBack | None = None
    eyes: tuple[str, ...] = ()
    hands: tuple[str, ...] = ()
    enforcements: int = 0
    task: Task | None = None
    passed_over: tuple[str, ...] = ()
    handovers: tuple[Handover, ...] = ()
    last_by: str = ""
    last_act: str = ""
    last_number: int = 0
    call_back_stands: bool = False
    #: What gives the incident before the last act, where that can be taken back.
    earlier: Callable[[], Any] | None = None


def notice(clock: str, run: int, threshold: str) -> str:
    """How a notice is written among those given."""
    return f"{clock}/{run}/{threshold}"


def runs(b: Builder, entry: Entry, started: Started | None) -> None:
    """From this entry on, this clock runs, and no other."""
    b.clock, b.clock_started_at = started, None if started is None else entry.recorded_at


def routed(b: Builder, route: Route) -> None:
    """It belongs to this department, by this rule."""
    b.department, b.rule, b.co_handlers = route.department, route.rule, route.co_handlers


def parts_of(b: Builder, co_handlers: Sequence[str]) -> tuple[Part, ...]:
    """The parts of these co-handlers: as far as they had come, where they had one before."""
    if not co_handlers:
        return ()
    had = {part.department: part for part in b.parts}
    return tuple(had.get(department) or Part(department) for department in co_handlers)


def with_name(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    """These names and that one, once."""
    return names if name in names else (*names, name)
