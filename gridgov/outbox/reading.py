"""The ledger as the outbox reads it: what is told of each entry, a part at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from gridgov.accounts import Person
from gridgov.outbox.rules import RENAMED, Telling
from gridgov.outbox.telling import Delivery, told
from gridgov.storage.ledger import Committed, since
from gridgov.storage.tables import EntryRow

_entry = EntryRow.__table__  # type: ignore[attr-defined]

#: Entries looked at for their kind alone, and read with their incidents, at a time: milliseconds each.
LOOK: Final = 5000
CHUNK: Final = 100
#: Deliveries that a part leads to, about: they are written in one transaction, which reports wait for. What
#: one entry leads to is not taken apart.
AT_ONCE: Final = 2000


@dataclass(frozen=True, slots=True)
class Part:
    """What the entries up to ``upto`` lead to; ``read`` of them were read with their incidents. ``more``: the
    ledger goes on.
    """

    deliveries: tuple[Delivery, ...]
    upto: int
    read: tuple[Committed, ...]
    more: bool


def kinds_of(telling: Telling) -> frozenset[str]:
    """The kinds of entry, as the ledger calls them, that anybody is told of."""
    kinds = {event: kind for kind, event in RENAMED.items()}
    noticed = {"warning": "noticed", "overdue": "noticed"}
    return frozenset((kinds | noticed).get(event, event) for event in telling.wanted)


def part(
    connection: Connection,
    telling: Telling,
    people: Sequence[Person],
    levels: Sequence[str],
    epoch: str,
    position: int,
    stream: str,
    chunk: int = CHUNK,
) -> Part:
    """What the next entries after ``position`` lead to: up to the first that anybody may be told of and some
    after it (``chunk`` in all, fewer where they lead to many deliveries), or all that nobody is told of.
    """
    first, last, full = _first(connection, kinds_of(telling), position, stream)
    if first is None:
        return Part((), last, (), full)
    read = since(connection, first - 1, chunk, stream)
    deliveries: list[Delivery] = []
    for many, entry in enumerate(read, 1):
        deliveries += told(telling, entry, people, levels, epoch)
        if len(deliveries) >= AT_ONCE and many < len(read):
            return Part(tuple(deliveries), entry.position, tuple(read[:many]), True)
    return Part(tuple(deliveries), read[-1].position, tuple(read), len(read) == chunk or full)


def _first(
    connection: Connection, kinds: frozenset[str], position: int, stream: str
) -> tuple[int | None, int, bool]:
    """The position of the first entry of these kinds among the next ones, that of the last looked at, and
    whether there may be more.
    """
    query = (
        select(_entry.c.position, _entry.c.kind)
        .where(_entry.c.stream == stream, _entry.c.position > position)
        .order_by(_entry.c.position)
        .limit(LOOK)
    )
    last, many = position, 0
    for row in connection.execute(query):
        if row.kind in kinds:
            return row.position, row.position, True
        last, many = row.position, many + 1
    return None, last, many == LOOK
