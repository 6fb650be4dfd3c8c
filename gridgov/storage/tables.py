"""The tables. Times are UTC microseconds; keys of what grows begin with the stream; paths are codes, each
ended by a slash.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field, SQLModel


def _micros(nullable: bool = False) -> Column[int]:
    return Column(BigInteger, nullable=nullable)


def _text(nullable: bool = False) -> Column[str]:
    return Column(Text, nullable=nullable)


class StreamHead(SQLModel, table=True):
    """Where a stream's ledger ends, and which rules and edition are in force. Locked by whoever writes.

    ``previous`` is the hash of the last entry; ``ordinal`` makes search row ids of streams distinct;
    ``epoch`` changes when a store is restored, so that feeds know that their cursors mean nothing any more.
    From ``switch_at`` on, ``next_edition`` is the one in force: whoever writes next puts it so.
    ``specialised`` is the newest version of any field's layer.
    """

    __tablename__ = "stream"
    stream: str = Field(primary_key=True)
    ordinal: int
    epoch: str
    position: int = Field(sa_column=_micros())
    recorded_at: int = Field(sa_column=_micros())
    previous: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    rules: int | None = None
    edition: int | None = None
    next_edition: int | None = None
    switch_at: int | None = Field(default=None, sa_column=_micros(True))
    specialised: int | None = None


class EntryRow(SQLModel, table=True):
    """One fact of the ledger as it was written; never changed."""

    __tablename__ = "entry"
    __table_args__ = (UniqueConstraint("stream", "incident", "number", name="entry_once"),)
    stream: str = Field(primary_key=True)
    position: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    incident: str
    number: int
    kind: str
    version: int
    happened_at: int = Field(sa_column=_micros())
    recorded_at: int = Field(sa_column=_micros())
    by: str
    command: str
    body: str = Field(sa_column=_text())
    previous: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class CommandRow(SQLModel, table=True):
    """The receipt of a command: what a repetition of it is answered with."""

    __tablename__ = "command"
    stream: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    incident: str
    number: int
    position: int = Field(sa_column=_micros())
    case_number: str


class IncidentRow(SQLModel, table=True):
    """The projection of one incident: what its entries add up to, for quick reading.

    ``first`` and ``position`` are the positions of its first and last entry; ``address`` comes from the
    private words. ``clock`` is the one that runs, ``clock_run`` which of its runs; ``escalation_by`` is when
    the next step is asked, ``look_at`` when something is to be noticed next. ``leader`` is what it was joined
    to. ``application`` is what a department asks for, ``supervised`` that a supervision waits for its answer,
    ``task_by`` when a task to look goes on to somebody else. ``followers``, ``parts`` and ``handovers`` are
    JSON: ids; the values of `dispatch.building.Part`; [from, to, returned_at, taken_at].
    """

    __tablename__ = "incident"
    __table_args__ = (
        Index("incident_case_number", "stream", "case_number", unique=True),
        Index("incident_newest", "stream", "first"),
        # The open work of a grid: a desk's list is a range of paths over a stage.
        Index("incident_work", "stream", "stage", "path", "first"),
        # A department's list: with a stage it is a range, without one the newest of a lead.
        Index("incident_lead", "stream", "lead", "stage", "first"),
        Index("incident_lead_newest", "stream", "lead", "first"),
        Index("incident_source", "stream", "source_number"),
        Index("incident_reporter", "stream", "reported_by", "first"),
        # What the sweeper looks at next; None, of all that has ended, comes to lie outside its range.
        Index("incident_look", "stream", "look_at"),
        # What is yellow or red; likewise.
        Index("incident_yellow", "stream", "clock_warn_at"),
        # Supervisions that nobody has answered in time; likewise.
        Index("incident_supervised", "stream", "supervision_due_at"),
        # What somebody is sent to look at; what was joined to an incident; what is alike; what was returned.
        Index("incident_task", "stream", "task_person"),
        Index("incident_leader", "stream", "leader"),
        Index("incident_kind", "stream", "category", "reported_at"),
        Index("incident_returned", "stream", "returned_at"),
    )
    stream: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    number: int
    first: int = Field(sa_column=_micros())
    position: int = Field(sa_column=_micros())
    stage: str
    case_number: str
    channel: str
    category: str
    standard: str | None = None
    urgency: str
    path: str
    edition: int | None = None
    raw_lon: float | None = None
    raw_lat: float | None = None
    datum: str | None = None
    accuracy_m: float | None = None
    lon: float | None = None
    lat: float | None = None
    border_m: float | None = None
    nearest: str
    outside_m: float | None = None
    near_border: str = Field(sa_column=_text())
    specialised: str = Field(sa_column=_text())
    department: str
    rule: str
    co_handlers: str = Field(sa_column=_text())
    automatic: str | None = None
    auto_dispatched: bool
    lead: str | None = None
    last_lead: str | None = None
    limit: str | None = None
    due_at: int | None = Field(default=None, sa_column=_micros(True))
    remaining_s: float | None = None
    clock: str | None = None
    clock_run: int | None = None
    clock_limit: str | None = None
    clock_started_at: int | None = Field(default=None, sa_column=_micros(True))
    clock_due_at: int | None = Field(default=None, sa_column=_micros(True))
    clock_warn_at: int | None = Field(default=None, sa_column=_micros(True))
    clock_unconfirmed: bool
    noticed: str = Field(sa_column=_text())
    escalation_step: int | None = None
    escalation_level: str | None = None
    escalation_by: int | None = Field(default=None, sa_column=_micros(True))
    answered_by: str | None = None
    look_at: int | None = Field(default=None, sa_column=_micros(True))
    reported_at: int = Field(sa_column=_micros())
    reported_by: str
    filed_at: int | None = Field(default=None, sa_column=_micros(True))
    dispatched_at: int | None = Field(default=None, sa_column=_micros(True))
    handled_at: int | None = Field(default=None, sa_column=_micros(True))
    handled_by: str | None = None
    closed_at: int | None = Field(default=None, sa_column=_micros(True))
    updated_at: int = Field(sa_column=_micros())
    dispatches: int
    redirected: int
    returns: int
    reworks: int
    reopenings: int
    photos: str = Field(sa_column=_text())
    clock_ahead_s: float | None = None
    imported: bool
    source_number: str | None = None
    source_status: str | None = None
    address: str | None = Field(default=None, sa_column=_text(True))
    leader: str | None = None
    followers: str = Field(sa_column=_text())
    self_handled: bool
    accepted_by: str | None = None
    crew: str | None = None
    assignee: str | None = None
    parts: str = Field(sa_column=_text())
    application: str | None = None
    application_until: int | None = Field(default=None, sa_column=_micros(True))
    extensions: int
    suspensions: int
    suspended_until: int | None = Field(default=None, sa_column=_micros(True))
    supervised: bool
    supervision_due_at: int | None = Field(default=None, sa_column=_micros(True))
    supervisions: int
    appeal: str | None = None
    contacted: bool | None = None
    solved: bool | None = None
    satisfied: bool | None = None
    enforcements: int
    task: str | None = None
    task_person: str | None = None
    task_state: str | None = None
    task_by: int | None = Field(default=None, sa_column=_micros(True))
    handovers: str = Field(sa_column=_text())
    returned_at: int | None = Field(default=None, sa_column=_micros(True))


class SightRow(SQLModel, table=True):
    """Somebody who sees an incident beside its lead and its reporter: ``who`` is ``d:`` and a co-handling
    department, or ``p:`` and a person who is sent to look, or whom it was handed to. ``first`` is the
    position of the incident's first entry, by which lists are ordered.
    """

    __tablename__ = "sight"
    __table_args__ = (
        Index("sight_incident", "stream", "incident"),
        Index("sight_newest", "stream", "who", "first"),
    )
    stream: str = Field(primary_key=True)
    who: str = Field(primary_key=True)
    incident: str = Field(primary_key=True)
    first: int = Field(sa_column=_micros())


class PrivateRow(SQLModel, table=True):
    """Words of and about citizens, beside the ledger so that they can be erased. ``number`` is the entry they
    belong to.
    """

    __tablename__ = "private"
    stream: str = Field(primary_key=True)
    incident: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    position: int = Field(sa_column=_micros())
    salt: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    words: str | None = Field(default=None, sa_column=_text(True))
    address: str | None = Field(default=None, sa_column=_text(True))
    reporter_name: str | None = Field(default=None, sa_column=_text(True))
    reporter_phone: str | None = Field(default=None, sa_column=_text(True))
    erased_at: int | None = Field(default=None, sa_column=_micros(True))


class SerialRow(SQLModel, table=True):
    """The last case number given for a local day (ISO date)."""

    __tablename__ = "serial"
    stream: str = Field(primary_key=True)
    day: str = Field(primary_key=True)
    last: int


class RulesRow(SQLModel, table=True):
    """One dated version of the city's file, as text."""

    __tablename__ = "rules"
    version: int = Field(primary_key=True)
    applied_at: int = Field(sa_column=_micros())
    by: str
    text: str = Field(sa_column=_text())


