"""Who sees an incident beside its lead and its reporter, as rows: one for each co-handler and person sent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Connection, bindparam

from dispatch.building import UNASSIGNED
from dispatch.incidents import Incident
from gridgov.storage.bulk import Bulk
from gridgov.storage.tables import SightRow

_sight = SightRow.__table__  # type: ignore[attr-defined]
_ADD: Final = Bulk(_sight.insert(), _sight.columns.keys())
_REMOVE: Final = Bulk(
    _sight.delete().where(
        _sight.c.stream == bindparam("stream"),
        _sight.c.who == bindparam("who"),
        _sight.c.incident == bindparam("incident"),
    )
)


def keys(incident: Incident | None) -> frozenset[str]:
    """Who sees it besides: ``d:`` and a co-handler while a department has it, ``p:`` and a person who is
    sent to look, or whom it was handed to.
    """
    if incident is None:
        return frozenset()
    found = set()
    if incident.lead is not None:
        found |= {f"d:{code}" for code in incident.co_handlers if code != incident.lead}
        people = {incident.assignee, *(part.assignee for part in incident.parts)}
        found |= {f"p:{person}" for person in people if person is not None}
    task = incident.task
    if task is not None and task.state != UNASSIGNED:
        found.add(f"p:{task.person}")
    return frozenset(found - {f"p:{incident.reported_by}"})


def write(connection: Connection, stream: str, changed: Iterable[tuple[Incident | None, Incident]]) -> None:
    """Write what is different after a batch: (before, after) of each incident that it touched."""
    added: list[dict[str, Any]] = []
    removed: list[dict[str, Any]] = []
    for before, after in changed:
        was, now = keys(before), keys(after)
        added += [{"stream": stream, "who": who, "incident": after.id} for who in sorted(now - was)]
        removed += [{"stream": stream, "who": who, "incident": after.id} for who in sorted(was - now)]
    _REMOVE.execute(connection, removed)
    _ADD.execute(connection, added)
