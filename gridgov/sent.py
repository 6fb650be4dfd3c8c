"""What people send: reports, acts on incidents, rows of another system's history; nothing is decided yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dispatch.lifecycle import Act
from geodata.datum import Datum
from gridgov.siting import SentPosition


@dataclass(frozen=True, slots=True)
class SentSelfHandled:
    """With a report: that it was put right on the spot, and the photos of after."""

    result: str
    photos: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SentReport:
    """A report as it came in. ``id`` is the client's and becomes the incident's; ``channel`` how it came."""

    id: str
    category: str
    channel: str
    happened_at: datetime | None = None
    position: SentPosition | None = None
    address: str | None = None
    words: str | None = None
    reporter_name: str | None = None
    reporter_phone: str | None = None
    urgency: str | None = None
    photos: tuple[str, ...] = ()
    standard: str | None = None
    self_handled: SentSelfHandled | None = None


@dataclass(frozen=True, slots=True)
class SentAct:
    """An act on an incident as it came in; which of the fields count is the act's business.

    ``id`` is the client's; ``seen`` is the number of the entry its author last saw, None raises
    MissingNumber. ``offline``: it was made without network, when ``happened_at`` says; that is no content.
    """

    id: str
    incident: str
    act: Act
    seen: int | None
    happened_at: datetime | None = None
    reason: str = ""
    department: str | None = None
    category: str | None = None
    urgency: str | None = None
    passed: bool | None = None
    photos: tuple[str, ...] = ()
    position: SentPosition | None = None
    words: str | None = None
    standard: str | None = None
    co_handlers: tuple[str, ...] | None = None
    found: bool | None = None
    before: tuple[str, ...] | None = None
    leader: str | None = None
    crew: str | None = None
    person: str | None = None
    wish: str | None = None
    until: datetime | None = None
    measure: str | None = None
    legal_basis: str | None = None
    document: str | None = None
    granted: bool | None = None
    contacted: bool | None = None
    solved: bool | None = None
    satisfied: bool | None = None
    offline: bool = False


@dataclass(frozen=True, slots=True)
class ImportedRow:
    """One row of another system's history; ``number`` is that system's. Positions in ``datum`` degrees,
    None for the city's.
    """

    source: str
    number: str
    channel: str
    category: str
    department: str
    status: str
    closed: bool
    reported_at: datetime
    closed_at: datetime | None = None
    due_at: datetime | None = None
    lon: float | None = None
    lat: float | None = None
    datum: Datum | None = None
    words: str | None = None
    address: str | None = None
    marks: tuple[str, ...] = ()
