"""The hand-over (交接班): who goes names who comes; what the one has not done moves to the other, and what
could not be moved is said. Both see the record.

The rota changes first, with a record that lists every task as left; then each task moves by an act on its
incident, decided as all acts are; then the record says what came of it. Doing it again goes on where it
stopped.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from sqlalchemy import ColumnElement, Connection, RowMapping, Table, and_, insert, or_, select, update

from dispatch import task_decisions
from dispatch.actors import Actor
from dispatch.entries import SYSTEM, Entry, from_micros, to_micros
from dispatch.errors import DispatchError
from dispatch.incidents import Incident, extend
from dispatch.lifecycle import Stage
from dispatch.tasks import Candidate
from gridgov import accounts
from gridgov.accounts import Person
from gridgov.duty import keeping
from gridgov.duty.errors import CannotTakeOver, NotOnDuty
from gridgov.duty.keeping import May
from gridgov.duty.rota import Asked, Rota, Shift
from gridgov.errors import ServiceError
from gridgov.scope import actor_on
from gridgov.storage.batch import Command, Decision
from gridgov.storage.desk import Desk
from gridgov.storage.duty_tables import HandOverRow
from gridgov.storage.errors import IdReused, Stale, StorageError
from gridgov.storage.ledger import MAIN
from gridgov.storage.tables import IncidentRow, path_text, text_path
from gridgov.storage.writer import Chore, Writer

_hand_over: Table = HandOverRow.__table__  # type: ignore[attr-defined]
_incident: Table = IncidentRow.__table__  # type: ignore[attr-defined]

#: So long after their duty somebody can still hand over what they had not done.
AFTERWARDS: Final = timedelta(hours=2)
#: A duty of who comes that begins within this time begins when they take over.
EARLY: Final = timedelta(hours=2)
#: Somebody may act on an incident while its task moves: so often it is tried.
TRIES: Final = 4
#: Names under which ids of moves are made: the same task in the same hand-over, the same id.
MOVED: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:gridgov:duty:moved")
_LOOKING: Final = (str(Stage.VERIFYING), str(Stage.CHECKING))


@dataclass(frozen=True, slots=True)
class Moved:
    """A task of who went: ``why`` it did not move, empty where it did."""

    incident: str
    case_number: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class HandOver:
    """Who went, who came, in which grid, when, and what became of the tasks."""

    id: str
    from_person: str
    to_person: str
    path: tuple[str, ...]
    duty: str
    at: datetime
    by: str
    remark: str
    moved: tuple[Moved, ...] = ()
    left: tuple[Moved, ...] = ()


@dataclass(frozen=True, slots=True)
class SentHandOver:
    """A hand-over as it came in; ``id`` is the client's."""

    id: str
    from_person: str
    to_person: str
    remark: str


def hand_over(writer: Writer, by: Person, sent: SentHandOver, may: May, stream: str = MAIN) -> HandOver:
    """Hand over; waits for all of it. ``may`` is asked with the grid of the duty whether ``by`` may hand that
    over. Raises what it raises, NotOnDuty, CannotTakeOver, IdReused, UnknownPerson, and what `Rota.add`
    raises where who comes is to begin now.
    """
    begun: HandOver = writer.run(_begin(sent, by.id, may, stream))
    if not begun.left:
        return begun
    tried = [_move(writer, by, begun, one) for one in begun.left]
    moved = (*begun.moved, *(one for one in tried if not one.why))
    done = replace(begun, moved=moved, left=tuple(one for one in tried if one.why))
    writer.run(_record(done, stream))
    return done


def hand_overs(
    connection: Connection,
    person: str,
    led: Iterable[tuple[str, ...]] = (),
    limit: int = 50,
    stream: str = MAIN,
) -> list[HandOver]:
    """The hand-overs in which somebody went or came, and those in grids that they lead; the newest first."""
    theirs = [_hand_over.c.from_person == person, _hand_over.c.to_person == person]
    theirs += [_hand_over.c.path.startswith(path_text(path), autoescape=True) for path in led]
    query = select(_hand_over).where(_hand_over.c.stream == stream, or_(*theirs))
    newest = query.order_by(_hand_over.c.at.desc(), _hand_over.c.id).limit(limit)
    return [_told(row) for row in connection.execute(newest).mappings()]


