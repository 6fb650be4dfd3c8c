"""Incidents that were joined (并案): what became of the one followed, and who reported the same thing."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, RowMapping, select

from dispatch.entries import from_micros
from dispatch.lifecycle import STAGE_ZH, Stage
from gridgov.accounts import display_names
from gridgov.rows import iso
from gridgov.storage.tables import IncidentRow

_table = IncidentRow.__table__  # type: ignore[attr-defined]
_c = _table.c

#: Followers shown with one incident; more are counted.
MOST: Final = 100
#: A leader may have been joined to another later. What is longer than this goes round in a ring, which no
#: act makes.
_LONGEST_CHAIN: Final = 1_000


def outcome(connection: Connection, row: RowMapping, stream: str) -> dict[str, Any] | None:
    """What became of the incident that this one follows, in the end; None where it follows none.

    Whoever sees the follower is told so much of its leader, wherever that lies: nothing else is its outcome.
    """
    found: RowMapping | None = row
    for _ in range(_LONGEST_CHAIN):
        if found is None or found["leader"] is None:
            break
        query = select(_table).where(_c.stream == stream, _c.id == found["leader"])
        found = connection.execute(query).mappings().first()
    if found is None or found is row:
        return None
    return {
        "incident": found["id"],
        "case_number": found["case_number"],
        "stage": found["stage"],
        "stage_zh": STAGE_ZH[Stage(found["stage"])],
        "closed_at": None if found["closed_at"] is None else iso(from_micros(found["closed_at"])),
    }


def followers(connection: Connection, row: RowMapping, stream: str) -> dict[str, Any]:
    """Those that follow an incident: how many, and who reported the first of them when.

    Whoever sees the leader is told so much, wherever the followers lie: they are its reporters too, and its
    own entries name them. What citizens said in them is for those who see the followers.
    """
    query = (
        select(_c.id, _c.case_number, _c.reported_by, _c.reported_at)
        .where(_c.stream == stream, _c.leader == row["id"])
        .order_by(_c.first)
    )
    found = list(connection.execute(query))
    shown = found[:MOST]
    names = display_names(connection, [one.reported_by for one in shown])
    return {
        "count": len(found),
        "shown": [
            {
                "incident": one.id,
                "case_number": one.case_number,
                "reported_at": iso(from_micros(one.reported_at)),
                "reported_by": one.reported_by,
                "reported_by_name": names.get(one.reported_by),
            }
            for one in shown
        ],
    }
