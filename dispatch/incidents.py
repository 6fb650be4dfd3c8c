"""An incident is what its entries add up to: stage, department and due time are never set, only arrived at.

Which time counts: a clock that binds somebody starts when the server recorded the entry (``recorded_at``),
because nobody can be late for what they could not see; figures count by it too. Imported history counts by
the times its source states.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from typing import Final

from dispatch.applying import Builder, add, notice
from dispatch.entries import Entry, Escalated, Place, Started
from dispatch.errors import BrokenHistory
from dispatch.lifecycle import ENDED, Act, Role, Stage, open_acts

#: What is noticed of a clock: it turns yellow, it turns red.
WARNING: Final = "warning"
OVERDUE: Final = "overdue"


@dataclass(frozen=True, slots=True)
class Incident:
    """Our file on one reported thing (案卷), as its entries have made it.

    ``department`` owns it at any moment; ``lead`` is the department that holds it for handling (None before
    dispatch and after a return), ``co_handlers`` have a part in it. ``due_at`` is the end of the handling
    limit; ``remaining_s`` is set while that clock is paused. ``clock`` is the one that runs now, since
    ``clock_started_at``; ``handling`` that of handling as it was last started. ``noticed`` are the notices
    given of its clocks (``clock/run/threshold``). ``escalated`` is the step that was asked last for the clock
    that runs, ``answered_by`` who took it up; both are ``set_aside`` while the clock of handling is stopped,
    and count again when it goes on. ``automatic`` names the rule that filed it without a human hand;
    ``auto_dispatched``: that rule dispatched it too, and nobody has since; ``undoable``: nobody has built on
    it yet. ``dispatched_to`` is the department that it was last dispatched to, ``redirected`` how often that
    was another than the time before.
    """

    id: str
    number: int
    stage: Stage
    case_number: str
    channel: str
    category: str
    standard: str | None
    urgency: str
    place: Place
    specialised: tuple[str, ...]
    department: str
    rule: str
    co_handlers: tuple[str, ...]
    automatic: str | None
    auto_dispatched: bool
    undoable: bool
    lead: str | None
    last_lead: str | None
    limit: str | None
    due_at: datetime | None
    remaining_s: float | None
    clock: Started | None
    clock_started_at: datetime | None
    handling: Started | None
    noticed: tuple[str, ...]
    escalated: Escalated | None
    answered_by: str | None
    set_aside: tuple[Escalated, str | None] | None
    reported_at: datetime
    reported_by: str
    filed_at: datetime | None
    dispatched_at: datetime | None
    handled_at: datetime | None
    handled_by: str | None
    closed_at: datetime | None
    updated_at: datetime
    dispatches: int
    dispatched_to: str | None
    redirected: int
    returns: int
    reworks: int
    reopenings: int
    photos: tuple[str, ...]
    clock_ahead_s: float | None
    imported: bool
    source_number: str | None
    source_status: str | None

    @property
    def is_open(self) -> bool:
        """Is there still something to do?"""
        return self.stage not in ENDED

    def open_acts(self, roles: Iterable[Role]) -> tuple[Act, ...]:
        """What somebody who holds these roles on this incident can do now."""
        return tuple(act for act in open_acts(self.stage, frozenset(roles)) if self._makes_sense(act))

    def _makes_sense(self, act: Act) -> bool:
        """Some acts are open in a stage, and yet there may be nothing to do them on."""
        if act is Act.UNDO:
            return self.undoable
        if act in (Act.ACKNOWLEDGE, Act.PASS_ON):
            return self.escalated is not None and self.answered_by is None
        return True

    def was_noticed(self, started: Started, threshold: str) -> bool:
        """Was it said already that this run of a clock came to its warning, or its end?"""
        return notice(started.clock, started.run, threshold) in self.noticed

    @property
    def next_look(self) -> datetime | None:
        """When something is to be noticed next that nobody does: the warning or the end of the clock that
        runs, an escalation that nobody answers; None where nothing is.
        """
        clock = self.clock
        if clock is None:
            return None
        if self.was_noticed(clock, OVERDUE):
            waits = self.escalated is not None and self.answered_by is None
            return self.escalated.answer_by if waits and self.escalated is not None else None
        return clock.due_at if self.was_noticed(clock, WARNING) else min(clock.warn_at, clock.due_at)


_NAMES = tuple(f.name for f in fields(Incident))
_values = attrgetter(*_NAMES)


def fold(entries: Iterable[Entry]) -> Incident:
    """What the entries of one incident add up to, in order of their number; raises BrokenHistory."""
    b = Builder()
    for entry in entries:
        add(b, entry)
    return _freeze(b)


def extend(incident: Incident | None, entries: Iterable[Entry]) -> Incident:
    """The incident after some more entries; the same as folding all of them from the first."""
    b = Builder() if incident is None else Builder(**dict(zip(_NAMES, _values(incident), strict=True)))
    for entry in entries:
        add(b, entry)
    return _freeze(b)


def _freeze(b: Builder) -> Incident:
    if b.stage is None:
        raise BrokenHistory("an incident without entries")
    return Incident(*_values(b))
