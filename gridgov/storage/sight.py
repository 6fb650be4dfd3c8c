"""Who sees an incident beside its lead and its reporter, as rows: one for each co-handler and person sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam

from dispatch.incidents import Incident
from gridgov.scope import seen_of
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


def of_department(code: str) -> str:
    """The key of a co-handler."""
    return f"d:{code}"


def of_person(person: str) -> str:
    """The key of a person who is sent to look, or whom it was handed to."""
    return f"p:{person}"


def keys(incident: Incident | None) -> frozenset[str]:
    """Who sees it besides its lead and its reporter: what `gridgov.scope.seen_of` says, without those two."""
    if incident is None:
        return frozenset()
    seen = seen_of(incident)
    departments, people = seen.departments[1:], set(seen.people) - {incident.reported_by}
    return frozenset({*map(of_department, departments), *map(of_person, people)})


def rows(stream: str, incident: Incident, first: int) -> list[dict[str, Any]]:
    """The rows of one incident whose first entry is at position ``first``."""
    return [_row(stream, who, incident, first) for who in sorted(keys(incident))]


def _row(stream: str, who: str, incident: Incident, first: int) -> dict[str, Any]:
    return {"stream": stream, "who": who, "incident": incident.id, "first": first}


def write(
    connection: Connection, stream: str, changed: Iterable[tuple[int, Incident | None, Incident]]
) -> None:
    """Write what is different after a batch: of each incident that it touched the position of its first
    entry, how it was before and how it is after.
    """
    added: list[dict[str, Any]] = []
    removed: list[dict[str, Any]] = []
    for first, before, after in changed:
        was, now = keys(before), keys(after)
        added += [_row(stream, who, after, first) for who in sorted(now - was)]
        removed += [{"stream": stream, "who": who, "incident": after.id} for who in sorted(was - now)]
    _REMOVE.execute(connection, removed)
    insert(connection, added)


def insert(connection: Connection, added: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, all in one statement."""
    _ADD.execute(connection, added)
