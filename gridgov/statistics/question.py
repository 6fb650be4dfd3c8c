"""What can be asked of the copy: one value that travels from whoever asks to the process that answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal, Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from dispatch.closure import Period
from gridgov.scope import Claim

#: Whose grids an incident counts in instead of an edition's: those it was recorded in.
AS_RECORDED: Final = "as_recorded"
#: What figures can be grouped by beside the levels of the grids and the keys of specialised grids.
PLAIN: Final = (
    *("none", "department", "crew", "category", "class", "field", "channel", "urgency", "inspector"),
    *("day", "week", "month", "quarter", "year"),
)
#: What can be told of each group beside its counts and figures.
MORE: Final = ("times", "survival", "ageing")


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Reach(_Value):
    """A claim of `gridgov.scope` as it travels."""

    path: tuple[str, ...] = ()
    department: str | None = None
    tray: bool = True

    @classmethod
    def of(cls, claim: Claim) -> Reach:
        """The same as a claim."""
        return cls(path=claim.path, department=claim.department, tray=claim.tray)


class Narrowed(_Value):
    """Only incidents of all of these; None is any. ``under`` is a grid of the edition asked for;
    ``specialised`` is (key of the field's layer, code).
    """

    under: tuple[str, ...] = ()
    department: str | None = None
    crew: str | None = None
    category: str | None = None
    class_: Annotated[str | None, Field(alias="class")] = None
    field: str | None = None
    channel: str | None = None
    urgency: str | None = None
    inspector: str | None = None
    specialised: tuple[str, str] | None = None
    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)


class Question(_Value):
    """Figures for a period, of what ``reach`` covers and ``only`` narrows down, grouped by ``by``.

    ``now`` is the moment it is asked, cut to whole seconds, ``start`` and ``end`` the period: whole seconds
    too. With ``position`` or ``at`` things are told as they stood then: with ``at`` alone, after the last
    entry recorded at or before it; with ``position`` alone, at the moment that entry was recorded.
    """

    by: str = "none"
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None
    now: AwareDatetime
    only: Narrowed = Narrowed()
    edition: Literal["as_recorded"] | int | None = None
    position: Annotated[int | None, Field(ge=0)] = None
    at: AwareDatetime | None = None
    reach: tuple[Reach, ...] = (Reach(),)
    more: frozenset[Literal["times", "survival", "ageing"]] = frozenset()

    @property
    def period(self) -> Period:
        """Raises BadPeriod."""
        return Period(self.start, self.end)


class Opening(_Value):
    """The incidents behind one count of one group of a question: ``count`` is a counter of
    `dispatch.closure.Tally` or one of its sums (standing, ...), ``key`` the group's key as the answer tells
    it, None for what lies in no grid; ``total`` is of all groups. At most ``limit``, oldest first, after the
    position ``after``.
    """

    question: Question
    count: str
    key: str | None = None
    total: bool = False
    after: int = 0
    limit: Annotated[int, Field(ge=1, le=1000)] = 50


class Statistics(Protocol):
    """Where figures are asked: the copy itself in this process, or the process that has it."""

    def ask(self, question: Question) -> Mapping[str, Any]:
        """The answer, ready to be shown. Raises NotReadyYet, NotThatFarBack, what a bad question deserves."""

    def open(self, opening: Opening) -> Mapping[str, Any]:
        """{"firsts": positions of the first entries of the incidents, "weights": how much each adds to the
        count (1, but for reworks), "count": the figure's number, "next": after which to go on, or None,
        "position": as of which}.
        """

    def returns(self, question: Question) -> Mapping[str, Any]:
        """The matrix of returns between departments in the period; see `gridgov.statistics.matrix`."""

    def status(self) -> Mapping[str, Any]:
        """What it is doing: {"state": "ready" | "building" | "catching_up", "done", "of", "position",
        "behind", "history_done", "history_of", "incidents", "file_bytes"}.
        """


def whole_second(moment: datetime) -> datetime:
    """The moment, cut to whole seconds.

    >>> print(whole_second(datetime(2026, 11, 23, 8, 0, 5, 999999, tzinfo=UTC)))
    2026-11-23 08:00:05+00:00
    """
    return moment.astimezone(UTC) - timedelta(microseconds=moment.microsecond)
