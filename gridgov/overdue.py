"""What is yellow or red at this moment, and with whom it lies: what has to be seen to first.

Only clocks that run are looked through, those past their warning, in an index of their own: how many
incidents are closed, or open with time left, costs nothing. A supervision (督办) that nobody has answered in
time is a line of its own beside that of its incident's clock, from its end on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Engine,
    RowMapping,
    Select,
    case,
    func,
    literal,
    select,
    tuple_,
    union_all,
)

from dispatch.clocks import CLOCK_ZH, Clock
from dispatch.deadlines import ELAPSED, Limit, remaining
from dispatch.entries import Entry, Started, to_micros
from dispatch.incidents import Incident, fold
from dispatch.lifecycle import ROLE_ZH, STAGE_ZH, Role, Stage
from dispatch.readings import COLOUR_ZH, colour
from gridgov.accounts import display_names
from gridgov.in_force import InForce, grid_name
from gridgov.scope import Scope
from gridgov.storage.engine import snapshot
from gridgov.storage.incidents import in_scope, under
from gridgov.storage.ledger import MAIN, history
from gridgov.storage.tables import IncidentRow, text_path

_table = IncidentRow.__table__  # type: ignore[attr-defined]
_c = _table.c

#: Rows of a page, unless another number is asked for, and at most.
USUAL: Final = 50
MOST: Final = 500


@dataclass(frozen=True, slots=True)
class Pressing:
    """Which of what is yellow or red; None and False ask for nothing.

    ``red``: only what is past its end; ``clock``: only clocks of this stage; ``under``: a grid path and all
    below it; ``department``: that which an incident belongs to.
    """

    red: bool = False
    clock: Clock | None = None
    under: tuple[str, ...] = ()
    department: str | None = None


#: Where a page ends: the end of its last clock in microseconds, and the incident.
After = tuple[int, str]


def overdue(
    engine: Engine,
    in_force: InForce,
    scope: Scope,
    wanted: Pressing,
    now: datetime,
    *,
    after: After | None = None,
    limit: int = USUAL,
    stream: str = MAIN,
) -> dict[str, Any]:
    """What is yellow or red now of what a scope sees, the longest overdue first, as programs get it.

    ``totals`` count all that was asked for, not the page alone; ``next`` is the ``after`` of the next page,
    None on the last one. Times are aware moments, lengths of time seconds.
    """
    lines = _lines(scope, wanted, now, stream)
    with snapshot(engine) as connection:
        totals = _totals(connection, lines, now)
        found = _page(connection, lines, after, limit + 1)
        rows = found[:limit]
        entries = history(connection, [row["id"] for row in rows], stream)
        names = display_names(connection, [row["answered_by"] for row in rows if row["answered_by"]])
    return {
        "at": now,
        "zone": in_force.city.zone,
        "totals": totals,
        "rows": [_told(row, entries[row["id"]], in_force, names, now) for row in rows],
        "next": (rows[-1]["ends_at"], rows[-1]["id"]) if len(found) > limit else None,
    }


def _lines(scope: Scope, wanted: Pressing, now: datetime, stream: str) -> list[Select[Any]]:
    """The clocks asked for, each as its incident's row with what it is and when it ends."""
    asked = [in_scope(scope)]
    if wanted.under:
        asked.append(under(wanted.under))
    if wanted.department is not None:
        asked.append(_c.department == wanted.department)
    # Inside an expression no column leads to another index: those hold closed incidents too.
    conditions = [_c.stream == stream, *(case((condition, 1), else_=0) == 1 for condition in asked)]
    running = select(_table, _c.clock.label("shown"), _c.clock_due_at.label("ends_at"))
    running = running.where(_c.clock_warn_at <= to_micros(now), *conditions)
    if wanted.red:
        running = running.where(case((_c.clock_due_at < to_micros(now), 1), else_=0) == 1)
    supervised = select(
        _table, literal(str(Clock.SUPERVISION)).label("shown"), _c.supervision_due_at.label("ends_at")
    ).where(_c.supervision_due_at < to_micros(now), *conditions)
    if wanted.clock is Clock.SUPERVISION:
        return [supervised]
    if wanted.clock is not None:
        return [running.where(case((_c.clock == str(wanted.clock), 1), else_=0) == 1)]
    return [running, supervised]


