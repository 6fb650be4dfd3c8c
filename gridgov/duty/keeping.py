"""The rota in the store: what is written into it, each a chore for the one writer, and what is read of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, RowMapping, Table, and_, delete, insert, or_, select, update

from dispatch.entries import from_micros, to_micros
from dispatch.lifecycle import Role
from gridgov import accounts
from gridgov.accounts import Person
from gridgov.duty.errors import UnknownDuty
from gridgov.duty.rota import LONGEST, Asked, Rota, Shift
from gridgov.storage.duty_tables import DutyRow, WhereaboutsRow
from gridgov.storage.errors import IdReused
from gridgov.storage.ledger import MAIN
from gridgov.storage.tables import path_text, text_path
from gridgov.storage.writer import Chore

_duty: Table = DutyRow.__table__  # type: ignore[attr-defined]
_whereabouts: Table = WhereaboutsRow.__table__  # type: ignore[attr-defined]

#: Asked with the grid of a duty whether whoever writes may write there; raises what refuses it.
May = Callable[[tuple[str, ...]], None]
#: Duties that one page shows at most.
MOST: Final = 5000


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a duty that was cut short or withdrawn: ``shift`` as it is now, None where it counts for
    nothing any more.
    """

    id: str
    person: str
    shift: Shift | None


# -- writing ---------------------------------------------------------------------------------------


def add(asked: Asked, by: str, stream: str = MAIN) -> Chore:
    """Write a duty down. The same again changes nothing; raises IdReused where its id stands for another,
    UnknownPerson, and what `Rota.add` raises.
    """

    def run(connection: Connection, now: datetime) -> Shift:
        known = connection.execute(select(_duty).where(_is(stream, asked.id))).mappings().first()
        if known is not None:
            return _same(known, asked)
        who = accounts.find_person(connection, asked.person)
        since = now if asked.starts_at is None else asked.starts_at
        involved = {asked.person} | ({asked.stand_in_for} if asked.stand_in_for else set())
        rota = Rota(between(connection, since, asked.ends_at, involved, stream=stream))
        shift = rota.add(asked, who, by, now)
        store(connection, [shift], now, stream)
        return shift

    return Chore(run)


def end(id_: str, at: datetime | None, by: str, may: May, stream: str = MAIN) -> Chore:
    """Cut a duty short at a moment, by default now; one that has not begun is withdrawn as a whole.

    Raises UnknownDuty, what ``may`` raises, and what `Rota.shorten` raises.
    """

    def run(connection: Connection, now: datetime) -> Ended:
        shift = _found(connection, id_, stream)
        if shift is None:
            raise UnknownDuty(duty=id_)
        may(shift.path)
        near = between(connection, shift.starts_at, shift.ends_at, {shift.person}, stream=stream)
        left = Rota(near).shorten(shift, at, now)
        ended(connection, shift, left, by, now, stream)
        return Ended(id_, shift.person, left)

    return Chore(run)


def store(connection: Connection, shifts: Iterable[Shift], now: datetime, stream: str) -> None:
    """Write these down, in the transaction of a chore; where those are whose place is taken is forgotten when
    it is.
    """
    written = list(shifts)
    if written:
        connection.execute(insert(_duty), [_row(stream, shift, now) for shift in written])
    for shift in written:
        if shift.stand_in_for is not None:
            _forget_at(connection, shift.stand_in_for, shift.starts_at, stream)


def ended(
    connection: Connection, shift: Shift, left: Shift | None, by: str, now: datetime, stream: str
) -> None:
    """Write down that a duty ends as ``left`` does, or was withdrawn (None), and forget in time where its
    holder is.
    """
    if left is None:
        change: dict[str, Any] = {"withdrawn_at": to_micros(now), "ended_by": by}
    else:
        change = {"ends_at": to_micros(left.ends_at), "ended_by": by}
    connection.execute(update(_duty).where(_is(stream, shift.id)).values(change))
    if left is not None:
        _forget_at(connection, shift.person, left.ends_at, stream)
    forget(connection, now, stream)


def begin_earlier(connection: Connection, shift: Shift, starts_at: datetime, stream: str) -> None:
    """Let a duty that has not begun begin at this moment."""
    connection.execute(update(_duty).where(_is(stream, shift.id)).values(starts_at=to_micros(starts_at)))


def forget(connection: Connection, now: datetime, stream: str) -> int:
    """Forget where all those were whose duty has ended, in the transaction of a chore; how many they are."""
    ended = and_(_whereabouts.c.stream == stream, _whereabouts.c.until <= to_micros(now))
    return connection.execute(delete(_whereabouts).where(ended)).rowcount


def _forget_at(connection: Connection, person: str, moment: datetime, stream: str) -> None:
    """Where somebody is is kept until that moment, and no longer."""
    of = and_(_whereabouts.c.stream == stream, _whereabouts.c.person == person)
    longer = update(_whereabouts).where(of, _whereabouts.c.until > to_micros(moment))
    connection.execute(longer.values(until=to_micros(moment)))


# -- reading ---------------------------------------------------------------------------------------


def find(connection: Connection, id_: str, stream: str = MAIN) -> Shift:
    """One duty that counts; raises UnknownDuty."""
    shift = _found(connection, id_, stream)
    if shift is None:
        raise UnknownDuty(duty=id_)
    return shift