class EditionRow(SQLModel, table=True):
    """One drawing of the hierarchy, with the findings that were accepted when it came in (JSON).

    It is in force from ``effective_at`` until the next one, unless it was withdrawn before that. ``replaces``
    is the edition it was compared with; ``changes`` (JSON) is what came of that.
    """

    __tablename__ = "edition"
    id: int = Field(primary_key=True)
    name: str
    made_up: bool
    imported_at: int = Field(sa_column=_micros())
    by: str
    levels: str = Field(sa_column=_text())
    findings: str = Field(sa_column=_text())
    effective_at: int = Field(sa_column=_micros())
    replaces: int | None = None
    changes: str | None = Field(default=None, sa_column=_text(True))
    withdrawn_at: int | None = Field(default=None, sa_column=_micros(True))
    withdrawn_by: str | None = None


class GridRow(SQLModel, table=True):
    """One polygon of an edition; ``geometry`` is WKB in WGS-84 degrees, area in square metres."""

    __tablename__ = "grid"
    edition: int = Field(primary_key=True)
    path: str = Field(primary_key=True)
    level: int
    code: str
    name: str
    parent: str | None = None
    area_m2: float
    responsible_unit: str | None = None
    geometry: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class FieldLayerRow(SQLModel, table=True):
    """One dated version of a field's layer of specialised grids; versions are counted over all fields.

    The newest of a key is in force; one without a ``form`` says that the field has no layer any more. A layer
    of sets is of the micro-grids of ``edition``; ``carried_from`` is the version it was made of when that
    edition came, and ``moved`` (JSON) the micro-grids that changed hands then. ``classes``, ``categories``
    and ``findings`` are JSON.
    """

    __tablename__ = "field_layer"
    version: int = Field(primary_key=True)
    key: str = Field(index=True)
    name_zh: str
    name_en: str
    form: str | None = None
    classes: str = Field(sa_column=_text())
    categories: str = Field(sa_column=_text())
    edition: int | None = None
    carried_from: int | None = None
    imported_at: int = Field(sa_column=_micros())
    by: str
    findings: str = Field(sa_column=_text())
    moved: str = Field(sa_column=_text())


