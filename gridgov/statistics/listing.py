"""The incidents behind a figure, as they stood when it was counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, select

from dispatch.incidents import fold
from gridgov.rows import public_row
from gridgov.statistics.question import Opening, Statistics
from gridgov.storage.engine import snapshot
from gridgov.storage.ledger import MAIN, to_entry
from gridgov.storage.projections import incident_row
from gridgov.storage.tables import EntryRow, IncidentRow

_table = IncidentRow.__table__  # type: ignore[attr-defined]
_entry = EntryRow.__table__  # type: ignore[attr-defined]
_c, _e = _table.c, _entry.c


def listed(statistics: Statistics, engine: Engine, opening: Opening, stream: str = MAIN) -> dict[str, Any]:
    """``rows``: one page of the incidents behind a count, oldest first, each as `gridgov.rows.public_row`
    with its ``weight``: how much it adds to the count, 1 but for reworks; ``count``, the figure's number, to
    which the weights of all pages add up; ``next``, after which the next page begins, or None; ``position``,
    as of which they are told. Raises what `Statistics.open` raises.
    """
    found = statistics.open(opening)
    with snapshot(engine) as connection:
        rows = _as_they_stood(connection, found["firsts"], found["position"], stream)
    pairs = zip(rows, found["weights"], strict=True)
    return {
        "rows": [row | {"weight": weight} for row, weight in pairs],
        **{name: found[name] for name in ("count", "next", "position")},
    }


def _as_they_stood(
    connection: Connection, firsts: Sequence[int], position: int, stream: str
) -> list[dict[str, Any]]:
    query = select(_table).where(_c.stream == stream, _c.first.in_(firsts)).order_by(_c.first)
    rows = connection.execute(query).mappings().all()
    before = _before(connection, [row for row in rows if row["position"] > position], position, stream)
    return [public_row(before.get(row["id"], row)) for row in rows]


def _before(
    connection: Connection, rows: Sequence[RowMapping], position: int, stream: str
) -> dict[str, Mapping[str, Any]]:
    """The rows of these incidents as they were at a position, by their ids."""
    query = (
        select(_entry)
        .where(_e.stream == stream, _e.incident.in_([row["id"] for row in rows]), _e.position <= position)
        .order_by(_e.position)
    )
    told: dict[str, list[RowMapping]] = {}
    for entry in connection.execute(query).mappings():
        told.setdefault(entry["incident"], []).append(entry)
    return {
        row["id"]: incident_row(
            stream,
            fold([to_entry(entry) for entry in told[row["id"]]]),
            row["first"],
            told[row["id"]][-1]["position"],
            row["address"],
        )
        for row in rows
    }
