"""Long histories of the small town: its people do whatever they can do, by chance and seed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

import orjson
from sqlalchemy import select

from dispatch.incidents import Incident
from dispatch.lifecycle import Act, Role
from geodata.datum import Datum
from gridgov import commands
from gridgov.commands import ImportedRow, SentAct, SentReport
from gridgov.frames import Cursor, cursor, seen_through
from gridgov.rows import public_row
from gridgov.scope import Scope, roles_on, scope_of
from gridgov.storage import ledger
from gridgov.storage.batch import Command
from gridgov.storage.ledger import Committed
from gridgov.storage.projections import incident_row
from gridgov.storage.tables import IncidentRow, text_path
from tests.gridgov import scene
from tests.gridgov.storage.conftest import Town

MANAGER = scene.Somebody("manager", scene.assignment(Role.MANAGER))
NORTH_DESK = scene.Somebody("north desk", scene.assignment(Role.DISPATCHER, ("D", "N")))
SQUARE = scene.Somebody("square", scene.assignment(Role.INSPECTOR, ("D", "S", "S2")))
NOBODY = scene.Somebody("nobody")
ACTORS = (*scene.PEOPLE, MANAGER)
#: Scopes of every shape: all, a street, a square, one department, what one reported, the tray, nothing.
WATCHERS = (*ACTORS, NORTH_DESK, SQUARE, NOBODY)

_SQUARES = ("N1", "N2", "S1", "S2")
_CATEGORIES = (scene.COVER, scene.RUBBISH, scene.NOISE)
#: How often an act that could be done is thought of: without this, most of a history would be remarks.
_OFTEN = {
    Act.NOTE: 0.02,
    Act.ATTACH: 0.02,
    Act.CANCEL: 0.05,
    Act.REJECT: 0.2,
    Act.PLACE: 0.2,
    Act.REOPEN: 0.3,
}
_DEPARTMENTS = (None, "water", "cleaning", "office", "north_office")


def scope(somebody: scene.Somebody) -> Scope:
    """What one of the town's people sees."""
    return scope_of(somebody.id, somebody.assignments, scene.MONDAY)


class Play:
    """Whoever asks gets the next command; it has to be told what came of it.

    With a clock, which is set on, there are notices too, and automatic hands: several entries at once.
    """

    def __init__(self, seed: int, clock: scene.Clock | None = None) -> None:
        self._chance = Random(seed)
        self._clock = clock
        self.incidents: dict[str, Incident] = {}

    def told(self, incident: Incident) -> None:
        """This is how an incident now stands."""
        self.incidents[incident.id] = incident

    def commands(self, count: int) -> Iterator[Command]:
        """So many commands, none of which is refused when each is done before the next is asked for."""
        for _ in range(count):
            fresh = not self.incidents or self._chance.random() < 0.2
            yield self._begin() if fresh else self._go_on()

    def _id(self) -> str:
        return str(uuid.UUID(int=self._chance.getrandbits(128), version=4))

    def _begin(self) -> Command:
        chance = self._chance
        if chance.random() < 0.25:
            return self._imported()
        where = chance.choice([*map(scene.at, _SQUARES), scene.OUTSIDE, None])
        by = chance.choice([scene.INSPECTOR, scene.CLERK, scene.LEADER])
        address = chance.choice([None, f"北街 {chance.randrange(100)} 号"])
        category = chance.choice(_CATEGORIES)
        loud = "loud" if self._clock and category == scene.NOISE and chance.random() < 0.7 else None
        sent = SentReport(
            *(self._id(), category, "inspector"),
            position=where,
            address=address,
            words="看到",
            standard=loud,
        )
        return commands.report(by, sent)

    def _imported(self) -> Command:
        chance = self._chance
        closed = chance.random() < 0.5
        return commands.import_row(
            "import",
            ImportedRow(
                source="old",
                number=self._id(),
                channel="phone",
                category=chance.choice(_CATEGORIES),
                department="water",
                status="Closed" if closed else "Open",
                closed=closed,
                reported_at=scene.LONG_AGO,
                closed_at=scene.MONDAY if closed else None,
                due_at=chance.choice([None, scene.MONDAY]),
                lon=114.005,
                lat=chance.choice([22.505, 22.515]),
                datum=Datum.wgs84,
                marks=("marked",),
            ),
        )

    def _go_on(self) -> Command:
        """Somebody who can do something about some incident does one of the things they can do."""
        while True:
            incident = self._chance.choice(list(self.incidents.values()))
            if incident.is_open and self._chance.random() < 0.03:
                return commands.relocate(incident.id, incident.number, 2)
            if self._clock and incident.next_look is not None and self._chance.random() < 0.15:
                self._clock.now = max(self._clock.now, incident.next_look)
                return commands.notice(incident.id, incident.number, incident.next_look)
            by = self._chance.choice(ACTORS)
            roles = roles_on(by.assignments, incident.place.path, incident.lead, scene.MONDAY)
            acts = [act for act in incident.open_acts(roles) if self._chance.random() < _OFTEN.get(act, 1)]
            if incident.escalated is not None and incident.escalated.answer_by is None:
                # The last step of the ladder has nobody to pass it on to.
                acts = [act for act in acts if act is not Act.PASS_ON]
            if acts:
                return commands.act(by, self._sent(incident, self._chance.choice(acts)))

    def _sent(self, incident: Incident, act: Act) -> SentAct:
        chance = self._chance
        more: dict[str, Any] = {"reason": "因为"}
        if act is Act.DISPATCH:
            more["department"] = chance.choice(_DEPARTMENTS)
        elif act is Act.VERIFY:
            more["found"] = chance.random() < 0.6
        elif act is Act.CHECK:
            more["passed"] = chance.random() < 0.6
        elif act is Act.PLACE:
            more["position"] = chance.choice([*map(scene.at, _SQUARES), scene.OUTSIDE])
        elif act is Act.NOTE:
            more["words"] = "备注"
        elif act is Act.ATTACH:
            more["photos"] = (f"{chance.getrandbits(256):064x}",)
        elif act is Act.FILE:
            more["category"] = chance.choice([None, *_CATEGORIES])
        return SentAct(self._id(), incident.id, act, incident.number, **more)