def _totals(connection: Connection, lines: Sequence[Select[Any]], now: datetime) -> dict[str, Any]:
    counted: dict[str, RowMapping] = {}
    for line in lines:
        found = line.subquery()
        red = case((found.c.ends_at < to_micros(now), 1), else_=0)
        query = select(found.c.shown, func.count().label("all"), func.sum(red).label("red"))
        rows = connection.execute(query.group_by(found.c.shown)).mappings()
        counted |= {row["shown"]: row for row in rows}
    clocks = [
        {
            "clock": str(clock),
            "clock_zh": CLOCK_ZH[clock],
            "red": counted[clock]["red"],
            "yellow": counted[clock]["all"] - counted[clock]["red"],
        }
        for clock in Clock
        if clock in counted
    ]
    return {
        "red": sum(one["red"] for one in clocks),
        "yellow": sum(one["yellow"] for one in clocks),
        "by_clock": clocks,
    }


def _page(
    connection: Connection, lines: Sequence[Select[Any]], after: After | None, limit: int
) -> list[RowMapping]:
    found = union_all(*lines).subquery()
    query = select(found).order_by(found.c.ends_at, found.c.id, found.c.shown).limit(limit)
    if after is not None:
        query = query.where(tuple_(found.c.ends_at, found.c.id) > tuple_(*after))
    return list(connection.execute(query).mappings())


def _told(
    row: RowMapping, entries: Sequence[Entry], in_force: InForce, names: Mapping[str, str], now: datetime
) -> dict[str, Any]:
    stage, path, incident = Stage(row["stage"]), text_path(row["path"]), fold(entries)
    category, lead = row["category"], row["lead"]
    supervised = row["shown"] == Clock.SUPERVISION
    known = in_force.rules.categories
    return {
        "incident": row["id"],
        "case_number": row["case_number"],
        "number": row["number"],
        "category": category,
        "category_zh": known.get(category).name_zh if category in known else category,
        "urgency": row["urgency"],
        "stage": str(stage),
        "stage_zh": STAGE_ZH[stage],
        "path": list(path),
        "grids": [grid_name(in_force.atlas.hierarchy, path[: depth + 1]) for depth in range(len(path))],
        "department": row["department"],
        "department_zh": _department(in_force, row["department"]),
        "lead": lead,
        "lead_zh": None if lead is None else _department(in_force, lead),
        **_clock(_shown(incident, supervised), in_force, now),
        "escalated": None if supervised else _escalated(incident, in_force, names),
    }


def _shown(incident: Incident, supervised: bool) -> Started:
    """The clock that a line is about."""
    if supervised:
        clock = None if incident.supervision is None else incident.supervision.starts
    else:
        clock = incident.clock
    assert clock is not None, "an index of clocks that run led here"
    return clock


def _clock(clock: Started, in_force: InForce, now: datetime) -> dict[str, Any]:
    """The clock, and by how much it is late: in its limit's own kind of time, and as time passes."""
    unit = Limit.parse(clock.limit).unit
    left = remaining(in_force.rules.calendar_of(clock.calendar), unit, now, clock.due_at)
    shown = colour(now, clock.warn_at, clock.due_at)
    return {
        "clock": clock.clock,
        "clock_zh": CLOCK_ZH[Clock(clock.clock)],
        "run": clock.run,
        "limit": clock.limit,
        "working": unit not in ELAPSED,
        "colour": str(shown),
        "colour_zh": COLOUR_ZH[shown],
        "warn_at": clock.warn_at,
        "due_at": clock.due_at,
        "remaining_s": left.total_seconds(),
        "overdue_s": max(0.0, -left.total_seconds()),
        "overdue_wall_s": max(0.0, (now - clock.due_at).total_seconds()),
        "unconfirmed_year": clock.unconfirmed_year,
    }


def _escalated(incident: Incident, in_force: InForce, names: Mapping[str, str]) -> dict[str, Any] | None:
    """Who was asked last, for which grid and until when, and who took it up; None where nobody was."""
    asked = incident.escalated
    if asked is None:
        return None
    levels = in_force.atlas.hierarchy.levels
    keys = [level.key for level in levels]
    at = keys.index(asked.level) if asked.level in keys else 0
    path = incident.place.path[: at + 1]
    return {
        "step": asked.step,
        "level": asked.level,
        "level_zh": levels[at].name_zh if asked.level in keys else asked.level,
        "path": list(path),
        "grid": grid_name(in_force.atlas.hierarchy, path) if path else None,
        "roles": list(asked.roles),
        "roles_zh": [ROLE_ZH[Role(role)] for role in asked.roles],
        "answer_by": asked.answer_by,
        "acknowledged_by": incident.answered_by,
        "acknowledged_by_name": names.get(incident.answered_by or ""),
    }


def _department(in_force: InForce, code: str) -> str:
    """The name of a department; its code where the rules do not have it any more."""
    routing = in_force.rules.routing
    return routing.name(code) if code in routing.departments else code
