"""Who may see and do what, from people's assignments alone: pure questions that endpoints, lists and the feed
all ask.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from dispatch.actors import Actor
from dispatch.building import UNASSIGNED
from dispatch.incidents import Incident
from dispatch.lifecycle import Role

#: Roles that look after the unlocated tray wherever their grid lies: what has no place belongs to intake.
TRAY_ROLES = frozenset({Role.INTAKE_CLERK, Role.SHIFT_LEADER})
#: Roles that see no incidents: they look after people and rules.
BLIND_ROLES = frozenset({Role.ADMINISTRATOR})


@dataclass(frozen=True, slots=True)
class Seen:
    """What of an incident decides who sees it: where it lies (() in the tray), the departments that have a
    part in it, lead and co-handlers, while one has it, and the people who see it whatever they are: who
    reported it, who is sent to look, whom it was handed to.
    """

    path: tuple[str, ...]
    departments: tuple[str, ...] = ()
    people: tuple[str, ...] = ()


def seen_of(incident: Incident) -> Seen:
    """What decides who sees this incident."""
    people = [incident.reported_by]
    if incident.task is not None and incident.task.state != UNASSIGNED and incident.task.person is not None:
        people.append(incident.task.person)
    if incident.lead is None:
        return Seen(incident.place.path, (), tuple(people))
    people += [one for one in (incident.assignee, *(p.assignee for p in incident.parts)) if one is not None]
    others = (code for code in incident.co_handlers if code != incident.lead)
    return Seen(incident.place.path, (incident.lead, *others), tuple(dict.fromkeys(people)))


@dataclass(frozen=True, slots=True)
class Assignment:
    """A person in a role for a grid and all below it, for one department where ``department`` is set (任职).

    ``path`` () is the whole installation. ``ends_at`` None means until further notice; the end is not
    included.
    """

    id: str
    role: Role
    path: tuple[str, ...]
    department: str | None
    starts_at: datetime
    ends_at: datetime | None = None

    def runs(self, now: datetime) -> bool:
        """Is it in force at this moment? One that makes no sense never is: an administrator of one street
        would otherwise be one of everything.
        """
        if why_not(self.role, self.path, self.department) is not None:
            return False
        return self.starts_at <= now and (self.ends_at is None or now < self.ends_at)

    def covers(self, seen: Seen) -> bool:
        """Does it reach an incident?"""
        return self._claim().covers(seen)

    def _claim(self) -> Claim:
        tray = self.role in TRAY_ROLES or not self.path or self.department is not None
        return Claim(self.path, self.department, tray)


@dataclass(frozen=True, slots=True)
class Claim:
    """What one assignment lets its holder see: a grid and all below, perhaps what one department leads or
    has a part in, perhaps the tray.

    A claim of the whole installation holds the tray as well, and a department's claim what it has a part in
    of the tray: what has no place still has to be handled.
    """

    path: tuple[str, ...]
    department: str | None
    tray: bool

    def covers(self, seen: Seen) -> bool:
        """Does the claim reach an incident?"""
        if self.department is not None and self.department not in seen.departments:
            return False
        if seen.path:
            return seen.path[: len(self.path)] == self.path
        return self.tray


@dataclass(frozen=True, slots=True)
class Scope:
    """All that one person may see; equal scopes have equal digests."""

    person: str
    claims: tuple[Claim, ...]

    def sees(self, seen: Seen) -> bool:
        """May this person see an incident?"""
        return self.person in seen.people or any(claim.covers(seen) for claim in self.claims)

    @property
    def digest(self) -> str:
        """A short mark of the scope, for cursors: a cursor of another scope cannot be continued."""
        text = repr((self.person, [(c.path, c.department, c.tray) for c in self.claims]))
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def why_not(role: Role, path: tuple[str, ...], department: str | None) -> str | None:
    """Why may nobody hold this role there, for that department? None where somebody may.

    >>> why_not(Role.ADMINISTRATOR, ("440306",), None)
    'an administrator looks after the whole installation, not after one grid'
    >>> why_not(Role.HANDLER, ("440306",), "water") is None
    True
    """
    if (role is Role.HANDLER) != (department is not None):
        return "a handler has a department, and nobody else has one"
    if role is Role.ADMINISTRATOR and path:
        return "an administrator looks after the whole installation, not after one grid"
    return None


def scope_of(person: str, assignments: Iterable[Assignment], now: datetime) -> Scope:
    """What may this person see at this moment? Claims that others contain are left out."""
    claims = {a._claim() for a in assignments if a.runs(now) and a.role not in BLIND_ROLES}
    return Scope(
        person, tuple(sorted((c for c in claims if not any(_within(c, d) for d in claims)), key=_order))
    )


def roles_on(assignments: Iterable[Assignment], seen: Seen, now: datetime) -> frozenset[Role]:
    """Which roles does somebody with these assignments hold on an incident?"""
    return frozenset(a.role for a in assignments if a.runs(now) and a.covers(seen))


def departments_on(assignments: Iterable[Assignment], seen: Seen, now: datetime) -> frozenset[str]:
    """For which departments is somebody with these assignments one of its handlers?"""
    return frozenset(
        a.department
        for a in assignments
        if a.department is not None and a.role is Role.HANDLER and a.runs(now) and a.covers(seen)
    )


def actor_on(
    person: str,
    assignments: Iterable[Assignment],
    incident: Incident,
    now: datetime,
    path: tuple[str, ...] | None = None,
) -> Actor:
    """Who somebody is to an incident. Whoever is sent to look at it is an inspector there, wherever their own
    grid lies. ``path`` asks for their roles at a wider grid than the incident's own.
    """
    held, seen = tuple(assignments), seen_of(incident)
    if path is not None:
        seen = replace(seen, path=path)
    roles = roles_on(held, seen, now)
    task = incident.task
    if task is not None and task.state != UNASSIGNED and task.person == person and _looks(held, now):
        roles |= {Role.INSPECTOR}
    return Actor(person, roles, departments_on(held, seen, now), roles_anywhere(held, now))


def _looks(assignments: Iterable[Assignment], now: datetime) -> bool:
    """Is somebody still one of those who go and look, anywhere?"""
    return not roles_anywhere(assignments, now).isdisjoint({Role.INSPECTOR, Role.SHIFT_LEADER})


def roles_anywhere(assignments: Iterable[Assignment], now: datetime) -> frozenset[Role]:
    """Which roles does somebody hold at all at this moment?"""
    return frozenset(a.role for a in assignments if a.runs(now))


def _within(inner: Claim, outer: Claim) -> bool:
    """Does ``outer`` reach everything that ``inner`` reaches, and is another claim?"""
    if inner == outer or outer.department not in (None, inner.department):
        return False
    return inner.path[: len(outer.path)] == outer.path and (outer.tray or not inner.tray)


def _order(claim: Claim) -> tuple[tuple[str, ...], str, bool]:
    return claim.path, claim.department or "", claim.tray
