"""Facts of handling beside the main line: parts, corrections, extension, suspension, supervision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final

from dispatch.entries import Fact, Place, Route, Started
from dispatch.lifecycle import Act


class Wish(StrEnum):
    """What a department may apply for: more time, or that its clock stands still until a date."""

    EXTENSION = "extension"
    SUSPENSION = "suspension"


WISH_ZH: Final = {Wish.EXTENSION: "延期", Wish.SUSPENSION: "挂账"}


@dataclass(frozen=True, slots=True)
class Corrected(Fact):
    """Place, category, case standard or urgency were wrong and are put right, and it is routed again (更正).

    All of them stand here as they are from now on. ``elsewhere``: the department that had it is not the one
    any more; it waits for dispatch, from then on by the clock ``starts``. ``remaining_s`` are the seconds of
    its limit's own kind of time that are left to whoever had it, None where nobody had or it begins afresh.
    """

    act: ClassVar[Act] = Act.CORRECT
    category: str
    urgency: str
    place: Place
    route: Route
    rules: int
    reason: str
    specialised: tuple[str, ...] = ()
    standard: str | None = None
    elsewhere: bool = False
    remaining_s: float | None = None
    starts: Started | None = None

    @property
    def outcome(self) -> str:
        return "elsewhere" if self.elsewhere else "here"


@dataclass(frozen=True, slots=True)
class Accepted(Fact):
    """A department, lead or co-handler, takes up its part (签收)."""

    act: ClassVar[Act] = Act.ACCEPT
    department: str


@dataclass(frozen=True, slots=True)
class Declined(Fact):
    """A co-handler has no part in it (谢绝协办); the lead returns it instead."""

    act: ClassVar[Act] = Act.DECLINE
    department: str
    reason: str


@dataclass(frozen=True, slots=True)
class Assigned(Fact):
    """Handed to a crew or a person inside the department (分办)."""

    act: ClassVar[Act] = Act.ASSIGN
    department: str
    crew: str | None = None
    person: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Involved(Fact):
    """Who has a part in it beside the lead, from now on (协办调整)."""

    act: ClassVar[Act] = Act.INVOLVE
    co_handlers: tuple[str, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PartDone(Fact):
    """A co-handler says that its part is done (协办反馈)."""

    act: ClassVar[Act] = Act.REPORT_PART
    department: str
    result: str
    photos: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Applied(Fact):
    """The lead asks for more time (延期), or that its clock stands still ``until`` a date (挂账)."""

    act: ClassVar[Act] = Act.APPLY
    wish: str
    reason: str
    until: datetime | None = None

    @property
    def outcome(self) -> str:
        return self.wish


@dataclass(frozen=True, slots=True)
class Granted(Fact):
    """What was asked for is given (批准).

    Extension: ``starts`` is the clock of handling, the same run, with its end one original limit later.
    Suspension: ``until`` when, and ``remaining_s`` seconds of the limit's own kind of time that were left.
    """

    act: ClassVar[Act] = Act.GRANT
    wish: str
    reason: str = ""
    until: datetime | None = None
    remaining_s: float | None = None
    starts: Started | None = None

    @property
    def outcome(self) -> str:
        return self.wish


@dataclass(frozen=True, slots=True)
class Refused(Fact):
    """What was asked for is not given (不批准)."""

    act: ClassVar[Act] = Act.REFUSE
    wish: str
    reason: str


@dataclass(frozen=True, slots=True)
class Resumed(Fact):
    """The suspension is over: the clock of handling goes on with what was left (恢复)."""

    act: ClassVar[Act] = Act.RESUME
    starts: Started
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Supervised(Fact):
    """Somebody above wants to know how it goes (督办); it has to be answered, by when ``starts`` says."""

    act: ClassVar[Act] = Act.SUPERVISE
    reason: str
    starts: Started | None = None


@dataclass(frozen=True, slots=True)
class Answered(Fact):
    """What has become of it and what comes next, said to whoever supervises (督办回复)."""

    act: ClassVar[Act] = Act.ANSWER
    answer: str


@dataclass(frozen=True, slots=True)
class Enforced(Fact):
    """A measure was taken against somebody (执法); ``words`` refers to who that is, which can be erased."""

    act: ClassVar[Act] = Act.ENFORCE
    measure: str
    legal_basis: str
    document: str
    words: str
