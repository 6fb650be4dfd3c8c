"""Lists of what is to be looked at: one's own tasks, what nobody was sent to, or all; the most urgent first,
then the nearest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, and_, select

from dispatch.categories import URGENCY_ZH, Urgency
from dispatch.entries import Entry, from_micros
from dispatch.incidents import Incident, fold
from dispatch.lifecycle import Stage
from dispatch.task_facts import BECAUSE_ZH, TASK_ZH, Because, Tasked, TaskKind
from geodata.distance import metres
from gridgov.accounts import display_names
from gridgov.duty import whereabouts
from gridgov.duty.reading import Where
from gridgov.in_force import InForce, grid_name
from gridgov.scope import Scope
from gridgov.storage.engine import snapshot
from gridgov.storage.incidents import in_scope
from gridgov.storage.ledger import MAIN, history
from gridgov.storage.tables import IncidentRow, text_path

_c = IncidentRow.__table__.c  # type: ignore[attr-defined]

#: So many are put in order at most, those that wait longest: more than one person can look at in a week.
MOST: Final = 5000
#: Where somebody is sent to look, and what for.
_KIND: Final = {Stage.VERIFYING: TaskKind.VERIFY, Stage.CHECKING: TaskKind.CHECK}
_LOOKING: Final = tuple(str(stage) for stage in _KIND)
_RANK: Final = {urgency: -number for number, urgency in enumerate(Urgency)}


class Whose(StrEnum):
    """Which tasks: those put to me, those nobody was sent to, all within my scope."""

    MINE = "mine"
    UNASSIGNED = "unassigned"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which tasks, seen from where: where somebody on duty was last unless told, and how many."""

    whose: Whose = Whose.MINE
    here: Where | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class _File:
    incident: Incident
    entries: Sequence[Entry]

    @property
    def place_of(self) -> str | None:
        """Whose place they take who were sent."""
        task = self.incident.task
        sent = [e.fact for e in self.entries if isinstance(e.fact, Tasked)]
        mine = [fact for fact in sent if task is not None and fact.person == task.person is not None]
        return mine[-1].stand_in_for if mine else None


def tasks(
    engine: Engine, in_force: InForce, scope: Scope, asked: Asked, now: datetime, stream: str = MAIN
) -> dict[str, Any]:
    """The tasks as programs get them, the most urgent first, of equals the nearest, then the longest waiting;
    ``total`` counts all. Times are aware moments, distances metres.
    """
    with snapshot(engine) as connection:
        kept = whereabouts.last(connection, scope.person, now, stream) if asked.here is None else None
        here = asked.here if kept is None else kept.where
        found = _ordered(_rows(connection, scope, asked.whose, stream), here)
        shown = found[: asked.limit]
        entries = history(connection, [row["id"] for row, _ in shown], stream)
        files = {row["id"]: _File(fold(entries[row["id"]]), entries[row["id"]]) for row, _ in shown}
        people = {row["task_person"] for row, _ in shown} | {file.place_of for file in files.values()}
        names = display_names(connection, [person for person in people if person is not None])
    return {
        "at": now,
        "from": None if here is None else {"lon": here.lon, "lat": here.lat},
        "total": len(found),
        "tasks": [_told(row, away, files[row["id"]], in_force, names) for row, away in shown],
    }


def _rows(connection: Connection, scope: Scope, whose: Whose, stream: str) -> list[RowMapping]:
    query = select(_c.id, *_SHOWN).where(_c.stream == stream, _c.stage.in_(_LOOKING), _which(scope, whose))
    return list(connection.execute(query.order_by(_c.first).limit(MOST)).mappings())


def _which(scope: Scope, whose: Whose) -> ColumnElement[bool]:
    if whose is Whose.MINE:
        return and_(_c.task_person == scope.person)
    return in_scope(scope) if whose is Whose.ALL else and_(in_scope(scope), _c.task_person.is_(None))


def _ordered(rows: Sequence[RowMapping], here: Where | None) -> list[tuple[RowMapping, float | None]]:
    """The rows with how far each is; where nobody knows that, after those of which it is known."""
    placed = [row for row in rows if row["lon"] is not None] if here is not None else []
    away: dict[str, float] = {}
    if here is not None and placed:
        found = metres(here.lon, here.lat, [r["lon"] for r in placed], [r["lat"] for r in placed])
        away = {row["id"]: distance for row, distance in zip(placed, found.tolist(), strict=True)}
    told = [(row, away.get(row["id"])) for row in rows]
    return sorted(told, key=_order)


def _order(one: tuple[RowMapping, float | None]) -> tuple[int, bool, float, int]:
    row, away = one
    return _RANK[Urgency(row["urgency"])], away is None, away or 0.0, row["first"]


_SHOWN: Final = (
    _c.first,
    _c.case_number,
    _c.stage,
    _c.category,
    _c.urgency,
    _c.path,
    _c.lon,
    _c.lat,
    _c.address,
    _c.clock_due_at,
    _c.task_person,
    _c.task_state,
)


def _told(
    row: RowMapping,
    away: float | None,
    file: _File,
    in_force: InForce,
    names: Mapping[str, str],
) -> dict[str, Any]:
    path, urgency = text_path(row["path"]), Urgency(row["urgency"])
    kind, due_at = _KIND[Stage(row["stage"])], row["clock_due_at"]
    return {
        "incident": row["id"],
        "number": file.incident.number,
        "case_number": row["case_number"],
        "task": kind,
        "task_zh": TASK_ZH[kind],
        "urgency": urgency,
        "urgency_zh": URGENCY_ZH[urgency],
        "category": row["category"],
        "path": list(path),
        "grid": grid_name(in_force.atlas.hierarchy, path) if path else None,
        "lon": row["lon"],
        "lat": row["lat"],
        "address": row["address"],
        "distance_m": away,
        "due_at": None if due_at is None else from_micros(due_at),
        **_sent(file, names),
    }


def _sent(file: _File, names: Mapping[str, str]) -> dict[str, Any]:
    """Who was sent, and why them: ``state`` open where nobody ever was."""
    task, other = file.incident.task, file.place_of
    because = None if task is None else Because(task.because)
    return {
        "state": "open" if task is None else task.state,
        "person": None if task is None else task.person,
        "name": None if task is None or task.person is None else names.get(task.person),
        "because": because,
        "because_zh": None if because is None else BECAUSE_ZH[because],
        "distance_when_sent_m": None if task is None else task.distance_m,
        "stand_in_for": other,
        "stand_in_for_name": None if other is None else names.get(other),
        "answer_by": None if task is None else task.answer_by,
        "passed_over": len(file.incident.passed_over),
    }
