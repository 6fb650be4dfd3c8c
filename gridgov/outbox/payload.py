"""What a webhook is told: one entry and the incident after it, as the feed shows them, nothing private."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection

from gridgov.outbox.telling import Delivery
from gridgov.reading import as_it_was
from gridgov.rows import iso, public_entry, row_after
from gridgov.storage.ledger import Committed, incident_facts

#: What comes from a citizen's private words, though lists show it to people who have signed in.
PRIVATE: Final = frozenset({"address"})


def committed_of(connection: Connection, delivery: Delivery, stream: str) -> Committed:
    """The entry of a delivery, with its incident right after it; what was before is not looked for."""
    incident, entry = as_it_was(connection, delivery.incident, delivery.number, stream)
    first, _ = incident_facts(connection, [delivery.incident], stream)[delivery.incident]
    return Committed(stream, delivery.position, entry, None, incident, first, None)


def body(delivery: Delivery, told: Committed, now: datetime) -> bytes:
    """The request's body: JSON with ``delivery``, ``notice``, ``event``, ``stream``, ``position``, ``entry``,
    ``row`` and ``sent_at``.
    """
    row = {name: value for name, value in row_after(told).items() if name not in PRIVATE}
    return dumped(
        {
            "delivery": delivery.id,
            "notice": delivery.notice,
            "event": delivery.event,
            "stream": told.stream,
            "position": told.position,
            "incident": delivery.incident,
            "entry": public_entry(told.entry),
            "row": row,
            "sent_at": iso(now),
        }
    )


def trial(id_: str, now: datetime) -> bytes:
    """The body of a message that is only to show that it arrives: ``event`` is test, there is no entry."""
    return dumped({"delivery": id_, "notice": None, "event": "test", "sent_at": iso(now)})


def dumped(told: dict[str, Any]) -> bytes:
    """JSON as bytes; times were made text before."""
    return orjson.dumps(told)
