"""The ledger: all facts in commit order, each holding the hash of the one before it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, RowMapping, bindparam, select, update

from dispatch.bodies import KINDS, from_body, kind_of, to_body
from dispatch.entries import Entry, Fact, from_micros, to_micros
from dispatch.incidents import Incident, extend, fold
from gridgov.storage.bulk import Bulk
from gridgov.storage.errors import StoreNotReady
from gridgov.storage.tables import EntryRow, IncidentRow, StreamHead

#: The stream of an installation that has only one.
MAIN = "main"
#: SQLite takes some 32,000 bound values in a statement; a thousand ids stay far below and are one round trip.
IDS_AT_ONCE = 1000

_entry = EntryRow.__table__  # type: ignore[attr-defined]
_APPEND = Bulk(_entry.insert(), _entry.columns.keys())
_streams = StreamHead.__table__  # type: ignore[attr-defined]
_HEAD = select(_streams).where(_streams.c.stream == bindparam("of"))
_LOCK = _HEAD.with_for_update()
_MOVE = (
    update(_streams)
    .where(_streams.c.stream == bindparam("of"))
    .values(
        position=bindparam("new_position"),
        recorded_at=bindparam("new_recorded_at"),
        previous=bindparam("new_previous"),
    )
)
#: What of an entry its hash is over, in this order, beside the hash of the entry before it.
HASHED = (
    "stream",
    "position",
    "incident",
    "number",
    "kind",
    "version",
    "happened_at",
    "recorded_at",
    "by",
    "command",
    "body",
)


@dataclass(frozen=True, slots=True)
class Head:
    """Where a stream ends; see StreamHead."""

    stream: str
    ordinal: int
    epoch: str
    position: int
    recorded_at: int
    previous: bytes
    rules: int | None
    edition: int | None
    next_edition: int | None
    switch_at: int | None
    specialised: int | None


@dataclass(frozen=True, slots=True)
class Committed:
    """One entry with what its incident was before and is after it, as readers of the feed are told.

    ``first`` is the position of the incident's first entry, ``address`` the words for its place, if they are
    not erased.
    """

    stream: str
    position: int
    entry: Entry
    before: Incident | None
    after: Incident
    first: int
    address: str | None


def read_head(connection: Connection, stream: str = MAIN) -> Head:
    """Where the stream ends now; raises StoreNotReady where there is no such stream."""
    return _head(connection, stream, lock=False)


def lock_head(connection: Connection, stream: str = MAIN) -> Head:
    """The same, held until the transaction ends, so that nobody else can append meanwhile."""
    return _head(connection, stream, lock=True)


def _head(connection: Connection, stream: str, *, lock: bool) -> Head:
    row = connection.execute(_LOCK if lock else _HEAD, {"of": stream}).mappings().first()
    if row is None:
        raise StoreNotReady(f"the store has no stream {stream!r}: run `gridgov init`", stream=stream)
    return Head(**row)


def move_head(connection: Connection, head: Head, position: int, recorded_at: int, previous: bytes) -> None:
    """Write down where the stream ends after a batch."""
    moved = {
        "of": head.stream,
        "new_position": position,
        "new_recorded_at": recorded_at,
        "new_previous": previous,
    }
    connection.execute(_MOVE, moved)


def entry_hash(row: Mapping[str, Any]) -> bytes:
    """SHA-256 over an entry's stored bytes, the hash of the entry before it included."""
    parts = [row["previous"]]
    for name in HASHED:
        item = str(row[name]).encode()
        parts += (b"%d:" % len(item), item)
    return hashlib.sha256(b"".join(parts)).digest()


def entry_row(stream: str, position: int, entry: Entry, command: str, previous: bytes) -> dict[str, Any]:
    """An entry as the ledger stores it."""
    return {
        "stream": stream,
        "position": position,
        "incident": entry.incident,
        "number": entry.number,
        "kind": kind_of(entry.fact),
        "version": entry.fact.version,
        "happened_at": to_micros(entry.happened_at),
        "recorded_at": to_micros(entry.recorded_at),
        "by": entry.by,
        "command": command,
        "body": orjson.dumps(to_body(entry.fact)).decode(),
        "previous": previous,
    }


