"""What is derived from the ledger for quick reading: the row of an incident, and the text it is found by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, update

from dispatch.entries import to_micros
from dispatch.incidents import Incident
from gridgov.storage.bulk import Bulk
from gridgov.storage.tables import IncidentRow, path_text

_table = IncidentRow.__table__  # type: ignore[attr-defined]
_SAME = (
    "id",
    "number",
    "case_number",
    "channel",
    "category",
    "urgency",
    "department",
    "rule",
    "lead",
    "last_lead",
    "limit",
    "remaining_s",
    "reported_by",
    "handled_by",
    "dispatches",
    "returns",
    "reworks",
    "reopenings",
    "clock_ahead_s",
    "imported",
    "source_number",
    "source_status",
)
_TIMES = ("due_at", "reported_at", "filed_at", "dispatched_at", "handled_at", "closed_at", "updated_at")
_PLACE = ("raw_lon", "raw_lat", "datum", "accuracy_m", "lon", "lat", "edition", "border_m", "outside_m")


def incident_row(
    stream: str, incident: Incident, first: int, position: int, address: str | None
) -> dict[str, Any]:
    """The projection of one incident, column by column; ``first`` and ``position`` of its entries."""
    row: dict[str, Any] = {name: getattr(incident, name) for name in _SAME}
    for name in _TIMES:
        moment: datetime | None = getattr(incident, name)
        row[name] = None if moment is None else to_micros(moment)
    place = incident.place
    for name in _PLACE:
        row[name] = getattr(place, name)
    row["path"], row["nearest"] = path_text(place.path), path_text(place.nearest)
    row["stage"] = str(incident.stage)
    row["near_border"] = orjson.dumps(place.near_border).decode()
    row["specialised"] = orjson.dumps(incident.specialised).decode()
    row["photos"] = orjson.dumps(incident.photos).decode()
    row["stream"], row["first"], row["position"], row["address"] = stream, first, position, address
    return row


def store(
    connection: Connection, new: Sequence[Mapping[str, Any]], changed: Sequence[Mapping[str, Any]]
) -> None:
    """Insert the rows of new incidents and replace those of changed ones, one statement each."""
    _INSERT.execute(connection, new)
    _UPDATE.execute(connection, [{f"new_{name}": value for name, value in row.items()} for row in changed])


_INSERT = Bulk(_table.insert(), _table.columns.keys())
_UPDATE = Bulk(
    update(_table)
    .where(_table.c.stream == bindparam("new_stream"), _table.c.id == bindparam("new_id"))
    .values(
        {
            column: bindparam(f"new_{column.name}")
            for column in _table.columns
            if column.name not in ("stream", "id", "first")
        }
    ),
)
