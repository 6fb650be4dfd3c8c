"""Closure figures by department, category, channel or grid: a sum over the incidents that somebody answers
for.

Every row of incidents is looked at, so that the figures are the ledger's own; each comes with its definition,
numerator and denominator, and the whole with the position it was read at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, Select, or_, select

from dispatch.closure import DEFINITIONS, Figure, IncidentFacts, Period, Tally, count, figures
from dispatch.entries import from_micros, to_micros
from dispatch.lifecycle import Stage
from gridgov.errors import BadInput
from gridgov.in_force import InForce
from gridgov.scope import Scope
from gridgov.storage.engine import snapshot
from gridgov.storage.incidents import Wanted, conditions, in_claims
from gridgov.storage.ledger import MAIN, read_head
from gridgov.storage.tables import IncidentRow, path_text, text_path

_table = IncidentRow.__table__  # type: ignore[attr-defined]
_c = _table.c

#: What figures can be grouped by, besides the levels of the grids in force.
PLAIN: Final = ("none", "department", "category", "channel", "urgency")
#: The row of what lies in no grid: it is always shown, so that the rows add up to the total.
UNPLACED: Final = {"name_zh": "未定位", "name_en": "unplaced"}

_FACTS: Final = tuple(field.name for field in fields(IncidentFacts))
#: Where among the facts after the stage the moments are.
_MOMENTS: Final = tuple(at for at, name in enumerate(_FACTS[1:]) if name.endswith("_at"))


@dataclass(frozen=True, slots=True)
class Group:
    """One row of figures. ``key`` is None for what lies in no grid; ``path`` is set for grids."""

    key: str | None
    path: tuple[str, ...] | None
    name_zh: str
    name_en: str
    tally: Tally

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The closure figures of this row."""
        return figures(self.tally)


@dataclass(frozen=True, slots=True)
class Closure:
    """Figures with everything they need to be understood: for what, by what, when, and as of where."""

    by: str
    period: Period
    groups: tuple[Group, ...]
    total: Group
    edition: int
    rules: int
    position: int
    generated_at: datetime


def closure(
    engine: Engine,
    in_force: InForce,
    scope: Scope,
    by: str,
    period: Period,
    wanted: Wanted,
    now: datetime,
    stream: str = MAIN,
) -> Closure:
    """The figures of what ``scope``'s assignments cover and ``wanted`` asks for, grouped by ``by``: one of
    :data:`PLAIN`, or the key of a level. Raises BadInput for anything else.

    What lies in no grid, or was placed above that level, is a row of its own; so the rows add up to the
    total.
    """
    grouping = _grouping(in_force, by)
    with snapshot(engine) as connection:
        head = read_head(connection, stream)
        tallies = _tallies(connection, _query(scope, wanted, period, stream), grouping, period, now)
    groups = tuple(_group(in_force, by, key, tally) for key, tally in sorted(tallies.items(), key=_order))
    total = sum(tallies.values(), start=Tally())
    return Closure(
        by,
        period,
        groups,
        Group("total", None, "合计", "total", total),
        in_force.atlas.edition,
        in_force.rules.version,
        head.position,
        now,
    )


Grouping = Callable[[Row[Any]], str]


def _grouping(in_force: InForce, by: str) -> Grouping:
    if by == "none":
        return lambda _: "all"
    if by in PLAIN:
        return lambda row: str(getattr(row, by))
    keys = [level.key for level in in_force.atlas.hierarchy.levels]
    if by not in keys:
        raise BadInput(f"figures can be grouped by {', '.join([*PLAIN, *keys])}; not by {by!r}", by=by)
    depth = keys.index(by) + 1

    def grid(row: Row[Any]) -> str:
        path = text_path(row.path)
        return path_text(path[:depth]) if len(path) >= depth else ""

    return grid


def _query(scope: Scope, wanted: Wanted, period: Period, stream: str) -> Select[Any]:
    """The rows that a period can count: what was reported or due before its end."""
    columns = [*(_c[name] for name in _FACTS), *(_c[name] for name in ("path", *PLAIN[1:]))]
    query = select(*columns).where(_c.stream == stream, in_claims(scope), *conditions(wanted))
    if period.end is None:
        return query
    end = to_micros(period.end)
    return query.where(or_(_c.reported_at < end, _c.due_at < end))


