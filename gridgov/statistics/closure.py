"""Closure figures by department, category, channel or grid: a sum over the incidents that somebody answers
for.

Every row of incidents is looked at, so that the figures are the ledger's own; each comes with its definition,
numerator and denominator, and the whole with the position it was read at and the edition of the grids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, Select, or_, select

from dispatch.closure import IncidentFacts, Period, Tally, count, is_counted
from dispatch.entries import from_micros, to_micros
from dispatch.figures import DEFINITIONS, Figure, figures
from dispatch.lifecycle import Stage
from gridgov.errors import BadInput
from gridgov.in_force import InForce
from gridgov.scope import Scope
from gridgov.statistics.asked import settled
from gridgov.statistics.drawing import AS_RECORDED, COLUMNS, Drawing, Edition, Placed, drawing
from gridgov.storage.engine import snapshot
from gridgov.storage.incidents import Wanted, conditions, in_claims
from gridgov.storage.ledger import MAIN, read_head
from gridgov.storage.tables import IncidentRow, path_text, text_path

_table = IncidentRow.__table__  # type: ignore[attr-defined]
_c = _table.c

#: What figures can be grouped by, besides the levels of the grids.
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
    """Figures with everything they need to be understood: for what, by what, when, and as of where.

    ``edition`` is whose grids these are, None where each incident counts as it was recorded;
    ``located_again`` how many of the incidents counted were recorded in another, and carried over by their
    points; 0 where nothing asks for grids.
    """

    by: str
    period: Period
    groups: tuple[Group, ...]
    total: Group
    edition: int | None
    edition_name: str | None
    located_again: int
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
    edition: Edition = None,
    stream: str = MAIN,
) -> Closure:
    """The figures of what ``scope``'s assignments cover and ``wanted`` asks for, grouped by ``by``: one of
    :data:`PLAIN`, or the key of a level.

    ``edition`` is whose levels and grids ``by`` and ``wanted.under`` mean: that of a number, by default the
    one in force at the end of the period; or ``as_recorded``, grids of all editions side by side. What
    somebody may see is decided by where incidents were recorded. What lies in no grid, or was placed above
    that level, is a row of its own; so the rows add up to the total. Raises BadInput for another ``by``,
    UnknownEdition, UnknownGrid, UnknownDepartment, UnknownCategory.
    """
    with snapshot(engine) as connection:
        drawn = drawing(connection, in_force, edition, period, now)
        grouping = _grouping(drawn, by)
        asked = settled(connection, in_force.rules, scope, wanted, stream)
        head = read_head(connection, stream)
        query = _query(drawn, scope, asked, period, stream)
        count_in = _Count(drawn, grouping, by not in PLAIN, asked.under, period, now)
        tallies = count_in.all_of(connection, query)
        groups = _groups(drawn, in_force, by, tallies)
    total = Group("total", None, "合计", "total", sum(tallies.values(), start=Tally()))
    return Closure(
        by,
        period,
        groups,
        total,
        drawn.edition,
        drawn.name,
        count_in.located_again,
        in_force.rules.version,
        head.position,
        now,
    )


#: The key of the group of a row, which counts at a path.
Grouping = Callable[[Row[Any], str], str]


def _grouping(drawn: Drawing, by: str) -> Grouping:
    if by == "none":
        return lambda *_: "all"
    if by in PLAIN:
        return lambda row, _: str(getattr(row, by))
    if by not in drawn.levels:
        known = ", ".join([*PLAIN, *drawn.levels])
        raise BadInput(f"figures can be grouped by {known}; not by {by!r}", by=by)

    depth_of = drawn.depths(by)

    def grid(row: Row[Any], path: str) -> str:
        codes, depth = text_path(path), depth_of(row)
        return "" if depth is None or len(codes) < depth else path_text(codes[:depth])

    return grid


def _query(drawn: Drawing, scope: Scope, wanted: Wanted, period: Period, stream: str) -> Select[Any]:
    """The rows that a period can count: what was reported or due before its end."""
    columns = [*(_c[name] for name in _FACTS), *(_c[name] for name in (*COLUMNS, *PLAIN[1:]))]
    elsewhere = conditions(replace(wanted, under=()))
    query = select(*columns).where(_c.stream == stream, in_claims(scope, stream), *elsewhere)
    if wanted.under:
        query = query.where(drawn.condition(wanted.under))
    if period.end is None:
        return query
    end = to_micros(period.end)
    return query.where(or_(_c.reported_at < end, _c.due_at < end))


class _Count:
    """Tallies by group; some thousands of rows are in memory at a time."""

    def __init__(
        self,
        drawn: Drawing,
        grouping: Grouping,
        by_grid: bool,
        under: tuple[str, ...],
        period: Period,
        now: datetime,
    ) -> None:
        self._drawn, self._grouping, self._period, self._now = drawn, grouping, period, now
        self._under = path_text(under)
        self._where_matters = by_grid or bool(under)
        self.located_again = 0

    def all_of(self, connection: Connection, query: Select[Any]) -> dict[str, Tally]:
        """The tallies of what a query finds."""
        found: dict[str, Tally] = {}
        for part in connection.execute(query.execution_options(yield_per=5000)).partitions():
            groups: dict[str, list[IncidentFacts]] = {}
            for row, (path, again) in zip(part, self._placed(part), strict=True):
                if not path.startswith(self._under):
                    continue
                facts = _facts(row)
                self.located_again += again and is_counted(facts, self._period)
                groups.setdefault(self._grouping(row, path), []).append(facts)
            for key, several in groups.items():
                found[key] = found.get(key, Tally()) + count(several, self._period, self._now)
        return found

    def _placed(self, rows: Sequence[Row[Any]]) -> Sequence[Placed]:
        return self._drawn.placed(rows) if self._where_matters else [("", False)] * len(rows)


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


def _groups(drawn: Drawing, in_force: InForce, by: str, tallies: Mapping[str, Tally]) -> tuple[Group, ...]:
    ordered = sorted(tallies.items(), key=_order)
    if by in PLAIN:
        return tuple(_plain(in_force, by, key, tally) for key, tally in ordered)
    names = drawn.names([key for key in tallies if key])
    return tuple(_grid(key, names, tally) for key, tally in ordered)


def _plain(in_force: InForce, by: str, key: str, tally: Tally) -> Group:
    if by == "department":
        known = in_force.rules.routing.departments.get(key)
        return Group(key, None, known.name_zh if known else key, known.name_en if known else key, tally)
    if by == "category":
        name = in_force.rules.categories.get(key) if key in in_force.rules.categories else None
        return Group(key, None, name.name_zh if name else key, name.name_en if name else key, tally)
    return Group(key, None, key, key, tally)


def _grid(key: str, names: Mapping[str, str], tally: Tally) -> Group:
    if not key:
        return Group(None, None, UNPLACED["name_zh"], UNPLACED["name_en"], tally)
    path = text_path(key)
    name = names.get(key, path[-1])
    return Group("/".join(path), path, name, name, tally)


def to_dict(found: Closure) -> dict[str, Any]:
    """Figures as the outside is shown them."""
    return {
        "by": found.by,
        "period": {"from": found.period.start, "to": found.period.end},
        "groups": [_shown(group) for group in found.groups],
        "total": _shown(found.total),
        "definitions": [asdict(definition) for definition in DEFINITIONS.values()],
        "edition": AS_RECORDED if found.edition is None else found.edition,
        "edition_name": found.edition_name,
        "located_again": found.located_again,
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


#: The counts that a table shows before its figures, and those that came later: columns keep their places.
_BEFORE: Final = ("reported", "open", "closed", "rejected", "cancelled")
_AFTER: Final = ("joined", "self_handled", "suspended", "due_exempt")


def to_table(found: Closure) -> list[list[str]]:
    """Figures as rows of text for a spreadsheet, headings first, the total last."""
    head = ["key", "name_zh", "name_en", *_BEFORE]
    for definition in DEFINITIONS:
        head += [f"{definition}_numerator", f"{definition}_denominator", f"{definition}_percent"]
    return [[*head, *_AFTER], *(_line(group) for group in (*found.groups, found.total))]


def _line(group: Group) -> list[str]:
    line = [group.key or "", group.name_zh, group.name_en, *_counts(group, _BEFORE)]
    for figure in group.figures:
        line += [str(figure.numerator), str(figure.denominator), figure.percent()]
    return line + _counts(group, _AFTER)


def _counts(group: Group, names: Sequence[str]) -> list[str]:
    return [str(getattr(group.tally, name)) for name in names]
