"""What the outbox keeps in the store: how far each target is, what waits, and what became of it.

All writes are chores for the one writer; whatever is read is read with a connection of the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Table,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from dispatch.entries import from_micros, to_micros
from gridgov.outbox.backoff import NEVER
from gridgov.outbox.rules import Language, Telling
from gridgov.outbox.telling import Delivery
from gridgov.storage.ledger import MAIN
from gridgov.storage.outbox_tables import OutboxDeliveryRow, OutboxTargetRow
from gridgov.storage.writer import Chore

_target: Table = OutboxTargetRow.__table__  # type: ignore[attr-defined]
_delivery: Table = OutboxDeliveryRow.__table__  # type: ignore[attr-defined]

WAITING: Final = "waiting"
DELIVERED: Final = "delivered"
DEAD: Final = "dead"
DISCARDED: Final = "discarded"
#: Rows that one transaction deletes or gives up at most: some milliseconds, so that reports need not wait.
PART: Final = 500
_GONE: Final = "the target stands in the city's file no more"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery that waits, and how often it was tried."""

    delivery: Delivery
    attempts: int
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """How a target stands. ``secrets`` are those that sign now, the newest first."""

    name: str
    position: int
    failures: int
    retry_at: datetime | None
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of trying a delivery: ``error`` None where it arrived; else it is tried again at
    ``next_at``, None where it is dead.
    """

    delivery: Delivery
    error: str | None = None
    next_at: datetime | None = None


# -- targets ---------------------------------------------------------------------------------------


def follow(
    connection: Connection,
    telling: Telling,
    now: datetime,
    position: int,
    new_secret: Callable[[], str],
    stream: str = MAIN,
) -> None:
    """Bring the targets in line with the city's file, in the transaction that puts it in force: a new one is
    told of what comes after ``position``; what waits for one that stands there no more is dead.
    """
    known = {row.name: row.ended_at for row in connection.execute(_of(select(_target), stream))}
    named = {target.name for target in telling.targets}
    moment = to_micros(now)
    for name in sorted(named - known.keys()):
        made = {"stream": stream, "name": name, "made_at": moment, "position": position}
        secret = {"secret": new_secret(), "secret_at": moment, "delivered": 0, "failures": 0}
        connection.execute(insert(_target).values(made | secret))
    for name in sorted(named & known.keys()):
        if known[name] is not None:
            again = {"made_at": moment, "ended_at": None, "position": position, "failures": 0}
            _change(connection, stream, name, again | {"retry_at": None, "error": None})
    for name in sorted(name for name, ended in known.items() if ended is None and name not in named):
        _change(connection, stream, name, {"ended_at": moment})
        dead = {"state": DEAD, "settled_at": moment, "error": _GONE}
        connection.execute(update(_delivery).where(_waits(stream, [name])).values(dead))


def standings(connection: Connection, now: datetime, stream: str = MAIN) -> dict[str, Standing]:
    """The targets of the file in force, by name."""
    query = _of(select(_target), stream).where(_target.c.ended_at.is_(None))
    return {row["name"]: _standing(row, now) for row in connection.execute(query).mappings()}


def _standing(row: RowMapping, now: datetime) -> Standing:
    old = row["old_until"] is not None and to_micros(now) < row["old_until"]
    return Standing(
        row["name"],
        row["position"],
        row["failures"],
        _moment(row["retry_at"]),
        (row["secret"], row["old_secret"]) if old else (row["secret"],),
    )


def rotate(name: str, secret: str, both_for: timedelta, stream: str = MAIN) -> Chore:
    """Give a target another secret; the one before signs as well for a while. The chore's result is when that
    ends, None where there is no such target in force.
    """

    def run(connection: Connection, now: datetime) -> datetime | None:
        found = standings(connection, now, stream).get(name)
        if found is None:
            return None
        until = now + both_for
        new = {"secret": secret, "secret_at": to_micros(now)}
        old = {"old_secret": found.secrets[0], "old_until": to_micros(until)}
        _change(connection, stream, name, new | old)
        return until

    return Chore(run)


# -- what waits ------------------------------------------------------------------------------------


def queue(
    deliveries: Sequence[Delivery],
    positions: Mapping[str, int],
    hold: Callable[[Delivery], timedelta],
    stream: str = MAIN,
) -> Chore:
    """Let deliveries wait, and move the targets to these positions, in one transaction. ``hold`` is how long
    a delivery waits before it is tried first. What a target was told of already, or what is of a target that
    has gone meanwhile, is left out.
    """

    def run(connection: Connection, now: datetime) -> None:
        there = {name: one.position for name, one in standings(connection, now, stream).items()}
        new = [one for one in deliveries if one.target in there and one.position > there[one.target]]
        if new:
            connection.execute(insert(_delivery), [_row(stream, one, now, hold(one)) for one in new])
        for name, position in positions.items():
            further = and_(*_named(stream, name), _target.c.position < position)
            connection.execute(update(_target).where(further).values(position=position))

    return Chore(run)


def _row(stream: str, one: Delivery, now: datetime, hold: timedelta) -> dict[str, Any]:
    return {
        "stream": stream,
        "id": one.id,
        "target": one.target,
        "recipient": one.recipient,
        "notice": one.notice,
        "event": one.event,
        "language": str(one.language),
        "position": one.position,
        "incident": one.incident,
        "number": one.number,
        "state": WAITING,
        "attempts": 0,
        "made_at": to_micros(now),
        "next_at": to_micros(now + hold),
    }


def due(
    connection: Connection, targets: Collection[str], now: datetime, limit: int, stream: str = MAIN
) -> list[Waiting]:
    """What is to be tried now at these targets, the longest due first."""
    query = (
        select(_delivery)
        .where(_waits(stream, targets), _is_due(now))
        .order_by(_delivery.c.next_at, _delivery.c.position, _delivery.c.id)
        .limit(limit)
    )
    return [_waiting(row) for row in connection.execute(query).mappings()]


def due_to(
    connection: Connection,
    targets: Collection[str],
    recipients: Collection[str],
    now: datetime,
    limit: int,
    stream: str = MAIN,
) -> list[Waiting]:
    """What these recipients may be told now: what is due, and what has not been tried yet."""
    ready = or_(_delivery.c.attempts == 0, _is_due(now))
    query = (
        select(_delivery)
        .where(_waits(stream, targets), _delivery.c.recipient.in_(recipients), ready)
        .order_by(_delivery.c.position, _delivery.c.id)
        .limit(limit)
    )
    return [_waiting(row) for row in connection.execute(query).mappings()]


def _is_due(now: datetime) -> ColumnElement[bool]:
    """Its moment has come, or lies so far ahead that a wrong clock wrote it down."""
    next_at = _delivery.c.next_at
    return or_(next_at <= to_micros(now), next_at > to_micros(now + NEVER))


def next_due(connection: Connection, targets: Collection[str], stream: str = MAIN) -> datetime | None:
    """When something is to be tried next at these targets; None where nothing waits."""
    query = select(func.min(_delivery.c.next_at)).where(_waits(stream, targets))
    return _moment(connection.execute(query).scalar())


def settle(
    settled: Sequence[Settled],
    unwell: Collection[str] = (),
    retry_at: datetime | None = None,
    stream: str = MAIN,
) -> Chore:
    """Write down what became of some deliveries. ``unwell`` are targets that failed as a whole: nothing is
    sent there before ``retry_at``.
    """

    def run(connection: Connection, now: datetime) -> None:
        moment = to_micros(now)
        for one in settled:
            connection.execute(_outcome(one, moment, stream))
        for name in sorted({one.delivery.target for one in settled}):
            arrived = sum(1 for one in settled if one.delivery.target == name and one.error is None)
            failed = next((s.error for s in reversed(settled) if s.delivery.target == name and s.error), None)
            changes: dict[str, Any] = {}
            if arrived:
                changes |= {"delivered": _target.c.delivered + arrived, "delivered_at": moment}
                changes |= {"failures": 0, "retry_at": None, "error": None}
            if failed is not None:
                changes |= {"failed_at": moment, "error": failed}
            _change(connection, stream, name, changes)
        paused = None if retry_at is None else to_micros(retry_at)
        for name in sorted(unwell):
            _change(connection, stream, name, {"failures": _target.c.failures + 1, "retry_at": paused})

    return Chore(run)


def _outcome(one: Settled, moment: int, stream: str) -> Any:
    tried: dict[str, Any] = {"attempts": _delivery.c.attempts + 1, "tried_at": moment, "error": one.error}
    if one.error is None:
        tried |= {"state": DELIVERED, "settled_at": moment}
    elif one.next_at is None:
        tried |= {"state": DEAD, "settled_at": moment}
    else:
        tried |= {"next_at": to_micros(one.next_at)}
    here = and_(_delivery.c.stream == stream, _delivery.c.id == one.delivery.id, _delivery.c.state == WAITING)
    return update(_delivery).where(here).values(tried)


def give_up(older_than: timedelta, stream: str = MAIN) -> Chore:
    """Call dead what waits longer than this, at most so many at once; the chore's result is how many."""

    def run(connection: Connection, now: datetime) -> int:
        old = and_(
            _delivery.c.stream == stream,
            _delivery.c.state == WAITING,
            _delivery.c.made_at < to_micros(now - older_than),
        )
        error = func.coalesce(_delivery.c.error, "it waited too long, and was never tried")
        dead = {"state": DEAD, "settled_at": to_micros(now), "error": error}
        return _some(connection, stream, old, lambda ids: update(_delivery).where(ids).values(dead))

    return Chore(run)


