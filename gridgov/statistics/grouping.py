"""By what figures are grouped, and which grids are meant: the SQL of each word."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import duckdb

from dispatch.rules import Rules
from gridgov.errors import BadInput
from gridgov.statistics.codes import coded
from gridgov.statistics.drawings import Drawings, Drawn
from gridgov.statistics.question import PLAIN, Narrowed
from gridgov.statistics.rows import COLUMNS, INSPECTOR, Asked, below, execute, made
from gridgov.storage.tables import path_text

#: Periods that figures can be grouped by; see `trends`.
TREND: Final = ("day", "week", "month", "quarter", "year")
#: What of a row is looked up by its category.
BY_CATEGORY: Final = ("class", "field")

_KINDS: Final = f"LEFT JOIN kind ON kind.told = {coded('f.category')}"
#: Of what is worked out row by row, the number of the column that it is worked out of.
_CODES: Final = {"inspector": f"CASE WHEN {INSPECTOR} IS NOT NULL THEN {coded('reporter')} END"}
#: A number for each of the texts of a column, the same for the same.
_NUMBERED: Final = "CASE WHEN {0} IS NOT NULL THEN dense_rank() OVER (ORDER BY {0})::INTEGER END"
_ELEMENT: Final = "list_filter(from_json({0}, '[\"VARCHAR\"]'), lambda x: starts_with(x, {1}))[1]"


def kinds(db: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """The table ``kind``: of every name of a category its class and field, NULL where it is in none, and
    numbers for all three.
    """
    rows = [
        (name, category.class_key or None, field_of(rules, name))
        for category in rules.categories
        for name in (category.key, *category.aliases)
    ]
    made(db, "named_kind", {"named": "VARCHAR", "class": "VARCHAR", "field": "VARCHAR"}, rows)
    numbers = ", ".join(f"{_NUMBERED.format(name)} AS {name}_code" for name in BY_CATEGORY)
    _unique(db, "kind", f"SELECT {coded('named')} AS told, *, {numbers} FROM named_kind")


def _unique(db: duckdb.DuckDBPyConnection, name: str, query: str) -> None:
    """A table of one's own to join, by its column ``told``; fails where that is not one row's own."""
    db.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")
    db.execute(f"CREATE UNIQUE INDEX {name}_told ON {name} (told)")


def field_of(rules: Rules, name: str) -> str | None:
    """The field of a category, by its key or alias: the first in the city's file that names the category
    itself, or else its class. So each incident is in one field at most, and they add up.
    """
    category = rules.categories.get(name)
    own = {category.key, *category.aliases}
    for key, field in rules.fields.items():
        if not own.isdisjoint(field.categories):
            return key
    return next((key for key, f in rules.fields.items() if category.class_key in f.classes), None)


def is_level(by: str, drawn: Drawn) -> bool:
    """Does a word mean a level of the grids?"""
    return by not in PLAIN and by in drawn.levels


def require_by(by: str, drawn: Drawn, drawings: Drawings) -> None:
    """Raises BadInput where figures cannot be grouped by it."""
    if by in PLAIN or by in drawn.levels or by in (layers := drawings.layers()):
        return
    known = ", ".join([*PLAIN, *drawn.levels, *sorted(layers)])
    raise BadInput(f"figures can be grouped by {known}; not by {by!r}", by=by)


def grouped(db: duckdb.DuckDBPyConnection, asked: Asked, by: str, drawn: Drawn, column: str) -> Asked:
    """The same, grouped by a word; a trend is grouped by itself. ``column`` has the numbers of the grids."""
    if by == "none" or by in TREND:
        return asked
    if by in COLUMNS:
        return asked.by(COLUMNS[by], code=_CODES.get(by) or coded(COLUMNS[by]))
    if by in BY_CATEGORY:
        pairs = f"SELECT DISTINCT {by}_code, {by} FROM kind"
        return asked.by(f"kind.{by}", _KINDS, f"kind.{by}_code", pairs)
    if by in drawn.levels:
        _place(db, by, drawn)
        join = f"LEFT JOIN place ON place.number = {column}"
        return asked.by("place.named", join, "place.code", "SELECT DISTINCT code, named FROM place")
    _lying(db, by, asked)
    join = f"LEFT JOIN lying ON lying.told = {coded('f.specialised')}"
    return asked.by("lying.named", join, "lying.code", "SELECT DISTINCT code, named FROM lying")


def _place(db: duckdb.DuckDBPyConnection, level: str, drawn: Drawn) -> None:
    """The table ``place``: of every grid of the drawing the one of a level that it lies in."""
    depths = [(edition, depths[level]) for edition, depths in drawn.depths.items() if level in depths]
    made(db, "level", {"of": "INTEGER", "deep": "INTEGER"}, depths)
    db.execute(
        "CREATE OR REPLACE TEMP TABLE place AS"
        " SELECT ancestor.id AS number, ancestor.path_text[:-2] AS named,"
        f" {_NUMBERED.format('ancestor.path_text')} AS code FROM ancestor JOIN grid ON grid.id = ancestor.id"
        " JOIN level ON level.of = grid.drawing AND level.deep = ancestor.depth"
    )


def _lying(db: duckdb.DuckDBPyConnection, layer: str, asked: Asked) -> None:
    """The table ``lying``: of all lists of specialised grids that rows have, the one of a layer in each."""
    values = {**asked.values, "begins": f"{layer}/", "from": len(layer) + 2}
    element = _ELEMENT.format("told", "$begins")
    execute(
        db,
        f"CREATE OR REPLACE TEMP TABLE named_lying AS SELECT told, {element}[$from:] AS named FROM"
        f" (SELECT specialised AS told {asked.rows()} GROUP BY told)",
        values,
    )
    _unique(
        db,
        "lying",
        f"SELECT {coded('told')} AS told, named, {_NUMBERED.format('named')} AS code FROM named_lying",
    )


def narrowed_by_kind(asked: Asked, only: Narrowed) -> Asked:
    """Only incidents whose category is of the class and field asked for."""
    for name, value in (("class", only.class_), ("field", only.field)):
        if value is not None:
            of = f"f.category IN (SELECT named FROM kind WHERE kind.{name} = ${name})"
            asked = asked.narrowed(of, **{name: value})
    return asked


def narrowed_to_grid(asked: Asked, under: tuple[str, ...], column: str) -> Asked:
    """Only what counts in a grid or below it."""
    return asked.narrowed(below("$under", column), under=path_text(under))


def located_again(asked: Asked, edition: int, column: str) -> Asked:
    """Count too how many rows were located again to know where they count in an edition."""
    if column == "grid":
        return asked
    return replace(asked, again=f"(edition IS DISTINCT FROM {edition:d} AND lon IS NOT NULL)")