# -- the rota ---------------------------------------------------------------------------------------


def _begin(sent: SentHandOver, by: str, may: May, stream: str) -> Chore:
    """Who goes goes, who comes is on duty, and the record lists all tasks of the one as left."""

    def run(connection: Connection, now: datetime) -> HandOver:
        known = connection.execute(select(_hand_over).where(_is(sent.id, stream))).mappings().first()
        if known is not None:
            return _same(_told(known), sent, by)
        if sent.from_person == sent.to_person:
            raise CannotTakeOver("nobody takes over from themselves", person=sent.to_person)
        going = _going(connection, sent.from_person, now, stream)
        may(going.path)
        _come(connection, sent, by, going, now, stream)
        if going.ends_at > now:
            keeping.ended(connection, going, replace(going, ends_at=now), by, now, stream)
        done = HandOver(
            sent.id,
            sent.from_person,
            sent.to_person,
            going.path,
            going.id,
            now,
            by,
            sent.remark,
            left=_tasks(connection, sent.from_person, stream),
        )
        connection.execute(insert(_hand_over).values(_row(done, stream)))
        return done

    return Chore(run)


def _going(connection: Connection, person: str, now: datetime, stream: str) -> Shift:
    """The duty that is handed over: that which runs, else the last that has ended; raises NotOnDuty."""
    held = keeping.of_person(connection, person, now - AFTERWARDS, stream)
    begun = [shift for shift in held if shift.starts_at <= now]
    if not begun:
        hours = AFTERWARDS // timedelta(hours=1)
        raise NotOnDuty(f"who hands over is on duty, or was within the last {hours} hours", person=person)
    going = begun[-1]
    if going.runs(now) and keeping.on_duty(connection, person, now, stream) is None:
        raise NotOnDuty("somebody stands in for who hands over: it is theirs to do", person=person)
    return going


def _come(
    connection: Connection, sent: SentHandOver, by: str, going: Shift, now: datetime, stream: str
) -> None:
    """See to it that who comes is on duty: they are, their next duty there begins now, or they have the rest
    of the one handed over.
    """
    held = keeping.of_person(connection, sent.to_person, now, stream)
    if any(shift.runs(now) for shift in held):
        return
    following = held[0] if held else None
    if following is not None and _can_begin(following, going, now):
        keeping.begin_earlier(connection, following, now, stream)
        return
    if going.ends_at <= now:
        raise CannotTakeOver(
            "this duty has ended, and who comes is not on duty: name somebody who is", person=sent.to_person
        )
    # Who goes is not in the way: they go. Whose place they took is.
    others = keeping.between(
        connection, now, going.ends_at, {sent.to_person, going.stand_in_for or sent.to_person}, stream=stream
    )
    who = accounts.find_person(connection, sent.to_person)
    wanted = Asked(sent.id, sent.to_person, going.path, None, going.ends_at, going.stand_in_for)
    rota = Rota(shift for shift in others if shift.id != going.id)
    keeping.store(connection, [rota.add(wanted, who, by, now)], now, stream)


def _can_begin(following: Shift, going: Shift, now: datetime) -> bool:
    """Can who comes begin their next duty right now? One in somebody's place begins when that does."""
    soon = following.starts_at <= now + EARLY
    return soon and following.path == going.path and following.stand_in_for is None


def _tasks(connection: Connection, person: str, stream: str) -> tuple[Moved, ...]:
    """What somebody was sent to look at and has not done, the longest waiting first."""
    c = _incident.c
    query = select(c.id, c.case_number).where(
        c.stream == stream, c.task_person == person, c.stage.in_(_LOOKING)
    )
    rows = connection.execute(query.order_by(c.reported_at, c.id))
    return tuple(Moved(row.id, row.case_number, "not tried yet") for row in rows)


def _record(done: HandOver, stream: str) -> Chore:
    def run(connection: Connection, _: datetime) -> None:
        told = {"moved": _json(done.moved), "left": _json(done.left)}
        connection.execute(update(_hand_over).where(_is(done.id, stream)).values(told))

    return Chore(run)


