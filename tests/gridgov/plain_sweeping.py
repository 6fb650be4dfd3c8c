"""What a sweeper has to say of an incident, by a slow reading of the ledger's entries.

It shares nothing with the reading that the sweeper relies on but the due times that the entries state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from dispatch import entries as facts
from dispatch.entries import SYSTEM, Entry

MINUTE = timedelta(minutes=1)
SHANGHAI = ZoneInfo("Asia/Shanghai")

#: What was, or should be, said: of which incident; notice, question or gift; clock, run; threshold, or step and
#: why, or to whom it is given.
Said = tuple[str, str, str, int, str]


@dataclass
class Known:
    """One incident as the slow reading knows it."""

    running: tuple[str, int, datetime, datetime] | None = None
    handling: tuple[str, int, datetime, datetime] | None = None
    path: tuple[str, ...] = ()
    returned: bool = False
    noticed: set[tuple[str, int, str]] = field(default_factory=set)
    asked: tuple[int, datetime | None] | None = None
    set_aside: tuple[int, datetime | None] | None = None

    def follow(self, entry: Entry) -> None:
        """Bring it up to one more entry."""
        fact, before = entry.fact, self.running
        match fact:
            case facts.Reported() | facts.Placed():
                self.path = fact.place.path
        match fact:
            case facts.Dispatched():
                assert fact.run is not None
                assert fact.warn_at is not None
                self.set_aside = self.set_aside if fact.resumed else None
                self.returned = False
                self.running = self.handling = ("handling", fact.run, fact.warn_at, fact.due_at)
            case facts.Checked(passed=False):
                self.running = self.handling
            case facts.Closed():
                self.running = None
            case facts.Noticed():
                self.noticed.add((fact.clock, fact.run, fact.threshold))
            case facts.Escalated():
                self.asked = fact.step, fact.answer_by
            case facts.Acknowledged():
                self.asked = None
            case facts.Placed() | facts.PassedOn():
                pass
            case _:
                started = fact.starts  # type: ignore[attr-defined]
                self.returned = isinstance(fact, facts.Returned)
                self.running = started.clock, started.run, started.warn_at, started.due_at
        if before is not None and (self.running is None or self.running[:2] != before[:2]):
            self._switch(before)

    def _switch(self, before: tuple[str, int, datetime, datetime]) -> None:
        """Another clock runs, or none: who was asked about handling is asked again when it goes on."""
        if before == self.handling:
            self.set_aside = self.asked
        self.asked = None
        if self.running is not None and self.handling is not None and self.running[:2] == self.handling[:2]:
            self.asked = self.set_aside

    def to_say(self, id_: str, now: datetime) -> list[Said]:
        """What a sweep at this moment has to say of it."""
        if self.running is None:
            return []
        clock, run, warn_at, due_at = self.running
        if (clock, run, "overdue") in self.noticed:
            if self.asked is None or self.asked[1] is None or now < self.asked[1]:
                return []
            return [(id_, "asked", clock, run, f"{self.asked[0] + 1} unanswered")]
        if now >= due_at and clock == "dispatch" and self.returned:
            return [(id_, "noticed", clock, run, "overdue"), (id_, "given", clock, run, self.ground())]
        if now >= due_at:
            step = 1 if len(self.path) > 1 else 2
            return [(id_, "noticed", clock, run, "overdue"), (id_, "asked", clock, run, f"{step} overdue")]
        if now >= warn_at and (clock, run, "warning") not in self.noticed:
            return [(id_, "noticed", clock, run, "warning")]
        return []

    def ground(self) -> str:
        """Whose ground it is: only the northern street has a unit of its own, and nowhere is the office's too."""
        return "north_office" if "N" in self.path else "office"


def said(entry: Entry, here: Known) -> list[Said]:
    """What an entry says that nobody did; ``here`` is the incident before it."""
    match entry.fact:
        case facts.Noticed(clock=clock, run=run, threshold=threshold):
            return [(entry.incident, "noticed", clock, run, threshold)]
        case facts.Escalated(clock=clock, run=run, step=step, cause=cause) if cause != "passed_on":
            return [(entry.incident, "asked", clock, run, f"{step} {cause}")]
        case facts.Dispatched(department=department) if entry.by == SYSTEM:
            assert here.running is not None
            return [(entry.incident, "given", *here.running[:2], department)]
    return []


def two_working_hours(start: datetime) -> datetime:
    """Minute by minute: Monday to Friday, eight to twelve and two to six."""
    now, left = start, 120
    while left:
        local = now.astimezone(SHANGHAI)
        left -= local.weekday() < 5 and (8 <= local.hour < 12 or 14 <= local.hour < 18)
        now += MINUTE
    return now
