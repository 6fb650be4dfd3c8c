"""How each fact changes an incident: one function for each kind, on an incident that is being added up.

`dispatch.incidents` adds up; nobody else needs these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from operator import attrgetter
from typing import Any, Final

from dispatch import applying_ending, applying_handling
from dispatch.building import Builder, Handover, notice, parts_of, routed, runs, with_name
from dispatch.ending_facts import TakenBack
from dispatch.entries import (
    SYSTEM,
    Acknowledged,
    Adopted,
    Asked,
    Attached,
    Cancelled,
    Checked,
    Closed,
    Dispatched,
    Entry,
    Escalated,
    Fact,
    Filed,
    Handled,
    Imported,
    Noted,
    Noticed,
    PassedOn,
    Placed,
    Rejected,
    Relocated,
    Reopened,
    Reported,
    Returned,
    Started,
    Undone,
    Verified,
)
from dispatch.errors import BrokenHistory, NotInThisStage
from dispatch.lifecycle import STEPS, Stage, step
from dispatch.task_facts import Tasked

_HANDLING: Final = "handling"
_NAMES: Final = tuple(f.name for f in fields(Builder))
_values = attrgetter(*_NAMES)


def follows_by_itself(entry: Entry) -> bool:
    """Does it only say what follows of the act before it: who is sent to look?"""
    return entry.by == SYSTEM and type(entry.fact) is Tasked


def add(b: Builder, entry: Entry) -> None:
    """Let one entry follow those before it; raises BrokenHistory where it cannot, and has changed nothing."""
    fact = entry.fact
    if entry.number != b.number + 1 or (b.id and entry.incident != b.id):
        raise BrokenHistory(
            f"entry {entry.number} of incident {entry.incident} cannot follow "
            f"entry {b.number} of {b.id or 'nothing'}",
            incident=entry.incident,
            number=entry.number,
        )
    to = STEPS.get((b.stage, fact.act, fact.outcome))
    b.stage = _refused(b, entry) if to is None else to
    b.id, b.number, b.updated_at = entry.incident, entry.number, entry.recorded_at
    _APPLY[type(fact)](b, entry, fact)
    if type(fact) is not Tasked or entry.by != SYSTEM:
        b.last_by, b.last_act, b.last_number, b.earlier = entry.by, fact.act, entry.number, None
    if b.escalated is not None or b.set_aside is not None:
        _ask_of_what_runs(b)


def _refused(b: Builder, entry: Entry) -> Stage:
    """Say why an entry does not follow."""
    try:
        return step(b.stage, entry.fact.act, entry.fact.outcome)
    except NotInThisStage as refused:
        raise BrokenHistory(
            f"entry {entry.number} of incident {entry.incident} does not follow: {refused.message}",
            incident=entry.incident,
            number=entry.number,
        ) from refused


def _ask_of_what_runs(b: Builder) -> None:
    """Somebody is asked about the clock that runs, and about no other. That of handling may stop and go on
    with the same run: what was asked about it is set aside until then, for its notice is not given again.
    """
    asked = b.escalated
    if asked is not None and not _is_about(asked, b.clock):
        if _is_about(asked, b.handling):
            b.set_aside = asked, b.answered_by
        b.escalated = b.answered_by = None
    if b.set_aside is None:
        return
    if not _is_about(b.set_aside[0], b.handling):
        b.set_aside = None
    elif _is_about(b.set_aside[0], b.clock):
        (b.escalated, b.answered_by), b.set_aside = b.set_aside, None


def _is_about(asked: Escalated, clock: Started | None) -> bool:
    return clock is not None and clock.run == asked.run and clock.clock == asked.clock


def _reported(b: Builder, entry: Entry, fact: Reported) -> None:
    b.case_number, b.channel, b.category, b.urgency = (
        fact.case_number,
        fact.channel,
        fact.category,
        fact.urgency,
    )
    b.place, b.standard = fact.place, fact.standard
    routed(b, fact.route)
    runs(b, entry, fact.starts)
    b.specialised = fact.specialised
    b.reported_at, b.reported_by = entry.recorded_at, entry.by
    b.photos, b.clock_ahead_s = fact.photos, fact.clock_ahead_s
    b.eyes = (entry.by,)


def _imported(b: Builder, _entry: Entry, fact: Imported) -> None:
    b.case_number, b.channel, b.category = fact.case_number, fact.channel, fact.category
    b.place, b.department, b.rule = fact.place, fact.department, "imported"
    b.specialised = fact.specialised
    # Whoever brought it in did not report it: who did, the source does not say.
    b.reported_at, b.closed_at, b.due_at = fact.reported_at, fact.closed_at, fact.due_at
    b.imported, b.source_number, b.source_status = True, fact.source_number, fact.status
    if fact.closed:
        b.lead = b.last_lead = fact.department or None


def _placed(b: Builder, _entry: Entry, fact: Placed) -> None:
    b.place, b.specialised = fact.place, fact.specialised
    routed(b, fact.route)


def _relocated(b: Builder, _entry: Entry, fact: Relocated) -> None:
    b.place, b.specialised = fact.place, fact.specialised
    if fact.route is not None:
        routed(b, fact.route)


def _filed(b: Builder, entry: Entry, fact: Filed) -> None:
    b.category, b.urgency, b.filed_at = fact.category, fact.urgency, entry.recorded_at
    b.standard, b.automatic, b.specialised = fact.standard, fact.automatic, fact.specialised
    b.undoable = fact.automatic is not None
    routed(b, fact.route)
    _nobody_is_sent(b)
    runs(b, entry, fact.starts)


def _nobody_is_sent(b: Builder) -> None:
    b.task, b.passed_over = None, ()


def _asked(b: Builder, entry: Entry, fact: Asked) -> None:
    _nobody_is_sent(b)
    runs(b, entry, fact.starts)


def _verified(b: Builder, entry: Entry, fact: Verified) -> None:
    b.photos += fact.photos
    b.eyes = with_name(b.eyes, entry.by)
    _nobody_is_sent(b)
    runs(b, entry, fact.starts)


def _closed(b: Builder, entry: Entry, _fact: Closed) -> None:
    b.closed_at, b.call_back_stands = entry.recorded_at, False
    runs(b, entry, None)


def _over(b: Builder, entry: Entry, _fact: Fact) -> None:
    b.remaining_s = b.application = b.suspended_until = b.supervision = None
    _nobody_is_sent(b)
    runs(b, entry, None)


def _dispatched(b: Builder, entry: Entry, fact: Dispatched) -> None:
    b.department = b.lead = b.last_lead = fact.department
    b.rule, b.limit, b.due_at, b.remaining_s = fact.rule, fact.limit, fact.due_at, None
    b.dispatched_at, b.handled_at, b.handled_by = entry.recorded_at, None, None
    b.co_handlers, b.parts = fact.co_handlers, parts_of(b, fact.co_handlers)
    b.accepted_by = b.crew = b.assignee = b.application = None
    if not fact.resumed:
        b.extended = 0
    if b.appealed_by != fact.department:
        b.appeal = None
    if b.handovers and b.handovers[-1].to_department is None:
        last = b.handovers[-1]
        taken = Handover(last.from_department, fact.department, last.returned_at, entry.recorded_at)
        b.handovers = (*b.handovers[:-1], taken)
    b.undoable = b.auto_dispatched = fact.automatic is not None
    b.dispatches += 1
    b.redirected += b.dispatched_to not in (None, fact.department)
    b.dispatched_to = fact.department
    # The first entries of this kind did not tell when their clock turns yellow, nor its run.
    b.handling = Started(
        _HANDLING,
        fact.run or entry.number,
        fact.limit,
        fact.due_at,
        fact.warn_at or fact.due_at,
        fact.calendar,
        fact.unconfirmed_year,
    )
    runs(b, entry, b.handling)


def _nobody_has_it_in_hand(b: Builder) -> None:
    b.accepted_by = b.crew = b.assignee = b.application = None


def _undone(b: Builder, entry: Entry, fact: Undone) -> None:
    """Nothing of what the rule did counts: it was neither filed nor dispatched."""
    if b.lead is not None:
        # A rule dispatches but once, right with the report: nobody had it before.
        b.dispatches, b.dispatched_to = b.dispatches - 1, None
    b.filed_at = b.dispatched_at = b.lead = b.last_lead = b.limit = b.due_at = b.handling = None
    b.automatic, b.auto_dispatched, b.undoable = None, False, False
    b.parts = ()
    runs(b, entry, fact.starts)


def _returned(b: Builder, entry: Entry, fact: Returned) -> None:
    b.lead, b.due_at, b.remaining_s = None, None, fact.remaining_s
    b.returns += 1
    b.handovers += (Handover(fact.department, None, entry.recorded_at),)
    _nobody_has_it_in_hand(b)
    b.undoable = False
    runs(b, entry, fact.starts)


def _handled(b: Builder, entry: Entry, fact: Handled) -> None:
    b.handled_at, b.handled_by = entry.recorded_at, entry.by
    b.photos += fact.photos
    b.hands, b.application = with_name(b.hands, entry.by), None
    _nobody_is_sent(b)
    b.undoable = False
    runs(b, entry, fact.starts)


def _checked(b: Builder, entry: Entry, fact: Checked) -> None:
    b.photos += fact.photos
    b.eyes = with_name(b.eyes, entry.by)
    _nobody_is_sent(b)
    if not fact.passed:
        b.reworks, b.handled_at, b.handled_by = b.reworks + 1, None, None
    runs(b, entry, fact.starts if fact.passed else b.handling)


def _reopened(b: Builder, entry: Entry, fact: Reopened) -> None:
    b.closed_at = b.handled_at = b.handled_by = b.lead = b.last_lead = b.limit = b.due_at = None
    b.handling = b.automatic = None
    if b.self_handled:
        # Nobody had filed it: whoever opens it again does.
        b.filed_at = entry.recorded_at
    b.auto_dispatched = b.undoable = b.self_handled = False
    b.parts = ()
    _nobody_has_it_in_hand(b)
    b.reopenings += 1
    runs(b, entry, fact.starts)


def _adopted(b: Builder, entry: Entry, fact: Adopted) -> None:
    b.due_at = None
    routed(b, fact.route)
    runs(b, entry, fact.starts)


def _noticed(b: Builder, _entry: Entry, fact: Noticed) -> None:
    b.noticed += (notice(fact.clock, fact.run, fact.threshold),)


def _escalated(b: Builder, _entry: Entry, fact: Escalated) -> None:
    b.escalated, b.answered_by = fact, None


def _acknowledged(b: Builder, entry: Entry, _fact: Acknowledged) -> None:
    b.answered_by = entry.by


def _taken_back(b: Builder, entry: Entry, fact: TakenBack) -> None:
    """All is as it was before the act, but that this has happened."""
    earlier = b.earlier
    if earlier is None or b.last_number != fact.number:
        raise BrokenHistory(
            f"entry {entry.number} of incident {entry.incident} takes back entry {fact.number}, "
            f"and that is not the last act",
            incident=entry.incident,
            number=entry.number,
        )
    for name, value in zip(_NAMES, _values(earlier()), strict=True):
        setattr(b, name, value)
    b.number, b.updated_at = entry.number, entry.recorded_at


def _attached(b: Builder, _entry: Entry, fact: Attached) -> None:
    b.photos += fact.photos


def _nothing_more(_b: Builder, _entry: Entry, _fact: Fact) -> None:
    """The stage, the number and the time are all that this fact changes."""


_APPLY: Mapping[type[Fact], Any] = {
    Reported: _reported,
    Imported: _imported,
    Placed: _placed,
    Relocated: _relocated,
    Filed: _filed,
    Asked: _asked,
    Verified: _verified,
    Rejected: _over,
    Dispatched: _dispatched,
    Undone: _undone,
    Returned: _returned,
    Handled: _handled,
    Checked: _checked,
    Closed: _closed,
    Reopened: _reopened,
    Cancelled: _over,
    Adopted: _adopted,
    Noticed: _noticed,
    Escalated: _escalated,
    Acknowledged: _acknowledged,
    PassedOn: _nothing_more,
    Noted: _nothing_more,
    Attached: _attached,
    TakenBack: _taken_back,
    **applying_handling.APPLY,
    **applying_ending.APPLY,
}
