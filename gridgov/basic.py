"""Passwords that were right a moment ago: programs that sign in by HTTP Basic send theirs with every request,
and checking one takes a core for a sixth of a second.

No password is kept, only a keyed digest of name and password; the key is made when the process starts and
never leaves it.
"""

from __future__ import annotations

import hmac
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import anyio
from sqlalchemy import Engine

from gridgov.accounts import Person, still_right
from gridgov.clock import new_salt

#: A password counts as right for so long after it was checked, however often it is sent.
LASTS: Final = timedelta(minutes=5)
#: What another process changed in the store is seen after this long; what this process changes, at once.
FRESH: Final = timedelta(seconds=5)
#: So many right passwords are remembered; those checked longest ago go first.
REMEMBERED: Final = 1_000


@dataclass(frozen=True, slots=True)
class _Right:
    """Whose password it was, the hash it was right for, when it was checked and when its owner was looked
    up.
    """

    person: Person
    stored: str
    checked: datetime
    looked: datetime


class RightPasswords:
    """Remembers who sent which right password. Safe to ask from any thread.

    What is remembered is forgotten when :meth:`forget` is told of its owner, when the store has another hash
    for them or has them deactivated, and after ``lasts``.
    """

    def __init__(self, clock: Callable[[], datetime], lasts: timedelta = LASTS) -> None:
        self._clock, self._lasts = clock, lasts
        self._key = new_salt() + new_salt()
        self._known: dict[bytes, _Right] = {}
        self._guard = threading.Lock()
        self._turns: dict[bytes, tuple[anyio.Lock, int]] = {}
        self.changes = 0

    def __len__(self) -> int:
        return len(self._known)

    def digest(self, name: str, password: str) -> bytes:
        """What stands for this name with this password in here."""
        sent = name.encode("utf-8", "surrogatepass") + b"\0" + password.encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, sent, "sha256")

    def owner(self, digest: bytes) -> Person | None:
        """Whose it is, if it was right and its owner looked up a moment ago; asks no store."""
        known, now = self._known.get(digest), self._clock()
        if known is None or now - known.checked >= self._lasts or now - known.looked >= FRESH:
            return None
        return known.person

    def look(self, digest: bytes, reader: Engine) -> Person | None:
        """Whose it is, if it was right some minutes ago and still is, by the store; else it is forgotten."""
        known, changes, now = self._known.get(digest), self.changes, self._clock()
        if known is None:
            return None
        person = None
        if now - known.checked < self._lasts:
            with reader.connect() as connection:
                person = still_right(connection, known.person.id, known.stored)
        if person is None:
            self._forget(digest)
            return None
        self._keep(digest, _Right(person, known.stored, known.checked, now), changes)
        return person

    def remember(self, digest: bytes, person: Person, stored: str, changes: int) -> None:
        """It is right, for the hash ``stored``; ``changes`` is what :attr:`changes` was before the check.
        Where something has changed since, what was checked may be old, and is not remembered.
        """
        now = self._clock()
        self._keep(digest, _Right(person, stored, now, now), changes)

    def forget(self, person: str) -> None:
        """Nothing this person sent is right any more without being checked."""
        with self._guard:
            self.changes += 1
            for digest in [d for d, right in self._known.items() if right.person.id == person]:
                del self._known[digest]

    @asynccontextmanager
    async def turn(self, digest: bytes) -> AsyncIterator[None]:
        """One at a time with the same name and password: a map asks for a dozen tiles at once, and only the
        first need be checked.
        """
        lock, waiting = self._turns.get(digest, (anyio.Lock(), 0))
        self._turns[digest] = lock, waiting + 1
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._turns.pop(digest)
            if waiting > 1:
                self._turns[digest] = lock, waiting - 1

    def _keep(self, digest: bytes, right: _Right, changes: int) -> None:
        with self._guard:
            if changes != self.changes:
                return
            self._known.pop(digest, None)
            self._known[digest] = right
            while len(self._known) > REMEMBERED:
                del self._known[next(iter(self._known))]

    def _forget(self, digest: bytes) -> None:
        with self._guard:
            self._known.pop(digest, None)
