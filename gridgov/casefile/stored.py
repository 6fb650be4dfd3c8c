"""The entries of an incident as the ledger stores them, each with the hash that the next one holds of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from dispatch.entries import Entry
from dispatch.errors import UnknownEntry
from gridgov.casefile.values import Stored
from gridgov.storage.errors import LedgerDamaged
from gridgov.storage.ledger import IDS_AT_ONCE, Head, entry_hash, to_entry
from gridgov.storage.tables import EntryRow

_entry = EntryRow.__table__  # type: ignore[attr-defined]


def stored(connection: Connection, head: Head, incident: str) -> tuple[Stored, ...]:
    """All entries of an incident in order of their number."""
    query = select(_entry).where(_entry.c.stream == head.stream, _entry.c.incident == incident)
    rows = [dict(row) for row in connection.execute(query.order_by(_entry.c.number)).mappings()]
    held = _previous_at(connection, head.stream, [row["position"] + 1 for row in rows])
    return tuple(_with_next(row, head, held) for row in rows)


def _with_next(row: Mapping[str, Any], head: Head, held: Mapping[int, bytes]) -> Stored:
    if row["position"] == head.position:
        return Stored(row, entry_hash(row), None, head.previous)
    position = row["position"] + 1
    return Stored(row, entry_hash(row), position, held.get(position))


def _previous_at(connection: Connection, stream: str, positions: Sequence[int]) -> dict[int, bytes]:
    """What the entries at these positions hold as the hash of the one before them."""
    found: dict[int, bytes] = {}
    for start in range(0, len(positions), IDS_AT_ONCE):
        query = select(_entry.c.position, _entry.c.previous).where(
            _entry.c.stream == stream, _entry.c.position.in_(positions[start : start + IDS_AT_ONCE])
        )
        found.update({row.position: row.previous for row in connection.execute(query)})
    return found


def entry_of(one: Stored) -> Entry:
    """The entry that was stored; raises LedgerDamaged, which names it, where its bytes are no entry."""
    try:
        return to_entry(one.row)
    except (UnknownEntry, AttributeError, KeyError, TypeError, ValueError) as error:
        position = one.row["position"]
        raise LedgerDamaged(
            f"entry {position} of stream {one.row['stream']} cannot be read: {error}", position=position
        ) from error