class SpecialisedGridRow(SQLModel, table=True):
    """One specialised grid of a version of a layer: ``micro_grids`` (codes, JSON) or a ``geometry`` (WKB,
    WGS-84 degrees).
    """

    __tablename__ = "specialised_grid"
    version: int = Field(primary_key=True, foreign_key="field_layer.version")
    code: str = Field(primary_key=True)
    name: str
    team: str | None = None
    micro_grids: str = Field(sa_column=_text())
    geometry: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))


class PhotoRow(SQLModel, table=True):
    """A photo in the content-addressed folder; ``digest`` is the SHA-256 of its bytes in hex."""

    __tablename__ = "photo"
    digest: str = Field(primary_key=True)
    media_type: str
    size: int
    width: int
    height: int
    uploaded_at: int = Field(sa_column=_micros())
    by: str


class PersonRow(SQLModel, table=True):
    """Somebody who signs in. ``id`` is what the ledger calls them; ``name`` is what they type; ``email`` is
    where they are told of what they do not watch.
    """

    __tablename__ = "person"
    id: str = Field(primary_key=True)
    name: str = Field(unique=True)
    display_name: str
    password_hash: str
    active: bool = True
    created_at: int = Field(sa_column=_micros())
    email: str | None = None


class AssignmentRow(SQLModel, table=True):
    """A person in a role, for a grid and all below, perhaps for one department, from when to when (任职)."""

    __tablename__ = "assignment"
    id: str = Field(primary_key=True)
    person: str = Field(index=True, foreign_key="person.id")
    role: str
    path: str
    department: str | None = None
    starts_at: int = Field(sa_column=_micros())
    ends_at: int | None = Field(default=None, sa_column=_micros(True))


class CarriedRow(SQLModel, table=True):
    """An assignment to a grid that an edition retired, carried to one of its successors for somebody to
    confirm.

    ``of_old`` is the share of the old grid's area that lies in the successor at ``path``, ``of_new`` that of
    the successor's own. ``ends_at`` is when the old one was to end. ``made`` is the assignment that was given
    for it, None while nobody has confirmed one that reaches beyond the old grid.
    """

    __tablename__ = "carried"
    id: str = Field(primary_key=True)
    edition: int = Field(index=True)
    person: str = Field(foreign_key="person.id")
    assignment: str = Field(foreign_key="assignment.id")
    path: str
    of_old: float
    of_new: float
    ends_at: int | None = Field(default=None, sa_column=_micros(True))
    made: str | None = None
    decided_at: int | None = Field(default=None, sa_column=_micros(True))
    decided_by: str | None = None
    confirmed: bool | None = None


class SessionRow(SQLModel, table=True):
    """A sign-in: the SHA-256 of an opaque token; ``kind`` is cookie or bearer."""

    __tablename__ = "session"
    token: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    person: str = Field(index=True, foreign_key="person.id")
    kind: str
    created_at: int = Field(sa_column=_micros())
    expires_at: int = Field(sa_column=_micros())


def path_text(path: tuple[str, ...]) -> str:
    """A grid path as text in which a prefix is an ancestor.

    >>> path_text(("440306", "440306017"))
    '440306/440306017/'
    """
    return "".join(f"{code}/" for code in path)


def text_path(text: str) -> tuple[str, ...]:
    """The grid path of :func:`path_text`."""
    return tuple(text.split("/")[:-1])