def append(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add entries to the ledger, all in one statement."""
    _APPEND.execute(connection, rows)


def to_entry(row: Mapping[str, Any] | RowMapping) -> Entry:
    """The entry that a stored row holds; raises UnknownEntry where a newer program wrote it."""
    fact: Fact = from_body(row["kind"], row["version"], orjson.loads(row["body"]))
    return Entry(
        row["incident"],
        row["number"],
        from_micros(row["happened_at"]),
        from_micros(row["recorded_at"]),
        row["by"],
        fact,
    )


def history(connection: Connection, incidents: Sequence[str], stream: str = MAIN) -> dict[str, list[Entry]]:
    """All entries of these incidents, by incident, in order of their number."""
    found: dict[str, list[Entry]] = {}
    for start in range(0, len(incidents), IDS_AT_ONCE):
        query = (
            select(_entry)
            .where(_entry.c.stream == stream, _entry.c.incident.in_(incidents[start : start + IDS_AT_ONCE]))
            .order_by(_entry.c.incident, _entry.c.number)
        )
        for row in connection.execute(query).mappings():
            found.setdefault(row["incident"], []).append(to_entry(row))
    return found


def rows_since(
    connection: Connection, position: int, limit: int, stream: str = MAIN
) -> list[Mapping[str, Any]]:
    """At most ``limit`` stored entries after ``position``, in order."""
    query = (
        select(_entry)
        .where(_entry.c.stream == stream, _entry.c.position > position)
        .order_by(_entry.c.position)
        .limit(limit)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def since(connection: Connection, position: int, limit: int, stream: str = MAIN) -> list[Committed]:
    """The same as a live reader would have been told: each entry with its incident before and after it."""
    rows = rows_since(connection, position, limit, stream)
    ids = list(dict.fromkeys(row["incident"] for row in rows))
    about = incident_facts(connection, ids, stream)
    now: dict[str, Incident | None] = {}
    for incident, entries in history(connection, ids, stream).items():
        first_new = next(row["number"] for row in rows if row["incident"] == incident)
        older = entries[: first_new - 1]
        now[incident] = fold(older) if older else None
    told = []
    for row in rows:
        entry, before = to_entry(row), now[row["incident"]]
        after = extend(before, (entry,))
        first, address = about[entry.incident]
        told.append(Committed(stream, row["position"], entry, before, after, first, address))
        now[entry.incident] = after
    return told


def incident_facts(
    connection: Connection, incidents: Sequence[str], stream: str = MAIN
) -> dict[str, tuple[int, str | None]]:
    """(position of the first entry, address) of each of these incidents."""
    table = IncidentRow.__table__  # type: ignore[attr-defined]
    found: dict[str, tuple[int, str | None]] = {}
    for start in range(0, len(incidents), IDS_AT_ONCE):
        query = select(table.c.id, table.c.first, table.c.address).where(
            table.c.stream == stream, table.c.id.in_(incidents[start : start + IDS_AT_ONCE])
        )
        found.update({row.id: (row.first, row.address) for row in connection.execute(query)})
    return found


def every_entry(connection: Connection, stream: str = MAIN) -> Iterator[Mapping[str, Any]]:
    """All stored entries in commit order, a few thousand in memory at a time."""
    position = 0
    while rows := rows_since(connection, position, 5000, stream):
        yield from rows
        position = rows[-1]["position"]


def known_kinds() -> Iterable[str]:
    """The kinds of entry this program can read."""
    return KINDS.keys()


def after(moment: datetime, head: Head) -> datetime:
    """``moment``, or the time of the last entry where the clock has gone back since: a ledger's time never
    does.
    """
    return max(moment, from_micros(head.recorded_at))