def forget(older_than: timedelta, stream: str = MAIN) -> Chore:
    """Delete what was delivered or thrown away longer ago than this, at most so many at once; the chore's
    result is how many. What is dead stays until somebody looks after it.
    """

    def run(connection: Connection, now: datetime) -> int:
        old = and_(
            _delivery.c.stream == stream,
            _delivery.c.state.in_((DELIVERED, DISCARDED)),
            _delivery.c.settled_at < to_micros(now - older_than),
        )
        return _some(connection, stream, old, lambda ids: delete(_delivery).where(ids))

    return Chore(run)


def _some(connection: Connection, stream: str, which: Any, do: Callable[[Any], Any]) -> int:
    ids = list(connection.execute(select(_delivery.c.id).where(which).limit(PART)).scalars())
    if ids:
        connection.execute(do(and_(_delivery.c.stream == stream, _delivery.c.id.in_(ids))))
    return len(ids)


# -- what is dead ----------------------------------------------------------------------------------


def resend(target: str, id_: str | None, stream: str = MAIN) -> Chore:
    """Let what is dead at a target wait again, from the beginning: one, or all; the result is how many."""

    def run(connection: Connection, now: datetime) -> int:
        moment = to_micros(now)
        again = {"state": WAITING, "attempts": 0, "made_at": moment, "next_at": moment, "settled_at": None}
        query = update(_delivery).where(_dead(stream, target, id_)).values(again)
        many = connection.execute(query).rowcount
        if many:
            _change(connection, stream, target, {"retry_at": None})
        return many

    return Chore(run)