def between(
    connection: Connection,
    since: datetime,
    until: datetime,
    people: Iterable[str] | None = None,
    under: tuple[str, ...] = (),
    stream: str = MAIN,
    most: int | None = None,
) -> list[Shift]:
    """The duties that have a moment in common with that time, by beginning: of these people and of those who
    stand in for them, or everybody's; in a grid or below it.
    """
    chosen = [_meets(stream, since, until)]
    if people is not None:
        ids = sorted(people)
        chosen.append(or_(_duty.c.person.in_(ids), _duty.c.stand_in_for.in_(ids)))
    if under:
        chosen.append(_duty.c.path.startswith(path_text(under), autoescape=True))
    query = select(_duty).where(*chosen).order_by(_duty.c.starts_at, _duty.c.path, _duty.c.id)
    rows = connection.execute(query if most is None else query.limit(most))
    return [shift_of(row) for row in rows.mappings()]


def on_duty(
    connection: Connection, person: str, now: datetime, stream: str = MAIN
) -> tuple[Shift, datetime] | None:
    """The duty that somebody is on at this moment, and until when: its end, or until somebody takes their
    place; None where they are on none, or are stood in for.
    """
    mine = next((s for s in of_person(connection, person, now, stream) if s.runs(now)), None)
    if mine is None:
        return None
    there = between(connection, now, mine.ends_at, {person}, stream=stream)
    taken = [s.starts_at for s in there if s.stand_in_for == person and s.path == mine.path]
    until = min([mine.ends_at, *taken])
    return None if until <= now else (mine, until)


def of_person(connection: Connection, person: str, since: datetime, stream: str = MAIN) -> list[Shift]:
    """Somebody's duties that end after a moment, by beginning."""
    query = select(_duty).where(
        _counts(stream),
        _duty.c.person == person,
        _duty.c.starts_at > to_micros(since - LONGEST),
        _duty.c.ends_at > to_micros(since),
    )
    return [shift_of(row) for row in connection.execute(query.order_by(_duty.c.starts_at)).mappings()]


def people_for(
    everybody: Iterable[Person], path: tuple[str, ...], now: datetime
) -> list[tuple[Person, Role]]:
    """Who can be on duty in a grid at this moment, and as what."""
    found = []
    for person in everybody:
        held = [a for a in person.assignments if a.runs(now) and path[: len(a.path)] == a.path]
        role = next((r for r in (Role.INSPECTOR, Role.SHIFT_LEADER) if any(a.role is r for a in held)), None)
        if person.active and role is not None:
            found.append((person, role))
    return found


# -- parts of queries and rows ---------------------------------------------------------------------


def _counts(stream: str) -> ColumnElement[bool]:
    return and_(_duty.c.stream == stream, _duty.c.withdrawn_at.is_(None))


def _is(stream: str, id_: str) -> ColumnElement[bool]:
    return and_(_duty.c.stream == stream, _duty.c.id == id_)


def _meets(stream: str, since: datetime, until: datetime) -> ColumnElement[bool]:
    """A range of the index: what has a moment in common with a time began at most a week before it."""
    return and_(
        _counts(stream),
        _duty.c.starts_at > to_micros(since - LONGEST),
        _duty.c.starts_at < to_micros(until),
        _duty.c.ends_at > to_micros(since),
    )


def runs(stream: str, now: datetime) -> ColumnElement[bool]:
    """The condition that a duty counts, and runs at this moment: a range of the index."""
    moment = to_micros(now)
    return and_(
        _counts(stream),
        _duty.c.starts_at > to_micros(now - LONGEST),
        _duty.c.starts_at <= moment,
        _duty.c.ends_at > moment,
    )


def _found(connection: Connection, id_: str, stream: str) -> Shift | None:
    row = connection.execute(select(_duty).where(_counts(stream), _duty.c.id == id_)).mappings().first()
    return None if row is None else shift_of(row)


def _same(row: RowMapping, asked: Asked) -> Shift:
    """The duty that was written down before; raises IdReused where something else was asked then, or it was
    withdrawn since.
    """
    known = shift_of(row)
    now_asked = (asked.person, asked.path, asked.starts_at or known.starts_at, asked.stand_in_for)
    was = (known.person, known.path, known.starts_at, known.stand_in_for)
    if was != now_asked or row["withdrawn_at"] is not None:
        raise IdReused(f"the id {known.id} was used before for another duty", id=known.id)
    return known


def _row(stream: str, shift: Shift, now: datetime) -> dict[str, Any]:
    return {
        "stream": stream,
        "id": shift.id,
        "person": shift.person,
        "path": path_text(shift.path),
        "role": str(shift.role),
        "starts_at": to_micros(shift.starts_at),
        "ends_at": to_micros(shift.ends_at),
        "stand_in_for": shift.stand_in_for,
        "by": shift.by,
        "made_at": to_micros(now),
    }


def shift_of(row: RowMapping | Mapping[str, Any]) -> Shift:
    """A duty of its row."""
    return Shift(
        row["id"],
        row["person"],
        text_path(row["path"]),
        Role(row["role"]),
        from_micros(row["starts_at"]),
        from_micros(row["ends_at"]),
        row["stand_in_for"],
        row["by"],
    )
