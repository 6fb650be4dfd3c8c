"""Comparing a package with the ledger itself: what nobody can forge who does not hold the store."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, select

from gridgov.casefile.stored import stored
from gridgov.casefile.verifying import Fault, Verified
from gridgov.storage.ledger import HASHED, MAIN, entry_hash, read_head
from gridgov.storage.tables import EntryRow

_entry = EntryRow.__table__  # type: ignore[attr-defined]


def compare(connection: Connection, package: Verified, stream: str = MAIN) -> Iterator[Fault]:
    """What of a package is not so in the ledger; entries that came after it was written are none of it."""
    if package.incident is None:
        return
    head = read_head(connection, stream)
    ours = {one.row["number"]: one for one in stored(connection, head, package.incident)}
    if not ours:
        yield Fault("ledger", f"has no incident {package.incident}")
        return
    for one in package.entries:
        here = ours.get(one.number)
        if here is None:
            yield Fault(one.where, "is not in the ledger")
            continue
        different = [name for name in (*HASHED, "previous") if here.row[name] != one.row[name]]
        if different:
            yield Fault(one.where, f"is another in the ledger: {', '.join(different)} differ")
        if not here.is_whole:
            yield Fault(one.where, "the ledger itself is damaged here: its own hashes do not agree")
    there = {one.number for one in package.entries}
    last = package.head_position
    for number, here in ours.items():
        if number not in there and (last is None or here.row["position"] <= last):
            yield Fault(f"entry {number} (position {here.row['position']})", "is missing from the package")
    yield from _head(connection, package, stream)


def _head(connection: Connection, package: Verified, stream: str) -> Iterator[Fault]:
    """The end of the ledger that the package tells of is one it had."""
    query = select(_entry).where(_entry.c.stream == stream, _entry.c.position == package.head_position)
    row = connection.execute(query).mappings().first()
    if row is None:
        yield Fault(
            "ledger", f"has no entry at position {package.head_position}, where it is said to have ended"
        )
    elif entry_hash(dict(row)).hex() != package.head_hash:
        yield Fault("ledger", f"its entry at position {package.head_position} has another hash than is said")
