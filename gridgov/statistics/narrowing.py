"""What a question is narrowed down to, as conditions on rows; a misspelt word is refused, not counted."""

from __future__ import annotations

from typing import Any, Final

import duckdb

from dispatch.errors import UnknownCategory, UnknownDepartment
from dispatch.rules import Rules
from gridgov.errors import BadInput
from gridgov.statistics.drawings import Drawings
from gridgov.statistics.grouping import narrowed_by_kind
from gridgov.statistics.question import Narrowed, Reach
from gridgov.statistics.rows import COLUMNS, Asked, columns_equal, execute, lies_in_specialised, within
from gridgov.statistics.spelling import nearest

#: At most so many words are told of those that are known.
_MOST: Final = 20


def covered(asked: Asked, reach: tuple[Reach, ...]) -> Asked:
    """Only what one of these claims covers."""
    where, values = within(reach)
    return asked if where == "true" else asked.narrowed(where, **values)


def narrowed(
    db: duckdb.DuckDBPyConnection, asked: Asked, only: Narrowed, rules: Rules, drawings: Drawings
) -> Asked:
    """Only what is of all that is asked for, but for the grid. ``asked`` is what the one who asks may see.

    Raises UnknownDepartment and UnknownCategory, with those nearest in spelling, for what neither the rules
    in force nor any incident knows: history may stand in categories and with departments of its own; BadInput
    for other words that nothing knows.
    """
    settled = _settled(db, asked, only, rules)
    where, values = columns_equal(settled)
    asked = narrowed_by_kind(asked.narrowed(*where, **values), settled)
    if settled.specialised is not None:
        _require_specialised(drawings, *settled.specialised)
        lies, values = lies_in_specialised(*settled.specialised)
        asked = asked.narrowed(lies, **values)
    return asked


def _settled(db: duckdb.DuckDBPyConnection, asked: Asked, only: Narrowed, rules: Rules) -> Narrowed:
    department, category = only.department, only.category
    if department is not None and department not in rules.routing.departments:
        told = _unless_there(db, asked, "department", department)
        if told is not None:
            raise UnknownDepartment(department, nearest(department, {*told, *rules.routing.departments}))
    if category is not None and category in rules.categories:
        only = only.model_copy(update={"category": rules.categories.get(category).key})
    elif category is not None:
        told = _unless_there(db, asked, "category", category)
        if told is not None:
            raise UnknownCategory(category, nearest(category, {*told, *(c.key for c in rules.categories)}))
    for name in ("crew", "channel", "urgency", "inspector"):
        _require_there(db, asked, name, getattr(only, name))
    _require_among("class", only.class_, rules.categories.classes)
    _require_among("field", only.field, rules.fields)
    return only


def _require_there(db: duckdb.DuckDBPyConnection, asked: Asked, name: str, value: str | None) -> None:
    if value is None or (name == "urgency" and value in _URGENCIES):
        return
    told = _unless_there(db, asked, name, value)
    if told is not None:
        _refuse(name, value, told)


#: Urgencies are the same everywhere: one that nothing has yet is no misspelling.
_URGENCIES: Final = frozenset({"ordinary", "urgent", "critical"})


def _require_among(name: str, value: str | None, known: Any) -> None:
    if value is not None and value not in known:
        _refuse(name, value, set(known))


def _refuse(name: str, value: str, known: set[str]) -> None:
    near = nearest(value, known)
    some = ", ".join(near or sorted(known)[:_MOST]) or "nothing"
    hint = f"did you mean {some}?" if near else f"there is {some}"
    raise BadInput(f"no incident has the {name} {value!r}; {hint}", **{name: value, "near": near})


def _require_specialised(drawings: Drawings, layer: str, code: str) -> None:
    layers = drawings.layers()
    if layer not in layers:
        _refuse("layer of specialised grids", layer, set(layers))
    names = drawings.specialised_names(layer)
    if code not in names:
        _refuse(f"specialised grid of {layer}", code, set(names))


def _unless_there(db: duckdb.DuckDBPyConnection, asked: Asked, name: str, value: str) -> set[str] | None:
    """None where some incident has the value; else all values that there are. Whatever ever stood there is
    known: of the past, too, a question may be asked.
    """
    column = COLUMNS[name]
    there = asked.narrowed(f"{column} = $wanted", wanted=value)
    if execute(db, f"SELECT 1 {there.rows()} LIMIT 1", there.values).fetchone() is not None:
        return None
    found = execute(db, f"SELECT DISTINCT {column} {asked.rows()}", asked.values).fetchall()
    return {value for (value,) in found if value is not None}
