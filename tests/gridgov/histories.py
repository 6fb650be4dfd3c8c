"""Long histories of the small town: its people do whatever they can do, by chance and seed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

import orjson
from sqlalchemy import select

from dispatch.incidents import Incident
from dispatch.lifecycle import Act, Role
from dispatch.permissions import open_to
from geodata.datum import Datum
from gridgov import commands
from gridgov.commands import ImportedRow, SentAct, SentReport
from gridgov.frames import Cursor, cursor, seen_through
from gridgov.rows import public_row
from gridgov.scope import Scope, Seen, actor_on, scope_of, seen_of
from gridgov.storage import ledger, sight
from gridgov.storage.batch import Command
from gridgov.storage.ledger import Committed
from gridgov.storage.projections import incident_row
from gridgov.storage.tables import IncidentRow, SightRow, text_path
from gridgov.storage.writer import Writer
from tests.gridgov import scene
from tests.gridgov.acts_by_chance import CATEGORIES, SQUARES, Moment, SomeOnDuty, more
from tests.gridgov.storage.conftest import Town

MANAGER = scene.Somebody("manager", scene.assignment(Role.MANAGER))
NORTH_DESK = scene.Somebody("north desk", scene.assignment(Role.DISPATCHER, ("D", "N")))
SQUARE = scene.Somebody("square", scene.assignment(Role.INSPECTOR, ("D", "S", "S2")))
NOBODY = scene.Somebody("nobody")
ACTORS = (*scene.PEOPLE, MANAGER, SQUARE)
#: Scopes of every shape: all, a street, a square and what one is sent to, one department, what one reported,
#: the tray, nothing.
WATCHERS = (*ACTORS, NORTH_DESK, NOBODY)

#: How often an act that could be done is thought of: without this, most of a history would be remarks, and
#: most incidents would be joined, put right at once or taken back.
_OFTEN = {
    Act.NOTE: 0.02,
    Act.ATTACH: 0.02,
    Act.CANCEL: 0.02,
    Act.JOIN: 0.05,
    Act.TAKE_BACK: 0.1,
    Act.CORRECT: 0.1,
    Act.SELF_HANDLE: 0.4,
    Act.SUPERVISE: 0.1,
    Act.TASK: 0.05,
    Act.ENFORCE: 0.1,
    Act.INVOLVE: 0.1,
    Act.ASK: 0.4,
    Act.REJECT: 0.2,
    Act.PLACE: 0.1,
    Act.DECLINE: 0.3,
    Act.CALL_BACK: 0.2,
    Act.RETURN: 0.3,
    Act.ASSIGN: 0.2,
    Act.APPLY: 0.3,
    Act.DECLINE_TASK: 0.5,
    Act.ACKNOWLEDGE: 0.2,
    Act.PASS_ON: 0.1,
    Act.REOPEN: 0.3,
}
_ANSWERS = frozenset({Act.ACKNOWLEDGE, Act.PASS_ON})


def scope(somebody: scene.Somebody) -> Scope:
    """What one of the town's people sees."""
    return scope_of(somebody.id, somebody.assignments, scene.MONDAY)


class Play:
    """Whoever asks gets the next command; it has to be told what came of it.

    With a clock, which is set on, there are notices too, and automatic hands: several entries at once.
    ``never`` are acts of which nobody thinks.
    """

    def __init__(
        self, seed: int, clock: scene.Clock | None = None, never: frozenset[Act] = frozenset()
    ) -> None:
        self._chance = Random(seed)
        self._clock, self._never = clock, never
        self.incidents: dict[str, Incident] = {}

    def told(self, incident: Incident) -> None:
        """This is how an incident now stands."""
        self.incidents[incident.id] = incident

    def commands(self, count: int) -> Iterator[Command]:
        """So many commands, none of which is refused when each is done before the next is asked for."""
        for _ in range(count):
            fresh = not self.incidents or self._chance.random() < 0.1
            yield self._begin() if fresh else self._go_on()

    def last(self) -> Command:
        """A command that adds one entry, whatever there is."""
        return self._imported()

    def _id(self) -> str:
        return str(uuid.UUID(int=self._chance.getrandbits(128), version=4))

    def _begin(self) -> Command:
        chance = self._chance
        if chance.random() < 0.25:
            return self._imported()
        where = chance.choice([*map(scene.at, SQUARES), scene.OUTSIDE, None])
        by = chance.choice([scene.INSPECTOR, scene.CLERK, scene.LEADER])
        address = chance.choice([None, f"北街 {chance.randrange(100)} 号"])
        category = chance.choice(CATEGORIES)
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
                category=chance.choice(CATEGORIES),
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
            if incident.is_open and self._chance.random() < 0.01:
                return commands.relocate(incident.id, incident.number, 2)
            if self._clock and incident.next_look is not None and self._chance.random() < 0.06:
                self._clock.now = max(self._clock.now, incident.next_look)
                return commands.notice(incident.id, incident.number, incident.next_look)
            by = self._chance.choice(ACTORS)
            acts = self._open_to(incident, by)
            act = self._chance.choice(acts) if acts else None
            moment = Moment(self._chance, incident, by, self.incidents, self._now)
            given = None if act is None else more(act, moment)
            if act is not None and given is not None:
                return commands.act(by, SentAct(self._id(), incident.id, act, incident.number, **given))

    @property
    def _now(self) -> datetime:
        """When it is; without a clock, a moment to which the town does not come."""
        return scene.MONDAY + timedelta(hours=1) if self._clock is None else self._clock.now

    def _open_to(self, incident: Incident, by: scene.Somebody) -> list[Act]:
        """What somebody can do and thinks of."""
        actor, asked = actor_on(by.id, by.assignments, incident, scene.MONDAY), incident.escalated
        acts = [
            act
            for act in open_to(incident, actor, self._now)
            if scope(by).sees(seen_of(incident)) and self._chance.random() < _OFTEN.get(act, 1)
        ]
        unheard = (
            self._never
            if asked is not None and not actor.roles.isdisjoint(asked.roles)
            else self._never | _ANSWERS
        )
        if asked is not None and asked.answer_by is None:
            # The last step of the ladder has nobody to pass it on to.
            unheard |= {Act.PASS_ON}
        if self._clock is None:
            unheard |= {Act.TAKE_BACK}
        return [act for act in acts if act not in unheard]


