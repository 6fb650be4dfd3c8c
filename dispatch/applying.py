"""How each fact changes an incident: one function for each kind, on an incident that is being added up.

`dispatch.incidents` adds up; nobody else needs these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from dispatch.categories import Urgency
from dispatch.entries import (
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
    Place,
    Placed,
    Rejected,
    Relocated,
    Reopened,
    Reported,
    Returned,
    Route,
    Started,
    Undone,
    Verified,
)
from dispatch.errors import BrokenHistory, NotInThisStage
from dispatch.lifecycle import Stage, step

_HANDLING: Final = "handling"


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


def notice(clock: str, run: int, threshold: str) -> str:
    """How a notice is written among those given."""
    return f"{clock}/{run}/{threshold}"


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
    try:
        b.stage = step(b.stage, fact.act, fact.outcome)
    except NotInThisStage as refused:
        raise BrokenHistory(
            f"entry {entry.number} of incident {entry.incident} does not follow: {refused.message}",
            incident=entry.incident,
            number=entry.number,
        ) from refused
    b.id, b.number, b.updated_at = entry.incident, entry.number, entry.recorded_at
    _APPLY[type(fact)](b, entry, fact)
    if b.escalated is not None or b.set_aside is not None:
        _ask_of_what_runs(b)


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


def _runs(b: Builder, entry: Entry, started: Started | None) -> None:
    b.clock, b.clock_started_at = started, None if started is None else entry.recorded_at


def _reported(b: Builder, entry: Entry, fact: Reported) -> None:
    b.case_number, b.channel, b.category, b.urgency = (
        fact.case_number,
        fact.channel,
        fact.category,
        fact.urgency,
    )
    b.place, b.standard = fact.place, fact.standard
    _routed(b, fact.route)
    _runs(b, entry, fact.starts)
    b.specialised = fact.specialised
    b.reported_at, b.reported_by = entry.recorded_at, entry.by
    b.photos, b.clock_ahead_s = fact.photos, fact.clock_ahead_s


def _imported(b: Builder, _entry: Entry, fact: Imported) -> None:
    b.case_number, b.channel, b.category = fact.case_number, fact.channel, fact.category
    b.place, b.department, b.rule = fact.place, fact.department, "imported"
    b.specialised = fact.specialised
    # Whoever brought it in did not report it: who did, the source does not say.
    b.reported_at, b.closed_at, b.due_at = fact.reported_at, fact.closed_at, fact.due_at
    b.imported, b.source_number, b.source_status = True, fact.source_number, fact.status
    if fact.closed:
        b.lead = b.last_lead = fact.department or None


def _routed(b: Builder, route: Route) -> None:
    b.department, b.rule, b.co_handlers = route.department, route.rule, route.co_handlers


def _placed(b: Builder, _entry: Entry, fact: Placed) -> None:
    b.place, b.specialised = fact.place, fact.specialised
    _routed(b, fact.route)


def _relocated(b: Builder, _entry: Entry, fact: Relocated) -> None:
    b.place, b.specialised = fact.place, fact.specialised
    if fact.route is not None:
        _routed(b, fact.route)


def _filed(b: Builder, entry: Entry, fact: Filed) -> None:
    b.category, b.urgency, b.filed_at = fact.category, fact.urgency, entry.recorded_at
    b.standard, b.automatic, b.specialised = fact.standard, fact.automatic, fact.specialised
    b.undoable = fact.automatic is not None
    _routed(b, fact.route)
    _runs(b, entry, fact.starts)


def _asked(b: Builder, entry: Entry, fact: Asked) -> None:
    _runs(b, entry, fact.starts)


def _verified(b: Builder, entry: Entry, fact: Verified) -> None:
    b.photos += fact.photos
    _runs(b, entry, fact.starts)


def _closed(b: Builder, entry: Entry, _fact: Closed) -> None:
    b.closed_at = entry.recorded_at
    _runs(b, entry, None)


def _over(b: Builder, entry: Entry, _fact: Fact) -> None:
    b.remaining_s = None
    _runs(b, entry, None)


def _dispatched(b: Builder, entry: Entry, fact: Dispatched) -> None:
    b.department = b.lead = b.last_lead = fact.department
    b.rule, b.limit, b.due_at, b.remaining_s = fact.rule, fact.limit, fact.due_at, None
    b.dispatched_at, b.handled_at, b.handled_by = entry.recorded_at, None, None
    b.co_handlers = fact.co_handlers
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
    _runs(b, entry, b.handling)


def _undone(b: Builder, entry: Entry, fact: Undone) -> None:
    """Nothing of what the rule did counts: it was neither filed nor dispatched."""
    if b.lead is not None:
        # A rule dispatches but once, right with the report: nobody had it before.
        b.dispatches, b.dispatched_to = b.dispatches - 1, None
    b.filed_at = b.dispatched_at = b.lead = b.last_lead = b.limit = b.due_at = b.handling = None
    b.automatic, b.auto_dispatched, b.undoable = None, False, False
    _runs(b, entry, fact.starts)


def _returned(b: Builder, entry: Entry, fact: Returned) -> None:
    b.lead, b.due_at, b.remaining_s = None, None, fact.remaining_s
    b.returns += 1
    b.undoable = False
    _runs(b, entry, fact.starts)


def _handled(b: Builder, entry: Entry, fact: Handled) -> None:
    b.handled_at, b.handled_by = entry.recorded_at, entry.by
    b.photos += fact.photos
    b.undoable = False
    _runs(b, entry, fact.starts)


def _checked(b: Builder, entry: Entry, fact: Checked) -> None:
    b.photos += fact.photos
    if not fact.passed:
        b.reworks, b.handled_at, b.handled_by = b.reworks + 1, None, None
    _runs(b, entry, None if fact.passed else b.handling)


def _reopened(b: Builder, entry: Entry, fact: Reopened) -> None:
    b.closed_at = b.handled_at = b.handled_by = b.lead = b.last_lead = b.limit = b.due_at = None
    b.handling = b.automatic = None
    b.auto_dispatched = b.undoable = False
    b.reopenings += 1
    _runs(b, entry, fact.starts)


def _adopted(b: Builder, entry: Entry, fact: Adopted) -> None:
    b.due_at = None
    _routed(b, fact.route)
    _runs(b, entry, fact.starts)


def _noticed(b: Builder, _entry: Entry, fact: Noticed) -> None:
    b.noticed += (notice(fact.clock, fact.run, fact.threshold),)


def _escalated(b: Builder, _entry: Entry, fact: Escalated) -> None:
    b.escalated, b.answered_by = fact, None


def _acknowledged(b: Builder, entry: Entry, _fact: Acknowledged) -> None:
    b.answered_by = entry.by


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
}
