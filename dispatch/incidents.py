"""An incident is what its entries add up to: stage, department and due time are never set, only arrived at.

Which time counts: a clock that binds somebody starts when the server recorded the entry (``recorded_at``),
because nobody can be late for what they could not see; figures count by it too. Imported history counts by
the times its source states.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from operator import attrgetter
from typing import Any

from dispatch.categories import Urgency
from dispatch.entries import (
    Adopted,
    Attached,
    Cancelled,
    Checked,
    Closed,
    Dispatched,
    Entry,
    Fact,
    Filed,
    Handled,
    Imported,
    Noted,
    Place,
    Placed,
    Rejected,
    Relocated,
    Reopened,
    Reported,
    Returned,
)
from dispatch.errors import BrokenHistory, NotInThisStage
from dispatch.lifecycle import ENDED, Act, Role, Stage, open_acts, step


@dataclass(slots=True)
class _Builder:
    """An incident while its entries are being added up."""

    id: str = ""
    number: int = 0
    stage: Stage | None = None
    case_number: str = ""
    channel: str = ""
    category: str = ""
    urgency: str = Urgency.ORDINARY
    place: Place = field(default_factory=Place)
    specialised: tuple[str, ...] = ()
    department: str = ""
    rule: str = ""
    lead: str | None = None
    last_lead: str | None = None
    limit: str | None = None
    due_at: datetime | None = None
    remaining_s: float | None = None
    reported_at: datetime | None = None
    reported_by: str = ""
    filed_at: datetime | None = None
    dispatched_at: datetime | None = None
    handled_at: datetime | None = None
    handled_by: str | None = None
    closed_at: datetime | None = None
    updated_at: datetime | None = None
    dispatches: int = 0
    returns: int = 0
    reworks: int = 0
    reopenings: int = 0
    photos: tuple[str, ...] = ()
    clock_ahead_s: float | None = None
    imported: bool = False
    source_number: str | None = None
    source_status: str | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """Our file on one reported thing (案卷), as its entries have made it.

    ``department`` owns it at any moment; ``lead`` is the department that holds it for handling (None before
    dispatch and after a return). ``due_at`` is the end of the handling limit; ``remaining_s`` is set while
    that clock is paused.
    """

    id: str
    number: int
    stage: Stage
    case_number: str
    channel: str
    category: str
    urgency: str
    place: Place
    specialised: tuple[str, ...]
    department: str
    rule: str
    lead: str | None
    last_lead: str | None
    limit: str | None
    due_at: datetime | None
    remaining_s: float | None
    reported_at: datetime
    reported_by: str
    filed_at: datetime | None
    dispatched_at: datetime | None
    handled_at: datetime | None
    handled_by: str | None
    closed_at: datetime | None
    updated_at: datetime
    dispatches: int
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
        return open_acts(self.stage, frozenset(roles))


_NAMES = tuple(f.name for f in fields(Incident))
_values = attrgetter(*_NAMES)


def fold(entries: Iterable[Entry]) -> Incident:
    """What the entries of one incident add up to, in order of their number; raises BrokenHistory."""
    b = _Builder()
    for entry in entries:
        _add(b, entry)
    return _freeze(b)


def extend(incident: Incident | None, entries: Iterable[Entry]) -> Incident:
    """The incident after some more entries; the same as folding all of them from the first."""
    b = _Builder() if incident is None else _Builder(**dict(zip(_NAMES, _values(incident), strict=True)))
    for entry in entries:
        _add(b, entry)
    return _freeze(b)


def _freeze(b: _Builder) -> Incident:
    if b.stage is None:
        raise BrokenHistory("an incident without entries")
    return Incident(*_values(b))


def _add(b: _Builder, entry: Entry) -> None:
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


def _reported(b: _Builder, entry: Entry, fact: Reported) -> None:
    b.case_number, b.channel, b.category, b.urgency = (
        fact.case_number,
        fact.channel,
        fact.category,
        fact.urgency,
    )
    b.place, b.department, b.rule = fact.place, fact.route.department, fact.route.rule
    b.specialised = fact.specialised
    b.reported_at, b.reported_by = entry.recorded_at, entry.by
    b.photos, b.clock_ahead_s = fact.photos, fact.clock_ahead_s


def _imported(b: _Builder, _entry: Entry, fact: Imported) -> None:
    b.case_number, b.channel, b.category = fact.case_number, fact.channel, fact.category
    b.place, b.department, b.rule = fact.place, fact.department, "imported"
    b.specialised = fact.specialised
    # Whoever brought it in did not report it: who did, the source does not say.
    b.reported_at, b.closed_at, b.due_at = fact.reported_at, fact.closed_at, fact.due_at
    b.imported, b.source_number, b.source_status = True, fact.source_number, fact.status
    if fact.closed:
        b.lead = b.last_lead = fact.department or None


def _placed(b: _Builder, _entry: Entry, fact: Placed) -> None:
    b.place, b.department, b.rule = fact.place, fact.route.department, fact.route.rule
    b.specialised = fact.specialised


def _relocated(b: _Builder, _entry: Entry, fact: Relocated) -> None:
    b.place, b.specialised = fact.place, fact.specialised
    if fact.route is not None:
        b.department, b.rule = fact.route.department, fact.route.rule


def _filed(b: _Builder, entry: Entry, fact: Filed) -> None:
    b.category, b.urgency, b.filed_at = fact.category, fact.urgency, entry.recorded_at
    b.department, b.rule = fact.route.department, fact.route.rule
    b.specialised = fact.specialised


def _closed(b: _Builder, entry: Entry, _fact: Closed) -> None:
    b.closed_at = entry.recorded_at


def _over(b: _Builder, _entry: Entry, _fact: Fact) -> None:
    b.remaining_s = None


def _dispatched(b: _Builder, entry: Entry, fact: Dispatched) -> None:
    b.department = b.lead = b.last_lead = fact.department
    b.rule, b.limit, b.due_at, b.remaining_s = fact.rule, fact.limit, fact.due_at, None
    b.dispatched_at, b.handled_at, b.handled_by = entry.recorded_at, None, None
    b.dispatches += 1


def _returned(b: _Builder, _entry: Entry, fact: Returned) -> None:
    b.lead, b.due_at, b.remaining_s = None, None, fact.remaining_s
    b.returns += 1


def _handled(b: _Builder, entry: Entry, fact: Handled) -> None:
    b.handled_at, b.handled_by = entry.recorded_at, entry.by
    b.photos += fact.photos


def _checked(b: _Builder, _entry: Entry, fact: Checked) -> None:
    b.photos += fact.photos
    if not fact.passed:
        b.reworks, b.handled_at, b.handled_by = b.reworks + 1, None, None


def _reopened(b: _Builder, _entry: Entry, _fact: Reopened) -> None:
    b.closed_at = b.handled_at = b.handled_by = b.lead = b.last_lead = b.limit = b.due_at = None
    b.reopenings += 1


def _adopted(b: _Builder, _entry: Entry, fact: Adopted) -> None:
    b.department, b.rule, b.due_at = fact.route.department, fact.route.rule, None


def _attached(b: _Builder, _entry: Entry, fact: Attached) -> None:
    b.photos += fact.photos


def _nothing_more(_b: _Builder, _entry: Entry, _fact: Fact) -> None:
    """The stage, the number and the time are all that this fact changes."""


_APPLY: Mapping[type[Fact], Any] = {
    Reported: _reported,
    Imported: _imported,
    Placed: _placed,
    Relocated: _relocated,
    Filed: _filed,
    Rejected: _over,
    Dispatched: _dispatched,
    Returned: _returned,
    Handled: _handled,
    Checked: _checked,
    Closed: _closed,
    Reopened: _reopened,
    Cancelled: _over,
    Adopted: _adopted,
    Noted: _nothing_more,
    Attached: _attached,
}
