"""An incident is what its entries add up to: stage, department and due time are never set, only arrived at.

Which time counts: a clock that binds somebody starts when the server recorded the entry (``recorded_at``),
because nobody can be late for what they could not see; figures count by it too. Imported history counts by
the times its source states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import Final, cast

from dispatch.applying import add, follows_by_itself
from dispatch.building import OFFERED, Builder, Handover, Part, Task, notice
from dispatch.ending_facts import CalledBack, TakenBack
from dispatch.entries import Entry, Escalated, Place, Started
from dispatch.errors import BrokenHistory
from dispatch.handling_facts import Applied, Supervised
from dispatch.lifecycle import ENDED, TAKEABLE, Stage

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

    ``leader`` is the incident that it was joined to, ``followers`` those joined to it. ``accepted_by``,
    ``crew`` and ``assignee`` are those of the lead; ``parts`` are the co-handlers'. ``application`` waits
    for an answer; ``extensions`` were granted in all, ``extended`` of them for the run of the clock of
    handling that counts. ``supervision`` is the one that was not answered yet. ``appeal`` is open,
    granted or refused, that of ``appealed_by``: for another department that has it later there was none.
    ``call_back`` is the last; it stands until the next closing. ``eyes`` are those who reported, verified
    or checked, ``hands`` those who handled. ``task`` is who is sent to look, ``passed_over`` who was
    asked before them and does not go. ``handovers`` has one for each return. The last act was
    ``last_act``, entry ``last_number``, by ``last_by``; ``earlier`` gives the incident before it, where
    it can be taken back.
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
    leader: str | None
    followers: tuple[str, ...]
    self_handled: bool
    accepted_by: str | None
    crew: str | None
    assignee: str | None
    parts: tuple[Part, ...]
    application: Applied | None
    extensions: int
    extended: int
    suspensions: int
    suspended_until: datetime | None
    supervision: Supervised | None
    supervisions: int
    appeal: str | None
    appealed_by: str | None
    call_back: CalledBack | None
    eyes: tuple[str, ...]
    hands: tuple[str, ...]
    enforcements: int
    task: Task | None
    passed_over: tuple[str, ...]
    handovers: tuple[Handover, ...]
    last_by: str
    last_act: str
    last_number: int
    call_back_stands: bool
    earlier: Callable[[], Incident] | None = field(compare=False, repr=False)

    @property
    def before(self) -> Incident | None:
        """The incident before the last act, where that can be taken back."""
        return None if self.earlier is None else self.earlier()

    @property
    def is_open(self) -> bool:
        """Is there still something to do?"""
        return self.stage not in ENDED

    def was_noticed(self, started: Started, threshold: str) -> bool:
        """Was it said already that this run of a clock came to its warning, or its end?"""
        return notice(started.clock, started.run, threshold) in self.noticed

    @property
    def next_look(self) -> datetime | None:
        """When something is to be noticed next that nobody does: the warning or the end of a clock that runs,
        an escalation or a task that nobody answers, the end of a suspension; None where nothing is.
        """
        clock, supervision, task = self.clock, self.supervision, self.task
        look = None if clock is None else self.look_at_clock
        if supervision is not None and supervision.starts is not None:
            look = _earlier(look, self.threshold(supervision.starts))
        if task is not None and task.state == OFFERED:
            look = _earlier(look, task.answer_by)
        return _earlier(look, self.suspended_until)

    @property
    def look_at_clock(self) -> datetime | None:
        """The same of the clock that runs, and of who was asked because it ran out, alone."""
        clock, asked = self.clock, self.escalated
        if clock is None:
            return None
        if self.was_noticed(clock, OVERDUE):
            return asked.answer_by if asked is not None and self.answered_by is None else None
        return self.threshold(clock)

    def threshold(self, clock: Started) -> datetime | None:
        """When a clock comes to what was not noticed of it yet: its warning, its end; None past both."""
        if self.was_noticed(clock, OVERDUE):
            return None
        return clock.due_at if self.was_noticed(clock, WARNING) else min(clock.warn_at, clock.due_at)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return one or other
    return min(one, other)


_NAMES = tuple(f.name for f in fields(Incident))
_values = attrgetter(*_NAMES)


def fold(entries: Iterable[Entry]) -> Incident:
    """What the entries of one incident add up to, in order of their number; raises BrokenHistory.

    What was taken back later is kept as it was before: adding up to it again for each would double the work
    with every one.
    """
    history = tuple(entries)
    taken = {entry.fact.number - 1 for entry in history if type(entry.fact) is TakenBack}
    kept: dict[int, Incident] = {}
    b = Builder()
    for index, entry in enumerate(history):
        if index in taken and b.stage is not None and _can_go_back(entry):
            kept[index] = _freeze(copy(b))
        if type(entry.fact) is TakenBack:
            before = kept.get(entry.fact.number - 1)
            b.earlier = None if before is None else partial(_as_it_was, before)
        add(b, entry)
    last = len(history) - 1
    while last > 0 and follows_by_itself(history[last]):
        last -= 1
    b.earlier = _earlier_than(history, last)
    return _freeze(b)


def _as_it_was(incident: Incident) -> Incident:
    return incident


def _earlier_than(history: tuple[Entry, ...], index: int) -> Callable[[], Incident] | None:
    """What gives the incident before the entry at an index, where that is an act that can be taken back."""
    taken_back = 0 < index < len(history) and _can_go_back(history[index])
    return partial(fold, history[:index]) if taken_back else None


def _can_go_back(entry: Entry) -> bool:
    """Is it an act that may be taken back, and not what only followed from one?"""
    return entry.fact.act in TAKEABLE and not follows_by_itself(entry)


def extend(incident: Incident | None, entries: Iterable[Entry]) -> Incident:
    """The incident after some more entries; the same as folding all of them from the first."""
    b = Builder() if incident is None else Builder(**dict(zip(_NAMES, _values(incident), strict=True)))
    done: list[Entry] = []
    for entry in entries:
        add(b, entry)
        if _can_go_back(entry) and (incident is not None or done):
            b.earlier = partial(extend, incident, tuple(done))
        done.append(entry)
    return _freeze(b)


def _freeze(b: Builder) -> Incident:
    """The builder itself becomes the incident, which nobody can change: the two hold the same fields in the
    same slots, and copying eighty of them took as long as adding up five entries. Nobody keeps the builder.
    """
    if b.stage is None:
        raise BrokenHistory("an incident without entries")
    b.__class__ = Incident  # type: ignore[assignment]
    return cast(Incident, b)
