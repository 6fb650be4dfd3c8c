"""The facts an incident's history is made of: one frozen dataclass each, and how they are written down.

A fact carries results, not recipes: the place found, the department, the rule that gave it, the due time.
Words of citizens are not here: a fact holds only a reference to words that can be erased.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Union, get_args, get_origin, get_type_hints

from dispatch.errors import UnknownEntry
from dispatch.lifecycle import Act

#: Who did what nobody did: entries that follow from the rules or the grids by themselves.
SYSTEM = "system"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(moment: datetime) -> int:
    """UTC microseconds since 1970 of an aware datetime; exact, no float in between."""
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The aware UTC datetime of :func:`to_micros`."""
    return _EPOCH + timedelta(microseconds=micros)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is: as it was sent, in WGS-84 degrees, and where that lies in the hierarchy.

    ``path`` is empty for the unlocated tray; then ``nearest`` and ``outside_m`` say how far out the point is,
    or are empty too where there was no point at all. ``near_border`` are the paths (codes joined by "/") of
    the other grids that lie within the stated accuracy, nearest first: the point may be theirs.
    """

    raw_lon: float | None = None
    raw_lat: float | None = None
    datum: str | None = None
    accuracy_m: float | None = None
    lon: float | None = None
    lat: float | None = None
    path: tuple[str, ...] = ()
    edition: int | None = None
    border_m: float | None = None
    nearest: tuple[str, ...] = ()
    outside_m: float | None = None
    near_border: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """Which department an incident belongs to, and the rule that says so."""

    department: str
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Fact:
    """Base of all facts. ``act`` and ``outcome`` name the row of the lifecycle's table it stands for.

    Facts about a place name the specialised grids (专业网格) that matter for the category, as ``field/code``.
    """

    act: ClassVar[Act]
    version: ClassVar[int] = 1

    @property
    def outcome(self) -> str:
        """Which of the act's outcomes this is; empty where it has only one."""
        return ""


@dataclass(frozen=True, slots=True)
class Reported(Fact):
    """Somebody says they saw something (上报)."""

    act: ClassVar[Act] = Act.REPORT
    case_number: str
    channel: str
    category: str
    urgency: str
    place: Place
    route: Route
    rules: int
    words: str | None = None
    photos: tuple[str, ...] = ()
    clock_ahead_s: float | None = None
    specialised: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Placed(Fact):
    """Intake said where it is; located and routed again (定位)."""

    act: ClassVar[Act] = Act.PLACE
    place: Place
    route: Route
    rules: int
    specialised: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Relocated(Fact):
    """Other boundaries came into force; its kept point was located in them (重新定位). Nobody did this.

    ``was`` is the path it had, ``was_edition`` the drawing that was from. ``route`` is set where it waited
    for a department that the grids decide.
    """

    act: ClassVar[Act] = Act.RELOCATE
    place: Place
    rules: int
    was: tuple[str, ...] = ()
    was_edition: int | None = None
    route: Route | None = None
    specialised: tuple[str, ...] = ()

    @property
    def moved(self) -> bool:
        """Does it lie in another grid now, or only in another drawing of the same?"""
        return self.was != self.place.path


@dataclass(frozen=True, slots=True)
class Filed(Fact):
    """Accepted as an incident of ours (立案)."""

    act: ClassVar[Act] = Act.FILE
    category: str
    urgency: str
    route: Route
    rules: int
    specialised: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected(Fact):
    """Not an incident of ours (不予立案)."""

    act: ClassVar[Act] = Act.REJECT
    reason: str


@dataclass(frozen=True, slots=True)
class Dispatched(Fact):
    """Given to a lead department under a time limit (派遣). ``resumed``: its remaining time goes on."""

    act: ClassVar[Act] = Act.DISPATCH
    department: str
    rule: str
    reason: str
    limit: str
    due_at: datetime
    resumed: bool
    rules: int
    unconfirmed_year: bool = False


@dataclass(frozen=True, slots=True)
class Returned(Fact):
    """ "Not ours" (退回). ``remaining_s``: seconds of the limit's own kind of time that were left."""

    act: ClassVar[Act] = Act.RETURN
    department: str
    reason: str
    remaining_s: float


@dataclass(frozen=True, slots=True)
class Handled(Fact):
    """The department says it is put right (处置)."""

    act: ClassVar[Act] = Act.HANDLE
    department: str
    result: str
    photos: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checked(Fact):
    """An inspector looked whether it was put right (核查)."""

    act: ClassVar[Act] = Act.CHECK
    passed: bool
    reason: str = ""
    photos: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        return "passed" if self.passed else "failed"


@dataclass(frozen=True, slots=True)
class Closed(Fact):
    """Nothing is left to do (结案)."""

    act: ClassVar[Act] = Act.CLOSE


@dataclass(frozen=True, slots=True)
class Reopened(Fact):
    """It was not over (重新立案)."""

    act: ClassVar[Act] = Act.REOPEN
    reason: str