def _tallies(
    connection: Connection, query: Select[Any], grouping: Grouping, period: Period, now: datetime
) -> dict[str, Tally]:
    """Tallies by group; some thousands of rows are in memory at a time."""
    found: dict[str, Tally] = {}
    for part in connection.execute(query.execution_options(yield_per=5000)).partitions():
        groups: dict[str, list[IncidentFacts]] = {}
        for row in part:
            groups.setdefault(grouping(row), []).append(_facts(row))
        for key, facts in groups.items():
            found[key] = found.get(key, Tally()) + count(facts, period, now)
    return found


def _facts(row: Row[Any]) -> IncidentFacts:
    """The facts of a row that begins with them, in their order."""
    stage, *values = row[: len(_FACTS)]
    for at in _MOMENTS:
        if values[at] is not None:
            values[at] = from_micros(values[at])
    return IncidentFacts(Stage(stage), *values)


def _order(item: tuple[str, Tally]) -> tuple[bool, str]:
    """By key; what lies in no grid comes last."""
    return item[0] == "", item[0]


def _group(in_force: InForce, by: str, key: str, tally: Tally) -> Group:
    if by == "department":
        known = in_force.rules.routing.departments.get(key)
        return Group(key, None, known.name_zh if known else key, known.name_en if known else key, tally)
    if by == "category":
        name = in_force.rules.categories.get(key) if key in in_force.rules.categories else None
        return Group(key, None, name.name_zh if name else key, name.name_en if name else key, tally)
    if by in PLAIN:
        return Group(key, None, key, key, tally)
    if not key:
        return Group(None, None, UNPLACED["name_zh"], UNPLACED["name_en"], tally)
    path = text_path(key)
    return Group("/".join(path), path, *_grid_name(in_force, path), tally)


def _grid_name(in_force: InForce, path: tuple[str, ...]) -> tuple[str, str]:
    """What a grid is called; its code where the edition in force has it no more."""
    hierarchy = in_force.atlas.hierarchy
    known = {grid.code: grid for grid in hierarchy.at(len(path) - 1)}.get(path[-1])
    name = path[-1] if known is None else known.name
    return name, name


def to_dict(found: Closure) -> dict[str, Any]:
    """Figures as the outside is shown them."""
    return {
        "by": found.by,
        "period": {"from": found.period.start, "to": found.period.end},
        "groups": [_shown(group) for group in found.groups],
        "total": _shown(found.total),
        "definitions": [asdict(definition) for definition in DEFINITIONS.values()],
        "edition": found.edition,
        "rules": found.rules,
        "position": found.position,
        "generated_at": found.generated_at,
    }


def _shown(group: Group) -> dict[str, Any]:
    return {
        "key": group.key,
        "path": None if group.path is None else list(group.path),
        "name_zh": group.name_zh,
        "name_en": group.name_en,
        "tally": asdict(group.tally),
        "figures": {figure.key: _figure(figure) for figure in group.figures},
    }


def _figure(figure: Figure) -> Mapping[str, Any]:
    return {
        "numerator": figure.numerator,
        "denominator": figure.denominator,
        "rate": None if figure.rate is None else float(figure.rate),
        "percent": figure.percent(),
    }


def to_table(found: Closure) -> list[list[str]]:
    """Figures as rows of text for a spreadsheet, headings first, the total last."""
    head = ["key", "name_zh", "name_en", "reported", "open", "closed", "rejected", "cancelled"]
    for definition in DEFINITIONS:
        head += [f"{definition}_numerator", f"{definition}_denominator", f"{definition}_percent"]
    return [head, *(_line(group) for group in (*found.groups, found.total))]


def _line(group: Group) -> list[str]:
    t = group.tally
    line = [group.key or "", group.name_zh, group.name_en]
    line += [str(n) for n in (t.reported, t.open, t.closed, t.rejected, t.cancelled)]
    for figure in group.figures:
        line += [str(figure.numerator), str(figure.denominator), figure.percent()]
    return line