def discard(target: str, id_: str | None, by: str, reason: str, stream: str = MAIN) -> Chore:
    """Throw away what is dead at a target: one, or all; the result is how many."""

    def run(connection: Connection, now: datetime) -> int:
        gone = {"state": DISCARDED, "settled_at": to_micros(now), "settled_by": by, "error": reason}
        return connection.execute(update(_delivery).where(_dead(stream, target, id_)).values(gone)).rowcount

    return Chore(run)


def dead(
    connection: Connection, target: str | None, limit: int, offset: int = 0, stream: str = MAIN
) -> list[RowMapping]:
    """What is dead, the newest first."""
    query = select(_delivery).where(_delivery.c.stream == stream, _delivery.c.state == DEAD)
    if target is not None:
        query = query.where(_delivery.c.target == target)
    newest = query.order_by(_delivery.c.settled_at.desc(), _delivery.c.id).limit(limit).offset(offset)
    return list(connection.execute(newest).mappings())


def counts(connection: Connection, stream: str = MAIN) -> dict[tuple[str, str], tuple[int, int]]:
    """(target, state) -> (how many, since when the oldest waits), for what waits and what is dead."""
    query = (
        select(_delivery.c.target, _delivery.c.state, func.count(), func.min(_delivery.c.made_at))
        .where(_delivery.c.stream == stream, _delivery.c.state.in_((WAITING, DEAD)))
        .group_by(_delivery.c.target, _delivery.c.state)
    )
    return {(name, state): (many, oldest) for name, state, many, oldest in connection.execute(query)}


def every_target(connection: Connection, stream: str = MAIN) -> list[RowMapping]:
    """All targets that the city's file has or had, by name; their secrets are in it."""
    return list(connection.execute(_of(select(_target), stream).order_by(_target.c.name)).mappings())


# -- parts of queries ------------------------------------------------------------------------------


def _of(query: Any, stream: str) -> Any:
    return query.where(_target.c.stream == stream)


def _named(stream: str, name: str) -> Iterable[Any]:
    return _target.c.stream == stream, _target.c.name == name


def _change(connection: Connection, stream: str, name: str, changes: Mapping[str, Any]) -> None:
    if changes:
        connection.execute(update(_target).where(*_named(stream, name)).values(dict(changes)))


def _waits(stream: str, targets: Collection[str]) -> Any:
    return and_(
        _delivery.c.stream == stream, _delivery.c.target.in_(sorted(targets)), _delivery.c.state == WAITING
    )


def _dead(stream: str, target: str, id_: str | None) -> Any:
    which = and_(_delivery.c.stream == stream, _delivery.c.target == target, _delivery.c.state == DEAD)
    return which if id_ is None else and_(which, _delivery.c.id == id_)


def _waiting(row: RowMapping) -> Waiting:
    told = Delivery(
        row["id"],
        row["target"],
        row["recipient"],
        row["notice"],
        row["event"],
        Language(row["language"]),
        row["position"],
        row["incident"],
        row["number"],
    )
    return Waiting(told, row["attempts"], from_micros(row["made_at"]))


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)
