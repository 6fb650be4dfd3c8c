"""Where people on duty are: what their phones say last, kept while they are on duty and no longer.

It is for one thing, that the nearest goes: nobody is shown where another is, only how far it was to what
they were sent to. When duty ends it is deleted, by whoever ends it or by the thread here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Engine, Table, func, select
from sqlalchemy.dialects.sqlite import insert

from dispatch.entries import from_micros, to_micros
from gridgov.duty import keeping
from gridgov.duty.errors import NotOnDuty
from gridgov.duty.reading import Where
from gridgov.storage.duty_tables import WhereaboutsRow
from gridgov.storage.ledger import MAIN
from gridgov.storage.writer import Chore, Writer
from gridgov.tending import Tending

_whereabouts: Table = WhereaboutsRow.__table__  # type: ignore[attr-defined]

#: Seconds between two looks at whose duty has ended.
LOOK_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of where somebody is: since when, and when it is forgotten."""

    where: Where
    at: datetime
    until: datetime


def note(person: str, where: Where, stream: str = MAIN) -> Chore:
    """Somebody on duty says where they are; what they said before is forgotten. Raises NotOnDuty."""

    def run(connection: Connection, now: datetime) -> Kept:
        found = keeping.on_duty(connection, person, now, stream)
        if found is None:
            raise NotOnDuty("where you are is kept while you are on duty; now you are not", person=person)
        _, until = found
        key = {"stream": stream, "person": person}
        told = {"lon": where.lon, "lat": where.lat, "accuracy_m": where.accuracy_m}
        told |= {"at": to_micros(now), "until": to_micros(until)}
        written = insert(_whereabouts).values(key | told)
        connection.execute(written.on_conflict_do_update(index_elements=list(key), set_=told))
        return Kept(where, now, until)

    return Chore(run)


def last(connection: Connection, person: str, now: datetime, stream: str = MAIN) -> Kept | None:
    """Where somebody on duty was last; None where nobody knows, or they are not on duty."""
    w = _whereabouts.c
    query = select(w.lon, w.lat, w.accuracy_m, w.at, w.until).where(
        w.stream == stream, w.person == person, w.until > to_micros(now)
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    return Kept(Where(row.lon, row.lat, row.accuracy_m), from_micros(row.at), from_micros(row.until))


class Forgetter(Tending):
    """Forgets where people were whose duty has ended."""

    def __init__(
        self, reader: Engine, writer: Writer, clock: Callable[[], datetime], stream: str = MAIN
    ) -> None:
        super().__init__("whereabouts", LOOK_S)
        self._reader, self._writer, self._clock, self._stream = reader, writer, clock, stream

    def tend(self, woken: bool) -> None:  # noqa: ARG002
        """Look once; nothing is written where there is nothing to forget."""
        with self._reader.connect() as connection:
            query = select(func.min(_whereabouts.c.until)).where(_whereabouts.c.stream == self._stream)
            first = connection.execute(query).scalar()
        if first is not None and from_micros(first) <= self._clock():
            self._writer.run(forget_ended(self._stream))


def forget_ended(stream: str = MAIN) -> Chore:
    """Forget where all those were whose duty has ended; returns how many they are."""
    return Chore(lambda connection, now: keeping.forget(connection, now, stream))
