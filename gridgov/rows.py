"""What the outside is shown of an incident and of an entry: the same in lists, in histories and in the feed.

Nothing here names a citizen: words and reporters are private and are added, where allowed, by whoever shows
one incident.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, get_type_hints

import orjson
from sqlalchemy import BigInteger, RowMapping, Table

from dispatch.bodies import KINDS, kind_of, to_body
from dispatch.entries import Entry, from_micros
from gridgov.storage.ledger import Committed
from gridgov.storage.projections import incident_row
from gridgov.storage.tables import IncidentRow, text_path

_table: Table = IncidentRow.__table__  # type: ignore[attr-defined]
_COLUMNS: Final = tuple(column.name for column in _table.columns)
_POSITIONS: Final = frozenset({"first", "position"})
#: Columns of 64 bits that are not positions are times.
_TIMES: Final = tuple(
    column.name
    for column in _table.columns
    if isinstance(column.type, BigInteger) and column.name not in _POSITIONS
)
#: The moments in the body of each kind of entry, and in the clock that it starts.
_BODY_TIMES: Final[Mapping[str, tuple[str, ...]]] = {
    kind: tuple(name for name, hint in get_type_hints(cls).items() if hint in (datetime, datetime | None))
    for kind, cls in KINDS.items()
}
_CLOCK_TIMES: Final = ("due_at", "warn_at")


def iso(moment: datetime) -> str:
    """An aware moment as text in UTC, always with microseconds, so that text sorts as time does.

    >>> iso(from_micros(1_767_225_600_000_000))
    '2026-01-01T00:00:00.000000Z'
    """
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def public_row(columns: Mapping[str, Any] | RowMapping) -> dict[str, Any]:
    """One incident as lists and frames show it, from ``projections.incident_row`` or a selected row.

    Keys are the columns of the incident table in their order; times are UTC text or None, ``path`` and
    ``nearest`` lists of codes widest first (empty in the unlocated tray), ``near_border`` a list of paths
    (codes joined by "/"), ``specialised`` one of ``field/code``, ``photos`` one of digests, ``co_handlers``
    one of departments, ``noticed`` one of ``clock/run/threshold``; lengths are metres, coordinates degrees.
    ``followers`` are ids, ``parts`` the co-handlers', ``handovers`` what was returned: from, to, when.
    ``position`` is that of the incident's last entry, ``first`` that of its first.
    """
    row = {name: columns[name] for name in _COLUMNS}
    for name in _TIMES:
        if row[name] is not None:
            row[name] = iso(from_micros(row[name]))
    row["path"], row["nearest"] = list(text_path(row["path"])), list(text_path(row["nearest"]))
    for name in ("near_border", "specialised", "photos", "co_handlers", "noticed", "followers", "parts"):
        row[name] = orjson.loads(row[name])
    row["handovers"] = [_handover(*told) for told in orjson.loads(row["handovers"])]
    return row


def _handover(from_: str, to: str | None, returned_at: int, taken_at: int | None) -> dict[str, Any]:
    return {
        "from": from_,
        "to": to,
        "returned_at": iso(from_micros(returned_at)),
        "taken_at": None if taken_at is None else iso(from_micros(taken_at)),
    }


def row_after(told: Committed) -> dict[str, Any]:
    """The public row of an incident as it was right after one entry."""
    return public_row(incident_row(told.stream, told.after, told.first, told.position, told.address))


def public_entry(entry: Entry) -> dict[str, Any]:
    """One entry as histories and frames show it; ``body`` is its fact, times as text, empty fields left out.

    The words of a citizen are not in it, only the reference by which they are kept.
    """
    kind = kind_of(entry.fact)
    body = to_body(entry.fact)
    _as_text(body, _BODY_TIMES[kind])
    if "starts" in body:
        _as_text(body["starts"], _CLOCK_TIMES)
    return {
        "number": entry.number,
        "kind": kind,
        "by": entry.by,
        "happened_at": iso(entry.happened_at),
        "recorded_at": iso(entry.recorded_at),
        "body": body,
    }


def _as_text(values: dict[str, Any], times: tuple[str, ...]) -> None:
    """Turn these moments of a body into text."""
    for name in times:
        if name in values:
            values[name] = iso(from_micros(values[name]))
