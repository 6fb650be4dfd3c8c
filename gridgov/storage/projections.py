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
    "standard",
    "urgency",
    "department",
    "rule",
    "automatic",
    "auto_dispatched",
    "lead",
    "last_lead",
    "limit",
    "remaining_s",
    "answered_by",
    "reported_by",
    "handled_by",
    "dispatches",
    "redirected",
    "returns",
    "reworks",
    "reopenings",
    "clock_ahead_s",
    "imported",
    "source_number",
    "source_status",
    "leader",
    "self_handled",
    "accepted_by",
    "crew",
    "assignee",
    "extensions",
    "suspensions",
    "supervisions",
    "appeal",
    "enforcements",
)
_TIMES = (
    "due_at",
    "clock_started_at",
    "reported_at",
    "filed_at",
    "dispatched_at",
    "handled_at",
    "closed_at",
    "updated_at",
    "suspended_until",
)
_PLACE = ("raw_lon", "raw_lat", "datum", "accuracy_m", "lon", "lat", "edition", "border_m", "outside_m")


def incident_row(
    stream: str, incident: Incident, first: int, position: int, address: str | None
) -> dict[str, Any]:
    """The projection of one incident, column by column; ``first`` and ``position`` of its entries."""
    row: dict[str, Any] = {name: getattr(incident, name) for name in _SAME}
    for name in _TIMES:
        row[name] = _micros(getattr(incident, name))
    row |= _clock(incident)
    row |= _asides(incident)
    place = incident.place
    for name in _PLACE:
        row[name] = getattr(place, name)
    row["path"], row["nearest"] = path_text(place.path), path_text(place.nearest)
    row["stage"] = str(incident.stage)
    row["near_border"] = orjson.dumps(place.near_border).decode()
    row["specialised"] = orjson.dumps(incident.specialised).decode()
    row["photos"] = orjson.dumps(incident.photos).decode()
    row["co_handlers"] = orjson.dumps(incident.co_handlers).decode()
    row["stream"], row["first"], row["position"], row["address"] = stream, first, position, address
    return row


def _clock(incident: Incident) -> dict[str, Any]:
    """The columns of the clock that runs, and of who was asked because it ran out."""
    clock, asked = incident.clock, incident.escalated
    return {
        "clock": None if clock is None else clock.clock,
        "clock_run": None if clock is None else clock.run,
        "clock_limit": None if clock is None else clock.limit,
        "clock_due_at": None if clock is None else to_micros(clock.due_at),
        "clock_warn_at": None if clock is None else to_micros(clock.warn_at),
        "clock_unconfirmed": clock is not None and clock.unconfirmed_year,
        "noticed": orjson.dumps(incident.noticed).decode(),
        "escalation_step": None if asked is None else asked.step,
        "escalation_level": None if asked is None else asked.level,
        "escalation_by": None if asked is None else _micros(asked.answer_by),
        "look_at": _micros(incident.next_look),
    }


def _asides(incident: Incident) -> dict[str, Any]:
    """The columns of what stands beside the main line: followers, parts, what waits for an answer, a task."""
    asked, told, task = incident.application, incident.call_back, incident.task
    supervised = None if incident.supervision is None else incident.supervision.starts
    handovers = [
        [one.from_department, one.to_department, to_micros(one.returned_at), _micros(one.taken_at)]
        for one in incident.handovers
    ]
    return {
        "followers": orjson.dumps(incident.followers).decode(),
        "parts": orjson.dumps(incident.parts).decode(),
        "application": None if asked is None else str(asked.wish),
        "application_until": None if asked is None else _micros(asked.until),
        "supervised": incident.supervision is not None,
        "supervision_due_at": None if supervised is None else to_micros(supervised.due_at),
        "contacted": None if told is None else told.contacted,
        "solved": None if told is None else told.solved,
        "satisfied": None if told is None else told.satisfied,
        "task": None if task is None else str(task.kind),
        "task_person": None if task is None else task.person,
        "task_state": None if task is None else task.state,
        "task_by": None if task is None else _micros(task.answer_by),
        "handovers": orjson.dumps(handovers).decode(),
        "returned_at": handovers[-1][2] if handovers else None,
    }


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else to_micros(moment)


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
