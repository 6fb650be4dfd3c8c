"""Returns (退回) counted for each pair of departments, from the copy; what is counted, and why, is said in
`gridgov.returns`.
"""

from __future__ import annotations

from typing import Any, Final

import duckdb

from gridgov.in_force import InForce
from gridgov.statistics.drawings import Drawings
from gridgov.statistics.question import AS_RECORDED, Question
from gridgov.statistics.rows import Asked, execute
from gridgov.statistics.settling import settle

_SECOND: Final = 1_000_000
#: What is told of some returns: how many, the median of the seconds until one was taken, of those that were,
#: how many nobody has taken, and how many went back to the department that had returned them.
_COUNTS: Final = (
    f"count(*), quantile_cont(taken_at - returned_at, 0.5) / {_SECOND},"
    " count(*) FILTER (to_department IS NULL), count(*) FILTER (to_department = from_department)"
)


def matrix(
    db: duckdb.DuckDBPyConnection, in_force: InForce, drawings: Drawings, question: Question
) -> dict[str, Any]:
    """The returns of a period, by the moment of each return, of what a question is about: ``pairs`` of
    departments, the most frequent first within each ``from``; ``departments`` sum them up per ``from``;
    ``total`` is all. ``to`` None: nobody has taken it.

    Raises what :func:`gridgov.statistics.settling.settle` raises.
    """
    settled = settle(db, in_force, drawings, question)
    returned = _returned(settled.rows)
    values = settled.rows.values
    pairs = execute(
        db,
        f"SELECT from_department, to_department, {_COUNTS} FROM {returned} GROUP BY 1, 2"
        " ORDER BY from_department, to_department IS NULL, count(*) DESC, to_department",
        values,
    ).fetchall()
    sums = execute(
        db,
        f"SELECT from_department, {_COUNTS} FROM {returned} GROUP BY 1 ORDER BY count(*) DESC, 1",
        values,
    ).fetchall()
    total = execute(db, f"SELECT {_COUNTS} FROM {returned}", values).fetchall()
    edition, as_of = settled.drawn.edition, settled.as_of
    return {
        "period": {"from": question.start, "to": question.end},
        "pairs": [
            _named(in_force, "from", one) | _named(in_force, "to", other) | _told(*counts)
            for one, other, *counts in pairs
        ],
        "departments": [_named(in_force, "from", one) | _told(*counts) for one, *counts in sums],
        "total": _told(*total[0]),
        "edition": AS_RECORDED if edition is None else edition,
        "position": as_of.position,
        "as_of": {"position": as_of.position, "time": as_of.time},
        "generated_at": question.now,
    }


def _returned(rows: Asked) -> str:
    """One row for each return in the period."""
    lists = f"SELECT unnest(from_json(handovers, '[\"JSON\"]')) AS one {rows.rows('handovers IS NOT NULL')}"
    each = (
        "SELECT one->>0 AS from_department, one->>1 AS to_department, CAST(one->>2 AS BIGINT) AS returned_at,"
        f" CAST(one->>3 AS BIGINT) AS taken_at FROM ({lists})"
    )
    bounds = ["true"]
    if rows.start is not None:
        bounds.append(f"returned_at >= {rows.start * _SECOND:d}")
    if rows.end is not None:
        bounds.append(f"returned_at < {rows.end * _SECOND:d}")
    return f"(SELECT * FROM ({each}) WHERE {' AND '.join(bounds)})"


def _told(count: int, median_s: float | None, untaken: int, back: int) -> dict[str, Any]:
    return {"count": count, "median_s": median_s, "untaken": untaken, "back": back}


def _named(in_force: InForce, key: str, code: str | None) -> dict[str, Any]:
    """A department's code and names; its code where the rules do not have it any more."""
    if code is None:
        return {key: None, f"{key}_zh": NOBODY_ZH, f"{key}_en": NOBODY_EN}
    known = in_force.rules.routing.departments.get(code)
    name_zh, name_en = (known.name_zh, known.name_en) if known is not None else (code, code)
    return {key: code, f"{key}_zh": name_zh, f"{key}_en": name_en or name_zh}


#: The column of what no department took.
NOBODY_ZH, NOBODY_EN = "无部门接手", "taken by nobody"
