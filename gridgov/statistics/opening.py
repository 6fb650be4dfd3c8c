"""The incidents behind a count: the very rows that were counted, page by page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import duckdb

from gridgov.errors import BadInput
from gridgov.in_force import InForce
from gridgov.statistics.counting import COUNTS, conditions
from gridgov.statistics.drawings import Drawings
from gridgov.statistics.grouping import TREND, grouped
from gridgov.statistics.question import Opening
from gridgov.statistics.rows import Asked, execute
from gridgov.statistics.settling import Settled, part_named, settle
from gridgov.statistics.spelling import nearest


def opened(
    db: duckdb.DuckDBPyConnection, in_force: InForce, drawings: Drawings, opening: Opening
) -> dict[str, Any]:
    """{"firsts": positions of the first entries of the incidents behind a count, oldest first, "weights":
    what each adds to it, "count": the figure's number, "next": after which to go on, or None, "position": as
    of which}.

    Raises BadInput for a count that there is not, and what :func:`gridgov.statistics.settling.settle` raises.
    """
    parts = COUNTS.get(opening.count)
    if parts is None:
        near = nearest(opening.count, COUNTS)
        raise BadInput(f"there is no count {opening.count!r}; there are {', '.join(COUNTS)}", near=near)
    settled = settle(db, in_force, drawings, opening.question)
    rows = _of_group(db, settled, in_force, opening)
    behind = []
    for part in parts:
        found, weight = conditions(rows, part)
        behind.append(f"SELECT seq, {weight} AS weight {found} AND {weight} > 0")
    query = " UNION ALL ".join(behind)
    (count,) = execute(db, f"SELECT coalesce(sum(weight), 0) FROM ({query})", rows.values).fetchone() or (0,)
    page = execute(
        db,
        f"SELECT seq, weight FROM ({query}) WHERE seq > $after ORDER BY seq LIMIT $limit",
        {**rows.values, "after": opening.after, "limit": opening.limit + 1},
    ).fetchall()
    shown = page[: opening.limit]
    return {
        "firsts": [seq for seq, _ in shown],
        "weights": [weight for _, weight in shown],
        "count": int(count),
        "next": shown[-1][0] if len(page) > len(shown) else None,
        "position": settled.as_of.position,
    }


def _of_group(db: duckdb.DuckDBPyConnection, settled: Settled, in_force: InForce, opening: Opening) -> Asked:
    """The rows of the group, or of all: a part of a trend is what a question for that period alone is of."""
    by, rows = settled.question.by, settled.rows
    if opening.total or by == "none":
        return rows
    if by in TREND:
        start, end = part_named(db, settled, in_force.city.zone, opening.key)
        return replace(rows, start=start, end=end)
    rows = grouped(db, rows, by, settled.drawn, settled.column)
    if opening.key is None:
        return rows.narrowed(f"{rows.key} IS NULL")
    return rows.narrowed(f"{rows.key} = $key", key=opening.key)