Rows = dict[str, dict[str, Any]]


class Recorded:
    """A history in a store, with the incident table as it was after each position."""

    def __init__(self, town: Town, seed: int, count: int) -> None:
        self.town = town
        self.tables: list[list[dict[str, Any]]] = [[]]
        play = Play(seed, town.clock)
        for command in play.commands(count):
            known = len(town.committed)
            town.writer.run(command)
            play.told(town.committed[-1].after)
            self.tables += map(self._after, town.committed[known:-1])
            with town.reader.connect() as connection:
                rows = connection.execute(select(IncidentRow.__table__)).mappings().all()
            self.tables.append([dict(row) for row in rows])

    def _after(self, told: Committed) -> list[dict[str, Any]]:
        """The table after an entry that was committed together with a later one: nobody could read it."""
        row = incident_row(told.stream, told.after, told.first, told.position, told.address)
        return [other for other in self.tables[-1] if other["id"] != row["id"]] + [row]

    @property
    def end(self) -> int:
        """The last position."""
        return len(self.tables) - 1

    def shown(self, seen: Scope, position: int) -> Rows:
        """What a fresh list shows of the table as it was at a position."""
        return {
            row["id"]: public_row(row)
            for row in self.tables[position]
            if seen.sees(text_path(row["path"]), row["lead"], row["reported_by"])
        }

    def since(self, position: int, limit: int = 10_000) -> list[Committed]:
        """The ledger's tail, read from the store."""
        with self.town.reader.connect() as connection:
            return ledger.since(connection, position, limit)


class LiveTown(Town):
    """A town whose feed is told what is committed."""

    def __init__(self, url: str) -> None:
        self.listeners: list[Callable[[Sequence[Committed]], None]] = []
        super().__init__(url)

    def _tell(self, committed: Sequence[Committed]) -> None:
        super()._tell(committed)
        for listener in self.listeners:
            listener(committed)

    def cursor(self, seen: Scope) -> Cursor:
        """Where the ledger ends now, for this scope."""
        with self.reader.connect() as connection:
            return cursor(ledger.read_head(connection), seen)

    def play(self, count: int, seed: int = 1) -> None:
        """Commands one after another, as people do them."""
        play = Play(seed)
        for command in play.commands(count):
            self.writer.run(command)
            play.told(self.committed[-1].after)

    def seen(self, seen: Scope, since: int = 0) -> list[dict[str, Any]]:
        """What somebody should have been told after a position."""
        return [orjson.loads(text) for _, text in seen_through(seen, self.committed[since:])]
