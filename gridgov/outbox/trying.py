"""A dry run: what would have been told to whom over the last days, by the rules in force or by others."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, select

from dispatch.entries import to_micros
from gridgov import city
from gridgov.accounts import reachable
from gridgov.outbox.reading import part
from gridgov.outbox.rules import Telling
from gridgov.outbox.telling import Delivery
from gridgov.rows import iso
from gridgov.storage.ledger import MAIN, Committed, read_head
from gridgov.storage.tables import EntryRow

_entry = EntryRow.__table__  # type: ignore[attr-defined]

#: So many examples show what a notice is about.
EXAMPLES: Final = 3
#: A longer look back takes minutes in a busy city, and shows nothing else.
MOST_DAYS: Final = 31
#: Of more entries than this only the newest are tried: at 2,000 a second, as measured on a busy machine with
#: two cores, that is less than a minute.
MOST: Final = 100_000
#: Entries read with their incidents at a time: the more, the fewer histories are read twice.
CHUNK: Final = 1000


@dataclass(slots=True)
class _Count:
    """What one notice would have told one target."""

    deliveries: int = 0
    recipients: set[str] = field(default_factory=set)
    examples: list[dict[str, Any]] = field(default_factory=list)


def dry_run(
    connection: Connection,
    telling: Telling,
    days: int,
    now: datetime,
    most: int = MOST,
    stream: str = MAIN,
) -> dict[str, Any]:
    """What would have been told over the last ``days``, with the people and their addresses of today; nothing
    is sent, and nothing written.

    ``told`` has a line for each target of each notice, also where nothing would have been told: how many
    deliveries, to how many recipients, and the first few of them. ``since`` is the moment, ``entries`` how
    many were tried, ``left_out`` how many older ones were not, because there are more than ``most``.
    """
    head = read_head(connection, stream)
    begin = position_at(connection, now - timedelta(days=days), head.position, stream)
    start = max(begin, head.position - most)
    hierarchy = city.drawn(connection)
    levels = () if hierarchy is None else tuple(level.key for level in hierarchy.levels)
    people = reachable(connection)
    counts = {(notice.name, name): _Count() for notice in telling.notices for name in notice.to}
    position = start
    while position < head.position:
        found = part(connection, telling, people, levels, head.epoch, position, stream, CHUNK)
        read = {told.position: told for told in found.read}
        for delivery in found.deliveries:
            _add(counts[delivery.notice, delivery.target], delivery, read[delivery.position])
        if found.upto <= position:
            break
        position = found.upto
    return {
        "since": iso(now - timedelta(days=days)),
        "entries": head.position - start,
        "left_out": start - begin,
        "deliveries": sum(count.deliveries for count in counts.values()),
        "told": [
            {
                "notice": notice,
                "target": target,
                "deliveries": count.deliveries,
                "recipients": len(count.recipients),
                "examples": count.examples,
            }
            for (notice, target), count in counts.items()
        ],
    }


def _add(count: _Count, delivery: Delivery, told: Committed) -> None:
    count.deliveries += 1
    count.recipients.add(delivery.recipient)
    if len(count.examples) < EXAMPLES:
        count.examples.append(
            {
                "event": delivery.event,
                "case_number": told.after.case_number,
                "recorded_at": iso(told.entry.recorded_at),
                "recipient": delivery.recipient,
            }
        )


def position_at(connection: Connection, moment: datetime, head: int, stream: str = MAIN) -> int:
    """The position of the last entry recorded before this moment, 0 where there is none; a ledger's times
    never go back, so that halving finds it.
    """
    wanted, low, high = to_micros(moment), 0, head
    while low < high:
        middle = (low + high + 1) // 2
        query = select(_entry.c.recorded_at).where(_entry.c.stream == stream, _entry.c.position == middle)
        if connection.execute(query).scalar_one() < wanted:
            low = middle
        else:
            high = middle - 1
    return low
