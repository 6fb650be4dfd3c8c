"""The rota (值班表): who is on duty where and when, and what may be written into it. Values and rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from dispatch.lifecycle import ROLE_ZH, Role
from gridgov.accounts import Person
from gridgov.duty.errors import (
    AlreadyOnDuty,
    BadDuty,
    NobodyToStandInFor,
    NotForDuty,
    PastDuty,
    StoodInFor,
)
from gridgov.scope import Assignment

#: What somebody can be on duty as, the one that tasks go to first.
ROLES: Final = (Role.INSPECTOR, Role.SHIFT_LEADER)
#: No duty is longer: who is on duty now is looked up among those that began in the last week.
LONGEST: Final = timedelta(days=7)
#: A duty may be written down as beginning so long ago: clocks differ, and so do who writes and who comes.
SLACK: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Shift:
    """Somebody is on duty in a grid and all below it (班次), as ``role``, until before ``ends_at``.

    ``stand_in_for`` is whose place they take for that time: who is stood in for is not on duty there
    meanwhile. ``by`` wrote it down.
    """

    id: str
    person: str
    path: tuple[str, ...]
    role: Role
    starts_at: datetime
    ends_at: datetime
    stand_in_for: str | None
    by: str

    def runs(self, now: datetime) -> bool:
        """Is it in force at this moment?"""
        return self.starts_at <= now < self.ends_at

    def meets(self, starts_at: datetime, ends_at: datetime) -> bool:
        """Has it a moment in common with that time?"""
        return self.starts_at < ends_at and starts_at < self.ends_at


@dataclass(frozen=True, slots=True)
class Asked:
    """A duty that is to be written down; ``starts_at`` None: now."""

    id: str
    person: str
    path: tuple[str, ...]
    starts_at: datetime | None
    ends_at: datetime
    stand_in_for: str | None = None


class Rota:
    """Duties of some time, to which more are added one by one; each as if those before were there already."""

    def __init__(self, shifts: Iterable[Shift] = ()) -> None:
        self._of: dict[str, list[Shift]] = defaultdict(list)
        self._in_place_of: dict[str, list[Shift]] = defaultdict(list)
        for shift in shifts:
            self._keep(shift)

    def add(self, asked: Asked, who: Person, by: str, now: datetime) -> Shift:
        """Write a duty of ``who`` down.

        Raises BadDuty, PastDuty, NotForDuty, AlreadyOnDuty; of a stand-in NobodyToStandInFor, StoodInFor.
        """
        starts_at = now if asked.starts_at is None else asked.starts_at
        _require_times(asked, starts_at, now)
        role = role_for(who, asked.path, starts_at, asked.ends_at)
        if (there := self._first(asked.person, starts_at, asked.ends_at)) is not None:
            raise AlreadyOnDuty(
                f"{who.display_name} is on duty already in {'/'.join(there.path)} from"
                f" {there.starts_at.isoformat()} to {there.ends_at.isoformat()}; withdraw that duty or cut it"
                " short first",
                person=asked.person,
                duty=there.id,
                starts_at=there.starts_at,
                ends_at=there.ends_at,
            )
        if asked.stand_in_for is not None:
            role = self._place_of(asked, asked.stand_in_for, starts_at)
        shift = Shift(
            asked.id, asked.person, asked.path, role, starts_at, asked.ends_at, asked.stand_in_for, by
        )
        self._keep(shift)
        return shift

    def shorten(self, shift: Shift, at: datetime | None, now: datetime) -> Shift | None:
        """Cut a duty short at a moment, by default now; None where it had not begun: it is withdrawn as a
        whole. Raises PastDuty, BadDuty, StoodInFor.
        """
        if shift.ends_at <= now:
            raise PastDuty(duty=shift.id, ended_at=shift.ends_at)
        if at is not None and not max(now - SLACK, shift.starts_at) < at < shift.ends_at:
            raise BadDuty(
                "a duty is cut short between now and its end, and after its beginning", at=at, duty=shift.id
            )
        until = max(now if at is None else at, shift.starts_at)
        for other in self._in_place_of[shift.person]:
            if other.path == shift.path and other.meets(max(until, shift.starts_at), shift.ends_at):
                raise StoodInFor(duty=other.id, person=other.person)
        return None if until <= shift.starts_at else replace(shift, ends_at=until)

    def _place_of(self, asked: Asked, other: str, starts_at: datetime) -> Role:
        """What they are on duty as whose place is taken; raises NobodyToStandInFor, StoodInFor."""
        if other == asked.person:
            raise NobodyToStandInFor("nobody stands in for themselves", person=other)
        held = [s for s in self._of[other] if s.path == asked.path and s.meets(starts_at, asked.ends_at)]
        if not _cover(held, starts_at, asked.ends_at):
            raise NobodyToStandInFor(
                f"{other} is not on duty in {'/'.join(asked.path)} for the whole of that time",
                person=other,
                duties=[s.id for s in held],
            )
        for stand_in in self._in_place_of[other]:
            if stand_in.path == asked.path and stand_in.meets(starts_at, asked.ends_at):
                raise StoodInFor(duty=stand_in.id, person=stand_in.person)
        return held[0].role

    def _first(self, person: str, starts_at: datetime, ends_at: datetime) -> Shift | None:
        return next((s for s in self._of[person] if s.meets(starts_at, ends_at)), None)

    def _keep(self, shift: Shift) -> None:
        self._of[shift.person].append(shift)
        if shift.stand_in_for is not None:
            self._in_place_of[shift.stand_in_for].append(shift)


def role_for(who: Person, path: tuple[str, ...], starts_at: datetime, ends_at: datetime) -> Role:
    """What somebody can be on duty as in a grid for all of that time; raises NotForDuty."""
    for role in ROLES:
        if who.active and any(_holds(a, role, path, starts_at, ends_at) for a in who.assignments):
            return role
    raise NotForDuty(
        f"{who.display_name} is neither {ROLE_ZH[Role.INSPECTOR]} (inspector) nor"
        f" {ROLE_ZH[Role.SHIFT_LEADER]} (shift leader) of {'/'.join(path)} for the whole of that time",
        person=who.id,
        path=list(path),
    )


def _holds(a: Assignment, role: Role, path: tuple[str, ...], starts_at: datetime, ends_at: datetime) -> bool:
    covers = a.role is role and path[: len(a.path)] == a.path
    return covers and a.runs(starts_at) and (a.ends_at is None or ends_at <= a.ends_at)


def _require_times(asked: Asked, starts_at: datetime, now: datetime) -> None:
    if not asked.path:
        raise BadDuty("a duty is in a grid: name its path", person=asked.person)
    if starts_at >= asked.ends_at:
        raise BadDuty("a duty begins before it ends", starts_at=starts_at, ends_at=asked.ends_at)
    if asked.ends_at - starts_at > LONGEST:
        raise BadDuty(f"a duty is no longer than {LONGEST.days} days", starts_at=starts_at)
    if starts_at < now - SLACK:
        raise PastDuty(starts_at=starts_at)


def _cover(shifts: Sequence[Shift], starts_at: datetime, ends_at: datetime) -> bool:
    """Is every moment of that time in one of them?"""
    reached = starts_at
    for shift in sorted(shifts, key=lambda s: s.starts_at):
        if shift.starts_at > reached:
            return False
        reached = max(reached, shift.ends_at)
    return reached >= ends_at