@dataclass(frozen=True, slots=True)
class Cancelled(Fact):
    """Taken off the books (作废); it leaves every denominator."""

    act: ClassVar[Act] = Act.CANCEL
    reason: str


@dataclass(frozen=True, slots=True)
class Adopted(Fact):
    """An open incident of imported history becomes one of ours, with our clocks (接管)."""

    act: ClassVar[Act] = Act.ADOPT
    route: Route
    rules: int


@dataclass(frozen=True, slots=True)
class Noted(Fact):
    """Somebody's remark (备注); its words can be erased."""

    act: ClassVar[Act] = Act.NOTE
    words: str


@dataclass(frozen=True, slots=True)
class Attached(Fact):
    """A photo, by the SHA-256 of its content (附件)."""

    act: ClassVar[Act] = Act.ATTACH
    photos: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Imported(Fact):
    """What another system's history states about one incident, and nothing more: it starts no clock."""

    act: ClassVar[Act] = Act.IMPORT
    case_number: str
    source: str
    source_number: str
    channel: str
    category: str
    department: str
    place: Place
    status: str
    closed: bool
    reported_at: datetime
    closed_at: datetime | None = None
    due_at: datetime | None = None
    words: str | None = None
    marks: tuple[str, ...] = ()
    specialised: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        return "closed" if self.closed else "open"


KINDS: Mapping[str, type[Fact]] = {
    cls.__name__.lower(): cls
    for cls in (
        Reported,
        Placed,
        Relocated,
        Filed,
        Rejected,
        Dispatched,
        Returned,
        Handled,
        Checked,
        Closed,
        Reopened,
        Cancelled,
        Adopted,
        Noted,
        Attached,
        Imported,
    )
}

#: (kind, version) -> a function that lifts a body of that version to the next one.
UPCASTERS: Mapping[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact in an incident's history. ``number`` counts from 1 within the incident."""

    incident: str
    number: int
    happened_at: datetime
    recorded_at: datetime
    by: str
    fact: Fact


def kind_of(fact: Fact) -> str:
    """The kind under which a fact is written down.

    >>> kind_of(Closed())
    'closed'
    """
    return type(fact).__name__.lower()


def to_body(fact: Fact) -> dict[str, Any]:
    """A fact as plain values that JSON can hold; times as UTC microseconds. Empty fields are left out.

    >>> to_body(Rejected(reason="twice reported"))
    {'reason': 'twice reported'}
    """
    return _plain(fact)


def from_body(kind: str, version: int, body: dict[str, Any]) -> Fact:
    """The fact that :func:`to_body` wrote, lifted from older versions; raises UnknownEntry."""
    cls = KINDS.get(kind)
    if cls is None or version > cls.version:
        raise UnknownEntry(
            f"entry kind {kind!r} version {version} is newer than this program: update it",
            kind=kind,
            version=version,
        )
    while version < cls.version:
        lift = UPCASTERS.get((kind, version))
        if lift is None:
            raise UnknownEntry(
                f"entry kind {kind!r} never had a version {version}", kind=kind, version=version
            )
        body, version = lift(body), version + 1
    fact = _READERS[cls](body)
    assert isinstance(fact, Fact)
    return fact


def _plain(value: Any) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, default in _FIELDS[type(value)]:
        item = getattr(value, name)
        if item is None or item == default:
            continue
        if isinstance(item, datetime):
            out[name] = to_micros(item)
        elif isinstance(item, StrEnum):
            out[name] = str(item)
        elif isinstance(item, tuple):
            out[name] = list(item)
        elif type(item) in _FIELDS:
            out[name] = _plain(item)
        else:
            out[name] = item
    return out


def _converter(hint: Any) -> Callable[[Any], Any] | None:
    """How a plain value becomes a field of this type; None where it is the same."""
    if get_origin(hint) in (Union, types.UnionType):
        inner = [arg for arg in get_args(hint) if arg is not type(None)]
        return _converter(inner[0])
    if get_origin(hint) is tuple:
        return tuple
    if hint is datetime:
        return from_micros
    if isinstance(hint, type) and hint in _FIELDS:
        return _reader(hint)
    return None


def _reader(cls: type) -> Callable[[dict[str, Any]], Any]:
    hints = get_type_hints(cls)
    converters = {
        field.name: convert for field in fields(cls) if (convert := _converter(hints[field.name])) is not None
    }

    def read(body: dict[str, Any]) -> Any:
        if not converters:
            return cls(**body)
        return cls(**{k: converters[k](v) if k in converters else v for k, v in body.items()})

    return read


_FIELDS: Mapping[type, tuple[tuple[str, object], ...]] = {
    cls: tuple((field.name, field.default) for field in fields(cls))
    for cls in (Place, Route, *KINDS.values())
}
_READERS: Mapping[type, Callable[[dict[str, Any]], Any]] = {cls: _reader(cls) for cls in KINDS.values()}