# -- the tasks --------------------------------------------------------------------------------------


def _move(writer: Writer, by: Person, done: HandOver, one: Moved) -> Moved:
    """Move one task, on the incident as it then is: the first try tells how far that is, and somebody may act
    on it meanwhile.
    """
    seen = 1
    for _ in range(TRIES):
        try:
            writer.run(_command(done, by, one.incident, seen))
        except Stale as moved:
            seen = moved.about["number"]
            continue
        except (DispatchError, ServiceError, StorageError) as refused:
            return replace(one, why=str(refused))
        return replace(one, why="")
    return replace(one, why="it changed again and again meanwhile; a desk can say who goes")


def _command(done: HandOver, by: Person, incident: str, seen: int) -> Command:
    """Who goes declines and who comes is sent, in one breath; or whoever acts for them says who goes."""

    def decide(found: Incident | None, desk: Desk) -> Decision:
        assert found is not None
        if found.task is None or found.task.person != done.from_person:
            raise CannotTakeOver("it is not theirs to do any more", incident=incident)
        actor = actor_on(by.id, by.assignments, found, desk.now)
        if by.id != done.from_person:
            may = desk.duty.is_inspector(done.to_person, found.place.path)
            rules = desk.in_force.rules
            return Decision((task_decisions.give(rules, found, actor, done.to_person, may, desk.now),))
        return _declined_for(done, actor, found, desk)

    id_ = str(uuid.uuid5(MOVED, f"{done.id}\n{incident}"))
    digest = hashlib.sha256(f"{id_}\n{by.id}".encode()).digest()
    return Command(id_, digest, incident, by.id, seen, None, decide)


def _declined_for(done: HandOver, goes: Actor, found: Incident, desk: Desk) -> Decision:
    fact = task_decisions.decline_task(found, goes, f"交接班 hand-over: {done.remark}".strip())
    after = extend(found, (Entry(found.id, found.number + 1, desk.now, desk.now, goes.person, fact),))
    if done.to_person in {*after.passed_over, *after.hands}:
        raise CannotTakeOver("who comes has declined this before, or handled it", person=done.to_person)
    comes = [one for one in desk.duty.on_duty(after.place) if one.person == done.to_person]
    rules = desk.in_force.rules
    told = task_decisions.sent(rules, after, comes or [Candidate(done.to_person, 0, None)], desk.now)
    return Decision((fact,), by_itself=tuple((SYSTEM, fact) for fact in told))


# -- rows ------------------------------------------------------------------------------------------


def _is(id_: str, stream: str) -> ColumnElement[bool]:
    return and_(_hand_over.c.stream == stream, _hand_over.c.id == id_)


def _same(known: HandOver, sent: SentHandOver, by: str) -> HandOver:
    """The hand-over made before; raises IdReused where it is another."""
    was = (known.from_person, known.to_person, known.remark, known.by)
    if was != (sent.from_person, sent.to_person, sent.remark, by):
        raise IdReused(f"the id {sent.id} was used before for another hand-over", id=sent.id)
    return known


def _json(tasks: Sequence[Moved]) -> str:
    return orjson.dumps([asdict(one) for one in tasks]).decode()


def _row(done: HandOver, stream: str) -> dict[str, Any]:
    return {
        "stream": stream,
        "id": done.id,
        "from_person": done.from_person,
        "to_person": done.to_person,
        "path": path_text(done.path),
        "duty": done.duty,
        "at": to_micros(done.at),
        "by": done.by,
        "remark": done.remark,
        "moved": _json(done.moved),
        "left": _json(done.left),
    }


def _told(row: RowMapping) -> HandOver:
    moved, left = (tuple(Moved(**one) for one in orjson.loads(row[name])) for name in ("moved", "left"))
    return HandOver(
        row["id"],
        row["from_person"],
        row["to_person"],
        text_path(row["path"]),
        row["duty"],
        from_micros(row["at"]),
        row["by"],
        row["remark"],
        moved,
        left,
    )