def work(play: Play, writer: Writer, committed: Sequence[Committed], count: int) -> None:
    """Commands one after another, until so many more entries are ``committed``, which it is told."""
    end = len(committed) + count
    for command in play.commands(count):
        known = len(committed)
        # One command may add two.
        writer.run(command if known < end - 1 else play.last())
        for told in committed[known:]:
            play.told(told.after)
        if len(committed) == end:
            return


Row = dict[str, Any]
Rows = dict[str, Row]


def _seen(row: Row, keys: Sequence[str]) -> Seen:
    """What decides who sees an incident, as the tables have it."""
    who = [key.split(":", 1) for key in keys]
    lead = () if row["lead"] is None else (row["lead"],)
    departments = (*lead, *(code for kind, code in who if kind == "d"))
    people = (row["reported_by"], *(person for kind, person in who if kind == "p"))
    return Seen(text_path(row["path"]), departments, people)


class Recorded:
    """A history in a store, with the tables of incidents and of who sees them as they were after each
    position.
    """

    def __init__(self, town: Town, seed: int, count: int) -> None:
        self.town = town
        self.tables: list[list[Row]] = [[]]
        self.sights: list[list[Row]] = [[]]
        play = Play(seed, town.clock)
        for command in play.commands(count):
            known = len(town.committed)
            town.writer.run(command)
            added = town.committed[known:]
            for told in added:
                play.told(told.after)
            for told in added[:-1]:
                self._after(told)
            with town.reader.connect() as connection:
                for table, kept in ((IncidentRow, self.tables), (SightRow, self.sights)):
                    rows = connection.execute(select(table.__table__)).mappings().all()  # type: ignore[attr-defined]
                    kept.append([dict(row) for row in rows])

    def _after(self, told: Committed) -> None:
        """The tables after an entry that was committed together with a later one: nobody could read them."""
        row = incident_row(told.stream, told.after, told.first, told.position, told.address)
        self.tables.append([other for other in self.tables[-1] if other["id"] != row["id"]] + [row])
        mine = sight.rows(told.stream, told.after, told.first)
        self.sights.append([other for other in self.sights[-1] if other["incident"] != row["id"]] + mine)

    @property
    def end(self) -> int:
        """The last position."""
        return len(self.tables) - 1

    def shown(self, seen: Scope, position: int) -> Rows:
        """What a fresh list shows of the tables as they were at a position."""
        keys: dict[str, list[str]] = {}
        for row in self.sights[position]:
            keys.setdefault(row["incident"], []).append(row["who"])
        return {
            row["id"]: public_row(row)
            for row in self.tables[position]
            if seen.sees(_seen(row, keys.get(row["id"], ())))
        }

    def since(self, position: int, limit: int = 10_000) -> list[Committed]:
        """The ledger's tail, read from the store."""
        with self.town.reader.connect() as connection:
            return ledger.since(connection, position, limit)


class LiveTown(Town):
    """A town whose feed is told what is committed."""

    def __init__(self, url: str) -> None:
        self.listeners: list[Callable[[Sequence[Committed]], None]] = []
        super().__init__(url, duty=SomeOnDuty)

    def _tell(self, committed: Sequence[Committed]) -> None:
        super()._tell(committed)
        for listener in self.listeners:
            listener(committed)

    def cursor(self, seen: Scope) -> Cursor:
        """Where the ledger ends now, for this scope."""
        with self.reader.connect() as connection:
            return cursor(ledger.read_head(connection), seen)

    def play(self, count: int, seed: int = 1) -> None:
        """Commands one after another, as people do them, until there are so many more entries."""
        work(Play(seed), self.writer, self.committed, count)

    def seen(self, seen: Scope, since: int = 0) -> list[dict[str, Any]]:
        """What somebody should have been told after a position."""
        return [orjson.loads(text) for _, text in seen_through(seen, self.committed[since:])]
