"""Who has signed in: sessions, looked up in memory most of the time, and a brake on guessing passwords.

A session is an opaque token of which the store keeps the SHA-256 alone.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine, delete, insert, select

from dispatch.entries import from_micros, to_micros
from gridgov.accounts import Person, Proof, find_person, require_still_right
from gridgov.clock import new_token
from gridgov.errors import NotSignedIn, TooManyTries
from gridgov.storage.tables import SessionRow
from gridgov.storage.writer import Chore, Writer

_session = SessionRow.__table__  # type: ignore[attr-defined]

#: What another process changed in the store is seen after this long; what this process changes, at once.
FRESH: Final = timedelta(seconds=5)
#: Sessions remembered between requests; the least recently opened go first.
REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in that is still good. ``token`` is the SHA-256 of the secret; ``kind`` is cookie or bearer."""

    token: bytes
    person: Person
    kind: str
    expires_at: datetime


class Throttle:
    """A brake on guessing passwords: counts those that turned out wrong, never those still being checked.

    For a name from an address ``tries`` wrong ones are free; the next waits until the oldest of them is
    ``within`` ago. So the owner, with the right password, is kept out for at most a minute, and a guesser has
    7,200 tries a day. Whoever makes names up is stopped by the count of their address, ``address_tries``
    ``address_within``: many, since many people share one. Memory is bounded; the longest untouched are
    forgotten first.
    """

    def __init__(
        self,
        tries: int = 5,
        within: timedelta = timedelta(minutes=1),
        keys: int = 10_000,
        *,
        address_tries: int = 100,
        address_within: timedelta = timedelta(minutes=5),
    ) -> None:
        self._of_name = _Recent(tries, within, keys)
        self._of_address = _Recent(address_tries, address_within, keys)

    def require(self, name: str, address: str, now: datetime) -> None:
        """Raise TooManyTries, with the seconds to wait, where the last tries were too many."""
        wait = max(self._of_name.wait((name, address), now), self._of_address.wait((address,), now))
        if wait:
            raise TooManyTries(f"too many wrong passwords; try again in {wait} seconds", retry_after=wait)

    def failed(self, name: str, address: str, now: datetime) -> None:
        """Count a wrong password."""
        self._of_name.add((name, address), now)
        self._of_address.add((address,), now)

    def succeeded(self, name: str, address: str) -> None:
        """Forget the wrong ones before a right one; the address's stay, else one account of one's own would
        be enough to guess at all others.
        """
        self._of_name.forget((name, address))


class _Recent:
    """The last moments at which something happened, by key."""

    def __init__(self, most: int, within: timedelta, keys: int) -> None:
        self._most, self._within, self._keys = most, within, keys
        self._at: dict[tuple[str, ...], list[datetime]] = {}

    def __len__(self) -> int:
        return len(self._at)

    def wait(self, key: tuple[str, ...], now: datetime) -> int:
        """Whole seconds until there is room for one more; 0 where there is."""
        recent = self._since(self._at.get(key, []), now)
        return int((recent[0] + self._within - now).total_seconds()) + 1 if len(recent) >= self._most else 0

    def add(self, key: tuple[str, ...], now: datetime) -> None:
        recent = self._since(self._at.pop(key, []), now)
        self._at[key] = [*recent, now][-self._most :]
        while len(self._at) > self._keys:
            del self._at[next(iter(self._at))]

    def forget(self, key: tuple[str, ...]) -> None:
        self._at.pop(key, None)

    def _since(self, moments: list[datetime], now: datetime) -> list[datetime]:
        return [at for at in moments if now - at < self._within]


class Sessions:
    """Who has signed in. Reads go to the store once in a while, not with every request.

    ``on_change`` functions are told the id of a person whose sessions or assignments this process has
    changed, so that what is connected can be looked at again. Safe to ask from any thread.
    """

    def __init__(
        self, reader: Engine, writer: Writer, clock: Callable[[], datetime], lasts: timedelta
    ) -> None:
        self._reader, self._writer, self._clock, self._lasts = reader, writer, clock, lasts
        self._remembered: dict[bytes, tuple[Session, datetime]] = {}
        self._changes = 0
        self._guard = threading.Lock()
        self.on_change: list[Callable[[str], None]] = []

    async def begin(self, person: Person, kind: str, proof: Proof) -> tuple[str, Session]:
        """Open a session; the token is told here once and kept nowhere. Sessions that have run out are
        swept away. Raises WrongPassword where the password was changed since it was checked.
        """
        token = new_token()

        def run(connection: Connection, now: datetime) -> Session:
            require_still_right(connection, person.id, proof)
            session = Session(digest(token), person, kind, now + self._lasts)
            connection.execute(delete(_session).where(_session.c.expires_at <= to_micros(now)))
            connection.execute(
                insert(_session).values(
                    token=session.token,
                    person=person.id,
                    kind=kind,
                    created_at=to_micros(now),
                    expires_at=to_micros(session.expires_at),
                )
            )
            return session

        return token, await self._writer.act(Chore(run))

    def remembered(self, token: bytes) -> Session | None:
        """The session of a token's digest if it was looked up a moment ago; asks no store."""
        known = self._remembered.get(token)
        if known is None:
            return None
        session, looked = known
        now = self._clock()
        return session if now - looked < FRESH and now < session.expires_at else None

    def find(self, token: bytes) -> Session:
        """The session of a token's digest, from the store; raises NotSignedIn."""
        changes, now = self._changes, self._clock()
        with self._reader.connect() as connection:
            row = connection.execute(select(_session).where(_session.c.token == token)).mappings().first()
            if row is None or row["expires_at"] <= to_micros(now):
                raise NotSignedIn("this session is over: sign in again")
            person = find_person(connection, row["person"])
        if not person.active:
            raise NotSignedIn("this session is over: sign in again")
        session = Session(token, person, row["kind"], from_micros(row["expires_at"]))
        self._remember(session, now, changes)
        return session

    async def end(self, session: Session) -> None:
        """Sign out."""

        def run(connection: Connection, _: datetime) -> None:
            connection.execute(delete(_session).where(_session.c.token == session.token))

        await self._writer.act(Chore(run))
        self.changed(session.person.id)

    def changed(self, person: str) -> None:
        """Look this person up anew from now on, and tell who wants to know."""
        with self._guard:
            self._changes += 1
            for token in [t for t, (s, _) in self._remembered.items() if s.person.id == person]:
                del self._remembered[token]
        for told in self.on_change:
            told(person)

    def _remember(self, session: Session, now: datetime, changes: int) -> None:
        """Unless something has changed since it was read: then what was read may be old."""
        with self._guard:
            if changes != self._changes:
                return
            self._remembered.pop(session.token, None)
            self._remembered[session.token] = session, now
            while len(self._remembered) > REMEMBERED:
                del self._remembered[next(iter(self._remembered))]


def digest(token: str) -> bytes:
    """What the store keeps of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
