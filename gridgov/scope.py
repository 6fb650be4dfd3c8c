"""Who may see and do what, from people's assignments alone: pure questions that endpoints, lists and the feed
all ask.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from dispatch.lifecycle import Role

#: Roles that look after the unlocated tray wherever their grid lies: what has no place belongs to intake.
TRAY_ROLES = frozenset({Role.INTAKE_CLERK, Role.SHIFT_LEADER})
#: Roles that see no incidents: they look after people and rules.
BLIND_ROLES = frozenset({Role.ADMINISTRATOR})


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

    def covers(self, path: tuple[str, ...], lead: str | None) -> bool:
        """Does it reach an incident that lies at ``path`` (() in the tray) and is led by ``lead``?"""
        return self._claim().covers(path, lead)

    def _claim(self) -> Claim:
        tray = self.role in TRAY_ROLES or not self.path or self.department is not None
        return Claim(self.path, self.department, tray)


@dataclass(frozen=True, slots=True)
class Claim:
    """What one assignment lets its holder see: a grid and all below, perhaps of one lead department, perhaps
    the tray.

    A claim of the whole installation holds the tray as well, and a department's claim what it leads in the
    tray: what has no place still has to be handled.
    """

    path: tuple[str, ...]
    department: str | None
    tray: bool

    def covers(self, path: tuple[str, ...], lead: str | None) -> bool:
        """Does the claim reach an incident lying at ``path`` (() in the tray) and led by ``lead``?"""
        if self.department is not None and self.department != lead:
            return False
        if path:
            return path[: len(self.path)] == self.path
        return self.tray


@dataclass(frozen=True, slots=True)
class Scope:
    """All that one person may see; equal scopes have equal digests."""

    person: str
    claims: tuple[Claim, ...]

    def sees(self, path: tuple[str, ...], lead: str | None, reported_by: str) -> bool:
        """May this person see an incident that lies at ``path``, is led by ``lead`` and was reported by
        ``reported_by``?
        """
        return reported_by == self.person or any(claim.covers(path, lead) for claim in self.claims)

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


def roles_on(
    assignments: Iterable[Assignment], path: tuple[str, ...], lead: str | None, now: datetime
) -> frozenset[Role]:
    """Which roles does somebody with these assignments hold on an incident lying there, led by that
    department?
    """
    return frozenset(a.role for a in assignments if a.runs(now) and a.covers(path, lead))


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
