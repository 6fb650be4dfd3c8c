"""How far the outbox has followed the ledger, target by target, and what is told of what comes next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from geodata.grids import Hierarchy
from gridgov import city
from gridgov.accounts import reachable
from gridgov.outbox import keeping
from gridgov.outbox.mail import Facts
from gridgov.outbox.reading import part
from gridgov.outbox.rules import Telling
from gridgov.outbox.telling import Delivery
from gridgov.storage.engine import snapshot
from gridgov.storage.ledger import Head, read_head


@dataclass(frozen=True, slots=True)
class Found:
    """What the next entries lead to, and how far each target is then; ``more``: the ledger goes on."""

    deliveries: tuple[Delivery, ...] = ()
    positions: Mapping[str, int] = field(default_factory=dict)
    more: bool = False


class Follower:
    """Reads the ledger for all targets at once; asked by one thread at a time.

    What it has seen is kept in memory: entries that nobody is told of cost no write.
    """

    def __init__(self, engine: Engine, stream: str) -> None:
        self._engine, self._stream = engine, stream
        self._rules: int | None = None
        self._city: city.City | None = None
        self._positions: dict[str, int] = {}

    @property
    def telling(self) -> Telling:
        """Who is told what, by the rules that were in force at the last look."""
        return Telling() if self._city is None else self._city.telling

    def look(self, now: datetime) -> Found:
        """What the next entries lead to; nothing is remembered before :meth:`accept`."""
        with snapshot(self._engine) as connection:
            head = read_head(connection, self._stream)
            if head.rules != self._rules:
                self._reload(connection, head, now)
            if not self._positions:
                return Found()
            start = min(self._positions.values())
            if start >= head.position:
                return Found((), dict(self._positions))
            return self._next(connection, head, start)

    def accept(self, found: Found) -> None:
        """This was dealt with: go on behind it."""
        for name, position in found.positions.items():
            if name in self._positions:
                self._positions[name] = max(position, self._positions[name])

    def facts(self, base_url: str | None) -> Facts | None:
        """What e-mails call things by; None before there are rules and grids."""
        with self._engine.connect() as connection:
            return facts_of(connection, base_url)

    def _next(self, connection: Connection, head: Head, start: int) -> Found:
        telling = self.telling
        people = reachable(connection) if any(target.roles for target in telling.targets) else ()
        levels = _levels(city.drawn(connection))
        found = part(connection, telling, people, levels, head.epoch, start, self._stream)
        new = tuple(one for one in found.deliveries if one.position > self._positions.get(one.target, start))
        positions = {name: max(found.upto, position) for name, position in self._positions.items()}
        return Found(new, positions, found.more)

    def _reload(self, connection: Connection, head: Head, now: datetime) -> None:
        """Other rules are in force: a target that came, or came back, begins where the rules put it."""
        self._city = city.current(connection)
        there = keeping.standings(connection, now, self._stream)
        names = {target.name for target in self.telling.targets}
        self._positions = {
            name: max(one.position, self._positions.get(name, 0))
            for name, one in there.items()
            if name in names
        }
        self._rules = head.rules


def facts_of(connection: Connection, base_url: str | None) -> Facts | None:
    """What things are called by the rules and grids in force; None before there are both."""
    found, hierarchy = city.current(connection), city.drawn(connection)
    if found is None or hierarchy is None:
        return None
    return Facts(
        found.facts.name_zh,
        found.facts.name_en,
        ZoneInfo(found.facts.zone),
        found.rules.categories,
        found.rules.routing,
        hierarchy,
        base_url,
    )


def _levels(hierarchy: Hierarchy | None) -> tuple[str, ...]:
    return () if hierarchy is None else tuple(level.key for level in hierarchy.levels)
