"""The facts an incident's history is made of: one frozen dataclass each; `dispatch.bodies` writes them down.

A fact carries results, not recipes: the place found, the department, the rule that gave it, the due time.
Words of citizens are not here: a fact holds only a reference to words that can be erased.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from dispatch.lifecycle import Act

#: Who did what nobody did: entries that follow from the rules or the grids by themselves.
SYSTEM = "system"
#: Before the name of a rule: who did what that rule did without a human hand.
AUTO = "auto:"

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
    """Which department an incident belongs to, which others have a part in it, and the rule that says so."""

    department: str
    rule: str
    reason: str
    co_handlers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Started:
    """A clock that starts, or goes on, with an entry; see `dispatch.clocks`.

    ``run`` is the number of the entry that started it first: what goes on after a pause is the same run.
    ``calendar`` is the key of the one it runs by, empty for the city's. ``warn_at`` is when it turns yellow.
    ``unconfirmed_year``: the end may move, for nobody has published that year's days off.
    """

    clock: str
    run: int
    limit: str
    due_at: datetime
    warn_at: datetime
    calendar: str = ""
    unconfirmed_year: bool = False


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
    standard: str | None = None
    starts: Started | None = None


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
    """Accepted as an incident of ours (立案). ``automatic`` names the rule where no person did it."""

    act: ClassVar[Act] = Act.FILE
    category: str
    urgency: str
    route: Route
    rules: int
    specialised: tuple[str, ...] = ()
    standard: str | None = None
    automatic: str | None = None
    starts: Started | None = None


@dataclass(frozen=True, slots=True)
class Asked(Fact):
    """Intake asks somebody to look whether it is there (请求核实)."""

    act: ClassVar[Act] = Act.ASK
    reason: str = ""
    starts: Started | None = None


@dataclass(frozen=True, slots=True)
class Verified(Fact):
    """An inspector looked whether it is there (核实), before it was filed."""

    act: ClassVar[Act] = Act.VERIFY
    found: bool
    reason: str = ""
    photos: tuple[str, ...] = ()
    starts: Started | None = None

    @property
    def outcome(self) -> str:
        return "found" if self.found else "not_found"


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
    co_handlers: tuple[str, ...] = ()
    automatic: str | None = None
    warn_at: datetime | None = None
    run: int | None = None
    calendar: str = ""


@dataclass(frozen=True, slots=True)
class Undone(Fact):
    """Somebody took back what the rules did by themselves (撤销自动处理); it waits at intake again."""

    act: ClassVar[Act] = Act.UNDO
    rule: str
    reason: str
    starts: Started | None = None


@dataclass(frozen=True, slots=True)
class Returned(Fact):
    """ "Not ours" (退回). ``remaining_s``: seconds of the limit's own kind of time that were left."""

    act: ClassVar[Act] = Act.RETURN
    department: str
    reason: str
    remaining_s: float
    starts: Started | None = None


@dataclass(frozen=True, slots=True)
class Handled(Fact):
    """The department says it is put right (处置)."""

    act: ClassVar[Act] = Act.HANDLE
    department: str
    result: str
    photos: tuple[str, ...] = ()
    starts: Started | None = None


@dataclass(frozen=True, slots=True)
class Checked(Fact):
    """An inspector looked whether it was put right (核查)."""

    act: ClassVar[Act] = Act.CHECK
    passed: bool
    reason: str = ""
    photos: tuple[str, ...] = ()
    starts: Started | None = None

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
    starts: Started | None = None


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
    starts: Started | None = None


@dataclass(frozen=True, slots=True)
class Noticed(Fact):
    """A clock came to its warning or passed its end (预警, 超期): said once for each run. Nobody did this."""

    act: ClassVar[Act] = Act.NOTICE
    clock: str
    run: int
    threshold: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Escalated(Fact):
    """Whoever answers for a level is asked what becomes of it (升级). ``step`` counts from 1.

    ``answer_by``: when the next step is asked; None for the last. ``cause``: overdue, unanswered, passed_on.
    """

    act: ClassVar[Act] = Act.ESCALATE
    step: int
    level: str
    roles: tuple[str, ...]
    clock: str
    run: int
    cause: str
    answer_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class Acknowledged(Fact):
    """Somebody at that step has taken it up (确认)."""

    act: ClassVar[Act] = Act.ACKNOWLEDGE
    step: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PassedOn(Fact):
    """Somebody at that step cannot settle it: the next one is asked (上交)."""

    act: ClassVar[Act] = Act.PASS_ON
    step: int
    reason: str


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


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact in an incident's history. ``number`` counts from 1 within the incident."""

    incident: str
    number: int
    happened_at: datetime
    recorded_at: datetime
    by: str
    fact: Fact
